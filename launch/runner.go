package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync/atomic"
	"time"

	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/trace"
	"github.com/InterCooperative-Network/icn-core/wasm"
)

// jobs runs the federation's jobs: it brings module and inputs from the block
// store (which fetches what is missing) into the sandbox.
type jobs struct {
	sandbox *wasm.Runner
	blocks  *dag.DAG
	node    *node.Node // set before the first job
	tracer  *trace.Tracer
	closing atomic.Bool // takes no new jobs
}

// capable says whether new jobs are taken.
func (j *jobs) capable(icn.JobSpec) bool { return !j.closing.Load() }

// run implements node.Runner. A run that ends because the node does is begun anew
// later: only then it is traced.
func (j *jobs) run(ctx context.Context, r node.Run) (node.Output, error) {
	span := j.span(r)
	out, err := j.perform(ctx, r, span)
	if !j.closing.Load() || ctx.Err() == nil {
		span.End(out.Receipt, err)
	}
	return out, err
}

// span follows a run.
func (j *jobs) span(r node.Run) *trace.Run {
	if r.Audit {
		return j.tracer.Audit(r.ID, r.Job.Via)
	}
	return j.tracer.Run(r.ID, r.Attempt, r.Job.Via)
}

func (j *jobs) perform(ctx context.Context, r node.Run, span *trace.Run) (node.Output, error) {
	if j.closing.Load() {
		return node.Output{}, fmt.Errorf("%w: this node is stopping", node.ErrNotRun)
	}
	here := span.Input()
	stdin, err := j.stdin(ctx, r.Job.Spec)
	here(err)
	if err != nil {
		return node.Output{}, fmt.Errorf("%w: inputs: %w", node.ErrNotRun, err)
	}
	defer stdin.Close()
	spec, began := r.Job.Spec, time.Now()
	if spec.Kind == icn.JobEcho {
		return echo(spec, stdin)
	}
	program := wasm.Program{CID: spec.Module, Load: func(ctx context.Context) ([]byte, error) { return j.module(ctx, spec.Module, span) }}
	input := wasm.Input{
		Args: append([]string{"program"}, spec.Args...), Env: spec.Env, Stdin: stdin,
		Watch: wasm.Watch{Output: r.Watch.Output, Log: r.Watch.Log, Progress: r.Watch.Progress},
		Now:   r.Job.PostedAt, Seed: [32]byte(r.ID.Hash()[2:]), // a multihash: two bytes of head, then the digest
	}
	if input.Host, err = j.host(ctx, r); err != nil {
		return node.Output{}, fmt.Errorf("%w: %w", node.ErrNotRun, err)
	}
	span.Enter()
	res, err := j.sandbox.Run(ctx, program, input, limits(spec.Limits))
	span.Leave()
	switch {
	case err != nil && ctx.Err() != nil:
		return node.Output{}, err
	case errors.Is(err, wasm.ErrHost):
		return node.Output{}, j.unanswered(err)
	case wasm.IsTooBig(err):
		res.Fault, res.Message = icn.FaultMemory, err.Error()
	case errors.Is(err, icn.ErrInvalid):
		res.Fault, res.Message = icn.FaultModule, err.Error()
	case err != nil:
		return node.Output{}, fmt.Errorf("%w: %w", node.ErrNotRun, err)
	}
	out := icn.Outcome{Fault: res.Fault, ExitCode: res.ExitCode, Gas: res.Gas, Spent: res.Spent}
	if out.Submits, err = submitted(res.Submits); err == nil {
		err = j.store(ctx, res.Puts)
	}
	if err != nil {
		return node.Output{}, err
	}
	return node.Output{Stdout: res.Stdout, Stderr: res.Stderr, Outputs: named(res.Outputs), Transcript: res.Transcript, Receipt: icn.JobReceipt{
		Outcome: out, Message: clip(res.Message),
		Millis: uint64(time.Since(began).Milliseconds()), ABI: wasm.ABI,
		MemDenied: uint32(min(res.MemoryDenied, math.MaxUint32)), TblDenied: uint32(min(res.TableDenied, math.MaxUint32)),
	}}, nil
}

// unanswered is what becomes of a run whose program this node could not answer, or
// feed. What is missing, or behind a link that is gone, another node may have: that
// is no failure of this one's. Anything else is.
func (j *jobs) unanswered(err error) error {
	if errors.Is(err, icn.ErrNotFound) || errors.Is(err, icn.ErrUnavailable) {
		return fmt.Errorf("%w to its end: %w", node.ErrNotRun, err)
	}
	return err
}

// echo runs nothing: it says the input again.
func echo(spec icn.JobSpec, in *inputs) (node.Output, error) {
	const before = "Echo: "
	b, err := io.ReadAll(io.LimitReader(in, int64(spec.Limits.OutputBytes)))
	if err != nil {
		return node.Output{}, fmt.Errorf("inputs: %w", err)
	}
	out := node.Output{Receipt: icn.JobReceipt{ABI: wasm.ABI}}
	if uint64(len(before)+len(b)) > spec.Limits.OutputBytes {
		out.Receipt.Outcome.Fault, out.Receipt.Message = icn.FaultOutput, fmt.Sprintf("it is longer than %d bytes", spec.Limits.OutputBytes)
		return out, nil
	}
	out.Stdout = append([]byte(before), b...)
	return out, nil
}

// clip shortens a message for the log, which holds UTF-8 only.
func clip(s string) string { return icn.Fit(s, 1000) }

// limits are a job's, as the sandbox takes them; what a job cannot choose is the
// same for all.
func limits(l icn.JobLimits) wasm.Limits {
	d := wasm.DefaultLimits()
	return wasm.Limits{
		Gas: l.Gas, MemoryBytes: l.MemoryBytes, TableElements: l.TableElements, OutputBytes: l.OutputBytes,
		Wall: time.Duration(l.WallMillis) * time.Millisecond, CallDepth: d.CallDepth, ModuleBytes: d.ModuleBytes,
	}
}

// module reads a program's bytes. It runs from then on.
func (j *jobs) module(ctx context.Context, c icn.CID, span *trace.Run) ([]byte, error) {
	here := span.Program()
	b, err := j.read(ctx, c)
	here(err)
	span.Enter()
	return b, err
}

func (j *jobs) read(ctx context.Context, c icn.CID) ([]byte, error) {
	r, err := j.blocks.Read(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("module: %w", err)
	}
	defer r.Close()
	most := int64(wasm.DefaultLimits().ModuleBytes)
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, fmt.Errorf("module: %w", err)
	}
	if int64(len(b)) > most {
		return nil, fmt.Errorf("module %s: %w: over %d bytes", c, icn.ErrInvalid, most)
	}
	return b, nil
}

// inputs are the files of a job, one after the other.
type inputs struct {
	ctx   context.Context
	dag   *dag.DAG
	begin []byte // what comes before the files
	rest  []icn.CID
	open  io.ReadCloser
	small map[icn.CID][]byte
	err   error // why a read failed, other than at the end
}

// stdin fetches all blocks of the inputs, so that a missing one is found before
// the program runs, and returns the inputs joined in order. Blocks that are files
// by themselves are kept; larger trees are read again from the store.
func (j *jobs) stdin(ctx context.Context, spec icn.JobSpec) (*inputs, error) {
	in := &inputs{ctx: ctx, dag: j.blocks, begin: spec.Inline, rest: spec.Inputs, small: map[icn.CID][]byte{}}
	for _, c := range spec.Inputs {
		if c.Prefix().Codec == icn.Raw {
			b, err := j.blocks.Get(ctx, c)
			if err != nil {
				return nil, err
			}
			in.small[c] = b.Data
			continue
		}
		if err := j.blocks.Walk(ctx, c, func(icn.Block) (bool, error) { return true, nil }); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// Read implements io.Reader.
func (in *inputs) Read(p []byte) (int, error) {
	if len(in.begin) > 0 {
		n := copy(p, in.begin)
		in.begin = in.begin[n:]
		return n, nil
	}
	for {
		if in.err != nil {
			return 0, in.err
		}
		if in.open == nil {
			if len(in.rest) == 0 {
				return 0, io.EOF
			}
			if in.open, in.err = in.next(in.rest[0]); in.err != nil {
				return 0, in.err
			}
			in.rest = in.rest[1:]
		}
		n, err := in.open.Read(p)
		if errors.Is(err, io.EOF) {
			err = in.open.Close()
			in.open = nil
		}
		if in.err = err; n > 0 || err != nil {
			return n, err
		}
	}
}

func (in *inputs) next(c icn.CID) (io.ReadCloser, error) {
	if b, ok := in.small[c]; ok {
		return io.NopCloser(bytes.NewReader(b)), nil
	}
	return in.dag.Read(in.ctx, c)
}

// Close ends reading.
func (in *inputs) Close() {
	if in.open != nil {
		_ = in.open.Close() // only read from
	}
}

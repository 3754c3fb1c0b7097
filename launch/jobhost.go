package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/wasm"
)

// saveEvery is how often a program's checkpoints are told to the federation.
const saveEvery = time.Second

// maxKept bounds a checkpoint that is read back.
const maxKept = 8 << 20

// host is what a job's program can ask of this node, in its submitter's name.
func (j *jobs) host(ctx context.Context, r node.Run) (h wasm.Host, err error) {
	spec := r.Job.Spec
	h = wasm.Host{Caller: r.Job.Submitter.String(), Job: r.ID.String(), Grants: spec.Grants, Outputs: spec.Outputs, Verify: key.Verify, Block: j.block,
		Ask: j.asking(r.Job.Given),
		Submit: func(b []byte) (uint64, error) {
			x, err := readSubmit(b)
			return x.Budget + x.Spec.Grants.Submit + x.Spec.Grants.Spend, err
		},
	}
	if h.Resume, err = j.kept(ctx, r.Job.Began); err != nil {
		return h, fmt.Errorf("checkpoint: %w", err)
	}
	if r.Attempt == 0 { // it is run again: nothing new comes of it
		return h, nil
	}
	var last time.Time
	h.Save = func(state []byte) error {
		if time.Since(last) < saveEvery {
			return nil
		}
		a, err := j.blocks.Add(ctx, bytes.NewReader(state))
		if err == nil {
			last = time.Now()
			r.Watch.Saved(a.CID)
		}
		return err
	}
	return h, nil
}

// kept reads a file that a run left earlier; nothing if there is no name.
func (j *jobs) kept(ctx context.Context, c icn.CID) ([]byte, error) {
	if !c.Defined() {
		return nil, nil
	}
	r, err := j.blocks.Read(ctx, c)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxKept+1))
	if err == nil && len(b) > maxKept {
		err = fmt.Errorf("%s: %w: over %d bytes", c, icn.ErrInvalid, maxKept)
	}
	return b, err
}

// block reads a block for a program.
func (j *jobs) block(ctx context.Context, c icn.CID) ([]byte, error) {
	b, err := j.blocks.Get(ctx, c)
	return b.Data, err
}

// asking answers a program's questions about accounts, as of the entry that gave
// the job to its executor: there every node finds the same.
func (j *jobs) asking(given uint64) func(context.Context, wasm.Question, icn.DID) (uint64, bool, error) {
	return func(ctx context.Context, about wasm.Question, who icn.DID) (uint64, bool, error) {
		p, err := j.node.Past(ctx, who, given)
		switch about {
		case wasm.AskMana:
			return p.Balance, p.Known, err
		case wasm.AskReputation:
			return p.Reputation / 1000, true, err
		}
		return 0, false, errors.Join(err, fmt.Errorf("question %q: %w: nobody knows such a thing", about, icn.ErrInvalid))
	}
}

// readSubmit reads a job that a program posts: the JSON of POST /mesh/submit.
func readSubmit(b []byte) (icn.Submitted, error) {
	var s wire.Submit
	if err := wire.UnmarshalStrict(b, &s); err != nil {
		return icn.Submitted{}, fmt.Errorf("job: %w: %v", icn.ErrInvalid, err)
	}
	spec, budget, err := s.Job()
	if err != nil {
		return icn.Submitted{}, fmt.Errorf("job: %w: %v", icn.ErrInvalid, err)
	}
	return icn.Submitted{Budget: budget, Spec: spec}, nil
}

func submitted(jobs [][]byte) ([]icn.Submitted, error) {
	var out []icn.Submitted
	for _, b := range jobs {
		x, err := readSubmit(b)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

func named(in []wasm.Named) []node.NamedData {
	var out []node.NamedData
	for _, x := range in {
		out = append(out, node.NamedData{Name: x.Name, Data: x.Data})
	}
	return out
}

// store keeps the blocks that a program put.
func (j *jobs) store(ctx context.Context, blocks [][]byte) error {
	for _, b := range blocks {
		if err := j.blocks.Put(ctx, icn.NewBlock(icn.Raw, b)); err != nil {
			return fmt.Errorf("store a block of the program's: %w", err)
		}
	}
	return nil
}

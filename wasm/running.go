package wasm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Result is what a run left. A fault is the program's own doing.
type Result struct {
	Stdout, Stderr []byte
	Fault          icn.Fault
	Message        string // the fault in words
	ExitCode       uint32
	Gas            uint64   // used; all of it when that is the fault
	Outputs        []Named  // in the order of their names
	Submits        [][]byte // jobs that it posts
	Spent          uint64   // capacity that it burns
	Puts           [][]byte // blocks that it stores
	Transcript     []byte   // what it asked the world, and was told; nil: nothing
	MemoryDenied   uint64   // refused growths of memory
	TableDenied    uint64   // refused growths of tables
}

// quantum is how much gas is granted at a time: a few milliseconds of work, after
// which cancellation and the wall clock are looked at.
const quantum = 5_000_000

// running is one run.
type running struct {
	ctx      context.Context
	lim      Limits
	deadline time.Time
	out, log stream
	host     hosting
	entry    string

	mod     api.Module
	gas     api.MutableGlobal // what is left of granted; may be below zero
	granted uint64
	fault   icn.Fault // why it was stopped
	refused string    // and by what refusal
	err     error     // why it was stopped, if the program has no part in it
}

type runningKey struct{}

func newRunning(ctx context.Context, lim Limits) *running {
	r := &running{ctx: ctx, lim: lim, deadline: time.Now().Add(lim.Wall)}
	r.out = stream{run: r, max: lim.OutputBytes, over: icn.FaultOutput}
	r.log = stream{run: r, max: maxLog}
	return r
}

// enter sets the limits of a new instance, of which nothing has run yet.
func (r *running) enter(mod api.Module, n needs) {
	set := func(name string, v uint64) { mod.ExportedGlobal(name).(api.MutableGlobal).Set(v) }
	r.entry = n.entry
	r.mod, r.gas = mod, mod.ExportedGlobal(exportGas).(api.MutableGlobal)
	set(exportDepth, uint64(r.lim.CallDepth))
	set(exportPages, uint64(r.lim.pages()))
	set(exportElements, r.lim.TableElements-n.elements)
}

// start calls the program's start function and its entry.
func (r *running) start(ctx context.Context) error {
	if err := r.ctx.Err(); err != nil {
		r.err = r.canceled()
		return err
	}
	for _, name := range []string{exportStart, r.entry} {
		f := r.mod.ExportedFunction(name)
		if f == nil {
			continue
		}
		got, err := f.Call(ctx)
		if err != nil {
			return err
		}
		if name == runName && len(got) == 1 && len(r.out.kept) == 0 {
			r.out.kept = binary.LittleEndian.AppendUint64(nil, got[0])
		}
	}
	return nil
}

// more is called by the guest when its granted gas is used up, or its calls are
// nested too deep.
func more(ctx context.Context, _ api.Module, stack []uint64) {
	r := ctx.Value(runningKey{}).(*running)
	if api.DecodeU32(stack[0]) == callDepth { // the upper half of the word may hold anything
		r.stop(icn.FaultDepth)
	}
	have := int64(r.gas.Get())
	for have < 0 {
		grant := min(quantum, r.lim.Gas-r.granted)
		if grant == 0 {
			r.stop(icn.FaultGas)
		}
		have += int64(grant)
		r.granted += grant
	}
	r.gas.Set(uint64(have))
	if r.ctx.Err() != nil {
		r.fail(r.canceled())
	}
	if time.Now().After(r.deadline) {
		r.stop(icn.FaultWall)
	}
}

// charge takes the price of n bytes that passed the border; the guest's next
// check sees it.
func (r *running) charge(n int) { r.gas.Set(uint64(int64(r.gas.Get()) - int64(n)*costHostByte)) }

// errStop ends a guest from inside a host call.
var errStop = errors.New("stopped")

func (r *running) stop(f icn.Fault) {
	r.fault = f
	panic(errStop)
}

// refuse stops a guest that cannot be told no.
func (r *running) refuse(why string) {
	r.refused = why
	r.stop(icn.FaultRefused)
}

func (r *running) fail(err error) {
	r.err = err
	panic(errStop)
}

func (r *running) canceled() error {
	return fmt.Errorf("run: %w: %w", icn.ErrUnavailable, context.Cause(r.ctx))
}

// conclude puts into words how a run ended.
func (r *running) conclude(err error) (Result, error) {
	res := Result{Stdout: r.out.kept, Stderr: r.log.kept, Gas: r.used(), Transcript: r.host.asked.bytes()}
	if r.mod != nil {
		res.MemoryDenied = r.mod.ExportedGlobal(exportMemory).Get()
		res.TableDenied = r.mod.ExportedGlobal(exportTable).Get()
	}
	if r.err != nil {
		return res, r.err
	}
	var exit *sys.ExitError
	switch {
	case r.fault != icn.FaultNone:
		res.Fault, res.Message = r.fault, r.stopText()
	case err == nil:
	case errors.As(err, &exit):
		if res.ExitCode = exit.ExitCode(); res.ExitCode != 0 {
			res.Fault, res.Message = icn.FaultExit, fmt.Sprintf("exit code %d", res.ExitCode)
		}
	case strings.Contains(err.Error(), "stack overflow"):
		return res, fmt.Errorf("run: %w: its calls nest deeper than this engine can follow", icn.ErrUnavailable)
	default:
		res.Fault, res.Message = icn.FaultTrap, firstLine(err.Error())
	}
	if (res.Fault == icn.FaultTrap || res.Fault == icn.FaultExit) && res.MemoryDenied > 0 {
		res.Fault, res.Message = icn.FaultMemory, "it asked for more memory than the job allows, and then failed: "+res.Message
	}
	if res.Gas > r.lim.Gas || res.Fault == icn.FaultGas { // the last steps of a run may overdraw before a check
		res.Gas = r.lim.Gas
		res.Fault, res.ExitCode, res.Message = icn.FaultGas, 0, fmt.Sprintf("its gas (%d) is used up", r.lim.Gas)
	}
	if missing := len(r.host.Outputs) - len(r.host.outputs); res.Fault == icn.FaultNone && missing > 0 {
		res.Fault, res.Message = icn.FaultOutput, fmt.Sprintf("it left %d of %d named outputs", len(r.host.outputs), len(r.host.Outputs))
	}
	if res.Fault == icn.FaultNone { // a failed run changes nothing
		res.Outputs, res.Submits, res.Spent, res.Puts = r.host.outputs, r.host.submits, r.host.spent, r.host.puts
	}
	return res, nil
}

func (r *running) used() uint64 {
	if r.gas == nil {
		return 0
	}
	return uint64(int64(r.granted) - int64(r.gas.Get()))
}

func (r *running) stopText() string {
	switch r.fault {
	case icn.FaultWall:
		return fmt.Sprintf("it took longer than %v", r.lim.Wall)
	case icn.FaultDepth:
		return fmt.Sprintf("its calls are nested deeper than %d", r.lim.CallDepth)
	case icn.FaultOutput:
		return fmt.Sprintf("it wrote more than %d bytes", r.lim.OutputBytes)
	case icn.FaultRefused:
		return r.refused
	}
	return string(r.fault)
}

// firstLine is what is worth telling of an engine's message.
func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.ToValidUTF8(s[:min(len(s), 300)], "")
}

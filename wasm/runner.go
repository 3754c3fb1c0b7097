// Package wasm runs programs for others: WASI preview 1 on wazero, in a sandbox
// without files, network, clock or chance, metered to the instruction.
//
// The invariant: what a program does, what it costs and how it fails depends on
// its bytes, its input and its limits alone, on every machine and on both of
// wazero's engines (wall clock excepted, which only ends it).
//
// It fetches nothing and knows no jobs.
//
//	r, err := wasm.NewRunner(wasm.Config{CacheDir: dir})
//	res, err := r.Run(ctx, wasm.Program{CID: c, Load: load}, wasm.Input{Stdin: in}, wasm.DefaultLimits())
package wasm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// ABI is the version of what a program meets here. It changes whenever a program
// could tell.
const ABI = 1

// Config of a Runner.
type Config struct {
	CacheDir    string // compiled programs; "" keeps them in memory only
	Interpreter bool   // slow, and everywhere the same: to check the compiler
	Programs    int    // compiled programs kept ready; 0 = 64
}

// Limits bound one run.
type Limits struct {
	Gas           uint64
	MemoryBytes   uint64
	TableElements uint64
	OutputBytes   uint64
	CallDepth     uint32
	Wall          time.Duration
	ModuleBytes   uint64
}

// DefaultLimits suit small programs.
func DefaultLimits() Limits {
	return Limits{Gas: 20_000_000_000, MemoryBytes: 256 << 20, TableElements: 100_000, OutputBytes: 16 << 20,
		CallDepth: 20_000, Wall: 30 * time.Second, ModuleBytes: 64 << 20}
}

// Program is a module by name. Load is asked for its bytes only when it is not
// compiled yet.
type Program struct {
	CID  icn.CID
	Load func(context.Context) ([]byte, error)
}

// Input is what a program gets.
type Input struct {
	Args  []string // the first is the program's name
	Env   []string // NAME=value
	Stdin io.Reader
	Now   icn.Time // what its clocks show
	Seed  [32]byte // of its random numbers
}

// Result is what a run left. A fault is the program's own doing.
type Result struct {
	Stdout, Stderr []byte
	Fault          icn.Fault
	Message        string
	ExitCode       uint32
	Gas            uint64
	MemoryDenied   uint64
	TableDenied    uint64
}

// Runner runs programs, any number at a time.
type Runner struct {
	rt      wazero.Runtime
	cache   wazero.CompilationCache
	library library
	offered map[string]bool // functions of WASI
}

// quantum is how much gas is granted at a time: a few milliseconds of work,
// after which cancellation and the wall clock are looked at.
const quantum = 5_000_000

// NewRunner makes a runner.
func NewRunner(cfg Config) (*Runner, error) {
	ctx := context.Background()
	rc := wazero.NewRuntimeConfigCompiler()
	if cfg.Interpreter {
		rc = wazero.NewRuntimeConfigInterpreter()
	}
	rc = rc.WithCoreFeatures(api.CoreFeaturesV2 &^ api.CoreFeatureSIMD).WithDebugInfoEnabled(false)
	r := &Runner{offered: map[string]bool{}}
	if cfg.CacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(cfg.CacheDir)
		if err != nil {
			return nil, fmt.Errorf("compile cache: %w", err)
		}
		r.cache = cache
		rc = rc.WithCompilationCache(cache)
	}
	r.rt = wazero.NewRuntimeWithConfig(ctx, rc)
	_, err := wasi_snapshot_preview1.Instantiate(ctx, r.rt)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox: %w", err), r.Close())
	}
	for name := range r.rt.Module(wasi_snapshot_preview1.ModuleName).ExportedFunctionDefinitions() { // order: a set
		r.offered[name] = true
	}
	_, err = r.rt.NewHostModuleBuilder(meterModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(more), []api.ValueType{api.ValueTypeI32}, nil).Export(meterCall).Instantiate(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox: %w", err), r.Close())
	}
	r.library.init(cfg.Programs)
	return r, nil
}

// Close frees everything; no run may be under way.
func (r *Runner) Close() error {
	ctx := context.Background()
	err := r.rt.Close(ctx)
	if r.cache != nil {
		err = errors.Join(err, r.cache.Close(ctx))
	}
	return err
}

// Check says whether bytes are a program that can run here at all.
func (r *Runner) Check(code []byte, lim Limits) error {
	_, err := r.prepare(code, lim)
	return err
}

// prepare rewrites a module and looks at what it imports.
func (r *Runner) prepare(code []byte, lim Limits) ([]byte, error) {
	if uint64(len(code)) > lim.ModuleBytes {
		return nil, fmt.Errorf("module: %w: %d bytes, at most %d", icn.ErrInvalid, len(code), lim.ModuleBytes)
	}
	m, err := parse(code)
	if err != nil {
		return nil, err
	}
	for _, x := range m.imports {
		if x[0] != wasi_snapshot_preview1.ModuleName || !r.offered[x[1]] {
			return nil, fmt.Errorf("module: %w: it imports %s.%s, which is not offered here (WASI preview 1 is)", icn.ErrInvalid, x[0], x[1])
		}
	}
	pages := min(lim.MemoryBytes/65536, 65536)
	return instrument(code, bounds{pages: uint32(pages), table: uint32(min(lim.TableElements, 1<<24)), depth: lim.CallDepth})
}

// running is one run, as the meter's host function sees it.
type running struct {
	ctx      context.Context
	limit    uint64
	granted  uint64
	deadline time.Time
	stopped  icn.Fault
	canceled bool
}

type runningKey struct{}

// errStop ends a guest from inside a host call.
var errStop = errors.New("stopped")

// more is called by the guest when its granted gas is used up, or its calls are
// nested too deep.
func more(ctx context.Context, mod api.Module, stack []uint64) {
	run := ctx.Value(runningKey{}).(*running)
	if stack[0] == callDepth {
		run.stop(icn.FaultDepth)
	}
	gas := mod.ExportedGlobal(exportGas).(api.MutableGlobal)
	have := int64(gas.Get())
	for have < 0 {
		grant := min(quantum, run.limit-run.granted)
		if grant == 0 {
			run.stop(icn.FaultGas)
		}
		have += int64(grant)
		run.granted += grant
	}
	gas.Set(uint64(have))
	if run.ctx.Err() != nil {
		run.canceled = true
		panic(errStop)
	}
	if !run.deadline.IsZero() && time.Now().After(run.deadline) {
		run.stop(icn.FaultWall)
	}
}

func (r *running) stop(f icn.Fault) {
	r.stopped = f
	panic(errStop)
}

// Run runs a program to its end. An error says that it was not run, or not to
// its end, for reasons of this machine or because ctx ended.
func (r *Runner) Run(ctx context.Context, p Program, in Input, lim Limits) (Result, error) {
	c, err := r.compiled(ctx, p, lim)
	if err != nil {
		return Result{}, err
	}
	defer c.release()
	run := &running{ctx: ctx, limit: lim.Gas}
	if lim.Wall > 0 {
		run.deadline = time.Now().Add(lim.Wall)
	}
	out := &tail{max: lim.OutputBytes, full: func() { run.stop(icn.FaultOutput) }}
	log := &tail{max: maxLog}
	inner := context.WithValue(context.WithoutCancel(ctx), runningKey{}, run)
	mod, err := r.rt.InstantiateModule(inner, c.module, in.config(out, log))
	if mod != nil {
		defer mod.Close(inner)
	}
	if err == nil {
		err = start(inner, mod)
	}
	res := Result{Stdout: out.b, Stderr: log.b}
	run.conclude(&res, mod, err)
	if run.canceled {
		return res, fmt.Errorf("run: %w: %w", icn.ErrUnavailable, context.Cause(ctx))
	}
	return res, nil
}

// maxLog is how much of stderr is kept.
const maxLog = 64 << 10

// start calls the program's entry.
func start(ctx context.Context, mod api.Module) error {
	f := mod.ExportedFunction("_start")
	if f == nil {
		return fmt.Errorf("%w: it exports no _start; build it as a WASI command (GOOS=wasip1, or --target wasm32-wasip1)", errNoStart)
	}
	_, err := f.Call(ctx)
	return err
}

var errNoStart = errors.New("no program")

// conclude puts into words how a run ended.
func (r *running) conclude(res *Result, mod api.Module, err error) {
	res.Gas = r.granted
	if mod != nil {
		if g := mod.ExportedGlobal(exportGas); g != nil {
			if left := int64(g.Get()); left > 0 {
				res.Gas -= uint64(left)
			}
		}
		res.MemoryDenied, res.TableDenied = denied(mod, exportMem), denied(mod, exportTable)
	}
	var exit *sys.ExitError
	switch {
	case r.stopped != icn.FaultNone:
		res.Fault, res.Message = r.stopped, stopText(r.stopped)
		if r.stopped == icn.FaultGas {
			res.Gas = r.limit
		}
	case err == nil:
	case errors.As(err, &exit):
		if res.ExitCode = exit.ExitCode(); res.ExitCode != 0 {
			res.Fault, res.Message = icn.FaultExit, fmt.Sprintf("exit code %d", res.ExitCode)
		}
	case errors.Is(err, errNoStart):
		res.Fault, res.Message = icn.FaultModule, err.Error()
	default:
		res.Fault, res.Message = icn.FaultTrap, firstLine(err.Error())
	}
	if (res.Fault == icn.FaultTrap || res.Fault == icn.FaultExit) && res.MemoryDenied > 0 {
		res.Fault, res.Message = icn.FaultMemory, "it asked for more memory than the job allows, and then failed: "+res.Message
	}
}

func denied(mod api.Module, name string) uint64 {
	if g := mod.ExportedGlobal(name); g != nil {
		return g.Get()
	}
	return 0
}

func stopText(f icn.Fault) string {
	switch f {
	case icn.FaultGas:
		return "its gas is used up"
	case icn.FaultWall:
		return "it took longer than the job allows"
	case icn.FaultDepth:
		return "its calls are nested too deep"
	case icn.FaultOutput:
		return "it wrote more than the job allows"
	}
	return string(f)
}

func firstLine(s string) string {
	for i, c := range s {
		if c == '\n' || i > 300 {
			return s[:i]
		}
	}
	return s
}

// tail keeps what a program writes, up to a bound.
type tail struct {
	b    []byte
	max  uint64
	full func() // nil: what is over the bound is dropped
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	room := t.max - uint64(len(t.b))
	if uint64(len(p)) <= room {
		t.b = append(t.b, p...)
		return len(p), nil
	}
	t.b = append(t.b, p[:room]...)
	if t.full != nil {
		t.full()
	}
	return len(p), nil
}

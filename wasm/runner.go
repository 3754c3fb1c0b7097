// Package wasm runs programs for others: WASI preview 1 on wazero, in a sandbox
// without files, network, clock or chance, metered to the instruction.
//
// The invariant: what a program does, what it costs and how it fails depends on
// its bytes, its input and its limits alone, on every machine and on both of
// wazero's engines (the wall clock excepted, which only ends it).
//
// It fetches nothing and knows no jobs.
//
//	r, err := wasm.NewRunner(wasm.Config{CacheDir: dir})
//	defer r.Close()
//	p := wasm.Program{CID: c, Load: func(context.Context) ([]byte, error) { return os.ReadFile("p.wasm") }}
//	res, err := r.Run(ctx, p, wasm.Input{Args: []string{"p"}, Stdin: in}, wasm.DefaultLimits())
package wasm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// ABI is the version of what a program meets here, prices included. It changes
// whenever a program could tell.
const ABI = 1

// Config of a Runner.
type Config struct {
	CacheDir     string // of compiled programs, which several processes may share; "" keeps them in memory only
	CacheBytes   int64  // and how large it may become; 0: 512 MiB
	Interpreter  bool   // slow, and everywhere the same: to check the compiler
	Programs     int    // compiled programs kept ready; 0: 64
	ProgramBytes uint64 // and their size, before machine code; 0: 256 MiB
}

// Program is a module by name. Load is asked for its bytes, which must be those
// that the CID names, only when it is not compiled yet.
type Program struct {
	CID  icn.CID
	Load func(context.Context) ([]byte, error)
}

// Runner runs programs, any number at a time.
type Runner struct {
	cfg     Config
	rt      wazero.Runtime
	cache   wazero.CompilationCache
	library library
	memory  memories
	slots   chan struct{}  // bounds how many programs are compiled at a time
	work    sync.WaitGroup // compiling under way
}

// NewRunner makes a runner.
func NewRunner(cfg Config) (*Runner, error) {
	ctx := context.Background()
	rc := wazero.NewRuntimeConfigCompiler()
	if cfg.Interpreter {
		rc = wazero.NewRuntimeConfigInterpreter()
	}
	rc = rc.WithCoreFeatures(features).WithDebugInfoEnabled(false)
	cfg.CacheBytes = cmp.Or(cfg.CacheBytes, 512<<20)
	r := &Runner{cfg: cfg, slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))}
	r.library.init(cmp.Or(cfg.Programs, 64), cmp.Or(cfg.ProgramBytes, 256<<20))
	if cfg.CacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(cfg.CacheDir)
		if err != nil {
			return nil, fmt.Errorf("compile cache: %w", err)
		}
		r.cache = cache
		rc = rc.WithCompilationCache(cache)
		if err := r.trimCache(); err != nil {
			return nil, errors.Join(fmt.Errorf("compile cache: %w", err), cache.Close(ctx))
		}
	}
	r.rt = wazero.NewRuntimeWithConfig(ctx, rc)
	_, err := wasi_snapshot_preview1.Instantiate(ctx, r.rt)
	if err == nil {
		_, err = r.rt.NewHostModuleBuilder(meterModule).NewFunctionBuilder().
			WithGoModuleFunction(api.GoModuleFunc(more), []api.ValueType{api.ValueTypeI32}, nil).Export(meterCall).Instantiate(ctx)
	}
	if err == nil {
		err = r.offerHost(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox: %w", err), r.Close())
	}
	return r, nil
}

// offerHost makes the host interface, each form of a call under a name of its own.
func (r *Runner) offerHost(ctx context.Context) error {
	b := r.rt.NewHostModuleBuilder(hostModule)
	for name, forms := range hostFuncs { // order: a set of functions
		for _, f := range forms {
			call := api.GoModuleFunc(func(ctx context.Context, mod api.Module, stack []uint64) {
				f.call(&ctx.Value(runningKey{}).(*running).host, mod, stack)
			})
			b = b.NewFunctionBuilder().WithGoModuleFunction(call, f.params, f.results).Export(f.export(name))
		}
	}
	_, err := b.Instantiate(ctx)
	return err
}

// Close waits for compiling under way and frees everything; no run may be under
// way.
func (r *Runner) Close() error {
	r.work.Wait()
	ctx := context.Background()
	err := r.rt.Close(ctx)
	if r.cache != nil {
		err = errors.Join(err, r.cache.Close(ctx))
	}
	return err
}

// Run runs a program to its end. What the program does wrong is a fault in the
// result. An error says that it was not run, or not to its end: it can never run
// ([icn.ErrInvalid]; see also [IsTooBig]), ctx ended, or this machine failed (if in
// answering the program, [ErrHost]: look for that first).
func (r *Runner) Run(ctx context.Context, p Program, in Input, lim Limits) (Result, error) {
	lim = lim.effective()
	if err := in.check(); err != nil {
		return Result{}, err
	}
	b, err := r.compiled(ctx, p)
	if err != nil {
		return Result{}, err
	}
	defer b.release()
	if err := b.needs.within(lim); err != nil {
		return Result{}, err
	}
	run := newRunning(ctx, lim)
	run.host = hosting{Host: in.Host, run: run, watch: in.Watch, now: int64(in.Now)}
	inner := context.WithValue(context.WithoutCancel(ctx), runningKey{}, run)
	inner = experimental.WithMemoryAllocator(inner, &r.memory)
	mod, err := r.rt.InstantiateModule(inner, b.module, run.surroundings(in))
	if err == nil {
		defer mod.Close(inner)
		run.enter(mod, b.needs)
		err = run.start(inner)
	}
	return run.conclude(err)
}

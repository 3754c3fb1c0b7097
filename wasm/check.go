package wasm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// features are what a program may use: WebAssembly 2.0 without SIMD.
const features = api.CoreFeaturesV2 &^ api.CoreFeatureSIMD

// Check says whether bytes are a program that can run here at all, under whatever
// limits. What it returns wraps [icn.ErrInvalid] and says why not.
func Check(program []byte) error {
	_, _, err := prepare(program)
	return err
}

// IsTooBig says whether a program was refused because it needs more from the
// start than the job's limits allow.
func IsTooBig(err error) bool { return errors.Is(err, errTooBig) }

// prepare checks a program, and rewrites it for metering.
func prepare(program []byte) (metered []byte, n needs, err error) {
	if len(program) > MaxModuleBytes {
		return nil, n, fmt.Errorf("module: %w: %d bytes, at most %d", icn.ErrInvalid, len(program), MaxModuleBytes)
	}
	m, err := parse(program)
	if err != nil {
		return nil, n, err
	}
	if err := m.runnable(); err != nil {
		return nil, n, err
	}
	if metered, err = instrument(m); err != nil {
		return nil, n, err
	}
	if err := validate(assemble(m.sections)); err != nil { // without names and the like, whose counts nobody has checked
		return nil, n, err
	}
	n = needs{bytes: uint64(len(program)), pages: m.pages, elements: m.elements, entry: entryName}
	if m.entry < 0 {
		n.entry = runName
	}
	return metered, n, nil
}

// runnable checks what the program wants from the host, and its entry.
func (m *module) runnable() error {
	offered, err := wasi()
	if err != nil {
		return err
	}
	for _, x := range m.imports {
		if x.module == hostModule {
			if err := m.hosted(x); err != nil {
				return err
			}
			continue
		}
		f, ok := offered[x.name]
		if x.module != wasi_snapshot_preview1.ModuleName || !ok {
			return fmt.Errorf("module: %w: it imports %s.%s, which is not offered here; only %s is, and %s",
				icn.ErrInvalid, x.module, x.name, wasi_snapshot_preview1.ModuleName, hostModule)
		}
		if !f.equal(m.types[x.typeIndex]) {
			return fmt.Errorf("module: %w: it imports %s with a wrong type", icn.ErrInvalid, x.name)
		}
	}
	if m.entry < 0 && m.run >= 0 {
		if t := m.typeOf(uint32(m.run)); !t.equal(funcType{}) && !t.equal(funcType{results: []byte{typeI64}}) {
			return fmt.Errorf("module: %w: its %s must take nothing, and give nothing or an i64", icn.ErrInvalid, runName)
		}
		return nil
	}
	if m.entry < 0 {
		return fmt.Errorf("module: %w: it exports neither %s nor %s; build it as a WASI command (GOOS=wasip1, or --target wasm32-wasip1)",
			icn.ErrInvalid, entryName, runName)
	}
	if !m.typeOf(uint32(m.entry)).equal(funcType{}) {
		return fmt.Errorf("module: %w: its %s takes parameters or gives results", icn.ErrInvalid, entryName)
	}
	return nil
}

// hosted says whether an import of the host interface is offered, in that form.
func (m *module) hosted(x imported) error {
	forms, ok := hostFuncs[x.name]
	if !ok {
		return fmt.Errorf("module: %w: it imports %s.%s, which is not offered here; offered are %s",
			icn.ErrInvalid, x.module, x.name, strings.Join(hostNames(), ", "))
	}
	want := m.types[x.typeIndex]
	if !slices.ContainsFunc(forms, func(f hostFunc) bool { return want.equal(funcType{params: f.params, results: f.results}) }) {
		var names []string
		for _, f := range forms {
			names = append(names, f.export(""))
		}
		return fmt.Errorf("module: %w: it imports %s.%s with a wrong type; offered are%s", icn.ErrInvalid, x.module, x.name, strings.Join(names, ","))
	}
	return nil
}

// wasi lists the functions of WASI preview 1 with their types.
var wasi = sync.OnceValues(func() (map[string]funcType, error) {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer rt.Close(ctx)
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, rt); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	list := map[string]funcType{}
	for name, d := range rt.Module(wasi_snapshot_preview1.ModuleName).ExportedFunctionDefinitions() { // order: a set
		list[name] = funcType{params: d.ParamTypes(), results: d.ResultTypes()}
	}
	return list, nil
})

// validate has the engine check a program as it came, but for its custom sections.
// It runs nothing of it. The engine allocates what counts say: they must have been
// compared with the bytes that there are.
func validate(program []byte) (err error) {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features).WithDebugInfoEnabled(false))
	defer rt.Close(ctx)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("module: %w: the engine gave up on it: %v", icn.ErrInvalid, p)
		}
	}()
	if _, err := rt.CompileModule(ctx, program); err != nil {
		return fmt.Errorf("module: %w: %s", icn.ErrInvalid, firstLine(err.Error()))
	}
	return nil
}

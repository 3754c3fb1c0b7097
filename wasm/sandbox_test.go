package wasm_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/wasm"
)

// parts are the sections of a module written by hand, each a list of items. Its
// types are: 0 () → (), 1 (i32, i32) → i32, 2 (i32 ×4) → i32, 3 (i32) → i32.
type parts struct {
	imports []string // WASI functions of type 1, or of type 2 when they begin with fd_
	types   []byte   // of its own functions
	bodies  []string // instructions, without the end
	tables  string
	pages   byte // of memory; 0: none
	exports string
	start   int // a function of its own + 1; 0: none
	entry   int // the function of its own that is _start
}

func vector(items ...string) string { return string(rune(len(items))) + strings.Join(items, "") }

func sized(s string) string {
	n := len(s)
	if n < 0x80 {
		return string([]byte{byte(n)}) + s
	}
	return string([]byte{byte(n) | 0x80, byte(n >> 7)}) + s
}

func (p parts) module() []byte {
	var b strings.Builder
	b.WriteString("\x00asm\x01\x00\x00\x00")
	section := func(id byte, body string) { b.WriteString(string([]byte{id}) + sized(body)) }
	section(1, vector("\x60\x00\x00", "\x60\x02\x7f\x7f\x01\x7f", "\x60\x04\x7f\x7f\x7f\x7f\x01\x7f", "\x60\x01\x7f\x01\x7f"))
	if len(p.imports) > 0 {
		var items []string
		for _, name := range p.imports {
			t := "\x01"
			if strings.HasPrefix(name, "fd_") {
				t = "\x02"
			}
			items = append(items, sized("wasi_snapshot_preview1")+sized(name)+"\x00"+t)
		}
		section(2, vector(items...))
	}
	section(3, string([]byte{byte(len(p.types))})+string(p.types))
	if p.tables != "" {
		section(4, p.tables)
	}
	if p.pages > 0 {
		section(5, "\x01\x00"+string([]byte{p.pages}))
	}
	entry := sized("_start") + "\x00" + string([]byte{byte(len(p.imports) + p.entry)})
	if p.exports != "" {
		section(7, vector(entry, p.exports))
	} else {
		section(7, vector(entry))
	}
	if p.start > 0 {
		section(8, string([]byte{byte(len(p.imports) + p.start - 1)}))
	}
	var bodies []string
	for _, body := range p.bodies {
		bodies = append(bodies, sized("\x00"+body+"\x0b"))
	}
	section(10, vector(bodies...))
	return []byte(b.String())
}

const (
	forEver = "\x03\x40\x0c\x00\x0b"                             // loop br 0 end
	nothing = "\x01"                                             // nop
	drop    = "\x1a"                                             //
	zero    = "\x41\x00"                                         // i32.const 0
	million = "\x41\xc0\x84\x3d"                                 // i32.const 1000000
	grow    = "\x41\x01\x40\x00\x1a"                             // i32.const 1 memory.grow drop
	unequal = "\x47\x04\x40\x00\x0b"                             // i32.ne if unreachable end
	aNaN    = "\x43\x00\x00\x00\x00\x43\x00\x00\x00\x00\x95\xbc" // 0.0/0.0 as bits
	negNaN  = "\x43\x00\x00\x80\x7f\x43\x00\x00\x80\xff\x92\xbc" // ∞ + -∞ as bits
	theNaN  = "\x41\x80\x80\x80\xfe\x07"                         // i32.const 0x7fc00000
)

func loop(body string) string { return "\x03\x40" + body + "\x0c\x00\x0b" }

// engines runs a test on the compiler and on the interpreter.
func engines(t *testing.T, f func(*testing.T, *wasm.Runner)) {
	for name, slow := range map[string]bool{"compiler": false, "interpreter": true} {
		t.Run(name, func(t *testing.T) {
			r, err := wasm.NewRunner(wasm.Config{Interpreter: slow})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			f(t, r)
		})
	}
}

func TestS28NothingEscapesItsLimits(t *testing.T) {
	few := wasm.Limits{Gas: 5_000_000, MemoryBytes: 4 << 16, TableElements: 50, OutputBytes: 1000, CallDepth: 1000}
	for name, c := range map[string]struct {
		p      parts
		fault  icn.Fault
		tables uint64 // refused growths, at least
		memory uint64
	}{
		"a loop":               {parts{types: []byte{0}, bodies: []string{forEver}}, icn.FaultGas, 0, 0},
		"a loop in start":      {parts{types: []byte{0, 0}, bodies: []string{nothing, forEver}, start: 2}, icn.FaultGas, 0, 0},
		"endless recursion":    {parts{types: []byte{0}, bodies: []string{"\x10\x00"}}, icn.FaultDepth, 0, 0},
		"recursion by two":     {parts{types: []byte{0, 0}, bodies: []string{"\x10\x01", "\x10\x00"}}, icn.FaultDepth, 0, 0},
		"growing memory":       {parts{types: []byte{0}, bodies: []string{loop(grow)}, pages: 1}, icn.FaultGas, 0, 10},
		"growing a table":      {parts{types: []byte{0}, bodies: []string{loop("\xd0\x70\x41\x01\xfc\x0f\x00" + drop)}, tables: "\x01\x70\x00\x0a"}, icn.FaultGas, 10, 0},
		"a table by 4 billion": {parts{types: []byte{0}, bodies: []string{"\xd0\x70\x41\x7f\xfc\x0f\x00" + drop}, tables: "\x01\x70\x00\x0a"}, icn.FaultNone, 1, 0},
		"filling memory": {parts{types: []byte{0}, bodies: []string{loop(zero + zero + "\x41\x80\x80\x04" + "\xfc\x0b\x00")}, pages: 1},
			icn.FaultGas, 0, 0},
		"much chance":      {parts{imports: []string{"random_get"}, types: []byte{0}, bodies: []string{loop(zero + "\x41\x80\x80\x04" + "\x10\x00" + drop)}, pages: 1}, icn.FaultGas, 0, 0},
		"a million ranges": {parts{imports: []string{"fd_write"}, types: []byte{0}, bodies: []string{loop("\x41\x01" + zero + million + zero + "\x10\x00" + drop)}, pages: 1}, icn.FaultGas, 0, 0},
		"a trap":           {parts{types: []byte{0}, bodies: []string{"\x00"}}, icn.FaultTrap, 0, 0},
		"a read far out":   {parts{types: []byte{0}, bodies: []string{million + "\x28\x02\x00" + drop}, pages: 1}, icn.FaultTrap, 0, 0},
		"any NaN":          {parts{types: []byte{0}, bodies: []string{aNaN + theNaN + unequal + negNaN + theNaN + unequal}}, icn.FaultNone, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var gas []uint64
			engines(t, func(t *testing.T, r *wasm.Runner) {
				res, err := r.Run(t.Context(), program(c.p.module()), wasm.Input{}, few)
				if err != nil {
					t.Fatal(err)
				}
				if res.Fault != c.fault || res.TableDenied < c.tables || res.MemoryDenied < c.memory || res.Gas == 0 || res.Gas > few.Gas {
					t.Errorf("fault %q (%s), want %q; refused %d of tables, %d of memory; gas %d", res.Fault, res.Message, c.fault, res.TableDenied, res.MemoryDenied, res.Gas)
				}
				gas = append(gas, res.Gas)
			})
			if len(slices.Compact(gas)) != 1 {
				t.Errorf("gas %v differs between the engines", gas)
			}
		})
	}
}

// TestHostWorkIsCutOff: with gas without end, the wall clock and whoever cancels
// still reach a guest that keeps the host busy.
func TestHostWorkIsCutOff(t *testing.T) {
	code := parts{imports: []string{"fd_write"}, types: []byte{0}, bodies: []string{loop("\x41\x01" + zero + million + zero + "\x10\x00" + drop)}, pages: 1}.module()
	engines(t, func(t *testing.T, r *wasm.Runner) {
		res, err := r.Run(t.Context(), program(code), wasm.Input{}, wasm.Limits{Gas: 1 << 60, Wall: 20 * time.Millisecond})
		if err != nil || res.Fault != icn.FaultWall {
			t.Errorf("%q %v", res.Fault, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		if _, err := r.Run(ctx, program(code), wasm.Input{}, wasm.Limits{Gas: 1 << 60}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestWhatNeedsTooMuchFromTheStartIsTooBig(t *testing.T) {
	for name, p := range map[string]parts{
		"memory": {types: []byte{0}, bodies: []string{nothing}, pages: 9},
		"table":  {types: []byte{0}, bodies: []string{nothing}, tables: "\x01\x70\x00\x7f"},
	} {
		engines(t, func(t *testing.T, r *wasm.Runner) {
			_, err := r.Run(t.Context(), program(p.module()), wasm.Input{}, wasm.Limits{MemoryBytes: 8 << 16, TableElements: 100})
			if !wasm.IsTooBig(err) || !errors.Is(err, icn.ErrInvalid) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// TestCountsThatLieAllocateNothing: the engine allocates what a count says, before it
// looks for the items. A module of a hundred bytes could so end a node.
func TestCountsThatLieAllocateNothing(t *testing.T) {
	const many = "\xff\xff\xff\xff\x0f"
	ok := string(parts{types: []byte{0}, bodies: []string{nothing}, pages: 1}.module())
	before := func(id byte, body string) string { // the code section of ok
		at := strings.LastIndex(ok, "\x0a"+sized("\x01"+sized("\x00"+nothing+"\x0b")))
		return ok[:at] + string([]byte{id}) + sized(body) + ok[at:]
	}
	for name, c := range map[string]struct {
		code    string
		refused bool
	}{ // order: each stands alone
		"data segments":           {ok + "\x0b" + sized(many), true},
		"bytes of a segment":      {ok + "\x0b" + sized("\x01\x00\x41\x00\x0b"+many+"abc"), true},
		"bytes of a passive one":  {ok + "\x0b" + sized("\x01\x01"+many+"abc"), true},
		"element segments":        {before(9, many), true},
		"elements":                {before(9, "\x01\x01\x00"+many), true},
		"names of functions":      {ok + "\x00" + sized(sized("name")+"\x01"+sized(many)), false},
		"names of locals":         {ok + "\x00" + sized(sized("name")+"\x02"+sized("\x01\x00"+many)), false},
		"a custom section's name": {ok + "\x00" + sized(many+"abc"), false},
	} {
		err := wasm.Check([]byte(c.code))
		if c.refused != (err != nil) || err != nil && !errors.Is(err, icn.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLocalsThatNobodyUsesAreRefused: a few bytes declare 50,000, with each of which
// the compiler has work: a hundred such functions took half a gigabyte.
func TestLocalsThatNobodyUsesAreRefused(t *testing.T) {
	module := func(functions, each int) []byte {
		section := func(id byte, b []byte) []byte { return append(uleb([]byte{id}, uint32(len(b))), b...) }
		n := uleb(nil, uint32(functions))
		code := slices.Clone(n)
		for range functions {
			body := append(uleb([]byte{1}, uint32(each)), i64, 0x0b)
			code = append(uleb(code, uint32(len(body))), body...)
		}
		return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), section(1, []byte{1, 0x60, 0, 0}), section(3, append(n, make([]byte, functions)...)),
			section(7, []byte{1, 3, 'r', 'u', 'n', 0, 0}), section(10, code))
	}
	if err := wasm.Check(module(1, 50_000)); err != nil {
		t.Error(err)
	}
	for _, x := range [][2]int{{1, 50_001}, {2, 50_000}, {100_000, 50_000}} {
		if err := wasm.Check(module(x[0], x[1])); !errors.Is(err, icn.ErrInvalid) || !strings.Contains(err.Error(), "locals") {
			t.Errorf("%d functions with %d locals each: %v", x[0], x[1], err)
		}
	}
}

// TestMoreLoopsThanCanBeCompiledAreRefused: a small module could keep the compiler
// busy for hours, where neither gas nor the wall clock count.
func TestMoreLoopsThanCanBeCompiledAreRefused(t *testing.T) {
	of := func(loops ...int) []byte {
		section := func(id byte, b []byte) []byte { return append(uleb([]byte{id}, uint32(len(b))), b...) }
		n := uleb(nil, uint32(len(loops)))
		code := slices.Clone(n)
		for _, k := range loops {
			body := slices.Concat([]byte{0}, bytes.Repeat([]byte{0x03, 0x40, 0x0b}, k), []byte{0x0b})
			code = append(uleb(code, uint32(len(body))), body...)
		}
		return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), section(1, []byte{1, 0x60, 0, 0}), section(3, append(n, make([]byte, len(loops))...)),
			section(7, []byte{1, 3, 'r', 'u', 'n', 0, 0}), section(10, code))
	}
	for _, ok := range [][]byte{of(3000), of(1000, 1000, 1000), of(slices.Repeat([]int{32}, 20_000)...)} {
		if err := wasm.Check(ok); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range [][]byte{of(4000), of(slices.Repeat([]int{1000}, 11)...)} {
		if err := wasm.Check(bad); !errors.Is(err, icn.ErrInvalid) || !strings.Contains(err.Error(), "loops") {
			t.Error(err)
		}
	}
}

func TestGuestsCannotReachTheMeter(t *testing.T) {
	ok := parts{types: []byte{0}, bodies: []string{nothing}}
	reach := func(body string) parts { return parts{types: []byte{0}, bodies: []string{body}} }
	for name, c := range map[string]struct {
		p    parts
		want string
	}{
		"its names":     {parts{types: []byte{0}, bodies: []string{nothing}, exports: sized("__icn_gas") + "\x00\x00"}, "reserved"},
		"its globals":   {reach("\x42\x00\x24\x00"), ""}, // i64.const 0 global.set 0
		"its functions": {reach("\x10\x01"), "function 1 of 1"},
		"by reference":  {reach("\xd2\x02" + drop), "function 2 of 1"},
		"its types":     {reach("\x02\x04\x0b"), ""}, // block of a type that is added
	} {
		if err := wasm.Check(c.p.module()); !errors.Is(err, icn.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := wasm.Check(ok.module()); err != nil {
		t.Errorf("a harmless program: %v", err)
	}
}

func TestOneCompilationServesAllLimits(t *testing.T) {
	r, err := wasm.NewRunner(wasm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	code := parts{types: []byte{0}, bodies: []string{forEver}}.module()
	loads := 0
	p := wasm.Program{CID: icn.SumCID(icn.Raw, code), Load: func(context.Context) ([]byte, error) { loads++; return code, nil }}
	for _, gas := range []uint64{1000, 50_000, 7} {
		res, err := r.Run(t.Context(), p, wasm.Input{}, wasm.Limits{Gas: gas})
		if err != nil || res.Gas != gas || res.Fault != icn.FaultGas {
			t.Errorf("%d of %d gas, %q, %v", res.Gas, gas, res.Fault, err)
		}
	}
	if loads != 1 {
		t.Errorf("loaded %d times", loads)
	}
}

// TestSpoiltCacheIsNotTheProgramsFault: whatever a disk did to the compiled code.
func TestSpoiltCacheIsNotTheProgramsFault(t *testing.T) {
	dir := t.TempDir()
	code := parts{types: []byte{0}, bodies: []string{nothing}}.module()
	once := func() {
		t.Helper()
		r, err := wasm.NewRunner(wasm.Config{CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if res, err := r.Run(t.Context(), program(code), wasm.Input{}, wasm.Limits{}); err != nil || res.Fault != icn.FaultNone {
			t.Errorf("%q %s %v", res.Fault, res.Message, err)
		}
	}
	once()
	spoilt := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		spoilt++
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, b[:len(b)/2], 0o600)
	})
	if err != nil || spoilt == 0 {
		t.Fatalf("%d files in the cache, %v", spoilt, err)
	}
	once()
}

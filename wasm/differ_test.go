package wasm_test

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/wasm"
)

// pair is a runner of each engine.
var pair = sync.OnceValues(func() ([2]*wasm.Runner, error) {
	fast, err := wasm.NewRunner(wasm.Config{Programs: 2})
	if err != nil {
		return [2]*wasm.Runner{}, err
	}
	slow, err := wasm.NewRunner(wasm.Config{Interpreter: true, Programs: 2})
	return [2]*wasm.Runner{fast, slow}, err
})

// tight limits are chosen by bytes, so that each of them is met.
func tight(c *choice) wasm.Limits {
	return wasm.Limits{
		Gas:           []uint64{200_000, 1_000_000, 100, 5_000, 50_000}[c.of(5)] + uint64(c.byte()),
		MemoryBytes:   uint64(1+c.of(5)) << 16,
		TableElements: uint64(6 + c.of(12)),
		CallDepth:     []uint32{200, 1, 3, 20}[c.of(4)],
	}
}

// differ runs what the bytes choose on both engines, and compares all that shows.
func differ(t *testing.T, b []byte) wasm.Result {
	t.Helper()
	both, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	c := &choice{b: b}
	lim := tight(c)
	code := generated(c)
	var res [2]wasm.Result
	for i, r := range both {
		if res[i], err = r.Run(t.Context(), program(code), wasm.Input{}, lim); err != nil {
			t.Fatalf("engine %d: %v\n%x", i, err, code)
		}
	}
	x, y := res[0], res[1]
	if x.Fault != y.Fault || x.Message != y.Message || x.Gas != y.Gas || !bytes.Equal(x.Stdout, y.Stdout) || x.MemoryDenied != y.MemoryDenied || x.TableDenied != y.TableDenied {
		t.Fatalf("compiler:    %q %s, gas %d, %x, refused %d and %d\ninterpreter: %q %s, gas %d, %x, refused %d and %d\nlimits %+v\n%x",
			x.Fault, x.Message, x.Gas, x.Stdout, x.MemoryDenied, x.TableDenied, y.Fault, y.Message, y.Gas, y.Stdout, y.MemoryDenied, y.TableDenied, lim, code)
	}
	if x.Gas > lim.Gas {
		t.Fatalf("%d gas of %d", x.Gas, lim.Gas)
	}
	return x
}

// FuzzEnginesAgree: whatever a valid program does, compiler and interpreter come to
// the same output, gas, fault and refusals.
func FuzzEnginesAgree(f *testing.F) {
	chance := rand.NewChaCha8([32]byte{1})
	for n := range 24 { // a program of chance shows more than a small one
		b := make([]byte, 100+n*80)
		_, _ = chance.Read(b) // never fails
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 4096 {
			differ(t, b)
		}
	})
}

// TestEnginesAgreeOnGeneratedPrograms runs some of chance, and sees that they meet
// every kind of end: else they would show nothing.
func TestEnginesAgreeOnGeneratedPrograms(t *testing.T) {
	chance := rand.NewChaCha8([32]byte{7})
	ends := map[icn.Fault]int{}
	refused := [2]uint64{}
	for range 400 {
		b := make([]byte, 2000)
		_, _ = chance.Read(b) // never fails
		res := differ(t, b)
		ends[res.Fault]++
		refused[0] += res.MemoryDenied
		refused[1] += res.TableDenied
	}
	for _, want := range []icn.Fault{icn.FaultNone, icn.FaultTrap, icn.FaultGas, icn.FaultDepth} {
		if ends[want] < 10 {
			t.Errorf("%d of the programs ended by %q", ends[want], want)
		}
	}
	if refused[0] == 0 || refused[1] == 0 {
		t.Errorf("refused growths of memory, and of tables: %v", refused)
	}
	t.Log(ends, refused)
}

// TestGeneratedProgramsAreValid: the generator makes nothing that is refused.
func TestGeneratedProgramsAreValid(t *testing.T) {
	for n := range 200 {
		b := make([]byte, n*5)
		_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(b) // never fails
		if err := wasm.Check(generated(&choice{b: b})); err != nil {
			t.Errorf("%d: %v", n, err)
		}
	}
}

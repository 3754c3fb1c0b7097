package wasm_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/wasm"
)

// guest is testdata/guest, built once.
var guest = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "guest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "guest.wasm")
	cmd := exec.Command("go", "build", "-o", out, ".")
	cmd.Dir = "testdata/guest"
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if b, err := cmd.CombinedOutput(); err != nil {
		return nil, errors.Join(err, errors.New(string(b)))
	}
	return os.ReadFile(out)
})

var shared = sync.OnceValues(func() (*wasm.Runner, error) { return wasm.NewRunner(wasm.Config{}) })

func program(code []byte) wasm.Program {
	return wasm.Program{CID: icn.SumCID(icn.Raw, code), Load: func(context.Context) ([]byte, error) { return code, nil }}
}

func run(t *testing.T, lim wasm.Limits, stdin string, args ...string) wasm.Result {
	t.Helper()
	code, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	r, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.Run(t.Context(), program(code), wasm.Input{
		Args: append([]string{"guest"}, args...), Env: []string{"A=b"}, Stdin: strings.NewReader(stdin), Now: 1_700_000_000_000}, lim)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestProgramReadsAndWrites(t *testing.T) {
	in := strings.Repeat("line\n", 10_000)
	res := run(t, wasm.DefaultLimits(), in, "cat")
	if string(res.Stdout) != in || res.Fault != "" || string(res.Stderr) != "50000 <nil>\n" || res.Gas == 0 {
		t.Errorf("%d bytes, fault %q %s, stderr %q, gas %d", len(res.Stdout), res.Fault, res.Message, res.Stderr, res.Gas)
	}
}

func TestClockAndChanceAreTheJobs(t *testing.T) {
	a, b := run(t, wasm.DefaultLimits(), "", "tell"), run(t, wasm.DefaultLimits(), "", "tell")
	if !bytes.Equal(a.Stdout, b.Stdout) || a.Gas != b.Gas {
		t.Errorf("%s, %d gas; then %s, %d", a.Stdout, a.Gas, b.Stdout, b.Gas)
	}
	if !strings.HasPrefix(string(a.Stdout), "[guest tell] b 2023-11-14T22:13:20Z") {
		t.Errorf("%s", a.Stdout)
	}
}

func TestFaultsHaveTheirNames(t *testing.T) {
	small := wasm.DefaultLimits()
	small.Gas, small.MemoryBytes, small.OutputBytes = 3_000_000_000, 64<<20, 100_000
	for _, c := range []struct {
		arg   string
		fault icn.Fault
	}{
		{"spin", icn.FaultGas}, {"eat", icn.FaultMemory}, {"flood", icn.FaultOutput},
		{"three", icn.FaultExit}, {"panic", icn.FaultExit},
	} {
		res := run(t, small, "", c.arg)
		if res.Fault != c.fault || res.Message == "" {
			t.Errorf("%s: fault %q (%s), want %q; gas %d", c.arg, res.Fault, res.Message, c.fault, res.Gas)
		}
		if c.arg == "spin" && res.Gas != small.Gas {
			t.Errorf("spin used %d gas of %d", res.Gas, small.Gas)
		}
		if c.arg == "three" && res.ExitCode != 3 {
			t.Errorf("exit code %d", res.ExitCode)
		}
		if c.arg == "eat" && res.MemoryDenied == 0 {
			t.Error("no refused growth was counted")
		}
		if c.arg == "flood" && len(res.Stdout) != 100_000 {
			t.Errorf("%d bytes of output", len(res.Stdout))
		}
	}
}

func TestWallClockEndsAProgram(t *testing.T) {
	lim := wasm.DefaultLimits()
	lim.Gas, lim.Wall = 1<<60, 50*time.Millisecond
	if res := run(t, lim, "", "spin"); res.Fault != icn.FaultWall {
		t.Errorf("%q %s", res.Fault, res.Message)
	}
}

func TestCancelReachesAProgramInALoop(t *testing.T) {
	code, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	r, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	lim := wasm.DefaultLimits()
	lim.Gas, lim.Wall = 1<<60, 0
	_, err = r.Run(ctx, program(code), wasm.Input{Args: []string{"guest", "spin"}}, lim)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestBothEnginesAgree(t *testing.T) {
	code, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	slow, err := wasm.NewRunner(wasm.Config{Interpreter: true})
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	want := run(t, wasm.DefaultLimits(), "", "work")
	got, err := slow.Run(t.Context(), program(code), wasm.Input{Args: []string{"guest", "work"}, Env: []string{"A=b"}, Now: 1_700_000_000_000}, wasm.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Stdout, want.Stdout) || got.Gas != want.Gas || want.Fault != "" {
		t.Errorf("compiler: %q, %d gas, %q; interpreter: %q, %d gas", want.Stdout, want.Gas, want.Message, got.Stdout, got.Gas)
	}
}

func TestWrongModulesAreRefusedWithAReason(t *testing.T) {
	code, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		code []byte
		want string
	}{
		"text":           {[]byte("this is text"), "no WebAssembly module"},
		"empty":          {nil, "no WebAssembly module"},
		"cut":            {code[:len(code)/2], "ends early"},
		"unknown import": {[]byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x02\x0b\x01\x03env\x03abc\x00\x00"), "imports env.abc"},
	} {
		err := wasm.Check(c.code)
		if !errors.Is(err, icn.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

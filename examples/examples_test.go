package examples_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/InterCooperative-Network/icn-core/examples"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/wasm"
)

func run(t testing.TB, code []byte, stdin string) wasm.Result {
	r, err := wasm.NewRunner(wasm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	p := wasm.Program{CID: icn.SumCID(icn.Raw, code), Load: func(context.Context) ([]byte, error) { return code, nil }}
	res, err := r.Run(t.Context(), p, wasm.Input{Args: []string{"program"}, Stdin: strings.NewReader(stdin)}, wasm.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestTinyMakesLettersLarge(t *testing.T) {
	in := strings.Repeat("The quick brown fox, 42 times. zZ{`@\n", 5000)
	res := run(t, examples.Tiny(), in)
	if string(res.Stdout) != strings.ToUpper(in) || res.Fault != "" {
		t.Errorf("%d bytes, %q %s", len(res.Stdout), res.Fault, res.Message)
	}
	if n := len(examples.Tiny()); n > 512 {
		t.Errorf("%d bytes", n)
	}
}

func TestWordcountGivesTheSameHereAndInTheSandbox(t *testing.T) {
	p, err := examples.Unpack("wordcount", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	native, err := p.Build(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(native)
	cmd.Stdin = bytes.NewReader(examples.Text)
	want, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	path, err := p.Build(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	res := run(t, code, string(examples.Text))
	if !bytes.Equal(res.Stdout, want) || res.Fault != "" {
		t.Errorf("sandbox: %q %s\n%s\nhere:\n%s", res.Fault, res.Message, res.Stdout, want)
	}
}

func BenchmarkWarmTiny(b *testing.B) {
	code := examples.Tiny()
	r, err := wasm.NewRunner(wasm.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	p := wasm.Program{CID: icn.SumCID(icn.Raw, code), Load: func(context.Context) ([]byte, error) { return code, nil }}
	for b.Loop() {
		if _, err := r.Run(b.Context(), p, wasm.Input{Args: []string{"p"}, Stdin: strings.NewReader("hello")}, wasm.DefaultLimits()); err != nil {
			b.Fatal(err)
		}
	}
}

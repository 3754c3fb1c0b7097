package examples_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/wasm"
)

// rustGuest builds the example in Rust. Where no rustc has a WASI target the test is
// left out, but not where CI is set.
func rustGuest(t *testing.T) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "guest.wasm")
	said, err := exec.CommandContext(t.Context(), "../scripts/guest-rust.sh", out).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 && os.Getenv("CI") == "" {
		t.Skip(string(said))
	}
	if err != nil {
		t.Fatal(err, string(said))
	}
	code, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestTheRustGuestCountsSavesAndGoesOn(t *testing.T) {
	code := rustGuest(t)
	text := strings.Repeat("two words\n", 2500)
	for name, slow := range map[string]bool{"compiler": false, "interpreter": true} { // order: each stands alone
		r, err := wasm.NewRunner(wasm.Config{Interpreter: slow})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		p := wasm.Program{CID: icn.SumCID(icn.Raw, code), Load: func(context.Context) ([]byte, error) { return code, nil }}
		var saved, stages []string
		in := wasm.Input{Args: []string{"program"}, Stdin: strings.NewReader(text)}
		in.Host = wasm.Host{Outputs: []string{"counts.csv"}, Save: func(b []byte) error { saved = append(saved, string(b)); return nil }}
		in.Watch.Progress = func(n uint32, words string) { stages = append(stages, fmt.Sprint(n, " ", words)) }
		first, err := r.Run(t.Context(), p, in, wasm.DefaultLimits())
		if err != nil || first.Fault != "" || string(first.Stdout) != "2500 lines, 5000 words, 22500 letters\n" {
			t.Fatalf("%s: %v %q %s %s", name, err, first.Fault, first.Stdout, first.Stderr)
		}
		if len(first.Outputs) != 1 || string(first.Outputs[0].Data) != "2500,5000,22500\n" {
			t.Errorf("%s: %q", name, first.Outputs)
		}
		if got := strings.Join(saved, ""); got != "1000,2000,9000\n2000,4000,18000\n" {
			t.Errorf("%s: saved %q", name, got)
		}
		if got := strings.Join(stages, ", "); got != "0 1000 lines, 0 2000 lines, 1000 done" {
			t.Errorf("%s: %q", name, got)
		}
		in.Stdin, in.Host.Resume, in.Host.Save = strings.NewReader(text), []byte(saved[1]), nil
		again, err := r.Run(t.Context(), p, in, wasm.DefaultLimits())
		if err != nil || !bytes.Equal(again.Stdout, first.Stdout) || again.Gas >= first.Gas {
			t.Errorf("%s: from the checkpoint: %v %s, %d gas, %d without it", name, err, again.Stdout, again.Gas, first.Gas)
		}
	}
}

package wasm_test

import (
	"testing"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/wasm"
)

// BenchmarkWarmRun is a run of a program that is compiled already: what a job costs
// beyond its own work.
func BenchmarkWarmRun(b *testing.B) {
	r, err := shared()
	if err != nil {
		b.Fatal(err)
	}
	big, err := guest()
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		code []byte
		args []string
	}{
		{"tiny", handmade{body: []byte{0x42, 7}, result: i64}.bytes(), nil},
		{"go", big, []string{"guest", "nothing"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := program(c.code)
			once := func() {
				res, err := r.Run(b.Context(), p, wasm.Input{Args: c.args}, wasm.DefaultLimits())
				if err != nil || res.Fault != icn.FaultNone {
					b.Fatal(err, res.Fault, res.Message)
				}
			}
			once()
			b.ReportAllocs()
			for b.Loop() {
				once()
			}
		})
	}
}

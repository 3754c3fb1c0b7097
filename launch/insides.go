package launch

import (
	"fmt"
	"runtime/debug"
	"runtime/pprof"
	"strings"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/config"
)

// Insides are what helps whoever looks for a fault.
func (r *Running) Insides() wire.Insides {
	r.reloading.mu.Lock()
	cfg := r.reloading.cfg
	r.reloading.mu.Unlock()
	out := wire.Insides{Settings: config.Masked(cfg), Log: []string{}}
	if r.logs != nil {
		out.Log = r.logs.Last()
	}
	if b, ok := debug.ReadBuildInfo(); ok {
		out.Build = b.String()
	}
	var text strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&text, 1); err != nil {
		fmt.Fprintf(&text, "they cannot be told: %v", err)
	}
	out.Goroutines = text.String()
	return out
}

package wasm

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/sys"
)

// config makes a program's surroundings: the same for everybody who runs it.
func (in Input) config(out, log io.Writer) wazero.ModuleConfig {
	stdin := in.Stdin
	if stdin == nil {
		stdin = bytes.NewReader(nil)
	}
	clock := &clock{now: int64(in.Now) * 1_000_000}
	c := wazero.NewModuleConfig().WithName("").WithStartFunctions().
		WithArgs(in.Args...).WithStdin(stdin).WithStdout(out).WithStderr(log).
		WithRandSource(rand.NewChaCha8(in.Seed)).
		WithWalltime(clock.wall, sys.ClockResolution(1)).WithNanotime(clock.nano, sys.ClockResolution(1)).
		WithNanosleep(clock.sleep).WithOsyield(func() {})
	for _, e := range in.Env {
		if k, v, ok := strings.Cut(e, "="); ok {
			c = c.WithEnv(k, v)
		}
	}
	return c
}

// clock is the job's: it stands still, but for a nanosecond at each look, so that
// programs which wait for it to move on do end, and for what they sleep.
type clock struct{ now, since int64 }

func (c *clock) wall() (int64, int32) {
	t := c.now + c.nano()
	return t / 1e9, int32(t % 1e9)
}

func (c *clock) nano() int64 { c.since++; return c.since }

func (c *clock) sleep(ns int64) {
	if ns > 0 {
		c.since += ns
	}
}

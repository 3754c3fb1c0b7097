package wasm

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/sys"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Input is what a program gets.
type Input struct {
	Args  []string  // the first is the program's name
	Env   []string  // NAME=value
	Stdin io.Reader // nil: empty. A read that blocks is not ended by ctx
	Now   icn.Time  // what its wall clock shows, all the time
	Seed  [32]byte  // of its random numbers
	Watch Watch
	Host  Host
}

// check refuses what cannot be handed over.
func (in Input) check() error {
	for _, s := range in.Args {
		if strings.ContainsRune(s, 0) {
			return fmt.Errorf("input: %w: an argument holds a zero byte", icn.ErrInvalid)
		}
	}
	for _, s := range in.Env {
		if i := strings.IndexByte(s, '='); i <= 0 || strings.ContainsRune(s, 0) {
			return fmt.Errorf("input: %w: environment %q is not NAME=value", icn.ErrInvalid, s)
		}
	}
	return nil
}

// surroundings are what a program finds around it: the same for everybody who
// runs it.
func (r *running) surroundings(in Input) wazero.ModuleConfig {
	now := min(max(int64(in.Now), 0), math.MaxInt64/1_000_000)
	clock := &clock{now: now}
	r.out.watch, r.log.watch = in.Watch.Output, in.Watch.Log
	c := wazero.NewModuleConfig().WithName("").WithStartFunctions().
		WithArgs(in.Args...).WithStdin(&stdin{run: r, from: in.Stdin}).WithStdout(&r.out).WithStderr(&r.log).
		WithRandSource(&chance{run: r, source: rand.NewChaCha8(in.Seed)}).
		WithWalltime(clock.wall, sys.ClockResolution(1_000_000)).WithNanotime(clock.nano, sys.ClockResolution(1_000)).
		WithNanosleep(clock.sleep).WithOsyield(func() {})
	for _, e := range in.Env {
		k, v, _ := strings.Cut(e, "=")
		c = c.WithEnv(k, v)
	}
	return c
}

// clock is the job's. The wall clock stands still. The monotonic one moves by a
// microsecond at each look and by what the program sleeps, so that waiting ends.
type clock struct{ now, since int64 }

func (c *clock) wall() (int64, int32) { return c.now / 1000, int32(c.now % 1000 * 1_000_000) }

func (c *clock) nano() int64 {
	c.sleep(1000)
	return c.since
}

func (c *clock) sleep(ns int64) {
	if ns > 0 {
		c.since += min(ns, math.MaxInt64-c.since)
	}
}

// stdin fills each read as far as there is input: how the source happens to cut
// it must not show.
type stdin struct {
	run  *running
	from io.Reader
}

// Read implements io.Reader.
func (s *stdin) Read(p []byte) (int, error) {
	if s.from == nil {
		return 0, io.EOF
	}
	n, err := io.ReadFull(s.from, p)
	s.run.charge(n)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		s.from = nil
		return n, io.EOF
	}
	s.run.fail(fmt.Errorf("%w: stdin: %w", ErrHost, err))
	return 0, err
}

// chance is the source of random numbers.
type chance struct {
	run    *running
	source io.Reader
}

// Read implements io.Reader.
func (c *chance) Read(p []byte) (int, error) {
	c.run.charge(len(p))
	return c.source.Read(p)
}

// stream keeps what a program writes, up to a bound.
type stream struct {
	run  *running
	kept []byte
	max  uint64
	over icn.Fault // what is over the bound is this fault; none: it is dropped

	watch func([]byte)
}

// Write implements io.Writer.
func (s *stream) Write(p []byte) (int, error) {
	s.run.charge(len(p))
	room := s.max - uint64(len(s.kept))
	if uint64(len(p)) <= room {
		s.kept = append(s.kept, p...)
		pass(s.watch, p)
		return len(p), nil
	}
	s.kept = append(s.kept, p[:room]...)
	pass(s.watch, p[:room])
	if s.over != icn.FaultNone {
		s.run.stop(s.over)
	}
	return len(p), nil
}

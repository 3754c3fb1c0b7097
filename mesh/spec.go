package mesh

import (
	"fmt"
	"slices"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Bounded fills a specification's missing limits from the rules, and refuses
// limits beyond them.
func Bounded(s icn.JobSpec, r icn.Rules) (icn.JobSpec, error) {
	l := &s.Limits
	for _, x := range []struct {
		name       string
		value      *uint64
		usual, max uint64
	}{
		{"gas", &l.Gas, r.JobGas, r.JobMaxGas},
		{"memory_bytes", &l.MemoryBytes, r.JobMemoryBytes, r.JobMaxMemoryBytes},
		{"output_bytes", &l.OutputBytes, r.JobOutputBytes, r.JobMaxOutputBytes},
		{"wall_ms", &l.WallMillis, r.JobWallMillis, r.JobMaxWallMillis},
		{"table_elements", &l.TableElements, 100_000, 1_000_000},
	} {
		if *x.value == 0 {
			*x.value = x.usual
		}
		if *x.value > x.max {
			return s, fmt.Errorf("%w: %s %d is over this federation's limit of %d", icn.ErrInvalid, x.name, *x.value, x.max)
		}
	}
	if err := shaped(s); err != nil {
		return s, err
	}
	for _, e := range s.Env {
		if name, _, ok := strings.Cut(e, "="); !ok || name == "" {
			return s, fmt.Errorf("%w: environment %q: want NAME=value", icn.ErrInvalid, icn.Fit(e, 80))
		}
	}
	for _, t := range append(append([]string{}, s.Args...), s.Env...) {
		if strings.IndexByte(t, 0) >= 0 {
			return s, fmt.Errorf("%w: an argument holds a zero byte", icn.ErrInvalid)
		}
	}
	return s, nil
}

// shaped says whether the parts of a specification fit together.
func shaped(s icn.JobSpec) error {
	c := s.Copies
	switch {
	case s.Kind == icn.JobProgram && !s.Module.Defined():
		return fmt.Errorf("%w: no module: what is to be run?", icn.ErrInvalid)
	case s.Kind == icn.JobEcho && (s.Module.Defined() || len(s.Outputs) > 0 || s.Grants != icn.JobGrants{} || s.Resume.Defined()):
		return fmt.Errorf("%w: an echo job has an input, and nothing else", icn.ErrInvalid)
	case c.Of > icn.MaxCopies || c.Agree > max(c.Of, 1) || c.Of > 1 && c.Agree*2 <= c.Of:
		return fmt.Errorf("%w: %d of %d executors: more than half of at most %d must agree", icn.ErrInvalid, c.Agree, c.Of, icn.MaxCopies)
	case c.Of > 1 && s.Grants.Submit > 0:
		return fmt.Errorf("%w: a program that posts jobs is run by one executor: they are named after its receipt", icn.ErrInvalid)
	case s.Requires.Reputation > 100:
		return fmt.Errorf("%w: min_reputation %d: it is 0 to 100", icn.ErrInvalid, s.Requires.Reputation)
	case s.Grants.Submit > 1<<53 || s.Grants.Spend > 1<<53:
		return fmt.Errorf("%w: no account has so much to grant", icn.ErrInvalid)
	}
	for i, name := range s.Outputs {
		if name == "" || slices.Contains(s.Outputs[:i], name) {
			return fmt.Errorf("%w: output %q: a name is empty or stands twice", icn.ErrInvalid, icn.Fit(name, 64))
		}
	}
	return nil
}

// Price is what this release's executors ask for a job: by the cores, memory and
// time that it may use. What no machine has costs what nobody can pay.
func Price(s icn.JobSpec) uint64 {
	const most = 1 << 60 // so that the sum does not wrap
	cores := min(max(s.Requires.CPUCores, 1), most)
	memory := max(s.Requires.MemoryMB, s.Limits.MemoryBytes>>20)
	return 5 + 2*cores + memory/100 + s.Limits.WallMillis/60_000
}

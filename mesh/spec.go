package mesh

import (
	"fmt"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// bounded fills a specification's missing limits from the rules, and refuses
// limits beyond them.
func bounded(s icn.JobSpec, r icn.Rules) (icn.JobSpec, error) {
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

// Price is what this release's executors ask for a job: by the cores, memory and
// time that it may use. What no machine has costs what nobody can pay.
func Price(s icn.JobSpec) uint64 {
	const most = 1 << 60 // so that the sum does not wrap
	cores := min(max(s.Requires.CPUCores, 1), most)
	memory := max(s.Requires.MemoryMB, s.Limits.MemoryBytes>>20)
	return 5 + 2*cores + memory/100 + s.Limits.WallMillis/60_000
}

func appendJob(b []byte, j Job) []byte {
	b = icn.AppendDID(icn.AppendDID(icn.AppendArray(b, 11), j.Submitter), j.Via)
	b = j.Spec.Append(icn.AppendUint(b, j.Budget))
	b = icn.AppendUint(icn.AppendTime(b, j.PostedAt), uint64(j.Phase))
	b = icn.AppendDID(icn.AppendUint(b, uint64(j.Attempt)), j.Executor)
	b = icn.AppendTime(icn.AppendUint(b, j.Price), j.Due)
	b = icn.AppendArray(b, len(j.Failures))
	for _, f := range j.Failures {
		b = icn.AppendDID(icn.AppendArray(b, 3), f.Executor)
		b = icn.AppendBool(icn.AppendText(b, f.Reason), f.Declined)
	}
	return b
}

func readJob(r *icn.Reader) Job {
	r.Tuple(11)
	j := Job{Submitter: r.DID(), Via: r.DID(), Budget: r.Uint(), Spec: icn.ReadJobSpec(r), PostedAt: r.Time(), Phase: Phase(r.Uint()),
		Attempt: r.Uint32(), Executor: r.DID(), Price: r.Uint(), Due: r.Time()}
	for range r.Array(1000) {
		r.Tuple(3)
		j.Failures = append(j.Failures, Failure{Executor: r.DID(), Reason: r.Text(1024), Declined: r.Bool()})
		if r.Err() != nil {
			break
		}
	}
	return j
}

package e2e

import (
	"errors"
	"slices"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// ledger are the jobs that nodes have accepted, with what was said of each.
type ledger struct {
	mu    sync.Mutex
	jobs  map[icn.CID]string // "applied" or "waiting"
	fails int
}

func newLedger() *ledger { return &ledger{jobs: map[icn.CID]string{}} }

func (l *ledger) accept(s wire.Submitted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.jobs[s.JobID] = s.State
}

func (l *ledger) failed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fails++
}

func (l *ledger) count(state string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.jobs {
		if state == "" || s == state {
			n++
		}
	}
	return n
}

// level waits until these nodes are equally far, and checks that they hold the
// same state, in which mana adds up. It gives that state.
func (f *fleet) level(nodes []*vessel) wire.Status {
	f.Helper()
	var at []wire.Status
	f.until("all nodes have the same head", func() bool {
		at = at[:0]
		for _, v := range nodes {
			s, err := v.api.Load().Status(f.Context())
			if err != nil {
				return false
			}
			at = append(at, s)
		}
		return !slices.ContainsFunc(at, func(s wire.Status) bool { return s.Height != at[0].Height })
	})
	for i, s := range at {
		if s.StateRoot != at[0].StateRoot || s.TreeRoot != at[0].TreeRoot {
			f.fail("%s and %s differ at entry %d", nodes[i].name, nodes[0].name, s.Height)
		}
		require.True(f, s.Totals.Balanced(), "mana does not add up at %s: %+v", nodes[i].name, s.Totals)
	}
	return at[0]
}

// rest waits until nothing waits and no job is open anywhere.
func (f *fleet) rest() {
	f.Helper()
	f.until("no statement waits and no job is open", func() bool {
		for _, v := range f.nodes {
			s, err := v.api.Load().Status(f.Context())
			if err != nil || len(s.Waiting) > 0 || s.OpenJobs > 0 || s.Totals.Held > 0 {
				return false
			}
		}
		return true
	})
}

// ends are the events that end jobs: each job's settlements, rollbacks and
// cancellations, as one node tells them.
type ends struct {
	settled, rolledBack, cancelled map[icn.CID]int
	by                             map[icn.DID]int // how many jobs each node was paid for
	minted                         uint64
}

func (f *fleet) ends(v *vessel) ends {
	f.Helper()
	e := ends{map[icn.CID]int{}, map[icn.CID]int{}, map[icn.CID]int{}, map[icn.DID]int{}, 0}
	for ev, err := range v.api.Load().Events(f.Context(), wire.EventQuery{}) {
		require.NoError(f, err)
		switch ev.Type {
		case "JobSettled":
			var b icn.JobSettled
			require.NoError(f, wire.Unmarshal(ev.Body, &b))
			e.settled[b.Job]++
			e.by[b.Executor]++
			e.minted += b.Minted
		case "JobRolledBack":
			var b icn.JobRolledBack
			require.NoError(f, wire.Unmarshal(ev.Body, &b))
			e.rolledBack[b.Job]++
		case "JobCancelled":
			var b icn.JobCancelled
			require.NoError(f, wire.Unmarshal(ev.Body, &b))
			e.cancelled[b.Job]++
		}
	}
	return e
}

// checkJobs checks after everything that every accepted job has ended, once, and
// that the payments are all there is minted. A job whose statement was waiting may
// have expired instead: then no node knows it.
func (f *fleet) checkJobs(l *ledger) ends {
	f.Helper()
	f.rest()
	s := f.level(f.nodes)
	e := f.ends(f.nodes[0])
	for id := range l.jobs { // order: each by itself
		n := e.settled[id] + e.rolledBack[id] + e.cancelled[id]
		require.Equal(f, 1, n, "job %s, %s when it was accepted, has ended %d times", id, l.jobs[id], n)
	}
	for _, m := range []map[icn.CID]int{e.settled, e.rolledBack, e.cancelled} {
		for id, n := range m { // order: each by itself
			require.Equal(f, 1, n, "job %s", id)
		}
	}
	require.Equal(f, s.Totals.Minted, e.minted, "what is minted is what receipts were paid")
	f.Logf("%d jobs accepted (%d while waiting), %d submissions failed; %d settled, %d rolled back, %d cancelled; height %d",
		len(l.jobs), l.count("waiting"), l.fails, len(e.settled), len(e.rolledBack), len(e.cancelled), s.Height)
	return e
}

// view is how a node sees a job.
func (v *vessel) view(id icn.CID) (node.JobView, error) {
	return v.api.Load().MeshJob(v.f.Context(), id, 0)
}

// knows waits until a node tells that a job is completed.
func (v *vessel) knows(id icn.CID) node.JobView {
	v.f.Helper()
	var j node.JobView
	v.f.until(v.name+" tells that the job is completed", func() bool {
		var err error
		j, err = v.view(id)
		if err != nil && !errors.Is(err, icn.ErrNotFound) && !errors.Is(err, icn.ErrUnavailable) {
			require.NoError(v.f, err)
		}
		require.NotContains(v.f, []string{node.JobRolledBack, node.JobCancelled}, j.State)
		return err == nil && j.State == node.JobCompleted
	})
	return j
}

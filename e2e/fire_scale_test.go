package e2e

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/wire"
)

// submit has jobs offered at one node by so many clients at once.
func (f *fleet) submit(v *vessel, job wire.Submit, jobs, clients int) *ledger {
	f.Helper()
	l := newLedger()
	next := make(chan int)
	var work sync.WaitGroup
	errs := make([]error, clients)
	for c := range clients {
		work.Go(func() {
			for range next {
				s, err := v.api.Load().MeshSubmit(f.Context(), job)
				if err != nil {
					errs[c] = err
					continue
				}
				l.accept(s)
			}
		})
	}
	for i := range jobs {
		next <- i
	}
	close(next)
	work.Wait()
	for _, err := range errs {
		require.NoError(f, err)
	}
	require.Len(f, l.jobs, jobs)
	return l
}

// checkAll checks that all jobs of a ledger are completed, and every node says so.
func (f *fleet) checkAll(l *ledger) ends {
	f.Helper()
	e := f.checkJobs(l)
	for id := range l.jobs { // order: each by itself
		require.Equal(f, 1, e.settled[id], "job %s is completed", id)
	}
	for _, v := range f.nodes {
		for id := range l.jobs { // order: each by itself
			j, err := v.view(id)
			require.NoError(f, err)
			require.Equal(f, "completed", j.State, "at %s", v.name)
		}
	}
	return e
}

// S19: ten nodes run fifty jobs, spread over at least eight of them.
func TestS2S19TenNodesRunFiftyJobs(t *testing.T) {
	f := newFleet(t, 10, loopback{})
	e := f.checkAll(f.submit(f.nodes[3], f.work(100), 50, 50))
	require.GreaterOrEqual(t, len(e.by), 8, "executors: %v", e.by)
	for _, v := range f.nodes {
		s, err := v.api.Load().Status(t.Context())
		require.NoError(t, err)
		require.Equal(t, 9, s.PeerCount, "at %s", v.name)
	}
}

// S21: a hundred jobs handed to one of twenty nodes at once all end.
func TestS21TwentyNodesTakeAHundredJobsAtOnce(t *testing.T) {
	f := newFleet(t, 20, loopback{})
	e := f.checkAll(f.submit(f.nodes[11], f.job(), 100, 100))
	t.Logf("%d executors", len(e.by))
}

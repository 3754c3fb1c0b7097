package e2e

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/wire"
)

// storm has one client at each of these nodes submit jobs and see each to its
// end, five in a second at most, until stop is called, whatever goes wrong.
func (f *fleet) storm(l *ledger, nodes []*vessel) (stop func()) {
	ctx, cancel := context.WithCancel(f.Context())
	var work sync.WaitGroup
	for _, v := range nodes {
		work.Go(func() {
			pace := time.NewTicker(200 * time.Millisecond)
			defer pace.Stop()
			for ctx.Err() == nil {
				<-pace.C
				job := f.job()
				job.Wait = wire.Duration(2 * time.Second) // then the next one
				s, err := v.api.Load().MeshSubmit(ctx, job)
				if ctx.Err() != nil {
					return // what became of the last one nobody was told
				}
				if err != nil {
					l.failed()
					continue
				}
				l.accept(s)
			}
		})
	}
	return func() { cancel(); work.Wait() }
}

// TestKilledNodesLoseNoJob: with a node killed every two seconds and started again
// at once, under load, every job that was accepted ends, once; mana adds up, and
// all nodes end up with the same state.
func TestKilledNodesLoseNoJob(t *testing.T) {
	f := newFleet(t, 10, loopback{})
	r := rand.New(rand.NewPCG(seed(t), 1))
	l := newLedger()
	stop := f.storm(l, f.nodes)
	for range rounds(t, 3) {
		time.Sleep(2 * time.Second) // the load between two cuts
		v := f.nodes[r.IntN(len(f.nodes))]
		v.kill()
		v.start()
		v.answers()
	}
	stop()
	for _, v := range f.nodes {
		v.ready()
	}
	f.until("all nodes are linked with each other again", func() bool { return f.together(f.nodes) })
	f.checkJobs(l)
	require.Greater(t, l.count("applied"), 20)
	for _, v := range f.nodes {
		checked, err := v.api.Load().AdminVerify(t.Context(), true)
		require.NoError(t, err)
		require.True(t, checked.OK, "%s: %v", v.name, checked.Problems)
	}
}

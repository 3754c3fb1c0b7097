package e2e

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// offer hands a job to a node, which posts it at once.
func (v *vessel) offer(job wire.Submit) icn.CID {
	v.f.Helper()
	s, err := v.api.Load().MeshSubmit(v.f.Context(), job)
	require.NoError(v.f, err)
	require.Equal(v.f, "applied", s.State)
	return s.JobID
}

// ended waits until a node tells that a job has ended, however.
func (v *vessel) ended(id icn.CID) node.JobView {
	v.f.Helper()
	var j node.JobView
	v.f.until(v.name+" tells that the job has ended", func() bool {
		var err error
		j, err = v.view(id)
		return err == nil && j.Ended > 0
	})
	return j
}

// at is the node with a DID.
func (f *fleet) at(d icn.DID) *vessel {
	f.Helper()
	i := slices.IndexFunc(f.nodes, func(v *vessel) bool { return v.did == d })
	require.GreaterOrEqual(f, i, 0, "%s is none of these nodes", d)
	return f.nodes[i]
}

// others are the nodes that are none of these.
func (f *fleet) others(but ...*vessel) []*vessel {
	return slices.DeleteFunc(slices.Clone(f.nodes), func(v *vessel) bool { return slices.Contains(but, v) })
}

// leader is the node that orders now.
func (f *fleet) leader() *vessel {
	f.Helper()
	s, err := f.nodes[0].api.Load().Status(f.Context())
	require.NoError(f, err)
	require.NotNil(f, s.Leader)
	return f.at(*s.Leader)
}

// account is what a node has, and what of it is held.
func (v *vessel) account() (balance, held uint64) {
	v.f.Helper()
	a, err := v.api.Load().AccountMana(v.f.Context(), v.did, "")
	require.NoError(v.f, err)
	return a.Balance, a.Held
}

// S7: a job submitted at A is run by B or C, completed as all three tell, and its
// result can be fetched from each of them.
func TestS7ResultCanBeFetchedFromEveryNode(t *testing.T) {
	f := newFleet(t, 3, loopback{})
	id := f.nodes[0].offer(f.job())
	for _, v := range f.nodes {
		j := v.knows(id)
		require.NotNil(t, j.Receipt)
		require.NotEqual(t, f.nodes[0].did, j.Receipt.Executor, "at %s", v.name)
		require.NotNil(t, j.Receipt.Output)
		b, err := v.api.Load().DagGet(t.Context(), *j.Receipt.Output)
		require.NoError(t, err)
		require.Equal(t, "IN CAPITALS, PLEASE", string(b))
	}
	f.level(f.nodes)
}

// S10: a job that nobody can run is rolled back with everything restored; one
// whose executor never answers is run by another.
func TestS10JobWithoutExecutorIsRefundedAndSilentExecutorIsReplaced(t *testing.T) {
	f := newFleet(t, 4, loopback{})
	a := f.nodes[0]
	job := f.job()
	job.Requires.Capabilities = []string{"no-node-has-this"}
	unwanted := f.nodes[1].offer(job)
	silent := a.offer(f.work(300))
	var first *vessel
	f.until("the job is assigned", func() bool {
		j, err := a.view(silent)
		if err != nil || j.Executor == nil {
			return false
		}
		first = f.at(*j.Executor)
		return true
	})
	first.signal(syscall.SIGSTOP)
	for _, v := range f.others(first) {
		j := v.knows(silent)
		require.NotNil(t, j.Receipt)
		require.NotEqual(t, first.did, j.Receipt.Executor)
		require.NotEmpty(t, j.Failures)
		require.Equal(t, first.did, *j.Failures[0].Executor)
	}
	first.signal(syscall.SIGCONT)
	first.knows(silent)
	j := f.nodes[1].ended(unwanted)
	require.Equal(t, node.JobRolledBack, j.State)
	require.Equal(t, job.Budget, j.Restored)
	require.NotEmpty(t, j.Failures)
	f.rest()
	_, held := f.nodes[1].account()
	require.Zero(t, held)
	e := f.ends(a)
	require.Equal(t, map[icn.CID]int{silent: 1}, e.settled)
	require.Equal(t, map[icn.CID]int{unwanted: 1}, e.rolledBack)
	f.level(f.nodes)
}

// S15: with C stopped a job completes, and C learns of it when it is back.
func TestS15NodeThatWasAwayLearnsWhatHappened(t *testing.T) {
	f := newFleet(t, 3, loopback{})
	a, c := f.nodes[0], f.nodes[2]
	c.signal(syscall.SIGTERM)
	require.NoError(t, c.cmd.Wait())
	id := a.offer(f.job())
	want := a.knows(id)
	c.start()
	c.ready()
	require.Equal(t, want, c.knows(id))
	proof, err := c.api.Load().MeshReceipt(t.Context(), id, patience)
	require.NoError(t, err)
	require.Equal(t, want.Receipt, proof.Job.Receipt)
	f.level(f.nodes)
}

// S16: with two of ten nodes standing still a job completes, and both tell the
// same of it when they go on.
func TestS16PausedNodesLearnWhatHappened(t *testing.T) {
	f := newFleet(t, 10, loopback{})
	led := f.leader()
	bystander := f.others(led)[3]
	submitter := f.others(led, bystander)[0]
	paused := []*vessel{led, bystander} // the harder half: one of them orders
	for _, v := range paused {
		v.signal(syscall.SIGSTOP)
	}
	s, err := submitter.api.Load().MeshSubmit(t.Context(), f.job())
	require.NoError(t, err)
	want := submitter.knows(s.JobID)
	for _, v := range f.others(paused...) {
		require.Equal(t, want, v.knows(s.JobID), "at %s", v.name)
	}
	for _, v := range paused {
		v.signal(syscall.SIGCONT)
	}
	for _, v := range paused {
		require.Equal(t, want, v.knows(s.JobID), "at %s", v.name)
	}
	f.rest()
	require.Equal(t, 1, f.ends(led).settled[s.JobID])
	f.level(f.nodes)
}

// S22: what is stored at one node can be read at every other, by many at once,
// whole and unchanged; also after the one that stored it is gone.
func TestS22BlocksAreReadAnywhere(t *testing.T) {
	f := newFleet(t, 5, loopback{})
	content := func(v *vessel, i int) string {
		return fmt.Sprintf("%s %d %s", v.name, i, strings.Repeat("block ", 1+i*300))
	}
	var work sync.WaitGroup
	var mu sync.Mutex
	blocks := map[icn.CID]string{}
	for _, v := range f.nodes {
		work.Go(func() {
			for i := range 20 {
				c, err := v.api.Load().DagPut(t.Context(), []byte(content(v, i)), client.Put{})
				require.NoError(t, err)
				mu.Lock()
				blocks[c] = content(v, i)
				mu.Unlock()
			}
		})
	}
	work.Wait()
	large := bytes.Repeat([]byte("a file of several blocks\n"), 60_000)
	added, err := f.nodes[1].api.Load().DagAdd(t.Context(), bytes.NewReader(large))
	require.NoError(t, err)
	for _, v := range f.nodes {
		work.Go(func() {
			for c, want := range blocks { // order: each by itself
				b, err := v.api.Load().DagGet(t.Context(), c)
				if !assertSame(t, v, err, want == string(b)) {
					return
				}
			}
			r, err := v.api.Load().DagCat(t.Context(), added.CID)
			if !assertSame(t, v, err, true) {
				return
			}
			defer r.Close()
			got, err := io.ReadAll(r)
			assertSame(t, v, err, bytes.Equal(large, got))
		})
	}
	work.Wait()
	f.nodes[1].kill() // others have it now
	r, err := f.nodes[4].api.Load().DagCat(t.Context(), added.CID)
	require.NoError(t, err)
	defer r.Close()
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.True(t, bytes.Equal(large, got))
	absent := icn.SumCID(icn.Raw, []byte("nobody has this"))
	_, err = f.nodes[0].api.Load().DagGet(t.Context(), absent)
	require.ErrorIs(t, err, icn.ErrNotFound)
}

func assertSame(t *testing.T, v *vessel, err error, same bool) bool {
	if err != nil || !same {
		t.Errorf("%s: read back: %v, the same: %v", v.name, err, same)
		return false
	}
	return true
}

// S23: nodes that hold the same log hold the same state, tell the same of it, and
// sign it; also what one of them folds anew from its log.
func TestS23NodesHaveTheSameRoots(t *testing.T) {
	f := newFleet(t, 5, loopback{})
	f.checkAll(f.submit(f.nodes[2], f.job(), 20, 4))
	s := f.level(f.nodes)
	points := make([]wire.Checkpoint, len(f.nodes))
	f.until("all nodes have a quorum's signatures under the same checkpoint", func() bool {
		for i, v := range f.nodes {
			var err error
			if points[i], err = v.api.Load().Checkpoint(t.Context()); err != nil || points[i].Size < s.Height || points[i].Size != points[0].Size {
				return false
			}
		}
		return true
	})
	for i, v := range f.nodes {
		require.Equal(t, points[0].State, points[i].State)
		require.Equal(t, points[0].Tree, points[i].Tree)
		checked, err := v.api.Load().AdminVerify(t.Context(), true)
		require.NoError(t, err)
		require.True(t, checked.OK, "%s: %v", v.name, checked.Problems)
	}
}

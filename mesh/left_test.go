package mesh_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mesh"
)

// leave takes a node out of the federation.
func (m *market) leave(name string) {
	m.Helper()
	m.nodes[did(name)] = false
	m.db.Begin()
	require.NoError(m, m.carryOut(m.f.Left(m.step(did(name)), did(name))))
	m.db.Commit()
	m.check()
}

func TestAJobOfAnExecutorThatLeavesGoesToTheNextAtOnce(t *testing.T) {
	m := newMarket(t)
	id := m.post(100)
	require.Equal(t, "n2", m.give(id, offer("n2", 10), offer("n3", 20)))
	m.leave("n2")
	who := did("n2")
	require.Equal(t, []icn.EventBody{
		icn.AttemptFailed{Job: id, Attempt: 1, Executor: &who, Cause: icn.CauseLeft, Reason: "the executor left the federation"},
		icn.JobAssigned{Job: id, Attempt: 2, Executor: did("n3"), Price: 20, Next: true},
	}, m.events)
	require.EqualValues(t, 1, m.f.Standing(did("n2")).Gone)
	require.Zero(t, m.f.Standing(did("n2")).Open)
	m.must("n3", m.receipt(id, 2))
	m.closed(id, "settled")
}

func TestAJobThatOnlyWhoLeftCouldAssignIsRolledBack(t *testing.T) {
	m := newMarket(t)
	id := m.post(100)
	m.leave("n1")
	require.Equal(t, []icn.EventBody{
		icn.AttemptFailed{Job: id, Attempt: 1, Cause: icn.CauseUnassigned, Reason: "the node that assigns it left the federation"},
		icn.JobRolledBack{Job: id, Submitter: did("ann"), Attempts: 1, Executors: []icn.DID{}, Errors: []string{"the node that assigns it left the federation"}, Restored: 100},
	}, m.events)
	m.closed(id, "rolled back")
	require.EqualValues(t, purse, m.free[did("ann")])
	require.Empty(t, m.timers)
}

func TestARunGoesOnWhenWhoAssignedItLeaves(t *testing.T) {
	m := newMarket(t)
	done, fails := m.post(100), m.post(100)
	m.give(done, offer("n2", 10))
	m.give(fails, offer("n2", 10))
	m.leave("n1")
	require.Empty(t, m.events)
	m.must("n2", m.receipt(done, 1))
	m.closed(done, "settled")
	m.must("n2", icn.JobFail{Job: fails, Attempt: 1, Executor: did("n2"), Reason: "disk"})
	m.closed(fails, "rolled back") // nobody could hold another auction
}

func TestCopiesAreCountedWithoutWhoLeft(t *testing.T) {
	m := newMarket(t)
	s := spec()
	s.Copies = icn.JobCopies{Of: 3, Agree: 2}
	m.must("ann", icn.JobPost{Via: did("n1"), Budget: 90, Spec: s})
	id := m.events[0].(icn.JobPosted).Job
	m.must("n1", icn.JobAssign{Job: id, Attempt: 1, Offers: []icn.Offer{offer("n2", 10), offer("n3", 10), offer("n4", 10)}})
	m.must("n2", m.receipt(id, 1))
	m.leave("n4")
	require.Equal(t, "", m.ended[id])
	m.must("n3", m.receipt(id, 1))
	m.closed(id, "settled")
}

func TestNobodyWaitsForTheVerdictOfWhoLeft(t *testing.T) {
	m := newMarket(t)
	id := m.assigned()
	m.must("n2", m.receipt(id, 1))
	m.must("n1", icn.JobCheck{Job: id})
	first := m.events[0].(icn.CheckOpened).Checker
	for _, n := range []string{"n3", "n4"} {
		if did(n) == first {
			m.leave(n)
		}
	}
	require.Len(t, m.events, 1)
	second := m.events[0].(icn.CheckOpened).Checker
	require.NotEqual(t, first, second)
	c, ok := m.f.Settled(id)
	require.True(t, ok)
	require.False(t, c.Pending(first))
	require.True(t, c.Pending(second))
	require.Equal(t, mesh.Verdict{By: first}, c.Verdicts[0])
}

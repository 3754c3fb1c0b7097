package identity_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
)

func (x *federation) expel(by, node string) []icn.EventBody {
	x.Helper()
	_, events := x.must(by, icn.NodeExpel{Node: did(node), Reason: "it lies"})
	return events
}

func TestAMajorityOfTheClerksExpelsANode(t *testing.T) {
	x := found(t, "n1", "n2", "n3", "n4", "n5")
	require.Equal(t, []icn.EventBody{icn.ExpulsionVoted{Node: did("n2"), Reason: "it lies", Votes: 1, Needed: 3}}, x.expel("n1", "n2"))
	require.Equal(t, []icn.EventBody{icn.ExpulsionVoted{Node: did("n2"), Reason: "it lies", Votes: 1, Needed: 3}}, x.expel("n1", "n2"), "one clerk has one word")
	x.expel("n4", "n2")
	require.True(t, x.f.Belongs(did("n2")))
	require.Equal(t, []icn.EventBody{
		icn.ExpulsionVoted{Node: did("n2"), Reason: "it lies", Votes: 3, Needed: 3},
		icn.NodeLeft{Node: did("n2"), Expelled: true, Reason: "it lies"},
	}, x.expel("n5", "n2"))
	require.False(t, x.f.Belongs(did("n2")))
	require.Equal(t, x.peers("n1", 1, "n3", 3, "n4", 4), x.f.Clerks(x.rules), "four nodes have three clerks")
	x.accused()
	x.refused("n1", icn.NodeExpel{Node: did("n2")}, icn.ErrNotFound, "does not belong")
}

func TestOnlyClerksExpelAndNobodyHimself(t *testing.T) {
	x := found(t, "n1", "n2", "n3", "n4")
	x.refused("n4", icn.NodeExpel{Node: did("n1")}, icn.ErrDenied, "only clerks")
	x.refused("ann", icn.NodeExpel{Node: did("n1")}, icn.ErrDenied, "only clerks")
	x.refused("n1", icn.NodeExpel{Node: did("n1")}, icn.ErrInvalid, "it can leave")
	x.refused("n1", icn.NodeExpel{Node: did("n2"), Withdrawn: true}, icn.ErrNotFound, "has not said so")
}

func TestAWithdrawnOrOldWordDoesNotCount(t *testing.T) {
	x := found(t, "n1", "n2", "n3")
	x.expel("n1", "n3")
	x.accused("n3")
	_, events := x.must("n1", icn.NodeExpel{Node: did("n3"), Withdrawn: true})
	require.Equal(t, []icn.EventBody{icn.ExpulsionVoted{Node: did("n3"), Withdrawn: true, Needed: 2}}, events)
	x.accused()
	x.expel("n1", "n3")
	x.now += 7*day + 1
	x.expel("n2", "n3")
	require.True(t, x.f.Belongs(did("n3")))
	x.expel("n1", "n3")
	require.False(t, x.f.Belongs(did("n3")))
}

func TestTheWordOfWhoIsNoClerkAnyMoreDoesNotCount(t *testing.T) {
	x := found(t, "n1", "n2", "n3", "n4", "n5")
	x.expel("n1", "n3")
	x.expel("n2", "n3")
	x.must("n2", icn.NodeLeave{})
	x.refused("n5", icn.NodeExpel{Node: did("n3")}, icn.ErrDenied, "only clerks") // n1, n3 and n4 are
	require.True(t, x.f.Belongs(did("n3")))
	x.expel("n4", "n3")
	require.False(t, x.f.Belongs(did("n3")), "with n1's")
}

// accused says against whom there is a word.
func (x *federation) accused(names ...string) {
	x.Helper()
	want := map[icn.DID]bool{}
	for _, n := range names {
		want[did(n)] = true
	}
	got := map[icn.DID]bool{}
	x.f.Accused(func(d icn.DID, _ identity.Ballots) bool { got[d] = true; return true })
	require.Equal(x, want, got)
}

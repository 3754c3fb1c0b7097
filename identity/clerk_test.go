package identity_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/state"
)

func nodes(names ...string) []icn.DID {
	out := []icn.DID{}
	for _, n := range names {
		out = append(out, did(n))
	}
	return out
}

func TestChosenNodesAreClerksFirst(t *testing.T) {
	x := found(t, "n1", "n2", "n3", "n4", "n5", "n6")
	x.rules.Clerks = 3
	_, events := x.mustEnact(icn.SetClerks{Nodes: nodes("n5", "n2")})
	require.Equal(t, []icn.EventBody{icn.ClerksChosen{Nodes: nodes("n5", "n2"), Was: nodes()}}, events)
	require.Equal(t, x.peers("n5", 5, "n2", 2, "n1", 1), x.f.Clerks(x.rules), "the oldest fills the place that is left")
	require.Equal(t, x.peers("n3", 3, "n4", 4, "n6", 6), x.f.Learners(x.rules))
	require.True(t, x.f.IsClerk(did("n5"), x.rules) && !x.f.IsClerk(did("n3"), x.rules))
	require.Equal(t, x.peers("n1", 1, "n2", 2, "n3", 3, "n4", 4, "n5", 5, "n6", 6), x.f.Nodes(), "the order of admission is what it was")
	x.rules.Clerks = 7
	require.Equal(t, x.peers("n5", 5, "n2", 2, "n1", 1, "n3", 3, "n4", 4), x.f.Clerks(x.rules), "an odd number")

	x.rules.Clerks = 1
	require.Equal(t, x.peers("n5", 5), x.f.Clerks(x.rules))
	x.must("n5", icn.NodeLeave{})
	require.Equal(t, x.peers("n2", 2), x.f.Clerks(x.rules))
	x.must("n2", admit("n5", ""))
	require.Equal(t, x.peers("n2", 2), x.f.Clerks(x.rules), "who comes back is like any other")
	_, events = x.mustEnact(icn.SetClerks{})
	require.Equal(t, []icn.EventBody{icn.ClerksChosen{Nodes: nodes(), Was: nodes("n2")}}, events)
	require.Equal(t, x.peers("n1", 1), x.f.Clerks(x.rules))
}

func TestOnlyNodesCanBeChosenAndOnce(t *testing.T) {
	x := found(t, "n1", "n2")
	x.stopped(icn.SetClerks{Nodes: nodes("n1", "ann")}, icn.ErrConflict, "not a node")
	x.stopped(icn.SetClerks{Nodes: nodes("n2", "n2")}, icn.ErrInvalid, "twice")
	x.must("n2", icn.NodeLeave{})
	x.stopped(icn.SetClerks{Nodes: nodes("n2")}, icn.ErrConflict, "not a node")
}

func TestAVoteExpelsANode(t *testing.T) {
	x := found(t, "n1", "n2", "n3")
	x.expel("n1", "n2")
	_, events := x.mustEnact(icn.ExpelNode{Node: did("n2"), Reason: "it lies"})
	require.Equal(t, []icn.EventBody{icn.NodeLeft{Node: did("n2"), Expelled: true, Reason: "it lies"}}, events)
	x.accused()
	x.stopped(icn.ExpelNode{Node: did("n2")}, icn.ErrNotFound, "does not belong")
	x.mustEnact(icn.ExpelNode{Node: did("n1")})
	x.stopped(icn.ExpelNode{Node: did("n3")}, icn.ErrConflict, "the last one")
	x.stopped(icn.Declare{}, icn.ErrInvalid, "text")
}

func TestARestoredFoldHasTheSameClerks(t *testing.T) {
	x := found(t, "n1", "n2", "n3")
	require.True(t, x.f.ClerksKept(x.rules), "written down at the beginning")
	x.mustEnact(icn.SetClerks{Nodes: nodes("n3")})
	require.False(t, x.f.ClerksKept(x.rules))
	x.f.KeepClerks(x.rules)
	require.True(t, x.f.ClerksKept(x.rules))
	root := x.db.Root()
	x.f.KeepClerks(x.rules)
	require.Equal(t, root, x.db.Root())
	fewer := x.rules
	fewer.Clerks = 1
	require.False(t, x.f.ClerksKept(fewer))
	db := state.NewDB()
	f := identity.New(db)
	require.NoError(t, db.Restore(icn.NewReader(x.db.Snapshot(nil))))
	f.Refresh()
	require.Equal(t, x.f.Clerks(x.rules), f.Clerks(x.rules))
	require.True(t, f.ClerksKept(x.rules))
}

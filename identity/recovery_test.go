package identity_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/state"
)

func guardians(needed uint64, names ...string) icn.GuardiansSet {
	return icn.GuardiansSet{Guardians: nodes(names...), Needed: needed}
}

func support(key string) icn.RecoverySupport {
	return icn.RecoverySupport{Member: did("ann"), Key: did(key)}
}

// guarded is a federation in which two of bob, cat and dan can give ann a new key.
func guarded(t *testing.T) *federation {
	x := found(t, "n1", "n2")
	for _, n := range []string{"bob", "cat", "dan", "eve"} {
		x.mustEnact(admitted(n))
	}
	_, events := x.must("ann", guardians(2, "bob", "cat", "dan"))
	require.Equal(t, []icn.EventBody{icn.GuardiansChanged{Member: did("ann"), Guardians: nodes("bob", "cat", "dan"), Needed: 2}}, events)
	return x
}

func (x *federation) timer() string { return "identity/recovery/" + did("ann").String() }

func TestEnoughGuardiansGiveANewKeyAfterTheDelay(t *testing.T) {
	x := guarded(t)
	effects, events := x.must("bob", support("new"))
	require.Empty(t, effects)
	require.Equal(t, []icn.EventBody{icn.RecoverySupported{Member: did("ann"), Key: did("new"), Guardian: did("bob"), Support: 1, Needed: 2}}, events)
	_, events = x.must("bob", support("new"))
	require.EqualValues(t, 1, events[0].(icn.RecoverySupported).Support, "one guardian has one word")
	due := x.now + 3*day
	effects, events = x.must("dan", support("new"))
	require.Equal(t, []icn.Effect{icn.SetTimer{Name: x.timer(), Due: due}}, effects)
	require.Equal(t, []icn.EventBody{icn.RecoverySupported{Member: did("ann"), Key: did("new"), Guardian: did("dan"), Support: 2, Needed: 2, Due: due}}, events)
	require.Equal(t, map[string]icn.Time{x.timer(): due}, x.timers())
	effects, events = x.must("cat", support("new"))
	require.Empty(t, effects, "more of them make it no later")
	require.Equal(t, due, events[0].(icn.RecoverySupported).Due)
	require.Equal(t, [32]byte(did("ann")), x.f.KeyOf(did("ann")))
	x.now = due
	require.Equal(t, []icn.EventBody{icn.KeyRotated{Who: did("ann"), Key: did("new"), Was: did("ann")}}, x.fire(x.timer()))
	require.Equal(t, [32]byte(did("new")), x.f.KeyOf(did("ann")))
	_, under := x.f.RecoveryOf(did("ann"))
	require.False(t, under)
	g, _ := x.f.GuardiansOf(did("ann"))
	require.Len(t, g.All, 3, "they stay")
	x.refused("bob", support("new"), icn.ErrConflict, "somebody's")
}

func TestOnlyGuardiansSupportAndOnlyGoodKeys(t *testing.T) {
	x := guarded(t)
	x.refused("eve", support("new"), icn.ErrDenied, "not a guardian")
	x.refused("ann", support("new"), icn.ErrDenied, "not a guardian")
	x.refused("bob", support("eve"), icn.ErrConflict, "somebody's")
	x.refused("bob", icn.RecoverySupport{Member: did("ann")}, icn.ErrInvalid, "anybody could sign")
	x.refused("bob", icn.RecoverySupport{Member: did("nobody"), Key: did("new")}, icn.ErrNotFound, "not a member")
	x.refused("bob", icn.RecoverySupport{Member: did("n1"), Key: did("new")}, icn.ErrDenied, "its machine")
	x.must("ann", icn.MemberLeave{})
	x.refused("bob", support("new"), icn.ErrNotFound, "not a member")
}

func TestGuardiansAreSeveralOthersWhoBelong(t *testing.T) {
	x := guarded(t)
	x.refused("ann", guardians(1, "ann"), icn.ErrInvalid, "their own")
	x.refused("ann", guardians(1, "bob", "bob"), icn.ErrInvalid, "twice")
	x.refused("ann", guardians(1, "nobody"), icn.ErrNotFound, "does not belong")
	x.refused("ann", guardians(3, "bob", "cat"), icn.ErrInvalid, "3 of 2")
	x.refused("ann", guardians(0, "bob", "cat"), icn.ErrInvalid, "from 1 to 2")
	x.refused("ann", guardians(1), icn.ErrInvalid, "1 of 0")
	x.refused("n1", guardians(1, "bob"), icn.ErrDenied, "its machine")
	x.must("ann", guardians(1, "n1", "bob")) // a node may help
	_, events := x.must("ann", guardians(0))
	require.Equal(t, []icn.EventBody{icn.GuardiansChanged{Member: did("ann"), Guardians: nodes()}}, events)
	_, ok := x.f.GuardiansOf(did("ann"))
	require.False(t, ok)
	x.refused("bob", support("new"), icn.ErrDenied, "not a guardian")
}

func TestAVetoOrAKeyOfOnesOwnStopsARecovery(t *testing.T) {
	x := guarded(t)
	x.refused("ann", icn.RecoveryVeto{}, icn.ErrNotFound, "nobody wants")
	begin := func() {
		x.must("bob", support("new"))
		x.must("cat", support("new"))
		require.Len(t, x.timers(), 1)
	}
	for _, stop := range []icn.Op{icn.RecoveryVeto{}, guardians(0), icn.KeyRotate{Key: did("ann 2")}, icn.MemberLeave{}} {
		x.must("ann", guardians(2, "bob", "cat", "dan"))
		begin()
		effects, _ := x.must("ann", stop)
		require.Equal(t, []icn.Effect{icn.ClearTimer{Name: x.timer()}}, effects, stop.Kind())
		require.Empty(t, x.timers())
		_, under := x.f.RecoveryOf(did("ann"))
		require.False(t, under, stop.Kind())
		require.Empty(t, x.fire(x.timer()), stop.Kind())
		x.sound()
	}
	x.must("n1", icn.MemberAdmit{Member: did("ann"), Role: icn.RolePerson})
	x.must("ann", guardians(2, "bob", "cat"))
	begin()
	_, events := x.must("ann", icn.RecoveryVeto{})
	require.Equal(t, []icn.EventBody{icn.RecoveryVetoed{Member: did("ann")}}, events)
}

func TestAGuardianWantsOneKeyAtATime(t *testing.T) {
	x := guarded(t)
	x.must("bob", support("new"))
	x.must("cat", support("new"))
	effects, events := x.must("cat", support("other"))
	require.Equal(t, []icn.Effect{icn.ClearTimer{Name: x.timer()}}, effects, "too few want the first key now")
	require.EqualValues(t, 1, events[0].(icn.RecoverySupported).Support)
	require.Zero(t, events[0].(icn.RecoverySupported).Due)
	effects, _ = x.must("bob", support("other"))
	require.Equal(t, []icn.Effect{icn.SetTimer{Name: x.timer(), Due: x.now + 3*day}}, effects)
	x.now += 3 * day
	require.Equal(t, []icn.EventBody{icn.KeyRotated{Who: did("ann"), Key: did("other"), Was: did("ann")}}, x.fire(x.timer()))
}

func TestTheFirstKeyWithEnoughSupportGoesOn(t *testing.T) {
	x := guarded(t)
	x.must("ann", guardians(1, "bob", "cat"))
	x.must("bob", support("new"))
	effects, events := x.must("cat", support("other"))
	require.Empty(t, effects)
	require.Zero(t, events[0].(icn.RecoverySupported).Due)
	effects, _ = x.must("ann", guardians(1, "cat")) // bob's word counts no more, cat's does
	require.Equal(t, []icn.Effect{icn.ClearTimer{Name: x.timer()}, icn.SetTimer{Name: x.timer(), Due: x.now + 3*day}}, effects)
	r, _ := x.f.RecoveryOf(did("ann"))
	require.Equal(t, identity.Recovery{Support: []identity.Support{{Guardian: did("cat"), Key: did("other")}}, Key: did("other"), Due: x.now + 3*day}, r)
}

func TestOnlyTheWordOfWhoIsAGuardianThenCounts(t *testing.T) {
	x := guarded(t)
	x.must("bob", support("new"))
	effects, _ := x.must("ann", guardians(2, "cat", "dan", "eve"))
	require.Empty(t, effects)
	_, under := x.f.RecoveryOf(did("ann"))
	require.False(t, under)
	x.must("ann", guardians(2, "bob", "cat", "dan"))
	_, events := x.must("cat", support("new"))
	require.EqualValues(t, 1, events[0].(icn.RecoverySupported).Support, "what bob said before was forgotten")

	x.must("dan", support("new"))
	x.must("dan", icn.MemberLeave{})
	x.now += 3 * day
	require.Empty(t, x.fire(x.timer()), "one of them has left")
	require.Equal(t, [32]byte(did("ann")), x.f.KeyOf(did("ann")))
	require.Empty(t, x.timers())
	x.mustEnact(icn.SuspendMember{Member: did("cat")})
	_, events = x.must("bob", support("new"))
	require.EqualValues(t, 1, events[0].(icn.RecoverySupported).Support, "the other is suspended")
	x.mustEnact(icn.ReinstateMember{Member: did("cat")})
	_, events = x.must("bob", support("new"))
	require.EqualValues(t, 2, events[0].(icn.RecoverySupported).Support)
}

func TestAKeyThatIsTakenMeanwhileIsNotGiven(t *testing.T) {
	x := guarded(t)
	x.must("bob", support("new"))
	x.must("cat", support("new"))
	x.must("eve", icn.KeyRotate{Key: did("new")})
	x.now += 3 * day
	require.Empty(t, x.fire(x.timer()))
	owner, _ := x.f.OwnerOf(did("new"))
	require.Equal(t, did("eve"), owner)
}

func TestWithoutDelayTheKeyChangesAtOnce(t *testing.T) {
	x := guarded(t)
	x.rules.RecoveryMillis = 0
	x.must("bob", support("new"))
	effects, events := x.must("cat", support("new"))
	require.Empty(t, effects)
	require.Equal(t, []icn.EventBody{
		icn.RecoverySupported{Member: did("ann"), Key: did("new"), Guardian: did("cat"), Support: 2, Needed: 2},
		icn.KeyRotated{Who: did("ann"), Key: did("new"), Was: did("ann")},
	}, events)
}

// TestWhoseKeyGuardiansGaveIsNoNode: what a clerk signs must be proven by
// statements that lead from its DID to its key.
func TestWhoseKeyGuardiansGaveIsNoNode(t *testing.T) {
	x := guarded(t)
	x.rules.RecoveryMillis = 0
	x.must("bob", support("new"))
	x.must("cat", support("new"))
	x.refused("n1", admit("ann", ""), icn.ErrConflict, "identity of its own")
	x.must("ann", icn.KeyRotate{Key: did("newer")})
	x.refused("n1", admit("ann", ""), icn.ErrConflict, "identity of its own")
}

func TestRecoveriesReadBackAsWritten(t *testing.T) {
	x := guarded(t)
	x.must("bob", support("new"))
	x.must("cat", support("new"))
	x.must("dan", support("other"))
	x.mustEnact(icn.SuspendMember{Member: did("eve"), Millis: 5})
	db := state.NewDB()
	f := identity.New(db)
	require.NoError(t, db.Restore(icn.NewReader(x.db.Snapshot(nil))))
	f.Refresh()
	require.NoError(t, f.Check())
	require.Equal(t, x.db.Root(), db.Root())
	want, _ := x.f.RecoveryOf(did("ann"))
	got, ok := f.RecoveryOf(did("ann"))
	require.True(t, ok)
	require.Equal(t, want, got)
	n := 0
	f.Timers(func(string, icn.Time) { n++ })
	require.Equal(t, 2, n)
}

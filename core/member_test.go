package core_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/key"
)

// guarded is a federation in which ann has lost her key, and eve, n1 and n2 can
// give her another: two of them.
func guarded(t *testing.T) *federation {
	f := newFederation(t, founding())
	f.say("n1", icn.MemberAdmit{Member: did("eve"), Role: icn.RolePerson, Name: "Eve"})
	f.say("ann", icn.GuardiansSet{Guardians: []icn.DID{did("eve"), did("n1"), did("n2")}, Needed: 2})
	return f
}

const recovery = 3 * 24 * 3_600_000

func TestGuardiansGiveAMemberANewKeyAndTheOldOneIsRefused(t *testing.T) {
	f := guarded(t)
	before, _ := f.m.Account(did("ann"), f.now)
	f.say("eve", f.recover("ann", "new"))
	f.say("n2", f.recover("ann", "new"))
	f.say("ann", icn.ManaSpend{Amount: 1}) // the old key is good until then
	out := f.tick(recovery)
	require.Contains(t, types(out), "KeyRotated")
	f.refused(f.statement("ann", icn.ManaSpend{Amount: 1}), icn.ErrDenied, "signature")
	f.numbers["ann"]--
	f.keys["ann"] = "new"
	f.say("ann", icn.ManaSpend{Amount: 1})
	after, _ := f.m.Account(did("ann"), f.now)
	require.GreaterOrEqual(t, after.Balance, before.Balance-2, "the account is hers as before")
	role, ok := f.m.OnRoll(did("ann"), f.m.Head().Index)
	require.True(t, ok && role == icn.RolePerson, "and her place on the roll")
}

func TestANewKeyMustAgreeToARecovery(t *testing.T) {
	f := guarded(t)
	stolen := f.recover("eve", "new") // it agreed to become eve's
	stolen.Member = did("ann")
	f.refused(f.statement("n1", stolen), icn.ErrDenied, "has not agreed")
	f.refused(f.statement("n1", icn.RecoverySupport{Member: did("ann"), Key: did("new")}), icn.ErrDenied, "has not agreed")
}

func TestAKeyThatChangesWithinAnEntryCountsForItsStatement(t *testing.T) {
	f := guarded(t)
	f.say("eve", f.recover("ann", "new"))
	f.say("n2", f.recover("ann", "new"))
	f.now += recovery
	f.refused(f.statement("ann", icn.ManaSpend{Amount: 1}), icn.ErrDenied, "signature")
	require.Equal(t, [32]byte(did("new")), f.m.KeyOf(did("ann")))
}

func TestASnapshotAmidARecoveryGoesOnAlike(t *testing.T) {
	f := guarded(t)
	f.say("eve", f.recover("ann", "new"))
	f.say("n2", f.recover("ann", "new"))
	again, err := core.Restore(f.genesis, key.Verify, f.m.Snapshot())
	require.NoError(t, err)
	out := f.tick(recovery)
	e, err := icn.DecodeEntry(out.Leaf)
	require.NoError(t, err)
	_, err = again.Apply(*e, core.Checked{})
	require.NoError(t, err)
	require.Equal(t, f.m.Root(), again.Root())
	require.Equal(t, [32]byte(did("new")), again.KeyOf(did("ann")))
}

// TestTheStateTellsWhoTheClerksAre: the row follows nodes and keys, also when a
// statement that changed them was refused at its end.
func TestTheStateTellsWhoTheClerksAre(t *testing.T) {
	f := newFederation(t, founding())
	row := func() string { return rows(t, f.m.Snapshot())["clerks"][""] }
	told := func() string {
		clerks := f.m.Clerks()
		b := icn.AppendArray(nil, len(clerks))
		for _, c := range clerks {
			b = icn.AppendDID(icn.AppendDID(icn.AppendArray(b, 2), c.DID), f.m.KeyOf(c.DID))
		}
		return string(b)
	}
	first := row()
	require.Equal(t, told(), first)
	f.refused(f.statement("n1", icn.NodeLeave{}, icn.JobCancel{Job: block("none")}), icn.ErrNotFound, "")
	require.Equal(t, first, row())
	f.say("n2", f.rotate("n2", "another"))
	require.Equal(t, told(), row())
	require.NotEqual(t, first, row())
	f.keys["n2"] = "another"
	f.say("n1", icn.NodeLeave{})
	require.Equal(t, told(), row())
	require.Equal(t, []identity.Peer{{DID: did("n2"), RaftID: 2}, {DID: did("n3"), RaftID: 3}, {DID: did("n4"), RaftID: 4}}, f.m.Clerks())
}

// TestASuspendedMemberMaySeeToItsKeyAndLeave: nothing else, and a batch with
// something else is refused whole, without using up its number.
func TestASuspendedMemberMaySeeToItsKeyAndLeave(t *testing.T) {
	f := assembled(t)
	id := f.propose("ann", icn.SuspendMember{Member: did("cyd"), Reason: "unpaid"})
	f.votes(id, icn.Yes, "ann", "bob")
	f.closes(id)
	for _, op := range []icn.Op{post("n1", 5), icn.ManaSpend{Amount: 1}, icn.InviteCreate{Role: icn.RolePerson, Expires: f.now + 5}, icn.NodeLeave{}, icn.DelegationRevoke{}} {
		out := f.refused(f.statement("cyd", icn.GuardiansSet{Guardians: []icn.DID{did("bob")}, Needed: 1}, op), icn.ErrDenied, "is suspended")
		require.False(t, out.Spent, op.Kind())
		f.numbers["cyd"]--
		require.ErrorIs(t, f.m.Check(f.statement("cyd", op)), icn.ErrDenied, "a node says so at once")
		f.numbers["cyd"]--
	}
	f.say("cyd", icn.GuardiansSet{Guardians: []icn.DID{did("bob")}, Needed: 1})
	f.say("bob", f.recover("cyd", "found by a thief"))
	f.say("cyd", icn.RecoveryVeto{}, f.rotate("cyd", "cyd 2"))
	f.keys["cyd"] = "cyd 2"
	f.say("cyd", icn.MemberLeave{})
	f.refused(f.statement("cyd", icn.MemberLeave{}), icn.ErrDenied, "does not belong")
}

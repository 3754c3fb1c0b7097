package core_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

func TestARotatedKeyKeepsEverythingButTheKey(t *testing.T) {
	f := newFederation(t, founding())
	before, _ := f.m.Account(did("ann"), f.now)
	out := f.say("ann", f.rotate("ann", "second"))
	require.Equal(t, icn.KeyRotated{Who: did("ann"), Key: did("second"), Was: did("ann")}, out.Events[len(out.Events)-1].Body)

	old := f.statement("ann", post("n1", 5))
	f.refused(old, icn.ErrDenied, "signature")
	f.numbers["ann"]-- // nobody said that, so the number is free
	f.keys["ann"] = "second"
	f.say("ann", post("n1", 5))
	after, _ := f.m.Account(did("ann"), f.now)
	require.Equal(t, before.Balance-5, after.Balance)
	require.Equal(t, [32]byte(did("second")), f.m.KeyOf(did("ann")))

	f.say("ann", f.rotate("ann", "third"))
	f.refused(f.statement("ann", post("n1", 5)), icn.ErrDenied, "signature")
	f.numbers["ann"]--
	f.keys["ann"] = "third"
	f.say("ann", post("n1", 5))
	for k, current := range map[string]bool{"ann": false, "second": false, "third": true} {
		owner, now := f.m.OwnerOf(did(k))
		require.Equal(t, did("ann"), owner, k)
		require.Equal(t, current, now, k)
	}
}

func TestWhoIsTakenForWhomBySignatureAlone(t *testing.T) {
	f := newFederation(t, founding())
	stolen := f.rotate("n4", "second") // the key agreed to become n4's
	f.refused(f.statement("ann", stolen), icn.ErrDenied, "has not agreed")
	f.refused(f.statement("ann", icn.KeyRotate{Key: did("second")}), icn.ErrDenied, "has not agreed")
	f.refused(f.statement("ann", f.rotate("ann", "n4")), icn.ErrConflict, "somebody's")
	f.refused(f.statement("ann", f.rotate("ann", "ann")), icn.ErrConflict, "somebody's")
	f.say("n4", stolen)
	f.keys["n4"] = "second"
	f.refused(f.statement("ann", f.rotate("ann", "second")), icn.ErrConflict, "somebody's")
	f.refused(f.statement("n4", f.rotate("n4", "n4")), icn.ErrConflict, "somebody's")
	f.refused(f.statement("n4", f.rotate("n4", "second")), icn.ErrConflict, "somebody's")
	f.refused(f.statement("n1", icn.NodeAdmit{Node: did("second"), Name: "n4 twice"}), icn.ErrConflict, "key of somebody")
	f.refused(f.statement("n1", icn.MemberAdmit{Member: did("second"), Role: icn.RolePerson}), icn.ErrConflict, "key of somebody")
	// The key itself is nobody: it speaks for its owner only.
	f.refused(f.statement("second", icn.NodeLeave{}), icn.ErrDenied, "does not belong")
}

// Whoever verified signatures in advance did so with the key of that moment.
func TestASignatureThatWasCheckedWithTheOldKeyCountsNoMore(t *testing.T) {
	f := newFederation(t, founding())
	f.say("ann", f.rotate("ann", "second"))
	s := f.statement("ann", post("n1", 5))
	e := icn.Entry{Index: f.m.Head().Index + 1, Time: f.now, Wire: s.Encode(), Statement: s}
	out, err := f.m.Apply(e, core.Checked{Key: did("ann"), OK: true})
	require.NoError(t, err)
	require.ErrorIs(t, out.Refused, icn.ErrDenied)
}

func TestASnapshotKnowsWhoHasWhichKey(t *testing.T) {
	f := newFederation(t, founding())
	f.say("ann", f.rotate("ann", "second"))
	m, err := core.Restore(f.genesis, key.Verify, f.m.Snapshot())
	require.NoError(t, err)
	require.Equal(t, [32]byte(did("second")), m.KeyOf(did("ann")))
	require.Equal(t, f.m.Root(), m.Root())
}

func TestOnlyANodeHasAnAuditLog(t *testing.T) {
	f := newFederation(t, founding())
	f.refused(f.statement("ann", icn.AuditHead{Lines: 1}), icn.ErrDenied, "not a node")
	out := f.say("n2", icn.AuditHead{Lines: 3, Head: [32]byte{0xab}})
	require.Equal(t, uint64(3), out.Events[len(out.Events)-1].Body.(icn.AuditAnchored).Lines)
}

package reputation_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/reputation"
	"github.com/InterCooperative-Network/icn-core/state"
)

func TestAFrozenReputationCountsForNothingUntilItIsThawed(t *testing.T) {
	f, _ := fold()
	r := rules()
	s := reputation.Statement{Who: ann}
	see := func(at icn.Time, e icn.EventBody) []reputation.Change {
		s.See(at, r, e)
		return f.See(at, r, e)
	}
	same := func(at icn.Time, want uint64) {
		t.Helper()
		require.Equal(t, want, f.At(ann, at, r))
		require.Equal(t, want, s.Until(at, r), "told by events alone")
	}
	for range 20 {
		see(0, settled(bob, ann))
	}
	same(0, 60_000)
	c := see(0, icn.ReputationFrozen{Who: ann})
	require.Len(t, c, 1)
	require.True(t, c[0].Turned && c[0].Tier == icn.TierLow && c[0].Value == 0 && c[0].By == 0)
	same(0, 0)
	require.True(t, f.Frozen(ann) && !f.Frozen(bob))
	c = see(0, settled(bob, ann))
	require.False(t, c[0].Turned, "the tier stays low")
	require.Zero(t, c[0].Value)
	same(day, 0)
	c = see(day, icn.ReputationFrozen{Who: ann, Thawed: true})
	require.True(t, c[0].Turned && c[0].Tier == icn.TierNormal)
	same(day, 59_500) // 60.5, and a day was forgotten
}

func TestAnEnactedProposalIsWorthAPoint(t *testing.T) {
	f, _ := fold()
	c := f.See(0, rules(), icn.ProposerThanked{Account: ann})
	require.Equal(t, []reputation.Change{{Who: ann, By: 1000, Value: 51_000, Reason: "a proposal of theirs was enacted"}}, c)
}

func TestOtherRulesTurnTiersAndForgetNothingAfterwards(t *testing.T) {
	f, _ := fold()
	was := rules()
	for range 20 {
		f.See(0, was, settled(bob, ann))
	}
	f.See(0, was, settled(ann, bob))
	s := reputation.Statement{Who: ann}
	for range 20 {
		s.See(0, was, settled(bob, ann))
	}
	is := was
	is.TierHigh, is.ReputationDecay = 55, 0
	c := f.Turn(day, was, is)
	require.Len(t, c, 1)
	require.True(t, c[0].Who == ann && c[0].Turned && c[0].Tier == icn.TierHigh && c[0].Value == 59_000)
	s.See(day, was, icn.RuleChanged{Name: "reputation_decay_daily", Becomes: 0})
	require.EqualValues(t, 59_000, f.At(ann, 9*day, is), "from then on nothing is forgotten")
	require.EqualValues(t, 59_000, s.Until(9*day, is))
}

func TestWhoIsFrozenStandsInTheStateOrDoesNot(t *testing.T) {
	f, db := fold()
	f.See(0, rules(), icn.ReputationFrozen{Who: ann})
	again := state.NewDB()
	g := reputation.New(again)
	snapshot := db.Snapshot(nil)
	require.NoError(t, again.Restore(icn.NewReader(snapshot)))
	require.True(t, g.Frozen(ann))
	require.Zero(t, g.At(ann, 0, rules()))
	require.EqualValues(t, 0xf5, snapshot[len(snapshot)-1])
	snapshot[len(snapshot)-1] = 0xf4
	other := state.NewDB()
	reputation.New(other)
	require.ErrorIs(t, other.Restore(icn.NewReader(snapshot)), icn.ErrInvalid)
	f.See(0, rules(), icn.ReputationFrozen{Who: ann, Thawed: true})
	require.False(t, f.Frozen(ann))
}

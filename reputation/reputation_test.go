package reputation_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/reputation"
	"github.com/InterCooperative-Network/icn-core/state"
)

const day = 24 * 3_600_000

var ann, bob = icn.DID{1}, icn.DID{2}

func rules() icn.Rules { return icn.DefaultRules() }

func fold() (*reputation.Fold, *state.DB) {
	db := state.NewDB()
	return reputation.New(db), db
}

func settled(submitter, executor icn.DID) icn.EventBody {
	return icn.JobSettled{Submitter: submitter, Executor: executor, Burnt: 10}
}

func failed(who icn.DID, cause icn.Cause) icn.EventBody {
	return icn.AttemptFailed{Executor: &who, Cause: cause}
}

func TestEverybodyBeginsAtFifty(t *testing.T) {
	f, _ := fold()
	require.EqualValues(t, 50_000, f.At(ann, 5, rules()))
}

func TestWhatCountsAndWhatDoesNot(t *testing.T) {
	for name, x := range map[string]struct {
		event icn.EventBody
		want  uint64
	}{ // order: each stands alone
		"a paid result":               {settled(bob, ann), 50_500},
		"a result for oneself":        {settled(ann, ann), 50_000},
		"one of several who agreed":   {icn.JobSettled{Submitter: bob, Executor: bob, Paid: []icn.Payment{{Executor: ann, Amount: 1}}}, 50_500},
		"a failure":                   {failed(ann, icn.CauseFailed), 48_000},
		"silence":                     {failed(ann, icn.CauseUnanswered), 47_000},
		"a program's own fault":       {failed(ann, icn.CauseProgram), 50_000},
		"what was declined":           {failed(ann, icn.CauseDeclined), 50_000},
		"the word of who assigned it": {failed(ann, icn.CauseGone), 50_000},
		"one that gave no result":     {icn.RunFailed{Executor: ann}, 48_000},
		"a conviction":                {icn.ExecutorConvicted{Executor: ann}, 10_000},
		"a job that ended otherwise":  {icn.JobRolledBack{Submitter: ann}, 50_000},
	} {
		f, _ := fold()
		f.See(0, rules(), x.event)
		require.Equal(t, x.want, f.At(ann, 0, rules()), name)
	}
}

func TestItIsBoundedAndForgets(t *testing.T) {
	f, _ := fold()
	r := rules()
	for range 500 {
		f.See(0, r, settled(bob, ann))
	}
	require.EqualValues(t, 100_000, f.At(ann, 0, r))
	require.EqualValues(t, 99_000, f.At(ann, day, r))
	require.EqualValues(t, 50_000, f.At(ann, 1000*day, r))
	for range 9 {
		f.See(0, r, icn.ExecutorConvicted{Executor: bob})
	}
	require.Zero(t, f.At(bob, 0, r))
	require.EqualValues(t, 3_500, f.At(bob, 7*day/2, r))
}

func TestTheTierTurnsWithTheReputation(t *testing.T) {
	f, _ := fold()
	r := rules()
	c := f.See(0, r, icn.ExecutorConvicted{Executor: ann})
	require.Len(t, c, 1)
	require.True(t, c[0].Turned)
	require.Equal(t, icn.TierLow, c[0].Tier)
	require.False(t, f.See(0, r, failed(ann, icn.CauseFailed))[0].Turned)
	c = f.See(40*day, r, settled(bob, ann))
	require.True(t, c[0].Turned, "it has drifted back meanwhile")
	require.Equal(t, icn.TierNormal, c[0].Tier)
}

// TestLookingOftenChangesNothing: reputations that are touched at any times by
// events that do not count are as they would be without.
func TestLookingOftenChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rules()
		r.ReputationDecay = rapid.Uint64Range(0, 100_000).Draw(t, "decay")
		a, _ := fold()
		b, _ := fold()
		start := rapid.IntRange(0, 120).Draw(t, "events")
		bad := rapid.Bool().Draw(t, "bad")
		for range start {
			e := settled(bob, ann)
			if bad {
				e = failed(ann, icn.CauseFailed)
			}
			a.See(0, r, e)
			b.See(0, r, e)
		}
		now := icn.Time(0)
		for range rapid.IntRange(0, 10).Draw(t, "looks") {
			now += icn.Time(rapid.Int64Range(0, 3*day).Draw(t, "later"))
			a.See(now, r, icn.RunFailed{Executor: bob})
			a.At(ann, now, r)
		}
		require.Equal(t, b.At(ann, now, r), a.At(ann, now, r))
		require.LessOrEqual(t, a.At(ann, now, r), uint64(reputation.Most))
	})
}

func TestRowsReadBackAsWritten(t *testing.T) {
	f, db := fold()
	f.See(7, rules(), icn.ExecutorConvicted{Executor: ann})
	f.See(day+7, rules(), settled(bob, ann))
	again := state.NewDB()
	g := reputation.New(again)
	require.NoError(t, again.Restore(icn.NewReader(db.Snapshot(nil))))
	require.Equal(t, db.Root(), again.Root())
	require.Equal(t, f.At(ann, 2*day, rules()), g.At(ann, 2*day, rules()))
}

// TestAStatementIsWhatTheFoldHas: one reputation by itself, over the same events.
func TestAStatementIsWhatTheFoldHas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, _ := fold()
		r := rules()
		s := reputation.Statement{Who: ann}
		now := icn.Time(0)
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			now += icn.Time(rapid.IntRange(0, day).Draw(t, "pause"))
			e := rapid.SampledFrom([]icn.EventBody{
				settled(bob, ann), settled(ann, bob), failed(ann, icn.CauseFailed), failed(bob, icn.CauseUnanswered), icn.ExecutorConvicted{Executor: ann},
				icn.JobSettled{Submitter: bob, Paid: []icn.Payment{{Executor: ann}, {Executor: bob}, {Executor: ann}}}, icn.RunFailed{Executor: ann},
			}).Draw(t, "event")
			f.See(now, r, e)
			s.See(now, r, e)
			require.Equal(t, f.At(ann, now+day/3, r), s.Until(now+day/3, r))
		}
	})
}

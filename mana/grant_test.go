package mana_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mana"
)

func TestAGrantIsMadeUpToTheCap(t *testing.T) {
	b := newBank(t, rulesOf(1000, 1200, 0))
	told, err := b.f.Do(mana.Step{Rules: b.rules}, icn.Grant{Account: ann, Amount: 150, Purpose: "the fair"})
	require.NoError(t, err)
	require.Equal(t, icn.BudgetGranted{Account: ann, Amount: 150, Purpose: "the fair"}, told)
	b.has(ann, 0, 1150, 0)
	thanked := icn.CID{}
	require.NoError(t, thanked.UnmarshalText([]byte("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e")))
	told, err = b.f.Do(mana.Step{Rules: b.rules}, icn.Grant{Account: ann, Amount: 60, Thanks: thanked})
	require.NoError(t, err)
	require.Equal(t, icn.ProposerThanked{Proposal: thanked, Account: ann, Amount: 60}, told)
	b.has(ann, 0, 1200, 0)
	require.EqualValues(t, 10, b.f.Totals().Lost, "what is over it is lost")
	require.ErrorIs(t, b.do(0, icn.Grant{Account: icn.DID{9}, Amount: 1}), icn.ErrNotFound)
}

// TestANewRateIsNoneForTheTimeThatHasPassed: accounts that nobody has looked at for
// a year have grown by the rules of that year.
func TestANewRateIsNoneForTheTimeThatHasPassed(t *testing.T) {
	b := newBank(t, rulesOf(1000, 1<<40, 10))
	b.must(5*hour, icn.Hold{Account: bob, Amount: 0}) // one was looked at
	b.f.CatchUp(mana.Step{Time: 100 * hour, Rules: b.rules})
	require.True(t, b.f.Totals().Balanced())
	b.rules.ManaPerHour = 1000
	b.has(ann, 100*hour, 2000, 0)
	b.has(bob, 100*hour, 2000, 0)
	b.has(ann, 101*hour, 3000, 0)
}

// TestAStatementFollowsVotes: costs, budgets and rules that change, told by events,
// add up to what the fold has.
func TestAStatementFollowsVotes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rulesOf(100, 500, 7)
		f, _ := newFold()
		s := mana.Statement{Who: ann, Rules: r}
		now := icn.Time(0)
		do := func(e icn.Effect) icn.EventBody {
			told, err := f.Do(mana.Step{Time: now, Rules: r}, e)
			require.NoError(t, err)
			return told
		}
		s.See(now, do(icn.OpenAccount{Account: ann}))
		var grown uint64
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now += icn.Time(rapid.IntRange(0, 20*hour).Draw(t, "later"))
			var told icn.EventBody
			switch a, _ := f.At(ann, now, r); rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				told = do(icn.Grant{Account: ann, Amount: rapid.Uint64Range(0, 300).Draw(t, "amount")})
			case 1:
				cost := rapid.Uint64Range(0, a.Balance).Draw(t, "cost")
				do(icn.Spend{Account: ann, Amount: cost})
				told = icn.VoteCast{Voter: ann, Cost: cost}
			case 2:
				cost := rapid.Uint64Range(0, a.Balance).Draw(t, "cost")
				do(icn.Spend{Account: ann, Amount: cost})
				told = icn.VoteCast{Voter: bob, By: &ann, Cost: cost}
			case 3:
				cost := rapid.Uint64Range(0, a.Balance).Draw(t, "cost")
				do(icn.Spend{Account: ann, Amount: cost})
				told = icn.ProposalCreated{Proposer: ann, Cost: cost}
			case 4:
				told = icn.VoteCast{Voter: ann, By: &bob, Cost: 5} // another's cost
			default:
				name := rapid.SampledFrom([]string{"mana_regeneration_rate", "mana_max_capacity"}).Draw(t, "rule")
				b := icn.RuleChanged{Name: name, Becomes: rapid.Uint64Range(1, 1000).Draw(t, "value")}
				f.CatchUp(mana.Step{Time: now, Rules: r})
				r, _ = r.With(b.Name, b.Becomes)
				told = b
			}
			line, _ := s.See(now, told)
			grown += line.Regenerated
			a, _ := f.At(ann, now, r)
			require.Equal(t, a.Balance, s.Until(now).Balance)
		}
		now += hour
		line, changed := s.See(now, do(icn.Grant{Account: ann, Amount: 0}))
		require.True(t, changed)
		require.Equal(t, f.Totals().Regenerated, grown+line.Regenerated, "each unit that has grown stands in a line")
	})
}

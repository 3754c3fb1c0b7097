package tally_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/tally"
)

// The options' CIDs ascend with their places, so of a tie that nothing else decides
// the option with the highest place goes out.
func TestInstantRunOff(t *testing.T) {
	round := func(exhausted uint64, counts []uint64, out ...uint64) icn.Round {
		return icn.Round{Counts: counts, Exhausted: exhausted, Out: out}
	}
	for name, c := range map[string]struct {
		options     int
		ballots     string
		delegations string
		winner      uint64
		rounds      []icn.Round
		reason      string
	}{
		"scenario 18: a majority in the first round": {
			options: 3, ballots: "a:1,2 b:1,3 c:1 d:2,1 e:3",
			winner: 1, rounds: []icn.Round{round(0, []uint64{3, 1, 1})},
			reason: "option 1 has 3 of 5 votes in round 1: more than half; 5 of 8 took part, 1 was needed",
		},
		"half is not more than half": {
			options: 3, ballots: "a:1 b:1 c:2 d:3,2",
			winner: 1, rounds: []icn.Round{
				round(0, []uint64{2, 1, 1}, 3), // alike from the beginning: the larger CID
				round(0, []uint64{2, 2, 0}, 2), // option 2 had fewer in round 1
				round(2, []uint64{2, 0, 0}),
			},
			reason: "option 1 has 2 of 2 votes in round 3: more than half, without the 2 whose options are all out; " +
				"in round 1 options with the fewest votes had had equally many all along, and the one with the largest CID went out; 4 of 8 took part, 1 was needed",
		},
		"the lowest goes out and its ballots move on": {
			options: 3, ballots: "a:1 b:1 c:1 d:2 e:2 f:3,2 g:3,2 h:2",
			winner: 2, rounds: []icn.Round{round(0, []uint64{3, 3, 2}, 3), round(0, []uint64{3, 5, 0})},
			reason: "option 2 has 5 of 8 votes in round 2: more than half; 8 of 8 took part, 1 was needed",
		},
		"options that nobody put first go out together": {
			options: 5, ballots: "a:1,4 b:1,5 c:3,2 d:3,4 e:5",
			winner: 1, rounds: []icn.Round{
				round(0, []uint64{2, 0, 2, 0, 1}, 2, 4),
				round(0, []uint64{2, 0, 2, 0, 1}, 5),
				round(1, []uint64{2, 0, 2, 0, 0}, 3),
				round(3, []uint64{2, 0, 0, 0, 0}),
			},
			reason: "option 1 has 2 of 2 votes in round 4: more than half, without the 3 whose options are all out; " +
				"in round 3 options with the fewest votes had had equally many all along, and the one with the largest CID went out; 5 of 8 took part, 1 was needed",
		},
		"a ballot passes over what is out already": {
			options: 4, ballots: "a:4,3,1 b:4,3,1 c:3,2 d:1 e:1 f:1 g:2 h:2",
			winner: 1, rounds: []icn.Round{
				round(0, []uint64{3, 2, 1, 2}, 3),
				round(0, []uint64{3, 3, 0, 2}, 4),
				round(0, []uint64{5, 3, 0, 0}),
			},
			reason: "option 1 has 5 of 8 votes in round 3: more than half; 8 of 8 took part, 1 was needed",
		},
		"of two who are left alike the one with fewer before goes out": {
			options: 3, ballots: "a:1 b:1 c:1 d:2 e:2 f:3,2",
			winner: 1, rounds: []icn.Round{
				round(0, []uint64{3, 2, 1}, 3),
				round(0, []uint64{3, 3, 0}, 2),
				round(3, []uint64{3, 0, 0}),
			},
			reason: "option 1 has 3 of 3 votes in round 3: more than half, without the 3 whose options are all out; 6 of 8 took part, 1 was needed",
		},
		"an empty ballot abstains and is not exhausted": {
			options: 2, ballots: "a: b:2 c:",
			winner: 2, rounds: []icn.Round{round(0, []uint64{0, 1})},
			reason: "option 2 has 1 of 1 votes in round 1: more than half; 3 of 8 took part, 1 was needed",
		},
		"nobody names an option": {
			options: 2, ballots: "a: b:",
			reason: "nobody named an option; 2 of 8 took part, 1 was needed",
		},
		"one option": {
			options: 1, ballots: "a:1",
			winner: 1, rounds: []icn.Round{round(0, []uint64{1})},
			reason: "option 1 has 1 of 1 votes in round 1: more than half; 1 of 8 took part, 1 was needed",
		},
		"a delegate's order carries": {
			options: 3, ballots: "a:3,2 b:1 c:1", delegations: "d>a e>d f>e",
			winner: 3, rounds: []icn.Round{round(0, []uint64{2, 0, 4})},
			reason: "option 3 has 4 of 6 votes in round 1: more than half; 6 of 8 took part, 1 was needed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := tally.Vote{
				Method: icn.Ranked, Options: options(c.options), Roll: roll("abcdefgh"),
				Ballots: ballots(c.ballots), Delegations: delegations(c.delegations), Needed: 1,
			}
			got := v.Count()
			require.Equal(t, c.rounds, got.Rounds)
			require.Equal(t, c.winner, got.Winner)
			require.Equal(t, c.winner > 0, got.Accepted)
			require.Equal(t, c.reason, got.Reason)
			if len(c.rounds) > 0 {
				require.Equal(t, c.rounds[0].Counts, got.Scores)
			}
		})
	}
}

// Options 1 and 2 are tied for the lowest in round 3. In round 1 option 1 had fewer,
// in round 2 option 2: the later round decides.
func TestTheLatestRoundInWhichTheyDifferedDecidesATie(t *testing.T) {
	v := tally.Vote{
		Method: icn.Ranked, Options: options(5), Roll: roll("abcdefghijklmnopq"), Needed: 1,
		Ballots: ballots("a:1 b:1 c:1 d:2 e:2 f:2 g:2 h:3,1 i:3,1 j:4,2 k:4,5 l:4,5 m:5 n:5 o:5 p:5 q:5"),
	}
	got := v.Count()
	require.Equal(t, []icn.Round{
		{Counts: []uint64{3, 4, 2, 3, 5}, Out: []uint64{3}},
		{Counts: []uint64{5, 4, 0, 3, 5}, Out: []uint64{4}},
		{Counts: []uint64{5, 5, 0, 0, 7}, Out: []uint64{2}},
		{Counts: []uint64{5, 0, 0, 0, 7}, Exhausted: 5},
	}, got.Rounds)
	require.EqualValues(t, 5, got.Winner)
	want := recount(v)
	want.Reason = got.Reason
	require.Equal(t, want, got)
}

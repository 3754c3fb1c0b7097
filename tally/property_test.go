package tally_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/tally"
)

var methods = []icn.Method{icn.YesNo, icn.Ranked, icn.Approval, icn.Weighted, icn.Quadratic}

// drawVote draws a vote of a few voters and options, with ties, circles, chains,
// strangers, and now and then a ballot that is not allowed.
func drawVote(t *rapid.T, m icn.Method) tally.Vote {
	voters := rapid.IntRange(0, 14).Draw(t, "voters")
	v := tally.Vote{Method: m, Threshold: rapid.SampledFrom([]uint64{0, 400, 500, 501, 667, 750, 1000, 1500}).Draw(t, "threshold")}
	if m != icn.YesNo {
		v.Options = options(rapid.IntRange(0, 6).Draw(t, "options"))
		v.Options = rapid.Permutation(v.Options).Draw(t, "order")
	}
	name := func(i int) icn.DID { return did(string(rune('A' + i))) }
	for i := range voters {
		v.Roll = append(v.Roll, name(i))
		switch rapid.SampledFrom([]string{"own", "own", "proxy", "delegates", "delegates", "nothing", "both"}).Draw(t, "does") {
		case "own":
			v.Ballots = append(v.Ballots, tally.Ballot{Voter: name(i), Choice: drawChoice(t, m, len(v.Options))})
		case "proxy":
			v.Ballots = append(v.Ballots, tally.Ballot{Voter: name(i), Proxy: true, Choice: drawChoice(t, m, len(v.Options))})
		case "both":
			v.Ballots = append(v.Ballots, tally.Ballot{Voter: name(i), Choice: drawChoice(t, m, len(v.Options))})
			fallthrough
		case "delegates":
			v.Delegations = append(v.Delegations, tally.Delegation{From: name(i), To: name(rapid.IntRange(0, voters).Draw(t, "to"))})
		}
	}
	v.Needed = tally.Needed(uint64(voters), rapid.Uint64Range(0, 1000).Draw(t, "quorum"), 0)
	return v
}

func drawChoice(t *rapid.T, m icn.Method, options int) []uint64 {
	if rapid.IntRange(0, 19).Draw(t, "fault") == 0 {
		return rapid.SliceOfN(rapid.Uint64Range(0, 101), 0, 7).Draw(t, "choice")
	}
	switch m {
	case icn.YesNo:
		return []uint64{rapid.Uint64Range(0, 2).Draw(t, "choice")}
	case icn.Ranked, icn.Approval:
		var places []uint64
		for i := range options {
			places = append(places, uint64(i+1))
		}
		if len(places) == 0 {
			return nil
		}
		places = rapid.Permutation(places).Draw(t, "places")[:rapid.IntRange(0, options).Draw(t, "named")]
		if m == icn.Approval {
			slices.Sort(places)
		}
		return places
	}
	left, out := uint64(icn.VotePoints), make([]uint64, options)
	for i := range out {
		most := min(left, 8)
		if m == icn.Quadratic {
			for most*most > left {
				most--
			}
		}
		out[i] = rapid.Uint64Range(0, most).Draw(t, "points")
		if left -= out[i]; m == icn.Quadratic {
			left -= out[i]*out[i] - out[i]
		}
	}
	return out
}

func TestTheIndependentRecountSaysTheSame(t *testing.T) {
	for _, m := range methods {
		t.Run(m.String(), func(t *testing.T) {
			for range 20 { // rapid's checks are a hundred each
				rapid.Check(t, func(t *rapid.T) {
					v := drawVote(t, m)
					got := v.Count()
					if got.Reason == "" || len(got.Reason) > icn.MaxText {
						t.Fatalf("reason of %d bytes", len(got.Reason))
					}
					want := recount(v)
					want.Reason = got.Reason
					require.Equal(t, want, got)
				})
			}
		})
	}
}

// A tally goes into the state and comes back as it was.
func TestATallyOutlivesItsBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawVote(t, rapid.SampledFrom(methods).Draw(t, "method"))
		b := v.Count().Bytes()
		r := icn.NewReader(b)
		back := icn.ReadTally(r)
		require.NoError(t, r.Close())
		require.Equal(t, b, back.Bytes())
	})
}

// The numbers of a tally add up.
func TestNumbersAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawVote(t, rapid.SampledFrom(methods).Draw(t, "method"))
		got := v.Count()
		require.Equal(t, got.Turnout, got.Direct+got.Proxied+got.Delegated)
		require.LessOrEqual(t, got.Turnout, got.Roll)
		if v.Method == icn.YesNo {
			require.Equal(t, got.Turnout, got.Yes+got.No+got.Abstain)
		}
		for _, r := range got.Rounds {
			sum := r.Exhausted
			for _, n := range r.Counts {
				sum += n
			}
			require.Equal(t, got.Turnout-got.Abstain, sum)
		}
	})
}

// A ballot that says nothing to the result but takes part can be left out without
// changing the winner: in a yes-no vote an abstention, as far as turnout allows.
func TestAbstentionsMoveTurnoutAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawVote(t, rapid.SampledFrom(methods).Draw(t, "method"))
		v.Needed = 1
		v.Delegations = nil
		before := v.Count()
		v.Ballots = slices.DeleteFunc(slices.Clone(v.Ballots), func(b tally.Ballot) bool {
			return !says(v.Method, len(v.Options), b.Choice)
		})
		after := v.Count()
		require.Equal(t, before.Turnout-before.Abstain, after.Turnout)
		require.Equal(t, before.Winner, after.Winner)
		require.Equal(t, before.Accepted, after.Accepted)
		require.Equal(t, before.Scores, after.Scores)
		require.Equal(t, before.Rounds, after.Rounds)
	})
}

// One more yes never turns an accepted proposal down, one more no never carries one.
func TestMoreYesNeverHurts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawVote(t, icn.YesNo)
		was := v.Count().Accepted
		v.Roll = append(v.Roll, did("~"))
		v.Ballots = append(v.Ballots, tally.Ballot{Voter: did("~"), Choice: []uint64{icn.Yes}})
		if was {
			require.True(t, v.Count().Accepted)
		}
		v.Ballots[len(v.Ballots)-1].Choice[0] = icn.No
		if !was && v.Count().Turnout > v.Needed {
			require.False(t, v.Count().Accepted)
		}
	})
}

// In a vote with options an irrelevant loser's ballots that name it last can be cut.
func TestNamesBehindTheWinnerDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawVote(t, icn.Ranked)
		winner := v.Count().Winner
		if winner == 0 {
			return
		}
		for i, b := range v.Ballots {
			if at := slices.Index(b.Choice, winner); at >= 0 && says(icn.Ranked, len(v.Options), b.Choice) {
				v.Ballots[i].Choice = b.Choice[:at+1]
			}
		}
		require.Equal(t, winner, v.Count().Winner)
	})
}

// The order of names on the roll has no say: the same vote with other DIDs, sorted
// anew, has the same result.
func TestWhoTheVotersAreDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawVote(t, rapid.SampledFrom(methods).Draw(t, "method"))
		seed := rapid.Uint64().Draw(t, "names")
		was := v.Count()
		rename := func(d icn.DID) icn.DID {
			r := rand.New(rand.NewPCG(seed, uint64(d[0])))
			for i := range d {
				d[i] = byte(r.Uint32())
			}
			return d
		}
		for i := range v.Roll {
			v.Roll[i] = rename(v.Roll[i])
		}
		for i := range v.Ballots {
			v.Ballots[i].Voter = rename(v.Ballots[i].Voter)
		}
		for i, d := range v.Delegations {
			v.Delegations[i] = tally.Delegation{From: rename(d.From), To: rename(d.To)}
		}
		less := func(a, b icn.DID) int { return bytes.Compare(a[:], b[:]) }
		slices.SortFunc(v.Roll, less)
		slices.SortFunc(v.Ballots, func(a, b tally.Ballot) int { return less(a.Voter, b.Voter) })
		slices.SortFunc(v.Delegations, func(a, b tally.Delegation) int { return less(a.From, b.From) })
		require.Equal(t, was, v.Count())
	})
}

// Scenario 8: closing early. Decided is compared with every way in which those
// outstanding could vote.
func TestDecidedIsWhatNoOutstandingVoteCanChange(t *testing.T) {
	both := map[bool]int{}
	for range 20 {
		rapid.Check(t, func(t *rapid.T) {
			v := drawVote(t, icn.YesNo)
			if len(v.Roll) > 7 {
				v.Roll = v.Roll[:7]
			}
			v.Needed = min(v.Needed, rapid.Uint64Range(1, 8).Draw(t, "needed"))
			v.Ballots = slices.DeleteFunc(v.Ballots, func(b tally.Ballot) bool { return !slices.Contains(v.Roll, b.Voter) })
			v.Delegations = nil
			got, why := v.Decided()
			require.NotEmpty(t, why)
			results := map[bool]bool{}
			everyWay(v, v.Roll, func(v tally.Vote) { results[v.Count().Accepted] = true })
			out := len(v.Roll) - len(v.Ballots)
			require.Equal(t, out == 0 || len(results) == 1, got, "%s: %d outstanding, results %v", why, out, results)
			both[got]++
		})
	}
	require.Greater(t, both[true], 100)
	require.Greater(t, both[false], 100)
}

// everyWay lets those of the roll without a ballot vote yes, no, abstain or not at
// all, in every combination.
func everyWay(v tally.Vote, roll []icn.DID, see func(tally.Vote)) {
	if len(roll) == 0 {
		slices.SortFunc(v.Ballots, func(a, b tally.Ballot) int { return bytes.Compare(a.Voter[:], b.Voter[:]) })
		see(v)
		return
	}
	everyWay(v, roll[1:], see)
	if slices.ContainsFunc(v.Ballots, func(b tally.Ballot) bool { return b.Voter == roll[0] }) {
		return
	}
	for _, c := range []uint64{icn.Yes, icn.No, icn.Abstain} {
		w := v
		w.Ballots = append(slices.Clone(v.Ballots), tally.Ballot{Voter: roll[0], Choice: []uint64{c}})
		everyWay(w, roll[1:], see)
	}
}

func TestDecidedInWords(t *testing.T) {
	for _, c := range []struct {
		method  icn.Method
		ballots string
		decided bool
		why     string
	}{
		{icn.YesNo, "a:1 b:1 c:1", true, "yes 3, no 0, 2 outstanding: however these vote, it is accepted"},
		{icn.YesNo, "a:2 b:2 c:0", true, "yes 0, no 2, 2 outstanding: however these vote, it fails"},
		{icn.YesNo, "a:1 b:1", false, "3 votes are outstanding and can change the result"},
		{icn.YesNo, "a:1 b:1 c:2 d:2", false, "1 vote is outstanding and can change the result"},
		{icn.YesNo, "a:1 b:1 c:2 d:2 e:0", true, "everybody on the roll has voted"},
		{icn.Ranked, "a:1 b:1 c:1 d:1", false, "1 vote is outstanding and can change the result"},
		{icn.Ranked, "a:1 b:1 c:1 d:1 e*:", true, "everybody on the roll has voted"},
	} {
		v := tally.Vote{Method: c.method, Options: options(2), Roll: roll("abcde"), Ballots: ballots(c.ballots), Needed: 1, Threshold: 500}
		decided, why := v.Decided()
		require.Equal(t, c.decided, decided, c.ballots)
		require.Equal(t, c.why, why)
	}
	// However the other two vote it is accepted; but if they stay away it is too few.
	few := tally.Vote{Method: icn.YesNo, Roll: roll("abcde"), Ballots: ballots("a:1 b:1 c:1"), Needed: 4}
	decided, why := few.Decided()
	require.False(t, decided)
	require.Equal(t, "2 votes are outstanding and can change the result", why)
	// Whom somebody has delegated to has voted, and it can still do so itself.
	v := tally.Vote{Method: icn.YesNo, Roll: roll("abc"), Ballots: ballots("a:1"), Delegations: delegations("b>a c>a"), Needed: 1}
	decided, _ = v.Decided()
	require.False(t, decided)
}

// A hundred thousand who delegate to one another in a row: no recursion, no square.
func TestAChainOfAHundredThousand(t *testing.T) {
	const n = 100_000
	v := tally.Vote{Method: icn.YesNo, Needed: 1}
	for i := range n {
		v.Roll = append(v.Roll, did(fmt.Sprintf("%06d", i)))
		if i < n-1 {
			v.Delegations = append(v.Delegations, tally.Delegation{From: v.Roll[i], To: did(fmt.Sprintf("%06d", i+1))})
		}
	}
	require.EqualValues(t, 0, v.Count().Turnout)
	v.Ballots = []tally.Ballot{{Voter: v.Roll[n-1], Choice: []uint64{icn.Yes}}}
	got := v.Count()
	require.EqualValues(t, n, got.Yes)
	require.EqualValues(t, n-1, got.Delegated)
	// Closed to a ring, it abstains.
	v.Ballots = nil
	v.Delegations = append(v.Delegations, tally.Delegation{From: v.Roll[n-1], To: v.Roll[0]})
	require.EqualValues(t, n, v.Count().Abstain)
}

package tally_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/tally"
)

// did is a voter by a letter: a is before b on every roll.
func did(name string) (d icn.DID) {
	copy(d[:], name)
	return d
}

func roll(names string) (all []icn.DID) {
	for _, n := range names {
		all = append(all, did(string(n)))
	}
	return all
}

// ballots reads "a:1 b:2,1 c*:0 d:": voters with their choices; * is a proxy's.
func ballots(text string) (all []tally.Ballot) {
	for word := range strings.FieldsSeq(text) {
		name, said, _ := strings.Cut(word, ":")
		voter, proxy := strings.CutSuffix(name, "*")
		b := tally.Ballot{Voter: did(voter), Proxy: proxy}
		for n := range strings.SplitSeq(said, ",") {
			var c uint64
			if _, err := fmt.Sscan(n, &c); err == nil {
				b.Choice = append(b.Choice, c)
			}
		}
		all = append(all, b)
	}
	return all
}

// delegations reads "a>b b>c".
func delegations(text string) (all []tally.Delegation) {
	for word := range strings.FieldsSeq(text) {
		from, to, _ := strings.Cut(word, ">")
		all = append(all, tally.Delegation{From: did(from), To: did(to)})
	}
	return all
}

// options are CIDs of n options, ascending by their bytes.
func options(n int) (all []icn.CID) {
	for i := range n {
		all = append(all, icn.OptionID(icn.SumCID(icn.DagCBOR, []byte("a proposal")), fmt.Sprint(i)))
	}
	slices.SortFunc(all, func(a, b icn.CID) int { return strings.Compare(a.KeyString(), b.KeyString()) })
	return all
}

func TestNeededIsTheLargerOfShareAndCountAndNeverNobody(t *testing.T) {
	for _, c := range []struct{ roll, permille, count, want uint64 }{
		{0, 0, 0, 1},
		{40, 0, 0, 1},
		{40, 200, 0, 8},
		{40, 201, 0, 9}, // rounded up
		{3, 500, 0, 2},
		{3, 334, 0, 2},
		{40, 200, 12, 12}, // scenario 4: a proposal's own count
		{40, 200, 3, 8},
		{40, 1000, 0, 40},
		{1, 1, 0, 1},
		{1 << 63, 1000, 0, 1 << 63},
		{1<<64 - 1, 1<<64 - 1, 5, 1<<64 - 1},
	} {
		require.Equal(t, c.want, tally.Needed(c.roll, c.permille, c.count), "%+v", c)
	}
}

func TestYesNo(t *testing.T) {
	for name, c := range map[string]struct {
		roll, ballots, delegations string
		needed, threshold          uint64
		want                       icn.Tally
	}{
		"scenario 1: two say yes": {
			roll: "abc", ballots: "a:1 b:1", needed: 1,
			want: icn.Tally{Direct: 2, Turnout: 2, Yes: 2, Accepted: true, Reason: "yes 2, no 0: more than half; 2 of 3 took part, 1 was needed"},
		},
		"scenario 2: one of two who are needed": {
			roll: "abc", ballots: "a:1", needed: 2,
			want: icn.Tally{Direct: 1, Turnout: 1, Yes: 1, Reason: "too few: 1 of 3 took part, 2 were needed; yes 1, no 0"},
		},
		"scenario 3: one yes and one no miss three quarters": {
			roll: "ab", ballots: "a:1 b:2", needed: 2, threshold: 750,
			want: icn.Tally{Direct: 2, Turnout: 2, Yes: 1, No: 1, Reason: "yes 1, no 1: a tie, which fails; 2 of 2 took part, 2 were needed"},
		},
		"scenario 4: the proposal's own threshold decides": {
			roll: "abcde", ballots: "a:1 b:1 c:1 d:2 e:2", needed: 1, threshold: 601,
			want: icn.Tally{Direct: 5, Turnout: 5, Yes: 3, No: 2, Reason: "yes 3, no 2: 60.0 % said yes, 60.1 % were needed; 5 of 5 took part, 1 was needed"},
		},
		"a threshold that is just reached": {
			roll: "abcde", ballots: "a:1 b:1 c:1 d:2 e:2", needed: 1, threshold: 600,
			want: icn.Tally{Direct: 5, Turnout: 5, Yes: 3, No: 2, Accepted: true, Reason: "yes 3, no 2: 60.0 % said yes, 60.0 % were needed; 5 of 5 took part, 1 was needed"},
		},
		"two thirds are not 66.7 %": {
			roll: "abc", ballots: "a:1 b:1 c:2", needed: 1, threshold: 667,
			want: icn.Tally{Direct: 3, Turnout: 3, Yes: 2, No: 1, Reason: "yes 2, no 1: 66.6 % said yes, 66.7 % were needed; 3 of 3 took part, 1 was needed"},
		},
		"a tie fails whatever the threshold": {
			roll: "ab", ballots: "a:1 b:2", needed: 1, threshold: 500,
			want: icn.Tally{Direct: 2, Turnout: 2, Yes: 1, No: 1, Reason: "yes 1, no 1: a tie, which fails; 2 of 2 took part, 1 was needed"},
		},
		"no has more": {
			roll: "abc", ballots: "a:1 b:2 c:2", needed: 1,
			want: icn.Tally{Direct: 3, Turnout: 3, Yes: 1, No: 2, Reason: "yes 1, no 2: not more than half; 3 of 3 took part, 1 was needed"},
		},
		"who abstains takes part, and is not counted in the threshold": {
			roll: "abcd", ballots: "a:0 b:0 c:0 d:1", needed: 4, threshold: 1000,
			want: icn.Tally{Direct: 4, Turnout: 4, Yes: 1, Abstain: 3, Accepted: true, Reason: "yes 1, no 0: 100.0 % said yes, 100.0 % were needed; 4 of 4 took part, 4 were needed"},
		},
		"all abstain": {
			roll: "ab", ballots: "a:0 b:0", needed: 1,
			want: icn.Tally{Direct: 2, Turnout: 2, Abstain: 2, Reason: "yes 0, no 0: nobody said either; 2 of 2 took part, 1 was needed"},
		},
		"nobody votes": {
			roll: "ab", needed: 1,
			want: icn.Tally{Reason: "too few: 0 of 2 took part, 1 was needed; yes 0, no 0"},
		},
		"an empty roll": {
			needed: 1,
			want:   icn.Tally{Reason: "too few: 0 of 0 took part, 1 was needed; yes 0, no 0"},
		},
		"scenario 9: who is not on the roll does not count": {
			roll: "ab", ballots: "a:1 b:1 c:2", needed: 1,
			want: icn.Tally{Direct: 2, Turnout: 2, Yes: 2, Accepted: true, Reason: "yes 2, no 0: more than half; 2 of 2 took part, 1 was needed"},
		},
		"scenario 10: a delegate's yes carries": {
			roll: "abc", ballots: "b:1", delegations: "a>b", needed: 2,
			want: icn.Tally{Direct: 1, Delegated: 1, Turnout: 2, Yes: 2, Accepted: true, Reason: "yes 2, no 0: more than half; 2 of 3 took part, 2 were needed"},
		},
		"scenario 10: with the delegation revoked it is too few": {
			roll: "abc", ballots: "b:1", needed: 2,
			want: icn.Tally{Direct: 1, Turnout: 1, Yes: 1, Reason: "too few: 1 of 3 took part, 2 were needed; yes 1, no 0"},
		},
		"proxies": {
			roll: "abc", ballots: "a*:1 b*:2 c:1", needed: 3,
			want: icn.Tally{Direct: 1, Proxied: 2, Turnout: 3, Yes: 2, No: 1, Accepted: true, Reason: "yes 2, no 1: more than half; 3 of 3 took part, 3 were needed"},
		},
		"a ballot that says nothing allowed abstains": {
			roll: "abcd", ballots: "a:3 b: c:1,1 d:1", needed: 1,
			want: icn.Tally{Direct: 4, Turnout: 4, Yes: 1, Abstain: 3, Accepted: true, Reason: "yes 1, no 0: more than half; 4 of 4 took part, 1 was needed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Roll, c.want.Needed = uint64(len(c.roll)), c.needed
			v := tally.Vote{Method: icn.YesNo, Roll: roll(c.roll), Ballots: ballots(c.ballots), Delegations: delegations(c.delegations), Needed: c.needed, Threshold: c.threshold}
			require.Equal(t, c.want, v.Count())
		})
	}
}

func TestDelegations(t *testing.T) {
	for name, c := range map[string]struct {
		ballots, delegations                         string
		direct, proxied, delegated, yes, no, abstain uint64
	}{
		"through others":                             {"d:1", "a>b b>c c>d", 1, 0, 3, 4, 0, 0},
		"a direct vote wins":                         {"a:2 b:1", "a>b", 2, 0, 0, 1, 1, 0},
		"and carries those behind it":                {"b:2 c:1", "a>b b>c", 2, 0, 1, 1, 2, 0},
		"a proxy's ballot carries as well":           {"b*:2", "a>b", 0, 1, 1, 0, 2, 0},
		"to one who abstains":                        {"b:0", "a>b", 1, 0, 1, 0, 0, 2},
		"to one who does not vote":                   {"d:1", "a>b", 1, 0, 0, 1, 0, 0},
		"a chain that ends at nobody's ballot":       {"d:1", "a>b b>c", 1, 0, 0, 1, 0, 0},
		"to one who is not on the roll":              {"d:1 z:1", "a>z", 1, 0, 0, 1, 0, 0},
		"of one who is not on the roll":              {"d:1", "z>d", 1, 0, 0, 1, 0, 0},
		"a circle abstains":                          {"d:1", "a>b b>a", 1, 0, 2, 1, 0, 2},
		"a circle of three, and one who leads to it": {"", "a>b b>c c>b", 0, 0, 3, 0, 0, 3},
		"to oneself is a circle":                     {"", "a>a", 0, 0, 1, 0, 0, 1},
		"who votes leaves the circle":                {"b:1", "a>b b>a c>a", 1, 0, 2, 3, 0, 0},
		"many to one":                                {"a:1", "b>a c>a d>a", 1, 0, 3, 4, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := tally.Vote{Method: icn.YesNo, Roll: roll("abcd"), Ballots: ballots(c.ballots), Delegations: delegations(c.delegations)}
			got := v.Count()
			require.Equal(t, [6]uint64{c.direct, c.proxied, c.delegated, c.yes, c.no, c.abstain},
				[6]uint64{got.Direct, got.Proxied, got.Delegated, got.Yes, got.No, got.Abstain})
			require.Equal(t, c.direct+c.proxied+c.delegated, got.Turnout)
		})
	}
}

func TestSums(t *testing.T) {
	for name, c := range map[string]struct {
		method      icn.Method
		ballots     string
		delegations string
		needed      uint64
		want        icn.Tally
	}{
		"approval": {
			method: icn.Approval, ballots: "a:1,2 b:2,3 c:2 d:",
			want: icn.Tally{Direct: 4, Turnout: 4, Abstain: 1, Scores: []uint64{1, 3, 1}, Winner: 2, Accepted: true, Reason: "option 2 has the most approvals, 3; 4 of 5 took part, 1 was needed"},
		},
		"a tie goes to the smaller CID, and the result says so": {
			method: icn.Approval, ballots: "a:2 b:3",
			want: icn.Tally{Direct: 2, Turnout: 2, Scores: []uint64{0, 1, 1}, Winner: 2, Accepted: true, Reason: "options 2 and 3 have the most approvals, 1 each: option 2 wins the tie, for its CID is the smallest; 2 of 5 took part, 1 was needed"},
		},
		"a tie that a later option leaves behind is none": {
			method: icn.Approval, ballots: "a:1,3 b:2,3",
			want: icn.Tally{Direct: 2, Turnout: 2, Scores: []uint64{1, 1, 2}, Winner: 3, Accepted: true, Reason: "option 3 has the most approvals, 2; 2 of 5 took part, 1 was needed"},
		},
		"nobody approves": {
			method: icn.Approval, ballots: "a: b:",
			want: icn.Tally{Direct: 2, Turnout: 2, Abstain: 2, Scores: []uint64{0, 0, 0}, Reason: "no option got anything; 2 of 5 took part, 1 was needed"},
		},
		"weighted": {
			method: icn.Weighted, ballots: "a:100,0,0 b:0,60,40 c:0,0,61 d:",
			want: icn.Tally{Direct: 4, Turnout: 4, Abstain: 1, Scores: []uint64{100, 60, 101}, Winner: 3, Accepted: true, Reason: "option 3 has the most points, 101; 4 of 5 took part, 1 was needed"},
		},
		"a delegate's whole ballot carries": {
			method: icn.Weighted, ballots: "a:10,20,70 b:50,50,0", delegations: "c>b d>c",
			want: icn.Tally{Direct: 2, Delegated: 2, Turnout: 4, Scores: []uint64{160, 170, 70}, Winner: 2, Accepted: true, Reason: "option 2 has the most points, 170; 4 of 5 took part, 1 was needed"},
		},
		"quadratic": {
			method: icn.Quadratic, ballots: "a:10,0,0 b:6,8,0 c:0,9,4 d:",
			want: icn.Tally{Direct: 4, Turnout: 4, Abstain: 1, Scores: []uint64{16, 17, 4}, Winner: 2, Accepted: true, Reason: "option 2 has the most votes, 17; 4 of 5 took part, 1 was needed"},
		},
		"three alike": {
			method: icn.Quadratic, ballots: "a:2,2,2",
			want: icn.Tally{Direct: 1, Turnout: 1, Scores: []uint64{2, 2, 2}, Winner: 1, Accepted: true, Reason: "options 1, 2 and 3 have the most votes, 2 each: option 1 wins the tie, for its CID is the smallest; 1 of 5 took part, 1 was needed"},
		},
		"a winner whom too few have chosen": {
			method: icn.Approval, ballots: "a:2", needed: 2,
			want: icn.Tally{Direct: 1, Turnout: 1, Scores: []uint64{0, 1, 0}, Winner: 2, Reason: "too few: 1 of 5 took part, 2 were needed"},
		},
		"a method that there is not": {
			method: 9, ballots: "a:1",
			want: icn.Tally{Direct: 1, Turnout: 1, Abstain: 1, Scores: []uint64{0, 0, 0}, Reason: "no option got anything; 1 of 5 took part, 1 was needed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Roll, c.want.Needed = 5, max(1, c.needed)
			v := tally.Vote{Method: c.method, Options: options(3), Roll: roll("abcde"), Ballots: ballots(c.ballots), Delegations: delegations(c.delegations), Needed: c.want.Needed}
			require.Equal(t, c.want, v.Count())
		})
	}
}

// With the CIDs the other way round a tie goes the other way: it is they that decide,
// not the places.
func TestATieIsDecidedByCIDsNotByPlaces(t *testing.T) {
	back := options(3)
	slices.Reverse(back)
	v := tally.Vote{Method: icn.Approval, Options: back, Roll: roll("ab"), Ballots: ballots("a:2 b:3"), Needed: 1}
	require.EqualValues(t, 3, v.Count().Winner)
	v = tally.Vote{Method: icn.Ranked, Options: back, Roll: roll("ab"), Ballots: ballots("a:2 b:3"), Needed: 1}
	require.EqualValues(t, 3, v.Count().Winner)
}

func TestCheckChoice(t *testing.T) {
	for _, c := range []struct {
		method  icn.Method
		options int
		choice  []uint64
		why     string // "" = fine
	}{
		{icn.YesNo, 0, []uint64{icn.Abstain}, ""},
		{icn.YesNo, 0, []uint64{icn.Yes}, ""},
		{icn.YesNo, 0, []uint64{icn.No}, ""},
		{icn.YesNo, 0, []uint64{3}, "say yes, no or abstain"},
		{icn.YesNo, 0, nil, "say yes, no or abstain"},
		{icn.YesNo, 0, []uint64{1, 1}, "say yes, no or abstain"},
		{icn.Ranked, 3, nil, ""},
		{icn.Ranked, 3, []uint64{3}, ""},
		{icn.Ranked, 3, []uint64{3, 1, 2}, ""},
		{icn.Ranked, 3, []uint64{0}, "there is no option 0"},
		{icn.Ranked, 3, []uint64{4}, "there is no option 4"},
		{icn.Ranked, 3, []uint64{1<<64 - 1}, "there is no option"},
		{icn.Ranked, 3, []uint64{1, 2, 1}, "option 1 stands in it twice"}, // scenario 18
		{icn.Ranked, 64, []uint64{64, 1}, ""},
		{icn.Ranked, 65, []uint64{1}, "65 options, at most 64"},
		{icn.Approval, 3, nil, ""},
		{icn.Approval, 3, []uint64{1, 3}, ""},
		{icn.Approval, 3, []uint64{3, 1}, "option 1 behind 3"},
		{icn.Approval, 3, []uint64{2, 2}, "option 2 stands in it twice"},
		{icn.Approval, 3, []uint64{4}, "there is no option 4"},
		{icn.Weighted, 3, nil, ""},
		{icn.Weighted, 3, []uint64{100, 0, 0}, ""},
		{icn.Weighted, 3, []uint64{1, 0, 0}, ""},
		{icn.Weighted, 3, []uint64{50, 51, 0}, "it costs 101 of 100 points"},
		{icn.Weighted, 3, []uint64{0, 0, 0}, "nothing for any option"},
		{icn.Weighted, 3, []uint64{1, 1}, "2 numbers for 3 options"},
		{icn.Weighted, 3, []uint64{1<<64 - 1, 2, 0}, "there are 100 points to spread"},
		{icn.Quadratic, 3, nil, ""},
		{icn.Quadratic, 3, []uint64{10, 0, 0}, ""},
		{icn.Quadratic, 3, []uint64{6, 8, 0}, ""},
		{icn.Quadratic, 3, []uint64{10, 1, 0}, "it costs 101 of 100 points"},
		{icn.Quadratic, 3, []uint64{11, 0, 0}, "it costs 121 of 100 points"},
		{icn.Quadratic, 3, []uint64{1 << 32, 0, 0}, "there are 100 points to spread"},
		{icn.Quadratic, 3, []uint64{0, 0, 0}, "nothing for any option"},
		{0, 3, nil, "no such way to vote"},
		{6, 3, []uint64{1}, "no such way to vote"},
	} {
		err := tally.CheckChoice(c.method, c.options, c.choice)
		if c.why == "" {
			require.NoError(t, err, "%+v", c)
			continue
		}
		require.ErrorIs(t, err, icn.ErrInvalid, "%+v", c)
		require.ErrorContains(t, err, c.why, "%+v", c)
	}
}

// Package tally counts votes: who took part, whose ballot counts for whom, what
// came of it. Every node counts with it when a vote closes, and so does whoever
// recounts a vote offline from one file.
//
// The invariant it keeps: the result is a function of the [Vote] alone. Equal votes
// give equal tallies, byte for byte and in the same words, and there is no vote for
// which there is no tally.
//
// It does not know who is a member, which ballots came in time, or what an accepted
// proposal does.
//
//	v := tally.Vote{Method: icn.YesNo, Roll: roll, Ballots: ballots, Delegations: delegations}
//	v.Needed = tally.Needed(uint64(len(roll)), 250, 0)
//	if decided, _ := v.Decided(); decided {
//		fmt.Println(v.Count().Reason)
//	}
package tally

import (
	"math"
	"math/bits"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Ballot is the ballot that counts for a voter: its own, or its proxy's.
type Ballot struct {
	Voter  icn.DID
	Proxy  bool     // cast by a proxy
	Choice []uint64 // see [CheckChoice]
}

// Delegation is the one of a voter's delegations that fits this vote.
type Delegation struct{ From, To icn.DID }

// Vote is everything that a count depends on.
type Vote struct {
	Method      icn.Method
	Options     []icn.CID    // icn.OptionID of each, for ties
	Roll        []icn.DID    // ascending by bytes, no doubles
	Ballots     []Ballot     // ascending by voter, at most one of each, all of those on the roll
	Delegations []Delegation // ascending by From, at most one of each, all of those on the roll
	Needed      uint64       // turnout
	Threshold   uint64       // thousandths of yes and no that must be yes
}

// Needed is the turnout that a vote needs: a share of the roll in thousandths,
// rounded up, or a number of voters, whichever is more; and somebody in any case.
func Needed(roll, permille, count uint64) uint64 {
	share := uint64(math.MaxUint64)
	if hi, lo := bits.Mul64(roll, permille); hi < 1000 {
		quotient, rest := bits.Div64(hi, lo, 1000)
		if share = quotient; rest > 0 {
			share++
		}
	}
	return max(1, share, count)
}

// Count counts the vote.
//
// A voter's own ballot counts for it, or its proxy's; else the ballot of the one at
// the end of its chain of delegations. Turnout is all who take part that way, those
// who abstain included. A yes-no vote is accepted if turnout is what is needed, yes
// is more than no, and yes has the threshold's share of both together: a tie fails.
// With options it is accepted if turnout is what is needed and an option wins:
//
//   - ranked: by instant run-off, see [runOff];
//   - approval, weighted, quadratic: by the highest sum; of equal ones, that option
//     whose CID is the smaller in bytes.
//
// A ballot that [CheckChoice] refuses abstains.
func (v Vote) Count() icn.Tally {
	t, pile := v.gather()
	switch v.Method {
	case icn.YesNo:
		v.yesNo(&t, pile)
	case icn.Ranked:
		v.ranked(&t, pile)
	default:
		v.sums(&t, pile)
	}
	return t
}

// stack is a ballot's choice and for how many voters it counts.
type stack struct {
	choice []uint64
	voters uint64
}

// gather finds out who takes part. It counts all but what the choices say, and
// gives back those that say something; the others abstain.
func (v Vote) gather() (icn.Tally, []stack) {
	t := icn.Tally{Roll: uint64(len(v.Roll)), Needed: v.Needed}
	voters := make([]uint64, len(v.Ballots))
	for i, end := range v.follow() {
		switch {
		case end == nobody:
			continue
		case end == circle:
			t.Delegated++
			t.Abstain++
		case v.Ballots[end].Voter != v.Roll[i]:
			t.Delegated++
			voters[end]++
		case v.Ballots[end].Proxy:
			t.Proxied++
			voters[end]++
		default:
			t.Direct++
			voters[end]++
		}
	}
	t.Turnout = t.Direct + t.Proxied + t.Delegated
	pile := make([]stack, 0, len(v.Ballots))
	for i, b := range v.Ballots {
		if abstains(v.Method, len(v.Options), b.Choice) {
			t.Abstain += voters[i]
		} else if voters[i] > 0 {
			pile = append(pile, stack{b.Choice, voters[i]})
		}
	}
	return t, pile
}

func (v Vote) yesNo(t *icn.Tally, pile []stack) {
	for _, s := range pile {
		if s.choice[0] == icn.Yes {
			t.Yes += s.voters
		} else {
			t.No += s.voters
		}
	}
	t.Accepted = v.accepts(t.Turnout, t.Yes, t.No)
	t.Reason = v.yesNoReason(t)
}

// accepts says whether a yes-no vote with these numbers is accepted.
func (v Vote) accepts(turnout, yes, no uint64) bool {
	return turnout >= v.Needed && yes > no && v.reaches(yes, no)
}

// reaches says whether yes has the threshold's share.
func (v Vote) reaches(yes, no uint64) bool {
	hi, lo := bits.Mul64(yes, 1000)
	wantHi, wantLo := bits.Mul64(v.Threshold, yes+no)
	return hi > wantHi || hi == wantHi && lo >= wantLo
}

// sums counts an approval, weighted or quadratic vote.
func (v Vote) sums(t *icn.Tally, pile []stack) {
	t.Scores = make([]uint64, len(v.Options))
	for _, s := range pile {
		for i, n := range s.choice {
			if v.Method == icn.Approval {
				t.Scores[n-1] += s.voters
			} else {
				t.Scores[i] += n * s.voters
			}
		}
	}
	best, tied := -1, false
	for i, score := range t.Scores {
		switch {
		case score == 0 || best >= 0 && score < t.Scores[best]:
		case best < 0 || score > t.Scores[best]:
			best, tied = i, false
		default:
			tied = true
			if v.larger(best, i) {
				best = i
			}
		}
	}
	t.Winner = uint64(best + 1)
	t.Accepted = t.Winner > 0 && t.Turnout >= t.Needed
	t.Reason = v.sumsReason(t, tied)
}

// larger says whether option a's CID is larger than b's, by its bytes. Of two that
// are equal the later is.
func (v Vote) larger(a, b int) bool {
	x, y := v.Options[a].KeyString(), v.Options[b].KeyString()
	return x > y || x == y && a > b
}

// Decided says whether a vote can be closed early: whether no ballot that is
// outstanding can change what becomes of the proposal, and that in words.
//
// Outstanding is who is on the roll and has no ballot, own or proxy's; also who
// has delegated, for it can still vote itself. A ballot that is in is taken to stay
// as it is. A vote with options is decided only when nothing is outstanding: what
// they can do to the winner is not looked into.
func (v Vote) Decided() (bool, string) {
	var turnout, yes, no uint64
	for i := range v.matched() {
		turnout++
		if c := v.Ballots[i].Choice; v.Method == icn.YesNo && !abstains(icn.YesNo, 0, c) {
			if c[0] == icn.Yes {
				yes++
			} else {
				no++
			}
		}
	}
	out := uint64(len(v.Roll)) - turnout
	if out == 0 {
		return true, "everybody on the roll has voted"
	}
	if v.Method != icn.YesNo {
		return false, outstanding(out)
	}
	// More yes never hurts. To fail it takes more no, or that nobody else takes part.
	can := v.accepts(turnout+out, yes+out, no)
	must := v.accepts(turnout, yes, no) && v.accepts(turnout+out, yes, no+out)
	if can != must {
		return false, outstanding(out)
	}
	return true, settled(yes, no, out, must)
}

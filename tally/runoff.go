package tally

import (
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// ranked counts a ranked vote. Scores are the first choices of its first round.
func (v Vote) ranked(t *icn.Tally, pile []stack) {
	r := newRunOff(v, pile)
	t.Winner = r.run()
	t.Rounds = r.rounds
	t.Scores = make([]uint64, len(v.Options))
	if len(t.Rounds) > 0 {
		copy(t.Scores, t.Rounds[0].Counts)
	}
	t.Accepted = t.Winner > 0 && t.Turnout >= t.Needed
	t.Reason = v.rankedReason(t, r.lots)
}

// runOff is an instant run-off as it goes on.
//
// In each round a ballot counts for the first of its options that is still in, and
// is exhausted if there is none. An option with more than half of what is not
// exhausted wins. Else one goes out: in the first round all that nobody has put
// first, together; in later ones, and where there is none of these, the one with
// the fewest votes. Of several with the fewest that goes out which had fewer in the
// round before; if they had equally many, in the one before that, and so on; and in
// the end the one whose CID is the largest by its bytes. Two that are left with
// equally many votes are told apart by the same rule.
//
// A ballot lies in the heap of the option it counts for, and is touched again only
// when that option goes out.
type runOff struct {
	v         Vote
	pile      []stack
	at        []uint8 // of each ballot: the place in its choice that it has come to
	heap      []int32 // of each option: the first ballot in its heap
	next      []int32 // of each ballot: the next one in the same heap
	out       []bool
	counts    []uint64
	exhausted uint64
	voters    uint64
	rounds    []icn.Round
	lots      []int // the rounds in which CIDs had to decide, from 1
}

const none = -1

func newRunOff(v Vote, pile []stack) *runOff {
	n := len(v.Options)
	r := &runOff{
		v: v, pile: pile, at: make([]uint8, len(pile)), next: make([]int32, len(pile)),
		heap: make([]int32, n), out: make([]bool, n), counts: make([]uint64, n),
	}
	for i := range r.heap {
		r.heap[i] = none
	}
	for i, s := range pile {
		r.voters += s.voters
		r.lay(int32(i))
	}
	return r
}

// lay puts a ballot into the heap of the first of its options that is still in.
func (r *runOff) lay(ballot int32) {
	s := r.pile[ballot]
	for at := r.at[ballot]; int(at) < len(s.choice); at++ {
		if option := s.choice[at] - 1; !r.out[option] {
			r.at[ballot] = at
			r.next[ballot], r.heap[option] = r.heap[option], ballot
			r.counts[option] += s.voters
			return
		}
	}
	r.exhausted += s.voters
}

// run plays the rounds and gives the winner's place, or 0 if nobody has put anything
// first. One goes out in every round but the last, and never one with the most votes.
func (r *runOff) run() uint64 {
	for r.voters > 0 {
		now := icn.Round{Counts: slices.Clone(r.counts), Exhausted: r.exhausted}
		winner := r.majority()
		if winner > 0 {
			r.rounds = append(r.rounds, now)
			return winner
		}
		gone := r.lowest()
		for _, option := range gone {
			now.Out = append(now.Out, uint64(option+1))
		}
		r.rounds = append(r.rounds, now)
		r.drop(gone)
	}
	return 0
}

// majority is the place of the option with more than half of the votes that are not
// exhausted, or 0.
func (r *runOff) majority() uint64 {
	left := r.voters - r.exhausted
	for i, n := range r.counts {
		if n > left-n {
			return uint64(i + 1)
		}
	}
	return 0
}

// drop takes options out and lays their ballots elsewhere.
func (r *runOff) drop(gone []int) {
	for _, option := range gone {
		r.out[option] = true
		r.counts[option] = 0
	}
	for _, option := range gone {
		for ballot := r.heap[option]; ballot != none; {
			next := r.next[ballot] // laying it changes this
			r.lay(ballot)
			ballot = next
		}
		r.heap[option] = none
	}
}

// lowest are the options that go out now.
func (r *runOff) lowest() []int {
	var low []int
	for i, n := range r.counts {
		switch {
		case r.out[i] || len(low) > 0 && n > r.counts[low[0]]:
		case len(low) > 0 && n == r.counts[low[0]]:
			low = append(low, i)
		default:
			low = append(low[:0], i)
		}
	}
	if len(r.rounds) == 0 && r.counts[low[0]] == 0 {
		return low
	}
	return []int{r.unluckiest(low)}
}

// unluckiest is the one of several options with equally many votes that goes out.
func (r *runOff) unluckiest(low []int) int {
	for _, past := range slices.Backward(r.rounds) {
		if len(low) == 1 {
			break
		}
		fewest := past.Counts[low[0]]
		for _, i := range low {
			fewest = min(fewest, past.Counts[i])
		}
		low = slices.DeleteFunc(low, func(i int) bool { return past.Counts[i] > fewest })
	}
	if len(low) > 1 {
		r.lots = append(r.lots, len(r.rounds)+1)
	}
	worst := low[0]
	for _, i := range low[1:] {
		if r.v.larger(i, worst) {
			worst = i
		}
	}
	return worst
}

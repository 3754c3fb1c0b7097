package sim

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// A vote is counted here a second time, in the plainest way: voter by voter, round by
// round.

// mandate is whom a voter's vote goes with at a time, for a proposal: by what it said
// about this one, or else about its kind, or else about all.
func (b *polls) mandate(p *poll, voter icn.DID, now icn.Time) (mandate, bool) {
	for _, scope := range []icn.Scope{{Proposal: p.id}, {Kind: p.Motion.MotionKind()}, {}} {
		for _, m := range b.given[voter] {
			if m.scope == scope && (m.expires == 0 || now <= m.expires) {
				return m, true
			}
		}
	}
	return mandate{}, false
}

// closed counts a vote again.
func (b *polls) closed(e icn.Entry, o icn.VotingClosed) {
	w, p := b.w, b.book[o.Proposal]
	if p.stage != icn.StageVoting || p.tally != nil {
		w.fail("the vote on %s is closed at entry %d, at the stage %s", o.Proposal, e.Index, p.stage)
		return
	}
	if o.Early {
		w.Count.Early++
		b.decided(e, p)
	} else if e.Time < p.deadline {
		w.fail("the vote on %s is closed at entry %d, %d ms early", o.Proposal, e.Index, p.deadline-e.Time)
	}
	got, want := o.Tally, b.recount(p, min(e.Time, p.deadline))
	got.Rounds, got.Reason = nil, ""
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		w.fail("the vote on %s (%s) is counted at entry %d as %+v; counted again it is %+v", o.Proposal, p.Method, e.Index, got, want)
	}
	switch {
	case o.Tally.Reason == "":
		w.fail("the vote on %s is counted at entry %d, and nobody is told how", o.Proposal, e.Index)
	case p.Method == icn.YesNo && got.Yes == got.No && got.Yes > 0:
		w.Count.Ties++
	case p.Method != icn.YesNo && got.Accepted:
		w.Count.Choices++
	}
	if got.Delegated > 0 {
		w.Count.Followed++
	}
	p.tally = &o.Tally
}

// recount is the tally of a vote as the books have it, with the delegations of a
// time.
func (b *polls) recount(p *poll, when icn.Time) (t icn.Tally) {
	t = icn.Tally{Roll: uint64(len(p.roll)), Needed: p.needed}
	var said [][]uint64
	for _, v := range p.roll {
		choice, how := b.follow(p, v.Member, when, nil)
		switch how {
		case "":
			continue
		case "direct":
			t.Direct++
		case "proxy":
			t.Proxied++
		case "delegated":
			t.Delegated++
		}
		if t.Turnout++; len(choice) == 0 || p.Method == icn.YesNo && choice[0] == icn.Abstain {
			t.Abstain++
		} else {
			said = append(said, choice)
		}
	}
	switch p.Method {
	case icn.YesNo:
		for _, c := range said {
			if c[0] == icn.Yes {
				t.Yes++
			} else {
				t.No++
			}
		}
		t.Accepted = p.passes(t.Turnout, t.Yes, t.No)
		return t
	case icn.Ranked:
		p.runOff(&t, said)
	default:
		p.sum(&t, said)
	}
	t.Accepted = t.Winner > 0 && t.Turnout >= t.Needed
	return t
}

func (p *poll) passes(turnout, yes, no uint64) bool {
	return turnout >= p.needed && yes > no && yes*1000 >= p.threshold*(yes+no)
}

// follow is what counts for a voter, and how it came to count; "" = it takes no part.
func (b *polls) follow(p *poll, voter icn.DID, when icn.Time, seen []icn.DID) (choice []uint64, how string) {
	m, given := b.mandate(p, voter, when)
	s, voted := p.slots[voter]
	switch {
	case voted && s.by == voter:
		return s.choice, "direct"
	case voted && given && m.proxy && m.to == s.by:
		return s.choice, "proxy"
	case !given || !slices.ContainsFunc(p.roll, func(v icn.Voter) bool { return v.Member == m.to }):
		return nil, ""
	case slices.Contains(seen, voter):
		return nil, "delegated" // round in a circle
	}
	choice, how = b.follow(p, m.to, when, append(seen, voter))
	if how != "" {
		how = "delegated"
	}
	return choice, how
}

// later says whether option i comes behind option k where all else is equal.
func (p *poll) later(i, k int) bool {
	x, y := icn.OptionID(p.id, p.Options[i]), icn.OptionID(p.id, p.Options[k])
	return x.KeyString() > y.KeyString()
}

// sum counts approvals, points or votes.
func (p *poll) sum(t *icn.Tally, said [][]uint64) {
	t.Scores = make([]uint64, len(p.Options))
	for _, c := range said {
		for i, n := range c {
			if p.Method == icn.Approval {
				t.Scores[n-1]++
			} else {
				t.Scores[i] += n
			}
		}
	}
	for i, n := range t.Scores {
		if w := int(t.Winner) - 1; n > 0 && (w < 0 || n > t.Scores[w] || n == t.Scores[w] && p.later(w, i)) {
			t.Winner = uint64(i + 1)
		}
	}
}

// runOff counts anew in each round.
func (p *poll) runOff(t *icn.Tally, said [][]uint64) {
	t.Scores = make([]uint64, len(p.Options))
	in := map[int]bool{}
	for i := range p.Options {
		in[i] = true
	}
	var rounds [][]uint64
	for len(said) > 0 {
		counts, left := make([]uint64, len(p.Options)), uint64(0)
		for _, c := range said {
			if i := slices.IndexFunc(c, func(o uint64) bool { return in[int(o-1)] }); i >= 0 {
				counts[c[i]-1]++
				left++
			}
		}
		if rounds = append(rounds, counts); len(rounds) == 1 {
			t.Scores = counts
		}
		worst := -1
		for i, n := range counts {
			if 2*n > left {
				t.Winner = uint64(i + 1)
				return
			}
			if in[i] && (worst < 0 || p.worse(rounds, i, worst)) {
				worst = i
			}
		}
		for i := range p.Options { // in the first round all that nobody has put first
			if i == worst || len(rounds) == 1 && counts[i] == 0 {
				delete(in, i)
			}
		}
	}
}

// worse says whether option i goes out before option k: by this round, the one before
// it, and so on.
func (p *poll) worse(rounds [][]uint64, i, k int) bool {
	for _, counts := range slices.Backward(rounds) {
		if counts[i] != counts[k] {
			return counts[i] < counts[k]
		}
	}
	return p.later(i, k)
}

// decided looks whether a vote that is closed early could not have come out otherwise.
func (b *polls) decided(e icn.Entry, p *poll) {
	var turnout, yes, no uint64
	for _, v := range p.roll {
		s, voted := p.slots[v.Member]
		m, given := b.mandate(p, v.Member, e.Time)
		if !voted || s.by != v.Member && !(given && m.proxy && m.to == s.by) {
			continue
		}
		turnout++
		if p.Method == icn.YesNo && s.choice[0] == icn.Yes {
			yes++
		} else if p.Method == icn.YesNo && s.choice[0] == icn.No {
			no++
		}
	}
	out := uint64(len(p.roll)) - turnout
	if p.Method != icn.YesNo && out > 0 {
		b.w.fail("the vote on %s is closed early at entry %d, and %d voters are outstanding", p.id, e.Index, out)
	}
	result := p.passes(turnout, yes, no)
	for more := range out + 1 {
		for y := range more + 1 {
			for n := range more - y + 1 {
				if p.Method == icn.YesNo && p.passes(turnout+more, yes+y, no+n) != result {
					b.w.fail("the vote on %s is closed early at entry %d, and %d voters could turn it", p.id, e.Index, out)
					return
				}
			}
		}
	}
}

// rest says what is still open, or "".
func (b *polls) rest() string {
	for _, id := range b.order {
		if p := b.book[id]; p.stage != icn.StageDraft && !p.stage.Over() {
			return fmt.Sprintf("proposal %s is still at the stage %s", id, p.stage)
		}
	}
	return ""
}

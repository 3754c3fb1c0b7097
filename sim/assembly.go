package sim

import (
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// Members of a world govern it: they propose, back, vote, change their minds,
// delegate and revoke in the last moment, cast for others, hand ballots in too late,
// twice, or in somebody else's name.

// extras are the members that come and go by votes; the others stay.
var extras = []int{4, 5, 10, 11}

// people is how many there are in a world, and organisations who of them is none.
const people = 12

func organisation(i int) bool { return i == 9 || i == 11 }

// convene prepares the rules of a world for votes that last a second.
func convene(r *icn.Rules, seed uint64) {
	r.MinVotingMillis, r.VotingMillis, r.MaxVotingMillis = 300, 1200, 4000
	r.SponsorMillis, r.BudgetMax = 2500, 500
	switch seed % 4 {
	case 0:
		r.Sponsors = 2
	case 1, 3:
		r.VetoMillis = 400
	case 2:
		r.DeliberationMillis, r.TimelockMillis = 200, 250
	}
}

// governed says whether members decide anything in a world: in the first ones, which
// every test run goes through, and in an eighth of those that only long runs reach. Votes
// make a world three times as dear.
func (w *World) governed() bool { return w.opt.Seed <= 40 || w.opt.Seed/8%8 == 0 }

// lookEvery is after how many entries each node's state is looked at whole: what is wrong
// once stays wrong, so that a later look sees it, too.
func (w *World) lookEvery() uint64 {
	switch {
	case w.opt.Stage != nil:
		return 16
	case w.opt.Seed > 40:
		return 4
	}
	return 1
}

// assemble lets somebody do something about what is voted on.
func (w *World) assemble() {
	if w.now >= w.opt.Millis {
		return
	}
	w.at(20+w.rng.Int64N(160), w.assemble)
	open := w.oracle.polls.at(icn.StageVoting)
	if len(open) == 0 || w.rng.IntN(6) == 0 {
		w.propose()
		return
	}
	id := open[w.rng.IntN(len(open))]
	switch w.rng.IntN(13) {
	case 0, 1, 2, 3, 4:
		for range 1 + w.rng.IntN(4) {
			w.vote(w.anyone(), id)
		}
	case 5, 6:
		w.entrust(w.anyone(), id)
	case 7, 8:
		w.castFor(id)
	case 9:
		w.voice(w.anyone(), icn.ProposalClose{ID: id})
	case 10:
		w.landslide(id)
	case 11:
		w.forgeBallot(id)
	case 12:
		w.goAway()
	}
	if w.rng.IntN(8) == 0 {
		w.attend()
	}
}

func (w *World) anyone() *person { return w.members[w.rng.IntN(len(w.members))] }

// voice has a member say something through any node; now and then through two.
func (w *World) voice(p *person, ops ...icn.Op) {
	m := w.pick(func(m *machine) bool { return m.up() && m.admitted })
	if m == nil {
		return
	}
	m.do(m.life, func(l *node.Loop) {
		wire := w.signed(l, p, w.until(), ops...)
		w.handIn(m, l, wire)
		if w.rng.IntN(8) == 0 {
			w.later(w.rng.Int64N(300), wire)
		}
	})
}

// later hands bytes in through any node, after so many ms.
func (w *World) later(after int64, wire []byte) {
	w.at(after, func() {
		if m := w.pick(func(m *machine) bool { return m.up() && m.admitted }); m != nil {
			m.do(m.life, func(l *node.Loop) { w.handIn(m, l, wire) })
		}
	})
}

func (w *World) propose() {
	p := w.anyone()
	o := icn.ProposalCreate{Draft: w.rng.IntN(8) == 0, Proposal: w.proposal()}
	ops := []icn.Op{o}
	if w.rng.IntN(5) == 0 { // two at once, which may contradict each other
		ops = append(ops, icn.ProposalCreate{Proposal: w.proposal()})
	}
	w.voice(p, ops...)
	if w.rng.IntN(6) == 0 && w.comesAndGoes(p) { // and is not seen again
		w.at(200+w.rng.Int64N(800), func() { w.voice(p, icn.MemberLeave{}) })
	}
}

func (w *World) comesAndGoes(p *person) bool {
	for _, i := range extras {
		if w.members[i] == p {
			return true
		}
	}
	return false
}

// choice is what somebody may say to a question: yes more often than no.
func (w *World) choice(p *poll) []uint64 {
	n := len(p.Options)
	if p.Method != icn.YesNo && w.rng.IntN(8) == 0 {
		return nil
	}
	var out []uint64
	switch p.Method {
	case icn.YesNo:
		return []uint64{[]uint64{icn.Yes, icn.Yes, icn.Yes, icn.No, icn.No, icn.Abstain}[w.rng.IntN(6)]}
	case icn.Ranked:
		for _, i := range w.rng.Perm(n)[:1+w.rng.IntN(n)] {
			out = append(out, uint64(i+1))
		}
	case icn.Approval:
		for i := range n {
			if w.rng.IntN(2) == 0 {
				out = append(out, uint64(i+1))
			}
		}
	default:
		for range n {
			out = append(out, 1+uint64(w.rng.IntN(5))) // the squares of 4 fives are 100
		}
	}
	return out
}

// vote has somebody vote, on other questions too if there are some.
func (w *World) vote(p *person, id icn.CID) {
	ops := []icn.Op{icn.BallotCast{Proposal: id, Choice: w.choice(w.oracle.polls.book[id])}}
	if w.rng.IntN(3) == 0 {
		for _, other := range w.oracle.polls.at(icn.StageVoting) {
			if other != id && w.rng.IntN(2) == 0 {
				ops = append(ops, icn.BallotCast{Proposal: other, Choice: w.choice(w.oracle.polls.book[other])})
			}
		}
	}
	w.voice(p, ops...)
}

// entrust has somebody delegate, for this question or for more, or think better of it.
func (w *World) entrust(p *person, id icn.CID) {
	var scope icn.Scope
	switch w.rng.IntN(3) {
	case 0:
		scope.Proposal = id
	case 1:
		scope.Kind = w.oracle.polls.book[id].Motion.MotionKind()
	}
	if given := w.oracle.polls.given[p.did]; len(given) > 0 && w.rng.IntN(3) == 0 {
		w.voice(p, icn.DelegationRevoke{Scope: given[w.rng.IntN(len(given))].scope})
		return
	}
	o := icn.DelegationSet{To: w.anyone().did, Scope: scope, Proxy: w.rng.IntN(2) == 0}
	if w.rng.IntN(2) == 0 {
		o.Expires = icn.Time(epoch + w.now + 100 + w.rng.Int64N(1500))
	}
	w.voice(p, o)
}

// castFor has a proxy vote for who has made it that, or somebody who is no proxy.
func (w *World) castFor(id icn.CID) {
	for _, from := range w.members {
		for _, d := range w.oracle.polls.given[from.did] {
			to := w.personOf(d.to)
			if !d.proxy || to == nil || w.rng.IntN(3) == 0 {
				continue
			}
			w.voice(to, icn.BallotCast{Proposal: id, For: from.did, Choice: w.choice(w.oracle.polls.book[id])})
			if w.rng.IntN(3) == 0 { // who says so itself
				w.vote(from, id)
			}
			return
		}
	}
	w.voice(w.anyone(), icn.BallotCast{Proposal: id, For: w.anyone().did, Choice: w.choice(w.oracle.polls.book[id])})
}

func (w *World) personOf(d icn.DID) *person {
	for _, p := range w.members {
		if p.did == d {
			return p
		}
	}
	return nil
}

// landslide has nearly everybody say the same, and somebody close the vote.
func (w *World) landslide(id icn.CID) {
	choice := w.choice(w.oracle.polls.book[id])
	for _, p := range w.members {
		if w.rng.IntN(8) != 0 {
			w.voice(p, icn.BallotCast{Proposal: id, Choice: choice})
		}
	}
	w.at(100+w.rng.Int64N(200), func() { w.voice(w.anyone(), icn.ProposalClose{ID: id}) })
}

// forgeBallot votes in somebody else's name.
func (w *World) forgeBallot(id icn.CID) {
	m := w.pick(func(m *machine) bool { return m.up() && m.admitted })
	if m == nil {
		return
	}
	victim := w.anyone()
	o := icn.BallotCast{Proposal: id, Choice: w.choice(w.oracle.polls.book[id])}
	w.Count.Forged++
	if w.rng.IntN(2) == 0 { // whoever has the node's credential
		o.For = victim.did
		w.sayOps(m, o)
		return
	}
	s := &icn.Statement{Network: w.genesis.CID, Author: victim.did, Number: victim.number + 1, Ops: []icn.Op{o}}
	s.Sig = [64]byte(sign(didOf("thief"), s.SigningBytes()))
	w.oracle.forged(s.ID())
	w.inject(m, s.Encode())
}

// attend sees to proposals that are not voted on yet.
func (w *World) attend() {
	for _, id := range w.oracle.polls.at(icn.StageDraft, icn.StageSponsorship, icn.StageDeliberation) {
		p := w.oracle.polls.book[id]
		author := w.personOf(p.proposer)
		switch w.rng.IntN(6) {
		case 0:
			w.voice(author, icn.ProposalWithdraw{ID: id})
		case 1:
			o := icn.ProposalAmend{ID: id, Proposal: w.proposal()}
			w.voice(author, o, icn.ProposalAdvance{ID: id})
		case 2:
			w.voice(w.anyone(), icn.ProposalAdvance{ID: id})
		case 3:
			w.voice(author, icn.ProposalAdvance{ID: id})
		default:
			for range 3 {
				w.voice(w.anyone(), icn.ProposalSponsor{ID: id})
			}
		}
	}
}

// goAway has one of those who come and go leave.
func (w *World) goAway() {
	p := w.members[extras[w.rng.IntN(len(extras))]]
	w.voice(p, icn.MemberLeave{})
}

// opened plans what happens about a vote at the last moment and after it.
func (w *World) opened(id icn.CID, deadline icn.Time) {
	if w.opt.Stage != nil || w.now >= w.opt.Millis {
		return
	}
	left := int64(deadline) - epoch - w.now
	if w.rng.IntN(3) == 0 { // in force until the end, and no longer
		o := icn.DelegationSet{To: w.anyone().did, Scope: icn.Scope{Proposal: id}, Expires: deadline + icn.Time(20*w.rng.IntN(3))}
		w.at(w.rng.Int64N(max(left, 1)), func() { w.voice(w.anyone(), o) })
	}
	for range 1 + w.rng.IntN(3) {
		w.at(left-w.rng.Int64N(200), func() {
			if w.rng.IntN(2) == 0 {
				w.entrust(w.anyone(), id)
			} else {
				w.vote(w.anyone(), id)
			}
		})
	}
	w.at(w.rng.Int64N(max(left, 1)), func() { // written in time, and handed in when it is too late
		m := w.pick(func(m *machine) bool { return m.up() && m.admitted })
		if m == nil {
			return
		}
		m.do(m.life, func(l *node.Loop) {
			wire := w.signed(l, w.anyone(), w.until(), icn.BallotCast{Proposal: id, Choice: w.choice(w.oracle.polls.book[id])})
			w.later(int64(deadline)-epoch-w.now+w.rng.Int64N(300), wire)
		})
	})
}

// accepted gives those who can veto, and others, the time to do so.
func (w *World) accepted(id icn.CID) {
	group := w.oracle.polls.veto
	if w.opt.Stage != nil || w.rng.IntN(2) == 0 {
		return
	}
	p := w.anyone()
	if len(group) > 0 && w.rng.IntN(4) > 0 {
		p = w.personOf(group[w.rng.IntN(len(group))])
	}
	w.at(w.rng.Int64N(300), func() { w.voice(p, icn.ProposalVeto{ID: id, Reason: "not like this"}) })
}

// loseClerk takes a clerk away in one of eight worlds: it comes back when all is over.
func (w *World) loseClerk() {
	if w.opt.Seed%8 != 3 || w.opt.Nodes < 5 {
		return
	}
	m := w.pick(func(m *machine) bool { return m.up() && m.admitted && m.n < w.opt.Nodes && !m.withholds && !m.forges })
	if m == nil {
		return
	}
	m.lost = true
	w.Count.LostClerks++
	w.note(11, uint64(m.n))
	m.crash()
}

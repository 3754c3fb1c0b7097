package sim

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// polls are the oracle's own books of what members decide: who belongs, which rules
// are in force, what was proposed, every ballot and delegation. They are kept from
// statements and events in their order, and share no code with the folds that count.
type polls struct {
	w      *World
	seats  map[icn.DID]*seat
	roll   []icn.Voter // who is in good standing, by DID
	before []icn.Voter // who was at the end of the entry before
	rules  []inForce
	book   map[icn.CID]*poll
	order  []icn.CID
	given  map[icn.DID][]mandate
	veto   []icn.DID
	notice string           // the release that nodes shall run
	clerks []icn.DID        // chosen
	casts  []icn.BallotCast // of the statement that is looked at, not seen as events yet
	did    []icn.EventBody  // of what this entry has told: changes that only a vote makes
}

// seat is a member as the books have it.
type seat struct {
	role icn.Role
	name string
	good bool
}

// inForce are the rules from an entry on.
type inForce struct {
	index uint64
	rules icn.Rules
}

// mandate is a delegation as the books have it.
type mandate struct {
	scope   icn.Scope
	to      icn.DID
	expires icn.Time
	proxy   bool
}

// slot is the ballot that counts for a voter so far.
type slot struct {
	by     icn.DID
	number uint64
	choice []uint64
}

// poll is a proposal as the books have it.
type poll struct {
	icn.Proposal
	id         icn.CID
	proposer   icn.DID
	stage      icn.Stage
	roll       []icn.Voter // who may vote
	needed     uint64
	threshold  uint64
	deadline   icn.Time
	difference string
	slots      map[icn.DID]slot
	ballots    uint64
	tally      *icn.Tally
	enacted    bool
}

func (b *polls) init(w *World, g icn.Genesis) {
	b.w = w
	b.seats, b.book, b.given = map[icn.DID]*seat{}, map[icn.CID]*poll{}, map[icn.DID][]mandate{}
	for _, m := range g.Members {
		b.seats[m.DID] = &seat{m.Role, m.Name, true}
	}
	b.rules = []inForce{{0, g.Rules}}
	b.call()
	b.before = b.roll
}

// call makes the roll anew.
func (b *polls) call() {
	b.roll = nil
	for d, s := range b.seats { // order: sorted below
		if s.good {
			b.roll = append(b.roll, icn.Voter{Member: d, Role: s.role, Name: s.name})
		}
	}
	slices.SortFunc(b.roll, func(x, y icn.Voter) int { return bytes.Compare(x.Member[:], y.Member[:]) })
}

// at are the proposals at one of these stages, oldest first.
func (b *polls) at(stages ...icn.Stage) (out []icn.CID) {
	for _, id := range b.order {
		if slices.Contains(stages, b.book[id].stage) {
			out = append(out, id)
		}
	}
	return out
}

// now are the rules in force.
func (b *polls) now() icn.Rules { return b.rules[len(b.rules)-1].rules }

// rulesAt are the rules in force after an entry.
func (b *polls) rulesAt(index uint64) icn.Rules {
	i := len(b.rules) - 1
	for b.rules[i].index > index {
		i--
	}
	return b.rules[i].rules
}

// begin opens the books for an entry.
func (b *polls) begin(e icn.Entry, id icn.CID, applied bool) {
	b.before, b.did, b.casts = b.roll, nil, nil
	if e.Statement == nil {
		return
	}
	for i, op := range e.Statement.Ops {
		switch o := op.(type) {
		case icn.ProposalCreate:
			if applied {
				at := icn.ProposalID(id, i)
				b.book[at] = &poll{Proposal: o.Proposal, id: at, proposer: e.Statement.Author, slots: map[icn.DID]slot{}}
				b.order = append(b.order, at)
			}
		case icn.ProposalAmend:
			if applied {
				b.book[o.ID].Proposal = o.Proposal
			}
		case icn.BallotCast:
			if applied {
				b.casts = append(b.casts, o)
			} else if p := b.book[o.Proposal]; p != nil && p.tally != nil && e.Time >= p.deadline {
				b.w.Count.LateBallots++
			}
		}
	}
}

// end closes them: every ballot of a statement that was applied is in.
func (b *polls) end(e icn.Entry) {
	if len(b.casts) > 0 {
		b.w.fail("entry %d holds %d ballots that do not count anywhere", e.Index, len(b.casts))
	}
	// A suspension may end by itself.
	b.did = slices.DeleteFunc(b.did, func(did icn.EventBody) bool {
		_, ok := did.(icn.MemberReinstated)
		return ok
	})
	if len(b.did) > 0 {
		b.w.fail("entry %d changes %T, and no vote asked for it", e.Index, b.did[0])
	}
}

// see writes an event into the books, and says if it must not happen.
func (b *polls) see(e icn.Entry, ev icn.Event) {
	w := b.w
	switch o := ev.Body.(type) {
	case icn.MemberAdmitted:
		b.seats[o.Member] = &seat{o.Role, o.Name, true}
		b.call()
		b.byVote(e, ev, o)
	case icn.MemberLeft:
		b.leave(o.Member)
		b.byVote(e, ev, o)
	case icn.MemberSuspended:
		b.leave(o.Member)
		b.did = append(b.did, o)
	case icn.MemberReinstated:
		b.seats[o.Member].good = true
		b.call()
		b.did = append(b.did, o)
	case icn.RuleChanged:
		b.change(e, o)
	case icn.ClerksChosen:
		if !slices.Equal(o.Was, b.clerks) && len(o.Was)+len(b.clerks) > 0 && !b.left(o.Was) {
			w.fail("clerks chosen at entry %d instead of %v, the books say %v", e.Index, o.Was, b.clerks)
		}
		b.clerks = o.Nodes
		b.did = append(b.did, o)
		b.clerksChanged()
	case icn.VetoGroupChanged:
		if !slices.Equal(o.Was, b.veto) {
			w.fail("the veto group changes at entry %d from %v, the books say %v", e.Index, o.Was, b.veto)
		}
		b.veto = o.Members
		b.did = append(b.did, o)
	case icn.BudgetGranted:
		w.oracle.minted += o.Amount
		b.did = append(b.did, o)
	case icn.UpgradeNoticed:
		b.notice = o.Version
		b.did = append(b.did, o)
	case icn.ReputationFrozen, icn.CredentialPaused:
		b.did = append(b.did, o)
	case icn.NodeLeft:
		b.byVote(e, ev, o)
	case icn.ProposerThanked:
		w.oracle.minted += o.Amount
		if p := b.book[o.Proposal]; !p.enacted || o.Account != p.proposer {
			w.fail("entry %d thanks for proposal %s", e.Index, o.Proposal)
		}
	case icn.VoteDelegated:
		b.delegate(e, o)
	case icn.DelegationRevoked:
		w.Count.Revoked++
		b.given[o.From] = slices.DeleteFunc(b.given[o.From], func(m mandate) bool { return m.scope == o.Scope })
	case icn.ProposalCreated:
		w.oracle.burnt += o.Cost
		if p := b.book[o.Proposal]; p == nil || p.proposer != o.Proposer {
			w.fail("proposal %s is created at entry %d by nobody", o.Proposal, e.Index)
		} else {
			p.stage = o.Stage
			w.Count.Proposals++
		}
	case icn.ProposalMoved:
		b.move(e, o)
	case icn.VotingOpened:
		b.open(e, o)
	case icn.VoteCast:
		b.cast(e, ev, o)
	case icn.VotingClosed:
		b.closed(e, o)
	case icn.Enacted:
		b.enact(e, o)
	}
}

func (b *polls) leave(d icn.DID) {
	b.seats[d].good = false
	b.call()
	for _, id := range b.at(icn.StageSponsorship, icn.StageDeliberation, icn.StageVoting) {
		if b.book[id].proposer == d {
			b.w.Count.Vanished++
		}
	}
}

// byVote notes what only somebody's own word or a vote does, unless a word in this
// entry asks for it.
func (b *polls) byVote(e icn.Entry, ev icn.Event, body icn.EventBody) {
	if ev.Author == nil || !asked(e) {
		b.did = append(b.did, body)
	}
}

// asked says whether a statement is about who belongs.
func asked(e icn.Entry) bool {
	return e.Statement != nil && slices.ContainsFunc(e.Statement.Ops, func(op icn.Op) bool {
		switch op.(type) {
		case icn.MemberAdmit, icn.MemberLeave, icn.NodeLeave, icn.NodeExpel:
			return true
		}
		return false
	})
}

// left says whether the books' choice of clerks names somebody who is gone since.
func (b *polls) left(was []icn.DID) bool {
	return slices.Equal(was, slices.DeleteFunc(slices.Clone(b.clerks), func(d icn.DID) bool {
		i := b.w.Index(d)
		return i < 0 || b.w.nodes[i].gone
	}))
}

func (b *polls) clerksChanged() {
	b.w.Count.ClerksChosen++
	if len(b.at(icn.StageVoting)) > 0 {
		b.w.Count.ClerksInVote++
	}
}

// change writes a new value of a parameter down.
func (b *polls) change(e icn.Entry, o icn.RuleChanged) {
	was := b.now()
	if v, ok := was.Get(o.Name); !ok || v != o.Was {
		b.w.fail("%s changes at entry %d from %d, the books say %d", o.Name, e.Index, o.Was, v)
	}
	next, err := was.With(o.Name, o.Becomes)
	if err != nil {
		b.w.fail("%s at entry %d: %v", o.Name, e.Index, err)
	}
	b.rules = append(b.rules, inForce{e.Index, next})
	b.did = append(b.did, o)
	b.w.Count.RulesChanged++
	if o.Name == "clerks" {
		b.clerksChanged()
	}
}

func (b *polls) delegate(e icn.Entry, o icn.VoteDelegated) {
	b.w.Count.Delegations++
	if s := b.seats[o.From]; s == nil || !s.good {
		b.w.fail("%s delegates at entry %d, and is no member in good standing", o.From.Short(), e.Index)
	}
	for _, id := range b.at(icn.StageVoting) {
		if e.Time+200 >= b.book[id].deadline {
			b.w.Count.LastMoment++
		}
	}
	all := slices.DeleteFunc(b.given[o.From], func(m mandate) bool { return m.scope == o.Scope })
	b.given[o.From] = append(all, mandate{o.Scope, o.To, o.Expires, o.Proxy})
}

// move takes a proposal to another stage, if it can go there.
func (b *polls) move(e icn.Entry, o icn.ProposalMoved) {
	p := b.book[o.Proposal]
	allowed := map[icn.Stage][]icn.Stage{
		icn.StageDraft:        {icn.StageSponsorship, icn.StageDeliberation, icn.StageVoting, icn.StageRejected, icn.StageWithdrawn},
		icn.StageSponsorship:  {icn.StageDeliberation, icn.StageVoting, icn.StageRejected, icn.StageWithdrawn},
		icn.StageDeliberation: {icn.StageVoting, icn.StageRejected, icn.StageWithdrawn},
		icn.StageVoting:       {icn.StageTimelock, icn.StageRejected},
		icn.StageTimelock:     {icn.StageExecuted, icn.StageFailed, icn.StageVetoed},
	}
	w := b.w
	switch accepted := p.tally != nil && p.tally.Accepted; {
	case !slices.Contains(allowed[p.stage], o.Stage):
		w.fail("proposal %s goes from %s to %s at entry %d", o.Proposal, p.stage, o.Stage, e.Index)
	case p.stage == icn.StageVoting && (o.Stage == icn.StageTimelock) != accepted:
		w.fail("proposal %s goes to %s at entry %d; accepted: %v", o.Proposal, o.Stage, e.Index, accepted)
	case o.Stage.Over() && o.Reason == "":
		w.fail("proposal %s is over at entry %d, and nobody is told why", o.Proposal, e.Index)
	case o.Stage == icn.StageVetoed && (o.By == nil || !slices.Contains(b.veto, *o.By)):
		w.fail("proposal %s is vetoed at entry %d by who cannot", o.Proposal, e.Index)
	}
	p.stage = o.Stage
	switch o.Stage {
	case icn.StageRejected:
		w.Count.Rejected++
	case icn.StageVetoed:
		w.Count.Vetoed++
	case icn.StageWithdrawn:
		w.Count.Withdrawn++
	case icn.StageFailed:
		w.Count.NotEnacted++
	case icn.StageTimelock:
		w.accepted(o.Proposal)
	}
}

// open fixes who votes, and by which rules.
func (b *polls) open(e icn.Entry, o icn.VotingOpened) {
	p, rules := b.book[o.Proposal], b.now()
	for _, v := range b.before {
		if person := v.Role == icn.RolePerson; person && p.Electorate != icn.Organisations || !person && p.Electorate != icn.Persons {
			p.roll = append(p.roll, v)
		}
	}
	length := cmp.Or(p.VotingMillis, rules.VotingMillis)
	p.deadline, p.difference = e.Time+icn.Time(length), o.Difference
	p.threshold = max(p.ThresholdPermille, rules.Threshold)
	p.needed = max(1, p.QuorumCount, (uint64(len(p.roll))*max(p.QuorumPermille, rules.Quorum)+999)/1000)
	if o.Roll != uint64(len(p.roll)) || o.RollHash != fmt.Sprintf("%x", icn.RollHash(p.roll)) || o.Deadline != p.deadline {
		b.w.fail("the vote on %s opens at entry %d with %d voters until %d; the books say %d and %d", o.Proposal, e.Index, o.Roll, o.Deadline, len(p.roll), p.deadline)
	}
	b.w.Count.Opened++
	b.w.opened(o.Proposal, p.deadline)
}

// cast takes a ballot in.
func (b *polls) cast(e icn.Entry, ev icn.Event, o icn.VoteCast) {
	w := b.w
	w.oracle.burnt += o.Cost
	p := b.book[o.Proposal]
	if len(b.casts) == 0 {
		w.fail("entry %d holds a ballot that nobody cast", e.Index)
		return
	}
	c := b.casts[0]
	b.casts = b.casts[1:]
	by := e.Statement.Author
	voter, proxy := by, !c.For.IsZero() && c.For != by
	if proxy {
		voter = c.For
	}
	s := b.seats[by]
	m, given := b.mandate(p, voter, e.Time)
	old, voted := p.slots[voter]
	switch {
	case o.Proposal != c.Proposal || o.Voter != voter || !slices.Equal(o.Choice, c.Choice) || (o.By != nil) != proxy:
		w.fail("entry %d holds another ballot than was cast: %+v, not %+v", e.Index, o, c)
	case p.stage != icn.StageVoting || e.Time >= p.deadline:
		w.fail("a ballot is taken at entry %d, when the vote is over", e.Index)
	case !slices.ContainsFunc(p.roll, func(v icn.Voter) bool { return v.Member == voter }):
		w.fail("a ballot of %s, who is not on the roll, is taken at entry %d", voter.Short(), e.Index)
	case s == nil || !s.good:
		w.fail("a ballot by %s, no member in good standing, is taken at entry %d", by.Short(), e.Index)
	case proxy && (!given || !m.proxy || m.to != by):
		w.fail("a ballot by %s, who is nobody's proxy, is taken at entry %d", by.Short(), e.Index)
	case proxy && voted && old.by == voter:
		w.fail("a proxy votes at entry %d for who has voted", e.Index)
	}
	w.Count.Ballots++
	if p.ballots++; o.Ballots != p.ballots {
		w.fail("ballot %d at entry %d is counted as %d", p.ballots, e.Index, o.Ballots)
	}
	if proxy {
		w.Count.ProxyBallots++
	}
	if voted {
		w.Count.Changed++
	}
	if !voted || old.by != by || old.number <= e.Statement.Number {
		p.slots[voter] = slot{by, e.Statement.Number, c.Choice}
	}
}

// enact looks whether what was accepted has happened, and nothing else.
func (b *polls) enact(e icn.Entry, o icn.Enacted) {
	w, p := b.w, b.book[o.Proposal]
	w.Count.Enacted++
	b.did = slices.DeleteFunc(b.did, func(did icn.EventBody) bool { // a suspension has ended by itself
		r, ok := did.(icn.MemberReinstated)
		return ok && p.Motion != icn.Motion(icn.ReinstateMember{Member: r.Member})
	})
	diff, err := icn.Difference(b.did)
	switch {
	case err != nil || p.enacted || p.tally == nil || !p.tally.Accepted || p.stage != icn.StageExecuted:
		w.fail("proposal %s is enacted at entry %d, at the stage %s: %v", o.Proposal, e.Index, p.stage, err)
	case o.Difference != p.difference || diff.String() != p.difference:
		w.fail("proposal %s has changed %v at entry %d, something else than when its vote opened", o.Proposal, b.did, e.Index)
	}
	if m, ok := p.Motion.(icn.SetRules); ok {
		for _, s := range m.Settings {
			if v, _ := b.now().Get(s.Name); v != s.Value {
				w.fail("%s is %d after entry %d, which makes it %d", s.Name, v, e.Index, s.Value)
			}
		}
	}
	p.enacted, b.did = true, nil
}

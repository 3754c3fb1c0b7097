package core

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mana"
	"github.com/InterCooperative-Network/icn-core/state"
)

// vote carries out what the fold of governance led to.
func (r *run) vote(res governance.Result) error {
	for _, b := range res.Events {
		r.event(b)
	}
	return r.carryOut(res.Effects)
}

// voteStep is what the fold of governance may know of the others.
func (r *run) voteStep(st icn.Statement, statement icn.CID) governance.Step {
	s := r.m.voteStep(r.head.Index, r.head.Time)
	s.Statement, s.Number = statement, st.Number
	if r.author != nil {
		s.Author, s.Key = *r.author, r.m.identity.KeyOf(*r.author)
	}
	s.Rehearse = func(m icn.Motion) (icn.CID, error) {
		events, err := r.rehearse(m)
		if err != nil {
			return icn.CID{}, err
		}
		return icn.Difference(events)
	}
	return s
}

func (m *Machine) voteStep(index uint64, now icn.Time) governance.Step {
	rules := m.Rules()
	return governance.Step{
		Index: index, Time: now, Rules: rules,
		Member: m.identity.InGoodStanding,
		OnRoll: m.identity.OnRoll,
		Roll:   m.identity.Roll,
		Balance: func(d icn.DID) uint64 {
			a, _ := m.mana.At(d, now, rules)
			return a.Balance
		},
	}
}

// rehearse says what enacting a motion would change, and changes nothing.
func (r *run) rehearse(m icn.Motion) (events []icn.EventBody, err error) {
	out, head := r.out, r.head
	err = r.m.db.Try(func() (bool, error) {
		events, err = r.perform(m)
		return false, err
	})
	r.back(out, head)
	return events, err
}

// back forgets what a run told of something that was undone.
func (r *run) back(out Outcome, head Head) {
	again := r.out.Nodes
	r.out, r.head = out, head
	if again {
		r.m.identity.Refresh()
	}
}

// enact carries a motion out, if it changes what it was said to change when the vote
// opened, and nothing of it otherwise.
func (r *run) enact(e icn.Enact) error {
	out, head := r.out, r.head
	failed := r.m.db.Try(func() (bool, error) {
		events, err := r.perform(e.Motion)
		if err != nil {
			return false, err
		}
		diff, err := icn.Difference(events)
		if err != nil {
			return false, err
		}
		if p, _ := r.m.votes.Proposal(e.Proposal); diff != p.Vote.Difference {
			return false, fmt.Errorf("%w: it would now change something else than when the vote opened; propose it again", icn.ErrConflict)
		}
		return true, nil
	})
	if failed != nil {
		r.back(out, head)
	}
	author := r.author
	r.author = nil // nobody says it: it follows from the vote
	defer func() { r.author = author }()
	return r.vote(r.m.votes.Enacted(r.voteStep(icn.Statement{}, icn.CID{}), e.Proposal, failed))
}

// perform does what a motion asks for, and returns its immediate effects as events:
// those that it is bound by.
func (r *run) perform(m icn.Motion) (events []icn.EventBody, err error) {
	r.changed()
	switch o := m.(type) {
	case icn.SetRules:
		return r.setRules(o)
	case icn.AdmitMember, icn.RemoveMember, icn.SuspendMember, icn.ReinstateMember, icn.SetClerks, icn.ExpelNode:
		return r.reform(m)
	case icn.GrantBudget:
		if o.Amount == 0 || o.Amount > r.m.Rules().BudgetMax {
			return nil, fmt.Errorf("budget: %w: 1 to max_budget (%d) can be granted, not %d", icn.ErrInvalid, r.m.Rules().BudgetMax, o.Amount)
		}
		from := len(r.out.Events)
		if err := r.carryOut([]icn.Effect{icn.Grant{Account: o.To, Amount: o.Amount, Purpose: o.Purpose}}); err != nil {
			return nil, err
		}
		return bodies(r.out.Events[from:]), nil
	}
	if events, err = r.m.votes.Enact(r.m.voteStep(r.head.Index, r.head.Time), m); err != nil {
		return nil, err
	}
	for _, b := range events {
		if f, ok := b.(icn.ReputationFrozen); ok {
			if _, known := r.m.mana.At(f.Who, r.head.Time, r.m.Rules()); !known {
				return nil, fmt.Errorf("resolution: %w: %s has no account here, and no reputation", icn.ErrNotFound, f.Who)
			}
		}
		r.event(b)
		if err := r.noted(b); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// reform changes who belongs, or which nodes order the log.
func (r *run) reform(m icn.Motion) ([]icn.EventBody, error) {
	effects, events, err := r.m.identity.Enact(r.identityStep(), m)
	if err != nil {
		return nil, err
	}
	return events, r.belonging(effects, events)
}

// setRules changes parameters. What has grown under the old ones has grown: accounts
// and reputations are brought up to date first.
func (r *run) setRules(o icn.SetRules) ([]icn.EventBody, error) {
	was := r.m.Rules()
	next := was
	var events []icn.EventBody
	for _, s := range o.Settings {
		old, _ := next.Get(s.Name)
		changed, err := next.With(s.Name, s.Value)
		if err != nil {
			return nil, err
		}
		if old == s.Value {
			return nil, fmt.Errorf("parameter %s: %w: it is %d already", s.Name, icn.ErrConflict, s.Value)
		}
		next = changed
		events = append(events, icn.RuleChanged{Name: s.Name, Was: old, Becomes: s.Value})
	}
	if len(events) == 0 {
		return nil, fmt.Errorf("parameters: %w: none is named", icn.ErrInvalid)
	}
	if err := next.Check(); err != nil {
		return nil, err
	}
	r.m.mana.CatchUp(mana.Step{Time: r.head.Time, Rules: was})
	r.m.rules.Put(state.One{}, next)
	r.out.Nodes = true
	for _, b := range events {
		r.event(b)
	}
	for _, c := range r.m.names.Turn(r.head.Time, was, next) {
		if err := r.carryOut([]icn.Effect{icn.SetTier{Account: c.Who, Tier: c.Tier}}); err != nil {
			return nil, err
		}
	}
	return events, nil
}

func bodies(events []icn.Event) []icn.EventBody {
	var out []icn.EventBody
	for _, e := range events {
		out = append(out, e.Body)
	}
	return out
}

package mana

import "github.com/InterCooperative-Network/icn-core/icn"

// Statement is an account as its events tell it: the same arithmetic as the
// fold's, for one account, over what was published.
type Statement struct {
	Who   icn.DID
	Rules icn.Rules
	Account
	Opened bool
	grew   uint64 // since the last line
}

// Line is one change of an account.
type Line struct {
	Regenerated uint64 // since the line before
	Held        uint64 // set aside
	Released    uint64 // of what was held, given back
	Burnt       uint64 // of what was held, spent, or taken back
	Minted      uint64 // gained
	Lost        uint64 // of what was gained, over the cap
	Tier        icn.Tier
	Balance     uint64 // after it
	HeldNow     uint64
}

// See takes an event in. It says what the event changed in the account, and
// whether it did.
func (s *Statement) See(at icn.Time, e icn.EventBody) (Line, bool) {
	if b, ok := e.(icn.AccountOpened); ok && b.Account == s.Who {
		s.Account, s.Opened = Account{Balance: b.Issued, At: at}, true
		return Line{Minted: b.Issued, Balance: b.Issued}, true
	}
	var l Line
	if s.Opened {
		var grew uint64
		s.Account, grew = s.grown(at, s.Rules)
		s.grew += grew
	}
	if b, ok := e.(icn.RuleChanged); ok { // what has grown until now grew under the old rules
		s.Rules, _ = s.Rules.With(b.Name, b.Becomes)
		return Line{}, false
	}
	if !s.Opened {
		return Line{}, false
	}
	changed := s.apply(&l, e)
	if changed {
		l.Regenerated, s.grew = s.grew, 0
	}
	l.Balance, l.HeldNow, l.Tier = s.Balance, s.Held, s.Tier
	return l, changed
}

func (s *Statement) apply(l *Line, e icn.EventBody) bool {
	switch e := e.(type) {
	case icn.JobPosted:
		return e.Submitter == s.Who && s.hold(l, e.Held)
	case icn.JobRolledBack:
		return e.Submitter == s.Who && s.release(l, e.Restored)
	case icn.JobCancelled:
		return e.Submitter == s.Who && s.release(l, e.Restored)
	case icn.JobSettled:
		return s.settled(l, e)
	case icn.Refunded:
		if e.From == s.Who {
			s.lose(l, e.Amount)
		}
		return e.To == s.Who && s.gain(l, e.Amount) || e.From == s.Who
	case icn.ManaSpent:
		return e.Account == s.Who && s.lose(l, e.Amount)
	case icn.ProposalCreated:
		return e.Proposer == s.Who && e.Cost > 0 && s.lose(l, e.Cost)
	case icn.VoteCast:
		by := e.Voter
		if e.By != nil {
			by = *e.By
		}
		return by == s.Who && e.Cost > 0 && s.lose(l, e.Cost)
	case icn.BudgetGranted:
		return e.Account == s.Who && s.gain(l, e.Amount)
	case icn.ProposerThanked:
		return e.Account == s.Who && s.gain(l, e.Amount)
	case icn.TierChanged:
		if e.Account == s.Who {
			s.Tier = e.Tier
			return true
		}
	}
	return false
}

// settled goes in the order of the fold's effects: the cap is looked at when
// something is gained.
func (s *Statement) settled(l *Line, e icn.JobSettled) bool {
	paid := e.Paid
	if len(paid) == 0 {
		paid = []icn.Payment{{Executor: e.Executor, Amount: e.Burnt}}
	}
	mine := e.Submitter == s.Who
	for _, p := range paid {
		if e.Submitter == s.Who {
			s.Held -= min(p.Amount, s.Held)
			l.Burnt += p.Amount
		}
		if p.Executor == s.Who {
			mine = s.gain(l, p.Amount)
		}
	}
	if e.Submitter == s.Who {
		s.Held -= min(e.Spent, s.Held)
		l.Burnt += e.Spent
		s.release(l, e.Released)
	}
	return mine
}

func (s *Statement) hold(l *Line, n uint64) bool {
	n = min(n, s.Balance)
	s.Balance, s.Held = s.Balance-n, s.Held+n
	l.Held += n
	return true
}

func (s *Statement) release(l *Line, n uint64) bool {
	n = min(n, s.Held)
	s.Balance, s.Held = s.Balance+n, s.Held-n
	l.Released += n
	return true
}

func (s *Statement) lose(l *Line, n uint64) bool {
	s.Balance -= min(n, s.Balance)
	l.Burnt += n
	return true
}

func (s *Statement) gain(l *Line, n uint64) bool {
	got := min(n, s.room(s.Rules))
	s.Balance += got
	l.Minted, l.Lost = l.Minted+n, l.Lost+n-got
	return true
}

// Until lets time pass, without an event.
func (s *Statement) Until(at icn.Time) Account {
	a, _ := s.grown(at, s.Rules)
	return a
}

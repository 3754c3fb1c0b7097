package governance

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/tally"
)

func (f *Fold) cast(s Step, i int, o icn.BallotCast) (r Result, err error) {
	p, err := f.get(o.Proposal, "vote on", icn.StageVoting)
	if err != nil {
		return r, err
	}
	voter, proxy := s.Author, !o.For.IsZero() && o.For != s.Author
	if proxy {
		voter = o.For
	}
	if err := tally.CheckChoice(p.Method, len(p.Options), o.Choice); err != nil {
		return r, fmt.Errorf("vote on %s: %w", o.Proposal, err)
	}
	if role, ok := s.OnRoll(voter, p.Vote.RollAt()); !ok || !p.Electorate.Has(role) {
		return r, fmt.Errorf("vote on %s: %w: %s is not on its roll: %s who belonged when the vote opened", o.Proposal, icn.ErrDenied, voter.Short(), p.Electorate)
	}
	key := ballotKey{o.Proposal, voter}
	old, voted := f.ballots.Get(key)
	if proxy {
		if m, ok := f.mandate(voter, o.Proposal, p, s.Time); !ok || !m.Proxy || m.To != s.Author {
			return r, fmt.Errorf("vote on %s: %w: %s has not made %s its proxy for this", o.Proposal, icn.ErrDenied, voter.Short(), s.Author.Short())
		}
		if voted && old.By == voter {
			return r, fmt.Errorf("vote on %s: %w: %s has voted itself, and that counts", o.Proposal, icn.ErrConflict, voter.Short())
		}
	}
	p.Vote.Ballots++
	p.Vote.Chain = icn.ChainBallot(p.Vote.Chain, s.Index, s.Statement, i, s.Key)
	f.proposals.Put(o.Proposal, p)
	if !Outdone(old, voted, s.Author, s.Number) {
		f.ballots.Put(key, Ballot{By: s.Author, Number: s.Number, Index: s.Index, Choice: o.Choice})
	}
	told := icn.VoteCast{Proposal: o.Proposal, Voter: voter, Choice: o.Choice, Ballots: p.Vote.Ballots}
	if told.Choice == nil {
		told.Choice = []uint64{}
	}
	if proxy {
		told.By = &s.Author
	}
	if told.Cost = min(s.Rules.VoteCost, s.Balance(s.Author)); told.Cost > 0 { // no ballot is refused for want of capacity
		r.ask(icn.Spend{Account: s.Author, Amount: told.Cost})
	}
	r.tell(told)
	return r, nil
}

// Outdone says whether a ballot by somebody with this number counts less than the one
// that is there: of one author the highest number counts, in whatever order they come.
func Outdone(old Ballot, voted bool, by icn.DID, number uint64) bool {
	return voted && old.By == by && old.Number > number
}

// mandate is a voter's delegation that fits a proposal now.
func (f *Fold) mandate(voter icn.DID, id icn.CID, p Proposal, now icn.Time) (icn.Mandate, bool) {
	return f.DelegationsOf(voter).Fitting(voter, id, p.Motion.MotionKind(), now)
}

func (f *Fold) delegate(s Step, o icn.DelegationSet) (r Result, err error) {
	all := f.DelegationsOf(s.Author)
	_, found := all.find(o.Scope)
	switch {
	case o.To == s.Author:
		return r, fmt.Errorf("delegate: %w: to oneself", icn.ErrInvalid)
	case !s.Member(o.To):
		return r, fmt.Errorf("delegate: %w: %s is no member in good standing", icn.ErrNotFound, o.To)
	case o.Expires != 0 && o.Expires <= s.Time:
		return r, fmt.Errorf("delegate: %w: it would be over already", icn.ErrInvalid)
	case !found && len(all) >= MaxDelegations:
		return r, fmt.Errorf("delegate: %w: %d delegations are the most; revoke one", icn.ErrConflict, MaxDelegations)
	}
	f.delegations.Put(s.Author, all.With(Delegation{To: o.To, Scope: o.Scope, Expires: o.Expires, Proxy: o.Proxy, Index: s.Index}))
	r.tell(icn.VoteDelegated{From: s.Author, To: o.To, Scope: o.Scope, Expires: o.Expires, Proxy: o.Proxy})
	return r, nil
}

func (f *Fold) revoke(s Step, o icn.DelegationRevoke) (r Result, err error) {
	all := f.DelegationsOf(s.Author)
	if _, found := all.find(o.Scope); !found {
		return r, fmt.Errorf("revoke: %w: %s has no delegation for %s", icn.ErrNotFound, s.Author.Short(), o.Scope)
	}
	if all = all.Without(o.Scope); len(all) == 0 {
		f.delegations.Delete(s.Author)
	} else {
		f.delegations.Put(s.Author, all)
	}
	r.tell(icn.DelegationRevoked{From: s.Author, Scope: o.Scope})
	return r, nil
}

// poll is everything that the count of a vote depends on, as of now.
func (f *Fold) poll(s Step, id icn.CID, p Proposal) (tally.Vote, []icn.Mandate) {
	roll := s.Roll(p.Vote.RollAt(), p.Electorate)
	v := tally.Vote{Method: p.Method, Needed: p.Vote.Needed, Threshold: p.Vote.Threshold, Roll: make([]icn.DID, 0, len(roll))}
	for _, o := range p.Options {
		v.Options = append(v.Options, icn.OptionID(id, o))
	}
	var mandates []icn.Mandate
	for _, x := range roll {
		v.Roll = append(v.Roll, x.Member)
		m, given := f.mandate(x.Member, id, p, p.Vote.Mandated(s.Time))
		if given {
			mandates = append(mandates, m)
			v.Delegations = append(v.Delegations, tally.Delegation{From: m.From, To: m.To})
		}
		if b, ok := f.ballots.Get(ballotKey{id, x.Member}); ok && (b.By == x.Member || given && m.Proxy && m.To == b.By) {
			v.Ballots = append(v.Ballots, tally.Ballot{Voter: x.Member, Proxy: b.By != x.Member, Choice: b.Choice})
		}
	}
	return v, mandates
}

// Interim is how an open vote would end if nothing else came in.
func (f *Fold) Interim(s Step, id icn.CID) (icn.Tally, bool) {
	p, ok := f.proposals.Get(id)
	if !ok || p.Stage != icn.StageVoting {
		return icn.Tally{}, false
	}
	v, _ := f.poll(s, id, p)
	return v.Count(), true
}

// Mandates are the delegations that fit a vote as of now.
func (f *Fold) Mandates(s Step, id icn.CID) []icn.Mandate {
	p, ok := f.proposals.Get(id)
	if !ok || p.Stage != icn.StageVoting {
		return nil
	}
	_, m := f.poll(s, id, p)
	return m
}

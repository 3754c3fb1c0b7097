package governance

import (
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/tally"
)

func (f *Fold) create(s Step, i int, o icn.ProposalCreate) (Result, error) {
	var r Result
	if err := f.check(s, o.Proposal); err != nil {
		return r, fmt.Errorf("propose: %w", err)
	}
	open, _ := f.open.Get(s.Author)
	switch {
	case open >= s.Rules.ProposalsPerMember:
		return r, fmt.Errorf("propose: %w: %d proposals of %s are open; wait until one is over, or withdraw one", icn.ErrConflict, open, s.Author.Short())
	case s.Balance(s.Author) < s.Rules.ProposalCost:
		return r, fmt.Errorf("propose: %w: it costs %d of capacity, %s has %d", icn.ErrInsufficient, s.Rules.ProposalCost, s.Author.Short(), s.Balance(s.Author))
	}
	id := icn.ProposalID(s.Statement, i)
	p := Proposal{Proposal: o.Proposal, Proposer: s.Author, Created: s.Index, Stage: icn.StageDraft, Since: s.Time,
		Sponsors: []icn.DID{s.Author}, Sponsor: s.Rules.Sponsors}
	f.open.Put(s.Author, open+1)
	f.proposals.Put(id, p)
	if s.Rules.ProposalCost > 0 {
		r.ask(icn.Spend{Account: s.Author, Amount: s.Rules.ProposalCost})
	}
	r.tell(icn.ProposalCreated{Proposal: id, Proposer: s.Author, Title: p.Title, Kind: p.Motion.MotionKind(), Motion: icn.MotionJSON{Motion: p.Motion}, Stage: icn.StageDraft, Cost: s.Rules.ProposalCost})
	if !o.Draft {
		f.putForward(s, &r, id, p)
	}
	return r, nil
}

func (f *Fold) amend(s Step, o icn.ProposalAmend) (r Result, err error) {
	p, err := f.get(o.ID, "amend", icn.StageDraft)
	if err == nil {
		err = f.check(s, o.Proposal)
	}
	switch {
	case err != nil:
		return r, err
	case p.Proposer != s.Author:
		return r, fmt.Errorf("amend %s: %w: it is another member's draft", o.ID, icn.ErrDenied)
	}
	p.Proposal = o.Proposal
	f.proposals.Put(o.ID, p)
	r.tell(icn.ProposalCreated{Proposal: o.ID, Proposer: s.Author, Title: p.Title, Kind: p.Motion.MotionKind(), Motion: icn.MotionJSON{Motion: p.Motion}, Stage: icn.StageDraft})
	return r, nil
}

// check says whether a proposal can be put at all.
func (f *Fold) check(s Step, p icn.Proposal) error {
	rules := s.Rules
	_, words := p.Motion.(icn.Declare)
	switch {
	case p.Title == "":
		return fmt.Errorf("%w: a proposal needs a title", icn.ErrInvalid)
	case p.Method == icn.YesNo && len(p.Options) > 0:
		return fmt.Errorf("%w: options are for the other methods, this is a yes or no", icn.ErrInvalid)
	case p.Method != icn.YesNo && (len(p.Options) < 2 || !words):
		return fmt.Errorf("%w: a vote by the method %s is about two or more options and is words alone (motion text)", icn.ErrInvalid, p.Method)
	case len(slices.Compact(slices.Sorted(slices.Values(p.Options)))) != len(p.Options):
		return fmt.Errorf("%w: an option is there twice", icn.ErrInvalid)
	case p.QuorumPermille > 1000 || p.ThresholdPermille > 1000:
		return fmt.Errorf("%w: quorum and threshold are at most 1000 thousandths", icn.ErrInvalid)
	case p.VotingMillis != 0 && (p.VotingMillis < rules.MinVotingMillis || p.VotingMillis > rules.MaxVotingMillis):
		return fmt.Errorf("%w: a vote is open for %d to %d ms by the rules, not %d", icn.ErrInvalid, rules.MinVotingMillis, rules.MaxVotingMillis, p.VotingMillis)
	case p.DeliberationMillis > rules.MaxVotingMillis || p.TimelockMillis > rules.MaxVotingMillis:
		return fmt.Errorf("%w: deliberation and time-lock last at most %d ms", icn.ErrInvalid, rules.MaxVotingMillis)
	}
	for _, o := range p.Options {
		if o == "" {
			return fmt.Errorf("%w: an option without words", icn.ErrInvalid)
		}
	}
	if _, err := s.Rehearse(p.Motion); err != nil {
		return fmt.Errorf("this could not be enacted: %w", err)
	}
	return nil
}

// putForward takes a draft to its sponsors, or past them.
func (f *Fold) putForward(s Step, r *Result, id icn.CID, p Proposal) {
	if uint64(len(p.Sponsors)) < p.Sponsor {
		f.move(s, r, id, p, icn.StageSponsorship, later(s.Time, s.Rules.SponsorMillis))
		return
	}
	f.deliberate(s, r, id, p)
}

func (f *Fold) deliberate(s Step, r *Result, id icn.CID, p Proposal) {
	if wait := max(p.DeliberationMillis, s.Rules.DeliberationMillis); wait > 0 {
		f.move(s, r, id, p, icn.StageDeliberation, later(s.Time, wait))
		return
	}
	f.openVote(s, r, id, p)
}

func (f *Fold) advance(s Step, id icn.CID) (r Result, err error) {
	p, err := f.get(id, "put forward", icn.StageDraft, icn.StageDeliberation)
	switch {
	case err != nil:
		return r, err
	case p.Proposer != s.Author:
		return r, fmt.Errorf("put forward %s: %w: only who proposed it does that", id, icn.ErrDenied)
	case p.Stage == icn.StageDraft:
		f.putForward(s, &r, id, p)
		return r, nil
	}
	if least := later(p.Since, s.Rules.DeliberationMillis); s.Time < least {
		return r, fmt.Errorf("open the vote on %s: %w: the rules ask for %d ms of deliberation, %d are left", id, icn.ErrConflict, s.Rules.DeliberationMillis, least-s.Time)
	}
	f.openVote(s, &r, id, p)
	return r, nil
}

func (f *Fold) sponsor(s Step, id icn.CID) (r Result, err error) {
	p, err := f.get(id, "sponsor", icn.StageSponsorship)
	if err != nil {
		return r, err
	}
	if slices.Contains(p.Sponsors, s.Author) {
		return r, fmt.Errorf("sponsor %s: %w: %s is a sponsor already", id, icn.ErrConflict, s.Author.Short())
	}
	p.Sponsors = append(slices.Clone(p.Sponsors), s.Author)
	r.tell(icn.ProposalSponsored{Proposal: id, Sponsor: s.Author, Sponsors: uint64(len(p.Sponsors)), Needed: p.Sponsor})
	if uint64(len(p.Sponsors)) < p.Sponsor {
		f.proposals.Put(id, p)
		return r, nil
	}
	r.ask(icn.ClearTimer{Name: timerName(id)})
	f.deliberate(s, &r, id, p)
	return r, nil
}

func (f *Fold) withdraw(s Step, id icn.CID) (r Result, err error) {
	p, err := f.get(id, "withdraw", icn.StageDraft, icn.StageSponsorship, icn.StageDeliberation)
	switch {
	case err != nil:
		return r, err
	case p.Proposer != s.Author:
		return r, fmt.Errorf("withdraw %s: %w: only who proposed it takes it back", id, icn.ErrDenied)
	}
	f.end(s, &r, id, p, icn.StageWithdrawn, "its author took it back")
	return r, nil
}

// openVote fixes who votes, what is needed, and what would change.
func (f *Fold) openVote(s Step, r *Result, id icn.CID, p Proposal) {
	roll := s.Roll(s.Index-1, p.Electorate)
	diff, err := s.Rehearse(p.Motion)
	switch {
	case len(roll) == 0:
		f.end(s, r, id, p, icn.StageRejected, "nobody could vote: the roll is empty")
		return
	case err != nil:
		f.end(s, r, id, p, icn.StageRejected, "it could no longer be enacted: "+err.Error())
		return
	}
	length := p.VotingMillis
	if length == 0 {
		length = s.Rules.VotingMillis
	}
	n := uint64(len(roll))
	p.Vote = Vote{Opened: s.Index, Deadline: later(s.Time, length), Roll: n, RollHash: icn.RollHash(roll), Difference: diff,
		Needed:    tally.Needed(n, max(p.QuorumPermille, s.Rules.Quorum), p.QuorumCount),
		Threshold: max(p.ThresholdPermille, s.Rules.Threshold)}
	f.move(s, r, id, p, icn.StageVoting, p.Vote.Deadline)
	r.tell(icn.VotingOpened{Proposal: id, Roll: n, RollHash: fmt.Sprintf("%x", p.Vote.RollHash), Deadline: p.Vote.Deadline, Difference: diff.String()})
}

package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
)

func (s *Server) propose(ctx context.Context, in *body[wire.ProposalSubmit]) (wire.Spoken, error) {
	b := in.Body
	sp := speech{Signed: b.Signed, author: b.Proposer, kind: icn.ProposalCreate{}.Kind(), message: "proposal submitted"}
	if b.Proposal != nil || len(b.Statement) == 0 {
		op, text, err := b.Op()
		if err != nil {
			return wire.Spoken{}, err
		}
		sp.op, sp.words = op, icn.OpWords(op)
		signed := b.Signature != "" || len(b.Statement) > 0
		if text != nil && signed { // until then nothing happens
			if err := s.n.Blocks().Put(ctx, *text); err != nil {
				return wire.Spoken{}, err
			}
		}
	}
	out, err := s.speak(ctx, sp)
	if err == nil && out.ToSign == nil {
		out.ID, out.Created = icn.ProposalID(out.Statement, 0), true
	}
	return out, err
}

// act is what a member says about a proposal; its DID stands in one of three fields.
func (s *Server) act(ctx context.Context, a wire.ProposalAct, op icn.Op, message string) (wire.Spoken, error) {
	sp := speech{Signed: a.Signed, about: a.ProposalID, kind: op.Kind(), message: message}
	for _, d := range []icn.DID{a.Member, a.Proposer, a.Sponsor} {
		switch {
		case d.IsZero():
		case !sp.author.IsZero() && sp.author != d:
			return wire.Spoken{}, &wire.FieldError{Path: "member_did", Reason: "two different members are named: who says it?"}
		default:
			sp.author = d
		}
	}
	if a.ProposalID.Defined() {
		sp.op = op
	}
	if sp.op == nil && len(a.Statement) == 0 {
		return wire.Spoken{}, missing("proposal_id")
	}
	if len(a.Statement) == 0 {
		p, err := s.putForward(a.ProposalID)
		if err != nil {
			return wire.Spoken{}, err
		}
		sp.words = fmt.Sprintf("%s (%s)", icn.OpWords(op), p.Title)
	}
	out, err := s.speak(ctx, sp)
	if err == nil {
		out.ID = a.ProposalID
	}
	return out, err
}

// putForward is a proposal as this node knows it.
func (s *Server) putForward(id icn.CID) (governance.Proposal, error) {
	if !id.Defined() {
		return governance.Proposal{}, missing("proposal_id")
	}
	var p governance.Proposal
	found := false
	err := s.n.View(func(m *core.Machine) { p, found = m.Proposal(id) })
	if err == nil && !found {
		err = fmt.Errorf("proposal %s: %w: there is none of that id in this federation", id, icn.ErrNotFound)
	}
	return p, err
}

func (s *Server) open(ctx context.Context, in *body[wire.ProposalAct]) (wire.Spoken, error) {
	return s.act(ctx, in.Body, icn.ProposalAdvance{ID: in.Body.ProposalID}, "opened")
}

func (s *Server) sponsor(ctx context.Context, in *body[wire.ProposalAct]) (wire.Spoken, error) {
	return s.act(ctx, in.Body, icn.ProposalSponsor{ID: in.Body.ProposalID}, "sponsored")
}

func (s *Server) withdraw(ctx context.Context, in *body[wire.ProposalAct]) (wire.Spoken, error) {
	return s.act(ctx, in.Body, icn.ProposalWithdraw{ID: in.Body.ProposalID}, "withdrawn")
}

func (s *Server) veto(ctx context.Context, in *body[wire.ProposalAct]) (wire.Spoken, error) {
	if len(in.Body.Reason) > icn.MaxReason {
		return wire.Spoken{}, &wire.FieldError{Path: "reason", Reason: fmt.Sprintf("%d bytes, at most %d", len(in.Body.Reason), icn.MaxReason)}
	}
	return s.act(ctx, in.Body, icn.ProposalVeto{ID: in.Body.ProposalID, Reason: in.Body.Reason}, "vetoed")
}

func (s *Server) closeVote(ctx context.Context, in *body[wire.ProposalAct]) (wire.Spoken, error) {
	out, err := s.act(ctx, in.Body, icn.ProposalClose{ID: in.Body.ProposalID}, "closed")
	if err != nil || out.State != "applied" {
		return out, err
	}
	id := in.Body.ProposalID
	if !id.Defined() {
		if id, err = closedBy(out); err != nil {
			return out, nil // it is done all the same
		}
	}
	v, err := s.n.Proposal(id, false)
	if err == nil && v.Tally != nil {
		out.ID, out.Status, out.Yes, out.No, out.Abstain = id, &v.Status, &v.Tally.Yes, &v.Tally.No, &v.Tally.Abstain
	}
	return out, nil
}

// closedBy is the proposal whose vote a statement closed.
func closedBy(out wire.Spoken) (icn.CID, error) {
	for _, e := range out.Events {
		var b icn.VotingClosed
		if e.Type == b.EventType() {
			err := wire.Unmarshal(e.Body, &b)
			return b.Proposal, err
		}
	}
	return icn.CID{}, icn.ErrNotFound
}

// execute says whether a proposal is in force: there is nothing to say for it.
func (s *Server) execute(_ context.Context, in *body[wire.Execute]) (wire.Spoken, error) {
	v, err := s.n.Proposal(in.Body.ProposalID, false)
	switch {
	case err != nil:
		return wire.Spoken{}, err
	case v.Status == icn.StageExecuted:
		return wire.Spoken{State: "applied", Message: "executed", ID: v.ID, Index: v.Ended, Status: &v.Status}, nil
	case v.Status == icn.StageTimelock:
		return wire.Spoken{}, fmt.Errorf("execute %s: %w: it was accepted; it is enacted by itself at %s", v.ID, icn.ErrConflict, time.UnixMilli(int64(v.Until)).UTC().Format(time.RFC3339))
	}
	return wire.Spoken{}, fmt.Errorf("execute %s: %w: it was not accepted, it is %s", v.ID, icn.ErrConflict, v.Status)
}

// ballot is what is common to all ways of voting. Without choose, the signed statement
// says it.
func (s *Server) ballot(ctx context.Context, signed wire.Signed, voter, forDID icn.DID, id icn.CID, choose func(governance.Proposal) ([]uint64, error)) (wire.Spoken, error) {
	sp := speech{Signed: signed, author: voter, about: id, kind: icn.BallotCast{}.Kind(), message: "Vote cast successfully"}
	if choose != nil {
		p, err := s.putForward(id)
		if err != nil {
			return wire.Spoken{}, err
		}
		choice, err := choose(p)
		if err != nil {
			return wire.Spoken{}, err
		}
		if p.Stage != icn.StageVoting && len(signed.Statement) == 0 { // of a signed statement the log says it
			return wire.Spoken{}, fmt.Errorf("vote on %s: %w: the vote is not open: the proposal is %s", id, icn.ErrConflict, p.Stage)
		}
		sp.op = icn.BallotCast{Proposal: id, For: forDID, Choice: choice}
		sp.words = fmt.Sprintf("%s (%s: %s)", icn.OpWords(sp.op), p.Title, icn.ChoiceWords(p.Method, p.Options, choice))
	}
	out, err := s.speak(ctx, sp)
	if err == nil {
		out.ID = id
	}
	return out, err
}

func (s *Server) vote(ctx context.Context, in *body[wire.Vote]) (wire.Spoken, error) {
	b := in.Body
	if len(b.Statement) > 0 && b.Option == "" { // the statement says it
		return s.ballot(ctx, b.Signed, b.Voter, b.For, b.ProposalID, nil)
	}
	return s.ballot(ctx, b.Signed, b.Voter, b.For, b.ProposalID, func(p governance.Proposal) ([]uint64, error) {
		choice, err := wire.YesNoChoice(b.Option)
		if err == nil && p.Method != icn.YesNo {
			err = fmt.Errorf("vote: %w: this vote is by the method %s; use /governance/vote/%s", icn.ErrInvalid, p.Method, p.Method)
		}
		return choice, err
	})
}

// voteBy takes ballots of one method about options.
func voteBy(method icn.Method) func(*Server, context.Context, *body[wire.OptionVote]) (wire.Spoken, error) {
	return func(s *Server, ctx context.Context, in *body[wire.OptionVote]) (wire.Spoken, error) {
		b := in.Body
		if len(b.Statement) > 0 && len(b.Preferences) == 0 && len(b.Points) == 0 { // the statement says it
			return s.ballot(ctx, b.Signed, b.Voter, b.For, b.ProposalID, nil)
		}
		return s.ballot(ctx, b.Signed, b.Voter, b.For, b.ProposalID, func(p governance.Proposal) ([]uint64, error) {
			if p.Method != method {
				return nil, fmt.Errorf("vote: %w: this vote is by the method %s, not %s", icn.ErrInvalid, p.Method, method)
			}
			return b.Choice(method, p.Options)
		})
	}
}

func (s *Server) delegate(ctx context.Context, in *body[wire.Delegate]) (wire.Spoken, error) {
	b := in.Body
	sp := speech{Signed: b.Signed, author: b.From, kind: icn.DelegationSet{}.Kind(), message: "delegated"}
	if !b.To.IsZero() || len(b.Statement) == 0 {
		scope, err := wire.ReadScope(b.Scope)
		switch {
		case err != nil:
			return wire.Spoken{}, err
		case b.To.IsZero():
			return wire.Spoken{}, missing("to_did")
		}
		op := icn.DelegationSet{To: b.To, Scope: scope, Proxy: b.Proxy}
		if b.Expires != "" {
			if op.Expires, err = wire.ParseAsOf(b.Expires); err != nil {
				return wire.Spoken{}, &wire.FieldError{Path: "expires", Reason: err.Error()}
			}
		}
		sp.op, sp.words = op, icn.OpWords(op)
	}
	return s.speak(ctx, sp)
}

func (s *Server) revoke(ctx context.Context, in *body[wire.Revoke]) (wire.Spoken, error) {
	b := in.Body
	scope, err := wire.ReadScope(b.Scope)
	if err != nil {
		return wire.Spoken{}, err
	}
	sp := speech{Signed: b.Signed, author: b.From, kind: icn.DelegationRevoke{}.Kind(), message: "revoked", words: icn.OpWords(icn.DelegationRevoke{Scope: scope})}
	if b.Scope != "" || len(b.Statement) == 0 {
		sp.op = icn.DelegationRevoke{Scope: scope}
	}
	return s.speak(ctx, sp)
}

// spokenStatus is the HTTP status of what became of a member's word.
func spokenStatus(v wire.Spoken) int {
	switch {
	case v.State == "waiting":
		return http.StatusAccepted
	case v.Created:
		return http.StatusCreated
	}
	return http.StatusOK
}

package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

func (s *Server) proposals(_ context.Context, in *struct {
	State  string `query:"state" doc:"A status, or open: all that are not over."`
	Kind   string `query:"kind" doc:"A kind of motion."`
	Limit  int    `query:"limit" default:"20" minimum:"1" maximum:"100"`
	Before uint64 `query:"before" doc:"Only those proposed before this entry."`
}) (wire.Proposals, error) {
	f := node.ProposalFilter{Kind: in.Kind, Before: in.Before, Limit: in.Limit, Open: strings.EqualFold(in.State, "open")}
	if in.State != "" && !f.Open {
		i := slices.IndexFunc(icn.Stages(), func(w string) bool { return strings.EqualFold(w, in.State) })
		if i < 0 {
			return wire.Proposals{}, misplaced("query.state", fmt.Errorf("%.40q: want open, or one of %s", in.State, strings.Join(icn.Stages(), ", ")))
		}
		f.Stage = icn.Stage(i + 1)
	}
	if in.Kind != "" && !slices.Contains(icn.MotionKinds(), in.Kind) {
		return wire.Proposals{}, misplaced("query.kind", fmt.Errorf("%.40q: want one of %s", in.Kind, strings.Join(icn.MotionKinds(), ", ")))
	}
	list, err := s.n.Proposals(f)
	if err != nil {
		return wire.Proposals{}, err
	}
	out := wire.Proposals{Proposals: list}
	if len(list) >= in.Limit {
		out.Next = list[len(list)-1].Created
	}
	return out, nil
}

func (s *Server) proposal(_ context.Context, in *struct {
	ID    string `path:"id"`
	Votes bool   `query:"votes" doc:"With the last vote of each voter."`
}) (node.ProposalView, error) {
	id, err := proposalID(in.ID)
	if err != nil {
		return node.ProposalView{}, err
	}
	return s.n.Proposal(id, in.Votes)
}

// proposalID reads a proposal's id out of the path.
func proposalID(text string) (icn.CID, error) { return jobID(text) }

type aboutProposal struct {
	ID string `path:"id"`
}

func (s *Server) proposalTally(_ context.Context, in *aboutProposal) (node.TallyView, error) {
	id, err := proposalID(in.ID)
	if err != nil {
		return node.TallyView{}, err
	}
	return s.n.Tally(id)
}

func (s *Server) ballots(_ context.Context, in *struct {
	ID    string `path:"id"`
	After string `query:"after" doc:"The next of the page before."`
	Limit int    `query:"limit" default:"1000" minimum:"1" maximum:"10000"`
}) (wire.Ballots, error) {
	id, err := proposalID(in.ID)
	if err != nil {
		return wire.Ballots{}, err
	}
	after, err := wire.ParseCursor(in.After)
	if err != nil {
		return wire.Ballots{}, misplaced("query.after", err)
	}
	list, err := s.n.Ballots(id, after.Index, after.Number, in.Limit)
	out := wire.Ballots{Ballots: filled(list)}
	if len(list) == in.Limit {
		last := list[len(list)-1]
		out.Next = wire.Cursor{Index: last.Index, Number: last.Number}.String()
	}
	return out, err
}

func (s *Server) rehearsal(ctx context.Context, in *struct {
	ID       string `path:"id"`
	BackTest string `query:"back_test" doc:"Also replay this much of the past under the changed rules, as in 90d."`
}) (node.RehearsalView, error) {
	id, err := proposalID(in.ID)
	if err != nil {
		return node.RehearsalView{}, err
	}
	v, err := s.n.Rehearse(ctx, id)
	if err != nil || in.BackTest == "" {
		return v, err
	}
	d, err := wire.ParseDuration(in.BackTest)
	if err != nil || d <= 0 {
		return v, misplaced("query.back_test", fmt.Errorf("%.40q: want a span of time such as 90d", in.BackTest))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()
	t, err := s.n.BackTest(ctx, id, time.Duration(d))
	v.BackTest = &t
	return v, err
}

func (s *Server) statementReceipt(ctx context.Context, in *struct {
	CID    string `path:"cid"`
	Author string `query:"author" doc:"DID of who said it: it is found faster."`
	Wait   string `query:"wait" doc:"How long to wait for a checkpoint over it, as in 10s; at most a minute. Default 5s."`
}) (wire.Receipt, error) {
	id, err := icn.ParseCID(in.CID)
	if err != nil {
		return wire.Receipt{}, misplaced("path.cid", err)
	}
	var author *icn.DID
	if in.Author != "" {
		d, err := icn.ParseDID(in.Author)
		if err != nil {
			return wire.Receipt{}, misplaced("query.author", err)
		}
		author = &d
	}
	wait, err := waitFor(in.Wait, defaultWait)
	if err != nil {
		return wire.Receipt{}, err
	}
	index, err := s.n.Find(id, author)
	if err != nil {
		return wire.Receipt{}, err
	}
	ctx, cancel := s.patience(ctx, wait)
	defer cancel()
	return s.proven(ctx, index)
}

func (s *Server) delegations(_ context.Context, in *struct {
	DID string `path:"did"`
}) (wire.Delegations, error) {
	d, err := icn.ParseDID(in.DID)
	if err != nil {
		return wire.Delegations{}, misplaced("path.did", err)
	}
	list, err := s.n.Delegations(d)
	return wire.Delegations{Delegations: list}, err
}

func (s *Server) parameters(context.Context, *none) (wire.Parameters, error) {
	var out wire.Parameters
	err := s.n.View(func(m *core.Machine) { out = wire.ParametersOf(m.Rules()) })
	return out, err
}

func (s *Server) paused(context.Context, *none) (node.PausedView, error) { return s.n.Paused() }

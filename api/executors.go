package api

import (
	"context"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

type didPath struct {
	DID string `path:"did"`
}

func (p didPath) did() (icn.DID, error) {
	d, err := icn.ParseDID(p.DID)
	if err != nil {
		return d, misplaced("path.did", err)
	}
	return d, nil
}

type jobPath struct {
	ID string `path:"id"`
}

func (s *Server) checkJob(ctx context.Context, in *jobPath) (wire.Said, error) {
	id, err := jobID(in.ID)
	if err != nil {
		return wire.Said{}, err
	}
	return s.told(s.n.CheckJob(ctx, id))
}

func (s *Server) auditJob(ctx context.Context, in *jobPath) (node.Audited, error) {
	id, err := jobID(in.ID)
	if err != nil {
		return node.Audited{}, err
	}
	return s.n.Audit(ctx, id)
}

func (s *Server) executors(context.Context, *none) (wire.Executors, error) {
	list, err := s.n.Executors()
	return wire.Executors{Executors: filled(list)}, err
}

func (s *Server) blacklist(context.Context, *none) (wire.Executors, error) {
	list, err := s.n.Executors()
	out := wire.Executors{Executors: []node.Executor{}}
	for _, x := range list {
		if x.Banned {
			out.Executors = append(out.Executors, x)
		}
	}
	return out, err
}

func (s *Server) liftBan(ctx context.Context, in *didPath) (wire.Said, error) {
	d, err := in.did()
	if err != nil {
		return wire.Said{}, err
	}
	return s.told(s.n.LiftBan(ctx, d))
}

func (s *Server) accountHistory(_ context.Context, in *struct {
	DID   string `path:"did"`
	AsOf  string `query:"as_of" doc:"Changes until then: a moment of the past (RFC 3339), or a day: its end, in UTC."`
	Limit int    `query:"limit" default:"100" minimum:"1" maximum:"10000"`
}) (node.Statement, error) {
	d, err := didPath{in.DID}.did()
	if err != nil {
		return node.Statement{}, err
	}
	var at icn.Time
	if in.AsOf != "" {
		if at, err = wire.ParseAsOf(in.AsOf); err != nil {
			return node.Statement{}, misplaced("query.as_of", err)
		}
	}
	v, err := s.n.Statement(d, at, in.Limit)
	v.Lines = filled(v.Lines)
	return v, err
}

func (s *Server) reputation(_ context.Context, in *struct {
	DID string `path:"did"`
	Why int    `query:"why" minimum:"0" maximum:"10000" doc:"How many of the last changes to tell, with their reasons."`
}) (node.Reputation, error) {
	d, err := didPath{in.DID}.did()
	if err != nil {
		return node.Reputation{}, err
	}
	return s.n.Reputation(d, in.Why)
}

package api

import (
	"context"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
)

type none struct{}

type body[T any] struct{ Body T }

type cidPath struct {
	CID string `path:"cid"`
}

func (s *Server) dagList(ctx context.Context, in *cidPath) (wire.Folder, error) {
	c, err := icn.ParseCID(in.CID)
	if err != nil {
		return wire.Folder{}, misplaced("path.cid", err)
	}
	list, err := s.n.Blocks().List(ctx, c)
	return wire.Folder{Entries: filled(list)}, err
}

// filled is never nil: an empty list is [] in JSON.
func filled[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (s *Server) dagMeta(ctx context.Context, in *body[wire.Cite]) (dag.Meta, error) {
	return s.n.Blocks().Meta(ctx, in.Body.CID)
}

func (s *Server) dagHas(_ context.Context, in *body[wire.Cite]) (wire.Stored, error) {
	has, err := s.n.Blocks().Has(in.Body.CID)
	return wire.Stored{CID: in.Body.CID, Has: has}, err
}

func (s *Server) dagPin(ctx context.Context, in *body[wire.Pin]) (dag.PinInfo, error) {
	out := dag.PinInfo{CID: in.Body.CID}
	if err := s.n.Blocks().Pin(ctx, in.Body.CID, time.Duration(in.Body.TTL)); err != nil {
		return out, err
	}
	m, err := s.n.Blocks().Meta(ctx, in.Body.CID)
	out.Expires = m.PinExpires
	return out, err
}

func (s *Server) dagUnpin(ctx context.Context, in *body[wire.Cite]) (wire.Cite, error) {
	return in.Body, s.n.Blocks().Unpin(ctx, in.Body.CID)
}

func (s *Server) dagPins(context.Context, *none) (wire.Pins, error) {
	list, err := s.n.Blocks().Pins()
	return wire.Pins{Pins: filled(list)}, err
}

func (s *Server) dagPrune(ctx context.Context, in *struct {
	Body *wire.Prune `required:"false"`
}) (dag.Pruned, error) {
	var p wire.Prune
	if in.Body != nil {
		p = *in.Body
	}
	keep, err := s.n.OpenJobRoots()
	if err != nil {
		return dag.Pruned{}, err
	}
	return s.n.Blocks().Prune(ctx, dag.PruneOptions{Keep: keep, Grace: time.Duration(p.Grace), DryRun: p.DryRun})
}

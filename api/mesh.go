package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

func (s *Server) submit(ctx context.Context, in *body[wire.Submit]) (wire.Submitted, error) {
	spec, budget, err := in.Body.Job()
	if err != nil {
		return wire.Submitted{}, err
	}
	id, said, err := s.n.PostJob(ctx, spec, budget)
	if err != nil {
		return wire.Submitted{}, err
	}
	out := wire.Submitted{JobID: id, Index: said.Index, State: said.State}
	if in.Body.Wait <= 0 || said.State == "waiting" {
		return out, nil
	}
	wait, cancel := s.patience(ctx, time.Duration(in.Body.Wait))
	defer cancel()
	v, err := s.n.WaitJob(wait, id)
	if err != nil || v.Open() {
		return out, nil // it is posted: how it goes on is asked for elsewhere
	}
	out.Job = &v
	return out, nil
}

func (s *Server) jobs(_ context.Context, in *struct {
	Limit  int    `query:"limit" default:"20" minimum:"1" maximum:"100"`
	Before uint64 `query:"before" doc:"Only jobs posted before this entry."`
}) (wire.Jobs, error) {
	list, err := s.n.Jobs(in.Limit, in.Before)
	out := wire.Jobs{Jobs: filled(list)}
	if len(list) == in.Limit {
		out.Next = list[len(list)-1].Posted
	}
	return out, err
}

// jobID reads a job's id out of the path.
func jobID(text string) (icn.CID, error) {
	c, err := icn.ParseCID(text)
	if err != nil {
		return c, misplaced("path.id", err)
	}
	return c, nil
}

func (s *Server) job(ctx context.Context, in *struct {
	ID   string `path:"id"`
	Wait string `query:"wait" doc:"Wait this long for its end, as in 10s; at most a minute."`
}) (node.JobView, error) {
	id, err := jobID(in.ID)
	if err != nil {
		return node.JobView{}, err
	}
	wait, err := waitFor(in.Wait, 0)
	if err != nil {
		return node.JobView{}, err
	}
	ctx, cancel := s.patience(ctx, wait)
	defer cancel()
	return s.n.WaitJob(ctx, id)
}

func (s *Server) cancel(ctx context.Context, in *struct {
	ID string `path:"id"`
}) (wire.Said, error) {
	id, err := jobID(in.ID)
	if err != nil {
		return wire.Said{}, err
	}
	v, err := s.n.Job(id)
	switch {
	case err != nil:
		return wire.Said{}, err
	case !v.Open():
		return wire.Said{}, fmt.Errorf("cancel job %s: %w: it is %s already", id, icn.ErrConflict, v.State)
	case v.Submitter != s.n.Me():
		return wire.Said{}, fmt.Errorf("cancel job %s: %w: only %s can; hand in their signed statement at /statements", id, icn.ErrDenied, v.Submitter)
	}
	return s.told(s.n.Do(ctx, icn.JobCancel{Job: id}))
}

func (s *Server) receipt(ctx context.Context, in *struct {
	ID   string `path:"id"`
	Wait string `query:"wait" doc:"How long to wait for the job's end and a checkpoint over it, as in 10s; at most a minute. Default 5s."`
}) (wire.Receipt, error) {
	id, err := jobID(in.ID)
	if err != nil {
		return wire.Receipt{}, err
	}
	wait, err := waitFor(in.Wait, defaultWait)
	if err != nil {
		return wire.Receipt{}, err
	}
	ctx, cancel := s.patience(ctx, wait)
	defer cancel()
	v, err := s.n.WaitJob(ctx, id)
	switch {
	case err != nil:
		return wire.Receipt{}, err
	case v.Open():
		return wire.Receipt{}, fmt.Errorf("receipt of job %s: %w: the job is %s; ask again", id, icn.ErrUnavailable, v.State)
	case v.Receipt == nil:
		return wire.Receipt{}, fmt.Errorf("receipt of job %s: %w: the job was %s", id, icn.ErrNotFound, v.State)
	}
	out, err := s.proven(ctx, v.Ended)
	out.Job = v
	return out, err
}

// proven is an entry with the proof that it is in the certified log.
func (s *Server) proven(ctx context.Context, index uint64) (out wire.Receipt, err error) {
	out.Clerks = []icn.DID{}
	if out.Proof, err = s.n.Proof(ctx, index); err != nil {
		return out, err
	}
	e, err := icn.DecodeEntry(out.Proof.Entry)
	if err != nil {
		return out, errors.Join(wire.NewProblem(http.StatusInternalServerError, "stored entry"), err)
	}
	out.Entry = wire.EntryOf(e)
	return out, s.n.View(func(m *core.Machine) {
		out.Network = m.Network()
		for _, p := range m.Clerks() {
			out.Clerks = append(out.Clerks, p.DID)
		}
	})
}

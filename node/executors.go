package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mesh"
)

// Executor is a node as somebody who runs jobs.
type Executor struct {
	DID        icn.DID          `json:"did"`
	Name       string           `json:"name"`
	Reputation float64          `json:"reputation"`
	Profile    *icn.NodeProfile `json:"profile,omitempty"` // what it offers; absent: it has not said
	Banned     bool             `json:"banned"`
	mesh.Standing
}

// Executors lists the federation's nodes as executors, in order of admission.
func (n *Node) Executors() ([]Executor, error) {
	out := []Executor{}
	err := n.View(func(m *core.Machine) {
		at := max(now(), m.Head().Time)
		for _, p := range m.Nodes() {
			x := Executor{DID: p.DID, Standing: m.Standing(p.DID), Reputation: float64(m.Reputation(p.DID, at)) / 1000}
			if nd, ok := m.Node(p.DID); ok {
				x.Name = nd.Name
			}
			x.Banned = x.Standing.Banned(at)
			if pr, ok := m.Profile(p.DID); ok {
				x.Profile = &pr
			}
			out = append(out, x)
		}
	})
	return out, err
}

// Audited is what running a settled job again has shown.
type Audited struct {
	Job      icn.CID  `json:"job_id"`
	Result   string   `json:"result"` // match, mismatch or indeterminate
	Reason   string   `json:"reason,omitempty"`
	Executor icn.DID  `json:"executor_did"`
	Claimed  *icn.CID `json:"claimed_result,omitempty"`
	Found    *icn.CID `json:"found_result,omitempty"`
	Gas      uint64   `json:"claimed_gas"`
	FoundGas uint64   `json:"found_gas"`
}

// Audit runs a settled job again on this node, and compares what comes of it with
// what the executor said in the log.
func (n *Node) Audit(ctx context.Context, id icn.CID) (Audited, error) {
	v, err := n.Job(id)
	if err != nil {
		return Audited{}, err
	}
	out := Audited{Job: id, Result: "indeterminate"}
	rc, posted, err := n.signedReceipt(v)
	if err != nil {
		return out, err
	}
	out.Executor, out.Gas = v.Receipt.Executor, rc.Outcome.Gas
	if rc.Outcome.Output.Defined() {
		out.Claimed = &rc.Outcome.Output
	}
	if n.cfg.Runner == nil {
		out.Reason = "this node runs no jobs"
		return out, nil
	}
	if err = n.beginning(v, &posted); err != nil {
		return out, err
	}
	got := n.run(ctx, Run{ID: id, Job: posted, Audit: true})
	switch {
	case got.Err != nil && ctx.Err() != nil:
		return out, fmt.Errorf("audit: %w: %w", icn.ErrUnavailable, got.Err)
	case got.Err != nil:
		out.Reason = got.Err.Error()
	case got.Receipt.ABI != rc.ABI:
		out.Reason = fmt.Sprintf("it was run in a sandbox of version %d, this node has version %d", rc.ABI, got.Receipt.ABI)
	default:
		found := got.Receipt.Outcome
		out.FoundGas = found.Gas
		if found.Output.Defined() {
			out.Found = &found.Output
		}
		if out.Result = "match"; found.Digest() != rc.Outcome.Digest() {
			out.Result, out.Reason = "mismatch", differs(rc.Outcome, found)
		}
	}
	return out, nil
}

// differs says in words how two outcomes differ.
func differs(a, b icn.Outcome) string {
	switch {
	case a.Fault != b.Fault:
		return fmt.Sprintf("the fault is %q, not %q", b.Fault, a.Fault)
	case a.Output != b.Output:
		return "the output is another one"
	case a.Gas != b.Gas:
		return fmt.Sprintf("it used %d gas, not %d", b.Gas, a.Gas)
	}
	if a.Transcript != b.Transcript {
		return "what the program asked, or was told, is not what the log says"
	}
	return "named outputs, what it spent, or the jobs that it posted differ"
}

// signedReceipt is the receipt in the entry that settled a job, and the job as its
// executor knew it.
func (n *Node) signedReceipt(v JobView) (icn.JobReceipt, mesh.Job, error) {
	if v.Receipt == nil {
		return icn.JobReceipt{}, mesh.Job{}, fmt.Errorf("audit job %s: %w: it has no receipt; it is %s", v.Job, icn.ErrNotFound, v.State)
	}
	e, err := n.Entry(v.Ended)
	if err != nil {
		return icn.JobReceipt{}, mesh.Job{}, err
	}
	if e.Statement != nil {
		for _, op := range e.Statement.Ops {
			if r, ok := op.(icn.JobReceipt); ok && r.Job == v.Job {
				j := mesh.Job{Submitter: v.Submitter, Via: v.Via, Budget: v.Budget, PostedAt: v.PostedAt, Attempt: v.Attempt}
				j.Spec, err = n.boundSpec(v)
				return r, j, errors.Join(err, sameSpec(j.Spec, r))
			}
		}
	}
	return icn.JobReceipt{}, mesh.Job{}, fmt.Errorf("audit job %s: %w: entry %d holds no receipt of it: several ran it, and the last did not answer", v.Job, icn.ErrUnavailable, v.Ended)
}

func sameSpec(s icn.JobSpec, r icn.JobReceipt) error {
	if c := s.CID(); !bytes.Equal(c.Bytes(), r.Spec.Bytes()) {
		return fmt.Errorf("audit: %w: the receipt is about specification %s, the job's is %s", icn.ErrConflict, r.Spec, c)
	}
	return nil
}

// beginning fills in how the settled attempt of a job began: from which checkpoint,
// and as of which entry.
func (n *Node) beginning(v JobView, j *mesh.Job) error {
	j.Began = j.Spec.Resume
	evs, err := n.Events(EventFilter{Job: &v.Job})
	if err != nil {
		return err
	}
	for _, raw := range evs {
		var e icn.Event
		if err := json.Unmarshal(raw, &e); err != nil {
			return err
		}
		switch b := e.Body.(type) {
		case icn.JobSaved:
			if b.Attempt < v.Attempt {
				j.Began = b.State
			}
		case icn.JobAssigned:
			if b.Attempt == v.Attempt {
				j.Given = e.Index
			}
		}
	}
	return nil
}

// boundSpec is what was run: the posted specification, with limits filled in.
func (n *Node) boundSpec(v JobView) (s icn.JobSpec, err error) {
	posted, err := n.postedSpec(v)
	if err != nil {
		return s, err
	}
	err = n.View(func(m *core.Machine) { s, err = mesh.Bounded(posted, m.Rules()) })
	return s, err
}

// LiftBan takes an executor's ban back, in this node's name: it must be a clerk.
func (n *Node) LiftBan(ctx context.Context, d icn.DID) (Said, error) {
	return n.Do(ctx, icn.BanLift{Executor: d})
}

// CheckJob asks that other nodes run a settled job again.
func (n *Node) CheckJob(ctx context.Context, id icn.CID) (Said, error) {
	return n.Do(ctx, icn.JobCheck{Job: id})
}

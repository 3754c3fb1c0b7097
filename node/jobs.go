package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mesh"
	"github.com/InterCooperative-Network/icn-core/store"
)

func newTicker() *time.Ticker { return time.NewTicker(100 * time.Millisecond) }

// The states of a job, as people see them.
const (
	JobPosted     = "posted"
	JobAssigned   = "assigned"
	JobCompleted  = "completed"
	JobRolledBack = "rolled_back"
	JobCancelled  = "cancelled"
)

// JobView is a job as it stands, made from its events.
type JobView struct {
	Job       icn.CID       `json:"job_id"`
	State     string        `json:"status"`
	Submitter icn.DID       `json:"submitter"`
	Via       icn.DID       `json:"via"`
	Budget    uint64        `json:"budget"`
	Posted    uint64        `json:"posted_index"`
	PostedAt  icn.Time      `json:"posted_ms"`
	Attempt   uint32        `json:"attempt"`
	Executor  *icn.DID      `json:"executor,omitempty"`
	Executors []icn.DID     `json:"executors,omitempty"` // when there are several
	NextBest  bool          `json:"next_best,omitempty"` // the executor is the next best of an earlier choice
	Price     uint64        `json:"price,omitempty"`
	Choice    []icn.Score   `json:"choice,omitempty"`
	Failures  []AttemptView `json:"failures,omitempty"`
	Ended     uint64        `json:"ended_index,omitempty"`
	EndedAt   icn.Time      `json:"ended_ms,omitempty"`
	Receipt   *ReceiptView  `json:"receipt,omitempty"`
	Restored  uint64        `json:"restored,omitempty"`
	Saved     *icn.CID      `json:"checkpoint,omitempty"` // the program's last
	Next      icn.Time      `json:"next_auction_ms,omitempty"`
	Check     *CheckView    `json:"check,omitempty"`
	Spec      *SpecView     `json:"spec,omitempty"`
}

// AttemptView is an attempt that gave no result.
type AttemptView struct {
	Attempt  uint32    `json:"attempt"`
	Executor *icn.DID  `json:"executor,omitempty"`
	Cause    icn.Cause `json:"cause"`
	Reason   string    `json:"reason"`
}

// CheckView tells how the check of a settled job stands.
type CheckView struct {
	Result   string    `json:"result"` // running, match, mismatch or indeterminate
	Checkers []icn.DID `json:"checkers"`
	Refunded uint64    `json:"refunded,omitempty"`
}

// ReceiptView is an executor's receipt and how it was settled.
type ReceiptView struct {
	Executor icn.DID  `json:"executor_did"`
	Output   *icn.CID `json:"result_cid,omitempty"`
	Log      *icn.CID `json:"log_cid,omitempty"`
	Spec     icn.CID  `json:"spec_cid"`
	Gas      uint64   `json:"gas"`
	Millis   uint64   `json:"wall_ms"`
	ExitCode uint32   `json:"exit_code"`
	Burnt    uint64   `json:"burnt"`
	Minted   uint64   `json:"minted"`
	Released uint64   `json:"released"`
	Spent    uint64   `json:"spent,omitempty"`
	ABI      uint32   `json:"abi"`

	Outputs    []icn.NamedOutput `json:"outputs,omitempty"`
	Transcript *icn.CID          `json:"transcript_cid,omitempty"`
	Paid       []icn.Payment     `json:"paid,omitempty"`
	Submitted  []icn.CID         `json:"submitted,omitempty"`
	Dropped    []string          `json:"dropped,omitempty"`
}

// SpecView is what was to be run.
type SpecView struct {
	Kind     string              `json:"kind"`
	Module   *icn.CID            `json:"module,omitempty"`
	Inline   []byte              `json:"inline,omitempty"`
	Inputs   []icn.CID           `json:"inputs"`
	Args     []string            `json:"args"`
	Env      []string            `json:"env"`
	Limits   icn.JobLimits       `json:"limits"`
	Requires icn.JobRequirements `json:"requires"`
	Outputs  []string            `json:"outputs,omitempty"`
	Resume   *icn.CID            `json:"resume,omitempty"`
	Grants   icn.JobGrants       `json:"grants"`
	Copies   icn.JobCopies       `json:"copies"`
}

// ViewSpec shows a specification.
func ViewSpec(s icn.JobSpec) *SpecView {
	v := &SpecView{Kind: "program", Inline: s.Inline, Inputs: s.Inputs, Args: s.Args, Env: s.Env, Limits: s.Limits, Requires: s.Requires,
		Outputs: s.Outputs, Grants: s.Grants, Copies: s.Copies}
	if s.Kind == icn.JobEcho {
		v.Kind = "echo"
	}
	if s.Module.Defined() {
		v.Module = &s.Module
	}
	if s.Resume.Defined() {
		v.Resume = &s.Resume
	}
	return v
}

// Job tells how a job stands.
func (n *Node) Job(id icn.CID) (JobView, error) {
	evs, err := n.Events(EventFilter{Job: &id})
	if err != nil {
		return JobView{}, err
	}
	if len(evs) == 0 {
		return JobView{}, fmt.Errorf("job %s: %w", id, icn.ErrNotFound)
	}
	v := JobView{Job: id}
	for _, e := range evs {
		if err := v.add(e); err != nil {
			return v, err
		}
	}
	if err := n.addSpec(&v); err != nil {
		return v, err
	}
	return v, n.addReceipt(&v)
}

// add takes an event into the view.
func (v *JobView) add(e json.RawMessage) error {
	var h struct {
		Index uint64          `json:"index"`
		Time  icn.Time        `json:"time_ms"`
		Type  string          `json:"type"`
		Body  json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal(e, &h); err != nil {
		return fmt.Errorf("event: %w: %v", icn.ErrCorrupt, err)
	}
	var err error
	switch h.Type {
	case "JobPosted":
		var b icn.JobPosted
		err = json.Unmarshal(h.Body, &b)
		v.State, v.Submitter, v.Via, v.Budget, v.Posted, v.PostedAt, v.Attempt = JobPosted, b.Submitter, b.Via, b.Held, h.Index, h.Time, 1
	case "JobAssigned":
		var b icn.JobAssigned
		err = json.Unmarshal(h.Body, &b)
		v.State, v.Attempt, v.Executor, v.Price, v.Choice = JobAssigned, b.Attempt, &b.Executor, b.Price, b.Choice
		v.Executors, v.NextBest, v.Next = b.Executors, b.Next, 0
	case "AttemptFailed":
		var b icn.AttemptFailed
		err = json.Unmarshal(h.Body, &b)
		v.Failures = append(v.Failures, AttemptView{b.Attempt, b.Executor, b.Cause, b.Reason})
		v.State, v.Attempt, v.Executor, v.Price, v.Choice = JobPosted, b.Attempt+1, nil, 0, nil
		v.Executors, v.NextBest, v.Next = nil, false, b.Next
	case "RunFailed":
		var b icn.RunFailed
		err = json.Unmarshal(h.Body, &b)
		v.Failures = append(v.Failures, AttemptView{b.Attempt, &b.Executor, icn.CauseFailed, b.Reason})
	case "JobSaved":
		var b icn.JobSaved
		err = json.Unmarshal(h.Body, &b)
		v.Saved = &b.State
	case "CheckOpened":
		var b icn.CheckOpened
		err = json.Unmarshal(h.Body, &b)
		if v.Check == nil {
			v.Check = &CheckView{Result: "running"}
		}
		v.Check.Checkers = append(v.Check.Checkers, b.Checker)
	case "CheckEnded":
		var b icn.CheckEnded
		err = json.Unmarshal(h.Body, &b)
		v.Check = &CheckView{Result: b.Result, Checkers: b.Checkers}
	case "Refunded":
		var b icn.Refunded
		err = json.Unmarshal(h.Body, &b)
		if v.Check != nil {
			v.Check.Refunded += b.Amount
		}
	case "JobSettled":
		var b icn.JobSettled
		err = json.Unmarshal(h.Body, &b)
		v.State, v.Ended, v.EndedAt = JobCompleted, h.Index, h.Time
		v.Receipt = &ReceiptView{Executor: b.Executor, Output: b.Output, Burnt: b.Burnt, Minted: b.Minted, Released: b.Released,
			Spent: b.Spent, Outputs: b.Outputs, Paid: b.Paid, Submitted: b.Submitted, Dropped: b.Dropped}
	case "JobRolledBack":
		var b icn.JobRolledBack
		err = json.Unmarshal(h.Body, &b)
		v.State, v.Ended, v.EndedAt, v.Restored, v.Attempt = JobRolledBack, h.Index, h.Time, b.Restored, b.Attempts
	case "JobCancelled":
		var b icn.JobCancelled
		err = json.Unmarshal(h.Body, &b)
		v.State, v.Ended, v.EndedAt, v.Restored = JobCancelled, h.Index, h.Time, b.Restored
	}
	if err != nil {
		return fmt.Errorf("event: %w: %v", icn.ErrCorrupt, err)
	}
	return nil
}

// addSpec shows what was to be run.
func (n *Node) addSpec(v *JobView) error {
	var spec *icn.JobSpec
	err := n.View(func(m *core.Machine) {
		if j, ok := m.Job(v.Job); ok {
			s := j.Spec
			spec = &s
		}
	})
	if err != nil {
		return err
	}
	if spec == nil {
		s, err := n.postedSpec(*v)
		if err != nil {
			return err
		}
		spec = &s
	}
	v.Spec = ViewSpec(*spec)
	return nil
}

// postedSpec is what the entry that posted a job says, limits as they were given.
func (n *Node) postedSpec(v JobView) (icn.JobSpec, error) {
	e, err := n.Entry(v.Posted)
	if err != nil {
		return icn.JobSpec{}, err
	}
	if e.Statement == nil {
		return icn.JobSpec{}, fmt.Errorf("job %s: %w: entry %d says nothing", v.Job, icn.ErrCorrupt, v.Posted)
	}
	id := icn.SumCID(icn.DagCBOR, e.Wire)
	for i, op := range e.Statement.Ops {
		switch p := op.(type) {
		case icn.JobPost:
			if icn.JobID(id, i) == v.Job {
				return p.Spec, nil
			}
		case icn.JobReceipt:
			for k := range p.Outcome.Submits {
				if icn.SubmittedID(id, i, k) == v.Job {
					return p.Outcome.Submits[k].Spec, nil
				}
			}
		}
	}
	return icn.JobSpec{}, fmt.Errorf("job %s: %w: entry %d does not post it", v.Job, icn.ErrCorrupt, v.Posted)
}

// addReceipt takes the numbers from the receipt itself.
func (n *Node) addReceipt(v *JobView) error {
	if v.Receipt == nil {
		return nil
	}
	e, err := n.Entry(v.Ended)
	if err != nil {
		return err
	}
	if e.Statement == nil { // several executors, of whom the last did not answer
		return nil
	}
	for _, op := range e.Statement.Ops {
		if r, ok := op.(icn.JobReceipt); ok && r.Job == v.Job {
			v.Receipt.ExitCode = r.Outcome.ExitCode
			v.Receipt.Spec, v.Receipt.Gas, v.Receipt.Millis, v.Receipt.ABI = r.Spec, r.Outcome.Gas, r.Millis, r.ABI
			if r.Log.Defined() {
				v.Receipt.Log = &r.Log
			}
			if r.Outcome.Transcript.Defined() {
				v.Receipt.Transcript = &r.Outcome.Transcript
			}
		}
	}
	return nil
}

// Open says whether the job has not ended.
func (v JobView) Open() bool { return v.Ended == 0 }

// Jobs lists the newest jobs first: at most limit of them, posted before entry
// number before (0 = now).
func (n *Node) Jobs(limit int, before uint64) ([]JobView, error) {
	st, err := n.here()
	if err != nil {
		return nil, err
	}
	r := store.Prefix([]byte(keyByType + "JobPosted/"))
	r.Reverse = true
	if before > 0 {
		r.To = uintKey(string(r.From), before)
	}
	type place struct {
		index  uint64
		number uint32
	}
	var at []place
	err = st.Scan(r, func(k, _ []byte) bool {
		i, num := eventPlace(k)
		at = append(at, place{i, num})
		return len(at) < limit
	})
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	out := []JobView{}
	for _, p := range at {
		ev, err := st.Get(eventKey(p.index, p.number))
		if err != nil {
			return nil, fmt.Errorf("jobs: %w", err)
		}
		var e struct{ Body icn.JobPosted }
		if err := json.Unmarshal(ev, &e); err != nil {
			return nil, fmt.Errorf("event: %w: %v", icn.ErrCorrupt, err)
		}
		v, err := n.Job(e.Body.Job)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// WaitJob returns when the job has ended, or with its state when ctx ends.
func (n *Node) WaitJob(ctx context.Context, id icn.CID) (JobView, error) {
	s := n.Subscribe()
	defer func() { s.Close() }()
	for {
		if !n.isOpen(id) { // else its events need not be read yet
			v, err := n.Job(id)
			if err != nil || !v.Open() {
				return v, err
			}
		}
		if !n.waitTouch(ctx, s, id) {
			if ctx.Err() != nil {
				return n.Job(id)
			}
			s.Close()
			s = n.Subscribe()
		}
	}
}

// isOpen says whether the state has the job. Its events may be stored a moment later
// than that it has not.
func (n *Node) isOpen(id icn.CID) (open bool) {
	err := n.View(func(m *core.Machine) { _, open = m.Job(id) })
	return open && err == nil
}

// waitTouch waits for an end of the job; false when the listener fell behind or
// ctx ended.
func (n *Node) waitTouch(ctx context.Context, s *Subscription, id icn.CID) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case evs, ok := <-s.C:
			if !ok {
				return false
			}
			for _, e := range evs {
				switch e.Body.(type) {
				case icn.JobSettled, icn.JobRolledBack, icn.JobCancelled:
					if job, _ := subjects(e.Body); job == id {
						return true
					}
				}
			}
		}
	}
}

// PostJob offers a job in this node's own name.
func (n *Node) PostJob(ctx context.Context, spec icn.JobSpec, budget uint64) (icn.CID, Said, error) {
	said, err := n.Do(ctx, icn.JobPost{Via: n.me, Budget: budget, Spec: spec})
	if err != nil {
		return icn.CID{}, said, err
	}
	return icn.JobID(said.Statement, 0), said, nil
}

// OpenJobRoots lists the blocks that open jobs still need, and the texts of proposals.
func (n *Node) OpenJobRoots() ([]icn.CID, error) {
	var out []icn.CID
	err := n.View(func(m *core.Machine) {
		m.Jobs(func(_ icn.CID, j mesh.Job) bool {
			if j.Spec.Module.Defined() {
				out = append(out, j.Spec.Module)
			}
			if j.State.Defined() {
				out = append(out, j.State)
			}
			out = append(out, j.Spec.Inputs...)
			return true
		})
		m.Proposals(func(_ icn.CID, p governance.Proposal) bool {
			if p.Body.Defined() {
				out = append(out, p.Body)
			}
			return true
		})
	})
	if errors.Is(err, icn.ErrUnavailable) {
		return nil, nil
	}
	return out, err
}

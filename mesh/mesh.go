// Package mesh is the fold that takes jobs from posted to settled: offered,
// assigned, proven by a receipt, retried, rolled back or cancelled.
//
// The invariant it keeps: an open job has exactly its budget held at its
// submitter, one timer, and at most one executor; it ends exactly once, and what
// was held is then burnt or given back to the last unit.
//
// It runs nothing and sends nothing. What a node must do about a job follows
// from [Fold.Open] alone, so a restarted node simply goes on.
//
//	f := mesh.New(db)
//	effects, events, err := f.Apply(step, 0, icn.JobPost{...})
//	job, open := f.Job(id)
//	effects, events = f.Fire(step, id) // its timer is due
package mesh

import (
	"fmt"
	"slices"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/state"
)

// Phase is where an open job stands.
type Phase uint8

// The phases of an open job. An ended job is no longer in the state: its end is
// an event.
const (
	Posted   Phase = 1 // wants an executor for attempt Attempt
	Assigned Phase = 2 // Executor is to run attempt Attempt
)

// Job is an open job.
type Job struct {
	Submitter icn.DID
	Via       icn.DID
	Budget    uint64
	Spec      icn.JobSpec
	PostedAt  icn.Time
	Phase     Phase
	Attempt   uint32 // counts from 1
	Executor  icn.DID
	Price     uint64
	Due       icn.Time // when the phase ends by itself
	Failures  []Failure
}

// Failure is an attempt that ended without a result.
type Failure struct {
	Executor icn.DID // zero when nobody was assigned
	Reason   string
	Declined bool
}

// Step is what the fold may know of the entry it applies.
type Step struct {
	Author    icn.DID
	Statement icn.CID
	Time      icn.Time
	Rules     icn.Rules
	IsNode    func(icn.DID) bool // an active node of the federation
}

// Fold is the state of the open jobs.
type Fold struct {
	jobs   *state.Table[icn.CID, Job]
	counts *state.Table[icn.DID, uint64] // open jobs per submitter
}

// New registers the fold's tables.
func New(db *state.DB) *Fold {
	return &Fold{
		jobs: state.NewTable(db, state.Spec[icn.CID, Job]{
			Name: "job", Key: state.CIDKey, Parse: state.ParseCIDKey, Append: appendJob, Read: readJob}),
		counts: state.NewTable(db, state.Spec[icn.DID, uint64]{
			Name: "open-jobs", Key: state.DIDKey, Parse: state.ParseDIDKey, Append: icn.AppendUint,
			Read: func(r *icn.Reader) uint64 { return r.Uint() }}),
	}
}

// Job returns an open job.
func (f *Fold) Job(id icn.CID) (Job, bool) { return f.jobs.Get(id) }

// Open is the number of open jobs.
func (f *Fold) Open() int { return f.jobs.Len() }

// Each calls fn for every open job, in the order of CIDs.
func (f *Fold) Each(fn func(icn.CID, Job) bool) { f.jobs.Each(fn) }

// Result is what an operation leads to.
type Result struct {
	Effects []icn.Effect
	Events  []icn.EventBody
}

// Apply carries out operation number op of the statement, or says why not.
func (f *Fold) Apply(s Step, op int, o icn.Op) (Result, error) {
	switch o := o.(type) {
	case icn.JobPost:
		return f.post(s, icn.JobID(s.Statement, op), o)
	case icn.JobAssign:
		return f.assign(s, o)
	case icn.JobReceipt:
		return f.receipt(s, o)
	case icn.JobFail:
		return f.fail(s, o)
	case icn.JobCancel:
		return f.cancel(s, o)
	}
	return Result{}, fmt.Errorf("%s: %w: not an operation on jobs", o.Kind(), icn.ErrInvalid)
}

// TimerPrefix begins the names of this fold's timers.
const TimerPrefix = "mesh/"

func timerName(id icn.CID) string { return TimerPrefix + id.KeyString() }

// TimerJob is the job that a timer's name belongs to.
func TimerJob(name string) (icn.CID, error) {
	id, ok := strings.CutPrefix(name, TimerPrefix)
	if !ok {
		return icn.CID{}, fmt.Errorf("timer %q: %w: no job's", name, icn.ErrInvalid)
	}
	return icn.CastCID([]byte(id))
}

// lastMoment is the latest time that has a wire form.
const lastMoment icn.Time = 1 << 53

// later is the moment so many milliseconds after now. A deadline that rules or
// limits put beyond all time is at its end: a snapshot can still tell it.
func later(now icn.Time, millis uint64) icn.Time {
	if millis >= uint64(lastMoment-min(now, lastMoment)) {
		return lastMoment
	}
	return now + icn.Time(millis)
}

func (f *Fold) post(s Step, id icn.CID, o icn.JobPost) (Result, error) {
	spec, err := bounded(o.Spec, s.Rules)
	if err != nil {
		return Result{}, fmt.Errorf("post job: %w", err)
	}
	if o.Budget == 0 {
		return Result{}, fmt.Errorf("post job: %w: budget is 0", icn.ErrInvalid)
	}
	if !s.IsNode(o.Via) {
		return Result{}, fmt.Errorf("post job: %w: %s, which should assign it, is no node of this federation", icn.ErrInvalid, o.Via)
	}
	n, _ := f.counts.Get(s.Author)
	if n >= s.Rules.JobsPerMember {
		return Result{}, fmt.Errorf("post job: %w: %d jobs of this submitter are open already", icn.ErrConflict, n)
	}
	f.counts.Put(s.Author, n+1)
	j := Job{Submitter: s.Author, Via: o.Via, Budget: o.Budget, Spec: spec, PostedAt: s.Time}
	return Result{
		Effects: append([]icn.Effect{icn.Hold{Account: s.Author, Amount: o.Budget}}, f.wait(s, id, j)...),
		Events:  []icn.EventBody{icn.JobPosted{Job: id, Submitter: s.Author, Via: o.Via, Held: o.Budget}},
	}, nil
}

// wait puts the job up for its next attempt.
func (f *Fold) wait(s Step, id icn.CID, j Job) []icn.Effect {
	j.Phase, j.Attempt, j.Executor, j.Price = Posted, j.Attempt+1, icn.DID{}, 0
	j.Due = later(s.Time, s.Rules.JobAssignMillis)
	f.jobs.Put(id, j)
	return []icn.Effect{icn.SetTimer{Name: timerName(id), Due: j.Due}}
}

func (f *Fold) assign(s Step, o icn.JobAssign) (Result, error) {
	j, err := f.expect(o.Job, o.Attempt, Posted)
	if err != nil {
		return Result{}, fmt.Errorf("assign: %w", err)
	}
	if s.Author != j.Via {
		return Result{}, fmt.Errorf("assign job %s: %w: only %s assigns it", o.Job, icn.ErrDenied, j.Via)
	}
	best, scores := Choose(j, o.Offers, s.IsNode)
	if best < 0 || o.Offers[best].Executor != o.Executor {
		return Result{}, fmt.Errorf("assign job %s: %w: the offers do not make %s the executor", o.Job, icn.ErrInvalid, o.Executor)
	}
	j.Phase, j.Executor, j.Price = Assigned, o.Executor, o.Offers[best].Price
	j.Due = later(later(s.Time, j.Spec.Limits.WallMillis), s.Rules.JobSlackMillis)
	f.jobs.Put(o.Job, j)
	return Result{
		Effects: []icn.Effect{icn.SetTimer{Name: timerName(o.Job), Due: j.Due}},
		Events:  []icn.EventBody{icn.JobAssigned{Job: o.Job, Attempt: j.Attempt, Executor: j.Executor, Price: j.Price, Choice: scores}},
	}, nil
}

func (f *Fold) receipt(s Step, o icn.JobReceipt) (Result, error) {
	j, err := f.expect(o.Job, o.Attempt, Assigned)
	if err != nil {
		return Result{}, fmt.Errorf("receipt: %w", err)
	}
	if s.Author != j.Executor {
		return Result{}, fmt.Errorf("receipt for job %s: %w: attempt %d is %s's", o.Job, icn.ErrDenied, o.Attempt, j.Executor)
	}
	if o.Spec != j.Spec.CID() {
		return Result{}, fmt.Errorf("receipt for job %s: %w: it is about another program or other inputs", o.Job, icn.ErrInvalid)
	}
	if o.Fault != icn.FaultNone {
		return f.next(s, o.Job, j, Failure{Executor: j.Executor, Reason: faultText(o)}), nil
	}
	if !o.Output.Defined() {
		return Result{}, fmt.Errorf("receipt for job %s: %w: success without an output", o.Job, icn.ErrInvalid)
	}
	out := o.Output
	return Result{
		Effects: append([]icn.Effect{icn.Settle{From: j.Submitter, To: j.Executor, Held: j.Budget, Price: j.Price}}, f.end(o.Job, j)...),
		Events: []icn.EventBody{icn.JobSettled{Job: o.Job, Attempt: j.Attempt, Submitter: j.Submitter, Executor: j.Executor,
			Output: &out, Burnt: j.Price, Minted: j.Price, Released: j.Budget - j.Price}},
	}, nil
}

func faultText(o icn.JobReceipt) string {
	if o.Fault == icn.FaultExit {
		return fmt.Sprintf("the program ended with exit code %d", o.ExitCode)
	}
	if o.Message == "" {
		return "the program failed: " + string(o.Fault)
	}
	return fmt.Sprintf("the program failed: %s: %s", o.Fault, o.Message)
}

func (f *Fold) fail(s Step, o icn.JobFail) (Result, error) {
	j, err := f.expect(o.Job, o.Attempt, Assigned)
	if err != nil {
		return Result{}, fmt.Errorf("failure: %w", err)
	}
	// The node that assigned may give an executor up that went away; its later
	// receipt then meets a moved-on attempt and is refused.
	if s.Author != j.Executor && s.Author != j.Via {
		return Result{}, fmt.Errorf("failure of job %s: %w: attempt %d is %s's", o.Job, icn.ErrDenied, o.Attempt, j.Executor)
	}
	return f.next(s, o.Job, j, Failure{Executor: j.Executor, Reason: o.Reason, Declined: o.Declined && s.Author == j.Executor}), nil
}

func (f *Fold) cancel(s Step, o icn.JobCancel) (Result, error) {
	j, ok := f.jobs.Get(o.Job)
	if !ok {
		return Result{}, fmt.Errorf("cancel job %s: %w: not open (ended, or never posted)", o.Job, icn.ErrNotFound)
	}
	if s.Author != j.Submitter {
		return Result{}, fmt.Errorf("cancel job %s: %w: only its submitter %s may", o.Job, icn.ErrDenied, j.Submitter)
	}
	return Result{
		Effects: append([]icn.Effect{icn.Release{Account: j.Submitter, Amount: j.Budget}}, f.end(o.Job, j)...),
		Events:  []icn.EventBody{icn.JobCancelled{Job: o.Job, Submitter: j.Submitter, Restored: j.Budget}},
	}, nil
}

// Fire tells that a job's timer is due: nobody was assigned in time, or the
// executor did not answer.
func (f *Fold) Fire(s Step, id icn.CID) Result {
	j, ok := f.jobs.Get(id)
	if !ok {
		return Result{}
	}
	if j.Phase == Posted {
		return f.next(s, id, j, Failure{Reason: "nobody was assigned in time"})
	}
	return f.next(s, id, j, Failure{Executor: j.Executor, Reason: "the executor did not answer in time"})
}

// next records a failed attempt and puts the job up again, or rolls it back when
// the attempts are spent.
func (f *Fold) next(s Step, id icn.CID, j Job, why Failure) Result {
	why.Reason = icn.Fit(why.Reason, 256)
	j.Failures = append(slices.Clip(j.Failures), why)
	failed := icn.AttemptFailed{Job: id, Attempt: j.Attempt, Declined: why.Declined, Reason: why.Reason}
	if !why.Executor.IsZero() {
		who := why.Executor
		failed.Executor = &who
	}
	if uint64(j.Attempt) < s.Rules.JobAttempts {
		return Result{Effects: f.wait(s, id, j), Events: []icn.EventBody{failed}}
	}
	back := icn.JobRolledBack{Job: id, Submitter: j.Submitter, Attempts: j.Attempt, Restored: j.Budget}
	for _, x := range j.Failures {
		back.Errors = append(back.Errors, x.Reason)
		if !x.Executor.IsZero() {
			back.Executors = append(back.Executors, x.Executor)
		}
	}
	return Result{
		Effects: append([]icn.Effect{icn.Release{Account: j.Submitter, Amount: j.Budget}}, f.end(id, j)...),
		Events:  []icn.EventBody{failed, back},
	}
}

// end takes the job out of the open ones.
func (f *Fold) end(id icn.CID, j Job) []icn.Effect {
	f.jobs.Delete(id)
	if n, _ := f.counts.Get(j.Submitter); n > 1 {
		f.counts.Put(j.Submitter, n-1)
	} else {
		f.counts.Delete(j.Submitter)
	}
	return []icn.Effect{icn.ClearTimer{Name: timerName(id)}}
}

func (f *Fold) expect(id icn.CID, attempt uint32, p Phase) (Job, error) {
	j, ok := f.jobs.Get(id)
	if !ok {
		return j, fmt.Errorf("job %s: %w: not open (ended, or never posted)", id, icn.ErrNotFound)
	}
	if j.Attempt != attempt || j.Phase != p {
		return j, fmt.Errorf("job %s: %w: it is at attempt %d, %s", id, icn.ErrConflict, j.Attempt, j.Phase)
	}
	return j, nil
}

// String is the phase's word.
func (p Phase) String() string {
	if p == Assigned {
		return "assigned"
	}
	return "posted"
}

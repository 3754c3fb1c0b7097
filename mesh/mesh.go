// Package mesh is the fold that takes jobs from posted to settled: offered,
// assigned, proven by receipts, checked by running them again, retried, rolled
// back or cancelled. It also keeps what is known of executors: what they offer,
// what they run now, how often they failed, and until when they are banned.
//
// The invariant it keeps: an open job has exactly its budget and grants held at
// its submitter, one timer, and no executor that was not chosen by the scores; it
// ends exactly once, and what was held is then burnt or given back to the last
// unit. A node is convicted only when more nodes found another result than its own.
//
// It runs nothing and sends nothing. What a node must do about a job follows from
// the fold's state alone, so a restarted node simply goes on.
//
//	f := mesh.New(db)
//	result, err := f.Apply(step, 0, icn.JobPost{...})
//	job, open := f.Job(id)
//	result = f.Fire(step, timer) // it is due
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
	Assigned Phase = 2 // Runs are under way
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
	Tries     uint32 // attempts that failed, those declined not counted
	Runs      []Run  // of this attempt
	Reserve   []icn.Offer
	From      icn.Time // no auction before
	Due       icn.Time // when the phase ends by itself
	State     icn.CID  // the program's last checkpoint; undefined = none
	Began     icn.CID  // the one that this attempt began from
	Given     uint64   // the entry that gave this attempt to its executors: as of it the program is told things
	Failures  []Failure
}

// Run is one executor's part in an attempt.
type Run struct {
	Executor icn.DID
	Price    uint64
	Phase    RunPhase
	Outcome  icn.Outcome // when done
}

// RunPhase is where a run stands.
type RunPhase uint8

// The phases of a run.
const (
	Running RunPhase = 0
	Done    RunPhase = 1
	Failed  RunPhase = 2
)

// Failure is an attempt that ended without a result.
type Failure struct {
	Executor icn.DID // zero when nobody was assigned, or several were
	Cause    icn.Cause
	Reason   string
}

// Held is what the job holds at its submitter.
func (j Job) Held() uint64 { return j.Budget + j.Spec.Grants.Submit + j.Spec.Grants.Spend }

// Of is how many executors run an attempt.
func (j Job) Of() int { return int(max(j.Spec.Copies.Of, 1)) }

// Agree is how many of them must come to one result.
func (j Job) Agree() int { return int(max(j.Spec.Copies.Agree, 1)) }

// RunOf is the run of an executor that is under way.
func (j Job) RunOf(d icn.DID) (Run, bool) {
	for _, r := range j.Runs {
		if r.Executor == d && r.Phase == Running {
			return r, true
		}
	}
	return Run{}, false
}

// Step is what the fold may know of the entry it applies, and of other folds.
type Step struct {
	Author     icn.DID
	Statement  icn.CID
	Index      uint64
	Time       icn.Time
	Rules      icn.Rules
	IsNode     func(icn.DID) bool // an active node of the federation
	IsClerk    func(icn.DID) bool
	Nodes      func() []icn.DID         // the active nodes
	Reputation func(icn.DID) (m uint64) // in thousandths of a point, 0 to 100,000
}

// Fold is the state of the open jobs.
type Fold struct {
	jobs      *state.Table[icn.CID, Job]
	counts    *state.Table[icn.DID, uint64] // open jobs per submitter
	profiles  *state.Table[icn.DID, icn.NodeProfile]
	standings *state.Table[icn.DID, Standing]
	settled   *state.Table[icn.CID, Check]
}

// New registers the fold's tables.
func New(db *state.DB) *Fold {
	return &Fold{
		jobs: state.NewTable(db, state.Spec[icn.CID, Job]{
			Name: "job", Key: state.CIDKey, Parse: state.ParseCIDKey, Append: appendJob, Read: readJob}),
		counts: state.NewTable(db, state.Spec[icn.DID, uint64]{
			Name: "open-jobs", Key: state.DIDKey, Parse: state.ParseDIDKey, Append: icn.AppendUint,
			Read: func(r *icn.Reader) uint64 { return r.Uint() }}),
		profiles: state.NewTable(db, state.Spec[icn.DID, icn.NodeProfile]{
			Name: "profile", Key: state.DIDKey, Parse: state.ParseDIDKey, Append: icn.AppendNodeProfile, Read: readProfile}),
		standings: state.NewTable(db, state.Spec[icn.DID, Standing]{
			Name: "executor", Key: state.DIDKey, Parse: state.ParseDIDKey, Append: appendStanding, Read: readStanding}),
		settled: state.NewTable(db, state.Spec[icn.CID, Check]{
			Name: "settled", Key: state.CIDKey, Parse: state.ParseCIDKey, Append: appendCheck, Read: readCheck}),
	}
}

// Job returns an open job.
func (f *Fold) Job(id icn.CID) (Job, bool) { return f.jobs.Get(id) }

// Open is the number of open jobs.
func (f *Fold) Open() int { return f.jobs.Len() }

// OpenOf is how many jobs of a submitter are open.
func (f *Fold) OpenOf(d icn.DID) uint64 {
	n, _ := f.counts.Get(d)
	return n
}

// Each calls fn for every open job, in the order of CIDs.
func (f *Fold) Each(fn func(icn.CID, Job) bool) { f.jobs.Each(fn) }

// Result is what an operation leads to.
type Result struct {
	Effects []icn.Effect
	Events  []icn.EventBody
	Touched []icn.CID // jobs of which nodes may have other duties now
}

func (r *Result) add(o Result) {
	r.Effects = append(r.Effects, o.Effects...)
	r.Events = append(r.Events, o.Events...)
	r.Touched = append(r.Touched, o.Touched...)
}

// Apply carries out operation number op of the statement, or says why not.
func (f *Fold) Apply(s Step, op int, o icn.Op) (Result, error) {
	switch o := o.(type) {
	case icn.JobPost:
		return f.post(s, icn.JobID(s.Statement, op), o)
	case icn.JobAssign:
		return f.assign(s, o)
	case icn.JobReceipt:
		return f.receipt(s, op, o)
	case icn.JobFail:
		return f.fail(s, o)
	case icn.JobCancel:
		return f.cancel(s, o)
	case icn.JobSave:
		return f.save(s, o)
	case icn.JobCheck:
		return f.check(s, o)
	case icn.JobVerdict:
		return f.verdict(s, o)
	case icn.NodeProfile:
		return f.profile(s, o)
	case icn.BanLift:
		return f.lift(s, o)
	}
	return Result{}, fmt.Errorf("%s: %w: not an operation on jobs", o.Kind(), icn.ErrInvalid)
}

// The beginnings of the names of this fold's timers.
const (
	TimerPrefix = "mesh/"
	CheckPrefix = "mesh-check/"
)

func timerName(id icn.CID) string { return TimerPrefix + id.KeyString() }
func checkName(id icn.CID) string { return CheckPrefix + id.KeyString() }

// TimerJob is the job that a timer's name belongs to, and whether the timer is
// about its check.
func TimerJob(name string) (id icn.CID, check bool, err error) {
	text, ok := strings.CutPrefix(name, TimerPrefix)
	if !ok {
		if text, check = strings.CutPrefix(name, CheckPrefix); !check {
			return icn.CID{}, false, fmt.Errorf("timer %q: %w: no job's", name, icn.ErrInvalid)
		}
	}
	id, err = icn.CastCID([]byte(text))
	return id, check, err
}

// Fire tells that a timer is due: nobody was assigned in time, an executor did not
// answer, or the time in which a job can be checked is over.
func (f *Fold) Fire(s Step, name string) (Result, error) {
	id, check, err := TimerJob(name)
	switch {
	case err != nil:
		return Result{}, err
	case check:
		return f.checkDue(s, id), nil
	}
	j, ok := f.jobs.Get(id)
	switch {
	case !ok:
		return Result{}, nil
	case j.Phase == Posted:
		return f.next(s, id, j, Failure{Cause: icn.CauseUnassigned, Reason: "nobody was assigned in time"}), nil
	}
	return f.overdue(s, id, j), nil
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
	spec, err := Bounded(o.Spec, s.Rules)
	if err != nil {
		return Result{}, fmt.Errorf("post job: %w", err)
	}
	j := Job{Submitter: s.Author, Via: o.Via, Budget: o.Budget, Spec: spec, PostedAt: s.Time, State: spec.Resume}
	switch n := f.OpenOf(s.Author); {
	case o.Budget == 0:
		return Result{}, fmt.Errorf("post job: %w: budget is 0", icn.ErrInvalid)
	case o.Budget > 1<<53:
		return Result{}, fmt.Errorf("post job: %w: no account has %d", icn.ErrInsufficient, o.Budget)
	case o.Budget/uint64(j.Of()) == 0:
		return Result{}, fmt.Errorf("post job: %w: a budget of %d is not enough for %d executors", icn.ErrInvalid, o.Budget, j.Of())
	case !s.IsNode(o.Via):
		return Result{}, fmt.Errorf("post job: %w: %s, which should assign it, is no node of this federation", icn.ErrInvalid, o.Via)
	case n >= s.Rules.JobsPerMember:
		return Result{}, fmt.Errorf("post job: %w: %d jobs of this submitter are open already", icn.ErrConflict, n)
	default:
		f.counts.Put(s.Author, n+1)
	}
	r := Result{
		Effects: []icn.Effect{icn.Hold{Account: s.Author, Amount: j.Held()}},
		Events:  []icn.EventBody{icn.JobPosted{Job: id, Submitter: s.Author, Via: o.Via, Held: j.Held()}},
	}
	r.add(f.wait(s, id, j))
	return r, nil
}

// wait puts the job up for its next attempt.
func (f *Fold) wait(s Step, id icn.CID, j Job) Result {
	j.Phase, j.Attempt, j.Runs, j.Reserve = Posted, j.Attempt+1, nil, nil
	j.From = s.Time
	if j.Attempt > 1 {
		j.From = later(s.Time, backoff(id, j, s.Rules))
	}
	j.Due = later(j.From, s.Rules.JobAssignMillis)
	f.jobs.Put(id, j)
	return Result{Effects: []icn.Effect{icn.SetTimer{Name: timerName(id), Due: j.Due}}, Touched: []icn.CID{id}}
}

func (f *Fold) cancel(s Step, o icn.JobCancel) (Result, error) {
	j, ok := f.jobs.Get(o.Job)
	if !ok {
		return Result{}, fmt.Errorf("cancel job %s: %w: not open (ended, or never posted)", o.Job, icn.ErrNotFound)
	}
	if s.Author != j.Submitter {
		return Result{}, fmt.Errorf("cancel job %s: %w: only its submitter %s may", o.Job, icn.ErrDenied, j.Submitter)
	}
	r := f.end(o.Job, j)
	r.Effects = append(r.Effects, icn.Release{Account: j.Submitter, Amount: j.Held()})
	r.Events = []icn.EventBody{icn.JobCancelled{Job: o.Job, Submitter: j.Submitter, Restored: j.Held()}}
	return r, nil
}

// save keeps where the program got to.
func (f *Fold) save(s Step, o icn.JobSave) (Result, error) {
	j, err := f.expect(o.Job, o.Attempt, Assigned)
	if err != nil {
		return Result{}, fmt.Errorf("checkpoint: %w", err)
	}
	if _, ok := j.RunOf(s.Author); !ok || j.Of() > 1 {
		return Result{}, fmt.Errorf("checkpoint of job %s: %w: attempt %d is not this node's alone", o.Job, icn.ErrDenied, o.Attempt)
	}
	j.State = o.State
	f.jobs.Put(o.Job, j)
	return Result{Events: []icn.EventBody{icn.JobSaved{Job: o.Job, Attempt: o.Attempt, Via: j.Via, State: o.State}}}, nil
}

// end takes the job out of the open ones, and its runs from their executors.
func (f *Fold) end(id icn.CID, j Job) Result {
	f.leave(j)
	f.jobs.Delete(id)
	if n := f.OpenOf(j.Submitter); n > 1 {
		f.counts.Put(j.Submitter, n-1)
	} else {
		f.counts.Delete(j.Submitter)
	}
	return Result{Effects: []icn.Effect{icn.ClearTimer{Name: timerName(id)}}, Touched: []icn.CID{id}}
}

func (f *Fold) expect(id icn.CID, attempt uint32, p Phase) (Job, error) {
	j, ok := f.jobs.Get(id)
	if !ok {
		return j, fmt.Errorf("job %s: %w: not open (ended, or never posted)", id, icn.ErrNotFound)
	}
	if j.Attempt != attempt || j.Phase != p {
		return j, fmt.Errorf("job %s: %w: it is at attempt %d, %s", id, icn.ErrConflict, j.Attempt, j.Phase)
	}
	j.Runs = slices.Clone(j.Runs) // the table's own stays as it is, should this be undone
	return j, nil
}

// String is the phase's word.
func (p Phase) String() string {
	if p == Assigned {
		return "assigned"
	}
	return "posted"
}

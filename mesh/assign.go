package mesh

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// reserves is how many of the next best offers are kept for when the best fails.
const reserves = 3

func (f *Fold) assign(s Step, o icn.JobAssign) (Result, error) {
	j, err := f.expect(o.Job, o.Attempt, Posted)
	if err != nil {
		return Result{}, fmt.Errorf("assign: %w", err)
	}
	switch {
	case s.Author != j.Via:
		return Result{}, fmt.Errorf("assign job %s: %w: only %s assigns it", o.Job, icn.ErrDenied, j.Via)
	case s.Time < j.From:
		return Result{}, fmt.Errorf("assign job %s: %w: attempt %d begins at %d ms, log time is %d", o.Job, icn.ErrConflict, j.Attempt, j.From, s.Time)
	}
	order, scores := f.Choose(s, j, o.Offers)
	if len(order) == 0 || !o.Executor.IsZero() && o.Offers[order[0]].Executor != o.Executor {
		return Result{}, fmt.Errorf("assign job %s: %w: the offers do not make %s the executor", o.Job, icn.ErrInvalid, o.Executor)
	}
	n := min(j.Of(), len(order))
	var chosen []icn.Offer
	for _, i := range order[:n] {
		chosen = append(chosen, o.Offers[i])
	}
	j.Reserve = nil
	if j.Of() == 1 {
		for _, i := range order[n:] {
			if scores[i].Excluded == "" && len(j.Reserve) < reserves {
				j.Reserve = append(j.Reserve, o.Offers[i])
			}
		}
	}
	return f.give(s, o.Job, j, chosen, icn.JobAssigned{Choice: scores}), nil
}

// give has the chosen executors run the job's attempt.
func (f *Fold) give(s Step, id icn.CID, j Job, chosen []icn.Offer, told icn.JobAssigned) Result {
	j.Phase, j.Runs, j.Began = Assigned, nil, j.State
	for _, o := range chosen {
		j.Runs = append(j.Runs, Run{Executor: o.Executor, Price: o.Price})
		st := f.Standing(o.Executor)
		st.Open, st.Last = st.Open+1, s.Index
		f.standings.Put(o.Executor, st)
		if len(chosen) > 1 {
			told.Executors = append(told.Executors, o.Executor)
		}
	}
	j.Due = later(later(s.Time, j.Spec.Limits.WallMillis), s.Rules.JobSlackMillis)
	f.jobs.Put(id, j)
	told.Job, told.Attempt, told.Executor, told.Price = id, j.Attempt, chosen[0].Executor, chosen[0].Price
	return Result{
		Effects: []icn.Effect{icn.SetTimer{Name: timerName(id), Due: j.Due}},
		Events:  []icn.EventBody{told}, Touched: []icn.CID{id},
	}
}

// leave takes the runs of a job's attempt from their executors.
func (f *Fold) leave(j Job) {
	for _, r := range j.Runs {
		st := f.Standing(r.Executor)
		st.Open -= min(st.Open, 1)
		f.standings.Put(r.Executor, st)
	}
}

func (f *Fold) fail(s Step, o icn.JobFail) (Result, error) {
	j, err := f.expect(o.Job, o.Attempt, Assigned)
	if err != nil {
		return Result{}, fmt.Errorf("failure: %w", err)
	}
	i := slices.IndexFunc(j.Runs, func(r Run) bool { return r.Executor == o.Executor && r.Phase == Running })
	// The node that assigned may give an executor up that went away; its later
	// receipt then meets a moved-on attempt and is refused.
	if i < 0 || s.Author != o.Executor && s.Author != j.Via {
		return Result{}, fmt.Errorf("failure of job %s: %w: attempt %d has no such run of %s's", o.Job, icn.ErrDenied, o.Attempt, s.Author)
	}
	why := Failure{Executor: o.Executor, Cause: icn.CauseFailed, Reason: icn.Fit(o.Reason, 256)}
	switch {
	case s.Author != o.Executor:
		why.Cause = icn.CauseGone
	case o.Declined:
		why.Cause = icn.CauseDeclined
	}
	var r Result
	r.Events = f.note(s, o.Job, why)
	j.Runs[i].Phase = Failed
	if j.Of() > 1 {
		r.Events = append(r.Events, icn.RunFailed{Job: o.Job, Attempt: j.Attempt, Executor: o.Executor, Reason: why.Reason})
		r.add(f.conclude(s, o.Job, j, s.Statement, 0))
		return r, nil
	}
	r.add(f.next(s, o.Job, j, why))
	return r, nil
}

// overdue ends an attempt whose executors did not all answer in time.
func (f *Fold) overdue(s Step, id icn.CID, j Job) Result {
	var r Result
	j.Runs = slices.Clone(j.Runs)
	why := Failure{Cause: icn.CauseUnanswered, Reason: "the executor did not answer in time"}
	for i := range j.Runs {
		if j.Runs[i].Phase != Running {
			continue
		}
		why.Executor, j.Runs[i].Phase = j.Runs[i].Executor, Failed
		r.Events = append(r.Events, f.note(s, id, why)...)
		if j.Of() > 1 {
			r.Events = append(r.Events, icn.RunFailed{Job: id, Attempt: j.Attempt, Executor: why.Executor, Reason: why.Reason})
		}
	}
	if j.Of() > 1 {
		r.add(f.conclude(s, id, j, s.Statement, 0))
		return r
	}
	r.add(f.next(s, id, j, why))
	return r
}

// freeDeclines is how often a job may be declined before that counts as a try.
const freeDeclines = 8

// next records a failed attempt. Then the next best of the offers gets the job, or
// it is put up again, or rolled back when its tries are spent.
func (f *Fold) next(s Step, id icn.CID, j Job, why Failure) Result {
	why.Reason = icn.Fit(why.Reason, 256)
	declined := 0
	for _, x := range j.Failures {
		if x.Cause == icn.CauseDeclined {
			declined++
		}
	}
	if why.Cause != icn.CauseDeclined || declined >= freeDeclines {
		j.Tries++
	}
	j.Failures = append(slices.Clip(j.Failures), why)
	failed := icn.AttemptFailed{Job: id, Attempt: j.Attempt, Cause: why.Cause, Declined: why.Cause == icn.CauseDeclined, Reason: why.Reason}
	if !why.Executor.IsZero() {
		who := why.Executor
		failed.Executor = &who
	}
	if uint64(j.Tries) >= s.Rules.JobAttempts {
		return f.rollBack(id, j, failed)
	}
	for k, o := range j.Reserve {
		if st := f.Standing(o.Executor); s.IsNode(o.Executor) && st.BannedUntil <= s.Time {
			r := Result{Events: []icn.EventBody{failed}}
			f.leave(j)
			j.Attempt, j.Reserve = j.Attempt+1, j.Reserve[k+1:]
			r.add(f.give(s, id, j, []icn.Offer{o}, icn.JobAssigned{Next: true}))
			return r
		}
	}
	if !s.IsNode(j.Via) { // nobody could hold another auction
		return f.rollBack(id, j, failed)
	}
	f.leave(j)
	r := f.wait(s, id, j)
	again, _ := f.jobs.Get(id)
	failed.Next = again.From
	r.Events = []icn.EventBody{failed}
	return r
}

func (f *Fold) rollBack(id icn.CID, j Job, failed icn.AttemptFailed) Result {
	back := icn.JobRolledBack{Job: id, Submitter: j.Submitter, Attempts: j.Attempt, Executors: []icn.DID{}, Restored: j.Held()}
	for _, x := range j.Failures {
		back.Errors = append(back.Errors, x.Reason)
		if !x.Executor.IsZero() {
			back.Executors = append(back.Executors, x.Executor)
		}
	}
	if j.State.Defined() {
		at := j.State
		back.State = &at
	}
	r := f.end(id, j)
	r.Effects = append(r.Effects, icn.Release{Account: j.Submitter, Amount: j.Held()})
	r.Events = []icn.EventBody{failed, back}
	return r
}

// maxBackoff is the longest pause between two auctions, before jitter.
const maxBackoff = 30_000

// backoff is the pause before an auction: it doubles with each, and jobs that
// failed together do not come back together. The jitter is the job's own, the same
// on every node.
func backoff(id icn.CID, j Job, r icn.Rules) uint64 {
	d := min(r.JobBackoffMillis<<min(max(j.Tries, 1)-1, 16), maxBackoff)
	b := icn.SumCID(icn.Raw, icn.AppendUint(icn.AppendCID(nil, id), uint64(j.Attempt))).Hash()
	return d + d/4*uint64(binary.BigEndian.Uint16(b[len(b)-2:]))>>16
}

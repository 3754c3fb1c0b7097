package mesh

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Check is a settled job that can be run again, or is being run again, by others.
type Check struct {
	Submitter, Via, Executor icn.DID
	Price                    uint64
	Spec                     icn.JobSpec
	PostedAt                 icn.Time
	Began                    icn.CID // the checkpoint from which it began
	Given                    uint64  // the entry that gave it its executor
	ABI                      uint32
	Outcome                  icn.CID // the digest of what the executor said
	Due                      icn.Time
	Named                    []icn.DID // who runs it again; nobody: it was not asked for yet
	Verdicts                 []Verdict
}

// Verdict is what one of them found.
type Verdict struct {
	By      icn.DID
	Outcome icn.CID // undefined: it could not tell
}

// maxCheckers bounds how many nodes run one job again.
const maxCheckers = 5

// Settled returns a job that can be checked, or is.
func (f *Fold) Settled(id icn.CID) (Check, bool) { return f.settled.Get(id) }

// Checks calls fn for each of them, in the order of CIDs.
func (f *Fold) Checks(fn func(icn.CID, Check) bool) { f.settled.Each(fn) }

// Pending says whether a node is still to say what it found.
func (c Check) Pending(d icn.DID) bool {
	return slices.Contains(c.Named, d) && !slices.ContainsFunc(c.Verdicts, func(v Verdict) bool { return v.By == d })
}

// keep remembers a settled job for as long as it can be checked.
func (f *Fold) keep(s Step, o icn.JobReceipt, j Job) Result {
	r := j.Runs[0]
	if r.Executor == j.Via {
		return Result{} // nobody else was asked in the first place
	}
	c := Check{Submitter: j.Submitter, Via: j.Via, Executor: r.Executor, Price: r.Price, Spec: j.Spec, PostedAt: j.PostedAt, Began: j.Began,
		Given: j.Given, ABI: o.ABI, Outcome: o.Outcome.Digest(), Due: later(s.Time, s.Rules.CheckMillis)}
	f.settled.Put(o.Job, c)
	return Result{Effects: []icn.Effect{icn.SetTimer{Name: checkName(o.Job), Due: c.Due}}}
}

func (f *Fold) check(s Step, o icn.JobCheck) (Result, error) {
	c, ok := f.settled.Get(o.Job)
	switch {
	case !ok:
		return Result{}, fmt.Errorf("check job %s: %w: it is not settled, or was settled too long ago; a receipt can still be audited", o.Job, icn.ErrNotFound)
	case s.Author != c.Via && s.Author != c.Submitter:
		return Result{}, fmt.Errorf("check job %s: %w: its submitter may ask for that, and the node that assigned it", o.Job, icn.ErrDenied)
	case len(c.Named) > 0:
		return Result{}, fmt.Errorf("check job %s: %w: it is being checked", o.Job, icn.ErrConflict)
	}
	return f.weigh(s, o.Job, c), nil
}

func (f *Fold) verdict(s Step, o icn.JobVerdict) (Result, error) {
	c, ok := f.settled.Get(o.Job)
	if !ok || !c.Pending(s.Author) {
		return Result{}, fmt.Errorf("verdict on job %s: %w: nobody waits for it", o.Job, icn.ErrConflict)
	}
	v := Verdict{By: s.Author}
	if o.Unable == "" && o.ABI == c.ABI {
		v.Outcome = o.Outcome.Digest()
	}
	c.Verdicts = append(slices.Clip(c.Verdicts), v)
	return f.weigh(s, o.Job, c), nil
}

// checkDue ends the time of a check, or of those who did not answer.
func (f *Fold) checkDue(s Step, id icn.CID) Result {
	c, ok := f.settled.Get(id)
	if !ok || len(c.Named) == 0 {
		f.settled.Delete(id)
		return Result{}
	}
	var r Result
	c.Verdicts = slices.Clip(c.Verdicts)
	for _, d := range c.Named {
		if c.Pending(d) {
			c.Verdicts = append(c.Verdicts, Verdict{By: d})
			r.Events = append(r.Events, f.note(s, id, Failure{Executor: d, Cause: icn.CauseUnanswered, Reason: "it did not run a job again in time"})...)
		}
	}
	r.add(f.weigh(s, id, c))
	return r
}

// weigh decides when enough have spoken, and asks another node when not. A result
// holds when at least two nodes found it, and more than found any other.
func (f *Fold) weigh(s Step, id icn.CID, c Check) Result {
	for _, d := range c.Named {
		if c.Pending(d) {
			f.settled.Put(id, c)
			return Result{}
		}
	}
	truth, sure := c.majority()
	if sure {
		return f.endCheck(s, id, c, truth)
	}
	next, ok := f.checker(s, id, c)
	if !ok {
		return f.endCheck(s, id, c, icn.CID{})
	}
	c.Named = append(slices.Clip(c.Named), next)
	c.Due = later(later(s.Time, c.Spec.Limits.WallMillis), s.Rules.JobSlackMillis)
	f.settled.Put(id, c)
	return Result{
		Effects: []icn.Effect{icn.SetTimer{Name: checkName(id), Due: c.Due}},
		Events:  []icn.EventBody{icn.CheckOpened{Job: id, Executor: c.Executor, Checker: next}},
		Touched: []icn.CID{id},
	}
}

// majority is the result that most found, the executor included, and whether that
// is sure.
func (c Check) majority() (icn.CID, bool) {
	votes := map[icn.CID]int{c.Outcome: 1}
	for _, v := range c.Verdicts {
		if v.Outcome.Defined() {
			votes[v.Outcome]++
		}
	}
	var best icn.CID
	most, second := 0, 0
	for d, n := range votes { // order: the best is only taken when it is alone
		if n > most {
			best, most, second = d, n, most
		} else {
			second = max(second, n)
		}
	}
	return best, most >= 2 && most > second
}

// checker is who runs the job again next: whoever the job's hash points to among
// the nodes that can, the one that assigned it last of all.
func (f *Fold) checker(s Step, id icn.CID, c Check) (icn.DID, bool) {
	if len(c.Named) >= maxCheckers {
		return icn.DID{}, false
	}
	var best icn.DID
	var rank []byte
	for _, d := range s.Nodes() {
		if d == c.Executor || d == c.Via || slices.Contains(c.Named, d) || f.Standing(d).Banned(s.Time) || f.Lacks(s, c.Spec, d) != "" {
			continue
		}
		if h := icn.SumCID(icn.Raw, icn.AppendDID(icn.AppendCID(nil, id), d)).Bytes(); rank == nil || bytes.Compare(h, rank) < 0 {
			best, rank = d, h
		}
	}
	if rank == nil && s.IsNode(c.Via) && !slices.Contains(c.Named, c.Via) {
		return c.Via, true
	}
	return best, rank != nil
}

// endCheck acts on what was found: whoever stands against it is convicted.
func (f *Fold) endCheck(s Step, id icn.CID, c Check, truth icn.CID) Result {
	f.settled.Delete(id)
	told := icn.CheckEnded{Job: id, Executor: c.Executor, Result: "indeterminate", Checkers: c.Named}
	r := Result{Effects: []icn.Effect{icn.ClearTimer{Name: checkName(id)}}, Touched: []icn.CID{id}}
	if !truth.Defined() {
		r.Events = []icn.EventBody{told}
		return r
	}
	var right []icn.DID
	if told.Result = "mismatch"; c.Outcome == truth {
		told.Result, right = "match", append(right, c.Executor)
	}
	for _, v := range c.Verdicts {
		if v.Outcome == truth {
			right = append(right, v.By)
		}
	}
	r.Events = []icn.EventBody{told}
	if c.Outcome != truth {
		r.add(f.convict(s, conviction{job: id, who: c.Executor, against: right, to: c.Submitter, paid: c.Price}))
	}
	for _, v := range c.Verdicts {
		if v.Outcome.Defined() && v.Outcome != truth {
			r.add(f.convict(s, conviction{job: id, who: v.By, against: right}))
		}
	}
	return r
}

package mesh

import (
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Left ends what a node had to do with jobs, because it no longer belongs to the
// federation: what it ran is given to others, what only it could assign goes back
// to its submitter, and nobody waits for its word on a check. It looks at every
// open job: nodes leave seldom.
func (f *Fold) Left(s Step, d icn.DID) Result {
	var r Result
	for _, id := range f.concerned(d) {
		j, _ := f.jobs.Get(id)
		if j.Phase == Posted {
			r.add(f.next(s, id, j, Failure{Cause: icn.CauseUnassigned, Reason: "the node that assigns it left the federation"}))
			continue
		}
		r.add(f.runLeft(s, id, j, d))
	}
	var waiting []icn.CID
	f.settled.Each(func(id icn.CID, c Check) bool {
		if c.Pending(d) {
			waiting = append(waiting, id)
		}
		return true
	})
	for _, id := range waiting {
		c, _ := f.settled.Get(id)
		c.Verdicts = append(slices.Clip(c.Verdicts), Verdict{By: d})
		r.add(f.weigh(s, id, c))
	}
	return r
}

// concerned are the open jobs that cannot go on without a node.
func (f *Fold) concerned(d icn.DID) (ids []icn.CID) {
	f.jobs.Each(func(id icn.CID, j Job) bool {
		_, runs := j.RunOf(d)
		if runs || j.Phase == Posted && j.Via == d {
			ids = append(ids, id)
		}
		return true
	})
	return ids
}

// runLeft ends the run of a node that is gone.
func (f *Fold) runLeft(s Step, id icn.CID, j Job, d icn.DID) Result {
	why := Failure{Executor: d, Cause: icn.CauseLeft, Reason: "the executor left the federation"}
	r := Result{Events: f.note(s, id, why)}
	j.Runs = slices.Clone(j.Runs) // the table's own stay as they are, should this be undone
	i := slices.IndexFunc(j.Runs, func(r Run) bool { return r.Executor == d && r.Phase == Running })
	j.Runs[i].Phase = Failed
	if j.Of() == 1 {
		r.add(f.next(s, id, j, why))
		return r
	}
	r.Events = append(r.Events, icn.RunFailed{Job: id, Attempt: j.Attempt, Executor: d, Reason: why.Reason})
	r.add(f.conclude(s, id, j, s.Statement, 0))
	return r
}

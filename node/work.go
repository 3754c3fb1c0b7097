package node

import (
	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mesh"
)

// Run is a job that this node is to run now.
type Run struct {
	ID      icn.CID
	Attempt uint32
	Job     mesh.Job
}

// RunResult is what came of it: a receipt, or why there is none. Declined means
// that nothing was run.
type RunResult struct {
	Receipt  icn.JobReceipt
	Err      error
	Declined bool
}

type runKey struct {
	id      icn.CID
	attempt uint32
}

// work is what the node does about jobs: runs, and those it watches others run.
type work struct {
	running  map[runKey]bool
	queue    []Run
	finished map[icn.CID]uint32 // attempts whose receipt was said and is not applied yet
	watched  map[icn.CID]core.Duty
	retry    map[icn.CID]icn.Time // look at this job's duties again then
	verified seen
	done     []applied
	answers  []func()
	busy     bool // takes no new jobs: shutting down
}

func (l *Loop) initWork() {
	l.work.running, l.work.finished = map[runKey]bool{}, map[icn.CID]uint32{}
	l.work.watched, l.work.retry = map[icn.CID]core.Duty{}, map[icn.CID]icn.Time{}
	l.auctions.open, l.auctions.early = map[icn.CID]*auction{}, map[icn.CID][]*icn.Bid{}
	l.points = newPoints()
}

// free is how many more jobs this node would take on.
func (l *Loop) free() uint64 {
	if l.cfg.Run == nil || l.work.busy {
		return 0
	}
	n := l.tune.Slots + l.tune.Queue - len(l.work.running) - len(l.work.queue)
	return uint64(max(n, 0))
}

// capable says whether this node meets a job's requirements.
func (l *Loop) capable(s icn.JobSpec) bool {
	for _, c := range s.Requires.Capabilities {
		if c != "wasi" {
			return false
		}
	}
	return l.cfg.Capable == nil || l.cfg.Capable(s)
}

// seeJob looks at an open job for the first time.
func (l *Loop) seeJob(id icn.CID, _ mesh.Job) bool {
	l.revisit(id)
	return true
}

// revisit does what now follows from a job's state.
func (l *Loop) revisit(id icn.CID) {
	j, open := l.m.Job(id)
	delete(l.work.retry, id)
	delete(l.work.watched, id)
	if a, ok := l.auctions.open[id]; ok && (!open || j.Phase != mesh.Posted || j.Attempt != a.duty.Attempt) {
		delete(l.auctions.open, id)
	}
	l.dropRuns(id, j, open)
	for _, d := range l.m.DutiesOf(l.me, id) {
		switch d.Task {
		case core.TaskAssign:
			if a, ok := l.auctions.open[id]; ok && a.said {
				a.said, a.again = false, l.now // the assignment was not taken
			}
			l.openAuction(d)
		case core.TaskBid:
			l.bid(d)
		case core.TaskRun:
			l.enqueueRun(d)
		case core.TaskWatch:
			l.work.watched[id] = d
		}
	}
}

// dropRuns ends runs of a job that nobody waits for any more.
func (l *Loop) dropRuns(id icn.CID, j mesh.Job, open bool) {
	wanted := func(attempt uint32) bool {
		return open && j.Phase == mesh.Assigned && j.Executor == l.me && j.Attempt == attempt
	}
	kept := l.work.queue[:0]
	for _, r := range l.work.queue {
		if r.ID != id || wanted(r.Attempt) {
			kept = append(kept, r)
		}
	}
	l.work.queue = kept
	if n, ok := l.work.finished[id]; ok && !wanted(n) {
		delete(l.work.finished, id)
	}
	for k := range l.work.running { // order: at most one attempt of a job is not stopped yet
		if k.id == id && !wanted(k.attempt) && l.cfg.Stop != nil {
			l.cfg.Stop(id, k.attempt)
		}
	}
}

func (l *Loop) enqueueRun(d core.Duty) {
	k := runKey{d.ID, d.Attempt}
	if l.work.running[k] || l.work.finished[d.ID] == d.Attempt {
		return
	}
	for _, r := range l.work.queue {
		if r.ID == d.ID && r.Attempt == d.Attempt {
			return
		}
	}
	if l.cfg.Run == nil {
		l.sayDuty(icn.JobFail{Job: d.ID, Attempt: d.Attempt, Declined: true, Reason: "this node runs no jobs"}, d)
		return
	}
	l.work.queue = append(l.work.queue, Run{ID: d.ID, Attempt: d.Attempt, Job: d.Job})
	l.startRuns()
}

func (l *Loop) startRuns() {
	for len(l.work.queue) > 0 && len(l.work.running) < l.tune.Slots {
		r := l.work.queue[0]
		l.work.queue = l.work.queue[1:]
		l.work.running[runKey{r.ID, r.Attempt}] = true
		l.cfg.Run(r)
	}
}

// Ran takes the result of a run.
func (l *Loop) Ran(id icn.CID, attempt uint32, res RunResult) {
	k := runKey{id, attempt}
	delete(l.work.running, k)
	for _, d := range l.m.DutiesOf(l.me, id) {
		if d.Task != core.TaskRun || d.Attempt != attempt {
			continue
		}
		l.work.finished[id] = attempt
		if res.Err != nil {
			l.sayDuty(icn.JobFail{Job: id, Attempt: attempt, Declined: res.Declined, Reason: icn.Fit(res.Err.Error(), 1000)}, d)
			break
		}
		rc := res.Receipt
		rc.Message = icn.Fit(rc.Message, 1000)
		rc.Job, rc.Attempt, rc.Spec = id, attempt, d.Job.Spec.CID()
		l.sayDuty(rc, d)
	}
	l.startRuns()
}

// tickWork gives up executors that went away, and looks again at duties that
// could not be seen to.
func (l *Loop) tickWork() {
	for _, id := range sortedCIDs(l.work.watched) {
		d := l.work.watched[id]
		p := l.peer(d.Job.Executor)
		if !p.linked && l.now-p.lostAt > icn.Time(l.tune.AbsentMillis) {
			delete(l.work.watched, id)
			l.sayDuty(icn.JobFail{Job: id, Attempt: d.Attempt, Reason: "the executor went away"}, d)
		}
	}
	for _, id := range sortedCIDs(l.work.retry) {
		if l.now >= l.work.retry[id] {
			delete(l.work.retry, id)
			delete(l.work.finished, id)
			l.revisit(id)
		}
	}
}

// Drain makes the node take no new jobs; the number still running is returned.
func (l *Loop) Drain() int {
	l.work.busy = true
	return len(l.work.running) + len(l.work.queue)
}

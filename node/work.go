package node

import (
	"bytes"
	"errors"
	"slices"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mesh"
)

// Run is a job that this node is to run now.
type Run struct {
	ID      icn.CID
	Attempt uint32 // 0: it was run and settled, and is run again to check it
	Job     mesh.Job
	Watch   *Watched
	Audit   bool // somebody asked this node for it, beside the log
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
	running  map[runKey]Run
	queue    []Run
	finished map[runKey]bool // runs whose outcome was said and is not applied yet
	watched  map[icn.CID]core.Duty
	retry    map[icn.CID]icn.Time // look at this job's duties again then
	strata   map[icn.DID]*stratum
	profiled icn.Time // when this node last told what it offers
	verified seen
	done     []applied
	answers  []func()
	busy     bool // takes no new jobs: shutting down
}

func (l *Loop) initWork() {
	l.work.running, l.work.finished, l.work.strata = map[runKey]Run{}, map[runKey]bool{}, map[icn.DID]*stratum{}
	l.work.watched, l.work.retry = map[icn.CID]core.Duty{}, map[icn.CID]icn.Time{}
	l.auctions.open, l.auctions.early = map[icn.CID]*auction{}, map[icn.CID][]*icn.Bid{}
	l.points = newPoints()
}

// free is how many more jobs of a submitter this node would take on, and how much
// memory they may use. Nobody gets more than half of the places while they last.
func (l *Loop) free(of icn.DID) (slots, mb uint64) {
	if l.cfg.Run == nil || l.work.busy {
		return 0, 0
	}
	all := l.tune.Slots + l.tune.Queue
	left, share, memory := all, max(all/2, 1), l.tune.MemoryMB
	take := func(r Run) {
		left--
		memory -= min(memory, mesh.MemoryOf(r.Job.Spec))
		if r.Job.Submitter == of {
			share--
		}
	}
	for _, r := range l.work.running { // order: sums
		take(r)
	}
	for _, r := range l.work.queue {
		take(r)
	}
	return uint64(max(min(left, share), 0)), memory
}

// capable says whether this node meets a job's requirements.
func (l *Loop) capable(s icn.JobSpec) bool {
	return l.m.Lacks(s, l.me) == "" && (l.cfg.Capable == nil || l.cfg.Capable(s))
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
	l.dropRuns(id)
	for _, d := range l.m.DutiesOf(l.me, id) {
		switch d.Task {
		case core.TaskAssign:
			if a, ok := l.auctions.open[id]; ok && a.said {
				a.said, a.again = false, l.now // the assignment was not taken
			}
			l.openAuction(d)
		case core.TaskBid:
			l.bid(d)
		case core.TaskRun, core.TaskCheck:
			l.enqueueRun(d)
		case core.TaskWatch:
			l.work.watched[id] = d
		}
	}
}

// dropRuns ends runs of a job that nobody waits for any more.
func (l *Loop) dropRuns(id icn.CID) {
	wanted := map[runKey]bool{}
	for _, d := range l.m.DutiesOf(l.me, id) {
		if d.Task == core.TaskRun || d.Task == core.TaskCheck {
			wanted[runKey{id, d.Attempt}] = true
		}
	}
	kept := l.work.queue[:0]
	for _, r := range l.work.queue {
		if k := (runKey{r.ID, r.Attempt}); r.ID != id || wanted[k] {
			kept = append(kept, r)
		}
	}
	l.work.queue = kept
	for k := range l.work.finished { // order: each stands alone
		if k.id == id && !wanted[k] {
			delete(l.work.finished, k)
		}
	}
	for k := range l.work.running { // order: at most one run of a job is not stopped yet
		if k.id == id && !wanted[k] && l.cfg.Stop != nil {
			l.cfg.Stop(id, k.attempt)
		}
	}
}

func (l *Loop) enqueueRun(d core.Duty) {
	k := runKey{d.ID, d.Attempt}
	if _, ok := l.work.running[k]; ok || l.work.finished[k] {
		return
	}
	for _, r := range l.work.queue {
		if r.ID == d.ID && r.Attempt == d.Attempt {
			return
		}
	}
	if l.cfg.Run == nil || d.Task == core.TaskRun && l.work.busy {
		l.sayRun(d, RunResult{Declined: true, Err: errNoRunner})
		return
	}
	l.work.queue = append(l.work.queue, Run{ID: d.ID, Attempt: d.Attempt, Job: d.Job})
	l.startRuns()
}

var errNoRunner = errors.New("this node runs no jobs at the moment")

// startRuns fills the free slots. The next is of whoever has the fewest running:
// many jobs of one submitter do not hold up the few of another.
func (l *Loop) startRuns() {
	for len(l.work.queue) > 0 && len(l.work.running) < l.tune.Slots {
		count := map[icn.DID]int{}
		for _, r := range l.work.running { // order: a count
			count[r.Job.Submitter]++
		}
		at := 0
		for i, r := range l.work.queue {
			if count[r.Job.Submitter] < count[l.work.queue[at].Job.Submitter] {
				at = i
			}
		}
		r := l.work.queue[at]
		l.work.queue = slices.Delete(l.work.queue, at, at+1)
		l.work.running[runKey{r.ID, r.Attempt}] = r
		l.cfg.Run(r)
	}
}

// Ran takes the result of a run.
func (l *Loop) Ran(id icn.CID, attempt uint32, res RunResult) {
	delete(l.work.running, runKey{id, attempt})
	for _, d := range l.m.DutiesOf(l.me, id) {
		if d.Attempt == attempt && (d.Task == core.TaskRun || d.Task == core.TaskCheck) {
			l.sayRun(d, res)
		}
	}
	l.startRuns()
}

// sayRun tells the federation what came of a run.
func (l *Loop) sayRun(d core.Duty, res RunResult) {
	l.work.finished[runKey{d.ID, d.Attempt}] = true
	rc := res.Receipt
	reason := ""
	if res.Err != nil {
		reason = icn.Fit(res.Err.Error(), 1000)
	}
	switch {
	case d.Task == core.TaskCheck:
		v := icn.JobVerdict{Job: d.ID, Unable: reason}
		if res.Err == nil {
			v.Outcome, v.ABI = rc.Outcome, rc.ABI
		}
		l.sayDuty(v, d)
	case res.Err != nil:
		l.sayDuty(icn.JobFail{Job: d.ID, Attempt: d.Attempt, Executor: l.me, Declined: res.Declined, Reason: reason}, d)
	default:
		rc.Message = icn.Fit(rc.Message, 1000)
		rc.Job, rc.Attempt, rc.Spec = d.ID, d.Attempt, d.Job.Spec.CID()
		l.sayDuty(rc, d)
	}
}

// Saved tells the federation that a run left a checkpoint.
func (l *Loop) Saved(id icn.CID, attempt uint32, at icn.CID) {
	for _, d := range l.m.DutiesOf(l.me, id) {
		if d.Task == core.TaskRun && d.Attempt == attempt && d.Job.Of() == 1 {
			_, err := l.SayOps([]icn.Op{icn.JobSave{Job: id, Attempt: attempt, State: at}}, 0, func(Answer) {})
			if err != nil {
				l.log.Debug("a checkpoint is not told", "job", id, "error", err)
			}
		}
	}
}

// tickWork gives up executors that went away, and looks again at duties that
// could not be seen to.
func (l *Loop) tickWork() {
	for _, id := range sortedCIDs(l.work.watched) {
		l.watch(id, l.work.watched[id])
	}
	l.tellProfile()
	for _, id := range sortedCIDs(l.work.retry) {
		if l.now >= l.work.retry[id] {
			delete(l.work.retry, id)
			for k := range l.work.finished { // order: each stands alone
				if k.id == id {
					delete(l.work.finished, k)
				}
			}
			l.revisit(id)
		}
	}
}

// watch gives up executors of a job that cannot be reached.
func (l *Loop) watch(id icn.CID, d core.Duty) {
	for _, r := range d.Job.Runs {
		p := l.peer(r.Executor)
		if r.Phase == mesh.Running && r.Executor != l.me && !p.linked && l.now-p.lostAt > icn.Time(l.tune.AbsentMillis) {
			delete(l.work.watched, id)
			l.sayDuty(icn.JobFail{Job: id, Attempt: d.Attempt, Executor: r.Executor, Reason: "the executor went away"}, d)
			return
		}
	}
}

// profileEvery is how long to wait before a profile is told again.
const profileEvery = 10_000

// tellProfile says what this node offers, when the log does not have it so.
func (l *Loop) tellProfile() {
	if l.cfg.Profile == nil || l.now < l.work.profiled || !l.m.IsNode(l.me) || !l.seated() {
		return
	}
	l.work.profiled = l.now + profileEvery
	p, _ := l.m.Profile(l.me)
	if bytes.Equal(icn.AppendNodeProfile(nil, p), icn.AppendNodeProfile(nil, *l.cfg.Profile)) {
		return
	}
	if _, err := l.SayOps([]icn.Op{*l.cfg.Profile}, l.clock()+profileEvery, func(Answer) {}); err != nil {
		l.log.Debug("the profile is not told", "error", err)
	}
}

// stratum is a run of an executor's receipts of which one is checked: none can
// hope to be overlooked, and none knows which it is.
type stratum struct{ left, pick int64 }

// spotCheck asks now and then that a settled job be run again by others.
func (l *Loop) spotCheck(b icn.JobSettled, at icn.Time) {
	r := l.m.Rules()
	c, ok := l.m.Settled(b.Job)
	if !ok || c.Via != l.me || r.SpotChecks == 0 || l.now-at > icn.Time(r.CheckMillis) {
		return
	}
	st, ok := l.work.strata[c.Executor]
	if !ok {
		st = &stratum{}
		l.work.strata[c.Executor] = st
	}
	if st.left == 0 {
		st.left = int64(1000 / r.SpotChecks)
		st.pick = l.cfg.Jitter(st.left)
	}
	if st.left--; st.left != st.pick {
		return
	}
	if _, err := l.SayOps([]icn.Op{icn.JobCheck{Job: b.Job}}, l.clock()+icn.Time(r.CheckMillis), func(Answer) {}); err != nil {
		l.log.Debug("a job is not checked", "job", b.Job, "error", err)
	}
}

// Drain makes the node take no new jobs; the number still running is returned.
func (l *Loop) Drain() int {
	l.work.busy = true
	return len(l.work.running) + len(l.work.queue)
}

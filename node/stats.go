package node

import (
	"sync/atomic"
	"time"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/meter"
)

// Stats are the counters that metrics show, from the start of the node. What was
// ordered before that is not counted when a node catches up: whoever watches would
// take a failure of long ago for one of now.
type Stats struct {
	Executed, Settled, RolledBack, Refused, Entries, MemoryDenied, TableDenied atomic.Uint64
	Ballots, Failed                                                            atomic.Uint64 // of votes; enactments that failed
	Votes                                                                      VoteStats

	Posted, Assigned, Cancelled, Bans atomic.Uint64 // of jobs and executors of the federation
	Gas, NotRun, Broken               atomic.Uint64 // of runs on this node: fuel; declined; ended by the node's own fault
	Attempts                          Causes        // attempts that failed
	Checks                            Results       // jobs that were run again to check them

	Assigning *meter.Histogram // from the posting of a job to its first executor, by the log's time
	Running   *meter.Histogram // runs on this node
	Turns     *meter.Histogram // turns of the loop that folded entries
}

func (s *Stats) init() {
	s.Assigning = meter.New(.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300)
	s.Running = meter.New(.01, .05, .1, .5, 1, 5, 10, 30, 60, 300, 1800, 3600)
	s.Turns = meter.New(.0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5)
}

// Causes count attempts by why they failed.
type Causes struct{ counts [len(causes)]atomic.Uint64 }

var causes = [...]icn.Cause{icn.CauseUnassigned, icn.CauseUnanswered, icn.CauseGone, icn.CauseLeft, icn.CauseFailed,
	icn.CauseDeclined, icn.CauseProgram, icn.CauseDisagree}

func (c *Causes) count(why icn.Cause) {
	for i, x := range causes {
		if x == why {
			c.counts[i].Add(1)
		}
	}
}

// Each calls f for every cause there is.
func (c *Causes) Each(f func(icn.Cause, uint64)) {
	for i, x := range causes {
		f(x, c.counts[i].Load())
	}
}

// Results count checks by what they have shown.
type Results struct{ Match, Mismatch, Indeterminate atomic.Uint64 }

func (r *Results) count(result string) {
	switch result {
	case "match":
		r.Match.Add(1)
	case "mismatch":
		r.Mismatch.Add(1)
	default:
		r.Indeterminate.Add(1)
	}
}

// count counts an entry, and what happened by it.
func (n *Node) count(e icn.Entry, out core.Outcome) {
	n.stats.Entries.Add(1)
	if e.Time < icn.Time(n.started.UnixMilli()) {
		return
	}
	if out.Refused != nil {
		n.stats.Refused.Add(1)
	}
	for _, ev := range out.Events {
		if !n.countJob(ev) {
			n.countVote(ev.Body)
		}
	}
}

// countJob counts what an event tells of jobs, and says whether it is about them.
func (n *Node) countJob(ev icn.Event) bool {
	s := &n.stats
	switch b := ev.Body.(type) {
	case icn.JobPosted:
		s.Posted.Add(1)
	case icn.JobAssigned:
		s.Assigned.Add(1)
		if posted := n.postedAt(b.Job); b.Attempt == 1 && posted != 0 {
			s.Assigning.Observe(time.Duration(ev.Time-posted) * time.Millisecond)
		}
	case icn.JobSettled:
		s.Settled.Add(1)
	case icn.JobRolledBack:
		s.RolledBack.Add(1)
	case icn.AttemptFailed:
		s.Attempts.count(b.Cause)
	case icn.JobCancelled:
		s.Cancelled.Add(1)
	case icn.ExecutorBanned:
		s.Bans.Add(1)
	case icn.CheckEnded:
		s.Checks.count(b.Result)
	default:
		return false
	}
	return true
}

// postedAt is when an open job was posted, or 0.
func (n *Node) postedAt(id icn.CID) (at icn.Time) {
	if l := n.loop.Load(); l != nil {
		l.View(func(m *core.Machine) {
			if j, ok := m.Job(id); ok {
				at = j.PostedAt
			}
		})
	}
	return at
}

// countRun counts a run that ended here.
func (n *Node) countRun(res RunResult, took time.Duration) {
	n.stats.Executed.Add(1)
	switch {
	case res.Err == nil:
		n.stats.Gas.Add(res.Receipt.Outcome.Gas)
		n.stats.Running.Observe(took)
	case res.Declined:
		n.stats.NotRun.Add(1)
	default:
		n.stats.Broken.Add(1)
	}
}

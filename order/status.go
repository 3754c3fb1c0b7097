package order

import (
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"
)

// Status is a picture of an engine.
type Status struct {
	ID, Leader, Term uint64 // Leader is 0 when none is known
	Leading          bool
	Commit, Applied  uint64
	First, Last      uint64 // of the entries that are left; First is Last+1 when there are none
	Snapshot         uint64 // index of the newest stored snapshot, or 0
	Voters, Learners []uint64
	// Peers says how far each member is, by ascending id, on a leader; empty on
	// others.
	Peers []Peer
}

// Peer is a leader's view of a member.
type Peer struct {
	ID      uint64
	Match   uint64 // it has the log up to here for sure
	Learner bool
	Active  bool // it was heard within about an election timeout
	// Snapshot: it is being sent a snapshot and gets nothing else.
	Snapshot bool
}

// Status describes the engine now. It allocates: for each tick, not each frame.
func (e *Engine) Status() Status {
	b := e.node.BasicStatus()
	c := e.log.conf
	s := Status{
		ID: e.cfg.ID, Leader: b.Lead, Term: b.GetTerm(), Leading: b.RaftState == raft.StateLeader,
		Commit: b.GetCommit(), Applied: b.Applied,
		First: e.log.terms.base() + 1, Last: e.shape.last, Snapshot: e.log.snapshot,
		Voters: slices.Clone(c.voters), Learners: slices.Clone(c.learners),
	}
	if s.Leading {
		e.node.WithProgress(func(id uint64, _ raft.ProgressType, p tracker.Progress) {
			s.Peers = append(s.Peers, Peer{
				ID: id, Match: p.Match, Learner: p.IsLearner,
				Active: p.RecentActive || id == e.cfg.ID, Snapshot: p.State == tracker.StateSnapshot,
			})
		})
	}
	return s
}

// Votes says whether this node is a voter. It is cheap.
func (e *Engine) Votes() bool {
	_, voter := slices.BinarySearch(e.log.conf.voters, e.cfg.ID)
	return voter
}

// Leader is the leader that this node knows, or 0, and whether it is itself the
// one. It is cheap.
func (e *Engine) Leader() (id uint64, self bool) {
	b := e.node.BasicStatus()
	return b.Lead, b.RaftState == raft.StateLeader
}

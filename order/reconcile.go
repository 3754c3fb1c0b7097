package order

import (
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
)

// changeGate knows whether raft would take a change of the configuration. Raft
// replaces one that comes too early by an empty entry without a word, so the gate
// stays shut until everything that was in the log when this node became leader,
// or when it proposed the last change, is applied.
type changeGate struct {
	term, index uint64 // open in this term once index is applied
	asked       bool   // a change was proposed and is not in a round yet
}

func (g *changeGate) see(e *Engine, rd raft.Ready) {
	st := e.node.BasicStatus()
	if st.RaftState != raft.StateLeader || len(rd.Entries) == 0 {
		return
	}
	if g.term != st.GetTerm() || g.asked {
		*g = changeGate{term: st.GetTerm(), index: rd.Entries[len(rd.Entries)-1].GetIndex()}
	}
}

func (g *changeGate) open(st raft.BasicStatus) bool {
	return g.term == st.GetTerm() && !g.asked && st.Applied >= g.index
}

// lap measures how fast a learner catches up (Ongaro's dissertation, 4.2.1): it
// has caught up when it took no longer than an election timeout to get what was
// committed when the lap began. Under load its log is always a little behind.
type lap struct{ term, goal, began uint64 }

// Reconcile takes the next step from the configuration in force to the wanted
// one, and is to be called again and again on a leader, at least every few ticks.
// New members become learners first and voters when they have caught up; then
// unwanted voters are demoted or removed, as long as a quorum of those that stay
// is alive, and none is demoted that would leave fewer voters than are wanted; those that shall be no members before those that become learners; a
// leader that shall not stay a voter hands over first, and at once when it shall be
// no member: then others will soon not listen to it. It returns
// false when there is nothing left to do, or this node does not lead.
func (e *Engine) Reconcile(voters, learners []uint64) bool {
	st := e.node.BasicStatus()
	want := wanted(voters, learners)
	if st.RaftState != raft.StateLeader || want.check() != nil {
		return false
	}
	have := e.log.conf
	if slices.Equal(have.voters, want.voters) && slices.Equal(have.learners, want.learners) {
		clear(e.catchUp)
		return false
	}
	if !e.change.open(st) || st.LeadTransferee != raft.None {
		return true
	}
	p := e.plan(have, want, st)
	if p.transfer != 0 {
		e.node.TransferLeader(p.transfer)
	} else if p.id != 0 {
		e.proposeChange(p)
	}
	return true
}

// unwanted says whether this node shall be no member at all.
func (e *Engine) unwanted(want conf) bool {
	return !slices.Contains(want.voters, e.cfg.ID) && !slices.Contains(want.learners, e.cfg.ID)
}

// wanted makes a configuration of two lists; who is in both is a voter.
func wanted(voters, learners []uint64) conf {
	c := conf{voters: slices.Clone(voters)}
	slices.Sort(c.voters)
	c.voters = slices.Compact(c.voters)
	for _, id := range learners {
		if _, voter := slices.BinarySearch(c.voters, id); !voter {
			c.learners = with(c.learners, id)
		}
	}
	return c
}

func (e *Engine) proposeChange(p step) {
	cc := &pb.ConfChangeV2{Changes: []*pb.ConfChangeSingle{{Type: p.change.Enum(), NodeId: new(p.id)}}}
	if e.node.ProposeConfChange(cc) == nil {
		e.change.asked = true
	}
}

// step is one move: a change for id, or a transfer of leadership.
type step struct {
	id, transfer uint64
	change       pb.ConfChangeType
}

func (e *Engine) plan(have, want conf, st raft.BasicStatus) step {
	progress := map[uint64]tracker.Progress{}
	e.node.WithProgress(func(id uint64, _ raft.ProgressType, p tracker.Progress) {
		p.RecentActive = p.RecentActive || id == e.cfg.ID
		progress[id] = p
	})
	if e.unwanted(want) {
		if to := e.heir(want, progress); to != 0 {
			return step{transfer: to}
		}
	}
	for _, id := range slices.Sorted(slices.Values(slices.Concat(want.voters, want.learners))) {
		if _, known := progress[id]; !known {
			return step{id: id, change: pb.ConfChangeAddLearnerNode}
		}
	}
	waiting := false // for a learner that is alive
	for _, id := range want.voters {
		if !progress[id].IsLearner {
			continue
		}
		if e.caughtUp(id, progress[id], st) {
			return step{id: id, change: pb.ConfChangeAddNode}
		}
		waiting = waiting || progress[id].RecentActive
	}
	for _, id := range have.learners {
		if !slices.Contains(want.learners, id) && !slices.Contains(want.voters, id) {
			return step{id: id, change: pb.ConfChangeRemoveNode}
		}
	}
	return e.planRemoval(have, want, progress, waiting)
}

// planRemoval finds a voter that can go: who shall be no member before who becomes
// a learner, because the others soon do not hear it any more; dead ones before
// those that are alive; this node last.
func (e *Engine) planRemoval(have, want conf, progress map[uint64]tracker.Progress, waiting bool) step {
	for _, change := range []pb.ConfChangeType{pb.ConfChangeRemoveNode, pb.ConfChangeAddLearnerNode} {
		var alive []uint64
		first := false // one of these must go before any of the next kind
		for _, id := range have.voters {
			if slices.Contains(want.voters, id) || removal(id, want) != change {
				continue
			}
			first = true
			switch {
			case !e.quorumWithout(have, id, progress):
			case progress[id].RecentActive:
				alive = append(alive, id)
			default:
				return step{id: id, change: change}
			}
		}
		// Who goes on as a learner votes until enough others do: with two voters
		// instead of three, the loss of either would end the order.
		spare := change == pb.ConfChangeRemoveNode || len(have.voters) > len(want.voters)
		for _, id := range alive {
			if id != e.cfg.ID && !waiting && spare {
				return step{id: id, change: change}
			}
		}
		if len(alive) > 0 && !waiting && spare {
			return step{transfer: e.heir(want, progress)}
		}
		if first {
			return step{}
		}
	}
	return step{}
}

// heir is the voter that stays and has most of the log, or 0.
func (e *Engine) heir(want conf, progress map[uint64]tracker.Progress) (best uint64) {
	var match uint64
	for _, id := range want.voters {
		p, known := progress[id]
		if known && id != e.cfg.ID && !p.IsLearner && p.RecentActive && p.State == tracker.StateReplicate && p.Match > match {
			best, match = id, p.Match
		}
	}
	return best
}

func removal(id uint64, want conf) pb.ConfChangeType {
	if slices.Contains(want.learners, id) {
		return pb.ConfChangeAddLearnerNode
	}
	return pb.ConfChangeRemoveNode
}

// quorumWithout says whether the voters left without one are alive in majority.
func (e *Engine) quorumWithout(have conf, id uint64, progress map[uint64]tracker.Progress) bool {
	left := without(have.voters, id)
	active := 0
	for _, v := range left {
		if progress[v].RecentActive {
			active++
		}
	}
	return active > len(left)/2
}

func (e *Engine) caughtUp(id uint64, p tracker.Progress, st raft.BasicStatus) bool {
	if p.State != tracker.StateReplicate || !p.RecentActive {
		return false
	}
	l, begun := e.catchUp[id]
	if !begun || l.term != st.GetTerm() {
		l = lap{term: st.GetTerm(), goal: st.GetCommit(), began: e.ticks}
	}
	if p.Match >= l.goal {
		if e.ticks-l.began <= uint64(e.cfg.ElectionTicks) {
			delete(e.catchUp, id)
			return true
		}
		l = lap{term: l.term, goal: st.GetCommit(), began: e.ticks}
	}
	e.catchUp[id] = l
	return false
}

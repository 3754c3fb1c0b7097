package node

import (
	"maps"
	"sync"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
)

// VoteStats count proposals, by where they came to, since the node started.
type VoteStats struct {
	mu      sync.Mutex
	moved   map[Moved]uint64
	enacted map[string]uint64 // by the kind of their motion
}

// Moved is a stage to which proposals of a kind came.
type Moved struct {
	Stage icn.Stage
	Kind  string
}

// Counts are how many proposals came to which stage, and how many were enacted.
func (s *VoteStats) Counts() (moved map[Moved]uint64, enacted map[string]uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.moved), maps.Clone(s.enacted)
}

func (s *VoteStats) count(stage icn.Stage, kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.moved == nil {
		s.moved, s.enacted = map[Moved]uint64{}, map[string]uint64{}
	}
	s.moved[Moved{stage, kind}]++
	if stage == icn.StageExecuted {
		s.enacted[kind]++
	}
}

// countVote counts what an event tells of votes.
func (n *Node) countVote(body icn.EventBody) {
	switch b := body.(type) {
	case icn.VoteCast:
		n.stats.Ballots.Add(1)
	case icn.ProposalCreated:
		n.stats.Votes.count(b.Stage, b.Kind)
	case icn.ProposalMoved:
		if b.Stage == icn.StageFailed {
			n.stats.Failed.Add(1)
		}
		n.stats.Votes.count(b.Stage, n.kindOf(b.Proposal))
	}
}

// kindOf is the kind of a proposal's motion; it is for the loop's goroutine, and for
// others when the node runs.
func (n *Node) kindOf(id icn.CID) (kind string) {
	if l := n.loop.Load(); l != nil {
		l.View(func(m *core.Machine) {
			if p, ok := m.Proposal(id); ok {
				kind = p.Motion.MotionKind()
			}
		})
	}
	return kind
}

// openVotes is the number of votes that are on.
func openVotes(m *core.Machine) (n int) {
	m.Proposals(func(_ icn.CID, p governance.Proposal) bool {
		if p.Stage == icn.StageVoting {
			n++
		}
		return true
	})
	return n
}

// Members counts the members by their standing.
func (n *Node) Members() (map[identity.Standing]int, error) {
	out := map[identity.Standing]int{identity.Good: 0, identity.Suspended: 0, identity.Left: 0}
	err := n.View(func(m *core.Machine) {
		m.Members(func(_ icn.DID, x identity.Member) bool {
			out[x.Standing]++
			return true
		})
	})
	return out, err
}

// Package order puts payloads into one sequence that every node of a federation
// sees alike. It is the one place that knows etcd's raft library.
//
// The invariant: what a Round hands out as committed is handed out by every
// engine at the same index with the same bytes, whatever is lost, doubled,
// reordered or crashes, as long as raft identities are never used again after
// their store was lost or went back in time.
//
// It is an engine without I/O: it starts no goroutine, reads no clock, opens no
// connection, and writes only into batches of its caller (Open alone stores the
// founding record). It is not safe for concurrent use. It trusts the voters not
// to lie (the order is crash-tolerant, not Byzantine-tolerant), yet no frame
// makes it panic. A store that fails to read back what it stored does: crash and
// start again.
//
//	e, err := order.Open(order.Config{ID: 1, Voters: []uint64{1}, Store: s, Prefix: []byte("r/")})
//	for r, ok := e.Ready(); ok; r, ok = e.Ready() {
//		send(r.Early)
//		b := &store.Batch{}
//		b.Relaxed = !r.Write(b)
//		err := s.Apply(b) // fatal when it fails
//		send(r.Late)
//		install(r.Snapshot)  // when not nil
//		apply(r.Committed...)
//		e.Advance(r)
//	}
package order

import (
	"errors"
	"fmt"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Engine is one node's part in the order.
type Engine struct {
	cfg     Config
	node    *raft.RawNode
	log     *log
	shape   terms     // raft's log with what is not stored yet
	install *Snapshot // held in the store, and newer than the application's state
	out     *work     // the round between Ready and Advance
	ticks   uint64
	sent    map[uint64]sentSnapshot
	change  changeGate
	catchUp map[uint64]lap
}

// Open continues from what the store holds for cfg.ID, or begins anew.
//
// An application whose state is older than the log that is left gets the stored
// snapshot in its first round. An application whose state is newer than the log
// is a store that went back in time: icn.ErrCorrupt.
func Open(cfg Config) (*Engine, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	l, err := openLog(cfg)
	if err != nil {
		return nil, fmt.Errorf("open order of node %d: %w", cfg.ID, err)
	}
	e := &Engine{cfg: cfg, log: l, shape: l.terms.clone(), sent: map[uint64]sentSnapshot{}, catchUp: map[uint64]lap{}}
	applied, err := e.startingPoint()
	if err != nil {
		return nil, fmt.Errorf("open order of node %d: %w", cfg.ID, err)
	}
	e.node, err = raft.NewRawNode(&raft.Config{
		ID: cfg.ID, Storage: l, Applied: applied, Logger: silent{},
		ElectionTick: cfg.ElectionTicks, HeartbeatTick: cfg.HeartbeatTicks,
		MaxSizePerMsg: cfg.MaxSizePerMsg, MaxInflightMsgs: cfg.MaxInflight,
		MaxUncommittedEntriesSize: cfg.MaxUncommitted, MaxCommittedSizePerReady: cfg.MaxCommittedSizePerReady,
		PreVote: true, CheckQuorum: true, DisableProposalForwarding: true, StepDownOnRemoval: true,
	})
	if err != nil {
		return nil, fmt.Errorf("open order of node %d: %w: %v", cfg.ID, icn.ErrInvalid, err)
	}
	return e, nil
}

// startingPoint is the index after which raft delivers entries. It corrects the
// commit index, which may have been stored lazily: what the application has was
// committed.
func (e *Engine) startingPoint() (uint64, error) {
	l, applied := e.log, e.cfg.Applied
	if applied < l.terms.base() {
		s, err := l.stored()
		if err != nil {
			return 0, fmt.Errorf("the state is at %d, the log begins after %d, and there is no snapshot: %w", applied, l.terms.base(), err)
		}
		e.install = s
		applied = s.Index
	}
	if applied > l.terms.last {
		if applied > l.floor {
			return 0, fmt.Errorf("the state is at %d, the log ends at %d: %w: this store went back in time; join again under a new id", applied, l.terms.last, icn.ErrCorrupt)
		}
		applied = l.terms.base()
	}
	hs := l.hard
	hs.Commit = new(max(hs.GetCommit(), applied, l.terms.base()))
	lastTerm, _ := l.terms.at(l.terms.last)
	hs.Term = new(max(hs.GetTerm(), lastTerm))
	if hs.GetCommit() > l.terms.last {
		return 0, fmt.Errorf("commit %d, the log ends at %d: %w", hs.GetCommit(), l.terms.last, icn.ErrCorrupt)
	}
	return applied, nil
}

// Tick lets one unit of time pass.
func (e *Engine) Tick() {
	e.ticks++
	e.node.Tick()
	e.giveUpSnapshots()
}

// Propose asks for payloads to be appended in this order, as one message. Only a
// leader can: otherwise, while leadership moves, and when too much is not yet
// committed, the error wraps icn.ErrUnavailable, and nothing was appended. No
// error is no promise: the payload is in when it comes back committed.
func (e *Engine) Propose(payloads [][]byte) error {
	if len(payloads) == 0 {
		return nil
	}
	if st := e.node.BasicStatus(); st.RaftState != raft.StateLeader {
		return fmt.Errorf("propose: %w: node %d does not lead (leader %d)", icn.ErrUnavailable, e.cfg.ID, st.Lead)
	}
	entries := make([]*pb.Entry, len(payloads))
	for i, p := range payloads {
		if len(p) == 0 || len(p) > MaxPayload {
			return fmt.Errorf("propose: %w: payload of %d bytes, want 1 to %d", icn.ErrInvalid, len(p), MaxPayload)
		}
		entries[i] = &pb.Entry{Data: p}
	}
	err := e.node.Step(&pb.Message{Type: pb.MsgProp.Enum(), From: new(e.cfg.ID), Entries: entries})
	if errors.Is(err, raft.ErrProposalDropped) {
		return fmt.Errorf("propose: %w: leadership is moving or too much is not committed yet; try again", icn.ErrUnavailable)
	}
	if err != nil {
		return fmt.Errorf("propose: %w: %v", icn.ErrUnavailable, err)
	}
	return nil
}

// Campaign asks to lead, if this node may. Voters that heard from a leader
// within the election timeout do not answer, unless they called ForgetLeader.
func (e *Engine) Campaign() { _ = e.node.Campaign() }

// ForgetLeader makes a follower ready to vote at once, for instance because the
// stream from its leader broke.
func (e *Engine) ForgetLeader() { _ = e.node.ForgetLeader() }

// TransferLeader hands leadership to a voter. Proposals are refused meanwhile;
// after an election timeout without success the leader goes on. A node that does
// not lead does nothing.
func (e *Engine) TransferLeader(to uint64) {
	if e.node.BasicStatus().RaftState == raft.StateLeader {
		e.node.TransferLeader(to)
	}
}

// ReportUnreachable says that a frame to this node was probably lost.
func (e *Engine) ReportUnreachable(id uint64) { e.node.ReportUnreachable(id) }

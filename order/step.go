package order

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// maxTermLead is how far the term of a message may be ahead of ours. No honest
// federation holds so many elections, and no term can overflow by it.
const maxTermLead = 1 << 32

// Step takes a frame that came from a node, whose identity the caller has checked.
//
// The error wraps icn.ErrInvalid for what no engine sends, icn.ErrNotFound for a
// frame to another node, and icn.ErrCorrupt for what contradicts what was agreed
// on: then this node's log or the sender's is not what it was, for instance a
// store that was lost or went back in time under the same identity. A refused
// frame changes nothing. Outdated frames are ignored without an error.
func (e *Engine) Step(from uint64, frame []byte) error {
	m, err := decodeFrame(frame)
	if err != nil {
		return fmt.Errorf("frame from node %d: %w", from, err)
	}
	if err := e.admit(from, m); err != nil {
		return fmt.Errorf("%v from node %d: %w", m.GetType(), from, err)
	}
	before := e.node.BasicStatus()
	if err := e.contradiction(m, before); err != nil {
		return fmt.Errorf("%v from node %d: %w", m.GetType(), from, err)
	}
	if err := e.node.Step(m); err != nil && !errors.Is(err, raft.ErrStepPeerNotFound) {
		return fmt.Errorf("%v from node %d: %w: %v", m.GetType(), from, icn.ErrInvalid, err)
	}
	e.follow(m, before)
	return nil
}

// admit checks what can be said without knowing the log.
func (e *Engine) admit(from uint64, m *pb.Message) error {
	switch {
	case m.GetTo() != e.cfg.ID:
		return fmt.Errorf("%w: to node %d, this is node %d", icn.ErrNotFound, m.GetTo(), e.cfg.ID)
	case m.GetFrom() != from || !validID(from) || from == e.cfg.ID:
		return fmt.Errorf("%w: says it is from node %d", icn.ErrInvalid, m.GetFrom())
	case m.GetTerm() == 0 || m.GetTerm() > e.node.BasicStatus().GetTerm()+maxTermLead:
		return fmt.Errorf("%w: term %d", icn.ErrInvalid, m.GetTerm())
	case max(m.GetIndex(), m.GetCommit(), m.GetRejectHint()) > maxIndex:
		return fmt.Errorf("%w: index out of range", icn.ErrInvalid)
	case len(m.GetContext()) > 0 && m.GetType() != pb.MsgVote:
		return fmt.Errorf("%w: transfer flag", icn.ErrInvalid)
	}
	switch m.GetType() {
	case pb.MsgApp:
		return admitEntries(m)
	case pb.MsgSnap:
		return admitSnapshot(m)
	}
	return nil
}

// admitEntries checks that terms never fall, as in every log.
func admitEntries(m *pb.Message) error {
	term := m.GetLogTerm()
	if (m.GetIndex() == 0) != (term == 0) {
		return fmt.Errorf("%w: entry %d has no term %d", icn.ErrInvalid, m.GetIndex(), term)
	}
	for _, x := range m.GetEntries() {
		if x.GetTerm() == 0 || x.GetTerm() < term {
			return fmt.Errorf("%w: entry %d of term %d after term %d", icn.ErrInvalid, x.GetIndex(), x.GetTerm(), term)
		}
		term = x.GetTerm()
	}
	if term > m.GetTerm() {
		return fmt.Errorf("%w: entries of term %d in term %d", icn.ErrInvalid, term, m.GetTerm())
	}
	return nil
}

func admitSnapshot(m *pb.Message) error {
	meta, data := m.GetSnapshot().GetMetadata(), m.GetSnapshot().GetData()
	if meta.GetIndex() == 0 || meta.GetIndex() > maxIndex || meta.GetTerm() == 0 || meta.GetTerm() > m.GetTerm() {
		return fmt.Errorf("%w: snapshot at %d of term %d", icn.ErrInvalid, meta.GetIndex(), meta.GetTerm())
	}
	if len(data) < 8 {
		return fmt.Errorf("%w: snapshot without the index of its configuration", icn.ErrInvalid)
	}
	if c := binary.BigEndian.Uint64(data); c < meta.GetIndex() || c > maxIndex {
		return fmt.Errorf("%w: snapshot at %d with configuration %d", icn.ErrInvalid, meta.GetIndex(), c)
	}
	return nil
}

// contradiction finds what raft would panic at, or silently take over, although
// it cannot be if every node kept what it acknowledged: a leader of our term or a
// later one has all that was committed, and a heartbeat commits only what we have.
func (e *Engine) contradiction(m *pb.Message, st raft.BasicStatus) error {
	if m.GetTerm() < st.GetTerm() {
		return nil
	}
	switch m.GetType() {
	case pb.MsgHeartbeat:
		if m.GetCommit() > e.shape.last {
			return fmt.Errorf("%w: entry %d is said to be committed here, but this log ends at %d", icn.ErrCorrupt, m.GetCommit(), e.shape.last)
		}
	case pb.MsgAppResp:
		leads := st.RaftState == raft.StateLeader && m.GetTerm() == st.GetTerm()
		if leads && !m.GetReject() && m.GetIndex() > e.shape.last {
			return fmt.Errorf("%w: entry %d is acknowledged, but the leader's log ends at %d", icn.ErrCorrupt, m.GetIndex(), e.shape.last)
		}
	case pb.MsgApp:
		if err := e.checkCommitted(m.GetIndex(), m.GetLogTerm(), st.GetCommit()); err != nil {
			return err
		}
		for _, x := range m.GetEntries() {
			if x.GetIndex() > st.GetCommit() {
				break
			}
			if err := e.checkCommitted(x.GetIndex(), x.GetTerm(), st.GetCommit()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) checkCommitted(index, term, commit uint64) error {
	if have, ok := e.shape.at(index); ok && index <= commit && have != term {
		return fmt.Errorf("%w: entry %d was committed with term %d, and is sent with term %d", icn.ErrCorrupt, index, have, term)
	}
	return nil
}

// follow repeats on shape what raft has just done to its log. Raft does not tell
// before the next round, and what comes until then must be checked too.
func (e *Engine) follow(m *pb.Message, before raft.BasicStatus) {
	if m.GetTerm() < before.GetTerm() {
		return
	}
	if before.RaftState == raft.StateLeader && m.GetTerm() == before.GetTerm() {
		return
	}
	switch m.GetType() {
	case pb.MsgApp:
		if have, ok := e.shape.at(m.GetIndex()); m.GetIndex() < before.GetCommit() || !ok || have != m.GetLogTerm() {
			return
		}
		differs := false
		for _, x := range m.GetEntries() {
			have, ok := e.shape.at(x.GetIndex())
			if differs = differs || !ok || have != x.GetTerm(); differs {
				e.shape.put(x.GetIndex(), x.GetTerm())
			}
		}
	case pb.MsgSnap:
		meta := m.GetSnapshot().GetMetadata()
		have, ok := e.shape.at(meta.GetIndex())
		if e.node.BasicStatus().GetCommit() == meta.GetIndex() && meta.GetIndex() > before.GetCommit() && !(ok && have == meta.GetTerm()) {
			e.shape = newTerms(meta.GetIndex(), meta.GetTerm())
		}
	}
}

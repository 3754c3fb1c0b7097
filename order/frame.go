package order

import (
	"encoding/binary"
	"fmt"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// A frame is one raft message between two nodes:
//
//	version, type, flags                              one byte each
//	to, from, term, log term, index, commit, hint     uvarints
//	appends:   the number of entries; each its type (a byte), term, length (uvarints), payload
//	snapshots: index, term, configuration, the rest of the frame as data
//
// Entries carry no index: they follow the message's. Uvarints are in their
// shortest form, so a message has one encoding only.
const (
	frameVersion = 1

	flagReject   = 1
	flagTransfer = 2 // the vote was asked for by the leader itself

	maxFrameEntries = 1 << 18
	frameRoom       = 1 << 8 // more than the fields besides entries and snapshot take
)

// transfer is what raft writes into the context of such a vote.
const transfer = "CampaignTransfer"

// wireTypes are the messages that go between nodes. Every other type is local to
// a node, or belongs to what is switched off (forwarded proposals, read index).
var wireTypes = [...]bool{
	pb.MsgApp: true, pb.MsgAppResp: true, pb.MsgVote: true, pb.MsgVoteResp: true,
	pb.MsgSnap: true, pb.MsgHeartbeat: true, pb.MsgHeartbeatResp: true,
	pb.MsgTimeoutNow: true, pb.MsgPreVote: true, pb.MsgPreVoteResp: true,
}

// leaders are the messages that only a leader sends, or who wants to be one.
var leaders = [...]bool{
	pb.MsgApp: true, pb.MsgVote: true, pb.MsgSnap: true, pb.MsgHeartbeat: true,
	pb.MsgTimeoutNow: true, pb.MsgPreVote: true,
}

// Leads says whether a frame is one that only a leader sends, or who wants to be
// one. Who is not to lead can still answer.
func Leads(frame []byte) bool {
	return len(frame) > 1 && int(frame[1]) < len(leaders) && leaders[frame[1]]
}

func encodeFrame(m *pb.Message) []byte {
	size := frameRoom + len(m.GetSnapshot().GetData()) + 10*len(m.GetSnapshot().GetMetadata().GetConfState().GetVoters()) +
		10*len(m.GetSnapshot().GetMetadata().GetConfState().GetLearners())
	for _, e := range m.GetEntries() {
		size += 16 + len(e.GetData())
	}
	var flags byte
	if m.GetReject() {
		flags |= flagReject
	}
	if string(m.GetContext()) == transfer {
		flags |= flagTransfer
	}
	b := append(make([]byte, 0, size), frameVersion, byte(m.GetType()), flags)
	for _, n := range [...]uint64{m.GetTo(), m.GetFrom(), m.GetTerm(), m.GetLogTerm(), m.GetIndex(), m.GetCommit(), m.GetRejectHint()} {
		b = binary.AppendUvarint(b, n)
	}
	switch m.GetType() {
	case pb.MsgApp:
		b = binary.AppendUvarint(b, uint64(len(m.GetEntries())))
		for _, e := range m.GetEntries() {
			b = binary.AppendUvarint(append(b, byte(e.GetType())), e.GetTerm())
			b = append(binary.AppendUvarint(b, uint64(len(e.GetData()))), e.GetData()...)
		}
	case pb.MsgSnap:
		s := m.GetSnapshot()
		b = binary.AppendUvarint(binary.AppendUvarint(b, s.GetMetadata().GetIndex()), s.GetMetadata().GetTerm())
		cs := s.GetMetadata().GetConfState()
		b = append(appendConf(b, conf{voters: cs.GetVoters(), learners: cs.GetLearners()}), s.GetData()...)
	}
	return b
}

// decodeFrame reads a frame strictly. The message shares the frame's memory.
func decodeFrame(frame []byte) (*pb.Message, error) {
	if len(frame) > MaxFrame {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", icn.ErrInvalid, len(frame), MaxFrame)
	}
	if len(frame) < 3 || frame[0] != frameVersion {
		return nil, fmt.Errorf("%w: not a frame of version %d", icn.ErrInvalid, frameVersion)
	}
	typ := pb.MessageType(frame[1])
	if int(typ) >= len(wireTypes) || !wireTypes[typ] || frame[2] > flagReject|flagTransfer {
		return nil, fmt.Errorf("%w: message type %d with flags %d", icn.ErrInvalid, frame[1], frame[2])
	}
	r := &frameReader{b: frame[3:]}
	m := &pb.Message{Type: typ.Enum()}
	for _, p := range [...]**uint64{&m.To, &m.From, &m.Term, &m.LogTerm, &m.Index, &m.Commit, &m.RejectHint} {
		*p = new(r.uint())
	}
	if frame[2]&flagReject != 0 {
		m.Reject = new(true)
	}
	if frame[2]&flagTransfer != 0 {
		m.Context = []byte(transfer)
	}
	switch typ {
	case pb.MsgApp:
		m.Entries = r.entries(m.GetIndex())
	case pb.MsgSnap:
		m.Snapshot = r.snapshot()
	}
	if r.err == nil && len(r.b) > 0 {
		r.fail("%d trailing bytes", len(r.b))
	}
	return m, r.err
}

// frameReader consumes b; its first fault sticks.
type frameReader struct {
	b   []byte
	err error
}

func (r *frameReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", icn.ErrInvalid, fmt.Sprintf(format, args...))
	}
	r.b = nil
}

func (r *frameReader) uint() uint64 {
	n, k := binary.Uvarint(r.b)
	if k <= 0 || k > 1 && r.b[k-1] == 0 {
		r.fail("truncated, or a number not in its shortest form")
		return 0
	}
	r.b = r.b[k:]
	return n
}

func (r *frameReader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail("truncated")
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// entries are allocated in one block: they live and die together in raft's log.
func (r *frameReader) entries(after uint64) []*pb.Entry {
	n := r.uint()
	if n > maxFrameEntries || n > uint64(len(r.b))/3 {
		r.fail("%d entries", n)
		return nil
	}
	block := make([]struct {
		entry       pb.Entry
		term, index uint64
		typ         pb.EntryType
	}, n)
	out := make([]*pb.Entry, n)
	for i := range block {
		x := &block[i]
		kind := r.take(1)
		if r.err != nil {
			return nil
		}
		x.typ, x.term, x.index = pb.EntryType(kind[0]), r.uint(), after+uint64(i)+1
		if x.typ != pb.EntryNormal && x.typ != pb.EntryConfChangeV2 {
			r.fail("entry of type %d", x.typ)
			return nil
		}
		x.entry.Term, x.entry.Index, x.entry.Type = &x.term, &x.index, &x.typ
		if data := r.take(r.uint()); len(data) > 0 {
			x.entry.Data = data
		}
		out[i] = &x.entry
	}
	return out
}

func (r *frameReader) snapshot() *pb.Snapshot {
	index, term := r.uint(), r.uint()
	if r.err != nil {
		return nil
	}
	c, rest, err := parseConf(r.b)
	if err != nil {
		r.fail("%v", err)
		return nil
	}
	r.b = nil
	return &pb.Snapshot{Data: rest, Metadata: &pb.SnapshotMetadata{Index: &index, Term: &term, ConfState: c.state()}}
}

// appendConf writes the members of a configuration: two lists, each its length
// and its ids. The index is not written.
func appendConf(b []byte, c conf) []byte {
	for _, ids := range [][]uint64{c.voters, c.learners} {
		b = binary.AppendUvarint(b, uint64(len(ids)))
		for _, id := range ids {
			b = binary.AppendUvarint(b, id)
		}
	}
	return b
}

// parseConf reads and checks a configuration and returns what follows it.
func parseConf(b []byte) (conf, []byte, error) {
	r := &frameReader{b: b}
	var lists [2][]uint64
	for i := range lists {
		n := r.uint()
		if n > MaxMembers {
			r.fail("%d members, at most %d", n, MaxMembers)
		}
		for ; n > 0 && r.err == nil; n-- {
			lists[i] = append(lists[i], r.uint())
		}
	}
	c := conf{voters: lists[0], learners: lists[1]}
	if r.err != nil {
		return conf{}, nil, r.err
	}
	return c, r.b, c.check()
}

// early says which messages may leave before this round is durable: what a
// leader says about its log, of which nothing counts as its own acknowledgement.
func early(t pb.MessageType) bool {
	return t == pb.MsgApp || t == pb.MsgHeartbeat || t == pb.MsgSnap
}

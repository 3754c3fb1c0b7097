package order

import (
	"encoding/binary"
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/InterCooperative-Network/icn-core/store"
)

// Round is one turn of work. The order of use is binding: send Early, apply one
// batch with Write, send Late, install Snapshot, apply Committed, Advance. A
// failed batch means that this process ends without sending Late.
//
// Frames and payloads must not be changed.
type Round struct {
	// Early may be sent before the batch is durable, Late only after.
	Early, Late []Message
	// Snapshot, when not nil, replaces the application's state, before Committed.
	Snapshot *Snapshot
	// Committed are the payloads to apply, in ascending order of index.
	Committed []Committed
	// Applied is the index up to which the application has everything once it
	// has done Snapshot and Committed (raft's own entries take indexes too); 0
	// when there is nothing new.
	Applied uint64

	w *work
}

// Message is a frame for another node, whose engine's Step takes it. Losing,
// doubling and reordering messages is harmless, only slow.
type Message struct {
	To    uint64
	Frame []byte
	// Bulk: too large to stand in the way of others.
	Bulk bool
}

// Snapshot is the application's state at an index.
type Snapshot struct {
	Index, Term uint64
	Data        []byte
}

// Committed is a payload that the federation has agreed on.
type Committed struct {
	Index uint64
	Data  []byte
}

// bulkSize is the frame size from which a message is Bulk.
const bulkSize = 256 << 10

// work is what a Round leaves to do.
type work struct {
	e        *Engine
	rd       raft.Ready
	snapshot conf // with a received snapshot: its configuration
	changes  []change
}

type change struct {
	conf conf
	cc   *pb.ConfChangeV2
}

// Ready returns the next round, or false when there is nothing to do or the last
// round was not advanced yet.
func (e *Engine) Ready() (Round, bool) {
	if e.out != nil || e.install == nil && !e.node.HasReady() {
		return Round{}, false
	}
	rd := e.node.Ready()
	w := &work{e: e, rd: rd}
	e.out = w
	r := Round{w: w}
	if !raft.IsEmptySnap(rd.Snapshot) {
		e.takeSnapshot(w, &r)
	} else if e.install != nil {
		r.Snapshot = e.install
		r.Applied = e.install.Index
	}
	for _, x := range rd.Entries {
		e.shape.put(x.GetIndex(), x.GetTerm())
	}
	e.change.see(e, rd)
	for _, m := range rd.Messages {
		e.route(m, &r)
	}
	e.takeCommitted(w, &r)
	return r, true
}

func (e *Engine) route(m *pb.Message, r *Round) {
	out := Message{To: m.GetTo(), Frame: encodeFrame(m)}
	out.Bulk = m.GetType() == pb.MsgSnap || len(out.Frame) >= bulkSize
	if m.GetType() == pb.MsgSnap {
		e.awaitSnapshot(m.GetTo(), m.GetTerm(), len(out.Frame))
	}
	if early(m.GetType()) {
		r.Early = append(r.Early, out)
	} else {
		r.Late = append(r.Late, out)
	}
}

// takeSnapshot hands on a received snapshot, whose data begins with the index of
// its configuration; see [log.Snapshot].
func (e *Engine) takeSnapshot(w *work, r *Round) {
	meta := w.rd.Snapshot.GetMetadata()
	data := w.rd.Snapshot.GetData()
	w.snapshot = conf{
		index:  binary.BigEndian.Uint64(data),
		voters: meta.GetConfState().GetVoters(), learners: meta.GetConfState().GetLearners(),
	}
	e.shape = newTerms(meta.GetIndex(), meta.GetTerm())
	e.install = nil
	if meta.GetIndex() > e.cfg.Applied {
		r.Snapshot = &Snapshot{Index: meta.GetIndex(), Term: meta.GetTerm(), Data: data[8:]}
		r.Applied = meta.GetIndex()
	}
}

// takeCommitted sorts committed entries into payloads and changes of the
// configuration, and foresees where the changes lead, so that they are stored
// with this round, before the application can have passed them.
func (e *Engine) takeCommitted(w *work, r *Round) {
	c := e.log.conf
	if n := len(w.rd.CommittedEntries); n > 0 {
		r.Committed = make([]Committed, 0, n)
	}
	for _, x := range w.rd.CommittedEntries {
		index := x.GetIndex()
		if x.GetType() != pb.EntryNormal {
			if next, cc, ok := c.after(x); ok && index > c.index {
				w.changes = append(w.changes, change{next, cc})
				c = next
			}
		} else if len(x.GetData()) > 0 && index > e.cfg.Applied {
			r.Committed = append(r.Committed, Committed{Index: index, Data: x.GetData()})
		}
		if index > e.cfg.Applied {
			r.Applied = index
		}
	}
}

// Write puts what must be stored into the caller's batch. The batch must be
// applied in any case; when durable is false it may be Relaxed.
func (r Round) Write(b *store.Batch) (durable bool) {
	w := r.w
	l := w.e.log
	last := l.terms.last
	if !raft.IsEmptySnap(w.rd.Snapshot) {
		w.writeSnapshot(b)
		durable = true
	} else if n := len(w.rd.Entries); n > 0 {
		for i := w.rd.Entries[n-1].GetIndex() + 1; i <= last; i++ {
			b.Delete(l.keys.entry(i))
		}
	}
	w.writeEntries(b)
	if hs := w.rd.HardState; !raft.IsEmptyHardState(hs) {
		b.Put(l.keys.one(kindHard), numbers(hs.GetTerm(), hs.GetVote(), hs.GetCommit()))
	}
	if n := len(w.changes); n > 0 {
		w.e.log.writeConf(b, w.changes[n-1].conf)
	}
	return durable || w.rd.MustSync
}

func (w *work) writeSnapshot(b *store.Batch) {
	l, meta := w.e.log, w.rd.Snapshot.GetMetadata()
	for i := l.terms.base() + 1; i <= l.terms.last; i++ {
		b.Delete(l.keys.entry(i))
	}
	b.Put(l.keys.one(kindBase), numbers(meta.GetIndex(), meta.GetTerm()))
	l.writeConf(b, w.snapshot)
	b.Put(l.keys.one(kindSnapshot), append(numbers(meta.GetIndex(), meta.GetTerm()), w.rd.Snapshot.GetData()[8:]...))
}

// writeEntries cuts all keys and values from one allocation.
func (w *work) writeEntries(b *store.Batch) {
	if len(w.rd.Entries) == 0 {
		return
	}
	k := w.e.log.keys
	size := 0
	for _, x := range w.rd.Entries {
		size += len(k) + 9 + entryHead + len(x.GetData())
	}
	buf := make([]byte, 0, size)
	b.Writes = slices.Grow(b.Writes, len(w.rd.Entries))
	for _, x := range w.rd.Entries {
		from := len(buf)
		buf = binary.BigEndian.AppendUint64(append(append(buf, k...), kindEntry), x.GetIndex())
		mid := len(buf)
		buf = appendEntry(buf, x)
		b.Put(buf[from:mid:mid], buf[mid:len(buf):len(buf)])
	}
}

// Advance says that the round was stored, sent, installed and applied.
func (e *Engine) Advance(r Round) {
	if r.w == nil || e.out != r.w {
		panic("order: Advance of a round that is not out")
	}
	w := r.w
	if !raft.IsEmptySnap(w.rd.Snapshot) {
		e.log.reset(w.rd.Snapshot.GetMetadata(), w.snapshot)
	}
	e.log.append(w.rd.Entries)
	for _, ch := range w.changes {
		e.log.conf = ch.conf // before raft, which may look at it for a snapshot
		e.node.ApplyConfChange(ch.cc)
	}
	e.node.Advance(w.rd)
	e.out, e.install = nil, nil
}

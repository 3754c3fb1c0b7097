package order

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// log is raft's view of what is durable: the newest entries in memory, the older
// ones in the store, the term of each in terms. It moves forward only in Advance,
// after the batch with the round was applied.
type log struct {
	store       store.Store
	keys        keys
	terms       terms
	hard        *pb.HardState
	conf        conf
	floor       uint64 // the application's index when this identity began
	snapshot    uint64 // index of the snapshot in the store, or 0
	window      []*pb.Entry
	windowBytes int
	maxWindow   int
}

var _ raft.Storage = (*log)(nil)

func (l *log) InitialState() (*pb.HardState, *pb.ConfState, error) {
	return l.hard, l.conf.state(), nil
}

func (l *log) FirstIndex() (uint64, error) { return l.terms.base() + 1, nil }
func (l *log) LastIndex() (uint64, error)  { return l.terms.last, nil }

func (l *log) Term(i uint64) (uint64, error) {
	if i < l.terms.base() {
		return 0, raft.ErrCompacted
	}
	t, ok := l.terms.at(i)
	if !ok {
		return 0, raft.ErrUnavailable
	}
	return t, nil
}

// Entries returns a slice of its own: raft holds it in messages that are encoded
// after the window has moved on.
func (l *log) Entries(lo, hi, maxSize uint64) ([]*pb.Entry, error) {
	if lo <= l.terms.base() {
		return nil, raft.ErrCompacted
	}
	if hi > l.terms.last+1 {
		return nil, raft.ErrUnavailable
	}
	var out []*pb.Entry
	var size uint64
	if begin := l.terms.last + 1 - uint64(len(l.window)); lo < begin {
		var err error
		cut := min(hi, begin)
		if out, size, err = l.read(lo, cut, maxSize); err != nil {
			return nil, err
		}
		if uint64(len(out)) < cut-lo || cut == hi {
			return out, nil
		}
		lo = cut
	}
	tail := l.window[uint64(len(l.window))-(l.terms.last+1-lo):]
	tail = tail[:hi-lo]
	n := 0
	for n < len(tail) {
		size += entrySize(tail[n])
		if size > maxSize && n+len(out) > 0 {
			break
		}
		n++
	}
	return append(slices.Grow(out, n), tail[:n]...), nil
}

// read fetches entries [lo, hi) from the store, at least one, up to maxSize.
func (l *log) read(lo, hi, maxSize uint64) (out []*pb.Entry, size uint64, err error) {
	r := store.Range{From: l.keys.entry(lo), To: l.keys.entry(hi)}
	full := false
	scanErr := l.store.Scan(r, func(_, value []byte) bool {
		var e *pb.Entry
		if e, err = parseEntry(lo+uint64(len(out)), slices.Clone(value)); err != nil {
			return false
		}
		if size += entrySize(e); size > maxSize && len(out) > 0 {
			full = true
			return false
		}
		out = append(out, e)
		return true
	})
	if err == nil {
		err = scanErr
	}
	if err == nil && !full && uint64(len(out)) != hi-lo {
		err = fmt.Errorf("entries %d to %d: %d found: %w", lo, hi-1, len(out), icn.ErrCorrupt)
	}
	return out, size, err
}

// Snapshot gives the stored snapshot together with the configuration in force
// now, which may be newer than it: a member added since would otherwise refuse
// the snapshot as not meant for it. In front of the data stands the index of that
// configuration, so that the receiver passes over changes it already contains.
func (l *log) Snapshot() (*pb.Snapshot, error) {
	v, err := l.store.Get(l.keys.one(kindSnapshot))
	if errors.Is(err, icn.ErrNotFound) {
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	if err != nil {
		return nil, err
	}
	if len(v) < 16 {
		return nil, fmt.Errorf("snapshot of %d bytes: %w", len(v), icn.ErrCorrupt)
	}
	index, term := binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:])
	c := l.conf
	binary.BigEndian.PutUint64(v[8:], max(c.index, index))
	return &pb.Snapshot{
		Data:     v[8:],
		Metadata: &pb.SnapshotMetadata{Index: new(index), Term: new(term), ConfState: c.state()},
	}, nil
}

// stored is the stored snapshot as the application gave it.
func (l *log) stored() (*Snapshot, error) {
	v, err := l.store.Get(l.keys.one(kindSnapshot))
	if err != nil {
		return nil, err
	}
	if len(v) < 16 {
		return nil, fmt.Errorf("snapshot of %d bytes: %w", len(v), icn.ErrCorrupt)
	}
	return &Snapshot{Index: binary.BigEndian.Uint64(v), Term: binary.BigEndian.Uint64(v[8:]), Data: v[16:]}, nil
}

// append takes over entries that have become durable.
func (l *log) append(entries []*pb.Entry) {
	if len(entries) == 0 {
		return
	}
	if drop := l.terms.last + 1 - entries[0].GetIndex(); drop >= uint64(len(l.window)) {
		l.clearWindow()
	} else if drop > 0 {
		keep := len(l.window) - int(drop)
		for _, e := range l.window[keep:] {
			l.windowBytes -= len(e.GetData())
		}
		clear(l.window[keep:])
		l.window = l.window[:keep]
	}
	for _, e := range entries {
		l.terms.put(e.GetIndex(), e.GetTerm())
		l.windowBytes += len(e.GetData())
	}
	l.window = append(l.window, entries...)
	l.shrinkWindow()
}

func (l *log) shrinkWindow() {
	k := 0
	for l.windowBytes > l.maxWindow && k < len(l.window)-1 || len(l.window)-k > maxWindowEntries {
		l.windowBytes -= len(l.window[k].GetData())
		l.window[k] = nil
		k++
	}
	l.window = l.window[k:]
}

// maxWindowEntries bounds what small payloads cost besides their bytes.
const maxWindowEntries = 1 << 16

func (l *log) clearWindow() { l.window, l.windowBytes = nil, 0 }

// reset makes the log empty after a received snapshot.
func (l *log) reset(s *pb.SnapshotMetadata, c conf) {
	l.terms = newTerms(s.GetIndex(), s.GetTerm())
	l.conf = c
	l.snapshot = s.GetIndex()
	l.clearWindow()
}

// appendEntry writes an entry's value: term, type, payload.
func appendEntry(b []byte, e *pb.Entry) []byte {
	b = binary.BigEndian.AppendUint64(b, e.GetTerm())
	return append(append(b, byte(e.GetType())), e.GetData()...)
}

const entryHead = 9

// parseEntry reads an entry, whose payload stays in value.
func parseEntry(index uint64, value []byte) (*pb.Entry, error) {
	if len(value) < entryHead {
		return nil, fmt.Errorf("entry %d of %d bytes: %w", index, len(value), icn.ErrCorrupt)
	}
	e := &pb.Entry{Index: new(index), Term: new(binary.BigEndian.Uint64(value)), Type: pb.EntryType(value[8]).Enum()}
	if len(value) > entryHead {
		e.Data = value[entryHead:]
	}
	return e, nil
}

// entrySize is at least what raft counts an entry as, without its reflection.
func entrySize(e *pb.Entry) uint64 { return uint64(len(e.GetData())) + 28 }

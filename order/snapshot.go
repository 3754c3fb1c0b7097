package order

import (
	"fmt"
	"maps"
	"slices"

	"go.etcd.io/raft/v3"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// sentSnapshot waits for an answer. Raft sends a follower nothing else until it
// hears what became of its snapshot, so one that nobody answers for is given up
// after a while, and sent again when the follower speaks.
type sentSnapshot struct{ term, giveUp uint64 }

func (e *Engine) awaitSnapshot(to, term uint64, size int) {
	e.sent[to] = sentSnapshot{term: term, giveUp: e.ticks + uint64(e.cfg.SnapshotTicks) + uint64(size)>>16}
}

func (e *Engine) giveUpSnapshots() {
	if len(e.sent) == 0 {
		return
	}
	st := e.node.BasicStatus()
	for _, id := range slices.Sorted(maps.Keys(e.sent)) {
		s := e.sent[id]
		switch {
		case st.RaftState != raft.StateLeader || st.GetTerm() != s.term:
			delete(e.sent, id)
		case e.ticks >= s.giveUp:
			delete(e.sent, id)
			e.node.ReportSnapshot(id, raft.SnapshotFailure)
		}
	}
}

// ReportSnapshot says what became of a snapshot that was sent to a node: whether
// it arrived there. Without a word the engine takes it for lost after a while.
func (e *Engine) ReportSnapshot(id uint64, ok bool) {
	if _, waiting := e.sent[id]; !waiting {
		return
	}
	delete(e.sent, id)
	status := raft.SnapshotFailure
	if ok {
		status = raft.SnapshotFinish
	}
	e.node.ReportSnapshot(id, status)
}

// Compact records the application's snapshot of its state at raft index applied,
// and drops the entries older than applied-keep, in the caller's batch. Followers
// that need a dropped entry get the snapshot instead. It may not be called
// between Ready and Advance (icn.ErrConflict); nor is a snapshot taken that is
// older than the last one, newer than what was advanced, or too large
// (icn.ErrInvalid). After an error the batch is as it was.
func (e *Engine) Compact(applied uint64, snapshot []byte, keep uint64, b *store.Batch) error {
	l := e.log
	term, known := l.terms.at(applied)
	switch {
	case e.out != nil || e.install != nil:
		return fmt.Errorf("compact order: %w: between Ready and Advance", icn.ErrConflict)
	case len(snapshot) > MaxSnapshot:
		return fmt.Errorf("compact order: %w: snapshot of %d bytes, at most %d", icn.ErrInvalid, len(snapshot), MaxSnapshot)
	case !known || applied == 0 || applied < l.snapshot || applied > e.node.BasicStatus().Applied:
		return fmt.Errorf("compact order: %w: snapshot at %d, applied %d, last snapshot %d", icn.ErrInvalid, applied, e.node.BasicStatus().Applied, l.snapshot)
	}
	b.Put(l.keys.one(kindSnapshot), append(numbers(applied, term), snapshot...))
	l.snapshot = applied
	if applied-l.terms.base() <= keep {
		return nil
	}
	base := applied - keep
	for i := l.terms.base() + 1; i <= base; i++ {
		b.Delete(l.keys.entry(i))
	}
	l.terms.cut(base)
	e.shape.cut(base)
	b.Put(l.keys.one(kindBase), numbers(base, l.terms.baseTerm()))
	return nil
}

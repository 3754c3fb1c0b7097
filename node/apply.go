package node

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/order"
)

// seen is a bounded memory of hashes whose signatures were verified here.
type seen struct{ now, before map[[32]byte]struct{} }

const seenGeneration = 1 << 13

func (s *seen) add(h [32]byte) {
	if s.now == nil || len(s.now) >= seenGeneration {
		s.before, s.now = s.now, map[[32]byte]struct{}{}
	}
	s.now[h] = struct{}{}
}

func (s *seen) has(h [32]byte) bool {
	if _, ok := s.now[h]; ok {
		return true
	}
	_, ok := s.before[h]
	return ok
}

// toApply is a committed payload on its way into the machine, or, without a raft
// index, an entry that a feeder sent.
type toApply struct {
	raftIndex uint64
	time      icn.Time
	wire      []byte
	st        *icn.Statement
	hash      [32]byte
	sig       core.Checked
}

// apply folds what was committed, in order, and shelves what follows from it.
func (l *Loop) apply(committed []order.Committed) error {
	for l.skip > 0 && len(committed) > 0 {
		if err := l.compare(committed[0]); err != nil {
			return err
		}
		l.raftAt, committed = committed[0].Index, committed[1:]
		l.skip--
	}
	if l.fed.wrong != "" {
		return nil // the order hands all of it out again
	}
	l.noDoubt(&l.fed.doubt, l.m.Head().Index-l.skip)
	if len(committed) == 0 {
		return l.shelve()
	}
	items, err := l.open(committed)
	if err != nil {
		return err
	}
	for i := range items {
		if err := l.applyOne(&items[i]); err != nil {
			return err
		}
	}
	return l.shelve()
}

// open decodes committed payloads and checks their signatures, all at once.
func (l *Loop) open(committed []order.Committed) ([]toApply, error) {
	items := make([]toApply, 0, len(committed))
	for _, c := range committed {
		it := toApply{raftIndex: c.Index}
		t, wire, err := icn.OpenStamped(c.Data)
		if err == nil && wire != nil {
			it.st, err = icn.DecodeStatement(wire)
		}
		it.time = t
		if err != nil {
			// On every node alike it only moves time on. That holds for operations of
			// newer releases, too: they count only under rules of a newer version, and
			// a node that does not know that version stops where it is enacted.
			it.st, wire = nil, nil
		}
		it.wire = wire
		items = append(items, it)
	}
	l.checkItems(items, l.m.Head().Index)
	return items, nil
}

// checkItems checks the signatures of statements that follow an entry, all at once.
func (l *Loop) checkItems(items []toApply, index uint64) {
	var sigs []SigItem
	var whose []int
	for i := range items {
		it := &items[i]
		index++
		if it.st == nil {
			continue
		}
		it.hash = sha256.Sum256(it.wire)
		it.sig.Key = l.m.KeyOf(it.st.Author) // when it rotates before this entry, the machine verifies anew
		switch {
		case l.work.verified.has(it.hash):
			it.sig.OK = true
		case index <= l.folded:
			it.sig = trusted(l.st, l.m, icn.Entry{Index: index, Statement: it.st, Wire: it.wire})
		default:
			sigs = append(sigs, SigItem{Key: it.sig.Key, Msg: icn.SigningBytesOf(it.wire), Sig: it.st.Sig[:]})
			whose = append(whose, i)
		}
	}
	for i, ok := range l.checkSigs(sigs) {
		items[whose[i]].sig.OK = ok
	}
}

func (l *Loop) applyOne(it *toApply) error {
	h := l.m.Head()
	e := icn.Entry{Index: h.Index + 1, Time: max(h.Time, it.time), Statement: it.st, Wire: it.wire}
	l.mu.Lock()
	out, err := l.m.Apply(e, it.sig)
	if it.raftIndex != 0 {
		l.raftAt, l.skipTime = it.raftIndex, e.Time
	} else {
		l.skip++
	}
	l.mu.Unlock()
	if err != nil {
		return err
	}
	if e.Index > l.folded {
		l.folded = e.Index
		recordEntry(&l.shelf, e, out)
	}
	l.keepRecent(e.Index, out.Leaf)
	if out.Nodes {
		l.membersChanged(e.Index)
	}
	for _, ev := range out.Events {
		switch b := ev.Body.(type) {
		case icn.CheckpointDue:
			if err := l.checkpointDue(b.Size); err != nil {
				return err
			}
		case icn.KeyRotated:
			l.rotated(b)
		case icn.VotingOpened:
			l.keepChange(b)
		case icn.VotingClosed, icn.ProposalMoved:
			l.decidedAt(e.Index, b)
		case icn.NodeLeft:
			l.farewell(b)
		case icn.JobSettled:
			if !l.catchingUp() {
				l.spotCheck(b, ev.Time)
			}
		}
	}
	if l.cfg.Applied != nil {
		l.work.done = append(l.work.done, applied{e, out})
	}
	if l.catchingUp() {
		l.fed.unseen = true
	} else {
		for _, id := range out.Touched {
			l.revisit(id)
		}
	}
	if it.st != nil {
		delete(l.leading.inflight, it.hash)
		l.resolve(e, it.hash, out)
	}
	return nil
}

type applied struct {
	entry icn.Entry
	out   core.Outcome
}

// resolve answers those who wait for the statement of an entry.
func (l *Loop) resolve(e icn.Entry, hash [32]byte, out core.Outcome) {
	k := said{e.Statement.Author, e.Statement.Number}
	p, ok := l.outbox.waiting[k]
	if !ok {
		return
	}
	switch {
	case p.hash == hash && out.Spent:
		l.answer(k, p, e.Index, Answer{Index: e.Index, Err: out.Refused, Event: out.Events})
	case p.hash != hash && l.m.Said(k.author, k.number):
		l.answer(k, p, e.Index, Answer{Err: fmt.Errorf("statement %d of %s: %w: another statement used this number", k.number, k.author, icn.ErrConflict)})
	case p.hash == hash && l.now > p.since+icn.Time(l.tune.SkewMillis):
		// Refused by itself each time it is ordered (its author has left, say).
		l.answer(k, p, e.Index, Answer{Index: e.Index, Err: out.Refused})
	}
}

// shelve stores what follows from applied entries, with whatever else is to be
// written, then tells everybody. By itself it need not be durable: it can be made
// again from the order's log.
func (l *Loop) shelve() error {
	if !l.shelf.Empty() {
		l.shelf.Put([]byte(keyFolded), uintValue(l.folded))
		l.batch.Writes = append(l.batch.Writes, l.shelf.Writes...)
		l.batch.Relaxed = !l.mustSync()
		if err := l.st.Apply(&l.batch); err != nil {
			return fmt.Errorf("store: %w", err)
		}
		l.shelf.Reset()
		l.saved()
	}
	for _, a := range l.work.done {
		l.cfg.Applied(a.entry, a.out)
	}
	l.work.done = l.work.done[:0]
	answers := l.work.answers
	l.work.answers = nil
	for _, f := range answers {
		f()
	}
	return nil
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("node: JSON of %T: %v", v, err)) // plain structs cannot fail
	}
	return b
}

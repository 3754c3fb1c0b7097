package node

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// leading is what a leader keeps of the statements it was handed.
type leading struct {
	queue    []*queued
	inflight map[[32]byte]icn.Time // proposed, not applied yet
	tickFor  icn.Time              // the timer that the last tick entry was proposed for
	tickAt   icn.Time
}

type queued struct {
	st   *icn.Statement
	wire []byte
	hash [32]byte
	from icn.DID // zero: from this node's own outbox, where the signature was checked
}

// onSubmit takes statements that another node hands to the leader.
func (l *Loop) onSubmit(from icn.DID, p []byte) error {
	if !l.seated() || !l.leads() {
		return nil // it will find out who leads, and hand them in there
	}
	wires, err := decodeList(p, 4096, icn.MaxStatement)
	if err != nil {
		return err
	}
	for _, w := range wires {
		s, err := icn.DecodeStatement(w)
		if err != nil {
			return err
		}
		if len(l.leading.queue) < l.tune.MaxOutbox {
			l.leading.queue = append(l.leading.queue, &queued{st: s, wire: w, hash: sha256.Sum256(w), from: from})
		}
	}
	return nil
}

// propose puts what the leader was handed into the order, as one message.
func (l *Loop) propose() {
	if !l.seated() || !l.leads() {
		l.leading.queue = nil
		clear(l.leading.inflight)
		return
	}
	for h, at := range l.leading.inflight { // order: entries are dropped one by one
		if l.now-at > icn.Time(4*l.tune.ResendMillis) {
			delete(l.leading.inflight, h)
		}
	}
	good := l.checkQueue()
	var payloads [][]byte
	size := 0
	for i, q := range good {
		if size > maxProposed {
			l.leading.queue = good[i:]
			break
		}
		payloads = append(payloads, icn.Stamped(l.clock(), q.wire))
		size += len(q.wire)
		l.leading.inflight[q.hash] = l.now
	}
	if due, ok := l.m.NextTimer(); ok && due <= l.clock() && len(payloads) == 0 && (due != l.leading.tickFor || l.now-l.leading.tickAt > 1000) {
		l.leading.tickFor, l.leading.tickAt = due, l.now
		payloads = append(payloads, icn.Stamped(l.clock(), nil))
	}
	if len(payloads) == 0 {
		return
	}
	if err := l.eng.Propose(payloads); err != nil {
		clear(l.leading.inflight) // nothing was appended; what waits is handed in again
		l.leading.tickFor = 0
	}
}

// checkQueue drops what is under way already, and refuses what the fold would
// not look at.
func (l *Loop) checkQueue() []*queued {
	queue := l.leading.queue
	l.leading.queue = nil
	var good []*queued
	var sigs []SigItem
	var whose []int
	for _, q := range queue {
		if _, under := l.leading.inflight[q.hash]; under {
			continue
		}
		if l.m.Said(q.st.Author, q.st.Number) {
			continue // its author's node sees it applied, or sees another one there
		}
		if err := l.m.Check(q.st); err != nil {
			l.refuse(q, err)
			continue
		}
		l.leading.inflight[q.hash] = l.now
		key := l.m.KeyOf(q.st.Author)
		fresh := q.from.IsZero() && key == q.st.Author // checked when it came in, with the only key there is
		if !fresh && !l.work.verified.has(q.hash) {
			sigs = append(sigs, SigItem{Key: key, Msg: icn.SigningBytesOf(q.wire), Sig: q.st.Sig[:]})
			whose = append(whose, len(good))
		}
		good = append(good, q)
	}
	bad := map[int]bool{}
	for i, ok := range l.checkSigs(sigs) {
		if !ok {
			bad[whose[i]] = true
		}
	}
	kept := good[:0]
	for i, q := range good {
		if bad[i] {
			delete(l.leading.inflight, q.hash)
			l.refuse(q, fmt.Errorf("statement %d of %s: %w: signature does not verify", q.st.Number, q.st.Author, icn.ErrDenied))
			continue
		}
		l.work.verified.add(q.hash)
		kept = append(kept, q)
	}
	return kept
}

func (l *Loop) checkSigs(items []SigItem) []bool {
	if len(items) == 0 {
		return nil
	}
	return l.cfg.VerifyBatch(items)
}

// refuse tells a statement's node that it will not be ordered. A number too far
// ahead is left alone: those before it may be under way.
func (l *Loop) refuse(q *queued, err error) {
	w := refusal{Author: q.st.Author, Number: q.st.Number, Hash: q.hash, Reason: icn.Fit(err.Error(), 1000)}
	for i, kind := range errorCodes {
		if errors.Is(err, kind) {
			w.Code = uint64(i)
		}
	}
	if errors.Is(err, icn.ErrInvalid) && q.st.Network == l.m.Network() {
		return
	}
	if q.from.IsZero() {
		l.conclude(said{q.st.Author, q.st.Number}, Answer{Err: err})
		return
	}
	l.cfg.Send(q.from, Live, w.encode())
}

package node

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// Answer is what became of a statement.
type Answer struct {
	Index uint64      // the entry that ordered it; 0 = it was not ordered
	Err   error       // why it changed nothing
	ID    icn.CID     // the statement
	Event []icn.Event // what it caused
}

// said names a statement by its place among its author's.
type said struct {
	author icn.DID
	number uint64
}

// pending is a statement that this node undertook to get ordered.
type pending struct {
	st     *icn.Statement
	wire   []byte
	hash   [32]byte
	since  icn.Time
	sent   icn.Time
	saved  bool // it survives a restart
	answer []func(Answer)
	held   *Answer // until the entry at which it rests is certain
	at     uint64
	ward   icn.DID // the node whose leader left it out; zero: this node undertook it
	leader icn.DID // whom it was handed to
	handed icn.Time
	told   icn.Time // when the clerks were told that it is left out
}

type outbox struct {
	waiting map[said]*pending
	fresh   []*pending // said since the last turn, not verified yet
	unsaved bool       // a durable write is owed to a waiting statement
	mine    uint64     // the last number of a statement of this node's own
	mark    numberMark
	sweepAt icn.Time
}

func (l *Loop) initOutbox() {
	l.outbox = outbox{waiting: map[said]*pending{}}
	l.leading.inflight = map[[32]byte]icn.Time{}
}

// Say undertakes to get a signed statement ordered. done is called once, when it
// was applied, refused, or has expired; wire must not change any more. Its signature
// is checked with the next turn.
func (l *Loop) Say(s *icn.Statement, wire []byte, done func(Answer)) error {
	key := said{s.Author, s.Number}
	hash := sha256.Sum256(wire)
	if p, ok := l.outbox.waiting[key]; ok {
		if p.hash != hash {
			return underWay(key)
		}
		p.answer, p.ward = append(p.answer, done), icn.DID{}
		return nil
	}
	if l.m.Said(s.Author, s.Number) {
		return l.answerSaid(s, wire, hash, done)
	}
	if n := len(l.outbox.waiting) + len(l.outbox.fresh); n >= l.tune.MaxOutbox {
		return fmt.Errorf("statement: %w: %d statements are waiting here already", icn.ErrUnavailable, n)
	}
	if err := l.m.Check(s); err != nil {
		return err
	}
	l.outbox.fresh = append(l.outbox.fresh, &pending{st: s, wire: wire, hash: hash, since: l.now, answer: []func(Answer){done}})
	return nil
}

// checkFresh verifies what was said since the last turn, all at once. Until then
// nothing of it counts: whoever forges a statement must not be in the way of the one
// that its author says.
func (l *Loop) checkFresh() {
	fresh := l.outbox.fresh
	if len(fresh) == 0 {
		return
	}
	l.outbox.fresh = nil
	sigs := make([]SigItem, len(fresh))
	for i, p := range fresh {
		sigs[i] = SigItem{Key: l.m.KeyOf(p.st.Author), Msg: icn.SigningBytesOf(p.wire), Sig: p.st.Sig[:]}
	}
	for i, ok := range l.checkSigs(sigs) {
		p := fresh[i]
		k, id := said{p.st.Author, p.st.Number}, icn.SumCID(icn.DagCBOR, p.wire)
		switch other := l.outbox.waiting[k]; {
		case !ok:
			p.answer[0](Answer{ID: id, Err: fmt.Errorf("statement %d of %s: %w: signature does not verify", k.number, k.author, icn.ErrDenied)})
		case other == nil:
			l.outbox.waiting[k] = p
			l.hand(p)
		case other.hash == p.hash:
			other.answer, other.ward = append(other.answer, p.answer...), icn.DID{}
		default:
			p.answer[0](Answer{ID: id, Err: underWay(k)})
		}
	}
}

func underWay(k said) error {
	return fmt.Errorf("statement %d of %s: %w: another one with this number is under way", k.number, k.author, icn.ErrConflict)
}

func (l *Loop) enqueue(s *icn.Statement, wire []byte, hash [32]byte, done func(Answer)) {
	p := &pending{st: s, wire: wire, hash: hash, since: l.now, answer: []func(Answer){done}}
	l.outbox.waiting[said{s.Author, s.Number}] = p
	l.hand(p)
}

// answerSaid answers a statement that was ordered before: the same bytes get the
// same answer, other bytes a conflict.
func (l *Loop) answerSaid(s *icn.Statement, wire []byte, hash [32]byte, done func(Answer)) error {
	v, err := l.st.Get(saidKey(s.Author, s.Number))
	if err != nil || len(v) < 40 || [32]byte(v[8:40]) != hash {
		return fmt.Errorf("statement %d of %s: %w: this number was used before", s.Number, s.Author, icn.ErrConflict)
	}
	a := Answer{Index: binary.BigEndian.Uint64(v), ID: icn.SumCID(icn.DagCBOR, wire)}
	if !l.certain(a.Index) { // it waits for that like one that is ordered now
		l.enqueue(s, wire, hash, done)
		return nil
	}
	if reason := string(v[40:]); reason != "" {
		a.Err = &remoteError{icn.ErrConflict, reason}
	}
	done(a)
	return nil
}

// SayOps says operations in this node's own name.
func (l *Loop) SayOps(ops []icn.Op, until icn.Time, done func(Answer)) (*icn.Statement, error) {
	if len(l.outbox.waiting) >= l.tune.MaxOutbox {
		return nil, fmt.Errorf("statement: %w: %d statements are waiting here already", icn.ErrUnavailable, len(l.outbox.waiting))
	}
	if !l.m.Belongs(l.me) {
		return nil, fmt.Errorf("statement: %w: this node is not yet taken into the federation", icn.ErrUnavailable)
	}
	number, err := l.newNumber()
	if err != nil {
		return nil, err
	}
	s := &icn.Statement{Network: l.m.Network(), Author: l.me, Number: number, Until: until, Ops: ops}
	s.Sig = [64]byte(l.cfg.Signer.Sign(s.SigningBytes()))
	wire := s.Encode()
	if len(wire) > icn.MaxStatement {
		return nil, fmt.Errorf("statement: %w: %d bytes, at most %d", icn.ErrInvalid, len(wire), icn.MaxStatement)
	}
	l.enqueue(s, wire, sha256.Sum256(wire), done)
	return s, nil
}

// clock is the time that this node stamps entries with: its own. When the log is
// far ahead of that, because a clock was wrong once, it goes on from the log's
// time, so that what waits for a time does not wait for years.
func (l *Loop) clock() icn.Time {
	if d := l.m.Head().Time - l.now; d > icn.Time(l.tune.SkewMillis) && d > l.ahead {
		l.ahead = d
	}
	return l.now + l.ahead
}

// checkLogTime alarms while the log's time is far ahead of this clock.
func (l *Loop) checkLogTime() {
	d := int64(l.m.Head().Time - l.now)
	if d <= l.tune.SkewMillis {
		l.calm("log time")
		return
	}
	l.alarm("log time", fmt.Sprintf("the log's time is %s; this machine's clock says %s; a clock was wrong once, or this one is; deadlines and capacity go by the log's time",
		time.UnixMilli(int64(l.m.Head().Time)).UTC().Format(time.DateTime), time.UnixMilli(int64(l.now)).UTC().Format(time.DateTime)))
}

// hand gives a waiting statement to whoever leads.
func (l *Loop) hand(p *pending) {
	if !l.seated() {
		return
	}
	if l.leads() {
		p.sent = l.now
		l.leading.queue = append(l.leading.queue, &queued{st: p.st, wire: p.wire, hash: p.hash})
	} else if d, ok := l.leader(); ok {
		p.sent = l.now
		l.cfg.Send(d, Live, listFrame(frameSubmit, [][]byte{p.wire}))
	}
}

// resend hands every waiting statement to a new leader.
func (l *Loop) resend() {
	for _, k := range l.waitingKeys() {
		l.hand(l.outbox.waiting[k])
	}
}

// waitingKeys is in a fixed order, so that a simulated run repeats exactly.
func (l *Loop) waitingKeys() []said {
	keys := make([]said, 0, len(l.outbox.waiting))
	for k := range l.outbox.waiting {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b said) int {
		if c := slices.Compare(a.author[:], b.author[:]); c != 0 {
			return c
		}
		return int(int64(a.number) - int64(b.number))
	})
	return keys
}

// tickOutbox hands waiting statements in again, saves those that wait long, and
// lets go of those whose time is over.
func (l *Loop) tickOutbox() {
	if len(l.outbox.waiting) == 0 || l.now < l.outbox.sweepAt {
		return
	}
	l.outbox.sweepAt = l.now + icn.Time(l.tune.ResendMillis/2)
	for _, k := range l.waitingKeys() {
		p := l.outbox.waiting[k]
		if l.m.Said(k.author, k.number) {
			l.lookUp(k, p)
			continue
		}
		if u := p.st.Until; u != 0 && (l.m.Head().Time > u || l.clock() > u+icn.Time(l.tune.SkewMillis)) {
			l.conclude(k, Answer{Err: fmt.Errorf("statement %d of %s: %w: its time ran out before it could be ordered", k.number, k.author, icn.ErrUnavailable)})
			continue
		}
		if !p.ward.IsZero() && l.now-p.since > wardMillis {
			l.conclude(k, Answer{Err: fmt.Errorf("statement: %w: it was not ordered", icn.ErrUnavailable)})
			continue
		}
		if l.now-p.sent >= icn.Time(l.tune.ResendMillis) {
			l.hand(p)
		}
		if !p.saved && p.ward.IsZero() && l.now-p.since >= 1000 {
			l.save(k, p)
		}
		l.watchLeader(p)
	}
}

// lookUp answers a statement that was ordered where this node did not see it: in
// a stretch of the log that a snapshot leapt over. Until that is fetched, it
// waits.
func (l *Loop) lookUp(k said, p *pending) {
	v, err := l.st.Get(saidKey(k.author, k.number))
	if err != nil || len(v) < 40 {
		return
	}
	a := Answer{Index: binary.BigEndian.Uint64(v)}
	if !l.certain(a.Index) {
		l.fed.wants = max(l.fed.wants, a.Index)
		return
	}
	switch reason := string(v[40:]); {
	case [32]byte(v[8:40]) != p.hash:
		a = Answer{Err: fmt.Errorf("statement %d of %s: %w: another statement used this number", k.number, k.author, icn.ErrConflict)}
	case reason != "":
		a.Err = &remoteError{icn.ErrConflict, reason}
	}
	l.conclude(k, a)
}

func (l *Loop) save(k said, p *pending) {
	l.batch.Put(outboxKey(k.author, k.number), p.wire)
	l.outbox.unsaved, p.saved = true, true
}

func (l *Loop) outboxSaved() {
	l.outbox.unsaved = false
	l.outbox.mark.saved()
}

// conclude answers everybody who waits for a statement and forgets it.
func (l *Loop) conclude(k said, a Answer) {
	p, ok := l.outbox.waiting[k]
	if !ok {
		return
	}
	delete(l.outbox.waiting, k)
	if p.saved {
		l.batch.Delete(outboxKey(k.author, k.number))
	}
	a.ID = icn.SumCID(icn.DagCBOR, p.wire)
	for _, f := range p.answer {
		if f != nil {
			f(a)
		}
	}
}

// loadOutbox takes up what waited when the node last stopped.
func (l *Loop) loadOutbox() error {
	var bad error
	err := l.st.Scan(store.Prefix([]byte(keyOutbox)), func(_, v []byte) bool {
		wire := slices.Clone(v)
		s, err := icn.DecodeStatement(wire)
		if err != nil {
			bad = fmt.Errorf("outbox: %w: %v", icn.ErrCorrupt, err)
			return false
		}
		wire = l.resign(s, wire)
		l.outbox.waiting[said{s.Author, s.Number}] = &pending{st: s, wire: wire, hash: sha256.Sum256(wire), since: l.now, saved: true}
		if s.Author == l.me {
			l.outbox.mine = max(l.outbox.mine, s.Number)
		}
		return true
	})
	return errors.Join(err, bad)
}

// Waiting is a statement that was not ordered yet.
type Waiting struct {
	Statement icn.CID  `json:"statement"`
	Author    icn.DID  `json:"author"`
	Number    uint64   `json:"number"`
	Kinds     []string `json:"operations"`
	Since     icn.Time `json:"since_ms"`
	Until     icn.Time `json:"until_ms,omitempty"`
	Saved     bool     `json:"survives_restart"`
}

func (l *Loop) waitingList() []Waiting {
	out := []Waiting{}
	for _, k := range l.waitingKeys() {
		p := l.outbox.waiting[k]
		w := Waiting{Statement: icn.SumCID(icn.DagCBOR, p.wire), Author: k.author, Number: k.number, Since: p.since, Until: p.st.Until, Saved: p.saved}
		for _, op := range p.st.Ops {
			w.Kinds = append(w.Kinds, op.Kind())
		}
		out = append(out, w)
	}
	return out
}

// onRefuse takes a leader's word that it will not order a statement, if this node
// finds so, too. What a leader knows before the others, they soon know.
func (l *Loop) onRefuse(_ icn.DID, p []byte) error {
	f, err := decodeRefusal(p)
	if err != nil {
		return err
	}
	k := said{f.Author, f.Number}
	w, ok := l.outbox.waiting[k]
	if !ok || w.hash != f.Hash || l.m.Said(f.Author, f.Number) {
		return nil
	}
	if l.m.Check(w.st) != nil || !l.cfg.Verify(l.m.KeyOf(f.Author), icn.SigningBytesOf(w.wire), w.st.Sig[:]) {
		l.conclude(k, Answer{Err: f.err()})
	}
	return nil
}

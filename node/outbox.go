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
	unsaved bool   // a durable write is owed to a waiting statement
	mine    uint64 // the last number of a statement of this node's own
	mark    numberMark
	sweepAt icn.Time
}

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

func (l *Loop) initOutbox() {
	l.outbox = outbox{waiting: map[said]*pending{}}
	l.leading.inflight = map[[32]byte]icn.Time{}
}

// Say undertakes to get a signed statement ordered. done is called once, when it
// was applied, refused, or has expired; wire must not change any more.
func (l *Loop) Say(s *icn.Statement, wire []byte, done func(Answer)) error {
	key := said{s.Author, s.Number}
	hash := sha256.Sum256(wire)
	if p, ok := l.outbox.waiting[key]; ok {
		if p.hash != hash {
			return fmt.Errorf("statement %d of %s: %w: another one with this number is under way", s.Number, s.Author, icn.ErrConflict)
		}
		p.answer, p.ward = append(p.answer, done), icn.DID{}
		return nil
	}
	if l.m.Said(s.Author, s.Number) {
		return l.answerSaid(s, wire, hash, done)
	}
	if len(l.outbox.waiting) >= l.tune.MaxOutbox {
		return fmt.Errorf("statement: %w: %d statements are waiting here already", icn.ErrUnavailable, len(l.outbox.waiting))
	}
	if err := l.m.Check(s); err != nil {
		return err
	}
	if !l.cfg.Verify(l.m.KeyOf(s.Author), icn.SigningBytesOf(wire), s.Sig[:]) {
		return fmt.Errorf("statement %d of %s: %w: signature does not verify", s.Number, s.Author, icn.ErrDenied)
	}
	l.enqueue(s, wire, hash, done)
	return nil
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
		payloads = append(payloads, icn.Proposal(l.clock(), q.wire))
		size += len(q.wire)
		l.leading.inflight[q.hash] = l.now
	}
	if due, ok := l.m.NextTimer(); ok && due <= l.clock() && len(payloads) == 0 && (due != l.leading.tickFor || l.now-l.leading.tickAt > 1000) {
		l.leading.tickFor, l.leading.tickAt = due, l.now
		payloads = append(payloads, icn.Proposal(l.clock(), nil))
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

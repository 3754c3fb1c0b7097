package node

import (
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// An answer that something was done must not rest on a feeder's word. A node that
// is fed asks a clerk for the root of the log up to the entry that somebody waits
// for: one that has the same root stands for it as the leader does for those whom
// it feeds itself. A certified checkpoint does, too.

// answer gives a waiting statement's author its answer, as soon as the entry that
// it rests on is certain.
func (l *Loop) answer(k said, p *pending, at uint64, a Answer) {
	if l.certain(at) {
		l.work.answers = append(l.work.answers, func() { l.conclude(k, a) })
		return
	}
	p.held, p.at = &a, at
	l.fed.wants = max(l.fed.wants, at)
}

// release gives the answers that have become certain.
func (l *Loop) release() {
	for _, k := range l.waitingKeys() {
		if p := l.outbox.waiting[k]; p.held != nil && l.certain(p.at) {
			l.conclude(k, *p.held)
		}
	}
}

// tickAssure asks a clerk, the leader first, for its word on what somebody waits for.
func (l *Loop) tickAssure() {
	f := &l.fed
	if f.wants == 0 || l.certain(f.wants) {
		f.wants = 0
		return
	}
	w := &f.wanted
	if f.wants <= w.size && l.now < w.at+icn.Time(l.tune.ResendMillis) {
		return
	}
	var clerks []icn.DID
	if d, ok := l.leader(); ok && l.peer(d).linked {
		clerks = append(clerks, d)
	}
	for _, d := range l.roster.nodes {
		if l.rank(d) == rankClerk && l.peer(d).linked && !slices.Contains(clerks, d) {
			clerks = append(clerks, d)
		}
	}
	if len(clerks) == 0 {
		return
	}
	if f.wants > w.size {
		w.turn = 0
	}
	l.cfg.Send(clerks[w.turn%len(clerks)], Live, uintsFrame(frameAssure, f.wants))
	w.size, w.at = f.wants, l.now
	w.turn++
}

// onAssure tells the root of the log up to an entry, if this node is a clerk and
// has it from the order.
func (l *Loop) onAssure(from icn.DID, p []byte) error {
	n, err := decodeUints(p, 1)
	if err != nil {
		return err
	}
	if l.rank(l.me) != rankClerk || l.skip > 0 || !l.certain(n[0]) {
		return nil
	}
	if root, ok := l.treeAt(n[0]); ok {
		b := icn.AppendUint(icn.AppendArray([]byte{frameAssured}, 2), n[0])
		l.cfg.Send(from, Live, icn.AppendBytes(b, root[:]))
	}
	return nil
}

// onAssured compares a clerk's root with this node's.
func (l *Loop) onAssured(from icn.DID, p []byte) error {
	r := icn.NewReader(p)
	r.Tuple(2)
	size, root := r.Uint(), r.Hash()
	if err := r.Close(); err != nil {
		return err
	}
	if l.rank(from) != rankClerk {
		return fmt.Errorf("root of the log: %w: %s is no clerk", icn.ErrDenied, from)
	}
	if own, ok := l.treeAt(size); ok && own == root {
		l.fed.confirmed = max(l.fed.confirmed, size)
		l.release()
	} else if ok {
		l.cfg.Log.Warn("a clerk has another log than this node was fed; the next certified checkpoint will tell", "clerk", from, "entries", size)
	}
	return nil
}

// onCertified takes a certified checkpoint that a feeder passes on: each signature
// counts as if its clerk had sent it.
func (l *Loop) onCertified(_ icn.DID, p []byte) error {
	c, sigs, err := icn.ParseNote(string(p))
	if err != nil {
		return err
	}
	for _, s := range sigs {
		if err := l.onSign(s.Signer, []byte(c.Note([]icn.NoteSig{s}))); err != nil {
			return err
		}
	}
	return nil
}

// certifyPassed looks at checkpoints that clerks have signed of sizes at which this
// node, by the log that it was fed, saw none due.
func (l *Loop) certifyPassed() error {
	var sizes []uint64
	for size := range l.points.sigs { // order: sorted below
		if size > l.points.certified && size <= l.m.Head().Index {
			sizes = append(sizes, size)
		}
	}
	slices.Sort(sizes)
	for _, size := range sizes {
		if err := l.certify(size); err != nil {
			return err
		}
	}
	return nil
}

// certifyUnseen compares what most clerks signed with the log's root, where this
// node has not computed the state's: it has restarted since, or was lied to. Where it
// is not known any more who the clerks were, no words make a checkpoint certain; the
// next one does.
func (l *Loop) certifyUnseen(size uint64) error {
	tree, ok := l.treeAt(size)
	clerks := l.clerksAt(size)
	if !ok || clerks == nil {
		return nil
	}
	with := map[icn.Checkpoint][]icn.NoteSig{}
	for _, d := range clerks {
		s, ok := l.points.sigs[size][d]
		if !ok {
			continue
		}
		with[s.c] = append(with[s.c], s.sig)
		switch {
		case len(with[s.c]) < len(clerks)/2+1:
		case s.c.Tree == tree:
			return l.setCertified(s.c, with[s.c])
		default:
			return l.contradicted(fmt.Errorf("log up to entry %d: %w: a majority of the clerks signed another one", size, icn.ErrCorrupt))
		}
	}
	return nil
}

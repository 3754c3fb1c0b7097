package node

import (
	"crypto/sha256"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// A leader can leave out statements: that is all that a dishonest clerk can do to
// the order, and it must not last. Whoever has one that the leader does not order
// hands it to all clerks. They hand it to the leader themselves, and when it is
// still not ordered, they let nothing of that leader count for a while: another
// one is elected. A leader that one clerk alone distrusts goes on.

const (
	// wardMillis is how long a clerk sees to a statement that was left out.
	wardMillis = 60_000
	// maxWards is how many it sees to for one node.
	maxWards = 64
)

// distrust is the leader that left out statements, for a while. There is only one:
// who finds it in one leader after another is rather in the wrong itself, or the
// federation has more to do than it can.
type distrust struct {
	who   icn.DID
	until icn.Time
}

func (d distrust) covers(who icn.DID, now icn.Time) bool { return d.who == who && now < d.until }

// watchLeader looks whether the leader leaves a waiting statement out.
func (l *Loop) watchLeader(p *pending) {
	lead, ok := l.leader()
	if !ok || lead == l.me || !l.peer(lead).linked || l.m.Check(p.st) != nil {
		p.leader = icn.DID{}
		return
	}
	if p.leader != lead {
		p.leader, p.handed = lead, l.now
	}
	waited := int64(l.now - p.handed)
	// Clerks tell each other, too, while it is new: whoever had it may be gone by now,
	// and one clerk alone moves nobody.
	tells := p.ward.IsZero() || int64(l.now-p.since) <= 2*l.tune.LeftOutMillis
	if tells && waited >= l.tune.LeftOutMillis/2 && int64(l.now-p.told) >= l.tune.LeftOutMillis/2 {
		p.told = l.now
		for _, d := range l.clerks() {
			if d != lead && d != l.me {
				l.cfg.Send(d, Live, listFrame(frameLeftOut, [][]byte{p.wire}))
			}
		}
	}
	if waited >= l.tune.LeftOutMillis && l.isClerk() && l.now >= l.peers.distrust.until && !l.behind(lead) {
		l.turnFrom(lead, p, waited)
	}
}

// behind says whether most clerks have read on further than this one: then what
// it waits for may be ordered already. The leader's own word does not count.
func (l *Loop) behind(lead icn.DID) bool {
	others, ahead := 0, 0
	for _, d := range l.clerks() {
		if d == l.me || d == lead {
			continue
		}
		others++
		if l.peer(d).beacon.Head > l.m.Head().Index {
			ahead++
		}
	}
	return 2*ahead > others
}

// turnFrom lets nothing of a leader count for a while.
func (l *Loop) turnFrom(lead icn.DID, p *pending, waited int64) {
	l.peers.distrust = distrust{lead, l.now + icn.Time(l.tune.DistrustMillis)}
	l.alarm("leader", fmt.Sprintf("%s leads and has not ordered statement %d of %s for %d s; this clerk wants another leader. If that goes on, its operator should be asked, or the node expelled: icn-cli federation expel %s",
		lead, p.st.Number, p.st.Author, waited/1000, lead))
	l.eng.ForgetLeader()
	l.peers.electAt = l.now + icn.Time(l.tune.EarlyElectMillis+l.cfg.Jitter(5*l.tune.EarlyElectMillis))
}

// tickDistrust ends the time in which a leader does not count.
func (l *Loop) tickDistrust() {
	if l.now >= l.peers.distrust.until {
		l.calm("leader")
	}
}

// onLeftOut takes statements that a leader leaves out, and sees to them as if they
// had been handed in here.
func (l *Loop) onLeftOut(from icn.DID, p []byte) error {
	if !l.seated() || !l.isClerk() {
		return nil
	}
	wires, err := decodeList(p, maxWards, icn.MaxStatement)
	if err != nil {
		return err
	}
	for _, w := range wires {
		s, err := icn.DecodeStatement(w)
		if err != nil {
			return err
		}
		if err := l.takeWard(from, s, w); err != nil {
			return err
		}
	}
	return nil
}

func (l *Loop) takeWard(from icn.DID, s *icn.Statement, wire []byte) error {
	if _, ok := l.outbox.waiting[said{s.Author, s.Number}]; ok || l.m.Said(s.Author, s.Number) {
		return nil
	}
	if l.wards(from) >= maxWards || len(l.outbox.waiting) >= l.tune.MaxOutbox/2 {
		return nil // it will be told again
	}
	if err := l.m.Check(s); err != nil {
		return err
	}
	if !l.cfg.Verify(l.m.KeyOf(s.Author), icn.SigningBytesOf(wire), s.Sig[:]) {
		return fmt.Errorf("statement %d of %s: %w: signature does not verify", s.Number, s.Author, icn.ErrDenied)
	}
	p := &pending{st: s, wire: wire, hash: sha256.Sum256(wire), since: l.now, ward: from}
	l.outbox.waiting[said{s.Author, s.Number}] = p
	l.hand(p)
	return nil
}

// wards is how many statements this clerk sees to for a node.
func (l *Loop) wards(of icn.DID) (n int) {
	for _, p := range l.outbox.waiting { // order: they are counted
		if p.ward == of {
			n++
		}
	}
	return n
}

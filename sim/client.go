package sim

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// person is a member who says statements through any node.
type person struct {
	did    icn.DID
	keys   int // that it has had
	number uint64
	said   [][]byte
}

// client lets people and nodes say things, good and bad.
func (w *World) client() {
	if w.now >= w.opt.Millis {
		return
	}
	w.at(w.rng.Int64N(60), w.client)
	m := w.pick(func(m *machine) bool { return m.up() && m.admitted })
	if m == nil {
		return
	}
	switch w.rng.IntN(14) {
	case 13:
		w.accuse(m)
	case 0, 1, 2, 3:
		w.sayOps(m, w.post(m))
	case 4, 5, 6:
		w.personSays(m)
	case 7:
		w.cancel(m)
	case 8:
		w.forge(m)
	case 9:
		w.replay(m)
	case 10:
		w.sayOps(m, w.post(m), w.post(m), icn.JobCancel{Job: icn.SumCID(icn.Raw, []byte("no such job"))})
	case 11:
		p := w.members[4+w.rng.IntN(2)]
		w.sayOps(m, icn.ManaSpend{Amount: 2, For: "a room"}, icn.MemberAdmit{Member: p.did, Role: icn.RolePerson, Name: "late member"})
	case 12:
		if w.rng.IntN(3) == 0 {
			m.rotate()
		}
	}
}

func (w *World) post(m *machine) icn.JobPost {
	spec := icn.JobSpec{Module: icn.SumCID(icn.Raw, fmt.Appendf(nil, "module %d", w.rng.IntN(5))), Args: []string{fmt.Sprint(w.rng.IntN(1000))}}
	o := icn.JobPost{Via: m.did, Budget: 1 + uint64(w.rng.IntN(60)), Spec: spec}
	switch w.rng.IntN(10) {
	case 0:
		o.Budget, o.Spec.Copies = o.Budget+30, icn.JobCopies{Of: 3, Agree: 2}
	case 1:
		o.Spec.Grants = icn.JobGrants{Submit: 20, Spend: 5}
	case 2:
		o.Spec.Requires.Reputation = uint64(45 + w.rng.IntN(10))
	}
	return o
}

func (w *World) until() icn.Time {
	if w.rng.IntN(4) == 0 {
		return icn.Time(epoch + w.now + 200 + w.rng.Int64N(3000))
	}
	return icn.Time(epoch + w.now + 40_000)
}

func (w *World) sayOps(m *machine, ops ...icn.Op) {
	m.do(m.life, func(l *node.Loop) {
		var s *icn.Statement
		s, err := l.SayOps(ops, w.until(), func(a node.Answer) { w.oracle.answered(m, a) })
		if err == nil {
			w.oracle.handedIn(s.ID())
		}
	})
}

// personSays lets a member (or one who is not yet) say something through m.
func (w *World) personSays(m *machine) {
	p := w.members[w.rng.IntN(len(w.members))]
	m.do(m.life, func(l *node.Loop) {
		ops := []icn.Op{w.post(m)}
		if w.rng.IntN(12) == 0 {
			p.keys++
			next := didOf(fmt.Sprint("key ", p.keys, " of ", p.did))
			ops = append(ops, icn.KeyRotate{Key: next, Proof: [64]byte(sign(next, icn.RotationBytes(w.genesis.CID, p.did, next)))})
		}
		w.handIn(m, l, w.signed(l, p, w.until(), ops...))
	})
}

// signed is a statement of a member, with the key that the node has for it.
func (w *World) signed(l *node.Loop, p *person, until icn.Time, ops ...icn.Op) []byte {
	key := p.did
	l.View(func(c *core.Machine) { p.number, key = max(p.number, c.NextNumber(p.did)-1), c.KeyOf(p.did) })
	p.number += 1 + uint64(w.rng.IntN(3))
	s := &icn.Statement{Network: w.genesis.CID, Author: p.did, Number: p.number, Until: until, Ops: ops}
	s.Sig = [64]byte(sign(key, s.SigningBytes()))
	wire := s.Encode()
	p.said = append(p.said, wire)
	return wire
}

// handIn gives a node the bytes of a statement.
func (w *World) handIn(m *machine, l *node.Loop, wire []byte) {
	s, err := icn.DecodeStatement(wire)
	if err != nil {
		w.fail("own statement does not decode: %v", err)
		return
	}
	if err := l.Say(s, wire, func(a node.Answer) { w.oracle.answered(m, a) }); err == nil {
		w.oracle.handedIn(s.ID())
	}
}

// replay hands the bytes of an old statement in again, through any node.
func (w *World) replay(m *machine) {
	p := w.members[w.rng.IntN(len(w.members))]
	if len(p.said) == 0 {
		return
	}
	wire := p.said[w.rng.IntN(len(p.said))]
	w.Count.Replayed++
	m.do(m.life, func(l *node.Loop) {
		s, err := icn.DecodeStatement(wire)
		if err != nil {
			w.fail("own statement does not decode: %v", err)
			return
		}
		if l.Say(s, wire, func(a node.Answer) { w.oracle.answered(m, a) }) != nil && w.rng.IntN(2) == 0 {
			// Past the node, straight to whoever leads.
			w.inject(m, wire)
		}
	})
}

// forge says something in another's name, or in nobody's.
func (w *World) forge(m *machine) {
	w.Count.Forged++
	s := &icn.Statement{Network: w.genesis.CID, Author: w.members[0].did, Number: 1 + uint64(w.rng.IntN(50)), Ops: []icn.Op{w.post(m)}}
	switch w.rng.IntN(4) {
	case 3: // with a key that was replaced
		p := w.members[w.rng.IntN(len(w.members))]
		if w.oracle.keyOf(p.did) == p.did {
			return
		}
		s.Author, s.Number = p.did, p.number+1
		s.Sig = [64]byte(sign(p.did, s.SigningBytes()))
		w.oracle.forged(s.ID())
		w.inject(m, s.Encode())
		return
	case 0: // a stranger, rightly signed
		s.Author = didOf(fmt.Sprint("stranger ", w.rng.IntN(1000)))
		w.oracle.strangers[s.Author] = true
		s.Sig = [64]byte(sign(s.Author, s.SigningBytes()))
	case 1: // a member's name, a stranger's signature
		s.Sig = [64]byte(sign(didOf("thief"), s.SigningBytes()))
	case 2: // said to another network
		s.Network = icn.SumCID(icn.DagCBOR, []byte("elsewhere"))
		s.Sig = [64]byte(sign(s.Author, s.SigningBytes()))
	}
	w.oracle.forged(s.ID())
	m.do(m.life, func(l *node.Loop) {
		_ = l.Say(s, s.Encode(), func(a node.Answer) { // refused now or later
			if a.Err == nil {
				w.fail("node %d took a forged statement", m.n)
			}
		})
	})
	w.inject(m, s.Encode())
}

// inject lets a node (which lies) hand bytes to all others as if it had checked
// them.
func (w *World) inject(m *machine, wire []byte) {
	frame := node.SubmitFrame(wire)
	for _, x := range w.nodes {
		if x != m && x.up() {
			w.net.send(m, x.did, frame)
		}
	}
}

func (w *World) cancel(m *machine) {
	if id, ok := w.oracle.openJobOf(m.did, w.rng); ok {
		w.sayOps(m, icn.JobCancel{Job: id})
	}
}

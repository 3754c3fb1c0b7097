package sim

import (
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// Dishonest clerks can do two things: leave out statements while they lead, and
// sign checkpoints that are not what the log leads to.

// dishonest chooses a world's clerks of that kind.
func (w *World) dishonest(m *machine) {
	if w.opt.Quiet || w.opt.Nodes < 5 {
		return
	}
	m.withholds = w.opt.Seed%5 == 0 && m.n == 2
	m.forges = w.opt.Seed%7 == 0 && m.n == 3
	if m.n == 4 {
		w.victims = map[icn.DID]bool{m.did: true, memberDID(0, w.opt.Seed): true}
	}
}

// withhold takes the victims' statements out of what a leader is handed.
func (m *machine) withhold(frame []byte) []byte {
	wires := node.Submitted(frame)
	if len(wires) == 0 || !m.w.oracle.leads(m) {
		return frame
	}
	kept := slices.DeleteFunc(slices.Clone(wires), func(wire []byte) bool {
		s, err := icn.DecodeStatement(wire)
		return err == nil && m.w.victims[s.Author]
	})
	m.w.Count.LeftOut += len(wires) - len(kept)
	return node.SubmitFrame(kept...)
}

// Withhold has a node leave out what another one says, while it leads.
func (w *World) Withhold(n, victim int) {
	w.nodes[n].withholds = true
	if w.victims == nil {
		w.victims = map[icn.DID]bool{}
	}
	w.victims[w.nodes[victim].did] = true
}

// Leave takes a node out of the federation, by its own word.
func (w *World) Leave(n int) {
	if m := w.nodes[n]; m.up() && m.admitted {
		w.sayOps(m, icn.NodeLeave{})
	}
}

// forgeSign changes the roots in a checkpoint that the machine signs: of one in
// three for everybody, of one in three for half of the others.
func (m *machine) forgeSign(to icn.DID, frame []byte) []byte {
	c, _, err := icn.ParseNote(node.Signed(frame))
	if err != nil {
		return frame
	}
	if kind := c.Size % 3; kind == 0 || kind == 1 && to[0]%2 == 0 {
		return frame
	}
	m.w.Count.FalseRoots++
	c.State[0] ^= 1
	return node.SignFrame(c.Note([]icn.NoteSig{{Signer: m.did, Sig: [64]byte(sign(m.key, []byte(c.Text())))}}))
}

// accuse lets a clerk who has seen a false checkpoint say that its author shall go.
func (w *World) accuse(m *machine) {
	for _, x := range w.nodes {
		if !x.forges || x.gone || x == m {
			continue
		}
		if _, seen := w.oracle.status(m).Alarms["clerk "+x.did.Short()]; seen {
			w.sayOps(m, icn.NodeExpel{Node: x.did, Reason: "it signs false roots"})
		}
	}
}

// farewell lets a node leave while everything goes on.
func (w *World) farewell(m *machine) {
	if w.opt.Seed%4 != 1 || w.parted || w.now < 2000 || w.opt.Nodes < 5 || m.forges {
		return
	}
	w.parted = true
	w.sayOps(m, icn.NodeLeave{})
}

// depart stops a machine whose node no longer belongs to the federation.
func (w *World) depart(d icn.DID) {
	i := w.Index(d)
	if i < 0 {
		return
	}
	m := w.nodes[i]
	w.Count.Left++
	m.gone = true
	end := w.now + 5000
	var look func()
	look = func() {
		if m.up() && !m.loop.Dispensable() && w.now < end {
			w.at(100, look)
			return
		}
		m.crash()
		m.admitted = false
	}
	w.at(200, look)
}

// appeal has a victim of a leader that leaves out statements say something that is
// good for longer than the world goes on: it must be ordered all the same.
func (w *World) appeal() {
	for _, m := range w.nodes {
		if m.withholds && !m.gone && !w.nodes[4].gone && w.nodes[4].up() {
			v := w.nodes[4]
			v.do(v.life, func(l *node.Loop) {
				if s, err := l.SayOps([]icn.Op{w.post(v)}, 0, func(a node.Answer) { w.oracle.answered(v, a) }); err == nil {
					w.oracle.handedIn(s.ID())
				}
			})
		}
	}
}

// first is a node that belongs.
func (w *World) first() *machine {
	i := slices.IndexFunc(w.nodes, func(m *machine) bool { return !m.gone })
	return w.nodes[i]
}

package sim

import (
	"strconv"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// Stage is a world in which nothing happens by chance: what goes wrong, and who
// says what, is said beforehand. Jobs take as many milliseconds as their first
// argument says, 50 by default; with "fail" as the second, they fail everywhere.
type Stage struct {
	Begin func(*World)                    // schedules what shall happen
	Event func(ms int64, e icn.Event)     // each event once, when the first node applies it
	Rules func(*icn.Rules)                // changes the rules of the world; may be nil
	Delay func(from, to int) (ms float64) // of a message, before jitter; nil: a few milliseconds
	Tune  node.Tuning                     // of all nodes; zero: as in other worlds

	Members int // persons who found the federation with its nodes
}

// At does f at a time, in milliseconds since the world began.
func (w *World) At(ms int64, f func()) { w.at(ms-w.now, f) }

// Now is the time, in milliseconds since the world began.
func (w *World) Now() int64 { return w.now }

// Random is the world's own source of chance.
func (w *World) Random(n int64) int64 { return w.rng.Int64N(max(n, 1)) }

// Name is a node's DID.
func (w *World) Name(node int) icn.DID { return w.nodes[node].did }

// Index is the node of a DID, or -1.
func (w *World) Index(d icn.DID) int {
	for i, m := range w.nodes {
		if m.did == d {
			return i
		}
	}
	return -1
}

// Post offers a job through a node. It says whether the node could take it.
func (w *World) Post(n int, o icn.JobPost) bool {
	m := w.nodes[n]
	if !m.up() || !m.admitted {
		return false
	}
	o.Via = m.did
	taken := true
	m.do(m.life, func(l *node.Loop) {
		_, err := l.SayOps([]icn.Op{o}, 0, func(a node.Answer) { w.oracle.answered(m, a) })
		taken = err == nil
	})
	return taken
}

// Say has a member say something through a node, which keeps it until it can be
// ordered. It returns the statement's hash, and false when the node is down.
func (w *World) Say(n, member int, ops ...icn.Op) (id icn.CID, ok bool) {
	m := w.nodes[n]
	if !m.up() || !m.admitted {
		return id, false
	}
	m.do(m.life, func(l *node.Loop) {
		wire := w.signed(l, w.members[member], 0, ops...)
		id = icn.SumCID(icn.DagCBOR, wire)
		w.handIn(m, l, wire)
	})
	return id, true
}

// Member is a member's DID.
func (w *World) Member(i int) icn.DID { return w.members[i].did }

// Down stops a node as a power cut does; Up starts it again.
func (w *World) Down(n int) { w.nodes[n].crash() }

// Up starts a node that is down.
func (w *World) Up(n int) { w.nodes[n].restart() }

// Lie has a node invent the outcomes of jobs from now on.
func (w *World) Lie(n int) { w.nodes[n].liar = true }

// Mute has a node take jobs and never answer.
func (w *World) Mute(n int, mute bool) { w.nodes[n].mute = mute }

// Skew puts a node's clock wrong, by so many milliseconds. It restarts.
func (w *World) Skew(n int, ms int64) {
	m := w.nodes[n]
	m.skew = ms
	if m.up() {
		m.crash()
		w.at(50, m.restart)
	}
}

// Part cuts the network: nodes of one side reach each other, and nobody else.
func (w *World) Part(side func(node int) int) {
	w.Count.Partitions++
	for _, m := range w.nodes {
		w.net.side[m.n] = side(m.n)
	}
	for _, a := range w.nodes {
		for _, b := range w.nodes {
			if a != b && a.up() && w.net.apart(a, b) {
				w.net.unlink(a, b)
			}
		}
	}
}

// Join makes the network whole again.
func (w *World) Join() { w.rejoin() }

// Loss sets how many messages of a thousand are lost.
func (w *World) Loss(permille int) { w.net.loss = float64(permille) / 1000 }

// Leader is who leads, as a node sees it: -1 if it knows of nobody. It is false when
// the node is down.
func (w *World) Leader(n int) (leader int, up bool) {
	m := w.nodes[n]
	if !m.up() {
		return -1, false
	}
	d, ok := m.loop.Leader()
	if !ok {
		return -1, true
	}
	return w.Index(d), true
}

// Clerks are the nodes that order the log, as the first node that is up sees it.
func (w *World) Clerks() (out []int) {
	for _, m := range w.nodes {
		if !m.up() {
			continue
		}
		m.loop.View(func(c *core.Machine) {
			for _, p := range c.Clerks() {
				out = append(out, w.Index(p.DID))
			}
		})
		return out
	}
	return nil
}

// Balance is what a node has at the end.
func (w *World) Balance(n int) (b uint64, ok bool) {
	for _, m := range w.nodes {
		if m.up() {
			m.loop.View(func(c *core.Machine) {
				a, known := c.Account(w.nodes[n].did, c.Head().Time)
				b, ok = a.Balance, known
			})
			return b, ok
		}
	}
	return 0, false
}

// staged is how a run goes in a world without chance.
func (m *machine) staged(life int, r node.Run) {
	if m.mute {
		return
	}
	args, after := r.Job.Spec.Args, int64(50)
	if len(args) > 0 {
		if n, err := strconv.ParseInt(args[0], 10, 64); err == nil {
			after = n
		}
	}
	res := node.RunResult{Receipt: icn.JobReceipt{ABI: 1, Millis: uint64(after), Outcome: icn.Outcome{Gas: 1000, Output: icn.SumCID(icn.Raw, []byte("output of "+r.ID.String()))}}}
	if len(args) > 1 && args[1] == "fail" {
		res.Receipt.Outcome = icn.Outcome{Fault: icn.FaultTrap, Gas: 1000}
	}
	if m.liar {
		m.w.Count.Lies++
		res.Receipt.Outcome = icn.Outcome{Gas: 1000, Output: icn.SumCID(icn.Raw, []byte("a lie"))}
	}
	m.w.at(after, func() { m.do(life, func(l *node.Loop) { l.Ran(r.ID, r.Attempt, res) }) })
}

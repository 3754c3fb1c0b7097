package sim

import (
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// network carries frames, or not.
type network struct {
	loss, double float64
	side         map[int]int // nodes on different sides cannot reach each other
}

func (n *network) apart(a, b *machine) bool { return n.side[a.n] != n.side[b.n] }

func (n *network) send(from *machine, to icn.DID, frame []byte) {
	w := from.w
	var dest *machine
	for _, m := range w.nodes {
		if m.did == to {
			dest = m
		}
	}
	if dest == nil || dest == from {
		w.fail("node %d sends to nobody", from.n)
		return
	}
	from.sent += len(frame)
	copies := 1
	if w.rng.Float64() < n.double {
		copies = 2
		w.Count.Doubled++
	}
	for range copies {
		if w.rng.Float64() < n.loss || n.apart(from, dest) {
			w.Count.Lost++
			continue
		}
		data := append([]byte(nil), from.twisted(frame)...)
		delay := w.delay(from.n, dest.n)
		w.at(delay, func() {
			if n.apart(from, dest) || !dest.up() || !slices.Contains(dest.loop.Roster(), from.did) {
				return
			}
			if dest.withholds {
				data = dest.withhold(data)
			}
			w.note(4, uint64(from.n), uint64(dest.n), uint64(data[0]), uint64(len(data)))
			dest.do(dest.life, func(l *node.Loop) {
				if err := l.Frame(from.did, data); err != nil {
					w.oracle.frameRefused(dest, from, err)
				}
			})
		})
	}
}

// delay is how long a message is under way.
func (w *World) delay(from, to int) int64 {
	if s := w.opt.Stage; s != nil && s.Delay != nil {
		d := s.Delay(from, to)
		return 1 + int64(d+w.rng.ExpFloat64()*d/10)
	}
	return 1 + int64(w.rng.ExpFloat64()*4)
}

// link tells two nodes that they can reach each other.
func (n *network) link(a, b *machine) {
	a.w.at(2, func() {
		if a.up() && b.up() {
			a.do(a.life, func(l *node.Loop) { l.Linked(b.did) })
			b.do(b.life, func(l *node.Loop) { l.Linked(a.did) })
		}
	})
}

// unlink tells one that the other is gone.
func (n *network) unlink(a, gone *machine) {
	life := a.life
	a.w.at(1+a.w.rng.Int64N(20), func() {
		a.do(life, func(l *node.Loop) { l.Lost(gone.did) })
	})
}

// split cuts the network in two; heal joins it.
func (w *World) split() {
	w.Count.Partitions++
	for _, m := range w.nodes {
		w.net.side[m.n] = w.rng.IntN(2)
	}
	w.note(5)
	tell := w.rng.IntN(2) == 0
	if tell {
		for _, a := range w.nodes {
			for _, b := range w.nodes {
				if a != b && a.up() && w.net.apart(a, b) {
					w.net.unlink(a, b)
				}
			}
		}
	}
}

func (w *World) rejoin() {
	clear(w.net.side)
	w.note(6)
	for i, a := range w.nodes {
		for _, b := range w.nodes[i+1:] {
			if a.up() && b.up() {
				w.net.link(a, b)
			}
		}
	}
}

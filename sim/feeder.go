package sim

import (
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// twisted is what a lying feeder makes of entries that it passes on. Statements are
// signed, so it swaps two of them, leaves one out, or shifts the time.
func (m *machine) twisted(frame []byte) []byte {
	w := m.w
	leaves, ok := node.LeavesOf(frame)
	if !m.twister || !ok || w.rng.IntN(4) > 0 {
		return frame
	}
	var entries []*icn.Entry
	var said []int // those with a statement
	for i, leaf := range leaves {
		e, err := icn.DecodeEntry(leaf)
		if err != nil {
			w.fail("node %d passes on what is no entry: %v", m.n, err)
			return frame
		}
		if entries = append(entries, e); e.Statement != nil {
			said = append(said, i)
		}
	}
	if len(said) == 0 {
		return frame
	}
	n := w.rng.IntN(len(said))
	e := entries[said[n]]
	switch lie := w.rng.IntN(3); {
	case lie == 0 && n > 0:
		o := entries[said[n-1]]
		e.Statement, e.Wire, o.Statement, o.Wire = o.Statement, o.Wire, e.Statement, e.Wire
	case lie == 1:
		e.Statement, e.Wire = nil, nil
	default:
		e.Time++
	}
	w.Count.Twisted++
	for i, e := range entries {
		leaves[i] = e.Encode()
	}
	return node.LogFrame(leaves)
}

// Twist has a node lie about the log to those whom it feeds.
func (w *World) Twist(n int) { w.nodes[n].twister = true }

// Feeder is who feeds a node the log; false when it comes from the leader.
func (w *World) Feeder(n int) (int, bool) {
	if m := w.nodes[n]; m.up() {
		if d, ok := m.loop.Feeder(); ok {
			return w.Index(d), true
		}
	}
	return -1, false
}

// Sent is how many bytes a node has sent.
func (w *World) Sent(n int) int { return w.nodes[n].sent }

// spread is how an entry came to the nodes.
type spread struct {
	nodes       int
	first, last int64
}

func (o *oracle) spread(index uint64) {
	if o.w.opt.Stage == nil {
		return // entries are applied more than once where logs are thrown away
	}
	s := o.spreads[index]
	if s == nil {
		s = &spread{first: o.w.now}
		o.spreads[index] = s
	}
	s.nodes++
	s.last = o.w.now
}

// Spreads are the milliseconds from the first node that applied an entry to the
// last, for each entry that all have, the shortest first.
func (w *World) Spreads() (ms []int64) {
	for _, s := range w.oracle.spreads { // order: sorted below
		if s.nodes == len(w.nodes) {
			ms = append(ms, s.last-s.first)
		}
	}
	slices.Sort(ms)
	return ms
}

// deceived notes that a node has another entry than the others. It may be so only
// when somebody feeds it lies, it has no voice in the order, and only beyond what
// clerks have certified to it.
func (o *oracle) deceived(m *machine, index uint64) {
	w := o.w
	lied := false
	for _, x := range w.nodes {
		lied = lied || x.twister && x != m
	}
	certified, _ := m.loop.Certified()
	if s := o.status(m).Order; slices.Contains(s.Voters, s.ID) {
		w.fail("node %d, a voter, was fed another entry at %d", m.n, index)
	}
	if _, fed := m.loop.Feeder(); !lied || !fed || index <= certified {
		w.fail("node %d has another entry at %d, fed: %t, certified: %d", m.n, index, fed, certified)
	}
	w.Count.Astray++
	o.astray[m.n] = index
}

// isAstray says whether a node follows a false log at an entry, and sees it return:
// when it applies the true entry where the first false one was, or one before.
// Behind that, the same entries lead to another state.
func (o *oracle) isAstray(m *machine, index uint64, same bool) bool {
	at := o.astray[m.n]
	switch {
	case at == 0 || index > at:
		return at != 0
	case !same:
		o.astray[m.n] = index
		return true
	}
	delete(o.astray, m.n)
	o.w.Count.Returned++
	return false
}

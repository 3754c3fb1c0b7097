package sim

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key/signature"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/proof"
)

// unrest says what is still in motion, or "".
func (w *World) unrest() string {
	if open := w.oracle.polls.rest(); open != "" {
		return open
	}
	var first *machine
	var head uint64
	for _, m := range w.nodes {
		if m.gone {
			continue
		}
		if !m.admitted {
			return fmt.Sprintf("node %d was not admitted", m.n)
		}
		if !m.up() {
			return fmt.Sprintf("node %d is down", m.n)
		}
		s := w.oracle.status(m)
		switch {
		case first == nil:
			first, head = m, s.Height
		case s.Height != head:
			return fmt.Sprintf("node %d is at entry %d, node %d at %d", first.n, head, m.n, s.Height)
		}
		switch {
		case s.OpenJobs > 0:
			return fmt.Sprintf("%d jobs are open", s.OpenJobs)
		case len(s.Waiting) > 0:
			return fmt.Sprintf("node %d: %d statements wait", m.n, len(s.Waiting))
		case s.Behind > 0:
			return fmt.Sprintf("node %d still misses %d entries of the log", m.n, s.Behind)
		case s.Role == "waiting for its seat" || s.Role == "catching up":
			return fmt.Sprintf("node %d is %s", m.n, s.Role)
		case s.Leader == nil:
			return fmt.Sprintf("node %d knows no leader", m.n)
		case s.Certified < w.oracle.size:
			return fmt.Sprintf("node %d: checkpoint %d of %d is certified", m.n, s.Certified, w.oracle.size)
		}
		for _, x := range w.nodes {
			if x.gone && slices.Contains(m.loop.Roster(), x.did) {
				return fmt.Sprintf("node %d still speaks with node %d, which has left", m.n, x.n)
			}
		}
		for name, text := range s.Alarms { // order: any of them will do
			if w.rightly(name) || strings.HasPrefix(name, "feeder ") {
				continue
			}
			return fmt.Sprintf("node %d: alarm %s: %s", m.n, name, text)
		}
	}
	return ""
}

// rightly says whether an alarm may be there at rest: about a clerk that lies, or about
// the release that members have voted for.
func (w *World) rightly(alarm string) bool {
	return alarm == "upgrade" && w.oracle.polls.notice != "" || slices.ContainsFunc(w.nodes, func(m *machine) bool { return m.forges && !m.gone && alarm == "clerk "+m.did.Short() })
}

// final looks at everything once more when the world is at rest.
func (o *oracle) final() {
	w := o.w
	for _, m := range w.nodes {
		if m.gone {
			continue
		}
		o.check(m, true)
		s := o.status(m)
		if s.Totals.Held != o.held || s.Totals.Burnt != o.burnt || s.Totals.Minted != o.minted {
			w.fail("node %d: held %d, burnt %d, minted %d; the events say %d, %d, %d", m.n, s.Totals.Held, s.Totals.Burnt, s.Totals.Minted, o.held, o.burnt, o.minted)
		}
		for i := uint64(1); i <= s.Height; i++ {
			leaf, err := m.disk.Get(node.EntryKey(i))
			if err != nil {
				w.fail("node %d misses entry %d of %d", m.n, i, s.Height)
				return
			}
			if want, ok := o.leaf[i]; ok && sha256.Sum256(leaf) != want {
				w.fail("node %d has stored another entry at %d", m.n, i)
				return
			}
		}
	}
	o.addUp()
	o.counted()
	o.shown()
	o.noticed()
	o.unheard()
	for id, index := range o.acked {
		leaf, err := w.first().disk.Get(node.EntryKey(index))
		if err != nil {
			w.fail("acknowledged statement %s at entry %d is lost", id, index)
			return
		}
		e, err := icn.DecodeEntry(leaf)
		if err != nil || e.Statement == nil || icn.SumCID(icn.DagCBOR, e.Wire) != id {
			w.fail("acknowledged statement %s is not at entry %d", id, index)
		}
	}
	for _, id := range o.order {
		if !o.jobs[id].ended {
			w.fail("job %s never ended", id)
		}
	}
}

// shown has a stranger recount every vote that was closed, from the file that some node
// makes of it, and nothing else.
func (o *oracle) shown() {
	w := o.w
	for _, id := range o.polls.order {
		if o.polls.book[id].tally == nil {
			continue
		}
		found := false
		for _, m := range w.nodes {
			if m.gone {
				continue
			}
			var p governance.Proposal
			var roll []icn.Voter
			m.loop.View(func(c *core.Machine) {
				p, _ = c.Proposal(id)
				roll = c.Roll(p.Vote.RollAt(), p.Electorate)
			})
			v, err := node.ReadVote(m.disk, id, p, roll, verify)
			if errors.Is(err, icn.ErrNotFound) {
				continue // it started anew after the last checkpoint
			}
			if err == nil {
				v.Genesis = w.genesis.Data
				v, err = again(v)
			}
			if err == nil {
				_, err = v.Verify(proof.Expect{Network: w.genesis.CID, Check: checkAll})
			}
			if err != nil {
				w.fail("node %d: a stranger cannot recount the vote on %s: %v", m.n, id, err)
				return
			}
			found = true
			w.Count.Recounted++
			break
		}
		if !found {
			w.fail("no node can show the vote on %s", id)
		}
	}
}

func checkAll(items []signature.Item) []bool {
	out := make([]bool, len(items))
	for i, x := range items {
		out[i] = verify(x.Key, x.Msg, x.Sig)
	}
	return out
}

// again is a file as somebody reads it.
func again(v *proof.Vote) (*proof.Vote, error) {
	read, err := proof.DecodeVote(v.Encode())
	return &read, err
}

// counted compares what nodes tell of each proposal with the books.
func (o *oracle) counted() {
	w := o.w
	for _, m := range w.nodes {
		if m.gone {
			continue
		}
		m.loop.View(func(c *core.Machine) {
			for _, id := range o.polls.order {
				p, book := icn.Tally{}, o.polls.book[id]
				is, ok := c.Proposal(id)
				if book.tally != nil {
					p = *book.tally
				}
				if !ok || is.Stage != book.stage || !bytes.Equal(is.Count.Tally.Bytes(), p.Bytes()) {
					w.fail("node %d: proposal %s is %s, counted %+v; it was %s, counted %+v", m.n, id, is.Stage, is.Count.Tally, book.stage, p)
				}
				if (book.stage == icn.StageExecuted) != book.enacted {
					w.fail("proposal %s is %s; enacted: %v", id, book.stage, book.enacted)
				}
			}
		})
	}
}

// noticed looks whether somebody has seen that a clerk signs false roots.
func (o *oracle) noticed() {
	w := o.w
	for _, x := range w.nodes {
		if !x.forges || x.gone || w.Count.FalseRoots < 30 {
			continue
		}
		if !slices.ContainsFunc(w.nodes, func(m *machine) bool {
			return !m.gone && o.status(m).Alarms["clerk "+x.did.Short()] != ""
		}) {
			w.fail("node %d has signed %d false checkpoints, and nobody has noticed", x.n, w.Count.FalseRoots)
		}
	}
}

// unheard looks whether what strangers said was looked at.
func (o *oracle) unheard() {
	o.w.first().loop.View(func(c *core.Machine) {
		for d := range o.strangers { // order: any of them will do
			if c.NextNumber(d) != 1 {
				o.w.fail("a statement of %s, who does not belong, used up a number", d.Short())
			}
		}
	})
}

// addUp compares every account with what its events add up to.
func (o *oracle) addUp() {
	w := o.w
	nodes := w.nodes[:min(len(w.nodes), 8)]
	if w.opt.Seed > 40 { // the events that they have stored are compared anyway
		i := int(w.opt.Seed) % len(nodes)
		nodes = nodes[i : i+1]
	}
	for _, m := range nodes {
		if m.gone {
			continue
		}
		m.loop.View(func(c *core.Machine) {
			genesis, now := c.Genesis(), c.Head().Time
			each := func(d icn.DID) {
				want, ok := c.Account(d, now)
				if !ok {
					return
				}
				_, s, err := node.ReadStatement(m.disk, d, genesis, 0)
				if err != nil {
					w.fail("node %d: statement of %s: %v", m.n, d.Short(), err)
					return
				}
				if got := s.Until(now); got.Balance != want.Balance || got.Held != want.Held || got.Tier != want.Tier {
					w.fail("node %d: the events of %s add up to %+v, the account is %+v", m.n, d.Short(), got, want)
				}
			}
			for _, p := range w.nodes {
				each(p.did)
			}
			for _, p := range w.members {
				each(p.did)
			}
		})
	}
}

// Describe tells how each node stands: for whoever looks at a failed run.
func (w *World) Describe() string {
	var b strings.Builder
	for _, m := range w.nodes {
		if !m.up() {
			fmt.Fprintf(&b, "node %d: down\n", m.n)
			continue
		}
		s := w.oracle.status(m)
		fmt.Fprintf(&b, "node %d: %s, entry %d, certified %d, %d jobs, %d waiting, gap %d, order %+v, alarms %v\n",
			m.n, s.Role, s.Height, s.Certified, s.OpenJobs, len(s.Waiting), s.Behind, s.Order, s.Alarms)
	}
	return b.String()
}

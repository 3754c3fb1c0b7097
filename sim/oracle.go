package sim

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// oracle re-checks what must hold, from what it can see itself: it keeps its own
// books from the events, and compares nodes with each other.
type oracle struct {
	w         *World
	leaf      map[uint64][32]byte // the entry at an index, as first seen
	root      map[uint64][32]byte // the state root there
	books     map[uint64]bool     // entries whose events are in the books
	acked     map[icn.CID]uint64
	handed    map[icn.CID]bool
	forge     map[icn.CID]bool
	strangers map[icn.DID]bool // in whose name something was said
	jobs      map[icn.CID]*jobBook
	lies      map[icn.CID]bool // settled by what somebody invented
	banned    map[icn.DID]icn.Time
	against   map[icn.DID]map[icn.DID]bool // who wants whom to go
	order     []icn.CID
	used      map[string]icn.CID  // author and number → statement that was applied
	keys      map[icn.DID]icn.DID // of those who have another than their first
	size      uint64              // of the last checkpoint event in the books
	held      uint64
	burnt     uint64
	minted    uint64
	astray    map[int]uint64 // nodes that were fed another log, from which entry on

	polls    polls
	spreads  map[uint64]*spread
	clerks   map[uint64][]icn.DID // at a checkpoint
	proven   map[int]uint64       // the last certified checkpoint of each node that was looked at
	snapshot map[int]bool         // a node's own snapshot shall be looked at
}

// jobBook is what the oracle knows of a job.
type jobBook struct {
	submitter icn.DID
	held      uint64
	failed    uint32 // attempts so far
	ended     bool
}

func (o *oracle) init(w *World) {
	o.w = w
	o.lies, o.banned, o.against = map[icn.CID]bool{}, map[icn.DID]icn.Time{}, map[icn.DID]map[icn.DID]bool{}
	o.leaf, o.root, o.books = map[uint64][32]byte{}, map[uint64][32]byte{}, map[uint64]bool{}
	o.acked, o.handed, o.forge = map[icn.CID]uint64{}, map[icn.CID]bool{}, map[icn.CID]bool{}
	o.astray, o.snapshot, o.spreads = map[int]uint64{}, map[int]bool{}, map[uint64]*spread{}
	o.clerks, o.proven = map[uint64][]icn.DID{}, map[int]uint64{}
	o.keys, o.strangers = map[icn.DID]icn.DID{}, map[icn.DID]bool{}
	o.jobs, o.used = map[icn.CID]*jobBook{}, map[string]icn.CID{}
	w.net.side = map[int]int{}
	if !w.opt.Quiet {
		w.net.loss, w.net.double = 0.02, 0.02
	}
}

// applied checks an entry that a node has just folded.
func (o *oracle) applied(m *machine, e icn.Entry, out core.Outcome) {
	w := o.w
	leaf := sha256.Sum256(out.Leaf)
	old, known := o.leaf[e.Index]
	if o.isAstray(m, e.Index, old == leaf) {
		return
	}
	if known && old != leaf {
		o.deceived(m, e.Index)
		return
	}
	o.spread(e.Index)
	if _, fed := m.loop.Feeder(); fed {
		w.Count.Fed++
	}
	o.leaf[e.Index] = leaf
	w.note(3, uint64(m.n), e.Index)
	if !o.books[e.Index] {
		o.books[e.Index] = true
		w.Count.Entries++
		o.enter(e, out)
	}
	o.snapshot[m.n] = o.snapshot[m.n] || e.Index%64 == 0
	if m.up() && m.loop.Head() == e.Index { // the last of those that were applied together
		o.clerksOf(m, out)
		o.certified(m)
		o.check(m, o.snapshot[m.n])
		o.snapshot[m.n] = false
	}
}

// clerksOf notes who the clerks are at a checkpoint, by the state of a node there.
func (o *oracle) clerksOf(m *machine, out core.Outcome) {
	for _, ev := range out.Events {
		if due, ok := ev.Body.(icn.CheckpointDue); ok && o.clerks[due.Size] == nil {
			m.loop.View(func(c *core.Machine) {
				for _, p := range c.Clerks() {
					o.clerks[due.Size] = append(o.clerks[due.Size], p.DID)
				}
			})
		}
	}
}

// certified looks at a node's last certified checkpoint: most of those who were clerks
// at its entry must have signed it, and not of those who are clerks now.
func (o *oracle) certified(m *machine) {
	size, note := m.loop.Certified()
	clerks := o.clerks[size]
	if len(clerks) == 0 || o.proven[m.n] == size {
		return
	}
	o.proven[m.n] = size
	_, sigs, err := icn.ParseNote(note)
	signed := map[icn.DID]bool{}
	for _, s := range sigs {
		signed[s.Signer] = slices.Contains(clerks, s.Signer)
	}
	maps.DeleteFunc(signed, func(_ icn.DID, clerk bool) bool { return !clerk })
	if err != nil || len(signed) < len(clerks)/2+1 {
		o.w.fail("node %d takes checkpoint %d for certified, and %d of its %d clerks signed it: %v", m.n, size, len(signed), len(clerks), err)
	}
}

// check compares a node's state at its head with the other nodes', and now and
// then with what its own snapshot restores to.
func (o *oracle) check(m *machine, snapshot bool) {
	w := o.w
	m.loop.View(func(c *core.Machine) {
		if every := w.lookEvery(); !snapshot && c.Head().Index%every != 0 {
			return
		}
		if err := c.CheckAccounts(); err != nil {
			w.fail("node %d at entry %d: %v", m.n, c.Head().Index, err)
		}
		h := c.Head().Index
		if c.Rules() != o.polls.rulesAt(h) {
			w.fail("node %d has other rules at entry %d than were voted on: %+v", m.n, h, c.Rules())
		}
		root := c.Root()
		if old, ok := o.root[h]; ok && old != root {
			w.fail("node %d has another state root at entry %d", m.n, h)
		}
		o.root[h] = root
		if !snapshot {
			return
		}
		data := c.Snapshot()
		if plain, err := naiveRoot(data); err != nil || plain != root {
			w.fail("node %d: the state root at entry %d is not the root of what the state holds: %v", m.n, h, err)
		}
		again, err := core.Restore(w.genesis, verify, data)
		if err != nil || again.Root() != root {
			w.fail("node %d: the snapshot at entry %d does not give the same root: %v", m.n, h, err)
		}
	})
}

// enter writes an entry's events into the books.
func (o *oracle) enter(e icn.Entry, out core.Outcome) {
	w := o.w
	if e.Statement != nil {
		id := icn.SumCID(icn.DagCBOR, e.Wire)
		if o.forge[id] && out.Refused == nil {
			w.fail("a forged statement was applied at entry %d", e.Index)
		}
		if s := e.Statement; out.Refused == nil && !verify(o.keyOf(s.Author), icn.SigningBytesOf(e.Wire), s.Sig[:]) {
			w.fail("a statement of %s was applied at entry %d, and is not signed with the key of then", s.Author.Short(), e.Index)
		}
		if out.Refused == nil {
			key := fmt.Sprint(e.Statement.Author, e.Statement.Number)
			if old, ok := o.used[key]; ok {
				w.fail("number %d of %s was applied twice: %s, %s at entry %d", e.Statement.Number, e.Statement.Author.Short(), old, id, e.Index)
			}
			o.used[key] = id
			if u := e.Statement.Until; u != 0 && e.Time > u {
				w.fail("a statement was applied after its time, at entry %d", e.Index)
			}
		} else {
			w.Count.Refused++
		}
	}
	var id icn.CID
	if e.Statement != nil {
		id = icn.SumCID(icn.DagCBOR, e.Wire)
	}
	o.polls.begin(e, id, out.Refused == nil)
	for _, ev := range out.Events {
		o.event(e, ev)
		o.polls.see(e, ev)
		if s := w.opt.Stage; s != nil && s.Event != nil {
			s.Event(w.now, ev)
		}
	}
	o.polls.end(e)
}

func (o *oracle) event(e icn.Entry, ev icn.Event) {
	w := o.w
	end := func(id icn.CID, restored uint64) {
		j := o.jobs[id]
		switch {
		case j == nil:
			w.fail("job %s ends at entry %d without a beginning", id, e.Index)
		case j.ended:
			w.fail("job %s ends twice, at entry %d", id, e.Index)
		case restored != j.held:
			w.fail("job %s: %d of %d accounted for at entry %d", id, restored, j.held, e.Index)
		default:
			j.ended = true
			o.held -= j.held
		}
	}
	switch b := ev.Body.(type) {
	case icn.JobPosted:
		if o.jobs[b.Job] != nil {
			w.fail("job %s is posted twice", b.Job)
		}
		o.jobs[b.Job] = &jobBook{submitter: b.Submitter, held: b.Held}
		o.order = append(o.order, b.Job)
		o.held += b.Held
	case icn.JobAssigned:
		if j := o.jobs[b.Job]; j == nil || j.ended || b.Price > j.held {
			w.fail("job %s is wrongly assigned at entry %d", b.Job, e.Index)
		}
		if e.Time < o.banned[b.Executor] {
			w.fail("job %s is given to a banned node at entry %d", b.Job, e.Index)
		}
	case icn.AttemptFailed:
		if j := o.jobs[b.Job]; j == nil || b.Attempt != j.failed+1 {
			w.fail("attempt %d of job %s fails out of turn, at entry %d", b.Attempt, b.Job, e.Index)
		} else {
			j.failed++
		}
	case icn.JobSettled:
		w.Count.Settled++
		end(b.Job, b.Burnt+b.Released+b.Spent)
		o.burnt, o.minted = o.burnt+b.Burnt, o.minted+b.Minted
		w.Count.Spent += int(b.Spent)
		w.Count.Children += len(b.Submitted)
		o.burnt += b.Spent
		for _, m := range w.nodes {
			if m.did == b.Executor && m.liar {
				o.lies[b.Job] = true
			}
		}
	case icn.Refunded:
		o.burnt, o.minted = o.burnt+b.Amount, o.minted+b.Amount
	case icn.ManaSpent:
		o.burnt += b.Amount
	case icn.CheckOpened:
		w.Count.Checks++
	case icn.ExecutorBanned:
		w.Count.Banned++
		o.banned[b.Executor] = b.Until
	case icn.BanLifted:
		delete(o.banned, b.Executor)
	case icn.ExecutorConvicted:
		w.Count.Convicted++
		for _, m := range w.nodes {
			if m.did == b.Executor && !m.liar {
				w.fail("node %d is convicted at entry %d, and did not lie", m.n, e.Index)
			}
		}
	case icn.CheckEnded:
		o.judge(e, b)
	case icn.JobRolledBack:
		w.Count.RolledBack++
		end(b.Job, b.Restored)
	case icn.JobCancelled:
		w.Count.Cancelled++
		end(b.Job, b.Restored)
	case icn.CheckpointDue:
		w.Count.Checkpoints++
		if b.Size <= o.size || b.Size != e.Index {
			w.fail("checkpoint of size %d at entry %d, after %d", b.Size, e.Index, o.size)
		}
		o.size = b.Size
	case icn.KeyRotated:
		o.keys[b.Who] = b.Key
		w.Count.KeysRotated++
	case icn.NodeRejoined:
		w.Count.Rejoined++
	case icn.ExpulsionVoted:
		if o.against[b.Node] == nil {
			o.against[b.Node] = map[icn.DID]bool{}
		}
		o.against[b.Node][*ev.Author] = !b.Withdrawn
	case icn.NodeLeft:
		o.left(e, b)
	}
}

// left notes that a node is gone: one that asked for it, or one that lied.
func (o *oracle) left(e icn.Entry, b icn.NodeLeft) {
	if i := o.w.Index(b.Node); b.Expelled {
		o.w.Count.Expelled++
		if i < 0 || !o.w.nodes[i].forges {
			o.w.fail("node %d is expelled at entry %d, and signed nothing false", i, e.Index)
		}
	}
	if word := asked(e); b.Expelled && word && len(o.against[b.Node]) < 2 {
		o.w.fail("node %s is expelled at entry %d by %d clerks", b.Node.Short(), e.Index, len(o.against[b.Node]))
	}
	o.w.depart(b.Node)
}

// judge compares what a check came to with who lies.
func (o *oracle) judge(e icn.Entry, b icn.CheckEnded) {
	lied := o.lies[b.Job]
	switch {
	case b.Result == "match" && lied:
		o.w.fail("the check of job %s says match at entry %d, and its executor lied", b.Job, e.Index)
	case b.Result == "mismatch" && !lied:
		o.w.fail("the check of job %s says mismatch at entry %d, and nobody lied", b.Job, e.Index)
	}
}

// keyOf is the key that an identity signs with, as the books have it.
func (o *oracle) keyOf(d icn.DID) icn.DID {
	if k, ok := o.keys[d]; ok {
		return k
	}
	return d
}

func (o *oracle) handedIn(id icn.CID) { o.handed[id] = true }
func (o *oracle) forged(id icn.CID)   { o.forge[id] = true }

// answered notes what a caller was told: from here on it must stay true.
func (o *oracle) answered(m *machine, a node.Answer) {
	if a.Index == 0 || a.Err != nil {
		return
	}
	o.w.Count.Acked++
	if m.up() && !o.books[a.Index] {
		o.w.fail("node %d acknowledged entry %d, which nobody has applied", m.n, a.Index)
	}
	if old, ok := o.acked[a.ID]; ok && old != a.Index {
		o.w.fail("statement %s was acknowledged at entries %d and %d", a.ID, old, a.Index)
	}
	o.acked[a.ID] = a.Index
}

// frameRefused: honest nodes send only frames that others can read. Lies of
// [World.inject] are refused later, one by one.
func (o *oracle) frameRefused(m, from *machine, err error) {
	if strings.Contains(err.Error(), "tocommit") {
		return
	}
	o.w.note(10, uint64(m.n), uint64(from.n))
	if strings.Contains(err.Error(), node.ErrFatal.Error()) {
		o.w.fail("node %d stops: %v", m.n, err)
	}
}

func (o *oracle) status(m *machine) (s node.Status) {
	m.loop.Status(&s)
	return s
}

func (o *oracle) leads(m *machine) bool {
	s := o.status(m)
	return s.Leader != nil && *s.Leader == m.did
}

func (o *oracle) unsure(m *machine) bool { return o.status(m).Role == "waiting for its seat" }

func (o *oracle) openJobOf(d icn.DID, r *rand.Rand) (icn.CID, bool) {
	var open []icn.CID
	for _, id := range o.order {
		if j := o.jobs[id]; !j.ended && j.submitter == d {
			open = append(open, id)
		}
	}
	if len(open) == 0 {
		return icn.CID{}, false
	}
	return open[r.IntN(len(open))], true
}

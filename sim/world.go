// Package sim runs whole federations in one goroutine, from one seed: the real
// loop, order, core and folds of every node, over a simulated network, disk and
// clock that lose, double, delay and reorder messages, cut the network apart,
// crash nodes in mid-write, skew clocks, break disks, and put old backups back. Members
// govern all of it: they propose and vote, in time and too late.
//
// The invariant: the same seed gives the same run, to the byte ([World.Trace]).
// After every entry that any node applies, the oracle re-checks what must hold;
// after healing, everything must come to rest: equal heads and roots, no job
// open, no statement waiting.
//
// It knows no real time, socket or file. Signatures are simulated too (a hash
// stands for one): a statement is still only accepted from its author.
//
//	w := sim.New(sim.Options{Seed: 7, Nodes: 5})
//	err := w.Run()
//
// Only one world may run in a process at a time: the order's library draws its
// election timeouts from crypto/rand.Reader, which a world replaces.
package sim

import (
	"container/heap"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"log/slog"
	mrand "math/rand/v2"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Options choose a world.
type Options struct {
	Seed   uint64
	Nodes  int   // founding nodes
	Late   int   // nodes that join while everything goes on
	Clerks int   // at most; 0 = as the rules say by default
	Fed    int   // learners that the leader feeds itself; 0 = as by default
	Twist  bool  // the first learner lies about the log to those whom it feeds
	Millis int64 // how long faults and clients go on; 0 = 8 s
	Quiet  bool  // no faults at all
	Stage  *Stage
	Log    *slog.Logger
}

// World is a federation under simulation.
type World struct {
	opt     Options
	rng     *mrand.Rand
	now     int64 // ms since the world began
	seq     int64
	queue   events
	genesis icn.Block
	nodes   []*machine
	members []*person
	oracle  oracle
	trace   hash.Hash
	net     network
	failure error
	parted  bool             // a node has left
	victims map[icn.DID]bool // whose statements a dishonest leader leaves out
	// calmUntil: no further fault before, see restore.
	calmUntil int64
	Count     Counts
}

// Counts tell what a run contained, so that a test can see that it was not empty.
type Counts struct {
	Entries, Acked, Refused, Settled, RolledBack, Cancelled       int
	Crashes, Partitions, Restores, DiskErrors, Lost, Doubled      int
	Checkpoints, Forged, Replayed, Rejoined, Joined, Skews, Steps int
	Rotated, KeysRotated                                          int
	Lies, Checks, Convicted, Banned, Spent, Children              int
	Fed, Twisted, Astray, Returned                                int
	Recounted                                                     int // votes, by strangers
	LeftOut, FalseRoots, Left, Expelled                           int
	Proposals, Opened, Enacted, NotEnacted, Rejected, Vetoed      int
	Withdrawn, Early, Ties, Choices, Followed, Vanished           int
	Ballots, Changed, ProxyBallots, LateBallots                   int
	Delegations, Revoked, LastMoment                              int
	RulesChanged, ClerksChosen, ClerksInVote, LostClerks          int
}

// epoch is when simulated time begins.
const epoch = 1_700_000_000_000

type event struct {
	at, seq int64
	f       func()
}

type events []event

func (q events) Len() int { return len(q) }
func (q events) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *events) Push(x any)   { *q = append(*q, x.(event)) }
func (q *events) Pop() any {
	o := *q
	x := o[len(o)-1]
	*q = o[:len(o)-1]
	return x
}

// seeded stands for crypto/rand.Reader.
type seeded struct{ r *mrand.ChaCha8 }

func (s seeded) Read(p []byte) (int, error) { return s.r.Read(p) }

// New prepares a world.
func New(o Options) *World {
	if o.Millis == 0 {
		o.Millis = 8000
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	w := &World{opt: o, rng: mrand.New(mrand.NewPCG(o.Seed, 11)), trace: sha256.New()}
	w.oracle.init(w)
	g := icn.Genesis{Name: "simulated", Created: epoch, Rules: icn.DefaultRules()}
	g.Rules.JobAssignMillis, g.Rules.JobSlackMillis, g.Rules.JobWallMillis = 3000, 2000, 1000
	g.Rules.CheckpointMillis, g.Rules.ManaPerHour = 500, 360_000
	g.Rules.SpotChecks, g.Rules.CheckMillis, g.Rules.BanMillis, g.Rules.ConvictedMillis = 250, 4000, 1500, 3000
	convene(&g.Rules, o.Seed)
	if o.Clerks > 0 {
		g.Rules.Clerks = uint64(o.Clerks)
	}
	if o.Stage != nil {
		w.opt.Quiet, o.Quiet = true, true
		if o.Stage.Rules != nil {
			o.Stage.Rules(&g.Rules)
		}
	}
	for i := range o.Nodes + o.Late {
		m := &machine{w: w, n: i, did: didOf(fmt.Sprintf("node %d of %d", i, o.Seed)), disk: newDisk()}
		m.key = m.did
		m.twister = o.Twist && i == o.Clerks
		w.dishonest(m)
		m.liar = !o.Quiet && o.Seed%3 == 0 && i == 1 && o.Nodes > 3
		if !o.Quiet {
			m.skew = w.rng.Int64N(400) - 200
		}
		w.nodes = append(w.nodes, m)
		if i < o.Nodes {
			g.Nodes = append(g.Nodes, icn.GenesisNode{DID: m.did, Name: fmt.Sprint("n", i)})
			m.admitted = true
		}
	}
	w.populate(&g)
	w.oracle.polls.init(w, g)
	w.genesis = g.Block()
	return w
}

// populate says who the members are: those of a stage all found it; of those of a world
// of chance, some come later.
func (w *World) populate(g *icn.Genesis) {
	n, late := people, extras
	if w.opt.Stage != nil {
		n, late = w.opt.Stage.Members, nil
	}
	for i := range n {
		p := &person{did: memberDID(i, w.opt.Seed)}
		w.members = append(w.members, p)
		role := icn.RolePerson
		if w.opt.Stage == nil && organisation(i) {
			role = icn.RoleOrg
		}
		if !slices.Contains(late, i) {
			g.Members = append(g.Members, icn.GenesisMember{DID: p.did, Role: role, Name: fmt.Sprint("m", i)})
		}
	}
}

func memberDID(i int, seed uint64) icn.DID { return didOf(fmt.Sprintf("member %d of %d", i, seed)) }

// at does f after so many ms.
func (w *World) at(after int64, f func()) {
	w.seq++
	heap.Push(&w.queue, event{w.now + max(after, 0), w.seq, f})
}

// note takes numbers into the trace.
func (w *World) note(n ...uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(w.now))
	w.trace.Write(b[:])
	for _, x := range n {
		binary.LittleEndian.PutUint64(b[:], x)
		w.trace.Write(b[:])
	}
	w.Count.Steps++
}

// Trace is a hash over everything that happened.
func (w *World) Trace() string { return fmt.Sprintf("%x", w.trace.Sum(nil)[:12]) }

// fail records the first thing that must not happen.
func (w *World) fail(format string, args ...any) {
	if w.failure == nil {
		w.failure = fmt.Errorf("seed %d, %d ms: "+format, append([]any{w.opt.Seed, w.now}, args...)...)
	}
}

// calmAfter is how long the world may take to come to rest after healing.
const calmAfter = 60_000

// Run runs the world to its end.
func (w *World) Run() error {
	old := rand.Reader
	defer func() { rand.Reader = old }()
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], w.opt.Seed)
	rand.Reader = seeded{mrand.NewChaCha8(key)}
	for _, m := range w.nodes[:w.opt.Nodes] {
		m.start()
	}
	if w.opt.Stage != nil {
		w.opt.Stage.Begin(w)
	} else {
		w.at(300, w.client)
		if w.governed() {
			w.at(400, w.assemble)
		}
		w.at(w.opt.Millis/3+w.rng.Int64N(2000), w.loseClerk)
	}
	if !w.opt.Quiet {
		w.at(500, w.chaos)
	}
	for i := range w.opt.Late {
		m := w.nodes[w.opt.Nodes+i]
		w.at(1000+w.rng.Int64N(w.opt.Millis/2), m.join)
	}
	w.at(w.opt.Millis, w.heal)
	w.loop()
	return w.failure
}

func (w *World) loop() {
	defer func() {
		if r := recover(); r != nil {
			w.fail("panic: %v", r)
			panic(w.failure) // with its stack
		}
	}()
	end := w.opt.Millis + calmAfter
	checked := int64(0)
	for w.queue.Len() > 0 && w.failure == nil {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		e.f()
		if w.now > w.opt.Millis+1500 && w.now >= checked+50 {
			checked = w.now
			why := w.unrest()
			if why == "" {
				w.oracle.final()
				return
			}
			if w.now > end {
				w.fail("not at rest %d ms after healing: %s", calmAfter, why)
			}
		}
	}
}

// Plus sums up the counts of two runs.
func (c Counts) Plus(d Counts) Counts {
	for i, n := range d.list() {
		*c.list()[i] += *n
	}
	return c
}

func (c *Counts) list() []*int {
	return []*int{&c.Entries, &c.Acked, &c.Refused, &c.Settled, &c.RolledBack, &c.Cancelled,
		&c.Crashes, &c.Partitions, &c.Restores, &c.DiskErrors, &c.Lost, &c.Doubled,
		&c.Checkpoints, &c.Forged, &c.Replayed, &c.Rejoined, &c.Joined, &c.Skews, &c.Steps, &c.Rotated, &c.KeysRotated,
		&c.Lies, &c.Checks, &c.Convicted, &c.Banned, &c.Spent, &c.Children,
		&c.LeftOut, &c.FalseRoots, &c.Left, &c.Expelled, &c.Recounted,
		&c.Fed, &c.Twisted, &c.Astray, &c.Returned,
		&c.Proposals, &c.Opened, &c.Enacted, &c.NotEnacted, &c.Rejected, &c.Vetoed,
		&c.Withdrawn, &c.Early, &c.Ties, &c.Choices, &c.Followed, &c.Vanished,
		&c.Ballots, &c.Changed, &c.ProxyBallots, &c.LateBallots,
		&c.Delegations, &c.Revoked, &c.LastMoment,
		&c.RulesChanged, &c.ClerksChosen, &c.ClerksInVote, &c.LostClerks}
}

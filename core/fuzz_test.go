package core_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mesh"
)

// tape turns a fuzzer's bytes into words; at its end it gives zeros.
type tape struct{ b []byte }

func (x *tape) next() byte {
	if len(x.b) == 0 {
		return 0
	}
	c := x.b[0]
	x.b = x.b[1:]
	return c
}

func (x *tape) pick(n int) int { return int(x.next()) % n }

func (x *tape) number() uint64 {
	return []uint64{0, 1, 2, 5, 30, 100, 999, 1000, 1001, 10_000, 1 << 20, 1 << 40, 1 << 53, 1<<64 - 1}[x.pick(14)]
}

// babble says what the tape says, right or wrong, without signatures.
type babble struct {
	testing.TB
	seen func(icn.Event)
	x    *tape
	m    *core.Machine
	now  icn.Time
	last map[icn.DID]uint64
	jobs []icn.CID
}

var people = []string{"n1", "n2", "n3", "n4", "n5", "n6", "ann", "bob", "eve"}

func (b *babble) who() icn.DID {
	if i := b.x.pick(len(people) + 1); i < len(people) {
		return icn.DID(sha256.Sum256([]byte(people[i])))
	}
	return icn.DID{}
}

func (b *babble) job() (icn.CID, mesh.Job) {
	if n := len(b.jobs); n > 0 {
		id := b.jobs[n-1-b.x.pick(min(n, 8))]
		j, _ := b.m.Job(id)
		return id, j
	}
	return block("no job"), mesh.Job{}
}

// right is mostly d, and now and then somebody else.
func (b *babble) right(d icn.DID) icn.DID {
	if b.x.pick(4) == 0 {
		return b.who()
	}
	return d
}

// op makes one operation and names who should say it.
func (b *babble) op() (icn.DID, icn.Op) {
	x := b.x
	id, j := b.job()
	attempt, kind := j.Attempt, x.pick(16)
	if kind >= 14 {
		return b.who(), b.member()
	}
	if kind >= 12 {
		return b.later(id)
	}
	if kind >= 10 { // what the job waits for
		kind = map[mesh.Phase]int{mesh.Posted: 2, mesh.Assigned: 4}[j.Phase]
	}
	if x.pick(8) == 0 {
		attempt = uint32(x.number())
	}
	n1 := icn.DID(sha256.Sum256([]byte("n1")))
	code := []byte{x.next() % 3}
	switch kind {
	case 0, 1:
		o := icn.JobPost{Via: b.right(n1), Budget: x.number(), Spec: icn.JobSpec{Module: block("program")}}
		o.Spec.Limits.WallMillis, o.Spec.Requires.CPUCores = x.number(), x.number()
		if x.pick(4) == 0 {
			of := uint64(x.pick(4))
			o.Spec.Copies = icn.JobCopies{Of: of, Agree: of/2 + 1}
			o.Spec.Grants = icn.JobGrants{Submit: x.number(), Spend: x.number()}
		}
		return b.who(), o
	case 2, 3:
		o := icn.JobAssign{Job: id, Attempt: attempt, Executor: b.who()}
		for range x.pick(5) {
			f := icn.Offer{Bid: block(fmt.Sprint(x.pick(3))), Executor: b.who(), Price: x.number(), FreeSlots: 1, FreeMB: 1 << 20, RTTMicros: x.number()}
			if x.pick(4) == 0 {
				f.FreeSlots = x.number()
			} else if j.Budget > 0 {
				f.Price %= j.Budget + 1
			}
			o.Offers = append(o.Offers, f)
		}
		// Mostly the choice that the fold makes.
		if j.Budget > 0 {
			if order, _ := b.m.Choose(j, o.Offers, b.now); len(order) > 0 {
				o.Executor = b.right(o.Offers[order[0]].Executor)
			}
		}
		return j.Via, o
	case 4:
		r := icn.JobReceipt{Job: id, Attempt: attempt, Spec: j.Spec.CID()}
		r.Outcome.Output = []icn.CID{block("output"), block("output"), {}}[x.pick(3)]
		if x.pick(4) == 0 {
			r.Outcome.Spent = x.number()
			for range x.pick(3) {
				r.Outcome.Submits = append(r.Outcome.Submits, icn.Submitted{Budget: x.number(), Spec: icn.JobSpec{Module: block("program")}})
			}
		}
		r.Outcome.Fault = []icn.Fault{"", "", "", icn.FaultExit, "no such fault"}[x.pick(5)]
		return b.runner(j), r
	case 5:
		return b.runner(j), icn.JobFail{Job: id, Attempt: attempt, Executor: b.runner(j), Declined: x.pick(2) == 0, Reason: string(make([]byte, x.pick(2)*4000))}
	case 6:
		return j.Submitter, icn.JobCancel{Job: id}
	case 7:
		return n1, icn.NodeAdmit{Node: b.who(), Code: code[:x.pick(2)]}
	case 8:
		return n1, icn.InviteCreate{CodeHash: sha256.Sum256(code), Role: icn.Role(1 + x.pick(3)), Expires: b.now + icn.Time(x.pick(9))}
	case 9:
		if x.pick(2) == 0 {
			return n1, icn.MemberAdmit{Member: b.who(), Role: icn.Role(2 + x.pick(2))}
		}
	}
	if x.pick(4) == 0 { // the fuzzed machine takes every signature
		return b.who(), []icn.Op{icn.KeyRotate{Key: b.who()}, icn.AuditHead{Lines: x.number()}}[x.pick(2)]
	}
	return b.who(), []icn.Op{icn.NodeRejoin{Reason: "x"}, icn.NodeLeave{}}[x.pick(4)/3]
}

// member is an operation of members on each other.
func (b *babble) member() icn.Op {
	switch x := b.x; x.pick(6) {
	case 0:
		return icn.MemberLeave{}
	case 1, 2:
		all := []icn.DID{b.who(), b.who()}[:x.pick(3)]
		return icn.GuardiansSet{Guardians: all, Needed: uint64(min(len(all), x.pick(3)))}
	case 3:
		return icn.RecoveryVeto{}
	case 4:
		return icn.MemberAdmit{Member: b.who(), Role: icn.RolePerson, Code: []byte{x.next() % 3}}
	}
	return icn.RecoverySupport{Member: b.who(), Key: b.who()}
}

// runner is who runs a job, or nobody.
func (b *babble) runner(j mesh.Job) icn.DID {
	if len(j.Runs) == 0 {
		return icn.DID{}
	}
	return j.Runs[b.x.pick(len(j.Runs))].Executor
}

// later is an operation about executors and settled jobs.
func (b *babble) later(id icn.CID) (icn.DID, icn.Op) {
	x := b.x
	switch c, _ := b.m.Settled(id); x.pick(6) {
	case 0, 1:
		return c.Via, icn.JobCheck{Job: id}
	case 2, 3:
		v := icn.JobVerdict{Job: id, Outcome: icn.Outcome{Output: []icn.CID{block("output"), block("other")}[x.pick(2)]}, ABI: uint32(x.pick(8) / 7)}
		if len(c.Named) > 0 {
			return c.Named[x.pick(len(c.Named))], v
		}
		return b.who(), v
	case 4:
		return b.who(), icn.NodeProfile{CPUCores: x.number(), MemoryMB: x.number(), Capabilities: []string{"gpu"}[:x.pick(2)]}
	}
	if x.pick(2) == 0 {
		return b.who(), icn.ManaSpend{Amount: max(x.number(), 1)}
	}
	return b.who(), icn.BanLift{Executor: b.who()}
}

// raw puts bytes of the tape where a statement has its operations.
func (b *babble) raw(author icn.DID) []byte {
	n := min(int(b.x.next()%64), len(b.x.b))
	w := icn.AppendUint(icn.AppendDID(icn.AppendCID(icn.AppendArray(nil, 6), b.m.Network()), author), b.last[author]+1)
	w = append(icn.AppendUint(w, 0), b.x.b[:n]...)
	b.x.b = b.x.b[n:]
	return icn.AppendBytes(w, make([]byte, 64))
}

// wire is the next statement, or nil for a tick.
func (b *babble) wire() []byte {
	x := b.x
	switch x.pick(32) {
	case 0, 1, 2:
		return nil
	case 3:
		return b.raw(b.who())
	}
	author, op := b.op()
	s := &icn.Statement{Network: b.m.Network(), Author: b.right(author), Ops: []icn.Op{op}}
	for range x.pick(8) / 5 * x.pick(4) {
		_, op := b.op()
		s.Ops = append(s.Ops, op)
	}
	s.Number = b.last[s.Author] + 1
	if x.pick(16) == 0 {
		s.Number += x.number()
	}
	if x.pick(16) == 0 {
		s.Until = b.now + icn.Time(x.pick(3)) - 1
	}
	return s.Encode()
}

// enter applies the next entry and looks at everything.
func (b *babble) enter() {
	b.now += []icn.Time{0, 0, 0, 0, 0, 0, 0, 1, 40, 40, 100, 100, 100, 2000, 2000, 10_000}[b.x.pick(16)]
	if b.x.pick(64) == 0 {
		b.now += 1 << 35
	}
	e := icn.Entry{Index: b.m.Head().Index + 1, Time: b.now}
	if wire := b.wire(); wire != nil {
		s, err := icn.DecodeStatement(wire)
		if err != nil {
			return
		}
		e.Statement, e.Wire = s, wire
	}
	before := b.m.Head()
	out, err := b.m.Apply(e, core.Checked{})
	require.NoError(b, err)
	h := b.m.Head()
	require.Equal(b, before.Index+1, h.Index)
	require.Equal(b, b.now, h.Time)
	if e.Statement != nil && out.Spent {
		b.last[e.Statement.Author] = max(b.last[e.Statement.Author], e.Statement.Number)
		require.True(b, b.m.Said(e.Statement.Author, e.Statement.Number))
	}
	for _, ev := range out.Events {
		b.seen(ev)
		if p, ok := ev.Body.(icn.JobPosted); ok {
			b.jobs = append(b.jobs, p.Job)
		}
	}
	require.NoError(b, b.m.CheckAccounts())
	if next, ok := b.m.NextTimer(); ok && b.now < 1<<53 {
		require.Greater(b, next, b.now, "what is due has fired")
	}
	clerks := b.m.Clerks()
	require.Equal(b, 1, len(clerks)%2)
	raft := map[uint64]bool{}
	for _, p := range b.m.Nodes() {
		require.False(b, raft[p.RaftID], "two nodes in one place")
		raft[p.RaftID] = true
	}
}

// believe takes every signature for good.
func believe([32]byte, []byte, []byte) bool { return true }

// runTape lets a tape speak to a new machine, which goes on from a snapshot now
// and then, and is left alone at the end until every job has ended.
func runTape(t testing.TB, data []byte, seen func(icn.Event)) {
	g := &icn.Genesis{Name: "fuzz", Created: 1000, Rules: icn.DefaultRules()}
	g.Rules.JobMaxWallMillis, g.Rules.JobsPerMember = 1<<53, 4
	g.Rules.RecoveryMillis = 50
	for _, n := range people[:4] {
		g.Nodes = append(g.Nodes, icn.GenesisNode{DID: icn.DID(sha256.Sum256([]byte(n))), Name: n})
	}
	genesis := g.Block()
	m, err := core.New(genesis, believe)
	require.NoError(t, err)
	b := &babble{TB: t, x: &tape{data}, m: m, now: 1000, last: map[icn.DID]uint64{}, seen: seen}
	for range 500 {
		if len(b.x.b) == 0 {
			break
		}
		b.enter()
		if b.x.pick(32) == 0 {
			again, err := core.Restore(genesis, believe, b.m.Snapshot())
			require.NoError(t, err)
			require.Equal(t, b.m.Root(), again.Root())
			require.Equal(t, b.m.Snapshot(), again.Snapshot())
			b.m = again
		}
	}
	b.rest()
	require.Zero(t, b.m.Totals().Held)
}

// rest lets time pass until every job has ended.
func (b *babble) rest() {
	for b.m.OpenJobs() > 0 {
		next, ok := b.m.NextTimer()
		require.True(b, ok, "an open job without a timer")
		b.now = max(b.now, next)
		_, err := b.m.Apply(icn.Entry{Index: b.m.Head().Index + 1, Time: b.now}, core.Checked{})
		require.NoError(b, err)
		require.NoError(b, b.m.CheckAccounts())
	}
}

// randomTape is the same for the same seed.
func randomTape(seed, size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(sha256.Sum256(fmt.Append(nil, seed))).Read(b)
	return b
}

// TestAnythingMayBeSaid: whatever is said, the machine refuses or applies and
// never panics, the accounts add up after each entry, and a restored machine
// comes to the same.
func TestAnythingMayBeSaid(t *testing.T) {
	events := map[string]int{}
	for seed := range 150 {
		runTape(t, randomTape(seed, 4000), func(e icn.Event) { events[e.Type]++ })
	}
	require.GreaterOrEqual(t, len(events), 19, "the tapes said little: %v", events)
}

// FuzzStatements is the same for tapes that a fuzzer makes.
func FuzzStatements(f *testing.F) {
	f.Add([]byte("any words"))
	for seed := range 4 {
		f.Add(randomTape(seed, 1000))
	}
	f.Fuzz(func(t *testing.T, data []byte) { runTape(t, data, func(icn.Event) {}) })
}

// FuzzRestore: a snapshot of any bytes is refused, or gives a machine that writes
// the same bytes again and goes on without a panic.
func FuzzRestore(f *testing.F) {
	x := newFederation(f, founding())
	f.Add(x.m.Snapshot())
	x.seen = func(e icn.Entry, _ core.Outcome) {
		if e.Index%11 == 0 {
			f.Add(x.m.Snapshot())
		}
	}
	play(x)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := core.Restore(x.genesis, believe, data)
		if err != nil {
			return
		}
		require.Equal(t, data, m.Snapshot())
		h := m.Head()
		if h.Index >= 1<<52 {
			return
		}
		for range 500 {
			next, ok := m.NextTimer()
			if !ok {
				break
			}
			_, err := m.Apply(icn.Entry{Index: m.Head().Index + 1, Time: max(next, m.Head().Time)}, core.Checked{})
			require.NoError(t, err)
			require.NoError(t, m.CheckAccounts())
		}
		require.Zero(t, m.OpenJobs())
	})
}

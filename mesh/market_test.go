package mesh_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mesh"
	"github.com/InterCooperative-Network/icn-core/state"
)

// did makes an identity from a name.
func did(name string) icn.DID { return icn.DID(sha256.Sum256([]byte(name))) }

func block(name string) icn.CID { return icn.SumCID(icn.Raw, []byte(name)) }

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	require.TestingT
	Helper()
}

// market is a fold, and an oracle that carries out its effects by itself and
// looks at everything after each step.
type market struct {
	tester
	f      *mesh.Fold
	db     *state.DB
	rules  icn.Rules
	now    icn.Time
	said   int
	nodes  map[icn.DID]bool
	free   map[icn.DID]int64 // what an account has beyond what is held
	held   map[icn.DID]int64
	burnt  int64
	minted int64
	timers map[string]icn.Time
	ended  map[icn.CID]string // how a job ended
	events []icn.EventBody    // of the last step
	names  map[icn.DID]uint64 // reputations that are not as at the beginning
}

var errBroke = errors.New("not enough")

const purse = 1000

// newMarket has the nodes n1 to n4 and the member ann, each with a purse.
func newMarket(t tester) *market {
	db := state.NewDB()
	m := &market{tester: t, f: mesh.New(db), db: db, rules: icn.DefaultRules(), now: 1000, nodes: map[icn.DID]bool{}, names: map[icn.DID]uint64{},
		free: map[icn.DID]int64{}, held: map[icn.DID]int64{}, timers: map[string]icn.Time{}, ended: map[icn.CID]string{}}
	for _, n := range []string{"n1", "n2", "n3", "n4"} {
		m.nodes[did(n)] = true
		m.free[did(n)] = purse
	}
	m.free[did("ann")] = purse
	return m
}

func (m *market) step(author icn.DID) mesh.Step {
	m.said++
	return mesh.Step{Author: author, Statement: block(fmt.Sprint("statement ", m.said)), Time: m.now, Rules: m.rules,
		Index: uint64(m.said), IsNode: func(d icn.DID) bool { return m.nodes[d] }, IsClerk: func(d icn.DID) bool { return d == did("n1") },
		Nodes: func() (all []icn.DID) {
			for _, n := range []string{"n1", "n2", "n3", "n4", "n5", "n6"} {
				if m.nodes[did(n)] {
					all = append(all, did(n))
				}
			}
			return all
		},
		Reputation: func(d icn.DID) uint64 {
			if r, ok := m.names[d]; ok {
				return r
			}
			return 50_000
		}}
}

// do says one operation, all or none, and looks at everything.
func (m *market) do(author string, op icn.Op) error {
	m.Helper()
	root := m.db.Root()
	m.db.Begin()
	res, err := m.f.Apply(m.step(did(author)), 0, op)
	if err == nil {
		err = m.carryOut(res)
	}
	if err != nil {
		m.db.Rollback()
		require.Equal(m, root, m.db.Root(), "a refusal leaves no trace")
		m.events = nil
	} else {
		m.db.Commit()
	}
	m.check()
	return err
}

func (m *market) must(author string, op icn.Op) {
	m.Helper()
	require.NoError(m, m.do(author, op))
}

// refused says that an operation fails as it should.
func (m *market) refused(author string, op icn.Op, why error, words string) {
	m.Helper()
	err := m.do(author, op)
	require.ErrorIs(m, err, why)
	require.ErrorContains(m, err, words)
}

// wait lets time pass, and fires what is due then.
func (m *market) wait(millis uint64) {
	m.Helper()
	m.now += icn.Time(millis)
	m.events = nil
	for {
		first := ""
		for name, due := range m.timers { // order: the least name of the earliest is taken
			if due <= m.now && (first == "" || due < m.timers[first] || due == m.timers[first] && name < first) {
				first = name
			}
		}
		if first == "" {
			break
		}
		delete(m.timers, first)
		before := m.events
		res, err := m.f.Fire(m.step(icn.DID{}), first)
		require.NoError(m, err)
		require.NoError(m, m.carryOut(res))
		m.events = append(before, m.events...)
	}
	m.check()
}

// carryOut does what core and mana would do.
func (m *market) carryOut(res mesh.Result) error {
	for _, e := range res.Effects {
		switch e := e.(type) {
		case icn.Hold:
			if m.free[e.Account] < int64(e.Amount) {
				return errBroke
			}
			m.free[e.Account] -= int64(e.Amount)
			m.held[e.Account] += int64(e.Amount)
		case icn.Release:
			m.held[e.Account] -= int64(e.Amount)
			m.free[e.Account] += int64(e.Amount)
		case icn.Settle:
			m.held[e.From] -= int64(e.Held)
			m.free[e.From] += int64(e.Held - e.Price)
			m.free[e.To] += int64(e.Price)
			m.burnt += int64(e.Price)
			m.minted += int64(e.Price)
		case icn.Burn:
			m.held[e.Account] -= int64(e.Amount)
			m.burnt += int64(e.Amount)
		case icn.Refund:
			got := min(int64(e.Amount), m.free[e.From])
			m.free[e.From] -= got
			m.free[e.To] += got
			m.burnt, m.minted = m.burnt+got, m.minted+got
		case icn.SetTimer:
			m.timers[e.Name] = e.Due
		case icn.ClearTimer:
			delete(m.timers, e.Name)
		default:
			require.Failf(m, "effect", "%T", e)
		}
	}
	m.events = res.Events
	for _, b := range res.Events {
		switch b := b.(type) {
		case icn.JobSettled:
			m.end(b.Job, "settled")
		case icn.JobRolledBack:
			m.end(b.Job, "rolled back")
		case icn.JobCancelled:
			m.end(b.Job, "cancelled")
		}
	}
	return nil
}

func (m *market) end(id icn.CID, how string) {
	require.Empty(m, m.ended[id], "job %s ends a second time", id)
	m.ended[id] = how
}

// check is the invariant of the package, from outside.
func (m *market) check() {
	m.Helper()
	held, timers := map[icn.DID]int64{}, map[string]icn.Time{}
	m.f.Each(func(id icn.CID, j mesh.Job) bool {
		held[j.Submitter] += int64(j.Held())
		timers[mesh.TimerPrefix+id.KeyString()] = j.Due
		require.Empty(m, m.ended[id], "job %s ended and is open", id)
		require.Equal(m, j.Phase == mesh.Assigned, len(j.Runs) > 0, "an executor belongs to an assignment")
		for _, r := range j.Runs {
			require.LessOrEqual(m, r.Price, j.Share())
		}
		require.Less(m, uint64(j.Tries), m.rules.JobAttempts)
		require.Equal(m, int(j.Attempt), len(j.Failures)+1)
		return true
	})
	m.f.Checks(func(id icn.CID, c mesh.Check) bool {
		timers[mesh.CheckPrefix+id.KeyString()] = c.Due
		return true
	})
	require.NoError(m, m.f.Check())
	for d, n := range m.held { // order: each account stands alone
		require.Equal(m, held[d], n, "held is what open jobs hold")
		require.GreaterOrEqual(m, m.free[d], int64(0))
	}
	require.Equal(m, timers, m.timers, "each open job has its timer, and no other has one")
	sum := m.burnt - m.minted
	for d := range m.free { // order: a sum
		sum += m.free[d] + m.held[d]
	}
	require.Equal(m, int64(len(m.free)*purse), sum, "nothing comes from nowhere")
}

func spec() icn.JobSpec {
	return icn.JobSpec{Module: block("program"), Inputs: []icn.CID{block("input")}, Args: []string{"-v"}, Env: []string{"A=b"}}
}

// post says a job of ann's, assigned by n1, and returns its name.
func (m *market) post(budget uint64) icn.CID {
	m.Helper()
	m.must("ann", icn.JobPost{Via: did("n1"), Budget: budget, Spec: spec()})
	return icn.JobID(block(fmt.Sprint("statement ", m.said)), 0)
}

func offer(executor string, price uint64) icn.Offer {
	return icn.Offer{Bid: block("bid of " + executor), Executor: did(executor), Price: price, FreeSlots: 4, FreeMB: 4096, RTTMicros: 1000}
}

// assigned posts a job and gives it to n2 for 30 of 100.
func (m *market) assigned() icn.CID {
	m.Helper()
	id := m.post(100)
	m.assign(id)
	return id
}

// assign gives the job's current attempt to n2.
func (m *market) assign(id icn.CID) {
	m.Helper()
	j := m.job(id)
	m.must("n1", icn.JobAssign{Job: id, Attempt: j.Attempt, Executor: did("n2"), Offers: []icn.Offer{offer("n2", 30)}})
}

func (m *market) job(id icn.CID) mesh.Job {
	m.Helper()
	j, ok := m.f.Job(id)
	require.True(m, ok, "the job is open")
	return j
}

// receipt is what the executor of the job's attempt would say.
func (m *market) receipt(id icn.CID, attempt uint32) icn.JobReceipt {
	s := spec()
	if j, ok := m.f.Job(id); ok {
		s = j.Spec
	}
	return icn.JobReceipt{Job: id, Attempt: attempt, Spec: s.CID(), ABI: 1, Outcome: icn.Outcome{Output: block("output"), Gas: 5}}
}

func (m *market) closed(id icn.CID, how string) {
	m.Helper()
	_, open := m.f.Job(id)
	require.False(m, open)
	require.Equal(m, how, m.ended[id])
}

var _ tester = (*testing.T)(nil)

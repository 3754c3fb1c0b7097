package mesh_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mesh"
)

// give assigns the job's attempt by these offers and returns who got it.
func (m *market) give(id icn.CID, offers ...icn.Offer) string {
	m.Helper()
	j := m.job(id)
	who, _ := m.choose(j, offers...)
	m.must("n1", icn.JobAssign{Job: id, Attempt: j.Attempt, Executor: did(who), Offers: offers})
	return who
}

func TestTheNextBestOfferGetsTheJobAtOnce(t *testing.T) {
	m := newMarket(t)
	id := m.post(100)
	require.Equal(t, "n2", m.give(id, offer("n2", 10), offer("n3", 20), offer("n4", 30)))
	m.must("n2", icn.JobFail{Job: id, Attempt: 1, Executor: did("n2"), Reason: "disk"})
	require.Equal(t, icn.JobAssigned{Job: id, Attempt: 2, Executor: did("n3"), Price: 20, Next: true}, m.events[1])
	m.nodes[did("n4")] = false
	m.must("n3", icn.JobFail{Job: id, Attempt: 2, Executor: did("n3"), Declined: true})
	require.Equal(t, mesh.Posted, m.job(id).Phase, "who left gets nothing")
	require.EqualValues(t, 1, m.job(id).Tries, "what was declined was not tried")
}

func TestAuctionsArePutOffLongerAndLonger(t *testing.T) {
	m := newMarket(t)
	m.rules.JobAttempts, m.rules.BanAfter = 10, 1000
	id := m.post(100)
	last := icn.Time(0)
	for n := range uint32(6) {
		m.assign(id)
		m.must("n2", icn.JobFail{Job: id, Attempt: n + 1, Executor: did("n2")})
		j := m.job(id)
		pause := j.From - m.now
		require.GreaterOrEqual(t, pause, icn.Time(200<<n))
		require.Less(t, pause, icn.Time(250<<n))
		require.Greater(t, pause, last)
		last = pause
		m.refused("n1", icn.JobAssign{Job: id, Attempt: n + 2, Executor: did("n2"), Offers: []icn.Offer{offer("n2", 30)}}, icn.ErrConflict, "begins at")
		m.wait(uint64(pause))
	}
}

func TestWhoFailsAgainAndAgainIsBannedForAWhile(t *testing.T) {
	m := newMarket(t)
	fail := func() {
		id := m.post(10)
		m.must("n1", icn.JobAssign{Job: id, Attempt: 1, Executor: did("n2"), Offers: []icn.Offer{offer("n2", 1)}})
		m.wait(40_000)
		m.must("ann", icn.JobCancel{Job: id})
	}
	fail()
	fail()
	good := m.post(10)
	m.must("n1", icn.JobAssign{Job: good, Attempt: 1, Executor: did("n2"), Offers: []icn.Offer{offer("n2", 1)}})
	m.must("n2", m.receipt(good, 1))
	fail()
	fail()
	require.False(t, m.f.Standing(did("n2")).Banned(m.now), "a result in between counts")
	id := m.post(10)
	m.must("n1", icn.JobAssign{Job: id, Attempt: 1, Executor: did("n2"), Offers: []icn.Offer{offer("n2", 1)}})
	m.wait(40_000)
	until := m.now + icn.Time(m.rules.BanMillis)
	require.Equal(t, icn.ExecutorBanned{Executor: did("n2"), Until: until, Job: id, Reason: "3 failures in a row; the last: the executor did not answer in time"}, m.events[0])
	m.wait(1000)
	who, scores := m.choose(m.job(id), offer("n2", 1), offer("n3", 10))
	require.Equal(t, "n3", who)
	require.Contains(t, scores[0].Excluded, "banned for another 599 s")
	m.must("ann", icn.JobCancel{Job: id})
	m.wait(m.rules.BanMillis)
	who, _ = m.choose(job(), offer("n2", 1))
	require.Equal(t, "n2", who, "after the cooldown it may bid again")
}

func TestTheAssignersWordBansNobody(t *testing.T) {
	m := newMarket(t)
	m.rules.BanAfter, m.rules.JobAttempts = 1, 100
	id := m.assigned()
	m.must("n1", icn.JobFail{Job: id, Attempt: 1, Executor: did("n2"), Reason: "gone"})
	require.False(t, m.f.Standing(did("n2")).Banned(m.now))
	require.EqualValues(t, 1, m.f.Standing(did("n2")).Gone)
	m.wait(1000)
	m.assign(id)
	m.must("n2", icn.JobReceipt{Job: id, Attempt: 2, Spec: m.job(id).Spec.CID(), Outcome: icn.Outcome{Fault: icn.FaultTrap}})
	require.False(t, m.f.Standing(did("n2")).Banned(m.now), "a program's own fault is not its executor's")
}

func TestAClerkMayLiftABan(t *testing.T) {
	m := newMarket(t)
	m.rules.BanAfter = 1
	id := m.assigned()
	m.must("n2", icn.JobFail{Job: id, Attempt: 1, Executor: did("n2")})
	m.refused("n3", icn.BanLift{Executor: did("n2")}, icn.ErrDenied, "only a clerk")
	m.must("n1", icn.BanLift{Executor: did("n2")})
	m.refused("n1", icn.BanLift{Executor: did("n2")}, icn.ErrNotFound, "not banned")
	require.False(t, m.f.Standing(did("n2")).Banned(m.now))
}

func TestWhatIsDeclinedForeverEnds(t *testing.T) {
	m := newMarket(t)
	id := m.post(100)
	for n := uint32(1); m.ended[id] == ""; n++ {
		require.Less(t, n, uint32(100))
		m.assign(id)
		m.must("n2", icn.JobFail{Job: id, Attempt: n, Executor: did("n2"), Declined: true})
		m.wait(1000)
	}
	m.closed(id, "rolled back")
	require.EqualValues(t, purse, m.free[did("ann")])
}

// granted is a job of ann's of which the program may post and spend.
func (m *market) granted(submit, spend uint64) icn.CID {
	m.Helper()
	s := spec()
	s.Grants = icn.JobGrants{Submit: submit, Spend: spend}
	m.must("ann", icn.JobPost{Via: did("n1"), Budget: 100, Spec: s})
	id := icn.JobID(block("statement "+number(m.said)), 0)
	m.assign(id)
	return id
}

func TestWhatAProgramSpendsIsHeldBeforeAndBurntAfter(t *testing.T) {
	m := newMarket(t)
	id := m.granted(0, 40)
	require.EqualValues(t, 140, m.held[did("ann")])
	r := m.receipt(id, 1)
	r.Outcome.Spent = 41
	m.refused("n2", r, icn.ErrInvalid, "of 40 that were granted")
	r.Outcome.Spent = 15
	m.must("n2", r)
	require.EqualValues(t, purse-30-15, m.free[did("ann")])
	require.EqualValues(t, 45, m.burnt)
	require.EqualValues(t, 30, m.minted)
}

func TestAProgramPostsJobsInItsSubmittersName(t *testing.T) {
	m := newMarket(t)
	id := m.granted(50, 0)
	child := func(budget uint64) icn.Submitted { return icn.Submitted{Budget: budget, Spec: spec()} }
	r := m.receipt(id, 1)
	r.Outcome.Submits = []icn.Submitted{child(30), child(21)}
	m.refused("n2", r, icn.ErrInvalid, "more than the 50")
	r.Outcome.Fault, r.Outcome.Submits = icn.FaultTrap, []icn.Submitted{child(30)}
	m.refused("n2", r, icn.ErrInvalid, "posts nothing")
	r.Outcome.Fault, r.Outcome.Submits = icn.FaultNone, []icn.Submitted{child(30), child(0), child(20)}
	m.must("n2", r)
	done := m.events[0].(icn.JobSettled)
	require.Len(t, done.Submitted, 2)
	require.Contains(t, done.Dropped[0], "budget is 0")
	require.EqualValues(t, 50, m.held[did("ann")])
	require.Equal(t, did("ann"), m.job(done.Submitted[1]).Submitter)
	require.EqualValues(t, 20, m.job(done.Submitted[1]).Budget)
}

func TestNamedOutputsAreThoseThatWereAskedFor(t *testing.T) {
	m := newMarket(t)
	s := spec()
	s.Outputs = []string{"b", "a"}
	m.must("ann", icn.JobPost{Via: did("n1"), Budget: 100, Spec: s})
	id := icn.JobID(block("statement "+number(m.said)), 0)
	m.assign(id)
	r := m.receipt(id, 1)
	m.refused("n2", r, icn.ErrInvalid, "0 of 2 named outputs")
	r.Outcome.Outputs = []icn.NamedOutput{{Name: "b", CID: block("b")}, {Name: "a", CID: block("a")}}
	m.refused("n2", r, icn.ErrInvalid, "out of order")
	r.Outcome.Outputs = []icn.NamedOutput{{Name: "a", CID: block("a")}, {Name: "c", CID: block("b")}}
	m.refused("n2", r, icn.ErrInvalid, "not asked for")
	r.Outcome.Outputs = []icn.NamedOutput{{Name: "a", CID: block("a")}, {Name: "b", CID: block("b")}}
	m.must("n2", r)
	require.Equal(t, r.Outcome.Outputs, m.events[0].(icn.JobSettled).Outputs)
}

func TestTheNextAttemptBeginsFromTheLastCheckpoint(t *testing.T) {
	m := newMarket(t)
	id := m.post(100)
	m.give(id, offer("n2", 10), offer("n3", 20))
	save := icn.JobSave{Job: id, Attempt: 1, State: block("half")}
	m.refused("n3", save, icn.ErrDenied, "not this node's")
	m.must("n2", save)
	require.False(t, m.job(id).Began.Defined())
	m.wait(40_000)
	require.Equal(t, block("half"), m.job(id).Began)
	m.refused("n2", save, icn.ErrConflict, "attempt 2")
	for range 2 {
		m.wait(60_000)
	}
	for m.ended[id] == "" {
		m.wait(60_000)
	}
	back := m.events[len(m.events)-1].(icn.JobRolledBack)
	require.Equal(t, block("half"), *back.State, "another job can go on from it")
}

func TestAJobThatMakesNoSenseIsRefused(t *testing.T) {
	m := newMarket(t)
	for words, change := range map[string]func(*icn.JobSpec){ // order: each stands alone
		"no module":        func(s *icn.JobSpec) { s.Module = icn.CID{} },
		"an echo job has":  func(s *icn.JobSpec) { s.Kind = icn.JobEcho },
		"more than half":   func(s *icn.JobSpec) { s.Copies = icn.JobCopies{Of: 4, Agree: 2} },
		"5 of 3 executors": func(s *icn.JobSpec) { s.Copies = icn.JobCopies{Of: 3, Agree: 5} },
		"at most 7":        func(s *icn.JobSpec) { s.Copies = icn.JobCopies{Of: 9, Agree: 5} },
		"stands twice":     func(s *icn.JobSpec) { s.Outputs = []string{"a", "a"} },
		"run by one exec":  func(s *icn.JobSpec) { s.Copies, s.Grants.Submit = icn.JobCopies{Of: 3, Agree: 2}, 5 },
		"min_reputation":   func(s *icn.JobSpec) { s.Requires.Reputation = 101 },
		"no account has":   func(s *icn.JobSpec) { s.Grants.Spend = 1 << 60 },
	} {
		s := spec()
		change(&s)
		m.refused("ann", icn.JobPost{Via: did("n1"), Budget: 50, Spec: s}, icn.ErrInvalid, words)
	}
	m.must("ann", icn.JobPost{Via: did("n1"), Budget: 50, Spec: icn.JobSpec{Kind: icn.JobEcho, Inline: []byte("hello")}})
}

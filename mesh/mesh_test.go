package mesh_test

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mesh"
	"github.com/InterCooperative-Network/icn-core/state"
)

func TestAPostedJobHoldsItsBudgetAndWaits(t *testing.T) {
	m := newMarket(t)
	id := m.post(100)
	require.Equal(t, []icn.EventBody{icn.JobPosted{Job: id, Submitter: did("ann"), Via: did("n1"), Held: 100}}, m.events)
	j := m.job(id)
	require.Equal(t, mesh.Posted, j.Phase)
	require.EqualValues(t, 1, j.Attempt)
	require.Equal(t, m.now+10_000, j.Due)
	require.Equal(t, m.now, j.PostedAt)
	require.EqualValues(t, 100, m.held[did("ann")])
	require.Equal(t, icn.JobLimits{Gas: m.rules.JobGas, MemoryBytes: m.rules.JobMemoryBytes, OutputBytes: m.rules.JobOutputBytes,
		WallMillis: m.rules.JobWallMillis, TableElements: 100_000}, j.Spec.Limits, "what was left open is filled in from the rules")
}

func TestAJobThatCannotBeIsRefused(t *testing.T) {
	m := newMarket(t)
	post := func(change func(*icn.JobPost)) icn.JobPost {
		o := icn.JobPost{Via: did("n1"), Budget: 10, Spec: spec()}
		change(&o)
		return o
	}
	for words, change := range map[string]func(*icn.JobPost){ // order: each case stands alone
		"budget is 0":            func(o *icn.JobPost) { o.Budget = 0 },
		"no node of this":        func(o *icn.JobPost) { o.Via = did("ann") },
		"gas 10000000000001":     func(o *icn.JobPost) { o.Spec.Limits.Gas = m.rules.JobMaxGas + 1 },
		"memory_bytes":           func(o *icn.JobPost) { o.Spec.Limits.MemoryBytes = m.rules.JobMaxMemoryBytes + 1 },
		"output_bytes":           func(o *icn.JobPost) { o.Spec.Limits.OutputBytes = math.MaxUint64 },
		"wall_ms":                func(o *icn.JobPost) { o.Spec.Limits.WallMillis = m.rules.JobMaxWallMillis + 1 },
		"table_elements":         func(o *icn.JobPost) { o.Spec.Limits.TableElements = 1_000_001 },
		"want NAME=value":        func(o *icn.JobPost) { o.Spec.Env = []string{"novalue"} },
		"environment \"=value\"": func(o *icn.JobPost) { o.Spec.Env = []string{"=value"} },
		"zero byte":              func(o *icn.JobPost) { o.Spec.Args = []string{"a\x00b"} },
		"an argument holds":      func(o *icn.JobPost) { o.Spec.Env = []string{"A=\x00"} },
	} {
		m.refused("ann", post(change), icn.ErrInvalid, words)
	}
	m.must("ann", post(func(o *icn.JobPost) {
		o.Spec.Limits = icn.JobLimits{Gas: m.rules.JobMaxGas, MemoryBytes: m.rules.JobMaxMemoryBytes, OutputBytes: m.rules.JobMaxOutputBytes,
			WallMillis: m.rules.JobMaxWallMillis, TableElements: 1_000_000}
	}))
}

func TestABudgetOverTheBalanceIsRefused(t *testing.T) {
	m := newMarket(t)
	m.refused("ann", icn.JobPost{Via: did("n1"), Budget: purse + 1, Spec: spec()}, errBroke, "")
	require.Zero(t, m.f.Open())
	m.post(purse)
	m.refused("ann", icn.JobPost{Via: did("n1"), Budget: 1, Spec: spec()}, errBroke, "")
}

func TestOpenJobsOfASubmitterAreLimited(t *testing.T) {
	m := newMarket(t)
	m.rules.JobsPerMember = 2
	post := icn.JobPost{Via: did("n1"), Budget: 10, Spec: spec()}
	first := m.post(10)
	m.post(10)
	m.refused("ann", post, icn.ErrConflict, "2 jobs of this submitter")
	m.must("n3", post) // another's jobs do not count
	m.must("ann", icn.JobCancel{Job: first})
	m.must("ann", post)
	m.refused("ann", post, icn.ErrConflict, "2 jobs of this submitter")
}

func TestS6AJobIsSettledByItsExecutorsReceipt(t *testing.T) {
	m := newMarket(t)
	id := m.assigned()
	j := m.job(id)
	require.Equal(t, mesh.Assigned, j.Phase)
	require.Equal(t, m.now+30_000+10_000, j.Due)
	m.now += 500
	m.must("n2", m.receipt(id, 1))
	out := block("output")
	require.Equal(t, []icn.EventBody{icn.JobSettled{Job: id, Attempt: 1, Submitter: did("ann"), Executor: did("n2"),
		Output: &out, Burnt: 30, Minted: 30, Released: 70}}, m.events)
	m.closed(id, "settled")
	require.EqualValues(t, purse-30, m.free[did("ann")])
	require.EqualValues(t, purse+30, m.free[did("n2")])
}

func TestS4OnlyTheNamedNodeAssigns(t *testing.T) {
	m := newMarket(t)
	id := m.post(100)
	o := icn.JobAssign{Job: id, Attempt: 1, Executor: did("n2"), Offers: []icn.Offer{offer("n2", 30)}}
	for _, who := range []string{"n2", "n3", "ann", "stranger"} {
		m.refused(who, o, icn.ErrDenied, "assigns it")
	}
	m.must("n1", o)
	m.refused("n1", o, icn.ErrConflict, "attempt 1, assigned")
}

func TestAWrongChoiceIsRefused(t *testing.T) {
	m := newMarket(t)
	id := m.post(100)
	offers := []icn.Offer{offer("n2", 30), offer("n3", 29), offer("n4", 28)}
	for _, who := range []string{"n2", "n3", "n1", "stranger"} {
		m.refused("n1", icn.JobAssign{Job: id, Attempt: 1, Executor: did(who), Offers: offers}, icn.ErrInvalid, "do not make")
	}
	m.refused("n1", icn.JobAssign{Job: id, Attempt: 1, Executor: did("n2")}, icn.ErrInvalid, "do not make")
	m.refused("n1", icn.JobAssign{Job: id, Attempt: 1}, icn.ErrInvalid, "do not make")
	m.refused("n1", icn.JobAssign{Job: id, Attempt: 2, Executor: did("n4"), Offers: offers}, icn.ErrConflict, "attempt 1")
	m.refused("n1", icn.JobAssign{Job: block("no job"), Attempt: 1, Executor: did("n4"), Offers: offers}, icn.ErrNotFound, "not open")
	m.must("n1", icn.JobAssign{Job: id, Attempt: 1, Executor: did("n4"), Offers: offers})
	require.EqualValues(t, 28, m.job(id).Runs[0].Price)
}

func TestS5AReceiptThatDoesNotFitIsRefused(t *testing.T) {
	m := newMarket(t)
	id := m.post(100)
	m.refused("n2", m.receipt(id, 1), icn.ErrConflict, "attempt 1, posted")
	m.assign(id)
	good := m.receipt(id, 1)
	for _, who := range []string{"n1", "n3", "ann", "stranger"} {
		m.refused(who, good, icn.ErrDenied, "is "+did("n2").String()+"'s")
	}
	m.refused("n2", m.receipt(id, 2), icn.ErrConflict, "attempt 1")
	m.refused("n2", m.receipt(id, 0), icn.ErrConflict, "attempt 1")
	other := good
	other.Spec = spec().CID() // as it was posted: the limits are still open
	m.refused("n2", other, icn.ErrInvalid, "another program")
	empty := good
	empty.Outcome.Output = icn.CID{}
	m.refused("n2", empty, icn.ErrInvalid, "without an output")
	m.must("n2", good)
}

func TestASecondReceiptIsRefused(t *testing.T) {
	m := newMarket(t)
	id := m.assigned()
	r := m.receipt(id, 1)
	m.must("n2", r)
	m.refused("n2", r, icn.ErrNotFound, "ended")
	require.EqualValues(t, 30, m.minted)
}

func TestALateReceiptIsRefused(t *testing.T) {
	m := newMarket(t)
	id := m.assigned()
	m.wait(39_999)
	require.Empty(t, m.events)
	m.wait(1)
	who := did("n2")
	require.Equal(t, []icn.EventBody{icn.AttemptFailed{Job: id, Attempt: 1, Executor: &who, Cause: icn.CauseUnanswered, Reason: "the executor did not answer in time", Next: m.job(id).From}}, m.events)
	m.refused("n2", m.receipt(id, 1), icn.ErrConflict, "attempt 2, posted")
	m.wait(1000)
	m.assign(id)
	m.refused("n2", m.receipt(id, 1), icn.ErrConflict, "attempt 2, assigned")
	m.must("n2", m.receipt(id, 2))
}

func TestAGuestsFaultIsAnAttempt(t *testing.T) {
	for words, change := range map[string]func(*icn.JobReceipt){ // order: each case stands alone
		"the program ended with exit code 3":           func(r *icn.JobReceipt) { r.Outcome.Fault, r.Outcome.ExitCode = icn.FaultExit, 3 },
		"the program failed: gas":                      func(r *icn.JobReceipt) { r.Outcome.Fault = icn.FaultGas },
		"the program failed: trap: divided by nothing": func(r *icn.JobReceipt) { r.Outcome.Fault, r.Message = icn.FaultTrap, "divided by nothing" },
	} {
		m := newMarket(t)
		id := m.assigned()
		r := m.receipt(id, 1)
		change(&r)
		m.must("n2", r)
		who := did("n2")
		require.Equal(t, []icn.EventBody{icn.AttemptFailed{Job: id, Attempt: 1, Executor: &who, Cause: icn.CauseProgram, Reason: words, Next: m.job(id).From}}, m.events)
		require.Equal(t, []mesh.Failure{{Executor: who, Cause: icn.CauseProgram, Reason: words}}, m.job(id).Failures)
		require.Zero(t, m.minted, "a fault is not paid for")
	}
}

func TestAnExecutorMayDecline(t *testing.T) {
	m := newMarket(t)
	id := m.assigned()
	m.must("n2", icn.JobFail{Job: id, Attempt: 1, Executor: did("n2"), Declined: true, Reason: "full"})
	require.Equal(t, []mesh.Failure{{Executor: did("n2"), Cause: icn.CauseDeclined, Reason: "full"}}, m.job(id).Failures)
}

func TestTheAssignerMayGiveAnExecutorUp(t *testing.T) {
	m := newMarket(t)
	id := m.assigned()
	for _, who := range []string{"n3", "ann", "stranger"} {
		m.refused(who, icn.JobFail{Job: id, Attempt: 1, Executor: did("n2")}, icn.ErrDenied, "no such run")
	}
	m.must("n1", icn.JobFail{Job: id, Attempt: 1, Executor: did("n2"), Declined: true, Reason: "gone"})
	require.Equal(t, []mesh.Failure{{Executor: did("n2"), Cause: icn.CauseGone, Reason: "gone"}}, m.job(id).Failures, "it cannot decline in the other's name")
	m.refused("n1", icn.JobFail{Job: id, Attempt: 1, Executor: did("n2")}, icn.ErrConflict, "attempt 2, posted")
	m.refused("n1", icn.JobFail{Job: block("no job"), Attempt: 1, Executor: did("n2")}, icn.ErrNotFound, "not open")
}

func TestALongReasonIsCutBetweenCharacters(t *testing.T) {
	m := newMarket(t)
	id := m.assigned()
	m.must("n2", icn.JobFail{Job: id, Attempt: 1, Executor: did("n2"), Reason: "x" + strings.Repeat("ä", 2000)})
	reason := m.job(id).Failures[0].Reason
	require.True(t, utf8.ValidString(reason))
	require.Len(t, reason, 255)
}

func TestWhenAttemptsAreSpentTheJobIsRolledBack(t *testing.T) {
	m := newMarket(t)
	id := m.assigned()
	m.must("n2", icn.JobFail{Job: id, Attempt: 1, Executor: did("n2"), Reason: "first"})
	m.wait(11_000) // nobody is assigned
	m.wait(1_000)
	m.assign(id)
	m.must("n2", icn.JobFail{Job: id, Attempt: 3, Executor: did("n2"), Reason: "third"})
	who := did("n2")
	require.Equal(t, []icn.EventBody{
		icn.AttemptFailed{Job: id, Attempt: 3, Executor: &who, Cause: icn.CauseFailed, Reason: "third"},
		icn.JobRolledBack{Job: id, Submitter: did("ann"), Attempts: 3, Executors: []icn.DID{who, who},
			Errors: []string{"first", "nobody was assigned in time", "third"}, Restored: 100},
	}, m.events)
	m.closed(id, "rolled back")
	require.EqualValues(t, purse, m.free[did("ann")])
	m.refused("n2", m.receipt(id, 3), icn.ErrNotFound, "ended")
}

func TestTimersAloneEndAJobWhoseAssignerIsSilent(t *testing.T) {
	m := newMarket(t)
	id := m.post(100)
	for range 2 {
		m.wait(11_000)
		require.Equal(t, "", m.ended[id])
	}
	m.wait(11_000)
	m.closed(id, "rolled back")
	require.Empty(t, m.timers)
}

func TestAJumpOfTimeFailsOneAttemptOnly(t *testing.T) {
	m := newMarket(t)
	id := m.post(100)
	m.wait(365 * 24 * 3600 * 1000)
	require.Len(t, m.events, 1)
	require.EqualValues(t, 2, m.job(id).Attempt)
}

func TestATimerOfAnEndedJobDoesNothing(t *testing.T) {
	m := newMarket(t)
	id := m.post(100)
	m.must("ann", icn.JobCancel{Job: id})
	res, err := m.f.Fire(m.step(icn.DID{}), mesh.TimerPrefix+id.KeyString())
	require.NoError(t, err)
	require.Equal(t, mesh.Result{}, res)
}

func TestOnlyTheSubmitterCancelsAndOnlyAnOpenJob(t *testing.T) {
	m := newMarket(t)
	posted, assigned, settled := m.post(100), m.assigned(), m.assigned()
	m.must("n2", m.receipt(settled, 1))
	for _, who := range []string{"n1", "n2", "stranger"} {
		m.refused(who, icn.JobCancel{Job: posted}, icn.ErrDenied, "only its submitter")
		m.refused(who, icn.JobCancel{Job: assigned}, icn.ErrDenied, "only its submitter")
	}
	for _, id := range []icn.CID{posted, assigned} {
		m.must("ann", icn.JobCancel{Job: id})
		require.Equal(t, []icn.EventBody{icn.JobCancelled{Job: id, Submitter: did("ann"), Restored: 100}}, m.events)
		m.closed(id, "cancelled")
		m.refused("ann", icn.JobCancel{Job: id}, icn.ErrNotFound, "not open")
	}
	m.refused("n2", m.receipt(assigned, 1), icn.ErrNotFound, "ended")
	m.refused("ann", icn.JobCancel{Job: settled}, icn.ErrNotFound, "not open")
}

func TestADeadlineBeyondAllTimeIsItsEnd(t *testing.T) {
	m := newMarket(t)
	m.rules.JobAssignMillis, m.rules.JobMaxWallMillis = 1<<53, 1<<53
	m.now = 1 << 52
	m.must("ann", icn.JobPost{Via: did("n1"), Budget: 100, Spec: icn.JobSpec{Module: block("program"), Limits: icn.JobLimits{WallMillis: 1 << 53}}})
	check := func() {
		m.f.Each(func(_ icn.CID, j mesh.Job) bool { require.Equal(t, icn.Time(1<<53), j.Due); return true })
		db := state.NewDB()
		mesh.New(db)
		require.NoError(t, db.Restore(icn.NewReader(m.db.Snapshot(nil))), "the state can still be told")
	}
	check()
	m.f.Each(func(id icn.CID, _ mesh.Job) bool { m.assign(id); return false })
	check()
}

// reread is the fold that the market's snapshot gives.
func reread(t *testing.T, m *market) *mesh.Fold {
	db := state.NewDB()
	f := mesh.New(db)
	require.NoError(t, db.Restore(icn.NewReader(m.db.Snapshot(nil))))
	require.Equal(t, m.db.Root(), db.Root())
	return f
}

func TestRowsReadBackAsWritten(t *testing.T) {
	m := newMarket(t)
	id := m.assigned()
	m.must("n2", icn.JobFail{Job: id, Attempt: 1, Executor: did("n2"), Declined: true, Reason: "full"})
	m.wait(1000)
	m.assign(id)
	m.post(20)
	f := reread(t, m)
	require.Equal(t, 2, f.Open())
	j, _ := f.Job(id)
	require.Equal(t, m.job(id), j)
}

func TestWhatIsNoOperationOnJobsIsRefused(t *testing.T) {
	newMarket(t).refused("n1", icn.NodeLeave{}, icn.ErrInvalid, "node.leave")
}

func TestATimerOfNoJobIsNone(t *testing.T) {
	for _, name := range []string{"", "x", "checkpoint", mesh.TimerPrefix, mesh.TimerPrefix + "x"} {
		_, _, err := mesh.TimerJob(name)
		require.ErrorIs(t, err, icn.ErrInvalid, name)
	}
}

func TestPhasesHaveWords(t *testing.T) {
	require.Equal(t, "posted assigned", mesh.Posted.String()+" "+mesh.Assigned.String())
}

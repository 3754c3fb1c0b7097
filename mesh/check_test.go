package mesh_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mesh"
)

func number(n int) string { return fmt.Sprint(n) }

// settled is a job of ann's that n2 said a receipt for, of this output.
func (m *market) settled(output string) icn.CID {
	m.Helper()
	id := m.assigned()
	r := m.receipt(id, 1)
	r.Outcome.Output = block(output)
	m.must("n2", r)
	return id
}

// found says what the node that runs the job again found.
func (m *market) found(id icn.CID, output string) string {
	m.Helper()
	c, ok := m.f.Settled(id)
	require.True(m, ok)
	for _, n := range []string{"n1", "n2", "n3", "n4", "n5", "n6"} {
		if c.Pending(did(n)) {
			m.must(n, icn.JobVerdict{Job: id, Outcome: icn.Outcome{Output: block(output), Gas: 5}, ABI: 1})
			return n
		}
	}
	require.Fail(m, "nobody runs it again")
	return ""
}

func TestAnHonestReceiptStandsTheCheck(t *testing.T) {
	m := newMarket(t)
	id := m.settled("output")
	m.must("n1", icn.JobCheck{Job: id})
	opened := m.events[0].(icn.CheckOpened)
	require.NotContains(t, []icn.DID{did("n1"), did("n2")}, opened.Checker, "neither who ran it nor who assigned it")
	m.refused("n1", icn.JobCheck{Job: id}, icn.ErrConflict, "is being checked")
	by := m.found(id, "output")
	require.Equal(t, []icn.EventBody{icn.CheckEnded{Job: id, Executor: did("n2"), Result: "match", Checkers: []icn.DID{did(by)}}}, m.events)
	require.Empty(t, m.timers)
	m.refused("n1", icn.JobCheck{Job: id}, icn.ErrNotFound, "settled too long ago")
}

func TestALiarIsConvictedByTwoOthers(t *testing.T) {
	m := newMarket(t)
	id := m.settled("lie")
	m.must("ann", icn.JobCheck{Job: id})
	first := m.found(id, "output")
	require.NotNil(t, m.events[0].(icn.CheckOpened), "one word against another is not enough")
	second := m.found(id, "output")
	require.Equal(t, "mismatch", m.events[0].(icn.CheckEnded).Result)
	require.Equal(t, icn.ExecutorConvicted{Job: id, Executor: did("n2"), Against: []icn.DID{did(first), did(second)}}, m.events[1])
	require.True(t, m.f.Standing(did("n2")).Banned(m.now+icn.Time(m.rules.ConvictedMillis)-1))
	require.EqualValues(t, purse, m.free[did("ann")])
	require.EqualValues(t, purse, m.free[did("n2")])
}

func TestACheckerThatLiesIsConvictedItself(t *testing.T) {
	m := newMarket(t)
	id := m.settled("output")
	m.must("n1", icn.JobCheck{Job: id})
	liar := m.found(id, "lie")
	m.found(id, "output")
	require.Equal(t, "match", m.events[0].(icn.CheckEnded).Result)
	require.Equal(t, did(liar), m.events[1].(icn.ExecutorConvicted).Executor)
	require.EqualValues(t, purse+30, m.free[did("n2")])
}

func TestWithoutAMajorityNobodyIsConvicted(t *testing.T) {
	m := newMarket(t)
	id := m.settled("one")
	m.must("n1", icn.JobCheck{Job: id})
	m.found(id, "two")
	m.found(id, "three")
	require.Equal(t, "n1", m.found(id, "four"), "who assigned it comes last")
	require.Equal(t, "indeterminate", m.events[0].(icn.CheckEnded).Result)
	require.Len(t, m.events, 1)
}

func TestWhoDoesNotRunAJobAgainInTimeIsPassedOver(t *testing.T) {
	m := newMarket(t)
	id := m.settled("output")
	m.must("n1", icn.JobCheck{Job: id})
	first := m.events[0].(icn.CheckOpened).Checker
	m.wait(40_000)
	require.EqualValues(t, 1, m.f.Standing(first).Unanswered)
	m.refused("ann", icn.JobVerdict{Job: id}, icn.ErrConflict, "nobody waits")
	m.found(id, "output")
	require.Equal(t, "match", m.events[0].(icn.CheckEnded).Result)
}

func TestAnotherSandboxDecidesNothing(t *testing.T) {
	m := newMarket(t)
	id := m.settled("output")
	m.must("n1", icn.JobCheck{Job: id})
	c, _ := m.f.Settled(id)
	for _, n := range []string{"n3", "n4"} {
		if c.Pending(did(n)) {
			m.must(n, icn.JobVerdict{Job: id, Outcome: icn.Outcome{Output: block("other"), Gas: 5}, ABI: 2})
		}
	}
	require.IsType(t, icn.CheckOpened{}, m.events[0])
	m.found(id, "output")
	require.Equal(t, "match", m.events[0].(icn.CheckEnded).Result)
	require.Len(t, m.events, 1)
}

func TestOnlyForAWhileCanAJobBeChecked(t *testing.T) {
	m := newMarket(t)
	id := m.settled("output")
	m.refused("n3", icn.JobCheck{Job: id}, icn.ErrDenied, "its submitter may")
	m.wait(m.rules.CheckMillis)
	require.Empty(t, m.timers)
	m.refused("ann", icn.JobCheck{Job: id}, icn.ErrNotFound, "settled too long ago")
}

// copied is a job of ann's that several run, of whom some must agree.
func (m *market) copied(of, agree uint64) (icn.CID, []string) {
	m.Helper()
	m.nodes[did("n5")] = true
	s := spec()
	s.Copies = icn.JobCopies{Of: of, Agree: agree}
	m.must("ann", icn.JobPost{Via: did("n1"), Budget: 100, Spec: s})
	id := icn.JobID(block("statement "+number(m.said)), 0)
	m.give(id, offer("n2", 10), offer("n3", 11), offer("n4", 12), offer("n5", 13))
	var who []string
	for _, r := range m.job(id).Runs {
		for _, n := range []string{"n2", "n3", "n4", "n5"} {
			if did(n) == r.Executor {
				who = append(who, n)
			}
		}
	}
	require.Len(m, who, int(of))
	return id, who
}

func (m *market) result(id icn.CID, who, output string) {
	m.Helper()
	r := m.receipt(id, m.job(id).Attempt)
	r.Outcome.Output = block(output)
	m.must(who, r)
}

func TestSeveralWhoAgreeAreAllPaid(t *testing.T) {
	m := newMarket(t)
	id, who := m.copied(3, 2)
	for _, n := range who {
		m.result(id, n, "output")
	}
	m.closed(id, "settled")
	require.EqualValues(t, purse-10-11-12, m.free[did("ann")])
	require.Len(t, m.events[0].(icn.JobSettled).Paid, 3)
}

func TestWhoDiffersFromAMajorityIsConvictedAndNotPaid(t *testing.T) {
	m := newMarket(t)
	id, who := m.copied(3, 2)
	m.result(id, who[0], "lie")
	m.result(id, who[1], "output")
	require.Empty(t, m.ended[id], "the third may still speak")
	m.result(id, who[2], "output")
	m.closed(id, "settled")
	require.Equal(t, did(who[0]), m.events[0].(icn.ExecutorConvicted).Executor)
	require.True(t, m.f.Standing(did(who[0])).Banned(m.now))
	require.EqualValues(t, purse, m.free[did(who[0])])
}

func TestSilenceOfOneDoesNotStopTheOthers(t *testing.T) {
	m := newMarket(t)
	id, who := m.copied(3, 2)
	m.result(id, who[1], "output")
	m.result(id, who[2], "output")
	m.wait(40_000)
	m.closed(id, "settled")
	require.Equal(t, icn.RunFailed{Job: id, Attempt: 1, Executor: did(who[0]), Reason: "the executor did not answer in time"}, m.events[0])
}

func TestWithoutEnoughAgreementTheJobIsTriedAgain(t *testing.T) {
	m := newMarket(t)
	id, who := m.copied(3, 2)
	for i, n := range who {
		m.result(id, n, number(i))
	}
	require.Equal(t, icn.CauseDisagree, m.events[0].(icn.AttemptFailed).Cause)
	require.Equal(t, mesh.Posted, m.job(id).Phase)
	require.Zero(t, m.minted)
}

func TestAnAnswerThatAllGiveMayBeAFault(t *testing.T) {
	m := newMarket(t)
	id, who := m.copied(2, 2)
	for _, n := range who {
		m.must(n, icn.JobReceipt{Job: id, Attempt: 1, Spec: m.job(id).Spec.CID(), Outcome: icn.Outcome{Fault: icn.FaultTrap, Gas: 7}})
	}
	require.Equal(t, icn.CauseProgram, m.events[0].(icn.AttemptFailed).Cause)
}

func TestCopiesSurviveARestart(t *testing.T) {
	m := newMarket(t)
	id, who := m.copied(3, 2)
	m.result(id, who[0], "output")
	again := reread(t, m)
	j, _ := again.Job(id)
	require.Equal(t, m.job(id), j)
	m.result(id, who[1], "output")
	m.result(id, who[2], "lie")
	sure := m.settled("output")
	m.must("n1", icn.JobCheck{Job: sure})
	want, _ := m.f.Settled(sure)
	got, _ := reread(t, m).Settled(sure)
	require.Equal(t, want, got)
}

// foundAsked is found, by somebody who comes to another transcript.
func (m *market) foundAsked(id icn.CID, asked icn.CID) {
	m.Helper()
	c, ok := m.f.Settled(id)
	require.True(m, ok)
	for _, n := range []string{"n1", "n2", "n3", "n4", "n5", "n6"} {
		if c.Pending(did(n)) {
			m.must(n, icn.JobVerdict{Job: id, Outcome: icn.Outcome{Output: block("output"), Gas: 5, Transcript: asked}, ABI: 1})
			return
		}
	}
	require.Fail(m, "nobody runs it again")
}

// reading is a job whose program may ask, settled with this transcript.
func (m *market) reading(asked icn.CID) icn.CID {
	m.Helper()
	s := spec()
	s.Grants.Read = true
	m.must("ann", icn.JobPost{Via: did("n1"), Budget: 100, Spec: s})
	id := icn.JobID(block("statement "+number(m.said)), 0)
	m.give(id, offer("n2", 30))
	r := m.receipt(id, 1)
	r.Outcome.Transcript = asked
	m.must("n2", r)
	return id
}

// TestASpoiltTranscriptStandsAgainstWhoSignedIt: what it names need not be had, for
// nobody reads it; those who run the job again come to their own.
func TestASpoiltTranscriptStandsAgainstWhoSignedIt(t *testing.T) {
	m := newMarket(t)
	id := m.reading(block("nobody can have this"))
	m.must("n1", icn.JobCheck{Job: id})
	m.foundAsked(id, block("what was asked"))
	m.foundAsked(id, block("what was asked"))
	require.Equal(t, "mismatch", m.events[0].(icn.CheckEnded).Result)
	require.Equal(t, did("n2"), m.events[1].(icn.ExecutorConvicted).Executor)
}

func TestOneCheckerWithAnotherTranscriptBansNobody(t *testing.T) {
	m := newMarket(t)
	id := m.reading(block("what was asked"))
	m.must("n1", icn.JobCheck{Job: id})
	m.foundAsked(id, block("a lie"))
	m.foundAsked(id, block("what was asked"))
	require.Equal(t, "match", m.events[0].(icn.CheckEnded).Result)
	require.NotEqual(t, did("n2"), m.events[1].(icn.ExecutorConvicted).Executor)
}

func TestWhoMayNotAskHasNoTranscript(t *testing.T) {
	m := newMarket(t)
	id := m.assigned()
	r := m.receipt(id, 1)
	r.Outcome.Transcript = block("asked")
	m.refused("n2", r, icn.ErrInvalid, "asked what was not granted")
}

// TestACheckKnowsWhenTheJobWasGiven: as of which entry the program was told things.
func TestACheckKnowsWhenTheJobWasGiven(t *testing.T) {
	m := newMarket(t)
	id := m.assigned()
	given := m.job(id).Given
	require.NotZero(t, given)
	m.must("n2", m.receipt(id, 1))
	c, ok := m.f.Settled(id)
	require.True(t, ok)
	require.Equal(t, given, c.Given)
}

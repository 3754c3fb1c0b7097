package core_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// assembled is a federation with three people who vote: ann, bob and cyd.
func assembled(t *testing.T) *federation {
	f := newFederation(t, founding())
	f.say("n1", icn.MemberAdmit{Member: did("bob"), Role: icn.RolePerson, Name: "Bob"}, icn.MemberAdmit{Member: did("cyd"), Role: icn.RolePerson, Name: "Cyd"})
	return f
}

func (f *federation) propose(who string, m icn.Motion) icn.CID {
	f.say(who, icn.ProposalCreate{Proposal: icn.Proposal{Title: "It", Motion: m, Method: icn.YesNo, Electorate: icn.Members}})
	return f.job(0)
}

func (f *federation) votes(id icn.CID, choice uint64, who ...string) {
	for _, w := range who {
		f.say(w, icn.BallotCast{Proposal: id, Choice: []uint64{choice}})
	}
}

// closes lets the deadline of a vote come.
func (f *federation) closes(id icn.CID) core.Outcome {
	p, ok := f.m.Proposal(id)
	require.True(f, ok)
	return f.tick(p.Vote.Deadline - f.now)
}

func (f *federation) stage(id icn.CID) icn.Stage {
	p, ok := f.m.Proposal(id)
	require.True(f, ok)
	return p.Stage
}

func set(name string, value uint64) icn.SetRules {
	return icn.SetRules{Settings: []icn.Setting{{Name: name, Value: value}}}
}

func TestAParameterActsFromTheEntryOfItsEnactment(t *testing.T) {
	f := assembled(t)
	id := f.propose("ann", set("mana_issue", 300))
	f.votes(id, icn.Yes, "ann", "bob")
	f.say("n1", icn.MemberAdmit{Member: did("dan"), Role: icn.RolePerson, Name: "Dan"})
	out := f.closes(id)
	require.Equal(t, icn.StageExecuted, f.stage(id))
	require.Contains(t, types(out), "RuleChanged")
	f.say("n1", icn.MemberAdmit{Member: did("eve"), Role: icn.RolePerson, Name: "Eve"})
	before, _ := f.m.Account(did("dan"), 0)
	after, _ := f.m.Account(did("eve"), 0)
	require.Greater(t, before.Balance, uint64(999))
	require.EqualValues(t, 300, after.Balance)
	again, err := core.Restore(f.genesis, key.Verify, f.m.Snapshot())
	require.NoError(t, err)
	require.EqualValues(t, 300, again.Rules().ManaIssue, "and it outlives a snapshot")
}

func TestWhatGrewUnderAnOldRateHasGrown(t *testing.T) {
	f := assembled(t)
	const hour = 3_600_000
	start, _ := f.m.Account(did("n3"), 0)
	id := f.propose("ann", set("mana_regeneration_rate", 1000))
	f.votes(id, icn.Yes, "ann", "bob")
	f.closes(id) // a week at 10 an hour
	week, _ := f.m.Account(did("n3"), 0)
	require.EqualValues(t, 7*24*10, week.Balance-start.Balance)
	f.tick(hour)
	later, _ := f.m.Account(did("n3"), 0)
	require.EqualValues(t, 1000, later.Balance-week.Balance)
	require.NoError(t, f.m.CheckAccounts())
}

func TestAnEnactmentThatDiffersFromItsRehearsalStops(t *testing.T) {
	f := assembled(t)
	first := f.propose("ann", set("vote_cost", 5))
	f.tick(1000)
	second := f.propose("bob", set("vote_cost", 7)) // said to change 1 to 7
	f.votes(first, icn.Yes, "ann", "bob", "cyd")
	f.votes(second, icn.Yes, "ann", "bob", "cyd")
	f.closes(first)
	f.closes(second)
	require.Equal(t, icn.StageExecuted, f.stage(first))
	require.Equal(t, icn.StageFailed, f.stage(second))
	p, _ := f.m.Proposal(second)
	require.Contains(t, p.Reason, "something else than when the vote opened")
	require.EqualValues(t, 5, f.m.Rules().VoteCost)
}

func TestARehearsalChangesNothing(t *testing.T) {
	f := assembled(t)
	before := f.m.Snapshot()
	seen := uint64(0)
	r, err := f.m.Rehearse(icn.SetRules{Settings: []icn.Setting{{Name: "mana_max_capacity", Value: 20_000}, {Name: "clerks", Value: 1}}}, func() { seen = f.m.Rules().ManaCap })
	require.NoError(t, err)
	require.EqualValues(t, 20_000, seen)
	require.Equal(t, []icn.EventBody{icn.RuleChanged{Name: "mana_max_capacity", Was: 10_000, Becomes: 20_000}, icn.RuleChanged{Name: "clerks", Was: 7, Becomes: 1}}, r.Events)
	require.Equal(t, before, f.m.Snapshot())
	require.Len(t, f.m.Clerks(), 3)
	_, err = f.m.Rehearse(set("mana_max_capacity", 0), nil)
	require.ErrorIs(t, err, icn.ErrInvalid)
	_, err = f.m.Rehearse(icn.RemoveMember{Member: did("nobody")}, nil)
	require.ErrorIs(t, err, icn.ErrNotFound)
	_, err = f.m.Rehearse(icn.Resolve{Actions: []icn.Action{{Do: icn.FreezeReputation, Who: did("nobody")}}}, nil)
	require.ErrorIs(t, err, icn.ErrNotFound)
	require.Equal(t, before, f.m.Snapshot())
	f.tick(0)
}

func TestWhatIsBoundIsWhatIsRehearsed(t *testing.T) {
	f := assembled(t)
	for _, m := range []icn.Motion{set("proposal_cost", 3), icn.AdmitMember{Member: did("dan"), Role: icn.RolePerson, Name: "Dan"},
		icn.SuspendMember{Member: did("cyd"), Millis: 500_000_000_000, Reason: "unpaid"}, icn.ReinstateMember{Member: did("cyd")}, icn.RemoveMember{Member: did("cyd")},
		icn.GrantBudget{To: did("n2"), Amount: 50, Purpose: "disks"}, icn.NoticeUpgrade{Version: "2.0.0"}, icn.Declare{Text: "Well done."},
		icn.Resolve{Actions: []icn.Action{{Do: icn.FreezeReputation, Who: did("n3")}, {Do: icn.PauseCredential, Credential: block("c")}}},
		icn.SetClerks{Nodes: []icn.DID{did("n4")}}, icn.SetVetoGroup{Members: []icn.DID{did("bob")}}, icn.ExpelNode{Node: did("n3"), Reason: "gone"}} {
		r, err := f.m.Rehearse(m, nil)
		require.NoError(t, err, m.MotionKind())
		id := f.propose("ann", m)
		p, _ := f.m.Proposal(id)
		require.Equal(t, r.Difference, p.Vote.Difference, m.MotionKind())
		f.votes(id, icn.Yes, "ann", "bob")
		f.closes(id)
		require.Equal(t, icn.StageExecuted, f.stage(id), "%s: %s", m.MotionKind(), mustProposal(f, id))
		_, err = core.Restore(f.genesis, key.Verify, f.m.Snapshot())
		require.NoError(t, err, m.MotionKind())
	}
	require.False(t, f.m.IsNode(did("n3")))
	require.Equal(t, did("n4"), f.m.Clerks()[0].DID)
	require.Equal(t, "2.0.0", f.m.Notice())
	_, paused := f.m.Paused(block("c"))
	require.True(t, paused)
	require.Zero(t, f.m.Reputation(did("n3"), f.now))
}

func mustProposal(f *federation, id icn.CID) string {
	p, _ := f.m.Proposal(id)
	return p.Reason
}

func TestClerksChangeByAVoteWhileItsCheckpointIsDue(t *testing.T) {
	f := assembled(t)
	id := f.propose("ann", set("clerks", 1))
	f.votes(id, icn.Yes, "ann", "bob")
	out := f.closes(id)
	require.True(t, out.Nodes)
	require.Len(t, f.m.Clerks(), 1)
}

func TestBallotsNeedTheirVotersSignature(t *testing.T) {
	f := assembled(t)
	id := f.propose("ann", icn.Declare{})
	f.refused(f.statement("n1", icn.BallotCast{Proposal: id, Choice: []uint64{icn.Yes}}), icn.ErrDenied, "nodes do not")
	f.refused(f.statement("n1", icn.BallotCast{Proposal: id, For: did("bob"), Choice: []uint64{icn.Yes}}), icn.ErrDenied, "nodes do not")
	s := f.statement("bob", icn.BallotCast{Proposal: id, Choice: []uint64{icn.Yes}})
	s.Ops = []icn.Op{icn.BallotCast{Proposal: id, Choice: []uint64{icn.No}}}
	f.refused(s, icn.ErrDenied, "signature")
	f.votes(id, icn.Yes, "bob")
	f.refused(f.last, icn.ErrConflict, "used before")
}

func TestASuspendedMemberNeitherVotesNorProposes(t *testing.T) {
	f := assembled(t)
	id := f.propose("ann", icn.SuspendMember{Member: did("cyd"), Reason: "unpaid"})
	f.votes(id, icn.Yes, "ann", "bob")
	f.closes(id)
	other := f.propose("ann", icn.Declare{})
	f.refused(f.statement("cyd", icn.BallotCast{Proposal: other, Choice: []uint64{icn.Yes}}), icn.ErrDenied, "")
	f.refused(f.statement("cyd", icn.ProposalCreate{Proposal: icn.Proposal{Title: "x", Motion: icn.Declare{}, Method: icn.YesNo, Electorate: icn.Members}}), icn.ErrDenied, "")
	p, _ := f.m.Proposal(other)
	require.EqualValues(t, 2, p.Vote.Roll)
}

func TestAnEarlyCloseEnactsWithinItsStatement(t *testing.T) {
	f := assembled(t)
	id := f.propose("ann", set("vote_cost", 0))
	f.votes(id, icn.Yes, "ann", "bob")
	out := f.say("bob", icn.ProposalClose{ID: id})
	require.Equal(t, []string{"VotingClosed", "ProposalMoved", "RuleChanged", "ProposalMoved", "Enacted", "ProposerThanked"}, types(out))
	require.Zero(t, f.m.Rules().VoteCost)
	f.tick(1000)
}

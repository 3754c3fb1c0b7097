package icn_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/InterCooperative-Network/icn-core/icn"
)

func TestEveryMotionHasWordsThatTellAllOfIt(t *testing.T) {
	a, b := who(1), who(2)
	cred := rawCID("credential")
	for _, x := range []struct {
		motion icn.Motion
		words  string
	}{
		{icn.SetRules{Settings: []icn.Setting{{Name: "voting_ms", Value: 259_200_000}, {Name: "vote_cost", Value: 2}}}, "change the rules: voting_ms = 259200000 (3 days), vote_cost = 2"},
		{icn.AdmitMember{Member: a, Role: icn.RoleOrg, Name: "Bakery"}, "take in “Bakery” as an organisation (" + a.String() + ")"},
		{icn.AdmitMember{Member: a, Role: icn.RolePerson, Name: "Ann"}, "take in “Ann” as a person (" + a.String() + ")"},
		{icn.RemoveMember{Member: a, Reason: "moved away"}, "end the membership of " + a.String() + ": moved away"},
		{icn.SuspendMember{Member: a, Millis: 3_600_000}, "suspend " + a.String() + " for 1 hour"},
		{icn.SuspendMember{Member: a, Reason: "x"}, "suspend " + a.String() + " until it is reinstated: x"},
		{icn.ReinstateMember{Member: a}, "reinstate " + a.String()},
		{icn.GrantBudget{To: b, Amount: 50, Purpose: "roof"}, "give 50 of capacity to " + b.String() + ": roof"},
		{icn.NoticeUpgrade{Version: "1.2"}, "ask operators to install release “1.2”"},
		{icn.Declare{Text: "We share tools."}, "We share tools."},
		{icn.Resolve{Actions: []icn.Action{{Do: icn.PauseCredential, Credential: cred}, {Do: icn.ThawReputation, Who: a}}},
			"resolve to pause the credential " + cred.String() + "; let the reputation of " + a.String() + " count again"},
		{icn.SetClerks{Nodes: []icn.DID{a, b}}, "let these nodes order the log first: " + a.String() + ", " + b.String()},
		{icn.ExpelNode{Node: a}, "take the node " + a.String() + " out of the federation"},
		{icn.SetVetoGroup{}, "have no veto group"},
		{icn.SetVetoGroup{Members: []icn.DID{a}}, "let these members stop what was accepted: " + a.String()},
	} {
		require.Equal(t, x.words, icn.MotionWords(x.motion))
	}
}

func TestNoMotionAndNoWordOfAMemberIsWithoutWords(t *testing.T) {
	for _, kind := range icn.MotionKinds() {
		var m icn.MotionJSON
		require.NoError(t, m.UnmarshalJSON([]byte(`{"kind":"`+kind+`","data":{}}`)))
		require.NotContains(t, icn.MotionWords(m.Motion), "nothing that this release knows", kind)
	}
	p := icn.Proposal{Title: "Tools", Motion: icn.Declare{Text: "Share?"}, Method: icn.Ranked, Options: []string{"all", "some"}, Electorate: icn.Persons}
	id := rawCID("proposal")
	seen := map[string]icn.Op{}
	for _, op := range []icn.Op{
		icn.MemberLeave{}, icn.GuardiansSet{}, icn.GuardiansSet{Guardians: []icn.DID{who(1)}, Needed: 1}, icn.RecoverySupport{Member: who(1), Key: who(2)}, icn.RecoveryVeto{},
		icn.KeyRotate{Key: who(2)}, icn.ProposalCreate{Proposal: p}, icn.ProposalCreate{Draft: true, Proposal: p}, icn.ProposalAmend{ID: id, Proposal: p},
		icn.ProposalAdvance{ID: id}, icn.ProposalSponsor{ID: id}, icn.ProposalWithdraw{ID: id}, icn.ProposalVeto{ID: id}, icn.ProposalVeto{ID: id, Reason: "no"}, icn.ProposalClose{ID: id},
		icn.BallotCast{Proposal: id}, icn.BallotCast{Proposal: id, Choice: []uint64{1}}, icn.BallotCast{Proposal: id, Choice: []uint64{2}}, icn.BallotCast{Proposal: id, Choice: []uint64{2, 1}},
		icn.BallotCast{Proposal: id, For: who(3), Choice: []uint64{1}},
		icn.DelegationSet{To: who(1)}, icn.DelegationSet{To: who(1), Proxy: true}, icn.DelegationSet{To: who(1), Scope: icn.Scope{Kind: "budget"}}, icn.DelegationSet{To: who(1), Expires: 1000},
		icn.DelegationRevoke{}, icn.DelegationRevoke{Scope: icn.Scope{Proposal: id}},
	} {
		words := icn.OpWords(op)
		require.NotEqual(t, op.Kind(), words)
		require.NotContains(t, seen, words, "%#v reads like %#v", op, seen[words])
		seen[words] = op
	}
	require.Equal(t, "job.cancel", icn.OpWords(icn.JobCancel{Job: id}))
}

func TestChoiceInWords(t *testing.T) {
	options := []string{"red", "green", "blue"}
	for _, x := range []struct {
		m      icn.Method
		choice []uint64
		words  string
	}{
		{icn.YesNo, []uint64{1}, "yes"}, {icn.YesNo, []uint64{2}, "no"}, {icn.YesNo, []uint64{0}, "abstain"}, {icn.YesNo, nil, "abstain"}, {icn.YesNo, []uint64{7}, "7"},
		{icn.Ranked, []uint64{3, 1}, "1. blue, 2. red"}, {icn.Approval, []uint64{1, 2}, "red, green"}, {icn.Approval, []uint64{9}, "option 9"},
		{icn.Weighted, []uint64{60, 0, 40}, "red: 60, blue: 40"}, {icn.Quadratic, []uint64{0, 10, 0, 1}, "green: 10, option 4: 1"}, {icn.Ranked, nil, "abstain"},
	} {
		require.Equal(t, x.words, icn.ChoiceWords(x.m, options, x.choice))
	}
}

func TestMomentsReadLikeTheCalendars(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(0, 250_000_000_000_000).Draw(t, "ms")
		require.Equal(t, time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05 UTC"), icn.Time(ms).UTC())
	})
}

func TestLapseIsExact(t *testing.T) {
	for ms, words := range map[uint64]string{0: "0 ms", 999: "999 ms", 1000: "1 second", 90_000: "90 seconds", 86_400_000: "1 day", 90_000_000: "25 hours", 86_400_001: "86400001 ms"} {
		require.Equal(t, words, icn.Lapse(ms))
	}
}

package governance_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

var errEnact = fmt.Errorf("enact: %w: no longer possible", icn.ErrConflict)

// The numbers are those of the original's scenarios.

func TestG1AcceptedByItsDeadlineAndEnacted(t *testing.T) {
	a := newAssembly(t, "ann", "bob", "cyd")
	id := a.propose("ann", motion(func(p *icn.Proposal) {
		p.Motion = icn.AdmitMember{Member: did("dan"), Role: icn.RolePerson, Name: "Dan"}
	}))
	require.Equal(t, icn.StageVoting, a.stage(id), "nothing stands before the vote by these rules")
	a.vote(id, icn.Yes, "ann", "bob")
	a.end(id)
	require.Equal(t, icn.StageExecuted, a.stage(id))
	require.Equal(t, [3]uint64{2, 0, 0}, a.counts(id))
	require.Equal(t, []icn.Motion{icn.AdmitMember{Member: did("dan"), Role: icn.RolePerson, Name: "Dan"}}, a.enacted)
	require.Empty(t, a.timers)
}

func TestG2TooFewVotesReject(t *testing.T) {
	a := newAssembly(t, "ann", "bob", "cyd")
	id := a.propose("ann", motion(func(p *icn.Proposal) { p.QuorumCount = 2 }))
	a.vote(id, icn.Yes, "ann")
	a.end(id)
	require.Equal(t, icn.StageRejected, a.stage(id))
	require.Equal(t, [3]uint64{1, 0, 0}, a.counts(id))
}

func TestG3And4TheThresholdDecides(t *testing.T) {
	for _, c := range []struct {
		threshold uint64
		yes, no   int
		want      icn.Stage
	}{
		{0, 1, 1, icn.StageRejected}, // a tie fails
		{0, 2, 1, icn.StageExecuted},
		{750, 2, 1, icn.StageRejected},
		{750, 3, 1, icn.StageExecuted},
		{100, 1, 2, icn.StageRejected}, // a proposal asks for more than the rules, never for less
	} {
		a := newAssembly(t, "ann", "bob", "cyd", "dan")
		id := a.propose("ann", motion(func(p *icn.Proposal) { p.ThresholdPermille = c.threshold }))
		names := []string{"ann", "bob", "cyd", "dan"}
		a.vote(id, icn.Yes, names[:c.yes]...)
		a.vote(id, icn.No, names[c.yes:c.yes+c.no]...)
		a.end(id)
		require.Equal(t, c.want, a.stage(id), "%+v", c)
	}
}

func TestG5NobodyVotesBeforeItIsOpen(t *testing.T) {
	a := newAssembly(t, "ann", "bob")
	a.rules.DeliberationMillis = 5000
	id := a.propose("ann", motion())
	require.Equal(t, icn.StageDeliberation, a.stage(id))
	a.refused("bob", icn.BallotCast{Proposal: id, Choice: []uint64{icn.Yes}}, icn.ErrConflict, "still deliberated")
	a.refused("ann", icn.ProposalAdvance{ID: id}, icn.ErrConflict, "5000 are left")
	a.pass(5000)
	require.Equal(t, icn.StageVoting, a.stage(id))
	a.vote(id, icn.Yes, "bob")
}

func TestAnAuthorOpensTheVoteWhenTheRulesAllowIt(t *testing.T) {
	a := newAssembly(t, "ann", "bob")
	a.rules.DeliberationMillis = 1000
	id := a.propose("ann", motion(func(p *icn.Proposal) { p.DeliberationMillis = 9000 }))
	a.pass(1000)
	a.refused("bob", icn.ProposalAdvance{ID: id}, icn.ErrDenied, "only who proposed it")
	a.must("ann", icn.ProposalAdvance{ID: id})
	require.Equal(t, icn.StageVoting, a.stage(id))
}

func TestG6And7WhatComesAtTheDeadlineIsLate(t *testing.T) {
	a := newAssembly(t, "ann", "bob")
	id := a.propose("ann", motion())
	a.end(id)
	require.Equal(t, icn.StageRejected, a.stage(id), "nobody voted")
	a.refused("bob", icn.BallotCast{Proposal: id, Choice: []uint64{icn.Yes}}, icn.ErrConflict, "rejected")
}

func TestG8EarlyOnlyWhenDecided(t *testing.T) {
	a := newAssembly(t, "ann", "bob", "cyd", "dan", "eve")
	id := a.propose("ann", motion())
	a.vote(id, icn.Yes, "ann", "bob")
	a.refused("ann", icn.ProposalClose{ID: id}, icn.ErrConflict, "deadline")
	a.vote(id, icn.Yes, "cyd")
	a.must("bob", icn.ProposalClose{ID: id})
	require.Equal(t, icn.StageExecuted, a.stage(id))
	require.True(t, a.get(id).Count.Early)
	require.Empty(t, a.timers)
}

func TestG9WhoLeftBeforeVotingHasNoVoteAndWhoCameLateNeither(t *testing.T) {
	a := newAssembly(t, "ann", "bob", "cyd")
	a.leave("cyd")
	id := a.propose("ann", motion())
	a.join("dan", icn.RolePerson)
	a.refused("cyd", icn.BallotCast{Proposal: id, Choice: []uint64{icn.No}}, icn.ErrDenied, "no member")
	a.refused("dan", icn.BallotCast{Proposal: id, Choice: []uint64{icn.No}}, icn.ErrDenied, "not on its roll")
	a.vote(id, icn.Yes, "ann", "bob")
	a.end(id)
	require.Equal(t, [3]uint64{2, 0, 0}, a.counts(id))
	require.EqualValues(t, 2, a.get(id).Count.Tally.Roll)
}

func TestG10ADelegatesVoteCarriesAndRevokingEndsIt(t *testing.T) {
	for _, revoked := range []bool{false, true} {
		a := newAssembly(t, "ann", "bob", "cyd")
		a.must("bob", icn.DelegationSet{To: did("ann")})
		id := a.propose("ann", motion(func(p *icn.Proposal) { p.QuorumCount = 2 }))
		a.vote(id, icn.Yes, "ann")
		want := icn.StageExecuted
		if revoked {
			a.must("bob", icn.DelegationRevoke{})
			want = icn.StageRejected
		}
		a.end(id)
		require.Equal(t, want, a.stage(id))
		require.Equal(t, !revoked, a.get(id).Count.Tally.Delegated == 1)
	}
}

func TestADelegationInForceAtTheDeadlineCountsHoweverLateTheVoteIsClosed(t *testing.T) {
	for _, late := range []bool{false, true} {
		a := newAssembly(t, "ann", "bob", "cyd")
		id := a.propose("ann", motion(func(p *icn.Proposal) { p.QuorumCount = 2 }))
		expires := a.get(id).Vote.Deadline
		if late {
			expires--
		}
		a.must("bob", icn.DelegationSet{To: did("ann"), Expires: expires})
		a.vote(id, icn.Yes, "ann")
		a.pass(uint64(a.get(id).Vote.Deadline-a.now) + 3_600_000)
		require.Equal(t, !late, a.get(id).Count.Tally.Delegated == 1)
	}
}

func TestTheNarrowestDelegationThatIsInForceCounts(t *testing.T) {
	a := newAssembly(t, "ann", "bob", "cyd", "dan", "eve")
	a.must("eve", icn.DelegationSet{To: did("ann")})
	a.must("eve", icn.DelegationSet{To: did("bob"), Scope: icn.Scope{Kind: "text"}})
	text := a.propose("ann", motion())
	a.must("eve", icn.DelegationSet{To: did("cyd"), Scope: icn.Scope{Proposal: text}, Expires: a.now + 1000})
	other := a.propose("ann", motion(func(p *icn.Proposal) { p.Motion = icn.NoticeUpgrade{Version: "2"} }))
	to := func(id icn.CID) (out []icn.DID) {
		for _, m := range a.f.Mandates(a.step(""), id) {
			out = append(out, m.To)
		}
		return out
	}
	require.Equal(t, []icn.DID{did("cyd")}, to(text))
	require.Equal(t, []icn.DID{did("ann")}, to(other))
	a.pass(1001)
	require.Equal(t, []icn.DID{did("bob")}, to(text), "the other one has expired")
}

func TestAProxyVotesForOthersUntilTheyDoThemselves(t *testing.T) {
	a := newAssembly(t, "ann", "bob", "cyd")
	a.must("bob", icn.DelegationSet{To: did("ann"), Proxy: true})
	a.must("cyd", icn.DelegationSet{To: did("ann")})
	id := a.propose("ann", motion())
	ballot := func(for_ string, choice uint64) icn.BallotCast {
		return icn.BallotCast{Proposal: id, For: did(for_), Choice: []uint64{choice}}
	}
	a.refused("ann", ballot("cyd", icn.No), icn.ErrDenied, "its proxy")
	a.must("ann", ballot("bob", icn.No))
	a.vote(id, icn.Yes, "ann")
	a.must("bob", icn.BallotCast{Proposal: id, Choice: []uint64{icn.Yes}})
	a.refused("ann", ballot("bob", icn.No), icn.ErrConflict, "voted itself")
	a.end(id)
	require.Equal(t, [3]uint64{3, 0, 0}, a.counts(id))
}

func TestWhatAProxyCastCountsOnlyWhileItIsOne(t *testing.T) {
	a := newAssembly(t, "ann", "bob")
	a.must("bob", icn.DelegationSet{To: did("ann"), Proxy: true})
	id := a.propose("ann", motion())
	a.must("ann", icn.BallotCast{Proposal: id, For: did("bob"), Choice: []uint64{icn.No}})
	a.vote(id, icn.Yes, "ann")
	a.must("bob", icn.DelegationRevoke{})
	a.end(id)
	require.Equal(t, [3]uint64{1, 0, 0}, a.counts(id))
}

func TestAnOrganisationsVoteIsCastByItsMandatedPerson(t *testing.T) {
	a := newAssembly(t, "ann", "bob")
	a.join("bakery", icn.RoleOrg)
	a.join("mill", icn.RoleOrg)
	a.must("bakery", icn.DelegationSet{To: did("ann"), Proxy: true})
	id := a.propose("bob", motion(func(p *icn.Proposal) { p.Electorate = icn.Organisations }))
	a.refused("ann", icn.BallotCast{Proposal: id, Choice: []uint64{icn.Yes}}, icn.ErrDenied, "organisations who belonged")
	a.must("ann", icn.BallotCast{Proposal: id, For: did("bakery"), Choice: []uint64{icn.Yes}})
	a.must("mill", icn.BallotCast{Proposal: id, Choice: []uint64{icn.Abstain}})
	a.end(id)
	tally := a.get(id).Count.Tally
	require.Equal(t, []uint64{2, 1, 1}, []uint64{tally.Roll, tally.Proxied, tally.Direct})
	require.Equal(t, icn.StageExecuted, a.stage(id))
}

func TestOfOneVotersBallotsTheHighestNumberCounts(t *testing.T) {
	a := newAssembly(t, "ann")
	id := a.propose("ann", motion())
	require.NoError(t, a.sayAs("ann", 9, icn.BallotCast{Proposal: id, Choice: []uint64{icn.No}}))
	require.NoError(t, a.sayAs("ann", 7, icn.BallotCast{Proposal: id, Choice: []uint64{icn.Yes}}), "one that was overtaken")
	require.EqualValues(t, 2, a.get(id).Vote.Ballots)
	a.end(id)
	require.Equal(t, [3]uint64{0, 1, 0}, a.counts(id))
}

func TestG11WhatCannotBeEnactedFails(t *testing.T) {
	a := newAssembly(t, "ann")
	id := a.propose("ann", motion())
	a.vote(id, icn.Yes, "ann")
	a.broken = errEnact
	a.end(id)
	require.Equal(t, icn.StageFailed, a.stage(id))
	require.Contains(t, a.get(id).Reason, "no longer possible")
	require.Empty(t, a.enacted)
}

func TestG16DeliberationPastItsEndOpensAndWithoutVotesIsRejected(t *testing.T) {
	a := newAssembly(t, "ann", "bob")
	a.rules.DeliberationMillis = 10
	id := a.propose("ann", motion())
	a.pass(10)
	a.end(id)
	require.Equal(t, icn.StageRejected, a.stage(id))
}

func TestG17SponsorsTimelockAndVeto(t *testing.T) {
	a := newAssembly(t, "ann", "bob", "cyd")
	a.rules.Sponsors, a.rules.TimelockMillis, a.rules.VetoMillis = 2, 50_000, 20_000
	_, err := a.f.Enact(a.step(""), icn.SetVetoGroup{Members: []icn.DID{did("cyd")}})
	require.NoError(t, err)
	accepted := func() icn.CID {
		id := a.propose("ann", motion())
		require.Equal(t, icn.StageSponsorship, a.stage(id))
		a.refused("stranger", icn.ProposalSponsor{ID: id}, icn.ErrDenied, "no member")
		a.refused("ann", icn.ProposalSponsor{ID: id}, icn.ErrConflict, "already")
		a.must("bob", icn.ProposalSponsor{ID: id})
		a.vote(id, icn.Yes, "ann", "bob")
		a.end(id)
		require.Equal(t, icn.StageTimelock, a.stage(id))
		return id
	}
	id := accepted()
	a.refused("bob", icn.ProposalVeto{ID: id}, icn.ErrDenied, "veto group")
	a.must("cyd", icn.ProposalVeto{ID: id, Reason: "Not like this."})
	require.Equal(t, icn.StageVetoed, a.stage(id))
	require.Equal(t, "Not like this.", a.get(id).Reason)
	id = accepted()
	a.pass(20_001)
	a.refused("cyd", icn.ProposalVeto{ID: id}, icn.ErrConflict, "time for a veto is over")
	require.Empty(t, a.enacted)
	a.pass(29_999)
	require.Equal(t, icn.StageExecuted, a.stage(id))
	require.Len(t, a.enacted, 1)
	require.Empty(t, a.timers)
}

func TestWithoutSponsorsInTimeItIsRejected(t *testing.T) {
	a := newAssembly(t, "ann", "bob")
	a.rules.Sponsors = 2
	id := a.propose("ann", motion())
	a.pass(a.rules.SponsorMillis)
	require.Equal(t, icn.StageRejected, a.stage(id))
	require.Equal(t, "1 of 2 sponsors were found in time", a.get(id).Reason)
}

func TestDraftsAreTheirAuthorsUntilPutForward(t *testing.T) {
	a := newAssembly(t, "ann", "bob")
	id := icn.ProposalID(a.step("ann").Statement, 0)
	a.must("ann", icn.ProposalCreate{Draft: true, Proposal: motion()})
	require.Equal(t, icn.StageDraft, a.stage(id))
	a.refused("bob", icn.ProposalAmend{ID: id, Proposal: motion()}, icn.ErrDenied, "another member's")
	a.must("ann", icn.ProposalAmend{ID: id, Proposal: motion(func(p *icn.Proposal) { p.Title = "Better" })})
	a.must("ann", icn.ProposalAdvance{ID: id})
	require.Equal(t, icn.StageVoting, a.stage(id))
	require.Equal(t, "Better", a.get(id).Title)
	a.refused("ann", icn.ProposalAmend{ID: id, Proposal: motion()}, icn.ErrConflict, "open")
	a.refused("ann", icn.ProposalWithdraw{ID: id}, icn.ErrConflict, "open")
	second := icn.ProposalID(a.step("ann").Statement, 0)
	a.must("ann", icn.ProposalCreate{Draft: true, Proposal: motion()})
	a.must("ann", icn.ProposalWithdraw{ID: second})
	require.Equal(t, icn.StageWithdrawn, a.stage(second))
}

func TestG19ProposalsCostTenAndVotesOneAsFarAsThereIs(t *testing.T) {
	a := newAssembly(t, "ann", "bob")
	a.balance[did("ann")], a.balance[did("bob")] = 11, 9
	a.refused("bob", icn.ProposalCreate{Proposal: motion()}, icn.ErrInsufficient, "costs 10")
	id := a.propose("ann", motion())
	a.vote(id, icn.Yes, "ann")
	require.Zero(t, a.balance[did("ann")], "11 are just enough")
	a.vote(id, icn.No, "ann")
	require.EqualValues(t, 11, a.charged[did("ann")], "no ballot is refused for want of capacity")
	a.vote(id, icn.Yes, "ann")
	a.end(id)
	require.EqualValues(t, 1, a.balance[did("ann")], "20: an enacted proposal is worth one")
}

func TestBadProposalsAreRefused(t *testing.T) {
	a := newAssembly(t, "ann")
	for words, change := range map[string]func(*icn.Proposal){ // order: each case stands alone
		"needs a title":       func(p *icn.Proposal) { p.Title = "" },
		"yes or no":           func(p *icn.Proposal) { p.Options = []string{"a", "b"} },
		"two or more options": func(p *icn.Proposal) { p.Method = icn.Ranked },
		"there twice":         func(p *icn.Proposal) { p.Method, p.Options = icn.Ranked, []string{"a", "a"} },
		"without words":       func(p *icn.Proposal) { p.Method, p.Options = icn.Ranked, []string{"a", ""} },
		"1000 thousandths":    func(p *icn.Proposal) { p.QuorumPermille = 1001 },
		"is open for":         func(p *icn.Proposal) { p.VotingMillis = 1 },
		"last at most":        func(p *icn.Proposal) { p.TimelockMillis = 1 << 50 },
	} {
		a.refused("ann", icn.ProposalCreate{Proposal: motion(change)}, icn.ErrInvalid, words)
	}
	a.broken = errEnact
	a.refused("ann", icn.ProposalCreate{Proposal: motion()}, icn.ErrConflict, "could not be enacted")
}

func TestOpenProposalsOfAnAuthorAreLimited(t *testing.T) {
	a := newAssembly(t, "ann", "bob")
	a.rules.ProposalsPerMember = 1
	id := a.propose("ann", motion())
	a.refused("ann", icn.ProposalCreate{Proposal: motion()}, icn.ErrConflict, "are open")
	a.end(id)
	a.propose("ann", motion())
}

func TestWhatIsCountedIsWhatTheRollAndTheChainBind(t *testing.T) {
	a := newAssembly(t, "ann", "bob")
	id := a.propose("ann", motion())
	p := a.get(id)
	require.Equal(t, icn.RollHash(a.step("").Roll(p.Vote.RollAt(), icn.Members)), p.Vote.RollHash)
	at, st := a.index, a.step("ann").Statement
	a.vote(id, icn.Yes, "ann")
	require.Equal(t, icn.ChainBallot([32]byte{}, at, st, 0, did("ann")), a.get(id).Vote.Chain)
	require.Equal(t, a.diff, p.Vote.Difference)
}

func TestARankedVoteIsCountedByRounds(t *testing.T) {
	a := newAssembly(t, "ann", "bob", "cyd", "dan", "eve")
	id := a.propose("ann", motion(func(p *icn.Proposal) { p.Method, p.Options = icn.Ranked, []string{"tea", "coffee", "water"} }))
	for name, choice := range map[string][]uint64{"ann": {1, 3}, "bob": {1}, "cyd": {2, 1}, "dan": {2}, "eve": {3, 2}} { // order: each has one ballot
		a.must(name, icn.BallotCast{Proposal: id, Choice: choice})
	}
	a.refused("ann", icn.BallotCast{Proposal: id, Choice: []uint64{1, 1}}, icn.ErrInvalid, "")
	a.end(id)
	require.EqualValues(t, 2, a.get(id).Count.Tally.Winner)
	require.Len(t, a.get(id).Count.Tally.Rounds, 2)
}

func TestAClosedVoteKeepsNoBallots(t *testing.T) {
	a := newAssembly(t, "ann", "bob")
	id := a.propose("ann", motion())
	a.vote(id, icn.Yes, "ann")
	_, there := a.f.Ballot(id, did("ann"))
	require.True(t, there)
	a.end(id)
	_, there = a.f.Ballot(id, did("ann"))
	require.False(t, there)
}

func TestG13ResolutionsPauseAndResume(t *testing.T) {
	a := newAssembly(t, "ann")
	cred := icn.SumCID(icn.Raw, []byte("a credential"))
	events, err := a.f.Enact(a.step(""), icn.Resolve{Actions: []icn.Action{{Do: icn.PauseCredential, Credential: cred}, {Do: icn.FreezeReputation, Who: did("bob")}}})
	require.NoError(t, err)
	require.Equal(t, []icn.EventBody{icn.CredentialPaused{Credential: cred}, icn.ReputationFrozen{Who: did("bob")}}, events)
	_, paused := a.f.Paused(cred)
	require.True(t, paused)
	_, err = a.f.Enact(a.step(""), icn.Resolve{Actions: []icn.Action{{Do: icn.ResumeCredential, Credential: cred}}})
	require.NoError(t, err)
	_, paused = a.f.Paused(cred)
	require.False(t, paused)
	_, err = a.f.Enact(a.step(""), icn.SetRules{})
	require.True(t, errors.Is(err, icn.ErrInvalid))
}

func TestAtTheEndOfTimeADeadlineIsStillATime(t *testing.T) {
	a := newAssembly(t, "ann")
	a.rules.MaxVotingMillis, a.rules.TimelockMillis, a.rules.VetoMillis = 1<<53, 1<<53, 1<<53
	id := a.propose("ann", motion(func(p *icn.Proposal) { p.VotingMillis = 1 << 53 }))
	require.EqualValues(t, 1<<53, a.get(id).Until)
	a.vote(id, icn.Yes, "ann")
	a.must("ann", icn.ProposalClose{ID: id})
	require.EqualValues(t, 1<<53, a.get(id).Until)
	require.NoError(t, a.f.Check())
}

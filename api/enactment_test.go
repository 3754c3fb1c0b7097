package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

func TestScenario17SponsorsTimelockAndVeto(t *testing.T) {
	a := assemble(t, 3, func(r *icn.Rules) { r.Sponsors, r.VetoMillis = 2, 3_600_000 })
	act := func(who key.Pair, what string, id icn.CID, dids string) answered {
		return a.say(who, what, fields{"proposal_id": id.String(), dids: who.DID()})
	}
	pass := func(id icn.CID) {
		require.Equal(t, icn.StageSponsorship, a.view(id).Status)
		require.Equal(t, http.StatusForbidden, act(a.stranger(), "sponsor", id, "sponsor_did").status, "only members sponsor")
		require.Equal(t, http.StatusConflict, a.ballot(1, id, "yes").status, "it is not open yet")
		require.Equal(t, http.StatusOK, act(a.members[1], "sponsor", id, "sponsor_did").status)
		a.votes(id, "yes", "yes", "yes")
		require.Equal(t, icn.StageTimelock, *a.close(id).Status)
	}
	plain := a.text(nil)
	pass(plain)
	require.Equal(t, http.StatusForbidden, act(a.members[2], "veto", plain, "member_did").status, "there is no veto group")
	require.Equal(t, http.StatusConflict, a.ask("execute", fields{"proposal_id": plain.String()}).status)

	b := assemble(t, 3, nil)
	group := b.propose("veto-group", fields{"members": []string{b.members[2].DID().String()}}, nil)
	b.votes(group, "yes", "yes")
	b.close(group)
	id := b.propose("parameters", fields{"settings": []fields{{"name": "veto_ms", "value": 3_600_000}}}, nil)
	b.votes(id, "yes", "yes")
	b.close(id)
	stopped := b.text(nil)
	b.votes(stopped, "yes", "yes")
	require.Equal(t, icn.StageTimelock, *b.close(stopped).Status)
	veto := func(who int) answered {
		return b.say(b.members[who], "veto", fields{"proposal_id": stopped.String(), "member_did": b.members[who].DID(), "reason": "not like this"})
	}
	require.Equal(t, http.StatusForbidden, veto(0).status, "not of the veto group")
	require.Equal(t, http.StatusOK, veto(2).status)
	v := b.view(stopped)
	require.Equal(t, icn.StageVetoed, v.Status)
	require.Equal(t, "not like this", v.Reason)
	require.Equal(t, http.StatusConflict, veto(2).status, "it is over")
}

func TestScenario19ElevenOfCapacityAreEnough(t *testing.T) {
	a := assemble(t, 2, func(r *icn.Rules) { r.ManaIssue, r.ManaPerHour = 11, 0 })
	id := a.text(nil)
	a.votes(id, "yes")
	balance := func(who int) uint64 {
		v, err := a.c.AccountMana(ctx, a.members[who].DID(), "")
		require.NoError(t, err)
		return v.Balance
	}
	require.Zero(t, balance(0), "10 for the proposal, 1 for the vote")
	got := a.say(a.members[0], "submit", fields{"proposer_did": a.members[0].DID(), "description": "another", "proposal": fields{"type": "GenericText", "data": fields{"text": "x"}}})
	require.Equal(t, http.StatusConflict, got.status, got.body)
	require.Equal(t, "insufficient", got.problem(t).Code)
	require.Equal(t, http.StatusOK, a.ballot(0, id, "no").status, "no ballot is refused for want of capacity")
	history, err := a.c.AccountHistory(ctx, a.members[0].DID(), "", 10)
	require.NoError(t, err)
	require.True(t, history.Agree, "every change of the account has its cause")
}

func TestScenario20AnEnactedProposalThanksItsProposer(t *testing.T) {
	a := assemble(t, 2, func(r *icn.Rules) { r.ManaPerHour, r.ReputationDecay = 0, 0 })
	before, err := a.c.Reputation(ctx, a.members[0].DID(), 0)
	require.NoError(t, err)
	id := a.text(nil)
	a.votes(id, "yes", "yes")
	a.close(id)
	after, err := a.c.Reputation(ctx, a.members[0].DID(), 5)
	require.NoError(t, err)
	require.Equal(t, before.Milli+1000, after.Milli)
	v, err := a.c.AccountMana(ctx, a.members[0].DID(), "")
	require.NoError(t, err)
	require.EqualValues(t, 1000-10-1+1, v.Balance, "a proposal costs 10, a ballot 1, closing nothing; the thanks are 1")
}

func TestScenario21MembersComeAndGoByVote(t *testing.T) {
	a := assemble(t, 2, nil)
	guest := a.stranger()
	early := a.text(nil)
	vote := func(id icn.CID) answered {
		return a.say(guest, "vote", fields{"voter_did": guest.DID(), "proposal_id": id.String(), "vote_option": "no"})
	}
	require.Equal(t, http.StatusForbidden, vote(early).status, "no member, no vote")
	in := a.propose("MemberAdmission", fields{"did": guest.DID().String()}, nil)
	a.votes(in, "yes", "yes")
	a.close(in)
	require.True(t, a.belongs(guest.DID()))
	require.Equal(t, http.StatusForbidden, vote(early).status, "it was not on the roll when this vote opened")
	late := a.text(nil)
	require.Equal(t, http.StatusOK, vote(late).status)
	out := a.propose("RemoveMember", fields{"did": guest.DID().String(), "reason": "moved away"}, nil)
	a.votes(out, "yes", "yes")
	a.close(out)
	require.False(t, a.belongs(guest.DID()))
	require.Equal(t, http.StatusForbidden, vote(a.text(nil)).status)
}

func TestScenario22TheOpenRateLimitActsAtOnceAndAfterARestart(t *testing.T) {
	a := assemble(t, 2, nil)
	answered := func() (n int) {
		for range 20 {
			r := httptest.NewRequest(http.MethodGet, "/info", nil)
			r.RemoteAddr = "192.0.2.1:5"
			if record(a.api.Handler(), r).Code == http.StatusOK {
				n++
			}
		}
		return n
	}
	require.Equal(t, 20, answered())
	id := a.propose("SystemParameterChange", fields{"param": "open_rate_limit", "value": "5"}, nil)
	a.votes(id, "yes", "yes")
	a.close(id)
	require.Equal(t, 5, answered())
	st, err := a.c.Status(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 5, st.Strangers)
	a.stop()
	a.run()
	require.Equal(t, 5, answered())
}

func TestScenario23VotesPersist(t *testing.T) {
	a := assemble(t, 3, nil)
	id := a.text(fields{"description": "kept"})
	a.votes(id, "yes", "no")
	before, ballots := a.view(id), a.ballots(id)
	a.stop()
	a.run()
	require.Equal(t, before, a.view(id))
	require.Equal(t, ballots, a.ballots(id))
	a.votes(id, "yes", "yes")
	require.Equal(t, icn.StageExecuted, *a.close(id).Status)
	require.Len(t, a.ballots(id), 4, "changed ones are kept, too")
	v, err := a.c.GovernanceProposal(ctx, id, true)
	require.NoError(t, err)
	require.Equal(t, map[string]string{a.members[0].DID().String(): "yes", a.members[1].DID().String(): "yes"}, v.Votes)
}

func TestScenario25ProofsAreNotTaken(t *testing.T) {
	a := assemble(t, 1, nil)
	id := a.text(nil)
	me := a.members[0].DID()
	for _, c := range []struct {
		path string
		f    fields
	}{
		{"submit", fields{"proposer_did": me, "description": "x", "proposal": fields{"type": "GenericText", "data": fields{"text": "x"}}, "credential_proof": fields{"proof": "forged"}}},
		{"vote", fields{"voter_did": me, "proposal_id": id.String(), "vote_option": "yes", "revocation_proof": "forged"}},
	} {
		got := a.ask(c.path, c.f)
		require.Equal(t, http.StatusBadRequest, got.status, got.body)
		require.Contains(t, got.problem(t).Detail, "not supported")
	}
	require.Empty(t, a.ballots(id))
	require.Equal(t, http.StatusOK, a.ask("vote", fields{"voter_did": me, "proposal_id": id.String(), "vote_option": "yes", "credential_proof": nil}).status)
}

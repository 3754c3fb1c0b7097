package api_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// The scenarios of the original, by their numbers, over HTTP.

func TestScenario1AcceptedInvitationAdmits(t *testing.T) {
	a := assemble(t, 3, nil)
	guest := a.stranger().DID()
	id := a.propose("MemberAdmission", fields{"did": guest.String(), "name": "guest"}, nil)
	require.Equal(t, icn.StageVoting, a.view(id).Status)
	a.votes(id, "Yes", "YES")
	require.False(t, a.belongs(guest))
	out := a.close(id)
	require.Equal(t, icn.StageExecuted, *out.Status)
	require.Equal(t, [3]uint64{2, 0, 0}, [3]uint64{*out.Yes, *out.No, *out.Abstain})
	require.True(t, a.belongs(guest))
	require.Equal(t, http.StatusOK, a.ask("execute", fields{"proposal_id": id.String()}).status)
}

func TestScenario2TooFewVotesReject(t *testing.T) {
	t.Parallel() // it waits for a deadline
	a := assemble(t, 3, briefly)
	id := a.text(fields{"quorum": 2})
	a.votes(id, "yes")
	a.counted(id, icn.StageRejected, 1, 0, 0)
}

func TestScenario3ThresholdIsMissed(t *testing.T) {
	a := assemble(t, 2, nil)
	id := a.text(fields{"threshold": .75})
	a.votes(id, "yes", "no")
	a.close(id)
	a.counted(id, icn.StageRejected, 1, 1, 0)
}

func TestScenario4AProposalsOwnNumbersDecide(t *testing.T) {
	t.Parallel() // it waits for a deadline
	a := assemble(t, 3, briefly)
	plain := a.text(nil)
	require.EqualValues(t, 3, a.view(plain).Roll)
	a.votes(plain, "yes", "yes")
	quorum := a.text(fields{"quorum": 3})
	a.votes(quorum, "yes", "yes")
	threshold := a.text(fields{"threshold": .9})
	a.votes(threshold, "yes", "yes", "no")
	a.counted(plain, icn.StageExecuted, 2, 0, 0)
	a.counted(quorum, icn.StageRejected, 2, 0, 0)
	a.counted(threshold, icn.StageRejected, 2, 1, 0)
}

func TestScenario5NoVoteBeforeItOpens(t *testing.T) {
	a := assemble(t, 2, nil)
	id := a.text(fields{"deliberation_secs": 3600})
	require.Equal(t, icn.StageDeliberation, a.view(id).Status)
	require.Equal(t, http.StatusConflict, a.ballot(0, id, "yes").status)
	list, err := a.c.GovernanceBallots(ctx, id)
	require.NoError(t, err)
	require.Empty(t, list)
	_, err = a.c.GovernanceTally(ctx, id)
	require.ErrorIs(t, err, icn.ErrConflict)
	a.must(http.StatusOK, a.members[0], "open", fields{"proposal_id": id.String(), "proposer_did": a.members[0].DID()})
	require.Equal(t, icn.StageVoting, a.view(id).Status)
	a.votes(id, "yes")
	tally, err := a.c.GovernanceTally(ctx, id)
	require.NoError(t, err)
	require.True(t, tally.Interim)
	require.EqualValues(t, 1, tally.Tally.Yes)
}

func TestScenarios6And7TheDeadlineClosesAndCounts(t *testing.T) {
	t.Parallel() // it waits for a deadline
	a := assemble(t, 2, briefly)
	with, without := a.text(nil), a.text(nil)
	a.votes(with, "yes")
	a.counted(with, icn.StageExecuted, 1, 0, 0)
	a.counted(without, icn.StageRejected, 0, 0, 0)
	require.Equal(t, http.StatusConflict, a.ballot(1, with, "no").status, "the vote is over")
	list, err := a.c.GovernanceBallots(ctx, with)
	require.NoError(t, err)
	require.Len(t, list, 1, "ballots are kept")
	require.Equal(t, "yes", list[0].Words)
	require.Equal(t, a.members[0].DID(), list[0].Voter)
}

func TestScenario8OnlyADecidedVoteClosesEarly(t *testing.T) {
	a := assemble(t, 3, nil)
	id := a.text(nil)
	a.votes(id, "yes")
	got := a.say(a.members[0], "close", fields{"proposal_id": id.String(), "member_did": a.members[0].DID()})
	require.Equal(t, http.StatusConflict, got.status, got.body)
	require.Equal(t, icn.StageVoting, a.view(id).Status)
	a.votes(id, "yes", "yes")
	require.Equal(t, icn.StageExecuted, *a.close(id).Status)
	require.True(t, a.view(id).Early)
}

func TestScenario9ARemovedMemberDoesNotVote(t *testing.T) {
	a := assemble(t, 3, nil)
	id := a.propose("RemoveMember", fields{"did": a.members[2].DID().String()}, nil)
	a.votes(id, "yes", "yes")
	a.close(id)
	require.False(t, a.belongs(a.members[2].DID()))
	next := a.text(nil)
	require.Equal(t, http.StatusForbidden, a.ballot(2, next, "no").status)
	a.votes(next, "yes", "yes")
	a.close(next)
	a.counted(next, icn.StageExecuted, 2, 0, 0)
}

func TestScenario10ADelegatesVoteCarriesUntilItIsRevoked(t *testing.T) {
	t.Parallel() // it waits for a deadline
	a := assemble(t, 3, briefly)
	from, to := a.members[1], a.members[0].DID()
	require.Equal(t, "delegated", a.must(http.StatusOK, from, "delegate", fields{"from_did": from.DID(), "to_did": to}).Message)
	given, err := a.c.GovernanceDelegations(ctx, from.DID())
	require.NoError(t, err)
	received, err := a.c.GovernanceDelegations(ctx, to)
	require.NoError(t, err)
	require.Equal(t, given, received)
	require.Equal(t, to, given[0].To)
	with := a.text(fields{"quorum": 2})
	a.votes(with, "yes")
	a.counted(with, icn.StageExecuted, 2, 0, 0)
	require.Equal(t, "revoked", a.must(http.StatusOK, from, "revoke", fields{"from_did": from.DID()}).Message)
	without := a.text(fields{"quorum": 2})
	a.votes(without, "yes")
	a.counted(without, icn.StageRejected, 1, 0, 0)
	require.Equal(t, http.StatusNotFound, a.say(from, "revoke", fields{"from_did": from.DID()}).status)
}

func TestAStolenAPIKeyCastsNoVote(t *testing.T) {
	a := assemble(t, 2, nil)
	id := a.text(nil)
	t.Cleanup(a.serveUntil(api.Config{Access: api.Access{APIKey: "stolen", RequireAuth: true}}))
	thief := a.stranger()
	vote := func(f fields) answered {
		f["voter_did"], f["proposal_id"], f["vote_option"] = a.members[1].DID(), id.String(), "yes"
		return a.keyed("vote", f)
	}
	got := vote(fields{})
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Contains(t, got.body, `"state":"to_sign"`)
	require.Contains(t, got.body, "nothing has happened")
	var out wire.Spoken
	require.NoError(t, wire.Unmarshal([]byte(got.body), &out))
	forged := fields{"number": out.ToSign.Number, "until_ms": out.ToSign.Until, "signature": fmt.Sprintf("%x", thief.Sign(out.ToSign.Sign))}
	got = vote(forged)
	require.Equal(t, http.StatusForbidden, got.status, got.body)
	list, err := a.c.GovernanceBallots(ctx, id)
	require.NoError(t, err)
	require.Empty(t, list, "nothing happened")
	account, err := a.c.AccountMana(ctx, a.members[1].DID(), "")
	require.NoError(t, err)
	require.Equal(t, out.ToSign.Number, account.Next, "its number is not used up")
}

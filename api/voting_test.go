package api_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/proof"
)

func TestOptionsAreVotedOnByEveryMethod(t *testing.T) {
	a := assemble(t, 2, nil)
	options := []string{"Apples", "Pears", "7"}
	for method, c := range map[string]struct {
		votes  []fields
		winner uint64
		wrong  fields
	}{
		"ranked":    {[]fields{{"preferences": []any{"pears", 1}}, {"preferences": []any{"Pears"}}}, 2, fields{"preferences": []any{"pears", "Pears"}}},
		"approval":  {[]fields{{"preferences": []any{3, "apples"}}, {"preferences": []any{"7"}}}, 3, fields{"preferences": []any{"bread"}}},
		"weighted":  {[]fields{{"points": fields{"Apples": 60, "2": 40}}, {"points": fields{}}}, 1, fields{"points": fields{"Apples": 101}}},
		"quadratic": {[]fields{{"points": fields{"Pears": 7, "Apples": 7}}, {"points": fields{"pears": 1}}}, 2, fields{"points": fields{"Apples": 11}}},
	} {
		t.Run(method, func(t *testing.T) {
			id := a.text(fields{"method": method, "options": options})
			say := func(who int, f fields) answered {
				g := fields{"voter_did": a.members[who].DID(), "proposal_id": id.String()}
				for k, v := range f {
					g[k] = v
				}
				return a.say(a.members[who], "vote/"+method, g)
			}
			got := say(0, c.wrong)
			require.GreaterOrEqual(t, got.status, 400, got.body)
			require.Less(t, got.status, 500, got.body)
			require.Equal(t, http.StatusBadRequest, a.ballot(0, id, "yes").status, "not a yes or no")
			for who, v := range c.votes {
				got := say(who, v)
				require.Equal(t, http.StatusOK, got.status, got.body)
			}
			a.close(id)
			v := a.over(id)
			require.Equal(t, c.winner, v.Tally.Winner, v.Tally.Reason)
		})
	}
}

func (a *assembly) network() icn.CID {
	a.t.Helper()
	info, err := a.c.Info(ctx)
	require.NoError(a.t, err)
	network, err := icn.ParseCID(info.Network)
	require.NoError(a.t, err)
	return network
}

// signed is a statement of a member's.
func (a *assembly) signed(who key.Pair, number uint64, ops ...icn.Op) []byte {
	a.t.Helper()
	s := &icn.Statement{Network: a.network(), Author: who.DID(), Number: number, Ops: ops}
	s.Sig = [64]byte(who.Sign(s.SigningBytes()))
	return s.Encode()
}

func TestABatchNamesTheBadOnesAndTakesTheOthers(t *testing.T) {
	a := assemble(t, 4, nil)
	id := a.text(nil)
	yes := icn.BallotCast{Proposal: id, Choice: []uint64{icn.Yes}}
	var all [][]byte
	for _, m := range a.members {
		all = append(all, a.signed(m, 100, yes))
	}
	all[1] = a.signed(a.stranger(), 1, yes)
	all[2][len(all[2])-1] ^= 1
	all = append(all, []byte("no statement"))
	got, err := a.c.GovernanceVoteBatch(ctx, all)
	require.NoError(t, err)
	require.Equal(t, 2, got.Applied, got)
	require.Equal(t, 3, got.Refused)
	var places []int
	for _, f := range got.Faults {
		places = append(places, f.Place)
		require.NotEmpty(t, f.Reason)
	}
	require.Equal(t, []int{1, 2, 4}, places)
	tally, err := a.c.GovernanceTally(ctx, id)
	require.NoError(t, err)
	require.EqualValues(t, 2, tally.Tally.Yes)

	again := a.do(call{method: http.MethodPost, path: "/governance/vote/batch", body: `["` + base64.StdEncoding.EncodeToString(all[0]) + `"]`})
	require.Equal(t, http.StatusOK, again.status, again.body)
	require.Contains(t, again.body, `"applied":1`, "handing the same in twice is harmless")
	require.Len(t, a.ballots(id), 2)
	cut := a.do(call{method: http.MethodPost, path: "/governance/vote/batch", body: "\x50abc", header: map[string]string{"Content-Type": wire.StatementBatchType}})
	require.Equal(t, http.StatusBadRequest, cut.status, cut.body)
}

func TestASignedStatementMustSayWhatTheRequestSays(t *testing.T) {
	a := assemble(t, 2, nil)
	id, other := a.text(nil), a.text(nil)
	me := a.members[1]
	statement := base64.StdEncoding.EncodeToString(a.signed(me, 50, icn.BallotCast{Proposal: id, Choice: []uint64{icn.Yes}}))
	for what, f := range map[string]fields{
		"another word":     {"voter_did": me.DID(), "proposal_id": id.String(), "vote_option": "no"},
		"another proposal": {"voter_did": me.DID(), "proposal_id": other.String(), "vote_option": "yes"},
		"another author":   {"voter_did": a.members[0].DID(), "proposal_id": id.String(), "vote_option": "yes"},
	} {
		f["statement"] = statement
		got := a.ask("vote", f)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, what+got.body)
	}
	got := a.ask("vote", fields{"proposal_id": other.String(), "statement": statement})
	require.Equal(t, http.StatusUnprocessableEntity, got.status, got.body)
	got = a.ask("revoke", fields{"statement": statement})
	require.Equal(t, http.StatusUnprocessableEntity, got.status, got.body)
	require.Empty(t, a.ballots(id))
	for _, f := range []fields{{"voter_did": me.DID(), "proposal_id": id.String(), "vote_option": "yes", "statement": statement}, {"statement": statement}} {
		got = a.ask("vote", f)
		require.Equal(t, http.StatusOK, got.status, got.body)
	}
	require.Len(t, a.ballots(id), 1)
}

func TestABallotsReceiptIsCheckedOffline(t *testing.T) {
	a := assemble(t, 1, nil)
	id := a.text(nil)
	a.votes(id, "yes")
	b := a.ballots(id)[0]
	author := a.members[0].DID()
	for _, who := range []*icn.DID{nil, &author} {
		r, err := a.c.GovernanceReceipt(ctx, b.Statement, who, 30*time.Second)
		require.NoError(t, err)
		require.NoError(t, r.Proof.Verify(r.Network, r.Clerks, key.Verify))
		require.Equal(t, b.Statement, r.Entry.Statement.ID)
		require.Equal(t, "ballot.cast", r.Entry.Statement.Operations[0].Kind)
	}
	file, err := a.c.GovernanceReceiptFile(ctx, b.Statement, &author, 0, 30*time.Second)
	require.NoError(t, err)
	x, err := proof.DecodeReceipt(file)
	require.NoError(t, err)
	report, err := x.Verify(proof.Expect{Network: a.network()})
	require.NoError(t, err)
	require.Equal(t, id, report.Ballot.Proposal)
	require.Equal(t, []uint64{icn.Yes}, report.Ballot.Choice)
	_, err = a.c.GovernanceReceipt(ctx, icn.SumCID(icn.DagCBOR, []byte("never said")), nil, 0)
	require.ErrorIs(t, err, icn.ErrNotFound)
}

func TestAStrangerRecountsAVoteFromItsFile(t *testing.T) {
	a := assemble(t, 3, nil)
	id := a.text(nil)
	_, err := a.c.GovernanceExport(ctx, id)
	require.ErrorIs(t, err, icn.ErrConflict, "it is not closed")
	a.votes(id, "no", "no", "yes")
	a.votes(id, "yes")
	a.close(id)
	file, err := a.c.GovernanceExport(ctx, id)
	require.NoError(t, err)
	v, err := proof.DecodeVote(file)
	require.NoError(t, err)
	report, err := v.Verify(proof.Expect{Network: a.network()})
	require.NoError(t, err)
	require.Equal(t, *a.view(id).Tally, report.Recount)
	file[len(file)/2] ^= 1
	if v, err = proof.DecodeVote(file); err == nil {
		_, err = v.Verify(proof.Expect{Network: a.network()})
	}
	require.Error(t, err)
}

func TestTheWholeTextIsABlock(t *testing.T) {
	a := assemble(t, 1, nil)
	text := "Title\nand all the rest"
	f := fields{"proposer_did": a.members[0].DID(), "description": text, "proposal": fields{"type": "GenericText", "data": fields{"text": ""}}}
	block := icn.NewBlock(icn.Raw, []byte(text))
	require.Equal(t, http.StatusOK, a.ask("submit", f).status)
	_, err := a.c.DagGet(ctx, block.CID)
	require.ErrorIs(t, err, icn.ErrNotFound, "nothing has happened before it is signed")
	id := a.must(http.StatusCreated, a.members[0], "submit", f).ID
	v := a.view(id)
	require.Equal(t, "Title", v.Title)
	require.Equal(t, block.CID, v.Body)
	got, err := a.c.DagGet(ctx, v.Body)
	require.NoError(t, err)
	require.Equal(t, text, string(got))
	_, err = a.c.DagPrune(ctx, wire.Prune{})
	require.NoError(t, err)
	_, err = a.c.DagGet(ctx, v.Body)
	require.NoError(t, err, "a proposal keeps its text")
}

func TestProposalsAreListedByStateAndKind(t *testing.T) {
	a := assemble(t, 2, nil)
	var ids []icn.CID
	for range 3 {
		ids = append(ids, a.text(nil))
	}
	draft := a.text(fields{"draft": true})
	budget := a.propose("BudgetAllocation", fields{"recipient": a.members[1].DID().String(), "amount": 5, "purpose": "tools"}, nil)
	list := func(f wire.ProposalFilter) (out []icn.CID) {
		page, err := a.c.GovernanceProposals(ctx, f)
		require.NoError(t, err)
		for _, p := range page.Proposals {
			require.NotEmpty(t, p.Words)
			require.NotZero(t, p.CreatedAt)
			out = append(out, p.ID)
		}
		return out
	}
	require.Equal(t, []icn.CID{budget, draft, ids[2], ids[1], ids[0]}, list(wire.ProposalFilter{}))
	require.Equal(t, []icn.CID{draft}, list(wire.ProposalFilter{State: "draft"}))
	require.Equal(t, []icn.CID{budget}, list(wire.ProposalFilter{Kind: "budget"}))
	page, err := a.c.GovernanceProposals(ctx, wire.ProposalFilter{State: "open", Limit: 2})
	require.NoError(t, err)
	require.Len(t, page.Proposals, 2)
	require.Equal(t, []icn.CID{ids[2], ids[1], ids[0]}, list(wire.ProposalFilter{Before: page.Next}))
	a.must(http.StatusOK, a.members[0], "withdraw", fields{"proposal_id": draft.String(), "proposer_did": a.members[0].DID()})
	require.Equal(t, icn.StageWithdrawn, a.view(draft).Status)
	_, err = a.c.GovernanceProposal(ctx, icn.SumCID(icn.DagCBOR, nil), false)
	require.ErrorIs(t, err, icn.ErrNotFound)
	require.Equal(t, http.StatusNotFound, a.ballot(0, icn.SumCID(icn.DagCBOR, nil), "yes").status)
}

func TestARehearsalTellsWhatAVoteWouldChange(t *testing.T) {
	a := assemble(t, 2, nil)
	account, err := a.c.AccountMana(ctx, a.members[0].DID(), "")
	require.NoError(t, err)
	id := a.propose("SystemParameterChange", fields{"param": "mana_max_capacity", "value": "10001"}, nil)
	r, err := a.c.GovernanceRehearsal(ctx, id, 0)
	require.NoError(t, err)
	require.True(t, r.Same)
	require.Equal(t, r.Bound, r.Difference)
	require.Equal(t, "RuleChanged", r.Changes[0].Type)
	require.Contains(t, fmt.Sprint(r.Words), "mana_max_capacity: was 10000, becomes 10001")
	require.Contains(t, fmt.Sprint(r.Words), "1 of 2 voters")
	tried, err := a.c.GovernanceRehearsal(ctx, id, 24*time.Hour)
	require.NoError(t, err)
	require.NotZero(t, tried.BackTest.Entries)
	require.NotEmpty(t, tried.BackTest.Words)
	p, err := a.c.GovernanceParameters(ctx)
	require.NoError(t, err)
	for _, x := range p {
		require.NotEmpty(t, x.Doc, x.Name)
		if x.Name == "mana_max_capacity" {
			require.EqualValues(t, 10_000, x.Value, "nothing has changed")
		}
	}
	after, err := a.c.AccountMana(ctx, a.members[0].DID(), "")
	require.NoError(t, err)
	require.Equal(t, account.Balance-10, after.Balance)
	words := a.text(nil)
	_, err = a.c.GovernanceRehearsal(ctx, words, time.Hour)
	require.ErrorIs(t, err, icn.ErrInvalid, "words change nothing in the past")
}

func TestABackTestSaysWhatWouldHaveBeenOtherwise(t *testing.T) {
	a := assemble(t, 2, func(r *icn.Rules) { r.ManaPerHour = 0 })
	a.text(nil)
	id := a.propose("SystemParameterChange", fields{"param": "proposal_cost", "value": "600"}, nil)
	r, err := a.c.GovernanceRehearsal(ctx, id, 24*time.Hour)
	require.NoError(t, err)
	b := r.BackTest
	require.EqualValues(t, 20, b.Was.Burnt)
	require.EqualValues(t, 600, b.Becomes.Burnt, "the second proposal could not have been paid for")
	require.EqualValues(t, b.Was.Refused+1, b.Becomes.Refused)
	require.Len(t, b.Otherwise, 1)
	require.Equal(t, a.members[0].DID(), b.Otherwise[0].Author)
	require.EqualValues(t, 980, b.Accounts[0].Was)
	require.EqualValues(t, 400, b.Accounts[0].Becomes)
}

func TestEventsOfAProposal(t *testing.T) {
	a := assemble(t, 1, nil)
	id := a.text(nil)
	a.text(nil)
	a.votes(id, "yes")
	got := a.do(call{method: http.MethodGet, path: "/events?proposal=" + id.String()})
	require.Equal(t, http.StatusOK, got.status, got.body)
	var page wire.Events
	require.NoError(t, wire.Unmarshal([]byte(got.body), &page))
	var types []string
	for _, e := range page.Events {
		types = append(types, e.Type)
	}
	require.Equal(t, []string{"ProposalCreated", "ProposalMoved", "VotingOpened", "VoteCast"}, types)
	got = a.do(call{method: http.MethodGet, path: "/events?proposal=" + id.String() + "&job=" + id.String()})
	require.Equal(t, http.StatusBadRequest, got.status, got.body)
}

func TestWhatVotesHoldBackIsTold(t *testing.T) {
	a := assemble(t, 2, nil)
	paper := icn.SumCID(icn.DagCBOR, []byte("credential"))
	id := a.propose("Resolution", fields{"actions": []fields{
		{"action": "PauseCredential", "data": fields{"cid": paper.String()}}, {"action": "FreezeReputation", "data": fields{"did": a.members[1].DID().String()}},
	}}, nil)
	a.votes(id, "yes", "yes")
	a.close(id)
	require.Equal(t, icn.StageExecuted, a.view(id).Status)
	p, err := a.c.GovernancePaused(ctx)
	require.NoError(t, err)
	require.Equal(t, paper, p.Credentials[0].Credential)
	require.Equal(t, []icn.DID{a.members[1].DID()}, p.Reputations)
	up := a.propose("SoftwareUpgrade", fields{"version": "9.0.0"}, nil)
	a.votes(up, "yes", "yes")
	a.close(up)
	st, err := a.c.Status(ctx)
	require.NoError(t, err)
	require.Equal(t, "9.0.0", st.Upgrade)
	require.Contains(t, st.Alarms["upgrade"], "install release 9.0.0")
	text, err := a.c.Metrics(ctx)
	require.NoError(t, err)
	for _, line := range []string{`icn_governance_proposals_total{kind="upgrade",state="Executed"} 1`, `icn_governance_enacted_total{kind="resolution"} 1`,
		"icn_governance_ballots_total 4", "icn_governance_failed_total 0", `icn_governance_members{standing="good"} 2`, "icn_governance_open_votes 0"} {
		require.Contains(t, text, "\n"+line)
	}
}

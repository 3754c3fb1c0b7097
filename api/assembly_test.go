package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/store/memory"
)

// assembly is a federation of members who speak over HTTP; the node has no key of
// theirs.
type assembly struct {
	*world
	members []key.Pair
	store   *memory.Store
	rules   icn.Rules
	stop    func()
}

type fields map[string]any

// assemble takes in so many members, under rules of short votes.
func assemble(t *testing.T, members int, change func(*icn.Rules)) *assembly {
	t.Helper()
	a := &assembly{world: &world{t: t}, store: memory.New(), rules: rules()}
	a.rules.MinVotingMillis, a.rules.VotingMillis = 1, 3_600_000
	if change != nil {
		change(&a.rules)
	}
	var err error
	a.pair, err = key.Generate()
	require.NoError(t, err)
	a.run()
	for i := range members {
		a.members = append(a.members, a.stranger())
		_, err = a.c.FederationMembers(ctx, wire.Member{DID: a.members[i].DID(), Role: icn.RolePerson, Name: fmt.Sprintf("member %d", i)})
		require.NoError(t, err)
	}
	return a
}

// run starts the node, or starts it again, behind a new server.
func (a *assembly) run() {
	a.t.Helper()
	stopNode := func() {}
	a.node, stopNode = runNode(a.t, a.pair, a.store, a.rules)
	stopServer := a.serveUntil(api.Config{})
	a.t.Cleanup(stopServer)
	a.stop = func() { stopServer(); stopNode() }
}

func (a *assembly) stranger() key.Pair {
	pair, err := key.Generate()
	require.NoError(a.t, err)
	return pair
}

// ask posts fields as they are.
func (a *assembly) ask(path string, f fields) answered {
	a.t.Helper()
	b, err := json.Marshal(f)
	require.NoError(a.t, err)
	return a.do(call{method: http.MethodPost, path: "/governance/" + path, body: string(b)})
}

// say posts fields, signs what comes back as who, and posts them again.
func (a *assembly) say(who key.Pair, path string, f fields) answered {
	a.t.Helper()
	got := a.ask(path, f)
	if got.status != http.StatusOK {
		return got
	}
	var out wire.Spoken
	require.NoError(a.t, wire.Unmarshal([]byte(got.body), &out))
	require.Equal(a.t, "to_sign", out.State)
	require.NotEmpty(a.t, out.ToSign.Words)
	f["signature"], f["number"], f["until_ms"] = fmt.Sprintf("%x", who.Sign(out.ToSign.Sign)), out.ToSign.Number, out.ToSign.Until
	return a.ask(path, f)
}

// must is say that has to succeed.
func (a *assembly) must(status int, who key.Pair, path string, f fields) wire.Spoken {
	a.t.Helper()
	got := a.say(who, path, f)
	require.Equal(a.t, status, got.status, got.body)
	var out wire.Spoken
	require.NoError(a.t, wire.Unmarshal([]byte(got.body), &out))
	return out
}

// propose puts a proposal as member 0; more are further fields.
func (a *assembly) propose(kind string, data fields, more fields) icn.CID {
	a.t.Helper()
	f := fields{"proposer_did": a.members[0].DID(), "description": "a proposal\nand more about it", "proposal": fields{"type": kind, "data": data}}
	for k, v := range more {
		f[k] = v
	}
	return a.must(http.StatusCreated, a.members[0], "submit", f).ID
}

// text proposes words.
func (a *assembly) text(more fields) icn.CID {
	a.t.Helper()
	return a.propose("GenericText", fields{"text": "we agree"}, more)
}

func (a *assembly) ballot(who int, id icn.CID, word string) answered {
	a.t.Helper()
	return a.say(a.members[who], "vote", fields{"voter_did": a.members[who].DID(), "proposal_id": id.String(), "vote_option": word})
}

// votes casts ballots of the members in their order.
func (a *assembly) votes(id icn.CID, words ...string) {
	a.t.Helper()
	for i, w := range words {
		got := a.ballot(i, id, w)
		require.Equal(a.t, http.StatusOK, got.status, got.body)
		require.Contains(a.t, got.body, "Vote cast successfully")
	}
}

// close ends a vote early.
func (a *assembly) close(id icn.CID) wire.Spoken {
	a.t.Helper()
	return a.must(http.StatusOK, a.members[0], "close", fields{"proposal_id": id.String(), "member_did": a.members[0].DID()})
}

// over waits until a proposal is over.
func (a *assembly) over(id icn.CID) node.ProposalView {
	a.t.Helper()
	for ev, err := range a.c.Events(ctx, wire.EventQuery{Type: "stage", Proposal: &id, Follow: true}) {
		require.NoError(a.t, err)
		var b icn.ProposalMoved
		require.NoError(a.t, wire.Unmarshal(ev.Body, &b))
		if b.Stage.Over() {
			break
		}
	}
	return a.view(id)
}

func (a *assembly) view(id icn.CID) node.ProposalView {
	a.t.Helper()
	v, err := a.c.GovernanceProposal(ctx, id, false)
	require.NoError(a.t, err)
	return v
}

func (a *assembly) counted(id icn.CID, stage icn.Stage, yes, no, abstain uint64) {
	a.t.Helper()
	v := a.over(id)
	require.Equal(a.t, stage, v.Status, v.Reason)
	require.Equal(a.t, [3]uint64{yes, no, abstain}, [3]uint64{v.Tally.Yes, v.Tally.No, v.Tally.Abstain})
}

func (a *assembly) belongs(d icn.DID) (found bool) {
	a.t.Helper()
	f, err := a.c.FederationStatus(ctx)
	require.NoError(a.t, err)
	for _, m := range f.Members {
		found = found || m.DID == d
	}
	return found
}

const soon = 5 * time.Second

// briefly lets votes end by themselves after a moment.
func briefly(r *icn.Rules) { r.VotingMillis = uint64(soon.Milliseconds()) }

// keyed is ask with the API key.
func (a *assembly) keyed(path string, f fields) answered {
	a.t.Helper()
	b, err := json.Marshal(f)
	require.NoError(a.t, err)
	return a.do(call{method: http.MethodPost, path: "/governance/" + path, body: string(b), header: map[string]string{"X-Api-Key": "stolen"}})
}

func (a *assembly) ballots(id icn.CID) []node.BallotView {
	a.t.Helper()
	list, err := a.c.GovernanceBallots(ctx, id)
	require.NoError(a.t, err)
	return list
}

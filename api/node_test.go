package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
)

func TestNodeTellsAboutItself(t *testing.T) {
	w := start(t, api.Config{})
	info, err := w.c.Info(ctx)
	require.NoError(t, err)
	require.Equal(t, "1.2.3", info.Version)
	require.Equal(t, "alone", info.Name)
	require.Equal(t, w.pair.DID(), info.DID)
	require.Contains(t, info.StatusMessage, "Mana: 1000")

	st, err := w.c.Status(ctx)
	require.NoError(t, err)
	require.True(t, st.IsOnline)
	require.Equal(t, info.Network, st.Network)
	require.Equal(t, st.Height, st.CurrentBlockHeight)
	require.Equal(t, w.pair.DID(), *st.Leader)

	h, err := w.c.Health(ctx)
	require.NoError(t, err)
	require.Equal(t, "OK", h.Status)
	require.NotZero(t, h.Metrics.MemoryUsageBytes)
	r, err := w.c.Ready(ctx)
	require.NoError(t, err)
	require.True(t, r.Ready, r.Checks)
	alive, err := w.c.Livez(ctx)
	require.NoError(t, err)
	require.True(t, alive.Alive)

	k, err := w.c.Keys(ctx)
	require.NoError(t, err)
	require.Equal(t, key.PeerID(w.pair.DID()), k.PeerID)
	require.NotEmpty(t, k.PublicKey)
}

func TestNodeThatDoesNotRunIsNotReady(t *testing.T) {
	pair, err := key.Generate()
	require.NoError(t, err)
	w := &world{t: t, node: node.New(node.Config{Key: pair})}
	w.serve(api.Config{})
	r, err := w.c.Ready(ctx)
	require.ErrorIs(t, err, icn.ErrUnavailable)
	require.False(t, r.Ready)
	require.Contains(t, r.Checks["node"], "starting")
	h, err := w.c.Health(ctx)
	require.NoError(t, err, "a node that starts is not to be restarted")
	require.Equal(t, "DEGRADED", h.Status)
	_, err = w.c.FederationStatus(ctx)
	require.ErrorIs(t, err, icn.ErrUnavailable)
	_, err = w.c.MeshJobs(ctx, 0, 0)
	require.ErrorIs(t, err, icn.ErrUnavailable)
	for _, err := range w.c.Events(ctx, wire.EventQuery{Follow: true}) {
		require.ErrorIs(t, err, icn.ErrUnavailable)
	}
}

func TestMetricsHaveTheirNames(t *testing.T) {
	w := start(t, api.Config{})
	_, err := w.c.Info(ctx)
	require.NoError(t, err)
	w.do(call{method: http.MethodGet, path: "/api/v1/dag/xyz"})
	text, err := w.c.Metrics(ctx)
	require.NoError(t, err)
	for _, name := range []string{
		"icn_node_uptime_seconds", "icn_mana_balance_total 1000", "icn_jobs_executed_total 0", "icn_p2p_peers_connected 0", `icn_governance_proposals_total{kind="text",state="Draft"} 0`, "icn_governance_open_votes 0", `icn_governance_members{standing="good"} 0`,
		"wasm_memory_growth_denied_total 0", "wasm_table_growth_denied_total 0", "icn_log_height", "icn_log_certified_size", "icn_jobs_open 0", "icn_statements_waiting 0",
		"go_goroutines", `icn_http_requests_total{method="GET",route="/info",status="2xx"} 1`, `icn_http_requests_total{method="GET",route="/dag/{cid}",status="4xx"} 1`,
		`icn_http_request_duration_seconds_count{method="GET",route="/info"} 1`,
	} {
		require.Contains(t, text, "\n"+name)
	}
}

func TestMemberIsAdmittedAndSpeaks(t *testing.T) {
	w := start(t, api.Config{})
	member, err := key.Generate()
	require.NoError(t, err)
	said, err := w.c.FederationMembers(ctx, wire.Member{DID: member.DID(), Role: icn.RolePerson, Name: "Ada"})
	require.NoError(t, err)
	require.Equal(t, "applied", said.State)
	require.NotZero(t, said.Index)
	require.NotEmpty(t, said.Events)
	var admitted icn.MemberAdmitted
	for _, e := range said.Events {
		if e.Type == "MemberAdmitted" {
			require.NoError(t, wire.Unmarshal(e.Body, &admitted))
		}
	}
	require.Equal(t, member.DID(), admitted.Member)
	f, err := w.c.FederationStatus(ctx)
	require.NoError(t, err)
	require.Len(t, f.Members, 1)
	require.Zero(t, f.PeerCount)

	a, err := w.c.AccountMana(ctx, member.DID(), "")
	require.NoError(t, err)
	require.EqualValues(t, 1000, a.Balance)
	module := icn.NewBlock(icn.Raw, []byte("upper"))
	require.NoError(t, w.node.Blocks().Put(ctx, module))
	s := icn.Statement{Network: f.Network, Author: member.DID(), Number: a.Next, Ops: []icn.Op{icn.JobPost{Via: w.pair.DID(), Budget: 70, Spec: icn.JobSpec{Module: module.CID}}}}
	s.Sig = [64]byte(member.Sign(s.SigningBytes()))
	first, err := w.c.StatementSay(ctx, s.Encode())
	require.NoError(t, err)
	again, err := w.c.StatementSay(ctx, s.Encode())
	require.NoError(t, err, "the same bytes again are harmless")
	require.Equal(t, first.Index, again.Index)

	asJSON, err := wire.Marshal(wire.Statement{Statement: s.Encode()})
	require.NoError(t, err)
	got := w.do(call{method: http.MethodPost, path: "/statements", body: string(asJSON)})
	require.Equal(t, http.StatusOK, got.status, got.body)

	s.Number++
	_, err = w.c.StatementSay(ctx, s.Encode())
	require.ErrorIs(t, err, icn.ErrDenied, "the signature is of another statement")
	job, err := w.c.MeshJob(ctx, icn.JobID(first.Statement, 0), 20*time.Second)
	require.NoError(t, err)
	require.Equal(t, member.DID(), job.Submitter)
	_, err = w.c.MeshCancel(ctx, job.Job)
	require.ErrorIs(t, err, icn.ErrConflict)
	list, err := w.c.StatementsWaiting(ctx)
	require.NoError(t, err)
	require.Empty(t, list)

	// An entry shows what was said, and its bytes are the entry.
	e, err := w.c.LogEntry(ctx, first.Index)
	require.NoError(t, err)
	require.Equal(t, first.Statement, e.Statement.ID)
	require.Equal(t, "job.post", e.Statement.Operations[0].Kind)
	require.Equal(t, w.pair.DID().String(), e.Statement.Operations[0].Body["via"])
	require.Equal(t, module.CID.String(), e.Statement.Operations[0].Body["spec"].(map[string]any)["module"])
	back, err := icn.DecodeEntry(e.Bytes)
	require.NoError(t, err)
	require.Equal(t, s.Author, back.Statement.Author)
	proof, err := w.c.LogProof(ctx, first.Index, 20*time.Second)
	require.NoError(t, err)
	require.NoError(t, proof.Verify(f.Network, []icn.DID{w.pair.DID()}, key.Verify))

	point, err := w.c.Checkpoint(ctx)
	require.NoError(t, err)
	require.Equal(t, f.Network, point.Network)
	require.Equal(t, []icn.DID{w.pair.DID()}, point.Signers)
	note := w.do(call{method: http.MethodGet, path: "/checkpoint"})
	require.True(t, strings.HasPrefix(note.header.Get("Content-Type"), "text/plain"))
	_, _, err = icn.ParseNote(note.body)
	require.NoError(t, err)
}

func TestJoinCodeIsMade(t *testing.T) {
	w := start(t, api.Config{})
	for _, body := range []string{"", `{"expires":"72h"}`, `{"expires":3600}`} {
		got := w.do(call{method: http.MethodPost, path: "/federation/invite", body: body})
		require.Equal(t, http.StatusOK, got.status, got.body)
		var in wire.Invited
		require.NoError(t, wire.Unmarshal([]byte(got.body), &in))
		require.NotEmpty(t, in.Code)
		require.NotZero(t, in.Index)
	}
	k, err := w.c.FederationKnocking(ctx)
	require.NoError(t, err)
	require.Empty(t, k)
	p, err := w.c.FederationPeers(ctx)
	require.NoError(t, err)
	require.Empty(t, p)
}

// links is a network with one peer.
type links struct{ peer icn.DID }

func (l links) Links() []node.Link {
	return []node.Link{{DID: l.peer, PeerID: key.PeerID(l.peer), Addrs: []string{"/ip4/10.0.0.2/tcp/7000"}, Connected: true, RTTMicros: 42, Throttled: 7, Breaker: "open"}}
}
func (l links) Addrs() []string { return []string{"/ip4/10.0.0.1/tcp/7000/p2p/x"} }

func (l links) Dial(context.Context, string) (icn.DID, error) { return l.peer, nil }

func (l links) Ping(_ context.Context, d icn.DID) (time.Duration, error) {
	if d != l.peer {
		return 0, icn.ErrNotFound
	}
	return 42 * time.Microsecond, nil
}

func TestNetworkIsShownAndUsed(t *testing.T) {
	peer, err := key.Generate()
	require.NoError(t, err)
	w := start(t, api.Config{Directory: links{peer.DID()}})
	list, err := w.c.NetworkPeers(ctx)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, peer.DID(), list[0].DID)
	me, err := w.c.NetworkLocalPeerID(ctx)
	require.NoError(t, err)
	require.Equal(t, key.PeerID(w.pair.DID()), me.PeerID)
	require.Len(t, me.Addresses, 1)
	c, err := w.c.NetworkConnect(ctx, "/ip4/10.0.0.2/tcp/7000/p2p/y")
	require.NoError(t, err)
	require.Equal(t, peer.DID(), c.DID)
	for _, name := range []string{peer.DID().String(), key.PeerID(peer.DID()), "/ip4/10.0.0.2/tcp/7000/p2p/" + key.PeerID(peer.DID())} {
		pong, err := w.c.NetworkPing(ctx, name)
		require.NoError(t, err)
		require.EqualValues(t, 42, pong.RTTMicros)
	}
	counted, err := w.c.Metrics(ctx)
	require.NoError(t, err)
	for _, line := range []string{`icn_p2p_throttled_frames_total{peer="%s"} 7`, `icn_p2p_breaker{peer="%s"} 2`, `icn_p2p_linked{peer="%s"} 1`} {
		require.Contains(t, string(counted), fmt.Sprintf(line, peer.DID()))
	}
	_, err = w.c.NetworkPing(ctx, w.pair.DID().String())
	require.ErrorIs(t, err, icn.ErrNotFound)
}

package api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
)

// module stores a program of these tests.
func (w *world) module(name string) icn.CID {
	w.t.Helper()
	id, err := w.c.DagPut(ctx, []byte(name), client.Put{})
	require.NoError(w.t, err)
	return id
}

func TestJobIsRunPaidAndProved(t *testing.T) {
	w := start(t, api.Config{})
	input, err := w.c.DagAdd(ctx, strings.NewReader("hello"))
	require.NoError(t, err)
	sub, err := w.c.MeshSubmit(ctx, wire.Submit{Module: w.module("upper"), Inputs: []icn.CID{input.CID}, Args: []string{"a"}, Wait: wire.Duration(30 * time.Second)})
	require.NoError(t, err)
	require.NotNil(t, sub.Job)
	require.Equal(t, node.JobCompleted, sub.Job.State)
	require.EqualValues(t, wire.DefaultBudget, sub.Job.Budget)
	out, err := w.c.DagCat(ctx, *sub.Job.Receipt.Output)
	require.NoError(t, err)
	defer out.Close()
	text := make([]byte, 5)
	_, err = io.ReadFull(out, text)
	require.NoError(t, err)
	require.Equal(t, "HELLO", string(text))

	r, err := w.c.MeshReceipt(ctx, sub.JobID, 30*time.Second)
	require.NoError(t, err)
	require.NoError(t, r.Proof.Verify(r.Network, r.Clerks, key.Verify))
	require.Equal(t, r.Proof.Entry, []byte(r.Entry.Bytes))
	require.Equal(t, "job.receipt", r.Entry.Statement.Operations[0].Kind)
	require.Equal(t, sub.JobID.String(), r.Entry.Statement.Operations[0].Body["job"])

	page, err := w.c.MeshJobs(ctx, 1, 0)
	require.NoError(t, err)
	require.Len(t, page.Jobs, 1)
	require.Equal(t, sub.JobID, page.Jobs[0].Job)
	older, err := w.c.MeshJobs(ctx, 0, page.Next)
	require.NoError(t, err)
	require.Empty(t, older.Jobs)
}

func TestUpstreamSubmissionIsUnderstood(t *testing.T) {
	w := start(t, api.Config{})
	id := w.module("upper")
	got := w.do(call{method: http.MethodPost, path: "/mesh/submit", body: `{"manifest_cid":"` + id.String() + `","cost_mana":60,"spec_json":{"kind":"CclWasm","inputs":[{"/":"` + id.String() +
		`"}],"outputs":[],"required_resources":{"cpu_cores":0,"memory_mb":0,"storage_mb":0},"required_capabilities":[]}}`})
	require.Equal(t, http.StatusAccepted, got.status, got.body)
	var sub wire.Submitted
	require.NoError(t, wire.Unmarshal([]byte(got.body), &sub))
	v, err := w.c.MeshJob(ctx, sub.JobID, 30*time.Second)
	require.NoError(t, err)
	require.Equal(t, node.JobCompleted, v.State)
	require.EqualValues(t, 60, v.Budget)
	require.Equal(t, []icn.CID{id}, v.Spec.Inputs)
}

func TestJobIsCancelled(t *testing.T) {
	w := start(t, api.Config{})
	sub, err := w.c.MeshSubmit(ctx, wire.Submit{Module: w.module("wait"), Budget: 100})
	require.NoError(t, err)
	require.Nil(t, sub.Job)
	a, err := w.c.AccountMana(ctx, w.pair.DID(), "")
	require.NoError(t, err)
	require.EqualValues(t, 100, a.Held)
	_, err = w.c.MeshReceipt(ctx, sub.JobID, time.Nanosecond)
	require.ErrorIs(t, err, icn.ErrUnavailable, "it has none yet")
	said, err := w.c.MeshCancel(ctx, sub.JobID)
	require.NoError(t, err)
	require.Equal(t, "JobCancelled", said.Events[0].Type)
	v, err := w.c.MeshJob(ctx, sub.JobID, 0)
	require.NoError(t, err)
	require.Equal(t, node.JobCancelled, v.State)
	_, err = w.c.MeshCancel(ctx, sub.JobID)
	require.ErrorIs(t, err, icn.ErrConflict)
	_, err = w.c.MeshReceipt(ctx, sub.JobID, time.Minute)
	require.ErrorIs(t, err, icn.ErrNotFound, "it will never have one")
	a, err = w.c.AccountMana(ctx, w.pair.DID(), "")
	require.NoError(t, err)
	require.Zero(t, a.Held)
}

func TestWhoWaitsIsToldAtShutdown(t *testing.T) {
	w := start(t, api.Config{})
	module := w.module("wait")
	other := &world{t: t, node: w.node, pair: w.pair}
	stop := other.serveUntil(api.Config{})
	answered := make(chan error, 1)
	go func() {
		sub, err := other.c.MeshSubmit(ctx, wire.Submit{Module: module, Wait: wire.Duration(time.Minute)})
		if err == nil && (!sub.JobID.Defined() || sub.Job != nil) {
			err = icn.ErrCorrupt
		}
		answered <- err
	}()
	for _, err := range w.c.Events(ctx, wire.EventQuery{Type: "posted", Follow: true, Limit: 1}) {
		require.NoError(t, err)
		stop() // it waits for the job's end now, or is about to
	}
	require.NoError(t, <-answered, "a call that waits is answered, not cut off")
}

package launch

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/examples"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/otlptest"
	"github.com/InterCooperative-Network/icn-core/trace"
)

// TestTracesAreWholeAfterARestart has a job posted by one process and ended by the
// next: what the first knew is sent before it ends, and its part of the trace and that
// of the second fit.
func TestTracesAreWholeAfterARestart(t *testing.T) {
	c := otlptest.Start(t)
	cfg := alone(filepath.Join(t.TempDir(), "node"))
	cfg.Federation.Name = "the coops"
	cfg.Tracing.Endpoint = c.URL
	n, api := begin(t, cfg)
	ran := submit(t, api, examples.Tiny(), []byte("text"))
	s, err := api.MeshSubmit(t.Context(), wire.Submit{Module: *ran.Spec.Module, Requires: icn.JobRequirements{Capabilities: []string{"nobody has this"}}})
	require.NoError(t, err)
	require.NoError(t, n.Close())
	spans := c.Trace(trace.TraceID(ran.Job))
	require.Empty(t, otlptest.Tree(spans))
	require.Len(t, spans, 8, "all steps: submit, attempt, offer, run, fetch input, fetch program, execute, receipt")
	require.Equal(t, "the coops", spans[0].Node["icn.federation"])

	n, api = begin(t, cfg)
	_, err = api.MeshCancel(t.Context(), s.JobID)
	require.NoError(t, err)
	require.NoError(t, n.Close())
	spans = c.Trace(trace.TraceID(s.JobID))
	require.Empty(t, otlptest.Tree(spans))
	require.Len(t, spans, 3, "submit, attempt, offer")
	require.Empty(t, c.Faults())
}

func TestTracesLeaveNothingBehind(t *testing.T) {
	c := otlptest.New()
	c.StartTLS()
	t.Cleanup(c.Close)
	before := goleak.IgnoreCurrent()
	cfg := inMemory()
	cfg.Tracing.Endpoint, cfg.Tracing.CAPath = c.URL, filepath.Join(t.TempDir(), "ca.pem")
	_, err := Start(t.Context(), cfg, Options{})
	require.ErrorIs(t, err, icn.ErrNotFound)
	require.ErrorContains(t, err, "check tracing.ca_path")
	require.NoError(t, os.WriteFile(cfg.Tracing.CAPath, []byte("no certificate"), 0o600))
	_, err = Start(t.Context(), cfg, Options{})
	require.ErrorIs(t, err, icn.ErrInvalid)

	cfg.Tracing.Endpoint = "http://127.0.0.1:1" // where nobody listens
	cfg.Tracing.CAPath = ""
	n, err := Start(t.Context(), cfg, Options{})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return n.Node().State() == "running" }, time.Minute, time.Millisecond)
	require.NoError(t, n.Close())
	goleak.VerifyNone(t, before)
}

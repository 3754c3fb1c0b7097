package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/otlptest"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/trace"
)

// tracing is the part of a configuration that names a collector. Only those jobs are
// run again that the test wants to be.
func tracing(url string) string {
	return fmt.Sprintf("[tracing]\nendpoint = %q\n[mesh]\nspot_check_permille = 0\n", url)
}

// ended submits a job at a node and waits for its end.
func (f *fleet) ended(at *vessel, s wire.Submit) (v node.JobView) {
	f.Helper()
	j, err := at.api.Load().MeshSubmit(f.Context(), s)
	require.NoError(f, err)
	f.until("the job has ended", func() bool {
		v, err = at.api.Load().MeshJob(f.Context(), j.JobID, time.Second)
		return err == nil && !v.Open()
	})
	return v
}

// traced waits until all of a job's trace has come: so many spans of each name, a
// failed one with "!" before it.
func (f *fleet) traced(c *otlptest.Collector, job icn.CID, want map[string]int) (spans []otlptest.Span) {
	f.Helper()
	got := map[string]int{}
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		spans = c.Trace(trace.TraceID(job))
		clear(got)
		for _, s := range spans {
			name := s.Name
			if s.Failed() {
				name = "!" + name
			}
			got[name]++
		}
		for _, name := range []string{"fetch program", "offer"} { // not where it was compiled already, or the next best offer is taken
			if want[name] == 0 {
				delete(got, name)
			}
		}
		if fmt.Sprint(got) == fmt.Sprint(want) && len(otlptest.Tree(spans)) == 0 {
			return spans
		}
		if time.Now().After(end) {
			f.fail("the trace of %s has %v, want %v; wrong: %v", job, got, want, otlptest.Tree(spans))
		}
	}
}

// nodes are the names of the nodes that reported spans of a name.
func reporters(spans []otlptest.Span, name string) (out []string) {
	for _, s := range spans {
		if s.Name == name {
			out = append(out, s.Node["icn.node.name"])
		}
	}
	slices.Sort(out)
	return out
}

// TestAJobIsFollowedOverNodes has three processes tell one collector, none of them
// knowing of the others' spans.
func TestAJobIsFollowedOverNodes(t *testing.T) {
	c := otlptest.Start(t)
	f := newFleetWith(t, 3, loopback{}, tracing(c.URL))
	a := f.nodes[0]
	var v node.JobView
	for v.Receipt == nil || v.Receipt.Executor == a.did { // whoever had no job for the longest is preferred
		s := f.job()
		s.Args = []string{"whisper"}
		v = f.ended(a, s)
	}
	f.traced(c, v.Job, map[string]int{"submit": 1, "attempt": 1, "offer": 1, "run": 1, "fetch input": 1, "execute": 1, "receipt": 1})

	_, err := a.api.Load().MeshCheck(t.Context(), v.Job)
	require.NoError(t, err)
	_, err = a.api.Load().MeshAudit(t.Context(), v.Job, time.Minute)
	require.NoError(t, err)
	spans := f.traced(c, v.Job, map[string]int{"submit": 1, "attempt": 1, "offer": 1, "run": 2, "fetch input": 3, "execute": 3, "receipt": 1, "check": 1, "audit": 1})
	executor := f.called(v.Receipt.Executor)
	require.Equal(t, []string{a.name}, reporters(spans, "submit"))
	require.Equal(t, []string{a.name}, reporters(spans, "attempt"))
	require.Equal(t, []string{executor}, reporters(spans, "receipt"))
	require.Contains(t, reporters(spans, "run"), executor)
	for _, s := range spans {
		require.Equal(t, v.Job.String(), s.Says["icn.job"])
		require.NotContains(t, s.String(), "whisper", "arguments are nobody's business")
		require.NotContains(t, s.String(), "in capitals, please", "nor what programs read")
		require.NotContains(t, strings.ToLower(s.String()), "in capitals, please", "or write")
		require.NotEmpty(t, s.Node["icn.federation"])
		require.NotEmpty(t, s.Node["service.version"])
		if s.Name == "offer" {
			require.Len(t, s.Events, 3, "all three nodes have offered")
		}
	}

	t.Run("three nodes run one job", func(t *testing.T) {
		s := f.job()
		s.Budget, s.Copies = 30, icn.JobCopies{Of: 3, Agree: 2}
		v := f.ended(a, s)
		spans := f.traced(c, v.Job, map[string]int{"submit": 1, "attempt": 1, "offer": 1, "run": 3, "fetch input": 3, "execute": 3, "receipt": 3})
		require.Equal(t, []string{"a", "b", "c"}, reporters(spans, "run"))
	})
	t.Run("a job that fails", func(t *testing.T) {
		b, err := os.ReadFile(filepath.Join(built, "fails.wasm"))
		require.NoError(t, err)
		m, err := a.api.Load().DagAdd(t.Context(), bytes.NewReader(b))
		require.NoError(t, err)
		v := f.ended(a, wire.Submit{Module: m.CID, Budget: 10})
		require.Equal(t, node.JobRolledBack, v.State)
		n := len(v.Failures)
		require.Greater(t, n, 1, "it was tried again")
		f.traced(c, v.Job, map[string]int{"submit": 1, "!attempt": n, "!run": n, "fetch input": n, "!execute": n, "!receipt": n, "!roll back": 1})
	})
	require.Empty(t, c.Faults())
}

// called is the name of the node with a DID.
func (f *fleet) called(d icn.DID) string {
	for _, v := range f.nodes {
		if v.did == d {
			return v.name
		}
	}
	return ""
}

var droppedSpans = regexp.MustCompile(`(?m)^icn_trace_spans_dropped_total ([1-9]\d*)$`)

// TestNodesRunAsEverWithoutTheirCollector has nobody listen where the traces go, and
// then somebody who never answers.
func TestNodesRunAsEverWithoutTheirCollector(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, gone.Close())
	for name, at := range map[string]net.Listener{"nobody listens": gone, "nobody answers": silent} {
		t.Run(name, func(t *testing.T) {
			f := newFleetWith(t, 3, loopback{}, tracing("http://"+at.Addr().String()))
			a := f.nodes[0]
			for range 5 {
				v := f.ended(a, f.job())
				require.Equal(t, node.JobCompleted, v.State)
			}
			f.until("what was dropped is counted", func() bool {
				m, err := a.api.Load().Metrics(t.Context())
				return err == nil && droppedSpans.MatchString(m)
			})
			for _, v := range f.nodes {
				v.signal(syscall.SIGTERM)
			}
			for _, v := range f.nodes {
				require.NoError(t, v.cmd.Wait(), "%s ends, and in peace", v.name)
				v.cmd = nil
			}
			b, err := os.ReadFile(a.log())
			require.NoError(t, err)
			require.Equal(t, 1, strings.Count(string(b), "spans of traces are dropped"), "one line, however much was dropped:\n%s", b)
		})
	}
}

package api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/store/memory"
)

// world is a federation of one real node over a memory store, behind a real
// server on a socket.
type world struct {
	t    testing.TB
	node *node.Node
	pair key.Pair
	api  *api.Server
	url  string
	c    *client.Client
}

func rules() icn.Rules {
	r := icn.DefaultRules()
	r.CheckpointMillis = 50
	return r
}

// startNode runs a node; when it returns, statements can be ordered.
func startNode(t testing.TB) (*node.Node, key.Pair) {
	t.Helper()
	pair, err := key.Generate()
	require.NoError(t, err)
	n, _ := runNode(t, pair, memory.New(), rules())
	return n, pair
}

// runNode runs a node over a store; it gives the way to stop it before the test ends.
func runNode(t testing.TB, pair key.Pair, st *memory.Store, rules icn.Rules) (*node.Node, func()) {
	t.Helper()
	blocks, err := dag.Open(st, dag.Options{})
	require.NoError(t, err)
	n := node.New(node.Config{
		Key: pair, Name: "alone", Store: st, Blocks: blocks, Verify: key.Verify, Rules: rules, Release: "1.2.3",
		Federation: "test", Log: slog.New(slog.DiscardHandler), Runner: program(blocks), Tuning: node.Tuning{Slots: 4},
		VerifyBatch: func(items []node.SigItem) []bool {
			list := make([]key.Item, len(items))
			for i, x := range items {
				list[i] = key.Item(x)
			}
			return key.VerifyBatch(list)
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the node ended: %v", err)
		}
	})
	t.Cleanup(stop)
	for {
		s, err := n.Status(context.Background())
		require.NoError(t, err)
		if s.Leader != nil {
			return n, stop
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatal("the node did not start")
		case <-time.After(time.Millisecond):
		}
	}
}

// program runs what these tests submit: the module "upper" writes its input in
// capitals, "wait" runs until it is stopped.
func program(blocks *dag.DAG) node.Runner {
	return func(ctx context.Context, r node.Run) (node.Output, error) {
		spec := r.Job.Spec
		m, err := blocks.Get(ctx, spec.Module)
		if err != nil {
			return node.Output{}, err
		}
		if string(m.Data) == "wait" {
			<-ctx.Done()
			return node.Output{}, ctx.Err()
		}
		var in []byte
		for _, c := range spec.Inputs {
			f, err := blocks.Read(ctx, c)
			if err != nil {
				return node.Output{}, err
			}
			part, err := io.ReadAll(f)
			if err = errors.Join(err, f.Close()); err != nil {
				return node.Output{}, err
			}
			in = append(in, part...)
		}
		return node.Output{Receipt: icn.JobReceipt{Outcome: icn.Outcome{Gas: uint64(len(in))}, Millis: 1, ABI: 1}, Stdout: bytes.ToUpper(in)}, nil
	}
}

func start(t testing.TB, c api.Config) *world {
	t.Helper()
	w := &world{t: t}
	w.node, w.pair = startNode(t)
	return w.serve(c)
}

// serve puts a server before the world's node, for as long as the test runs.
func (w *world) serve(c api.Config) *world {
	w.t.Helper()
	w.t.Cleanup(w.serveUntil(c))
	return w
}

// serveUntil is serve that gives the way to stop it; that waits for its end.
func (w *world) serveUntil(c api.Config) (stop func()) {
	w.t.Helper()
	s, err := api.New(w.node, c)
	require.NoError(w.t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()
	w.api, w.url = s, "http://"+ln.Addr().String()
	w.c, err = client.New(w.url, client.Options{APIKey: c.APIKey, Token: c.BearerToken})
	require.NoError(w.t, err)
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("the server ended: %v", err)
		}
	})
}

// call is one plain HTTP request.
type call struct {
	method, path, body string
	header             map[string]string
}

type answered struct {
	status int
	header http.Header
	body   string
}

func (w *world) do(c call) answered {
	w.t.Helper()
	req, err := http.NewRequest(c.method, w.url+c.path, strings.NewReader(c.body))
	require.NoError(w.t, err)
	if c.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range c.header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return answered{resp.StatusCode, resp.Header, string(b)}
}

// problem reads the answer as a problem.
func (a answered) problem(t testing.TB) *wire.Problem {
	t.Helper()
	require.Equal(t, wire.ProblemType, a.header.Get("Content-Type"), a.body)
	var p wire.Problem
	require.NoError(t, wire.Unmarshal([]byte(a.body), &p))
	require.Equal(t, a.status, p.Status)
	require.NotEmpty(t, p.Title)
	return &p
}

// record asks the handler without a socket.
func record(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

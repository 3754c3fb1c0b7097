// Package api serves a node over HTTP: one table of routes ([groups], in
// routes.go), from which the OpenAPI document, the manual and the metrics follow.
//
// The invariant: who may not use the node gets nothing but what the table calls
// open; an error is a problem (RFC 9457) made by the one table of package wire; a
// body over its route's limit is refused before it is read.
//
// It decides nothing: every answer is the node's. It opens no socket, knows no
// TLS and keeps no session.
//
//	s, err := api.New(n, api.Config{Access: api.Access{APIKey: key, RequireAuth: true}, Directory: links})
//	ln, err := net.Listen("tcp", "127.0.0.1:7845")
//	err = s.Serve(ctx, ln)
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/audit"
	"github.com/InterCooperative-Network/icn-core/internal/meter"
	"github.com/InterCooperative-Network/icn-core/node"
)

// Config says who may use the API, and how much at once.
type Config struct {
	Access
	Directory node.Directory     // the links of the P2P network; nil: there is none
	MaxUpload int64              // of a streamed file, in bytes; 0: 64 GiB
	Heartbeat time.Duration      // of event streams; 0: 15 s
	Audit     func(audit.Record) // is told who used the API for what; nil: nobody is
	Writes    *meter.Writes      // what the stores were asked to write; nil: that is not counted
	Traces    Traces             // what was told to a collector; its counters are 0 without
	Host      Host               // what runs the server; nil: nothing that can be asked
	Log       *slog.Logger
}

// Traces count the spans of a node's traces.
type Traces interface {
	Sent() uint64
	Dropped() uint64 // that the collector has not got
}

// Host is the process around the server.
type Host interface {
	// Reload reads the configuration again.
	Reload(context.Context) (wire.Reloaded, error)
	// Surroundings are what the node itself cannot know.
	Surroundings() wire.Surroundings
	// Rotate gives the node another key.
	Rotate(context.Context) (wire.Rotated, error)
	// SealedKey is the node's key file, if a thief of it could not use it.
	SealedKey() ([]byte, error)
	// Insides are what helps whoever looks for a fault: nothing secret.
	Insides() wire.Insides
}

const (
	maxJSON     = 8 << 20
	maxUpload   = 64 << 30
	heartbeat   = 15 * time.Second
	headerTime  = 10 * time.Second // to send the head of a request
	bodyTime    = time.Minute      // to send a body that is no stream
	writeTime   = 2 * time.Minute  // to take an answer that is no stream
	idleTime    = 2 * time.Minute
	pauseTime   = time.Minute // at most between two pieces of a stream
	leaveTime   = 5 * time.Second
	silentTime  = 250 * time.Millisecond // for a request that has not begun when the server leaves
	maxHeader   = 64 << 10
	maxSilent   = 4096 // connections on which no request is being answered, some 32 KB each
	maxWait     = time.Minute
	defaultWait = 5 * time.Second
)

// Server serves one node. Its handler may be used before the node runs: it then
// says that the node is not there yet.
type Server struct {
	n       *node.Node
	cfg     Config
	gate    atomic.Pointer[gate]
	users   users
	log     *slog.Logger
	mux     *http.ServeMux
	api     huma.API
	routes  map[string]route // by name
	reg     *prometheus.Registry
	meters  meters
	spec    []byte // the OpenAPI document
	manual  []byte // the same for people
	closing context.Context
	close   context.CancelFunc
}

// New makes a server of a node.
func New(n *node.Node, c Config) (*Server, error) {
	g, err := newGate(c.Access)
	if err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.MaxUpload == 0 {
		c.MaxUpload = maxUpload
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = heartbeat
	}
	s := &Server{n: n, cfg: c, log: c.Log, mux: http.NewServeMux(), routes: map[string]route{}, reg: prometheus.NewRegistry()}
	s.rule(g)
	s.gate.Store(g)
	s.closing, s.close = context.WithCancel(context.Background())
	s.meters = newMeters(s)
	if err := s.mount(); err != nil {
		return nil, err
	}
	return s, nil
}

// SetAccess replaces who may use the API; requests that have passed go on.
func (s *Server) SetAccess(a Access) error {
	g, err := newGate(a)
	if err != nil {
		return err
	}
	s.rule(g)
	if was := s.gate.Load(); was.open.perMinute == g.open.perMinute {
		g.open = was.open // what strangers have used up stays used up
	}
	s.gate.Store(g)
	return nil
}

// rule lets a gate know what the federation's rules say about strangers.
func (s *Server) rule(g *gate) {
	if s.n != nil {
		g.open.rules = s.n.StrangersPerMinute
	}
}

// Handler is the whole API.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// Serve answers on ln until ctx ends. Then streams of events and calls that wait
// end at once, and others have 5 s to end. It returns nil after that.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	waiting := newQueue(silentHere())
	srv := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ConnState: waiting.watch, ConnContext: waiting.tie,
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	select {
	case err := <-ended:
		s.close()
		return fmt.Errorf("api: %w", err)
	case <-ctx.Done():
	}
	s.close()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	defer time.AfterFunc(silentTime, waiting.clear).Stop()
	err := srv.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("requests were cut off at shutdown", "after", leaveTime)
		err = srv.Close()
	}
	<-ended
	return err
}

// patience is a context for waiting: it ends after d, or when the server closes.
func (s *Server) patience(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, min(max(d, 0), maxWait))
	stop := context.AfterFunc(s.closing, cancel)
	return ctx, func() { stop(); cancel() }
}

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
//	s, err := api.New(n, api.Config{APIKey: key, RequireAuth: true, Directory: links})
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
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// Config says who may use the API, and how much at once.
type Config struct {
	APIKey      string         // sent by callers as x-api-key
	BearerToken string         // sent by callers as Authorization: Bearer …
	RequireAuth bool           // refuse callers who do not send what is set of these two
	Directory   node.Directory // the links of the P2P network; nil: there is none
	MaxUpload   int64          // of a streamed file, in bytes; 0: 64 GiB
	Heartbeat   time.Duration  // of event streams; 0: 15 s
	Log         *slog.Logger

	// OpenRateLimit is how many requests a minute are answered to each caller
	// from elsewhere who shows no credential, where none is required; 0: any
	// number, below 0: none.
	OpenRateLimit int
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
	maxHeader   = 64 << 10
	maxWait     = time.Minute
	defaultWait = 5 * time.Second
)

// Server serves one node. Its handler may be used before the node runs: it then
// says that the node is not there yet.
type Server struct {
	n       *node.Node
	cfg     Config
	gate    gate
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
	if c.RequireAuth && c.APIKey == "" && c.BearerToken == "" {
		return nil, fmt.Errorf("api: %w: authentication is required and there is neither an API key nor a bearer token; set one", icn.ErrInvalid)
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
	s := &Server{n: n, cfg: c, gate: newGate(c), log: c.Log, mux: http.NewServeMux(), routes: map[string]route{}, reg: prometheus.NewRegistry()}
	s.closing, s.close = context.WithCancel(context.Background())
	s.meters = newMeters(s)
	if err := s.mount(); err != nil {
		return nil, err
	}
	return s, nil
}

// Handler is the whole API.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// Serve answers on ln until ctx ends. Then streams of events and calls that wait
// end at once, and others have 5 s to end. It returns nil after that.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	srv := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
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

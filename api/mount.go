package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/InterCooperative-Network/icn-core/api/access"
	"github.com/InterCooperative-Network/icn-core/api/wire"
)

// route is a row of the table.
type route struct {
	method, path string
	name         string // of the operation and of the client's method
	doc          string // one line
	bind         bind
	open         bool         // for everybody
	long         bool         // it may wait or stream: it has no time limit of its own
	limit        int64        // of the body, in bytes; 0: the default, -1: that of uploads
	scope        access.Scope // that a key needs; 0: read for GET, operate for POST
}

// bind ties a route to its handler.
type bind func(s *Server, op *huma.Operation)

// reply is what huma writes.
type reply[T any] struct {
	Status int
	Body   T
}

type ctxKey struct{}

// typed binds a handler whose request and answer are Go values. Its input is a
// struct with fields for path and query, and Body for the JSON. also are the
// statuses besides 200 that the same answer can have (see statusOf).
func typed[I, O any](h func(*Server, context.Context, *I) (O, error), also ...int) bind {
	return func(s *Server, op *huma.Operation) {
		op.Responses = map[string]*huma.Response{"default": s.errorResponse()}
		for _, status := range also {
			answersJSON(op, status, http.StatusText(status), s.schemaFor(reflect.TypeFor[O]()))
		}
		huma.Register(s.api, *op, func(ctx context.Context, in *I) (*reply[O], error) {
			out, err := h(s, ctx, in)
			if err != nil {
				id, _ := ctx.Value(ctxKey{}).(string)
				return nil, s.problem(err, id)
			}
			return &reply[O]{statusOf(out), out}, nil
		})
	}
}

// statusOf is the HTTP status of an answer that is no error.
func statusOf(v any) int {
	switch x := v.(type) {
	case wire.Said:
		return saidStatus(x)
	case wire.Invited:
		return saidStatus(x.Said)
	case wire.Spoken:
		return spokenStatus(x)
	case wire.Submitted:
		if x.Job == nil || x.Job.Open() {
			return http.StatusAccepted
		}
	case wire.Health:
		if x.Status == unhealthy {
			return http.StatusServiceUnavailable
		}
	case wire.Ready:
		if !x.Ready {
			return http.StatusServiceUnavailable
		}
	}
	return http.StatusOK
}

func saidStatus(s wire.Said) int {
	if s.State == "waiting" {
		return http.StatusAccepted
	}
	return http.StatusOK
}

// raw binds a handler that reads and writes by itself. What it returns becomes a
// problem, unless it has begun its answer.
func raw(h func(*Server, *writer, *http.Request) error, notes ...note) bind {
	return func(s *Server, op *huma.Operation) {
		op.Responses = map[string]*huma.Response{"default": s.errorResponse()}
		for _, f := range notes {
			f(s, op)
		}
		s.api.OpenAPI().AddOperation(op)
		s.handle(op, func(w *writer, r *http.Request) {
			err := h(s, w, r)
			if err == nil {
				return
			}
			if w.status != 0 {
				panic(http.ErrAbortHandler) // the answer is half written: break the connection
			}
			s.refuse(w, s.problem(err, w.Header().Get(correlation)))
		})
	}
}

// Prefix is where all routes are, too.
const Prefix = "/api/v1"

// handle puts a route's handler at both its places.
func (s *Server) handle(op *huma.Operation, h func(*writer, *http.Request)) {
	rt := s.routes[op.OperationID]
	limit := rt.limit
	switch {
	case limit == 0:
		limit = maxJSON
	case limit < 0:
		limit = s.cfg.MaxUpload
	}
	count := s.meters.route(rt)
	serve := func(rw http.ResponseWriter, r *http.Request) {
		w := rw.(*writer)
		w.routed = true
		start := time.Now()
		s.meters.inFlight.Inc()
		defer func() { count.done(w.status, start) }()
		who, p := s.gate.Load().check(r, rt)
		defer s.tell(w, rt, who)
		if p != nil {
			s.meters.refused(p.Status)
			s.refuse(w, p)
			return
		}
		if r.ContentLength > limit {
			w.Header().Set("Connection", "close")
			s.refuse(w, wire.NewProblem(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has %d bytes, at most %d are taken here", r.ContentLength, limit)))
			return
		}
		if r.ContentLength != 0 {
			r.Body = http.MaxBytesReader(w.ResponseWriter, r.Body, limit)
		}
		if rt.long {
			w.stream()
		}
		h(w, r)
	}
	for _, prefix := range []string{"", Prefix} {
		s.mux.HandleFunc(rt.method+" "+prefix+rt.path, serve)
	}
}

// adapter lets huma put its handlers into the same place.
type adapter struct {
	humago.Mux
	s *Server
}

// Handle implements huma.Adapter.
func (a adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	a.s.handle(op, func(w *writer, r *http.Request) {
		ctx := context.WithValue(r.Context(), ctxKey{}, w.Header().Get(correlation))
		handler(humago.NewContext(op, r.WithContext(ctx), w))
	})
}

// mount makes everything from the table.
func (s *Server) mount() error {
	s.api = huma.NewAPI(describe(s), adapter{s.mux, s})
	for _, g := range groups() {
		s.api.OpenAPI().Tags = append(s.api.OpenAPI().Tags, &huma.Tag{Name: g.name, Description: g.doc})
		for _, rt := range g.routes {
			if _, twice := s.routes[rt.name]; twice {
				return fmt.Errorf("api: two routes are called %s", rt.name)
			}
			if rt.scope == 0 {
				rt.scope = map[string]access.Scope{get: access.Read, post: access.Operate}[rt.method]
			}
			s.routes[rt.name] = rt
			op := &huma.Operation{OperationID: rt.name, Method: rt.method, Path: rt.path, Summary: rt.doc, Tags: []string{g.name},
				MaxBodyBytes: maxJSON, BodyReadTimeout: bodyTime, RejectUnknownQueryParameters: true}
			if !rt.open {
				op.Extensions = map[string]any{"x-icn-scope": rt.scope.String()}
			}
			if rt.open {
				op.Security = []map[string][]string{}
			}
			rt.bind(s, op)
		}
	}
	return s.publish()
}

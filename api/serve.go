package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
)

const correlation = "X-Correlation-Id"

// serve is what every request passes.
func (s *Server) serve(rw http.ResponseWriter, r *http.Request) {
	begin(r.Context())
	w := &writer{ResponseWriter: rw, s: s, r: r}
	h := rw.Header()
	h.Set(correlation, correlationID(r.Header.Get(correlation)))
	h.Set("X-Content-Type-Options", "nosniff")
	defer func() {
		if p := recover(); p != nil {
			w.crash(p)
		}
	}()
	if c := s.gate.Load().cors; c != nil {
		c.ServeHTTP(w, r, s.mux.ServeHTTP)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// correlationID takes the caller's, if it is fit to be written to a log.
func correlationID(sent string) string {
	fit := sent != "" && len(sent) <= 128
	for i := 0; fit && i < len(sent); i++ {
		fit = sent[i] > ' ' && sent[i] < 0x7f
	}
	if fit {
		return sent
	}
	return strconv.FormatUint(rand.Uint64(), 16)
}

// writer remembers what was answered, and turns the multiplexer's own answers
// (unknown path, wrong method) into problems.
type writer struct {
	http.ResponseWriter
	s      *Server
	r      *http.Request
	status int
	routed bool
	eaten  bool
	detail string // of the problem that was the answer
}

// Unwrap lets http.ResponseController reach the connection.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *writer) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	if !w.routed {
		switch status {
		case http.StatusNotFound:
			w.eaten = true
			w.s.refuse(w, wire.NewProblem(status, fmt.Sprintf("there is no %.100q here; /docs lists what there is", w.r.URL.Path)))
			return
		case http.StatusMethodNotAllowed:
			w.eaten = true
			w.s.refuse(w, wire.NewProblem(status, fmt.Sprintf("%.100q does not take %.20s, but %s", w.r.URL.Path, w.r.Method, w.Header().Get("Allow"))))
			return
		}
	}
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *writer) Write(p []byte) (int, error) {
	if w.eaten {
		return len(p), nil
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// Flush implements http.Flusher.
func (w *writer) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// crash answers a panic: what is wrong stays in the log.
func (w *writer) crash(p any) {
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	w.s.log.Error("panic in a request", "method", w.r.Method, "path", w.r.URL.Path, "correlation_id", w.Header().Get(correlation), "panic", p, "stack", string(debug.Stack()))
	if w.status != 0 {
		panic(http.ErrAbortHandler) // the answer is half written: break the connection
	}
	w.s.refuse(w, wire.ProblemOf(fmt.Errorf("panic")))
}

// refuse writes a problem. It goes around w's own WriteHeader.
func (s *Server) refuse(w *writer, p *wire.Problem) {
	b, err := wire.Marshal(p)
	if err != nil {
		panic(err) // strings and numbers cannot fail
	}
	h := w.Header()
	h.Del("Content-Length")
	h.Del("Content-Encoding")
	h.Del("ETag")
	h.Del("Cache-Control")
	h.Set("Content-Type", wire.ProblemType)
	if p.Status == http.StatusUnauthorized {
		s.gate.Load().challenge(h)
	}
	if p.Status == http.StatusTooManyRequests {
		h.Set("Retry-After", strconv.Itoa(1+60/max(s.gate.Load().open.perMinute, 1)))
	}
	w.status, w.detail = p.Status, p.Detail
	w.ResponseWriter.WriteHeader(p.Status)
	if w.r.Method != http.MethodHead {
		_, _ = w.ResponseWriter.Write(b) // whoever asked is gone: there is nobody to tell
	}
}

// problem describes an error to whoever asked, and what is the node's own fault
// to the log.
func (s *Server) problem(err error, id string) *wire.Problem {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return wire.NewProblem(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", tooLarge.Limit))
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errCut), errors.Is(err, context.Canceled):
		return wire.NewProblem(http.StatusBadRequest, "the request ended before its body was complete")
	}
	p := wire.ProblemOf(err)
	if p.Status >= 500 {
		level := slog.LevelWarn
		if p.Status == http.StatusInternalServerError {
			level = slog.LevelError
		}
		s.log.Log(context.Background(), level, "request failed", "error", err, "status", p.Status, "correlation_id", id)
	}
	return p
}

// stream lets a request take as long as it goes on.
func (w *writer) stream() {
	c := http.NewResponseController(w.ResponseWriter)
	_ = c.SetReadDeadline(time.Time{}) // not every connection has deadlines
	_ = c.SetWriteDeadline(time.Time{})
}

// pace gives the other side time for the next piece of a stream.
func (w *writer) pace() {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(pauseTime)) // not every connection has deadlines
}

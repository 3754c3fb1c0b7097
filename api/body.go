package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

const (
	octets   = "application/octet-stream"
	jsonType = "application/json"
	carType  = "application/vnd.ipld.car"
)

// keepBuffer is the largest buffer that goes back into the pool.
const keepBuffer = 4 << 20

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func release(b *bytes.Buffer) {
	if b.Cap() <= keepBuffer {
		b.Reset()
		buffers.Put(b)
	}
}

// readBody reads a body of at most limit bytes into a buffer from the pool. The
// caller releases it when nothing uses its bytes any more.
func readBody(r *http.Request, limit int64) (*bytes.Buffer, error) {
	b := buffers.Get().(*bytes.Buffer)
	if r.ContentLength > 0 {
		b.Grow(int(min(r.ContentLength, limit)) + bytes.MinRead) // so that reading never grows it
	}
	n, err := b.ReadFrom(io.LimitReader(r.Body, limit+1))
	switch {
	case n > limit:
		err = &http.MaxBytesError{Limit: limit}
	case err == nil && r.ContentLength > n:
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		release(b)
		return nil, bodyFault(err)
	}
	return b, nil
}

// bodyFault describes a body that could not be read.
func bodyFault(err error) error {
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return wire.NewProblem(http.StatusRequestTimeout, "the body did not come in time")
	}
	return err
}

// mediaType is the type that a body is said to have; fallback when none is.
func mediaType(r *http.Request, fallback string) string {
	ct := r.Header.Get("Content-Type")
	switch ct {
	case "":
		return fallback
	case octets, jsonType:
		return ct
	}
	t, _, err := mime.ParseMediaType(ct)
	if err != nil {
		return ct
	}
	return t
}

// unsupported refuses a body's type.
func unsupported(got string, want ...string) error {
	return wire.NewProblem(http.StatusUnsupportedMediaType, fmt.Sprintf("a body of type %.60q is not taken here; send it as content-type: %s", got, strings.Join(want, " or ")))
}

// readJSON reads a JSON body strictly.
func readJSON(r *http.Request, limit int64, v any) error {
	b, err := readBody(r, limit)
	if err != nil {
		return err
	}
	defer release(b)
	if b.Len() == 0 {
		return wire.NewProblem(http.StatusBadRequest, "a JSON body is needed")
	}
	return wire.UnmarshalStrict(b.Bytes(), v)
}

// missing says that a key is not there.
func missing(name string) error {
	return &wire.FieldError{Path: name, Reason: "missing"}
}

// misplaced names the parameter that is wrong.
func misplaced(place string, err error) error {
	p := wire.NewProblem(http.StatusBadRequest, "a parameter is wrong")
	p.Errors = []wire.Fault{{Location: place, Message: err.Error()}}
	return p
}

func pathCID(r *http.Request) (icn.CID, error) {
	c, err := icn.ParseCID(r.PathValue("cid"))
	if err != nil {
		return c, misplaced("path.cid", err)
	}
	return c, nil
}

// query reads a request's query; the first fault sticks.
type query struct {
	values url.Values
	err    error
}

func readQuery(r *http.Request, known ...string) *query {
	q := &query{}
	if r.URL.RawQuery == "" {
		return q
	}
	q.values, q.err = url.ParseQuery(r.URL.RawQuery)
	if q.err != nil {
		q.err = misplaced("query", q.err)
		return q
	}
	for name := range q.values { // order: the first fault found is as good as another
		if !slices.Contains(known, name) {
			q.fail(name, fmt.Errorf("unknown parameter; known: %s", strings.Join(known, ", ")))
		}
	}
	return q
}

func (q *query) fail(name string, err error) {
	if q.err == nil {
		q.err = misplaced("query."+name, err)
	}
}

func (q *query) text(name string) string { return q.values.Get(name) }

func (q *query) flag(name string) bool {
	s := q.text(name)
	if s == "" {
		return false
	}
	v, err := strconv.ParseBool(s)
	if err != nil {
		q.fail(name, fmt.Errorf("%.40q: want true or false", s))
	}
	return v
}

func (q *query) number(name string, most int) int {
	s := q.text(name)
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		q.fail(name, fmt.Errorf("%.40q: want a number from 1 to %d", s, most))
	}
	return n
}

func (q *query) did(name string) *icn.DID {
	s := q.text(name)
	if s == "" {
		return nil
	}
	d, err := icn.ParseDID(s)
	if err != nil {
		q.fail(name, err)
	}
	return &d
}

func (q *query) cid(name string) *icn.CID {
	s := q.text(name)
	if s == "" {
		return nil
	}
	c, err := icn.ParseCID(s)
	if err != nil {
		q.fail(name, err)
	}
	return &c
}

// writeJSON answers with JSON.
func writeJSON(w *writer, status int, v any) error {
	b, err := wire.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_, _ = w.Write(b) // whoever asked is gone: there is nobody to tell
	return nil
}

// Package otlptest is a collector of traces for tests: it takes them over HTTP as
// OTLP says, and puts them together.
//
// The invariant: what it was sent is decoded by the protocol's own messages, and
// what is malformed, or not in the form that a collector wants, is a fault of the
// test ([Collector.Faults]).
//
//	c := otlptest.Start(t)
//	… "--tracing-endpoint", c.URL …
//	for _, s := range c.Trace(id) { … }
package otlptest

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Span is one as it was sent, with what its sender says of itself.
type Span struct {
	*tracepb.Span
	Node map[string]string // the resource's attributes
	Says map[string]string // the span's
}

// ID and Parent are in hexadecimal; the root has no parent.
func (s Span) ID() string { return hex.EncodeToString(s.SpanId) }

// Parent is the span that it hangs below.
func (s Span) Parent() string { return hex.EncodeToString(s.ParentSpanId) }

// Failed says whether its status is that of an error.
func (s Span) Failed() bool { return s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR }

// Answer is what a request is told: a status, and how many of its spans were not
// taken, and why.
type Answer struct {
	Status   int
	Rejected int64
	Why      string
}

// encode makes an ExportTraceServiceResponse.
func (a Answer) encode() []byte {
	if a.Rejected == 0 {
		return nil
	}
	part := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(a.Rejected))
	part = protowire.AppendString(protowire.AppendTag(part, 2, protowire.BytesType), a.Why)
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), part)
}

// Collector takes traces.
type Collector struct {
	*httptest.Server

	mu     sync.Mutex
	spans  map[string][]Span // by trace
	heads  []http.Header
	faults []string
	answer func() Answer
}

// Start starts one that ends with the test.
func Start(t testing.TB) *Collector {
	c := New()
	c.Server.Start()
	t.Cleanup(c.Close)
	return c
}

// New makes one that is not started yet.
func New() *Collector {
	c := &Collector{spans: map[string][]Span{}}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(c.take))
	return c
}

// Answer has requests answered otherwise; those with another status than 200 are not
// kept.
func (c *Collector) Answer(f func() Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = f
}

// Trace is what was sent of a trace.
func (c *Collector) Trace(id [16]byte) []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans[hex.EncodeToString(id[:])]...)
}

// Traces is how many there are.
func (c *Collector) Traces() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.spans)
}

// Heads are the headers of the requests.
func (c *Collector) Heads() []http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]http.Header(nil), c.heads...)
}

// Faults are what was wrong with what was sent.
func (c *Collector) Faults() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.faults...)
}

func (c *Collector) take(w http.ResponseWriter, r *http.Request) {
	req, err := decode(r)
	c.mu.Lock()
	c.heads = append(c.heads, r.Header.Clone())
	answer := c.answer
	if err != nil {
		c.faults = append(c.faults, err.Error())
	}
	c.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	says := Answer{Status: http.StatusOK}
	if answer != nil {
		says = answer()
	}
	if says.Status == http.StatusOK {
		c.keep(req)
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.WriteHeader(says.Status)
	_, _ = w.Write(says.encode()) // whoever asked may be gone
}

// decode reads a request. ExportTraceServiceRequest has the same one field as
// TracesData, with the same number; the package that it is in brings gRPC with it.
func decode(r *http.Request) (*tracepb.TracesData, error) {
	if r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		return nil, fmt.Errorf("%s %s with %q", r.Method, r.URL.Path, r.Header.Get("Content-Type"))
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = z
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	req := &tracepb.TracesData{}
	if err := proto.Unmarshal(b, req); err != nil {
		return nil, err
	}
	if len(req.ProtoReflect().GetUnknown()) > 0 {
		return nil, fmt.Errorf("the request has fields that the protocol does not know")
	}
	return req, nil
}

func (c *Collector) keep(req *tracepb.TracesData) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range req.ResourceSpans {
		for _, scope := range r.ScopeSpans {
			for _, s := range scope.Spans {
				id := hex.EncodeToString(s.TraceId)
				if s.EndTimeUnixNano < s.StartTimeUnixNano {
					c.faults = append(c.faults, fmt.Sprintf("%s ends before it begins", s.Name))
				}
				c.spans[id] = append(c.spans[id], Span{s, texts(r.GetResource().GetAttributes()), texts(s.Attributes)})
			}
		}
	}
}

func texts(list []*commonpb.KeyValue) map[string]string {
	out := map[string]string{}
	for _, kv := range list {
		switch v := kv.GetValue().GetValue().(type) {
		case *commonpb.AnyValue_StringValue:
			out[kv.Key] = v.StringValue
		default:
			out[kv.Key] = fmt.Sprint(kv.GetValue())
		}
	}
	return out
}

// Tree is what is wrong with a trace: it has one root, every parent is there, no span
// twice.
func Tree(spans []Span) (faults []string) {
	at, roots := map[string]bool{}, 0
	for _, s := range spans {
		if at[s.ID()] {
			faults = append(faults, fmt.Sprintf("%s of %s is there twice", s.Name, s.Node["icn.node.name"]))
		}
		at[s.ID()] = true
	}
	for _, s := range spans {
		if s.Parent() == "" {
			roots++
		} else if !at[s.Parent()] {
			faults = append(faults, fmt.Sprintf("%s of %s has no parent", s.Name, s.Node["icn.node.name"]))
		}
	}
	if roots != 1 {
		faults = append(faults, fmt.Sprintf("%d roots", roots))
	}
	return faults
}

// Package trace tells a collector (OpenTelemetry, OTLP over HTTP) what this node did
// for each job, and when: spans, which the collector puts together with those of
// other nodes.
//
// The invariant: nobody waits for it. What the collector does not take is dropped and
// counted; a span waits in a queue that has an end.
//
// No node tells another anything for it: a trace's id follows from the job's, and a
// span's from job, attempt, step and node ([TraceID]), so that each can name spans that
// another reports. A span is made when its step is over, from the clock of the node
// that took it. There is nothing in it of what a program was given, wrote or left, and
// not who submitted the job.
//
// A nil *Tracer is one that traces nothing.
//
//	t, err := trace.New(trace.Config{Node: me, Endpoint: "http://127.0.0.1:4318/v1/traces", Sample: 1, Log: log})
//	t.Saw(events)                  // of the federation's log, as they are applied here
//	run := t.Run(job, attempt, via)
//	run.End(receipt, err)
//	t.Close()
package trace

import (
	"context"
	"crypto/x509"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	otel "go.opentelemetry.io/otel/trace"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Config says who tells, and whom.
type Config struct {
	Node       icn.DID
	Name       string // of the node
	Federation string // that it will be in, as far as is known; see [Tracer.In]
	Release    string
	Endpoint   string            // where the collector takes traces: http or https, with the path
	Headers    map[string]string // that it is sent
	Roots      *x509.CertPool    // who may sign its certificate; nil: whom this machine trusts
	Sample     float64           // share of the jobs that are traced, from 0 to 1
	Log        *slog.Logger
}

// Tracer follows jobs on one node. Its methods may be called from any goroutine, and
// do not block.
type Tracer struct {
	cfg     Config
	out     *outlet
	sampler sdk.Sampler
	since   icn.Time // events before are another life's
	maker   atomic.Pointer[maker]

	bidding   sync.Mutex // the node's loop takes it, so nothing slow is done under it
	offers    *lru.Cache[trial, []offer]
	submitted *lru.Cache[icn.CID, time.Time] // jobs that were handed in here and are not in the log yet

	mu       sync.Mutex
	attempts *lru.Cache[icn.CID, *attempt]  // of jobs that this node assigns
	receipts *lru.Cache[icn.CID, *answered] // runs of this node whose end is not in the log yet
	checks   *lru.Cache[icn.CID, *checking]
}

// maker makes spans of a node in one federation.
type maker struct {
	federation string
	tracer     otel.Tracer
}

// most bounds each kind of what a tracer remembers. What is older is forgotten, and
// then lacks in its trace.
const most = 4096

// New begins to trace.
func New(cfg Config) (*Tracer, error) {
	out, err := newOutlet(cfg)
	if err != nil {
		return nil, err
	}
	t := &Tracer{cfg: cfg, out: out, sampler: sdk.TraceIDRatioBased(cfg.Sample), since: icn.Time(time.Now().UnixMilli()),
		submitted: remember[icn.CID, time.Time](), offers: remember[trial, []offer](), attempts: remember[icn.CID, *attempt](),
		receipts: remember[icn.CID, *answered](), checks: remember[icn.CID, *checking]()}
	t.In(cfg.Federation)
	return t, nil
}

func remember[K comparable, V any]() *lru.Cache[K, V] {
	c, err := lru.New[K, V](most)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return c
}

// In says which federation the node is in. It is told with every span that is made
// from then on.
func (t *Tracer) In(federation string) {
	if m := t.maker.Load(); m != nil && m.federation == federation {
		return
	}
	who := resource.NewSchemaless(
		attribute.String("service.name", "icn-node"), attribute.String("service.version", t.cfg.Release),
		attribute.String("service.namespace", federation), attribute.String("service.instance.id", t.cfg.Node.String()),
		attribute.String("icn.node.did", t.cfg.Node.String()), attribute.String("icn.node.name", t.cfg.Name), attribute.String("icn.federation", federation))
	p := sdk.NewTracerProvider(sdk.WithResource(who), sdk.WithSampler(sdk.AlwaysSample()), sdk.WithIDGenerator(given{}), sdk.WithSpanProcessor(t.out))
	t.maker.Store(&maker{federation, p.Tracer("github.com/InterCooperative-Network/icn-core/trace")})
}

// Sent and Dropped count spans since the start.
func (t *Tracer) Sent() uint64 {
	if t == nil {
		return 0
	}
	return t.out.sent.Load()
}

// Dropped counts those that the collector has not got.
func (t *Tracer) Dropped() uint64 {
	if t == nil {
		return 0
	}
	return t.out.dropped.Load()
}

// Close sends what is left, for two seconds at most.
func (t *Tracer) Close() {
	if t != nil {
		t.out.close()
	}
}

// follows says whether a job is traced: on all nodes alike, if they have the same share.
func (t *Tracer) follows(job icn.CID) bool {
	return t != nil && t.sampler.ShouldSample(sdk.SamplingParameters{ParentContext: context.Background(), TraceID: otel.TraceID(TraceID(job))}).Decision == sdk.RecordAndSample
}

// span is a step that is over.
type span struct {
	at       place
	under    *place // nil: it is the root
	kind     otel.SpanKind
	from, to time.Time
	says     []attribute.KeyValue
	saw      []happening
	failed   string // empty: it did not
}

// happening is something at a moment within a span.
type happening struct {
	name string
	at   time.Time
	says []attribute.KeyValue
}

// tell hands a span to the outlet.
func (t *Tracer) tell(s span) {
	ctx := withIDs(context.Background(), s.at)
	if s.under != nil {
		ctx = otel.ContextWithSpanContext(ctx, s.under.context(t.cfg.Node))
	}
	says := append([]attribute.KeyValue{attribute.String("icn.job", s.at.job.String())}, s.says...)
	if s.at.attempt > 0 {
		says = append(says, attribute.Int64("icn.attempt", int64(s.at.attempt)))
	}
	_, o := t.maker.Load().tracer.Start(ctx, s.at.step, otel.WithTimestamp(s.from), otel.WithSpanKind(s.kind), otel.WithAttributes(says...))
	for _, h := range s.saw {
		o.AddEvent(h.name, otel.WithTimestamp(h.at), otel.WithAttributes(h.says...))
	}
	if s.failed != "" {
		o.SetStatus(codes.Error, s.failed)
	}
	o.End(otel.WithTimestamp(s.to))
}

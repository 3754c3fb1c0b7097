package trace

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// Bounds of what waits for the collector.
const (
	room       = 4096                    // spans that wait or are under way
	together   = 512                     // sent at once, at most
	every      = time.Second             // how long one waits for company
	exportTime = 10 * time.Second        // for which a batch is tried
	lastTime   = 1500 * time.Millisecond // for what is left when the node ends
	abortTime  = 500 * time.Millisecond  // to break off what is under way then
)

// outlet is the way to the collector. It implements sdk.SpanProcessor, in front of the
// library's queue, which does not tell what it drops: this one never lets it come to
// that. And it implements sdk.SpanExporter, behind it.
type outlet struct {
	queue sdk.SpanProcessor
	to    *otlptrace.Exporter
	conn  *collector
	log   *slog.Logger

	pending       atomic.Int64 // in the queue, or under way
	sent, dropped atomic.Uint64
	away          atomic.Bool // the collector did not take the last ones
}

func newOutlet(cfg Config) (*outlet, error) {
	o := &outlet{conn: newCollector(cfg), log: cfg.Log}
	var err error
	if o.to, err = otlptrace.New(context.Background(), o.conn); err != nil {
		return nil, err
	}
	o.queue = sdk.NewBatchSpanProcessor(exporter{o}, sdk.WithMaxQueueSize(room), sdk.WithMaxExportBatchSize(together), sdk.WithBatchTimeout(every), sdk.WithExportTimeout(exportTime))
	return o, nil
}

// OnStart implements sdk.SpanProcessor.
func (o *outlet) OnStart(context.Context, sdk.ReadWriteSpan) {}

// OnEnd implements sdk.SpanProcessor.
func (o *outlet) OnEnd(s sdk.ReadOnlySpan) {
	if o.pending.Add(1) > room {
		o.pending.Add(-1)
		o.dropped.Add(1)
		return
	}
	o.queue.OnEnd(s)
}

// ForceFlush implements sdk.SpanProcessor.
func (o *outlet) ForceFlush(ctx context.Context) error { return o.queue.ForceFlush(ctx) }

// Shutdown implements sdk.SpanProcessor.
func (o *outlet) Shutdown(ctx context.Context) error { return o.queue.Shutdown(ctx) }

// close sends what is left, as far as there is time.
func (o *outlet) close() {
	ctx, cancel := context.WithTimeout(context.Background(), lastTime)
	defer cancel()
	o.conn.hurry()
	err := o.queue.Shutdown(ctx)
	if err != nil {
		o.conn.abort()
	}
	for end := time.Now().Add(abortTime); err != nil && o.pending.Load() > 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	o.conn.abort()
	if n := o.dropped.Load(); n > 0 {
		o.log.Warn("the collector has not got all spans of this node's traces", "dropped", n, "sent", o.sent.Load())
	}
}

// exporter is the outlet behind the queue.
type exporter struct{ o *outlet }

// ExportSpans implements sdk.SpanExporter. It returns no error: the outlet has dealt
// with it.
func (x exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	o, n := x.o, len(spans)
	err := context.Cause(o.conn.life) // after the end nothing is sent
	if err == nil {
		err = o.to.ExportSpans(ctx, spans)
	}
	lost := n
	var part *rejected
	switch {
	case err == nil:
		lost = 0
	case errors.As(err, &part):
		lost = int(min(max(part.spans, 0), int64(n)))
	}
	o.dropped.Add(uint64(lost))
	o.sent.Add(uint64(n - lost))
	o.pending.Add(-int64(n))
	switch {
	case err != nil && !o.away.Swap(true):
		o.log.Warn("spans of traces are dropped: the collector does not take them; jobs go on as ever. See whether it runs, and tracing.endpoint", "collector", o.conn.url, "error", err)
	case err == nil && o.away.Swap(false):
		o.log.Info("the collector takes traces again", "collector", o.conn.url, "dropped", o.dropped.Load())
	}
	return nil
}

// Shutdown implements sdk.SpanExporter.
func (x exporter) Shutdown(ctx context.Context) error { return x.o.to.Shutdown(ctx) }

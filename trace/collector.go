package trace

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// collector takes spans over HTTP (OTLP 1.10, section "OTLP/HTTP"). It implements
// otlptrace.Client; the library's own brings gRPC with it, which nothing else here
// needs.
type collector struct {
	url     string
	headers map[string]string
	http    *http.Client
	life    context.Context
	end     context.CancelFunc
	rushed  context.Context // done when nothing is tried again
	rush    context.CancelFunc
}

const (
	askTime    = 5 * time.Second // for one request
	firstPause = 250 * time.Millisecond
	lastPause  = 4 * time.Second
	maxAnswer  = 64 << 10
)

func newCollector(cfg Config) *collector {
	tr := http.DefaultTransport.(*http.Transport).Clone() // it is one: nobody here replaces it
	tr.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.Roots}
	tr.MaxIdleConns, tr.MaxConnsPerHost = 1, 2
	c := &collector{url: cfg.Endpoint, headers: cfg.Headers}
	c.http = &http.Client{Transport: tr, Timeout: askTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	c.life, c.end = context.WithCancel(context.Background())
	c.rushed, c.rush = context.WithCancel(c.life)
	return c
}

// hurry ends all pauses: what fails from here on is not tried again.
func (c *collector) hurry() { c.rush() }

// abort ends what is under way.
func (c *collector) abort() {
	c.end()
	c.http.CloseIdleConnections()
}

// Start implements otlptrace.Client.
func (c *collector) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (c *collector) Stop(context.Context) error {
	c.abort()
	return nil
}

// UploadTraces implements otlptrace.Client. What may go well later is tried again for
// as long as ctx lasts.
func (c *collector) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// The request's message has the same one field as this, with the same number.
	b, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("traces: %w: %v", icn.ErrInvalid, err)
	}
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	_, _ = z.Write(b) // memory takes all
	_ = z.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		again, err := c.post(ctx, body.Bytes())
		if err == nil || again == never || c.rushed.Err() != nil {
			return err
		}
		select {
		case <-time.After(max(pause, again)):
		case <-c.rushed.Done(): // one last time
		case <-ctx.Done():
			return err
		}
	}
}

// never stands for no time after which to try again.
const never = time.Duration(-1)

// post sends a request. When that fails, it says how long to wait at least.
func (c *collector) post(ctx context.Context, body []byte) (again time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return never, err
	}
	for name, value := range c.headers { // order: each is another header
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	r.Header.Set("Content-Encoding", "gzip")
	r.Header.Set("User-Agent", "icn-node")
	a, err := c.http.Do(r)
	if err != nil {
		return 0, err
	}
	defer a.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(a.Body, maxAnswer))
	switch {
	case a.StatusCode == http.StatusOK && err == nil:
		return never, partly(answer)
	case a.StatusCode/100 == 2:
		return never, nil
	}
	err = fmt.Errorf("%w: it answers %s", icn.ErrUnavailable, a.Status)
	switch a.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		secs, _ := strconv.Atoi(a.Header.Get("Retry-After")) // none: at once
		return time.Duration(min(max(secs, 0), 60)) * time.Second, err
	}
	return never, err
}

// rejected says that the collector did not want some of the spans.
type rejected struct {
	spans int64
	why   string
}

// Error implements error.
func (r *rejected) Error() string {
	return fmt.Sprintf("it refused %d spans: %s", r.spans, icn.Fit(r.why, 200))
}

// partly reads an answer (ExportTraceServiceResponse): field 1 is there when not all
// was taken, and has the number of spans as its field 1, the reason as field 2.
func partly(answer []byte) error {
	var r rejected
	for _, f := range fields(answer) {
		if f.number != 1 {
			continue
		}
		for _, x := range fields(f.bytes) {
			switch x.number {
			case 1:
				r.spans = int64(x.value)
			case 2:
				r.why = string(x.bytes)
			}
		}
	}
	if r.spans == 0 {
		return nil
	}
	return &r
}

type protoField struct {
	number protowire.Number
	value  uint64
	bytes  []byte
}

// fields parts a message into its numbers and byte strings, as far as it is one.
func fields(b []byte) (out []protoField) {
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return out
		}
		b = b[n:]
		f := protoField{number: num}
		switch kind {
		case protowire.VarintType:
			f.value, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, kind, b)
		}
		if n < 0 {
			return out
		}
		b, out = b[n:], append(out, f)
	}
	return out
}

// Package client speaks to a node's HTTP API: one method for each route, named
// like its operation in the OpenAPI.
//
// The invariant: an error of the node comes back as the same icn sentinel, with
// the node's own words; what cannot be reached is icn.ErrUnavailable; a block
// whose content is not what its CID says never comes back at all.
//
// It retries nothing and keeps nothing but idle connections. A Client may be
// used from many goroutines.
//
//	c, err := client.New("http://127.0.0.1:7845", client.Options{APIKey: key})
//	id, err := c.DagPut(ctx, []byte("hello world"), client.Put{})
//	for ev, err := range c.Events(ctx, wire.EventQuery{Type: "settled", Follow: true}) { … }
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// Options of a client. The zero value has no credentials and waits 30 s.
type Options struct {
	APIKey  string        // sent as x-api-key
	Token   string        // sent as a bearer token
	Timeout time.Duration // of a request that is no stream, besides what it asks to wait
	HTTP    *http.Client  // nil: one of its own

	Trust *x509.CertPool   // who may vouch for an https:// node; nil: whom the system trusts
	Show  *tls.Certificate // to a node that wants its callers to have one; nil: none
}

// Client speaks to one node.
type Client struct {
	base string
	o    Options
}

// New makes a client of the node at a URL such as http://127.0.0.1:7845. It does
// not connect yet.
func New(baseURL string, o Options) (*Client, error) {
	u, err := url.Parse(strings.TrimRight(baseURL, "/"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("API URL %.100q: %w: want http://host:port", baseURL, icn.ErrInvalid)
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.HTTP == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 64
		if o.Trust != nil || o.Show != nil {
			t.TLSClientConfig = &tls.Config{RootCAs: o.Trust, MinVersion: tls.VersionTLS13}
			t.ForceAttemptHTTP2 = true
		}
		if o.Show != nil {
			t.TLSClientConfig.Certificates = []tls.Certificate{*o.Show}
		}
		o.HTTP = &http.Client{Transport: t}
	}
	return &Client{base: u.String(), o: o}, nil
}

// URL is where the node is.
func (c *Client) URL() string { return c.base }

// call is one request.
type call struct {
	method, path string
	query        url.Values
	body         io.Reader
	length       int64 // of body; 0: not known
	contentType  string
	accept       string
	lastEvent    string
	wait         time.Duration // what the node is asked to wait
	stream       bool          // no time limit but the context's
	checks       bool          // an answer with status 503 is JSON of the same shape
}

// answer is a response whose body is still to be read; Close ends the request.
type answer struct {
	*http.Response
	end context.CancelFunc
}

// Read reads the body; a connection that breaks makes the node unavailable.
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.Body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = broken(err)
	}
	return n, err
}

// Close ends the request.
func (a *answer) Close() error {
	err := a.Body.Close()
	a.end()
	return err
}

// broken gives an error of the connection its sentinel.
func broken(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", icn.ErrUnavailable, err)
}

// maxProblem bounds how much of an error's body is read.
const maxProblem = 1 << 20

func (c *Client) send(ctx context.Context, r call) (*answer, error) {
	end := context.CancelFunc(func() {})
	if !r.stream {
		ctx, end = context.WithTimeout(ctx, c.o.Timeout+r.wait)
	}
	a, err := c.begin(ctx, r)
	if err != nil {
		end()
		return nil, err
	}
	a.end = end
	return a, nil
}

func (c *Client) begin(ctx context.Context, r call) (*answer, error) {
	target := c.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, r.body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %v", r.path, icn.ErrInvalid, err)
	}
	if r.length > 0 {
		req.ContentLength = r.length
	}
	for name, value := range map[string]string{"Content-Type": r.contentType, "Accept": r.accept, "X-Api-Key": c.o.APIKey, "Last-Event-ID": r.lastEvent} { // order: each is set by itself
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	if c.o.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.o.Token)
	}
	resp, err := c.o.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("node at %s: %w", c.base, broken(err))
	}
	if resp.StatusCode < 300 {
		return &answer{Response: resp}, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if err != nil {
		return nil, fmt.Errorf("node at %s: %w", c.base, broken(err))
	}
	if r.checks && resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Content-Type") == "application/json" {
		return nil, notOK{text}
	}
	return nil, wire.ReadProblem(resp.StatusCode, resp.Header.Get("Content-Type"), text)
}

// bytes sends a request and reads the whole answer.
func (c *Client) bytes(ctx context.Context, r call) ([]byte, error) {
	a, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	return io.ReadAll(a)
}

// get asks for JSON.
func get[T any](ctx context.Context, c *Client, r call) (T, error) {
	var out T
	r.accept = "application/json"
	if r.method == "" {
		r.method = http.MethodGet
	}
	b, err := c.bytes(ctx, r)
	if err != nil {
		return out, err
	}
	if err := wire.Unmarshal(b, &out); err != nil {
		return out, fmt.Errorf("%s: answer of the node: %w: %v", r.path, icn.ErrCorrupt, err)
	}
	return out, nil
}

// post sends JSON and reads JSON.
func post[T any](ctx context.Context, c *Client, r call, body any) (T, error) {
	r.method = http.MethodPost
	if body != nil {
		b, err := wire.Marshal(body)
		if err != nil {
			var none T
			return none, err
		}
		r.body, r.contentType = bytes.NewReader(b), "application/json"
	}
	return get[T](ctx, c, r)
}

// waiting is the query that asks the node to wait.
func waiting(d time.Duration) url.Values {
	if d <= 0 {
		return nil
	}
	return url.Values{"wait": {d.String()}}
}

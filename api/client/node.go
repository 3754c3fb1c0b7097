package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// Info says who the node is.
func (c *Client) Info(ctx context.Context) (wire.Info, error) {
	return get[wire.Info](ctx, c, call{path: "/info"})
}

// Status is the node at a glance.
func (c *Client) Status(ctx context.Context) (wire.Status, error) {
	return get[wire.Status](ctx, c, call{path: "/status"})
}

// Health says whether the node works. When it does not, the error is an
// icn.ErrUnavailable, and the checks tell why.
func (c *Client) Health(ctx context.Context) (wire.Health, error) {
	return checks[wire.Health](ctx, c, "/health")
}

// Ready says whether the node can order statements. When it cannot, the error is
// an icn.ErrUnavailable, and the checks tell why.
func (c *Client) Ready(ctx context.Context) (wire.Ready, error) {
	return checks[wire.Ready](ctx, c, "/ready")
}

// notOK is the answer of /health and /ready with status 503.
type notOK struct{ body json.RawMessage }

func (e notOK) Error() string { return "the node is not ready: " + string(e.body) }
func (e notOK) Unwrap() error { return icn.ErrUnavailable }

// checks reads an answer that has the same shape with status 200 and 503.
func checks[T any](ctx context.Context, c *Client, path string) (T, error) {
	var out T
	b, err := c.bytes(ctx, call{method: http.MethodGet, path: path, accept: "application/json", checks: true})
	var bad notOK
	if errors.As(err, &bad) {
		b = bad.body
	} else if err != nil {
		return out, err
	}
	if jsonErr := wire.Unmarshal(b, &out); jsonErr != nil {
		return out, fmt.Errorf("%s: answer of the node: %w: %v", path, icn.ErrCorrupt, jsonErr)
	}
	return out, err
}

// Checks are what the node has looked at.
func (c *Client) Checks(ctx context.Context) (wire.Checks, error) {
	return get[wire.Checks](ctx, c, call{path: "/checks"})
}

// Livez says whether the process answers.
func (c *Client) Livez(ctx context.Context) (wire.Alive, error) {
	return get[wire.Alive](ctx, c, call{path: "/livez"})
}

// Metrics are the node's counters in the text format of Prometheus.
func (c *Client) Metrics(ctx context.Context) (string, error) {
	b, err := c.bytes(ctx, call{method: http.MethodGet, path: "/metrics"})
	return string(b), err
}

// OpenAPI is the description of the API (OpenAPI 3.1, JSON).
func (c *Client) OpenAPI(ctx context.Context) ([]byte, error) {
	return c.bytes(ctx, call{method: http.MethodGet, path: "/openapi.json"})
}

// Docs is the description of the API for people (HTML).
func (c *Client) Docs(ctx context.Context) ([]byte, error) {
	return c.bytes(ctx, call{method: http.MethodGet, path: "/docs"})
}

// Keys are the node's public key in its forms.
func (c *Client) Keys(ctx context.Context) (wire.Keys, error) {
	return get[wire.Keys](ctx, c, call{path: "/keys"})
}

package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/backup"
)

// BackupAfter says what an earlier backup holds already: up to a point, or what is
// older than a moment.
type BackupAfter struct {
	backup.Point
	Since string
	Keys  bool // with the node's sealed key
}

// AdminBackup streams a backup. Close it.
func (c *Client) AdminBackup(ctx context.Context, after BackupAfter) (io.ReadCloser, error) {
	q := url.Values{}
	if after.Entries > 0 {
		q.Set("entries", strconv.FormatUint(after.Entries, 10))
	}
	if after.Arrival > 0 {
		q.Set("arrival", strconv.FormatUint(after.Arrival, 10))
	}
	if after.Keys {
		q.Set("keys", "true")
	}
	if after.Since != "" {
		q.Set("since", after.Since)
	}
	a, err := c.send(ctx, call{method: http.MethodGet, path: "/admin/backup", query: q, stream: true})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// ConfigReload makes the node read its configuration again.
func (c *Client) ConfigReload(ctx context.Context) (wire.Reloaded, error) {
	return post[wire.Reloaded](ctx, c, call{path: "/config/reload"}, nil)
}

// AdminDebug is what helps whoever looks for a fault; nothing in it is secret.
func (c *Client) AdminDebug(ctx context.Context) (wire.Insides, error) {
	return get[wire.Insides](ctx, c, call{path: "/admin/debug"})
}

// AdminRotateKey gives the node another key.
func (c *Client) AdminRotateKey(ctx context.Context) (wire.Rotated, error) {
	return post[wire.Rotated](ctx, c, call{path: "/admin/rotate-key", stream: true}, nil)
}

// AdminRestore brings the node what it misses of a backup, a tar.gz stream.
func (c *Client) AdminRestore(ctx context.Context, r io.Reader) (wire.Restored, error) {
	return get[wire.Restored](ctx, c, call{method: http.MethodPost, path: "/admin/restore", body: r, contentType: "application/gzip", stream: true})
}

// AdminVerify checks what the node holds.
func (c *Client) AdminVerify(ctx context.Context, deep bool) (wire.Verified, error) {
	return get[wire.Verified](ctx, c, call{path: "/admin/verify", query: url.Values{"deep": {strconv.FormatBool(deep)}}, stream: true})
}

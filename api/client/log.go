package client

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/node"
)

// StatementSay hands in the wire form of a signed statement.
func (c *Client) StatementSay(ctx context.Context, statement []byte) (wire.Said, error) {
	return get[wire.Said](ctx, c, call{method: http.MethodPost, path: "/statements", body: bytes.NewReader(statement), contentType: "application/cbor"})
}

// StatementsWaiting lists the statements that the node has not got ordered yet.
func (c *Client) StatementsWaiting(ctx context.Context) ([]node.Waiting, error) {
	w, err := get[wire.Waiting](ctx, c, call{path: "/statements/waiting"})
	return w.Waiting, err
}

// Checkpoint is the last certified checkpoint.
func (c *Client) Checkpoint(ctx context.Context) (wire.Checkpoint, error) {
	return get[wire.Checkpoint](ctx, c, call{path: "/checkpoint", query: url.Values{"format": {"json"}}})
}

// LogEntry is an entry of the log.
func (c *Client) LogEntry(ctx context.Context, index uint64) (wire.Entry, error) {
	return get[wire.Entry](ctx, c, call{path: "/log/" + strconv.FormatUint(index, 10)})
}

// LogProof proves that an entry is in the certified log. It waits for a
// checkpoint over it.
func (c *Client) LogProof(ctx context.Context, index uint64, wait time.Duration) (node.Proof, error) {
	return get[node.Proof](ctx, c, call{path: "/log/" + strconv.FormatUint(index, 10) + "/proof", query: waiting(wait), wait: wait})
}

package client

import (
	"bufio"
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// MeshSubmit has the node offer a job in its own name.
func (c *Client) MeshSubmit(ctx context.Context, s wire.Submit) (wire.Submitted, error) {
	return post[wire.Submitted](ctx, c, call{path: "/mesh/submit", wait: time.Duration(s.Wait)}, s)
}

// MeshJobs lists the newest jobs first: at most limit (0: the node's default),
// posted before entry number before (0: now).
func (c *Client) MeshJobs(ctx context.Context, limit int, before uint64) (wire.Jobs, error) {
	q := url.Values{}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	if before > 0 {
		q.Set("before", strconv.FormatUint(before, 10))
	}
	return get[wire.Jobs](ctx, c, call{path: "/mesh/jobs", query: q})
}

// MeshJob tells how a job stands, at its end or after wait (at most a minute).
func (c *Client) MeshJob(ctx context.Context, id icn.CID, wait time.Duration) (node.JobView, error) {
	return get[node.JobView](ctx, c, call{path: "/mesh/jobs/" + id.String(), query: waiting(wait), wait: wait})
}

// MeshCancel ends a job that the node submitted.
func (c *Client) MeshCancel(ctx context.Context, id icn.CID) (wire.Said, error) {
	return post[wire.Said](ctx, c, call{path: "/mesh/jobs/" + id.String() + "/cancel"}, nil)
}

// MeshReceipt is all that is needed to check a job's receipt. It waits for the
// job's end and for a checkpoint over it.
func (c *Client) MeshReceipt(ctx context.Context, id icn.CID, wait time.Duration) (wire.Receipt, error) {
	return get[wire.Receipt](ctx, c, call{path: "/mesh/receipts/" + id.String(), query: waiting(wait), wait: wait})
}

// MeshCheck has other nodes run a settled job again.
func (c *Client) MeshCheck(ctx context.Context, id icn.CID) (wire.Said, error) {
	return post[wire.Said](ctx, c, call{path: "/mesh/jobs/" + id.String() + "/check"}, nil)
}

// MeshAudit runs a settled job again on the node, and compares. It takes as long
// as the job.
func (c *Client) MeshAudit(ctx context.Context, id icn.CID, wait time.Duration) (node.Audited, error) {
	return post[node.Audited](ctx, c, call{path: "/mesh/jobs/" + id.String() + "/audit", wait: wait}, nil)
}

// MeshExecutors lists the nodes as executors.
func (c *Client) MeshExecutors(ctx context.Context) ([]node.Executor, error) {
	v, err := get[wire.Executors](ctx, c, call{path: "/mesh/executors"})
	return v.Executors, err
}

// MeshBlacklist lists the executors that get no jobs at the moment.
func (c *Client) MeshBlacklist(ctx context.Context) ([]node.Executor, error) {
	v, err := get[wire.Executors](ctx, c, call{path: "/mesh/blacklist"})
	return v.Executors, err
}

// MeshBlacklistRemove takes a ban back.
func (c *Client) MeshBlacklistRemove(ctx context.Context, d icn.DID) (wire.Said, error) {
	return post[wire.Said](ctx, c, call{path: "/mesh/blacklist/" + d.String() + "/remove"}, nil)
}

// MeshStream follows a job until it ends: how far it is, and what it wrote since
// the time before.
func (c *Client) MeshStream(ctx context.Context, id icn.CID, look node.Look) iter.Seq2[node.Progress, error] {
	return func(yield func(node.Progress, error) bool) {
		q := url.Values{"from": {strconv.FormatUint(look.Output, 10)}, "log_from": {strconv.FormatUint(look.Log, 10)}}
		a, err := c.send(ctx, call{method: http.MethodGet, path: "/mesh/jobs/" + id.String() + "/stream", query: q, accept: "application/x-ndjson", stream: true})
		if err != nil {
			yield(node.Progress{}, err)
			return
		}
		defer a.Close()
		lines := bufio.NewScanner(a)
		lines.Buffer(make([]byte, 64<<10), maxEvent)
		for lines.Scan() {
			var p node.Progress
			err := wire.Unmarshal(lines.Bytes(), &p)
			if !yield(p, err) || err != nil {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(node.Progress{}, fmt.Errorf("stream: %w: %w", icn.ErrUnavailable, err))
		}
	}
}

// MeshProgress tells how far a job is, and what it wrote since look. It waits for
// something new, at most look.Wait.
func (c *Client) MeshProgress(ctx context.Context, id icn.CID, look node.Look) (node.Progress, error) {
	q := waiting(look.Wait)
	if q == nil {
		q = url.Values{}
	}
	q.Set("from", strconv.FormatUint(look.Output, 10))
	q.Set("log_from", strconv.FormatUint(look.Log, 10))
	return get[node.Progress](ctx, c, call{path: "/mesh/jobs/" + id.String() + "/progress", query: q, wait: look.Wait})
}

package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
)

const octets = "application/octet-stream"

// Put says how a block is stored.
type Put struct {
	Codec string // raw (the default), dag-cbor or dag-pb
	Pin   bool   // keep it for ever
}

// DagPut stores one block; it is durable when the CID comes back.
func (c *Client) DagPut(ctx context.Context, data []byte, o Put) (icn.CID, error) {
	q := url.Values{}
	if o.Codec != "" {
		q.Set("codec", o.Codec)
	}
	if o.Pin {
		q.Set("pin", "true")
	}
	return get[icn.CID](ctx, c, call{method: http.MethodPost, path: "/dag/put", query: q, body: bytes.NewReader(data), contentType: octets})
}

// DagPutBatch stores many blocks in one commit, within the limits
// [wire.MaxBatchBlocks] and [wire.MaxBatchBytes].
func (c *Client) DagPutBatch(ctx context.Context, blocks []icn.Block) (wire.Batch, error) {
	size := 0
	for _, b := range blocks {
		size += len(b.Data) + 48
	}
	body := make([]byte, 0, size)
	for _, b := range blocks {
		body = wire.AppendBlock(body, b)
	}
	return get[wire.Batch](ctx, c, call{method: http.MethodPost, path: "/dag/put/batch", body: bytes.NewReader(body), contentType: wire.BatchType})
}

// DagGet returns a block's content, verified.
func (c *Client) DagGet(ctx context.Context, id icn.CID) ([]byte, error) {
	b, err := wire.Marshal(wire.Cite{CID: id})
	if err != nil {
		return nil, err
	}
	return c.block(ctx, id, call{method: http.MethodPost, path: "/dag/get", body: bytes.NewReader(b), contentType: "application/json", accept: octets})
}

// DagBlock is DagGet by an address that caches understand.
func (c *Client) DagBlock(ctx context.Context, id icn.CID) ([]byte, error) {
	return c.block(ctx, id, call{method: http.MethodGet, path: "/dag/" + id.String(), accept: octets})
}

func (c *Client) block(ctx context.Context, id icn.CID, r call) ([]byte, error) {
	a, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	data, err := io.ReadAll(io.LimitReader(a, icn.MaxBlock+1))
	if err != nil {
		return nil, err
	}
	if err := (icn.Block{CID: id, Data: data}).Verify(); err != nil {
		return nil, fmt.Errorf("what the node answered: %w", err)
	}
	return data, nil
}

// DagCat streams a file's content. Close it.
func (c *Client) DagCat(ctx context.Context, id icn.CID) (io.ReadCloser, error) {
	return c.open(ctx, "/dag/cat/"+id.String())
}

// DagExport streams a tree as a CAR, version 1. Close it.
func (c *Client) DagExport(ctx context.Context, id icn.CID) (io.ReadCloser, error) {
	return c.open(ctx, "/dag/export/"+id.String())
}

func (c *Client) open(ctx context.Context, path string) (io.ReadCloser, error) {
	a, err := c.send(ctx, call{method: http.MethodGet, path: path, stream: true})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// DagAdd stores a file from a stream.
func (c *Client) DagAdd(ctx context.Context, r io.Reader) (dag.Added, error) {
	return get[dag.Added](ctx, c, call{method: http.MethodPost, path: "/dag/add", body: r, contentType: octets, stream: true})
}

// DagImport stores the blocks of a CAR stream.
func (c *Client) DagImport(ctx context.Context, r io.Reader) (dag.Imported, error) {
	return get[dag.Imported](ctx, c, call{method: http.MethodPost, path: "/dag/import", body: r, contentType: "application/vnd.ipld.car", stream: true})
}

// DagList lists a folder.
func (c *Client) DagList(ctx context.Context, id icn.CID) ([]dag.Entry, error) {
	f, err := get[wire.Folder](ctx, c, call{path: "/dag/ls/" + id.String()})
	return f.Entries, err
}

// DagMeta describes a block that the node has.
func (c *Client) DagMeta(ctx context.Context, id icn.CID) (dag.Meta, error) {
	return post[dag.Meta](ctx, c, call{path: "/dag/meta"}, wire.Cite{CID: id})
}

// DagHas says whether the node has a block.
func (c *Client) DagHas(ctx context.Context, id icn.CID) (bool, error) {
	s, err := post[wire.Stored](ctx, c, call{path: "/dag/has"}, wire.Cite{CID: id})
	return s.Has, err
}

// DagPin keeps a tree, for ttl or, when that is 0, for ever. What is missing is
// fetched first.
func (c *Client) DagPin(ctx context.Context, id icn.CID, ttl time.Duration) (dag.PinInfo, error) {
	return post[dag.PinInfo](ctx, c, call{path: "/dag/pin", stream: true}, wire.Pin{CID: id, TTL: wire.Duration(ttl)})
}

// DagUnpin lets a tree go.
func (c *Client) DagUnpin(ctx context.Context, id icn.CID) error {
	_, err := post[wire.Cite](ctx, c, call{path: "/dag/unpin"}, wire.Cite{CID: id})
	return err
}

// DagPins lists the kept trees.
func (c *Client) DagPins(ctx context.Context) ([]dag.PinInfo, error) {
	p, err := get[wire.Pins](ctx, c, call{path: "/dag/pins"})
	return p.Pins, err
}

// DagPrune removes blocks that no pin and no open job reaches.
func (c *Client) DagPrune(ctx context.Context, p wire.Prune) (dag.Pruned, error) {
	return post[dag.Pruned](ctx, c, call{path: "/dag/prune", stream: true}, p)
}

// Package dag stores blocks under the names that their content gives them, and
// trees of blocks: files and folders as IPFS tools make them, so that the CIDs
// are the same here and there.
//
// The invariant: what Get returns hashes to its CID; what a live pin or a kept
// root reaches is never removed.
//
// It orders nothing: a block becomes a fact when a statement cites it. Blocks
// that are not here are asked for through a function it is handed.
//
//	d, err := dag.Open(store, dag.Options{})
//	added, err := d.Add(ctx, file)
//	r, err := d.Read(ctx, added.CID)
package dag

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// The keys in the store. This is the one place that knows them.
//
//	b/<cid>      arrival number, time put, content
//	i/<arrival>  the CID that arrived as this number
//	p/<cid>      a pin: when it ends, 0 = never
//	d/stock      a random name of this stock of blocks
const (
	keyBlock   = "b/"
	keyArrival = "i/"
	keyPin     = "p/"
	headBytes  = 16
)

// Fetch asks others for a block's content.
type Fetch func(ctx context.Context, c icn.CID) ([]byte, error)

// Cache keeps copies of blocks that can be had faster there than from the store.
// It may forget, be away, or lie.
type Cache interface {
	Get(ctx context.Context, c icn.CID) ([]byte, bool)
	Put(c icn.CID, data []byte)
	Forget(ctx context.Context, c icn.CID)
}

// Options of a DAG. The zero value keeps to itself.
type Options struct {
	Fetch Fetch
	Cache Cache // nil: none
	Now   func() time.Time
}

// DAG is a block store. All methods may be called from many goroutines.
type DAG struct {
	st      store.Store
	cache   Cache
	fetch   atomic.Pointer[Fetch]
	now     func() time.Time
	arrival atomic.Uint64
	gate    sync.RWMutex // writers hold it shared, a deletion alone
	pinning sync.Mutex   // pins and prunings, one at a time
	fresh   atomic.Pointer[sync.Map]
	stats   Stats
}

// Stats are counters from when the DAG was opened.
type Stats struct {
	Puts, PutBytes                 atomic.Uint64 // blocks written, whoever brought them
	Cached, Here, Fetched, Missing atomic.Uint64 // blocks asked for, by where they were found
}

// Stats returns the counters.
func (d *DAG) Stats() *Stats { return &d.stats }

// Open uses a store.
func Open(s store.Store, o Options) (*DAG, error) {
	d := &DAG{st: s, cache: o.Cache, now: o.Now}
	if d.now == nil {
		d.now = time.Now
	}
	d.SetFetch(o.Fetch)
	r := store.Prefix([]byte(keyArrival))
	r.Reverse = true
	err := s.Scan(r, func(k, _ []byte) bool {
		d.arrival.Store(binary.BigEndian.Uint64(k[len(keyArrival):]))
		return false
	})
	if err != nil {
		return nil, fmt.Errorf("open blocks: %w", err)
	}
	return d, nil
}

// SetFetch tells whom to ask for missing blocks; nil asks nobody.
func (d *DAG) SetFetch(f Fetch) {
	if f == nil {
		d.fetch.Store(nil)
		return
	}
	d.fetch.Store(&f)
}

func blockKey(c icn.CID) []byte {
	k := c.KeyString()
	return append(append(make([]byte, 0, len(keyBlock)+len(k)), keyBlock...), k...)
}

// Put stores a block; when it returns nil, the block is durable.
func (d *DAG) Put(_ context.Context, b icn.Block) error { return d.PutMany(nil, []icn.Block{b}) }

// PutMany stores blocks in one commit: all or none.
func (d *DAG) PutMany(_ context.Context, blocks []icn.Block) error {
	if err := verifyAll(blocks); err != nil {
		return err
	}
	return d.commit(blocks)
}

// commit stores verified blocks.
func (d *DAG) commit(blocks []icn.Block) error { return d.write(blocks, false) }

func (d *DAG) write(blocks []icn.Block, relaxed bool) error {
	d.gate.RLock()
	defer d.gate.RUnlock()
	batch := store.Batch{Writes: make([]store.Write, 0, 2*len(blocks)), Relaxed: relaxed}
	d.rows(blocks, &batch, &batch)
	if err := d.st.Apply(&batch); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	d.count(blocks)
	return nil
}

// count counts blocks that were written.
func (d *DAG) count(blocks []icn.Block) {
	bytes := 0
	for _, b := range blocks {
		bytes += len(b.Data)
	}
	d.stats.Puts.Add(uint64(len(blocks)))
	d.stats.PutBytes.Add(uint64(bytes))
}

// rows gives blocks their numbers, and appends what is stored of them.
func (d *DAG) rows(blocks []icn.Block, content, arrivals *store.Batch) {
	at := uint64(d.now().UnixMilli())
	fresh := d.fresh.Load()
	room := make([]byte, 0, roomFor(blocks))
	for _, b := range blocks {
		if fresh != nil {
			fresh.Store(b.CID, true)
		}
		n, id := d.arrival.Add(1), b.CID.KeyString()
		block := len(room)
		room = append(append(room, keyBlock...), id...)
		value := len(room)
		room = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(room, n), at)
		room = append(room, b.Data...)
		content.Put(room[block:value:value], room[value:len(room):len(room)])
		arrivals.Put(arrivalKey(n), []byte(id))
	}
}

// roomFor is how much the content of blocks and their names need, in one piece.
func roomFor(blocks []icn.Block) (n int) {
	for _, b := range blocks {
		n += len(keyBlock) + b.CID.ByteLen() + headBytes + len(b.Data)
	}
	return n
}

func arrivalKey(n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(keyArrival), n)
}

// Get returns a block: from here, or from whoever has it; then it is kept.
func (d *DAG) Get(ctx context.Context, c icn.CID) (icn.Block, error) {
	if b, ok := d.cached(ctx, c); ok {
		d.stats.Cached.Add(1)
		return b, nil
	}
	b, err := d.GetLocal(c)
	if err == nil {
		d.stats.Here.Add(1)
	}
	if err == nil && d.cache != nil {
		d.cache.Put(c, b.Data)
	}
	if !errors.Is(err, icn.ErrNotFound) {
		return b, err
	}
	f := d.fetch.Load()
	if f == nil {
		d.stats.Missing.Add(1)
		return b, err
	}
	data, ferr := (*f)(ctx, c)
	if ferr != nil {
		d.stats.Missing.Add(1)
		return b, ferr
	}
	d.stats.Fetched.Add(1)
	b = icn.Block{CID: c, Data: data}
	if err := b.Verify(); err != nil {
		return b, fmt.Errorf("fetched: %w", err)
	}
	return b, d.commit([]icn.Block{b})
}

// cached returns a block from the cache, if what that says is true. A block that
// was pruned here may still be had there: it is the same block.
func (d *DAG) cached(ctx context.Context, c icn.CID) (icn.Block, bool) {
	if d.cache == nil || icn.CheckCID(c) != nil {
		return icn.Block{}, false
	}
	data, ok := d.cache.Get(ctx, c)
	if !ok {
		return icn.Block{}, false
	}
	b := icn.Block{CID: c, Data: data}
	if b.Verify() != nil {
		d.cache.Forget(ctx, c)
		return icn.Block{}, false
	}
	return b, true
}

// GetLocal returns a block that is stored here.
func (d *DAG) GetLocal(c icn.CID) (icn.Block, error) {
	if err := icn.CheckCID(c); err != nil {
		return icn.Block{}, err
	}
	v, err := d.st.Get(blockKey(c))
	if errors.Is(err, icn.ErrNotFound) {
		return icn.Block{}, fmt.Errorf("block %s: %w", c, icn.ErrNotFound)
	}
	if err != nil {
		return icn.Block{}, fmt.Errorf("block %s: %w", c, err)
	}
	if len(v) < headBytes {
		return icn.Block{}, fmt.Errorf("block %s: %w: stored value of %d bytes", c, icn.ErrCorrupt, len(v))
	}
	b := icn.Block{CID: c, Data: v[headBytes:]}
	return b, b.Verify()
}

// Has says whether a block is stored here.
func (d *DAG) Has(c icn.CID) (bool, error) {
	_, err := d.st.Get(blockKey(c))
	if errors.Is(err, icn.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Meta is what is known of a stored block.
type Meta struct {
	CID        icn.CID    `json:"cid"`
	Size       int        `json:"size"`
	Codec      string     `json:"codec"`
	Links      []icn.CID  `json:"links"`
	Put        time.Time  `json:"put"`
	Arrival    uint64     `json:"arrival"`
	Pinned     bool       `json:"pinned"`
	PinExpires *time.Time `json:"pin_expires,omitempty"`
}

// Meta describes a block that is stored here.
func (d *DAG) Meta(_ context.Context, c icn.CID) (Meta, error) {
	b, err := d.GetLocal(c)
	if err != nil {
		return Meta{}, err
	}
	v, err := d.st.Get(blockKey(c))
	if err != nil {
		return Meta{}, fmt.Errorf("block %s: %w", c, err)
	}
	links, err := Links(b)
	if err != nil {
		return Meta{}, err
	}
	m := Meta{CID: c, Size: len(b.Data), Codec: codecName(c), Links: links,
		Arrival: binary.BigEndian.Uint64(v), Put: time.UnixMilli(int64(binary.BigEndian.Uint64(v[8:])))}
	if until, ok, err := d.pin(c); err != nil {
		return m, err
	} else if ok {
		m.Pinned = true
		if until != 0 {
			t := time.UnixMilli(until)
			m.PinExpires = &t
		}
	}
	return m, nil
}

package dag

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

func pinKey(c icn.CID) []byte { return append([]byte(keyPin), c.Bytes()...) }

func (d *DAG) pin(c icn.CID) (until int64, ok bool, err error) {
	v, err := d.st.Get(pinKey(c))
	if errors.Is(err, icn.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil || len(v) != 8 {
		return 0, false, errors.Join(err, fmt.Errorf("pin of %s: %d bytes", c, len(v)))
	}
	until = int64(binary.BigEndian.Uint64(v))
	return until, until == 0 || until > d.now().UnixMilli(), nil
}

// Pin keeps a tree: its missing blocks are fetched first. ttl 0 means for ever.
func (d *DAG) Pin(ctx context.Context, c icn.CID, ttl time.Duration) error {
	if ttl < 0 {
		return fmt.Errorf("pin %s: %w: the duration is negative", c, icn.ErrInvalid)
	}
	d.pinning.Lock()
	defer d.pinning.Unlock()
	err := d.Walk(ctx, c, func(icn.Block) (bool, error) { return true, nil })
	if err != nil {
		return fmt.Errorf("pin %s: %w", c, err)
	}
	until := uint64(0)
	if ttl > 0 {
		until = uint64(d.now().Add(ttl).UnixMilli())
	}
	b := &store.Batch{}
	b.Put(pinKey(c), binary.BigEndian.AppendUint64(nil, until))
	return d.st.Apply(b)
}

// Unpin lets a tree go; its blocks stay until they are pruned.
func (d *DAG) Unpin(_ context.Context, c icn.CID) error {
	if _, err := d.st.Get(pinKey(c)); err != nil {
		return fmt.Errorf("unpin %s: %w: it is not pinned", c, icn.ErrNotFound)
	}
	b := &store.Batch{}
	b.Delete(pinKey(c))
	return d.st.Apply(b)
}

// PinInfo is a kept tree.
type PinInfo struct {
	CID     icn.CID    `json:"cid"`
	Expires *time.Time `json:"expires,omitempty"`
}

// Pins lists the pins that have not ended.
func (d *DAG) Pins() ([]PinInfo, error) {
	out := []PinInfo{}
	var bad error
	err := d.st.Scan(store.Prefix([]byte(keyPin)), func(k, v []byte) bool {
		c, err := icn.CastCID(slices.Clone(k[len(keyPin):]))
		if err != nil || len(v) != 8 {
			bad = fmt.Errorf("pin: %w", errors.Join(icn.ErrCorrupt, err))
			return false
		}
		p := PinInfo{CID: c}
		if ms := int64(binary.BigEndian.Uint64(v)); ms != 0 {
			t := time.UnixMilli(ms)
			if !t.After(d.now()) {
				return true
			}
			p.Expires = &t
		}
		out = append(out, p)
		return true
	})
	return out, errors.Join(err, bad)
}

// PruneOptions say what stays besides pinned trees.
type PruneOptions struct {
	Keep   []icn.CID     // roots that open jobs use
	Grace  time.Duration // blocks younger than this stay
	DryRun bool
}

// Pruned is what went, or would go.
type Pruned struct {
	Removed []icn.CID `json:"removed"`
	Bytes   int64     `json:"bytes"`
}

// deleteAtOnce is how many blocks go in one commit, while writers wait.
const deleteAtOnce = 256

// Prune removes what nobody keeps. A block that is put while it works stays.
func (d *DAG) Prune(ctx context.Context, o PruneOptions) (Pruned, error) {
	d.pinning.Lock()
	defer d.pinning.Unlock()
	out := Pruned{Removed: []icn.CID{}}
	var fresh sync.Map
	d.fresh.Store(&fresh)
	defer d.fresh.Store(nil)
	d.gate.Lock() // writers that began before see the set of fresh blocks, or are done
	d.gate.Unlock()
	keep, err := d.reachable(ctx, o.Keep)
	if err != nil {
		return out, fmt.Errorf("prune: %w", err)
	}
	young := d.now().Add(-o.Grace).UnixMilli()
	type victim struct {
		cid     icn.CID
		arrival uint64
		size    int
	}
	var victims []victim
	var arrivals []uint64
	last := d.arrival.Load()
	var bad error
	err = d.st.Scan(store.Prefix([]byte(keyBlock)), func(k, v []byte) bool {
		c, err := icn.CastCID(slices.Clone(k[len(keyBlock):]))
		if err != nil || len(v) < headBytes {
			bad = fmt.Errorf("block: %w", errors.Join(icn.ErrCorrupt, err))
			return false
		}
		arrivals = append(arrivals, binary.BigEndian.Uint64(v))
		if _, ok := keep[c]; !ok && int64(binary.BigEndian.Uint64(v[8:])) <= young {
			victims = append(victims, victim{c, binary.BigEndian.Uint64(v), len(v) - headBytes})
		}
		return ctx.Err() == nil
	})
	if err = errors.Join(err, bad, ctx.Err()); err != nil {
		return out, fmt.Errorf("prune: %w", err)
	}
	for some := range slices.Chunk(victims, deleteAtOnce) {
		d.gate.Lock()
		b := &store.Batch{}
		for _, v := range some {
			if _, ok := fresh.Load(v.cid); ok {
				continue
			}
			out.Removed = append(out.Removed, v.cid)
			out.Bytes += int64(v.size)
			b.Delete(blockKey(v.cid))
			b.Delete(arrivalKey(v.arrival))
		}
		err := error(nil)
		if !o.DryRun && !b.Empty() {
			err = d.st.Apply(b)
		}
		d.gate.Unlock()
		if err != nil {
			return out, fmt.Errorf("prune: %w", err)
		}
	}
	if o.DryRun {
		return out, nil
	}
	return out, d.tidy(arrivals, last)
}

// tidy removes arrivals up to last of which no block is left: of blocks that came
// again later.
func (d *DAG) tidy(live []uint64, last uint64) error {
	slices.Sort(live)
	b := &store.Batch{Relaxed: true}
	r := store.Prefix([]byte(keyArrival))
	r.To = arrivalKey(last + 1)
	err := d.st.Scan(r, func(k, _ []byte) bool {
		n := binary.BigEndian.Uint64(k[len(keyArrival):])
		for len(live) > 0 && live[0] < n {
			live = live[1:]
		}
		if len(live) == 0 || live[0] != n {
			b.Delete(slices.Clone(k))
		}
		return true
	})
	if err == nil && !b.Empty() {
		err = d.st.Apply(b)
	}
	if err != nil {
		return fmt.Errorf("prune: %w", err)
	}
	return nil
}

// reachable is every block here that a live pin or a kept root leads to. A block
// that is not here keeps nothing.
func (d *DAG) reachable(ctx context.Context, roots []icn.CID) (map[icn.CID]struct{}, error) {
	pins, err := d.Pins()
	if err != nil {
		return nil, err
	}
	roots = slices.Clone(roots)
	for _, p := range pins {
		roots = append(roots, p.CID)
	}
	seen := map[icn.CID]struct{}{}
	local := func(_ context.Context, c icn.CID) (icn.Block, error) {
		b, err := d.GetLocal(c)
		if errors.Is(err, icn.ErrNotFound) {
			return icn.Block{CID: c}, nil
		}
		return b, err
	}
	for _, r := range roots {
		err := walk(ctx, r, local, seen, func(b icn.Block) (bool, error) { return b.Data != nil, nil })
		if err != nil {
			return nil, err
		}
	}
	return seen, nil
}

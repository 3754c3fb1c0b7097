package sim

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// disk is a store that a crash treats as a real one would: a durable batch
// survives; of the relaxed batches after the last durable one, only some first
// part does.
type disk struct {
	rows   map[string][]byte
	undo   []undone // relaxed batches that a crash may take back, oldest first
	broken error    // what the next write meets
	sorted []string // keys in order, also of rows that are gone; nil = to be made anew
	fresh  []string // those that came since
}

type undone []struct {
	key string
	old []byte
	had bool
}

func newDisk() *disk { return &disk{rows: map[string][]byte{}} }

// crash takes back the last so many relaxed batches.
func (d *disk) crash(lose int) {
	d.sorted, d.fresh = nil, nil
	for ; lose > 0 && len(d.undo) > 0; lose-- {
		u := d.undo[len(d.undo)-1]
		d.undo = d.undo[:len(d.undo)-1]
		for i := len(u) - 1; i >= 0; i-- {
			if u[i].had {
				d.rows[u[i].key] = u[i].old
			} else {
				delete(d.rows, u[i].key)
			}
		}
	}
	d.undo, d.broken = nil, nil
}

// copy is the disk as a backup would hold it.
func (d *disk) copy() *disk {
	c := newDisk()
	for k, v := range d.rows {
		c.rows[k] = v
	}
	return c
}

// Get implements store.Store.
func (d *disk) Get(k []byte) ([]byte, error) {
	v, ok := d.rows[string(k)]
	if !ok {
		return nil, fmt.Errorf("key %q: %w", k, icn.ErrNotFound)
	}
	return slices.Clone(v), nil
}

// Scan implements store.Store.
func (d *disk) Scan(r store.Range, f func(k, v []byte) bool) error {
	keys := d.keys(r)
	if r.Reverse {
		slices.Reverse(keys)
	}
	for _, k := range keys {
		if !f([]byte(k), d.rows[k]) {
			break
		}
	}
	return nil
}

// keys are those of a range, in order. What came since all were sorted is sorted by
// itself, until it is much.
func (d *disk) keys(r store.Range) []string {
	if d.sorted == nil || len(d.fresh) > 2000 {
		d.sorted, d.fresh = slices.Sorted(maps.Keys(d.rows)), nil
	}
	slices.Sort(d.fresh)
	keys := slices.Concat(within(d.sorted, r), within(d.fresh, r))
	slices.Sort(keys)
	return slices.DeleteFunc(slices.Compact(keys), func(k string) bool {
		_, ok := d.rows[k]
		return !ok
	})
}

// within are the keys of a range among sorted ones.
func within(keys []string, r store.Range) []string {
	from, _ := slices.BinarySearch(keys, string(r.From))
	to := len(keys)
	if r.To != nil {
		to, _ = slices.BinarySearch(keys, string(r.To))
	}
	return keys[from:max(from, to)]
}

// Apply implements store.Store.
func (d *disk) Apply(b *store.Batch) error {
	if d.broken != nil {
		return d.broken
	}
	var u undone
	for _, w := range b.Writes {
		old, had := d.rows[string(w.Key)]
		u = append(u, struct {
			key string
			old []byte
			had bool
		}{string(w.Key), old, had})
		if w.Delete {
			delete(d.rows, string(w.Key))
		} else {
			d.rows[string(w.Key)] = bytes.Clone(w.Value)
			if !had && d.sorted != nil {
				d.fresh = append(d.fresh, string(w.Key))
			}
		}
	}
	if b.Relaxed {
		d.undo = append(d.undo, u)
	} else {
		d.undo = nil
	}
	return nil
}

// Close implements store.Store.
func (d *disk) Close() error { return nil }

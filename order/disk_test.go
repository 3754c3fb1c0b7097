package order_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// disk is a store that can lose power: what was relaxed and not followed by a
// durable batch survives up to some batch, and a batch is never torn.
type disk struct {
	now     map[string][]byte
	safe    map[string][]byte
	relaxed []*store.Batch
	broken  bool // the next Apply fails and stores nothing
	writes  int
}

var _ store.Store = (*disk)(nil)

func newDisk() *disk { return &disk{now: map[string][]byte{}, safe: map[string][]byte{}} }

func (d *disk) Get(key []byte) ([]byte, error) {
	v, ok := d.now[string(key)]
	if !ok {
		return nil, fmt.Errorf("get %x: %w", key, icn.ErrNotFound)
	}
	return bytes.Clone(v), nil
}

func (d *disk) Scan(r store.Range, f func(key, value []byte) bool) error {
	var ks []string
	for k := range d.now {
		if k >= string(r.From) && (r.To == nil || k < string(r.To)) {
			ks = append(ks, k)
		}
	}
	slices.Sort(ks)
	if r.Reverse {
		slices.Reverse(ks)
	}
	for _, k := range ks {
		// The slices are valid during the call only: give out copies and spoil them.
		key, value := []byte(k), bytes.Clone(d.now[k])
		more := f(key, value)
		for i := range value {
			value[i] = 0xaa
		}
		if !more {
			break
		}
	}
	return nil
}

func put(m map[string][]byte, b *store.Batch) {
	for _, w := range b.Writes {
		if w.Delete {
			delete(m, string(w.Key))
		} else {
			m[string(w.Key)] = bytes.Clone(w.Value)
		}
	}
}

func (d *disk) Apply(b *store.Batch) error {
	if d.broken {
		return icn.ErrUnavailable
	}
	d.writes++
	put(d.now, b)
	c := &store.Batch{Writes: slices.Clone(b.Writes)}
	d.relaxed = append(d.relaxed, c)
	if !b.Relaxed {
		d.settle(len(d.relaxed))
	}
	return nil
}

func (d *disk) settle(n int) {
	for _, b := range d.relaxed[:n] {
		put(d.safe, b)
	}
	d.relaxed = d.relaxed[n:]
}

// powerLoss keeps some of the relaxed batches, in order.
func (d *disk) powerLoss(r *rand.Rand) {
	d.settle(r.IntN(len(d.relaxed) + 1))
	d.relaxed = nil
	d.now = map[string][]byte{}
	for k, v := range d.safe {
		d.now[k] = v
	}
}

func (d *disk) Close() error { return nil }

func batch(key, value []byte) *store.Batch {
	b := &store.Batch{}
	b.Put(key, value)
	return b
}

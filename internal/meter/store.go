package meter

import (
	"sync/atomic"
	"time"

	"github.com/InterCooperative-Network/icn-core/store"
)

// Writes is what a store was asked to write.
type Writes struct {
	Durable, Relaxed *Histogram // how long it took: those that waited for the disk, and the others
	Bytes            atomic.Uint64
	Failed           atomic.Uint64
}

// NewWrites counts from zero.
func NewWrites() *Writes {
	h := func() *Histogram { return New(.0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5) }
	return &Writes{Durable: h(), Relaxed: h()}
}

// Of is s with its writes counted.
func (w *Writes) Of(s store.Store) store.Store { return counted{s, w} }

type counted struct {
	store.Store
	writes *Writes
}

// Apply implements store.Store.
func (c counted) Apply(b *store.Batch) error {
	n := 0
	for _, x := range b.Writes {
		n += len(x.Key) + len(x.Value)
	}
	start := time.Now()
	if err := c.Store.Apply(b); err != nil {
		c.writes.Failed.Add(1)
		return err
	}
	c.writes.Bytes.Add(uint64(n))
	h := c.writes.Durable
	if b.Relaxed {
		h = c.writes.Relaxed
	}
	h.Observe(time.Since(start))
	return nil
}

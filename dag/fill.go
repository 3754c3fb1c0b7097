package dag

import (
	"fmt"
	"sync"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// arrivalsHeld is how many blocks are written before their arrival numbers are.
const arrivalsHeld = 1 << 16

// Filling fills a store that nobody works with before it is whole. Content and
// arrival numbers are far apart in the order of keys: written apart, what comes in
// the order of its names is in its place at once, and an engine that sorts need
// not do it again.
type Filling struct {
	d        *DAG
	mu       sync.Mutex
	arrivals store.Batch
}

// Fill begins to fill the store.
func (d *DAG) Fill() *Filling { return &Filling{d: d, arrivals: store.Batch{Relaxed: true}} }

// Put stores blocks whose content was checked. They are whole after [Filling.End],
// and durable with the next durable batch of the store. It may be called from many
// goroutines.
func (f *Filling) Put(blocks []icn.Block) error {
	f.d.gate.RLock()
	defer f.d.gate.RUnlock()
	content := store.Batch{Writes: make([]store.Write, 0, len(blocks)), Relaxed: true}
	arrivals := store.Batch{Writes: make([]store.Write, 0, len(blocks))}
	f.d.rows(blocks, &content, &arrivals)
	if err := f.d.st.Apply(&content); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	return f.apply(f.hold(arrivals.Writes))
}

// hold keeps arrival numbers back, and returns all of them when they are many.
func (f *Filling) hold(writes []store.Write) (full store.Batch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.arrivals.Writes = append(f.arrivals.Writes, writes...)
	if len(f.arrivals.Writes) < arrivalsHeld {
		return full
	}
	full, f.arrivals = f.arrivals, store.Batch{Relaxed: true}
	return full
}

func (f *Filling) apply(b store.Batch) error {
	if b.Empty() {
		return nil
	}
	if err := f.d.st.Apply(&b); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	return nil
}

// End writes what is held back.
func (f *Filling) End() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.apply(f.arrivals)
	f.arrivals.Reset()
	return err
}

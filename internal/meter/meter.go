// Package meter counts how long things take without a lock: what is measured are
// the hot paths of a node.
//
// The invariant: to observe is a handful of atomic additions, whoever reads.
// Reading is not one moment for all numbers; a reading that begins later is in no
// number lower.
//
// It knows no metrics library: package api hands out what was counted.
//
//	h := meter.New(.001, .01, .1)
//	h.Observe(time.Since(start))
//	count, sum, buckets := h.Read()
package meter

import (
	"sync/atomic"
	"time"
)

// Histogram counts durations by upper bounds.
type Histogram struct {
	bounds []float64 // seconds, ascending
	counts []atomic.Uint64
	nanos  atomic.Uint64
}

// New makes a histogram of these upper bounds, in seconds, ascending.
func New(bounds ...float64) *Histogram {
	return &Histogram{bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
}

// Observe counts one duration. Negative ones count as none.
func (h *Histogram) Observe(d time.Duration) {
	d = max(d, 0)
	s, i := d.Seconds(), 0
	for i < len(h.bounds) && s > h.bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.nanos.Add(uint64(d))
}

// Read returns how many were counted, their sum in seconds, and how many were at
// most as long as each bound.
func (h *Histogram) Read() (count uint64, sum float64, buckets map[float64]uint64) {
	buckets = make(map[float64]uint64, len(h.bounds))
	sum = float64(h.nanos.Load()) / 1e9
	for i, b := range h.bounds {
		count += h.counts[i].Load()
		buckets[b] = count
	}
	return count + h.counts[len(h.bounds)].Load(), sum, buckets
}

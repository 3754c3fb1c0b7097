package meter_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/internal/meter"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/memory"
)

func TestHistogramCountsUpToEachBound(t *testing.T) {
	h := meter.New(.001, .1)
	for _, d := range []time.Duration{-time.Second, time.Millisecond, 2 * time.Millisecond, time.Second} {
		h.Observe(d)
	}
	count, sum, buckets := h.Read()
	require.EqualValues(t, 4, count)
	require.InDelta(t, 1.003, sum, 1e-9)
	require.Equal(t, map[float64]uint64{.001: 2, .1: 3}, buckets)
}

func TestNothingIsLostBetweenGoroutines(t *testing.T) {
	h := meter.New(.001)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				h.Observe(time.Millisecond)
			}
		})
	}
	all.Wait()
	count, sum, _ := h.Read()
	require.EqualValues(t, 8000, count)
	require.InDelta(t, 8, sum, 1e-9)
}

func TestWritesAreCountedByHowTheyAreWritten(t *testing.T) {
	w := meter.NewWrites()
	s := w.Of(memory.New())
	b := &store.Batch{}
	b.Put([]byte("key"), []byte("value"))
	require.NoError(t, s.Apply(b))
	b.Relaxed = true
	require.NoError(t, s.Apply(b))
	v, err := s.Get([]byte("key"))
	require.NoError(t, err)
	require.Equal(t, "value", string(v))
	durable, _, _ := w.Durable.Read()
	relaxed, _, _ := w.Relaxed.Read()
	require.EqualValues(t, []uint64{1, 1, 16, 0}, []uint64{durable, relaxed, w.Bytes.Load(), w.Failed.Load()})
	require.Error(t, w.Of(full{}).Apply(b))
	require.EqualValues(t, 1, w.Failed.Load())
}

// full is a store that takes nothing any more.
type full struct{ store.Store }

func (full) Apply(*store.Batch) error { return errors.New("no space left") }

func BenchmarkObserve(b *testing.B) {
	h := meter.New(.0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5)
	for b.Loop() {
		h.Observe(3 * time.Millisecond)
	}
}

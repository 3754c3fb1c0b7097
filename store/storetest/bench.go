package storetest

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/store"
)

const (
	benchRows  = 50_000
	benchValue = 256 // bytes
)

// Bench measures a driver with values of 256 bytes. "Durable" is as durable as
// the file system of the temporary folder makes it: set TMPDIR to a real disk.
func Bench(b *testing.B, open Opener) {
	b.Run("PutDurable", func(b *testing.B) { benchPut(b, open, 1) })
	b.Run("PutDurable32", func(b *testing.B) { benchPut(b, open, 32) })
	b.Run("Batch1000", func(b *testing.B) { benchBatch(b, open) })
	b.Run("Get", func(b *testing.B) { benchGet(b, open) })
	b.Run("Scan1000", func(b *testing.B) { benchScan(b, open) })
}

func benchKey(n uint64) []byte { return fmt.Appendf(nil, "row/%016x", n*0x9e3779b97f4a7c15) }

func randomValue() []byte {
	v := make([]byte, benchValue)
	for i := range v {
		v[i] = byte(rand.Uint32())
	}
	return v
}

func benchPut(b *testing.B, open Opener, writers int) {
	s := open(b, b.TempDir())
	value := randomValue()
	var next atomic.Uint64
	b.SetParallelism((writers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	b.ResetTimer()
	one := func() {
		batch := &store.Batch{}
		batch.Put(benchKey(next.Add(1)), value)
		if err := s.Apply(batch); err != nil {
			b.Error(err)
		}
	}
	if writers == 1 {
		for range b.N {
			one()
		}
	} else {
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				one()
			}
		})
	}
	b.StopTimer()
	require.NoError(b, s.Close())
}

func benchBatch(b *testing.B, open Opener) {
	s := open(b, b.TempDir())
	value, batch, n := randomValue(), &store.Batch{}, uint64(0)
	b.ReportAllocs()
	b.SetBytes(1000 * benchValue)
	b.ResetTimer()
	for range b.N {
		batch.Reset()
		for range 1000 {
			n++
			batch.Put(benchKey(n), value)
		}
		require.NoError(b, s.Apply(batch))
	}
	b.StopTimer()
	require.NoError(b, s.Close())
}

// filled is a store with benchRows rows.
func filled(b *testing.B, open Opener) store.Store {
	s := open(b, b.TempDir())
	for n := uint64(0); n < benchRows; {
		batch := &store.Batch{Relaxed: true}
		for range 1000 {
			batch.Put(benchKey(n), randomValue())
			n++
		}
		require.NoError(b, s.Apply(batch))
	}
	return s
}

func benchGet(b *testing.B, open Opener) {
	s := filled(b, open)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if _, err := s.Get(benchKey(rand.Uint64N(benchRows))); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	require.NoError(b, s.Close())
}

func benchScan(b *testing.B, open Opener) {
	s := filled(b, open)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		rows := 0
		require.NoError(b, s.Scan(store.Range{From: benchKey(rand.Uint64N(benchRows))}, func(_, _ []byte) bool {
			rows++
			return rows < 1000
		}))
	}
	b.StopTimer()
	require.NoError(b, s.Close())
}

package storetest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// wholeBatches moves coins between the two purses of each writer, a batch a
// move; whoever scans must always count the same sum.
func wholeBatches(t *testing.T, s store.Store) {
	const writers, readers, moves, coins = 4, 4, 150, 1000
	start := &store.Batch{}
	for w := range writers {
		start.Put(purse(w, 0), number(coins))
		start.Put(purse(w, 1), number(0))
	}
	require.NoError(t, s.Apply(start))
	var writing, reading sync.WaitGroup
	var done atomic.Bool
	for w := range writers {
		writing.Go(func() {
			for i := range uint64(moves) {
				left := (i * 37) % (coins + 1)
				b := &store.Batch{Relaxed: i%10 != 0}
				b.Put(purse(w, int(i%2)), number(left))
				b.Put(purse(w, int(1-i%2)), number(coins-left))
				if err := s.Apply(b); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for r := range readers {
		reading.Go(func() {
			for last := false; !last; {
				last = done.Load() // look once more after the last move
				sum, keys := uint64(0), 0
				err := s.Scan(store.Range{Reverse: r%2 == 0}, func(_, v []byte) bool {
					sum += binary.BigEndian.Uint64(v)
					keys++
					return true
				})
				if err != nil || sum != writers*coins || keys != 2*writers {
					t.Errorf("a scan counts %d coins in %d purses, not %d in %d (%v)", sum, keys, writers*coins, 2*writers, err)
					return
				}
			}
		})
	}
	writing.Wait()
	done.Store(true)
	reading.Wait()
}

func purse(writer, which int) []byte { return fmt.Appendf(nil, "purse/%d/%d", writer, which) }

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// manyWriters has every writer read back at once what it wrote, and counts all
// of it in the end.
func manyWriters(t *testing.T, s store.Store) {
	const writers, batches, rows = 16, 40, 5
	var crowd sync.WaitGroup
	for w := range writers {
		crowd.Go(func() {
			for i := range batches {
				b := &store.Batch{Relaxed: i%4 != 0}
				for r := range rows {
					b.Put(fmt.Appendf(nil, "row/%02d/%03d/%d", w, i, r), number(uint64(i)))
				}
				b.Put(fmt.Appendf(nil, "last/%02d", w), number(uint64(i)))
				if err := s.Apply(b); err != nil {
					t.Error(err)
				}
				v, err := s.Get(fmt.Appendf(nil, "last/%02d", w))
				if err != nil || binary.BigEndian.Uint64(v) != uint64(i) {
					t.Errorf("writer %d does not find its batch %d: %x, %v", w, i, v, err)
				}
			}
		})
	}
	crowd.Wait()
	count, sum := 0, uint64(0)
	require.NoError(t, s.Scan(store.Prefix([]byte("row/")), func(_, v []byte) bool {
		count++
		sum += binary.BigEndian.Uint64(v)
		return true
	}))
	require.Equal(t, writers*batches*rows, count)
	require.Equal(t, uint64(writers*rows*batches*(batches-1)/2), sum)
	require.Len(t, pairs(t, s, store.Prefix([]byte("last/"))), 2*writers)
}

// closeUnderLoad closes the store beneath readers and writers, and from within
// a scan: each call is answered in full, or says that the store is closed.
func closeUnderLoad(t *testing.T, s store.Store) {
	const workers, rows = 6, 2000
	b := &store.Batch{}
	for i := range rows {
		b.Put(fmt.Appendf(nil, "row/%05d", i), number(uint64(i)))
	}
	require.NoError(t, s.Apply(b))
	var crowd, warm sync.WaitGroup
	for w := range workers {
		warm.Add(1)
		crowd.Go(func() {
			var err error
			for i := 0; err == nil; i++ {
				if i == 10 {
					warm.Done()
				}
				err = workOnce(s, w)
			}
			if !errors.Is(err, icn.ErrUnavailable) {
				t.Errorf("worker %d ends with: %v", w, err)
			}
		})
	}
	warm.Wait()
	closing, seen := make(chan error, 1), 0
	require.NoError(t, s.Scan(store.Prefix([]byte("row/")), func(_, v []byte) bool {
		if seen == 0 {
			go func() { closing <- s.Close() }()
			untilClosing(s)
		}
		if binary.BigEndian.Uint64(v) == uint64(seen) {
			seen++
		}
		return true
	}))
	require.Equal(t, rows, seen)
	require.NoError(t, <-closing)
	crowd.Wait()
}

// untilClosing gives Close the time to begin. A store may serve newcomers while
// it waits for who is inside, so this does not wait for ever.
func untilClosing(s store.Store) {
	for range 10_000 {
		if _, err := s.Get([]byte("row/00007")); err != nil {
			return
		}
		runtime.Gosched()
	}
}

func workOnce(s store.Store, worker int) error {
	switch worker % 3 {
	case 0:
		b := &store.Batch{Relaxed: worker%2 == 0}
		b.Put(fmt.Appendf(nil, "worker/%d", worker), number(1))
		return s.Apply(b)
	case 1:
		_, err := s.Get([]byte("row/00007"))
		return err
	}
	rows := 0
	err := s.Scan(store.Prefix([]byte("row/")), func(_, _ []byte) bool { rows++; return true })
	if err == nil && rows != 2000 {
		return fmt.Errorf("a scan ends after %d rows and says nothing", rows)
	}
	return err
}

// Package transfer copies a store into another one, of whatever driver.
//
// The invariant: the target is no node's until it holds exactly what the source
// holds, which is compared row by row. A copy that was interrupted goes on where
// it stopped.
//
// Nobody may write to either store meanwhile.
//
//	sum, err := transfer.Copy(ctx, from, to, nil)
package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// migrating is the value of store.Unfinished here.
const migrating = "migrate"

// Sum is what a store holds.
type Sum struct {
	Rows   int64
	Bytes  int64
	SHA256 [32]byte // of all rows in their order, lengths included
}

// Bounds of one batch.
const (
	batchRows  = 1000
	batchBytes = 4 << 20
)

// Copy fills an empty store, or one that an earlier copy began to fill. progress
// hears of each batch; it may be nil.
func Copy(ctx context.Context, from, to store.Store, progress func(rows, bytes int64)) (Sum, error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	if _, err := from.Get(store.Unfinished); !errors.Is(err, icn.ErrNotFound) {
		return Sum{}, errors.Join(err, fmt.Errorf("migrate: %w: the source is being filled itself; finish that first", icn.ErrConflict))
	}
	at, err := begin(to)
	if errors.Is(err, errNotEmpty) {
		if want, got, serr := sums(ctx, from, to); serr == nil && got == want {
			return got, nil // an earlier copy had ended, and nobody heard of it
		}
	}
	if err != nil {
		return Sum{}, err
	}
	if err := rows(ctx, from, to, at, progress); err != nil {
		return Sum{}, fmt.Errorf("migrate: %w; run it again, it goes on where it stopped", err)
	}
	want, got, err := sums(ctx, from, to)
	if err != nil {
		return got, err
	}
	if got != want { // the source went on while the copy had stopped: nothing of it counts
		if err := store.Wipe(to); err != nil {
			return got, err
		}
		return got, fmt.Errorf("migrate: %w: the source has changed since the copy began; stop its node and run it again from the start", icn.ErrConflict)
	}
	b := &store.Batch{}
	b.Delete(store.Unfinished)
	return got, to.Apply(b)
}

var errNotEmpty = fmt.Errorf("migrate: %w: the target is not empty; choose another", icn.ErrConflict)

func sums(ctx context.Context, a, b store.Store) (of, and Sum, err error) {
	if of, err = SumOf(ctx, a); err == nil {
		and, err = SumOf(ctx, b)
	}
	if err != nil {
		err = fmt.Errorf("migrate: %w", err)
	}
	return of, and, err
}

// begin marks the target, and finds the last row that an earlier copy brought.
func begin(to store.Store) (last []byte, err error) {
	mark, err := to.Get(store.Unfinished)
	if err != nil && !errors.Is(err, icn.ErrNotFound) {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	if err == nil && string(mark) != migrating {
		return nil, fmt.Errorf("migrate: %w: the target holds an unfinished %s; finish or remove it", icn.ErrConflict, mark)
	}
	begun := err == nil
	if err := to.Scan(store.Range{Reverse: true}, func(k, _ []byte) bool {
		if bytes.Equal(k, store.Unfinished) {
			return true
		}
		last = bytes.Clone(k)
		return false
	}); err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	if begun {
		return last, nil
	}
	if last != nil {
		return nil, errNotEmpty
	}
	b := &store.Batch{}
	b.Put(store.Unfinished, []byte(migrating))
	return nil, to.Apply(b)
}

// rows copies what stands behind a key.
func rows(ctx context.Context, from, to store.Store, last []byte, progress func(rows, bytes int64)) error {
	r := store.Range{}
	if last != nil {
		r.From = append(last, 0)
	}
	b := &store.Batch{Relaxed: true}
	var bad error
	size := 0
	flush := func() bool {
		if bad = to.Apply(b); bad == nil {
			progress(int64(len(b.Writes)), int64(size))
			bad = ctx.Err()
		}
		b.Reset()
		b.Relaxed, size = true, 0
		return bad == nil
	}
	err := from.Scan(r, func(k, v []byte) bool {
		b.Put(bytes.Clone(k), bytes.Clone(v))
		if size += len(k) + len(v); len(b.Writes) < batchRows && size < batchBytes {
			return true
		}
		return flush()
	})
	if err == nil && bad == nil && !b.Empty() {
		flush()
	}
	return errors.Join(err, bad)
}

// SumOf reads a whole store. The mark does not count.
func SumOf(ctx context.Context, s store.Store) (sum Sum, err error) {
	h := sha256.New()
	err = s.Scan(store.Range{}, func(k, v []byte) bool {
		if bytes.Equal(k, store.Unfinished) {
			return true
		}
		sum.Rows++
		sum.Bytes += int64(len(k) + len(v))
		add(h, k)
		add(h, v)
		return sum.Rows%1000 != 0 || ctx.Err() == nil
	})
	h.Sum(sum.SHA256[:0])
	return sum, errors.Join(err, ctx.Err())
}

func add(h hash.Hash, b []byte) {
	_, _ = h.Write(binary.AppendUvarint(nil, uint64(len(b)))) // a hash never fails
	_, _ = h.Write(b)
}

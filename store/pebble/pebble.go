// Package pebble is the store of a node on one machine, over CockroachDB's
// Pebble (a log-structured merge tree with a write-ahead log).
//
// The invariant: an error from Apply is final. Whatever the disk does (full,
// read-only, failing), nothing is acknowledged that a crash could take back,
// the process is not ended from in here, and after the first failed commit the
// store answers every call with that failure until the process starts again.
//
// A durable batch waits for one fsync, which it shares with whoever commits at
// the same time. A relaxed one goes into the same log without waiting, so that
// it is ordered before every later one. It does not back up, compress logs or
// read other formats.
//
//	s, err := pebble.Open("/var/lib/icn/node")
//	if err != nil {
//		return err // names the folder and what to do
//	}
//	defer s.Close()
package pebble

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/door"
)

// Store implements store.Store.
type Store struct {
	path     string
	keepFree uint64
	db       *pebble.DB
	failed   *failure
	door     door.Door // Pebble must not be closed beneath a call
}

var _ store.Store = (*Store)(nil)

// enter lets a call in; it must end with s.door.Leave.
func (s *Store) enter(doing string) error {
	if err := s.failed.get(); err != nil {
		return err
	}
	return s.door.Enter(doing)
}

// Get implements store.Store.
func (s *Store) Get(key []byte) ([]byte, error) {
	if err := s.enter("get"); err != nil {
		return nil, err
	}
	defer s.door.Leave()
	v, held, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, fmt.Errorf("get %q: %w", key, icn.ErrNotFound)
	}
	if err != nil {
		return nil, explain(s.path, "get", err)
	}
	out := append([]byte{}, v...)
	if err := held.Close(); err != nil {
		return nil, explain(s.path, "get", err)
	}
	return out, nil
}

// Scan implements store.Store. An iterator sees the store as it was when the
// iterator was made.
func (s *Store) Scan(r store.Range, f func(key, value []byte) bool) (err error) {
	if err := s.enter("scan"); err != nil {
		return err
	}
	defer s.door.Leave()
	if r.To != nil && bytes.Compare(r.From, r.To) >= 0 {
		return nil // to Pebble, an empty upper bound would be none
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: r.From, UpperBound: r.To})
	if err != nil {
		return explain(s.path, "scan", err)
	}
	defer func() {
		if bad := errors.Join(err, it.Close()); bad != nil {
			err = explain(s.path, "scan", bad)
		}
	}()
	first, next := it.First, it.Next
	if r.Reverse {
		first, next = it.Last, it.Prev
	}
	for ok := first(); ok; ok = next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		if !f(it.Key(), v) {
			break
		}
	}
	return it.Error()
}

// Apply implements store.Store.
func (s *Store) Apply(b *store.Batch) error {
	if err := s.enter("apply batch"); err != nil {
		return err
	}
	defer s.door.Leave()
	if b.Empty() {
		return nil
	}
	if err := s.room(); err != nil {
		return err
	}
	sync := pebble.Sync
	if b.Relaxed {
		sync = pebble.NoSync
	}
	// Filled here, because b may change as soon as Apply has returned.
	batch, err := s.fill(b)
	if err != nil {
		return explain(s.path, "apply batch", err)
	}
	return s.failed.guard("apply batch", func() error {
		if err := batch.Commit(sync); err != nil {
			return err
		}
		return batch.Close()
	})
}

func (s *Store) fill(b *store.Batch) (*pebble.Batch, error) {
	size := 16
	for _, w := range b.Writes {
		size += len(w.Key) + len(w.Value) + 12
	}
	batch := s.db.NewBatchWithSize(size)
	for _, w := range b.Writes {
		var err error
		if w.Delete {
			err = batch.Delete(w.Key, nil)
		} else {
			err = batch.Set(w.Key, w.Value, nil)
		}
		if err != nil {
			return nil, errors.Join(err, batch.Close())
		}
	}
	return batch, nil
}

// room refuses a batch while the disk is nearly full. Pebble needs space of its
// own to get rid of what is outdated; a disk filled to the last byte would end
// the process, and this does not: reading goes on, and writing too as soon as
// there is space.
func (s *Store) room() error {
	if s.keepFree == 0 {
		return nil
	}
	disk, err := vfs.Default.GetDiskUsage(s.path)
	if err != nil || disk.AvailBytes >= s.keepFree {
		return nil // where it cannot be told, the write itself will tell
	}
	return fmt.Errorf("store %s: apply batch: %w: its disk is nearly full (%d MiB left, %d MiB are kept for upkeep); free some space and try again",
		s.path, icn.ErrUnavailable, disk.AvailBytes>>20, s.keepFree>>20)
}

// Close implements store.Store. It waits for the calls under way, and so must
// not be called from within a scan. After a failed commit it returns that
// failure, and the folder stays locked until the process ends.
func (s *Store) Close() error {
	if !s.door.Shut() {
		return nil
	}
	// What is in tables has checksums that tell when some of it is missing; the end
	// of a log that was cut off looks like a crash.
	var flushed error
	if s.failed.get() == nil && s.room() == nil {
		flushed = s.failed.guard("flush", s.db.Flush)
	}
	return errors.Join(flushed, s.failed.guard("close", s.db.Close))
}

// Package pebble is the embedded store for one machine, over CockroachDB's
// Pebble. The deployment guide calls it "sled".
//
// A durable batch is synced with its write-ahead log, shared with whoever else
// commits at that moment; a relaxed one goes into the same log without waiting.
// One process owns the folder.
//
//	s, err := pebble.Open("icn_data/node")
package pebble

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// Store implements store.Store.
type Store struct {
	db     *pebble.DB
	path   string
	closed atomic.Bool
}

var _ store.Store = (*Store)(nil)

const (
	cacheBytes    = 16 << 20
	memTableBytes = 8 << 20
)

// Open opens or makes the store in a folder.
func Open(path string) (*Store, error) {
	cache := pebble.NewCache(cacheBytes)
	defer cache.Unref()
	opts := &pebble.Options{
		Cache: cache, MemTableSize: memTableBytes, Logger: quiet{},
		FormatMajorVersion: pebble.FormatNewest, MaxOpenFiles: 512,
	}
	opts.Levels[0].FilterPolicy = bloom.FilterPolicy(10)
	db, err := pebble.Open(path, opts)
	if err != nil {
		return nil, openError(path, err)
	}
	return &Store{db: db, path: path}, nil
}

func openError(path string, err error) error {
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EWOULDBLOCK), strings.Contains(err.Error(), "lock held by current process"):
		return fmt.Errorf("store %s: %w: another icn-node uses it; stop that one, or choose another --storage-path", path, icn.ErrUnavailable)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("store %s: %w: %v; choose a --storage-path that this user may write to", path, icn.ErrDenied, err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("store %s: %w: the disk is full", path, icn.ErrUnavailable)
	case pebble.IsCorruptionError(err):
		return fmt.Errorf("store %s: %w: %v", path, icn.ErrCorrupt, err)
	}
	return fmt.Errorf("store %s: %w", path, err)
}

func (s *Store) usable() error {
	if s.closed.Load() {
		return fmt.Errorf("store: %w: closed", icn.ErrUnavailable)
	}
	return nil
}

// Get implements store.Store.
func (s *Store) Get(key []byte) ([]byte, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	v, done, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, fmt.Errorf("key %q: %w", key, icn.ErrNotFound)
	}
	if err != nil {
		return nil, s.readError(err)
	}
	out := append([]byte{}, v...)
	return out, done.Close()
}

func (s *Store) readError(err error) error {
	if pebble.IsCorruptionError(err) {
		return fmt.Errorf("store %s: %w: %v", s.path, icn.ErrCorrupt, err)
	}
	return fmt.Errorf("store %s: %w", s.path, err)
}

// Scan implements store.Store: an iterator sees the store as it was when made.
func (s *Store) Scan(r store.Range, f func(key, value []byte) bool) error {
	if err := s.usable(); err != nil {
		return err
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: r.From, UpperBound: r.To})
	if err != nil {
		return s.readError(err)
	}
	step, ok := it.Next, false
	if r.Reverse {
		step, ok = it.Prev, it.Last()
	} else {
		ok = it.First()
	}
	for ; ok; ok = step() {
		v, err := it.ValueAndErr()
		if err != nil {
			break
		}
		if !f(it.Key(), v) {
			break
		}
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return s.readError(err)
	}
	return nil
}

// Apply implements store.Store.
func (s *Store) Apply(b *store.Batch) (err error) {
	if err := s.usable(); err != nil {
		return err
	}
	// Pebble panics where its own log cannot be written any more.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store %s: commit: %w: %v", s.path, icn.ErrUnavailable, p)
		}
	}()
	pb := s.db.NewBatch()
	defer pb.Close()
	for _, w := range b.Writes {
		if w.Delete {
			err = pb.Delete(w.Key, nil)
		} else {
			err = pb.Set(w.Key, w.Value, nil)
		}
		if err != nil {
			return fmt.Errorf("store %s: %w", s.path, err)
		}
	}
	mode := pebble.Sync
	if b.Relaxed {
		mode = pebble.NoSync
	}
	if err := pb.Commit(mode); err != nil {
		if errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("store %s: %w: the disk is full; free some space and start again", s.path, icn.ErrUnavailable)
		}
		return fmt.Errorf("store %s: commit: %w", s.path, err)
	}
	return nil
}

// Close implements store.Store.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return s.db.Close()
}

// quiet keeps Pebble's chatter out of the node's log, and turns what it would
// end the process for into a panic that Apply reports.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}

var _ io.Closer = (*Store)(nil)

// Package memory is a store that lives in memory: for nodes that need not
// outlive their process (test networks, rehearsals, simulations).
//
// The invariant: what a scan or a clone sees never changes, whatever is written
// after it began. The rows are an immutable tree, so both cost nothing.
//
// It keeps nothing over a restart: "durable" here means "for as long as the
// process lives".
//
//	s := memory.New()
//	b := &store.Batch{}
//	b.Put([]byte("k"), []byte("v"))
//	err := s.Apply(b)
//	then := s.Clone() // as it was at this moment
package memory

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// Store implements store.Store. Readers never wait, neither for writers nor for
// one another.
type Store struct {
	write sync.Mutex // one writer at a time; readers load rows
	rows  atomic.Pointer[rows]
}

// rows is one state of the store. A closed store has none.
type rows struct{ root *node }

var _ store.Store = (*Store)(nil)

// New is an empty store.
func New() *Store {
	s := &Store{}
	s.rows.Store(&rows{})
	return s
}

// Clone is a store of its own that holds what s holds at this moment. It costs
// the same for any size. The clone of a closed store is closed.
func (s *Store) Clone() *Store {
	c := &Store{}
	c.rows.Store(s.rows.Load())
	return c
}

// Get implements store.Store.
func (s *Store) Get(key []byte) ([]byte, error) {
	now := s.rows.Load()
	if now == nil {
		return nil, closed("get")
	}
	for n := now.root; n != nil; {
		switch d := bytes.Compare(key, n.key); {
		case d == 0:
			return append([]byte{}, n.value...), nil
		case d < 0:
			n = n.left
		default:
			n = n.right
		}
	}
	return nil, fmt.Errorf("get %q: %w", key, icn.ErrNotFound)
}

// Scan implements store.Store.
func (s *Store) Scan(r store.Range, f func(key, value []byte) bool) error {
	now := s.rows.Load()
	if now == nil {
		return closed("scan")
	}
	now.root.walk(r, f)
	return nil
}

// Apply implements store.Store.
func (s *Store) Apply(b *store.Batch) error {
	s.write.Lock()
	defer s.write.Unlock()
	now := s.rows.Load()
	if now == nil {
		return closed("apply batch")
	}
	root := now.root
	for _, w := range b.Writes {
		if w.Delete {
			root = root.without(w.Key)
			continue
		}
		root = root.with(append([]byte{}, w.Key...), append([]byte{}, w.Value...))
	}
	s.rows.Store(&rows{root: root})
	return nil
}

// Close implements store.Store. A scan under way ends as it began.
func (s *Store) Close() error {
	s.write.Lock()
	defer s.write.Unlock()
	s.rows.Store(nil)
	return nil
}

func closed(doing string) error {
	return fmt.Errorf("%s: %w: the store is closed", doing, icn.ErrUnavailable)
}

// Package store is the one door to durable bytes: ordered keys, one atomic
// durable batch, one consistent snapshot per scan, one writer per store.
//
// The invariant: when Apply returns nil, the whole batch survives a crash; when
// it does not, none of it does. Drivers live in folders of their own
// (store/memory, store/pebble); [storetest.Run] says what a driver must do.
//
// It knows nothing of blocks, entries or accounts.
//
//	b := &store.Batch{}
//	b.Put([]byte("k"), []byte("v"))
//	err := s.Apply(b)
//	v, err := s.Get([]byte("k")) // icn.ErrNotFound when absent
package store

// Store is an ordered map of byte strings on stable storage. All methods may be
// called from many goroutines at once.
type Store interface {
	// Get returns a copy of the value, or an error wrapping icn.ErrNotFound.
	Get(key []byte) ([]byte, error)
	// Scan calls f for each key with from <= key < to in ascending order (or
	// descending, see Range), over one consistent snapshot. Key and value are
	// only valid during the call. f returns false to stop.
	Scan(r Range, f func(key, value []byte) bool) error
	// Apply commits the batch atomically. It returns when it is durable, or,
	// for a batch with Relaxed set, when it is ordered before every later batch.
	Apply(b *Batch) error
	// Close releases the store; later calls fail.
	Close() error
}

// Unfinished is the key that marks a store which is being filled: it is no
// node's until it is whole. Its value says by what.
var Unfinished = []byte("m/unfinished")

// Range is a half-open interval of keys. A nil To means no upper bound.
type Range struct {
	From, To []byte
	Reverse  bool
}

// Prefix is the range of all keys that start with p.
func Prefix(p []byte) Range {
	to := append([]byte(nil), p...)
	for i := len(to) - 1; i >= 0; i-- {
		if to[i] < 0xff {
			to[i]++
			return Range{From: p, To: to[:i+1]}
		}
	}
	return Range{From: p}
}

// Write is one change: a value, or a deletion when Delete is set.
type Write struct {
	Key, Value []byte
	Delete     bool
}

// Batch is a list of changes; a later one to the same key wins. The store reads
// the slices during Apply only; the caller must not change them before.
type Batch struct {
	Writes []Write
	// Relaxed: the batch need not be durable when Apply returns. It is never
	// lost alone: if a later durable batch survives, so does this one.
	Relaxed bool
}

// Put sets key to value.
func (b *Batch) Put(key, value []byte) { b.Writes = append(b.Writes, Write{Key: key, Value: value}) }

// Delete removes key; an absent key is no error.
func (b *Batch) Delete(key []byte) { b.Writes = append(b.Writes, Write{Key: key, Delete: true}) }

// Empty says whether there is nothing to do.
func (b *Batch) Empty() bool { return len(b.Writes) == 0 }

// Reset empties the batch and keeps its memory, but not what was written.
func (b *Batch) Reset() {
	clear(b.Writes)
	b.Writes, b.Relaxed = b.Writes[:0], false
}

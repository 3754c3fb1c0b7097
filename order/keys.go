package order

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// The records of one identity: Prefix, ID (8 bytes, big endian), kind, and for
// some an index (8 bytes, big endian). Numbers in values are 8 bytes big endian.
const (
	kindBase     = 'b' // index and term that the log begins after
	kindConf     = 'c' // index and members of the newest configuration
	kindEntry    = 'e' // + index: an entry
	kindFounding = 'f' // the application's index when the identity began
	kindHard     = 'h' // term, vote, commit
	kindSnapshot = 's' // index, term, the application's bytes
)

type keys []byte

func newKeys(prefix []byte, id uint64) keys {
	return binary.BigEndian.AppendUint64(slices.Clone(prefix), id)
}

func (k keys) one(kind byte) []byte { return append(slices.Clip(k), kind) }

func (k keys) entry(index uint64) []byte {
	return binary.BigEndian.AppendUint64(k.one(kindEntry), index)
}

// entries is the range of all entries.
func (k keys) entries() store.Range { return store.Prefix(k.one(kindEntry)) }

// index is the index in the key of a record.
func (k keys) index(key []byte) (uint64, error) {
	if len(key) != len(k)+9 {
		return 0, fmt.Errorf("key %x: %w", key, icn.ErrCorrupt)
	}
	return binary.BigEndian.Uint64(key[len(k)+1:]), nil
}

func numbers(n ...uint64) []byte {
	b := make([]byte, 0, 8*len(n))
	for _, x := range n {
		b = binary.BigEndian.AppendUint64(b, x)
	}
	return b
}

func parseNumbers(b []byte, n ...*uint64) error {
	if len(b) != 8*len(n) {
		return fmt.Errorf("record of %d bytes, want %d: %w", len(b), 8*len(n), icn.ErrCorrupt)
	}
	for i, x := range n {
		*x = binary.BigEndian.Uint64(b[8*i:])
	}
	return nil
}

// Discard deletes what the store holds for an identity that is not used any more.
func Discard(s store.Store, prefix []byte, id uint64) error {
	b := &store.Batch{}
	err := s.Scan(store.Prefix(newKeys(prefix, id)), func(key, _ []byte) bool {
		b.Delete(slices.Clone(key))
		return true
	})
	if err == nil && !b.Empty() {
		err = s.Apply(b)
	}
	if err != nil {
		return fmt.Errorf("discard order of node %d: %w", id, err)
	}
	return nil
}

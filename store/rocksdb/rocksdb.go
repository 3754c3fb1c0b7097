//go:build rocksdb

// Package rocksdb is the store of a node on one machine over RocksDB, for
// operators who know and tune it. It needs cgo and the library:
//
//	apt-get install librocksdb-dev
//	CGO_ENABLED=1 go build -tags rocksdb ./cmd/icn-node
//
// The invariant: what Apply acknowledges is in the write-ahead log and synced,
// unless it was relaxed; then it is synced with the next batch that is not. It
// does not tune RocksDB and reads no other column families.
//
//	s, err := rocksdb.Open("/var/lib/icn/rocksdb")
//	defer s.Close()
package rocksdb

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/linxGnu/grocksdb"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/door"
)

// Store implements store.Store.
type Store struct {
	path             string
	db               *grocksdb.DB
	options          *grocksdb.Options
	read             *grocksdb.ReadOptions
	durable, relaxed *grocksdb.WriteOptions
	door             door.Door // RocksDB must not be closed beneath a call
}

var _ store.Store = (*Store)(nil)

// Open opens the store in a folder, and makes both if need be. One process at a
// time can have it open.
func Open(path string) (*Store, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("store %s: make the folder: %w: %v; choose a folder as --storage-path", path, icn.ErrInvalid, err)
	}
	o := grocksdb.NewDefaultOptions()
	o.SetCreateIfMissing(true)
	o.SetParanoidChecks(true)
	o.SetWriteBufferSize(16 << 20)
	o.SetKeepLogFileNum(4)
	o.SetMaxOpenFiles(512)
	table := grocksdb.NewDefaultBlockBasedTableOptions()
	table.SetFilterPolicy(grocksdb.NewBloomFilter(10))
	table.SetBlockCache(grocksdb.NewLRUCache(16 << 20))
	o.SetBlockBasedTableFactory(table)
	db, err := grocksdb.OpenDb(o, path)
	if err != nil {
		o.Destroy()
		return nil, explain(path, "open", err)
	}
	s := &Store{path: path, db: db, options: o, read: grocksdb.NewDefaultReadOptions(),
		durable: grocksdb.NewDefaultWriteOptions(), relaxed: grocksdb.NewDefaultWriteOptions(), door: door.Door{Name: path}}
	s.durable.SetSync(true)
	return s, nil
}

// Get implements store.Store.
func (s *Store) Get(key []byte) ([]byte, error) {
	if err := s.door.Enter("get"); err != nil {
		return nil, err
	}
	defer s.door.Leave()
	v, err := s.db.Get(s.read, key)
	if err != nil {
		return nil, explain(s.path, "get", err)
	}
	defer v.Free()
	if !v.Exists() {
		return nil, fmt.Errorf("get %q: %w", key, icn.ErrNotFound)
	}
	return append([]byte{}, v.Data()...), nil
}

// Scan implements store.Store. An iterator sees the store as it was when the
// iterator was made.
func (s *Store) Scan(r store.Range, f func(key, value []byte) bool) error {
	if err := s.door.Enter("scan"); err != nil {
		return err
	}
	defer s.door.Leave()
	it := s.db.NewIterator(s.read)
	defer it.Close()
	next := it.Next
	if r.Reverse {
		next = it.Prev
		if r.To == nil {
			it.SeekToLast()
		} else if it.SeekForPrev(r.To); it.Valid() && bytes.Equal(data(it.Key()), r.To) {
			it.Prev()
		}
	} else {
		it.Seek(r.From)
	}
	for ; it.Valid(); next() {
		k := data(it.Key())
		if bytes.Compare(k, r.From) < 0 || r.To != nil && bytes.Compare(k, r.To) >= 0 {
			break
		}
		if !f(k, data(it.Value())) {
			break
		}
	}
	if err := it.Err(); err != nil {
		return explain(s.path, "scan", err)
	}
	return nil
}

// data is what the iterator holds until it moves.
func data(s *grocksdb.Slice) []byte {
	if b := s.Data(); b != nil {
		return b
	}
	return []byte{}
}

// Apply implements store.Store. RocksDB syncs once for all who wait.
func (s *Store) Apply(b *store.Batch) error {
	if err := s.door.Enter("apply batch"); err != nil {
		return err
	}
	defer s.door.Leave()
	if b.Empty() {
		return nil
	}
	wb := grocksdb.NewWriteBatch()
	defer wb.Destroy()
	for _, w := range b.Writes {
		if w.Delete {
			wb.Delete(w.Key)
		} else {
			wb.Put(w.Key, w.Value)
		}
	}
	how := s.durable
	if b.Relaxed {
		how = s.relaxed
	}
	if err := s.db.Write(how, wb); err != nil {
		return explain(s.path, "apply batch", err)
	}
	return nil
}

// Close implements store.Store. It waits for the calls under way, and so must
// not be called from within a scan.
func (s *Store) Close() error {
	if !s.door.Shut() {
		return nil
	}
	err := s.db.FlushWAL(true)
	s.db.Close()
	s.read.Destroy()
	s.durable.Destroy()
	s.relaxed.Destroy()
	s.options.Destroy()
	if err != nil {
		return explain(s.path, "close", err)
	}
	return nil
}

// explain says what was wrong, where, and what to do next. RocksDB tells its
// errors apart in words only.
func explain(path, doing string, err error) error {
	text := err.Error()
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	wrap := func(kind error, advice string) error {
		return fmt.Errorf("store %s: %s: %w: %s; %s", path, doing, kind, text, advice)
	}
	switch {
	case has("lock hold by", "/LOCK: Resource temporarily unavailable", "While lock file"):
		return fmt.Errorf("store %s: %w: another icn-node uses it; stop it or choose another --storage-path", path, icn.ErrUnavailable)
	case has("Corruption", "checksum mismatch"):
		return wrap(icn.ErrCorrupt, "restore it from a backup, or let the node join again with an empty folder")
	case has("No space left", "Disk quota"):
		return wrap(icn.ErrUnavailable, "the disk is full: make room, then start again")
	case has("Permission denied"):
		return wrap(icn.ErrDenied, "give this user the folder (chown), or choose another --storage-path")
	case has("Not a directory"):
		return wrap(icn.ErrInvalid, "choose a folder as --storage-path")
	}
	return wrap(icn.ErrUnavailable, "check the disk, then start again")
}

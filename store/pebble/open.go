package pebble

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store/door"
)

// Option changes how a store is opened.
type Option func(*settings)

type settings struct {
	cache    int64
	keepFree uint64
	log      *slog.Logger
	still    bool
}

// memTable is what is written at most before it is sorted into tables; Pebble
// starts with 256 KiB and holds two at most: memory that a small machine misses.
const memTable = 6 << 20

// looseTables is how many tables may wait to be sorted into the others. A log of
// 120,000 entries has 80 MB rewritten by it; with Pebble's own 4, and memtables of 8 MiB,
// it was 94 MB, and with memtables of 4 MiB 364 MB.
const looseTables = 8

// tableBlock is how many bytes are read and decompressed at once. Pebble's own 4 KiB
// cost a tenth more whenever all is read; larger ones cost who reads a little.
const tableBlock = 16 << 10

// CacheSize is how many bytes of tables are kept in memory; 8 MiB if not said.
func CacheSize(bytes int64) Option { return func(s *settings) { s.cache = bytes } }

// KeepFree is how many bytes of the disk are left alone: with less, batches are
// refused. 64 MiB if not said; 0 writes to the last byte.
func KeepFree(bytes uint64) Option { return func(s *settings) { s.keepFree = bytes } }

// Still leaves the tables as they are, for a look that should not wait until they
// are sorted anew. Who writes much should not ask for it.
func Still() Option { return func(s *settings) { s.still = true } }

// Log is told of trouble in the background; nobody is if not said.
func Log(l *slog.Logger) Option { return func(s *settings) { s.log = l } }

// Open opens the store in a folder, and makes both if need be. One process at a
// time can have it open.
func Open(path string, options ...Option) (*Store, error) {
	set := settings{cache: 8 << 20, keepFree: 64 << 20, log: slog.New(slog.DiscardHandler)}
	for _, o := range options {
		o(&set)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, explain(path, "make the folder", err)
	}
	lock, err := pebble.LockDirectory(path, vfs.Default)
	if err != nil {
		return nil, explainLock(path, err)
	}
	s := &Store{path: path, keepFree: set.keepFree, failed: newFailure(path, set.log), door: door.Door{Name: path}}
	opts, done := s.options(set, lock)
	defer done()
	err = s.failed.guard("open", func() (err error) {
		s.db, err = pebble.Open(path, opts)
		return err
	})
	if err == nil {
		err = lock.Close() // the database holds it too, from now on
	} else {
		err = errors.Join(err, lock.Close())
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Store) options(set settings, lock *pebble.Lock) (opts *pebble.Options, done func()) {
	cache := pebble.NewCache(set.cache)
	opts = &pebble.Options{
		Cache:        cache,
		MemTableSize: memTable,

		L0CompactionThreshold: looseTables,
		L0StopWritesThreshold: 3 * looseTables,

		MaxOpenFiles:       512,
		FormatMajorVersion: pebble.FormatNewest,
		FS:                 vfs.OnDiskFull(vfs.Default, s.failed.diskFull),
		Lock:               lock,

		DisableAutomaticCompactions: set.still,
		Logger:                      logger{s.failed},
		EventListener: &pebble.EventListener{
			BackgroundError: s.failed.background,
			// What read the damage reports it to who asked; without this,
			// Pebble would end the process.
			DataCorruption: func(info pebble.DataCorruptionInfo) { s.failed.background(info.Details) },
			// Writers would wait for ever for what the disk does not take. (That
			// there was nothing to write is an error too, but of another kind.)
			FlushEnd: func(info pebble.FlushInfo) {
				var disk syscall.Errno
				if errors.As(info.Err, &disk) {
					s.failed.set("write tables", info.Err)
				}
			},
		},
	}
	// The other levels take these over.
	opts.Levels[0].FilterPolicy = bloom.FilterPolicy(10)
	opts.Levels[0].BlockSize = tableBlock
	return opts, cache.Unref
}

// explainLock tells "in use" from "cannot make the lock file": the first comes
// from the lock itself, and so names no path.
func explainLock(path string, err error) error {
	var file *fs.PathError
	if errors.As(err, &file) {
		return explain(path, "lock", err)
	}
	return fmt.Errorf("store %s: %w: another icn-node uses it; stop it or choose another --storage-path", path, icn.ErrUnavailable)
}

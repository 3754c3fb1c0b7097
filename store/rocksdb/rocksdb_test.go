//go:build rocksdb

package rocksdb_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/rocksdb"
	"github.com/InterCooperative-Network/icn-core/store/storetest"
)

func open(t testing.TB, dir string) store.Store {
	s, err := rocksdb.Open(dir)
	require.NoError(t, err)
	return s
}

func TestStore(t *testing.T) { storetest.Run(t, open) }

func BenchmarkStore(b *testing.B) { storetest.Bench(b, open) }

func TestSecondOpenIsTold(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	_, err := rocksdb.Open(dir)
	require.ErrorIs(t, err, icn.ErrUnavailable)
	require.ErrorContains(t, err, "another icn-node uses it")
	require.NoError(t, s.Close())
	require.NoError(t, open(t, dir).Close())
}

func TestFileInsteadOfAFolderIsInvalid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err := rocksdb.Open(path)
	require.ErrorIs(t, err, icn.ErrInvalid)
}

func TestDamagedTableIsCorrupt(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	b := &store.Batch{}
	b.Put([]byte("k"), make([]byte, 100_000))
	require.NoError(t, s.Apply(b))
	require.NoError(t, s.Close())
	require.NoError(t, open(t, dir).Close()) // the log becomes a table
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	require.NoError(t, err)
	require.NotEmpty(t, tables)
	for _, p := range tables {
		data, err := os.ReadFile(p)
		require.NoError(t, err)
		for i := range min(len(data), 200) {
			data[i] ^= 0x55
		}
		require.NoError(t, os.WriteFile(p, data, 0o600))
	}
	s2, err := rocksdb.Open(dir)
	if err == nil {
		_, err = s2.Get([]byte("k"))
		require.NoError(t, s2.Close())
	}
	require.ErrorIs(t, err, icn.ErrCorrupt)
}

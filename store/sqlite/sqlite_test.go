package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/sqlite"
	"github.com/InterCooperative-Network/icn-core/store/storetest"
)

func open(t testing.TB, dir string) store.Store {
	s, err := sqlite.Open(filepath.Join(dir, "node.sqlite"))
	require.NoError(t, err)
	return s
}

func TestStore(t *testing.T) { storetest.Run(t, open) }

func BenchmarkStore(b *testing.B) { storetest.Bench(b, open) }

func put(s store.Store, key string, value []byte) error {
	b := &store.Batch{}
	b.Put([]byte(key), value)
	return s.Apply(b)
}

func TestSecondOpenIsTold(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	_, err := sqlite.Open(filepath.Join(dir, "node.sqlite"))
	require.ErrorIs(t, err, icn.ErrUnavailable)
	require.ErrorContains(t, err, "another icn-node uses it")
	require.NoError(t, s.Close())
	require.NoError(t, open(t, dir).Close())
}

func TestAnotherProgramsDatabaseIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.sqlite")
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	_, err = db.Exec("CREATE TABLE kv (k TEXT)")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = sqlite.Open(path)
	require.ErrorIs(t, err, icn.ErrInvalid)
	require.ErrorContains(t, err, "another program")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, len(before), len(after))
}

func TestWhatIsNoDatabaseIsCorrupt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(path, []byte("this is a shopping list, and a long one: bread, butter, milk, tea, and so on and so on, until it is long enough"), 0o600))
	_, err := sqlite.Open(path)
	require.ErrorIs(t, err, icn.ErrCorrupt)
	_, err = sqlite.Open(t.TempDir())
	require.ErrorIs(t, err, icn.ErrInvalid)
}

func TestPathsMayHoldAnything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder?", "100% #1 & more.sqlite")
	s, err := sqlite.Open(path)
	require.NoError(t, err)
	require.NoError(t, put(s, "k", []byte("v")))
	require.NoError(t, s.Close())
	_, err = os.Stat(path)
	require.NoError(t, err)
}

func TestDamagedPageIsCorruptAndEndsNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 200 {
		require.NoError(t, put(s, string(rune('a'+i%26))+string(rune('a'+i/26)), make([]byte, 1000)))
	}
	require.NoError(t, s.Close())
	path := filepath.Join(dir, "node.sqlite")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := 4096; i < len(b); i += 4096 { // the head of every page but the first
		copy(b[i:], "damage damage damage")
	}
	require.NoError(t, os.WriteFile(path, b, 0o600))
	s, err = sqlite.Open(path)
	if err == nil {
		err = s.Scan(store.Range{}, func(_, _ []byte) bool { return true })
		require.NoError(t, s.Close())
	}
	require.ErrorIs(t, err, icn.ErrCorrupt)
}

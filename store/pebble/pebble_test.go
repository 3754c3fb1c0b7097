package pebble_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/pebble"
	"github.com/InterCooperative-Network/icn-core/store/storetest"
)

func open(t testing.TB, dir string) store.Store {
	s, err := pebble.Open(dir)
	require.NoError(t, err)
	return s
}

func TestStore(t *testing.T) { storetest.Run(t, open) }

func BenchmarkStore(b *testing.B) { storetest.Bench(b, open) }

// BenchmarkOpen opens and closes a store of a thousand rows.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s := open(b, dir)
	batch := &store.Batch{}
	for i := range 1000 {
		batch.Put(fmt.Appendf(nil, "key %d", i), bytes.Repeat([]byte{1}, 256))
	}
	require.NoError(b, s.Apply(batch))
	require.NoError(b, s.Close())
	b.ResetTimer()
	for range b.N {
		require.NoError(b, open(b, dir).Close())
	}
}

// BenchmarkIdle reports the memory that an open store takes while it does nothing.
func BenchmarkIdle(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := open(b, b.TempDir())
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-idle")
	require.NoError(b, s.Close())
}

func put(s store.Store, key string, value []byte) error {
	b := &store.Batch{}
	b.Put([]byte(key), value)
	return s.Apply(b)
}

func TestSecondOpenInOneProcessIsTold(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	_, err := pebble.Open(dir)
	require.ErrorIs(t, err, icn.ErrUnavailable)
	require.ErrorContains(t, err, dir+": unavailable: another icn-node uses it; stop it or choose another --storage-path")
	require.NoError(t, put(s, "a", nil), "the first one is not disturbed")
	require.NoError(t, s.Close())
	require.NoError(t, open(t, dir).Close(), "free again")
}

// childDir is set for a process that a test starts.
const childDir = "ICN_PEBBLE_TEST_DIR"

// child is this test again, as a process of its own.
func child(t *testing.T, dir string) *exec.Cmd {
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1", "-test.v")
	c.Env = append(os.Environ(), childDir+"="+dir)
	return c
}

func TestSecondProcessIsTold(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		_, err := pebble.Open(dir)
		fmt.Println(errors.Is(err, icn.ErrUnavailable), err)
		return
	}
	dir := t.TempDir()
	s := open(t, dir)
	out, err := child(t, dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "true store "+dir+": unavailable: another icn-node uses it")
	require.NoError(t, s.Close())
	out, err = child(t, dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "false <nil>")
}

func TestFileInsteadOfAFolderIsInvalid(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, path := range []string{file, filepath.Join(file, "below")} {
		_, err := pebble.Open(path)
		require.ErrorIs(t, err, icn.ErrInvalid)
		require.ErrorContains(t, err, path)
	}
}

func TestForbiddenFolderIsDenied(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write anywhere")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o500))
	_, err := pebble.Open(filepath.Join(dir, "store"))
	require.ErrorIs(t, err, icn.ErrDenied)
	require.ErrorContains(t, err, "chown")
}

func TestNearlyFullDiskRefusesBatchesAndKeepsReading(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	require.NoError(t, put(s, "a", []byte("1")))
	require.NoError(t, s.Close())

	s, err := pebble.Open(dir, pebble.KeepFree(1<<62))
	require.NoError(t, err, "a nearly full disk can be read")
	err = put(s, "a", []byte("2"))
	require.ErrorIs(t, err, icn.ErrUnavailable)
	require.ErrorContains(t, err, "nearly full")
	v, err := s.Get([]byte("a"))
	require.NoError(t, err)
	require.Equal(t, "1", string(v))
	require.NoError(t, s.Close())
}

func TestDamagedTableIsCorruptAndEndsNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	b := &store.Batch{}
	for i := range 40 { // more than the memory table holds, so that there are tables
		b.Reset()
		for j := range 10 {
			value := make([]byte, 64<<10)
			for k := range value {
				value[k] = byte(i*j*k) ^ byte(k>>8)
			}
			b.Put(fmt.Appendf(nil, "key %03d %03d", i, j), value)
		}
		require.NoError(t, s.Apply(b))
	}
	require.NoError(t, s.Close())
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	require.NoError(t, err)
	require.NotEmpty(t, tables)
	for _, table := range tables {
		damage(t, table)
	}

	s, err = pebble.Open(dir)
	if err == nil {
		err = s.Scan(store.Range{}, func(_, _ []byte) bool { return true })
		require.NoError(t, s.Close())
	}
	require.ErrorIs(t, err, icn.ErrCorrupt)
	require.ErrorContains(t, err, "backup")
}

// damage changes bytes all over the first half of a file, where the data is.
func damage(t *testing.T, path string) {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := 100; i < len(data)/2; i += 5000 {
		data[i] ^= 0x55
	}
	require.NoError(t, os.WriteFile(path, data, fs.FileMode(0o600)))
}

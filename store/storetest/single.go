package storetest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

func absentKey(t *testing.T, s store.Store) {
	put(t, s, "b", "1")
	for _, k := range []string{"", "a", "b\x00", "c"} {
		v, err := s.Get([]byte(k))
		require.ErrorIs(t, err, icn.ErrNotFound, "key %q", k)
		require.Nil(t, v)
	}
}

func getCopies(t *testing.T, s store.Store) {
	put(t, s, "k", "value")
	v, err := s.Get([]byte("k"))
	require.NoError(t, err)
	copy(v, "XXXXX")
	again, err := s.Get([]byte("k"))
	require.NoError(t, err)
	require.Equal(t, "value", string(again))
}

func applyCopies(t *testing.T, s store.Store) {
	key, value := []byte("key"), []byte("value")
	b := &store.Batch{}
	b.Put(key, value)
	require.NoError(t, s.Apply(b))
	copy(key, "XXX")
	copy(value, "XXXXX")
	require.Equal(t, []string{"key", "value"}, pairs(t, s, store.Range{}))

	// A batch can be used again, as a whole or with its memory only.
	b.Reset()
	b.Put([]byte("other"), []byte("2"))
	require.NoError(t, s.Apply(b))
	require.NoError(t, s.Apply(b))
	require.Equal(t, []string{"key", "value", "other", "2"}, pairs(t, s, store.Range{}))
}

func laterWriteWins(t *testing.T, s store.Store) {
	put(t, s, "c", "old", "d", "old")
	b := &store.Batch{}
	b.Put([]byte("a"), []byte("1"))
	b.Put([]byte("a"), []byte("2"))
	b.Put([]byte("b"), []byte("1"))
	b.Delete([]byte("b"))
	b.Delete([]byte("c"))
	b.Put([]byte("c"), []byte("new"))
	b.Put([]byte("d"), []byte("1"))
	b.Delete([]byte("d"))
	b.Put([]byte("d"), []byte("2"))
	b.Delete([]byte("d"))
	require.NoError(t, s.Apply(b))
	require.Equal(t, []string{"a", "2", "c", "new"}, pairs(t, s, store.Range{}))
}

func deletedKey(t *testing.T, s store.Store) {
	put(t, s, "a", "1", "b", "2", "c", "3")
	b := &store.Batch{}
	b.Delete([]byte("b"))
	b.Delete([]byte("never there"))
	// Delete decides, whatever else the write says.
	b.Writes = append(b.Writes, store.Write{Key: []byte("c"), Value: []byte("4"), Delete: true})
	require.NoError(t, s.Apply(b))
	_, err := s.Get([]byte("b"))
	require.ErrorIs(t, err, icn.ErrNotFound)
	require.Equal(t, []string{"a", "1"}, pairs(t, s, store.Range{}))
	put(t, s, "b", "back")
	require.Equal(t, []string{"a", "1", "b", "back"}, pairs(t, s, store.Range{}))
}

func emptyBatch(t *testing.T, s store.Store) {
	put(t, s, "a", "1")
	require.NoError(t, s.Apply(&store.Batch{}))
	require.NoError(t, s.Apply(&store.Batch{Relaxed: true}))
	require.Equal(t, []string{"a", "1"}, pairs(t, s, store.Range{}))
}

func oddValues(t *testing.T, s store.Store) {
	large := bytes.Repeat([]byte("0123456789abcde\n"), 2<<20/16) // the largest block
	zeros := make([]byte, 2<<20)
	b := &store.Batch{}
	b.Put([]byte("empty"), []byte{})
	b.Put([]byte("large"), large)
	b.Put([]byte("nil"), nil)
	b.Put([]byte("zero"), []byte{0})
	b.Put([]byte("zeros"), zeros)
	require.NoError(t, s.Apply(b))
	for _, w := range b.Writes {
		v, err := s.Get(w.Key)
		require.NoError(t, err, "key %s", w.Key)
		require.True(t, bytes.Equal(w.Value, v), "key %s: %d bytes instead of %d", w.Key, len(v), len(w.Value))
	}
	var sizes []int
	require.NoError(t, s.Scan(store.Range{}, func(k, v []byte) bool {
		sizes = append(sizes, len(v))
		return true
	}))
	require.Equal(t, []int{0, 2 << 20, 0, 1, 2 << 20}, sizes)
}

func oddKeys(t *testing.T, s store.Store) {
	long := string(bytes.Repeat([]byte{0xff}, 1024))
	keys := []string{"", "\x00", "\x00\x00", "\x00\x01", "\x00\xff", "\x01", "a", "a\x00", "a\x00\x00", "a\xff", "b",
		"\x7f", "\x80", "\xfe\xff", "\xff", "\xff\x00", "\xff\xff", long} // in byte order
	for i := len(keys) - 1; i >= 0; i-- {
		put(t, s, keys[i], "v"+keys[i])
	}
	want := []string{}
	for _, k := range keys {
		v, err := s.Get([]byte(k))
		require.NoError(t, err, "key %q", k)
		require.Equal(t, "v"+k, string(v))
		want = append(want, k, "v"+k)
	}
	require.Equal(t, want, pairs(t, s, store.Range{}))
	for i, k := range keys {
		require.Equal(t, want[2*i:], pairs(t, s, store.Range{From: []byte(k)}), "from %q", k)
		require.Equal(t, want[:2*i], pairs(t, s, store.Range{To: []byte(k)}), "to %q", k)
	}
}

func closedStore(t *testing.T, s store.Store) {
	put(t, s, "a", "1")
	require.NoError(t, s.Close())
	_, err := s.Get([]byte("a"))
	require.ErrorIs(t, err, icn.ErrUnavailable)
	require.NotErrorIs(t, err, icn.ErrNotFound)
	require.ErrorIs(t, s.Scan(store.Range{}, func(k, v []byte) bool { t.Error("called"); return true }), icn.ErrUnavailable)
	b := &store.Batch{}
	b.Put([]byte("b"), nil)
	require.ErrorIs(t, s.Apply(b), icn.ErrUnavailable)
	require.NoError(t, s.Close(), "closing twice is harmless")
}

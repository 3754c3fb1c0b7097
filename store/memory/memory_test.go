package memory_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/memory"
	"github.com/InterCooperative-Network/icn-core/store/storetest"
)

func open(testing.TB, string) store.Store { return memory.New() }

func TestStore(t *testing.T) { storetest.Run(t, open, storetest.Volatile) }

func BenchmarkStore(b *testing.B) { storetest.Bench(b, open) }

func put(t *testing.T, s store.Store, key, value string) {
	t.Helper()
	b := &store.Batch{}
	b.Put([]byte(key), []byte(value))
	require.NoError(t, s.Apply(b))
}

func TestCloneAndOriginalGoTheirOwnWays(t *testing.T) {
	s := memory.New()
	put(t, s, "a", "1")
	c := s.Clone()
	put(t, s, "a", "2")
	put(t, c, "b", "3")

	v, err := c.Get([]byte("a"))
	require.NoError(t, err)
	require.Equal(t, "1", string(v))
	_, err = s.Get([]byte("b"))
	require.ErrorIs(t, err, icn.ErrNotFound)

	require.NoError(t, s.Close())
	v, err = c.Get([]byte("b"))
	require.NoError(t, err, "closing one does not close the other")
	require.Equal(t, "3", string(v))
	_, err = s.Clone().Get([]byte("a"))
	require.ErrorIs(t, err, icn.ErrUnavailable)
}

func TestKeysInOrderDoNotMakeTheTreeDeep(t *testing.T) {
	// A list instead of a tree would copy thousands of nodes for each of these.
	s := memory.New()
	for i := range 5_000 {
		b := &store.Batch{}
		b.Put(fmt.Appendf(nil, "%08d", i), nil)
		require.NoError(t, s.Apply(b))
	}
	rows := 0
	require.NoError(t, s.Scan(store.Range{}, func(_, _ []byte) bool { rows++; return true }))
	require.Equal(t, 5_000, rows)
	one := &store.Batch{}
	one.Put([]byte("00002500"), []byte("x"))
	allocs := testing.AllocsPerRun(10, func() { _ = s.Apply(one) })
	require.Less(t, allocs, 150.0, "an update copies one path only")
}

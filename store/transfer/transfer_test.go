package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/memory"
	"github.com/InterCooperative-Network/icn-core/store/pebble"
	"github.com/InterCooperative-Network/icn-core/store/sqlite"
	"github.com/InterCooperative-Network/icn-core/store/transfer"
)

func filled(t *testing.T, n int) *memory.Store {
	t.Helper()
	s := memory.New()
	b := &store.Batch{}
	for i := range n {
		b.Put(fmt.Appendf(nil, "%c/%05d", 'a'+i%20, i), make([]byte, i%700))
	}
	b.Put([]byte{}, nil)
	b.Put([]byte{0xff, 0xff}, []byte("last"))
	require.NoError(t, s.Apply(b))
	return s
}

func TestCopyHoldsExactlyWhatTheSourceHolds(t *testing.T) {
	from := filled(t, 5000)
	want, err := transfer.SumOf(t.Context(), from)
	require.NoError(t, err)
	p, err := pebble.Open(filepath.Join(t.TempDir(), "p"))
	require.NoError(t, err)
	q, err := sqlite.Open(filepath.Join(t.TempDir(), "q"))
	require.NoError(t, err)
	chain := []store.Store{from, p, q, memory.New()}
	for i := range len(chain) - 1 {
		var rows int64
		got, err := transfer.Copy(t.Context(), chain[i], chain[i+1], func(n, _ int64) { rows += n })
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, want.Rows, rows)
		_, err = chain[i+1].Get(store.Unfinished)
		require.ErrorIs(t, err, icn.ErrNotFound)
	}
	require.NoError(t, p.Close())
	require.NoError(t, q.Close())
}

func TestInterruptedCopyGoesOn(t *testing.T) {
	from, to := filled(t, 5000), memory.New()
	want, err := transfer.SumOf(t.Context(), from)
	require.NoError(t, err)
	var first, second int64
	ctx, cancel := context.WithCancel(t.Context())
	_, err = transfer.Copy(ctx, from, to, func(n, _ int64) { first += n; cancel() })
	require.ErrorIs(t, err, context.Canceled)
	got, err := transfer.Copy(t.Context(), from, to, func(n, _ int64) { second += n })
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, want.Rows, first+second)
	require.NotZero(t, first)
}

func TestSourceThatWentOnIsCopiedAnew(t *testing.T) {
	from, to := filled(t, 5000), memory.New()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := transfer.Copy(ctx, from, to, func(int64, int64) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
	b := &store.Batch{}
	b.Put([]byte("a/00000"), []byte("changed"))
	require.NoError(t, from.Apply(b))
	_, err = transfer.Copy(t.Context(), from, to, nil)
	require.ErrorIs(t, err, icn.ErrConflict)
	got, err := transfer.Copy(t.Context(), from, to, nil)
	require.NoError(t, err)
	want, err := transfer.SumOf(t.Context(), from)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestStoreInUseIsNotFilled(t *testing.T) {
	_, err := transfer.Copy(t.Context(), filled(t, 10), filled(t, 1), nil)
	require.ErrorIs(t, err, icn.ErrConflict)
	half := memory.New()
	b := &store.Batch{}
	b.Put(store.Unfinished, []byte("restore"))
	require.NoError(t, half.Apply(b))
	_, err = transfer.Copy(t.Context(), filled(t, 10), half, nil)
	require.ErrorIs(t, err, icn.ErrConflict)
	_, err = transfer.Copy(t.Context(), half, memory.New(), nil)
	require.True(t, errors.Is(err, icn.ErrConflict))
}

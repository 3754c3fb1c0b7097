package group_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/group"
)

func batch(key string) *store.Batch {
	b := &store.Batch{}
	b.Put([]byte(key), nil)
	return b
}

// hold lets the first commit wait until n more batches have been handed over.
func hold(t *testing.T, n int, b func() *store.Batch) (commits [][]*store.Batch) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		w := group.New(func(bs []*store.Batch) error {
			commits = append(commits, slices.Clone(bs))
			<-release
			return nil
		})
		for range n {
			go func() { require.NoError(t, w.Apply(b())) }()
		}
		synctest.Wait()
		close(release)
		synctest.Wait()
		require.NoError(t, w.Close())
	})
	return commits
}

func TestWhatWaitsSharesACommit(t *testing.T) {
	commits := hold(t, 51, func() *store.Batch { return batch("k") })
	require.LessOrEqual(t, len(commits), 2)
	require.Len(t, slices.Concat(commits...), 51)
}

func TestPassingFailureIsForItsBatchesOnly(t *testing.T) {
	full, once := errors.New("full"), true
	w := group.New(func([]*store.Batch) error {
		if once {
			once = false
			return full
		}
		return nil
	})
	require.ErrorIs(t, w.Apply(batch("a")), full)
	require.NoError(t, w.Apply(batch("a")))
	require.NoError(t, w.Close())
}

func TestNothingIsCommittedAfterAFinalFailure(t *testing.T) {
	dead, calls := errors.New("dead"), 0
	w := group.New(func([]*store.Batch) error { calls++; return group.Final(dead) })
	require.Equal(t, dead, w.Apply(batch("a")))
	require.Equal(t, dead, w.Apply(batch("b")))
	require.Equal(t, dead, w.Failure())
	require.Equal(t, dead, w.Close())
	require.Equal(t, 1, calls)
}

func TestLargeBatchesAreNotHeapedUp(t *testing.T) {
	commits := hold(t, 20, func() *store.Batch {
		b := &store.Batch{}
		b.Put([]byte("k"), make([]byte, 2<<20))
		return b
	})
	for _, bs := range commits {
		require.LessOrEqual(t, len(bs), 2)
	}
	require.Len(t, slices.Concat(commits...), 20)
}

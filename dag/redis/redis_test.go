package redis_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/dag/redis"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/redistest"
	"github.com/InterCooperative-Network/icn-core/store/memory"
)

var server *redistest.Server

func TestMain(m *testing.M) {
	var err error
	server, err = redistest.Start()
	switch {
	case errors.Is(err, redistest.Missing) && os.Getenv("CI") == "":
		fmt.Println("left out:", err)
		return
	case err != nil:
		fmt.Println(err)
		os.Exit(1)
	}
	code := m.Run()
	if err := server.Stop(); err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

func open(t *testing.T) (*dag.DAG, *redis.Cache) {
	t.Helper()
	c, err := redis.Open(server.URL(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	d, err := dag.Open(memory.New(), dag.Options{Cache: c})
	require.NoError(t, err)
	return d, c
}

// key is where a copy of a block lies.
func key(b icn.Block) string { return "icn/b/" + b.CID.KeyString() }

// settle waits until Redis holds what was put: closing the cache writes it.
func settle(t *testing.T, c *redis.Cache) { t.Helper(); require.NoError(t, c.Close()) }

func TestBlocksAreReadFromTheCache(t *testing.T) {
	b := icn.NewBlock(icn.Raw, []byte("a block that is read often"))
	d, c := open(t)
	require.NoError(t, d.Put(t.Context(), b))
	_, err := d.Get(t.Context(), b.CID)
	require.NoError(t, err)
	settle(t, c)
	other, c2 := open(t) // whose store does not have it
	got, err := other.Get(t.Context(), b.CID)
	require.NoError(t, err)
	require.Equal(t, b.Data, got.Data)
	hits, _, failures := c2.Counts()
	require.EqualValues(t, 1, hits)
	require.Zero(t, failures)
	settle(t, c2)
}

func TestLyingCacheIsNotBelieved(t *testing.T) {
	b := icn.NewBlock(icn.Raw, []byte("the truth"))
	d, c := open(t)
	require.NoError(t, d.Put(t.Context(), b))
	admin := server.Client()
	defer admin.Close()
	require.NoError(t, admin.Set(t.Context(), key(b), "a lie", 0).Err())
	got, err := d.Get(t.Context(), b.CID)
	require.NoError(t, err)
	require.Equal(t, b.Data, got.Data)
	settle(t, c)
	v, err := admin.Get(t.Context(), key(b)).Bytes()
	require.NoError(t, err)
	require.Equal(t, b.Data, v, "the lie was replaced")
}

func TestDeadCacheCostsNoAnswer(t *testing.T) {
	b := icn.NewBlock(icn.Raw, []byte("still here"))
	d, c := open(t)
	require.NoError(t, d.Put(t.Context(), b))
	require.NoError(t, server.Crash())
	for range 1000 { // it is not asked each time
		got, err := d.Get(t.Context(), b.CID)
		require.NoError(t, err)
		require.Equal(t, b.Data, got.Data)
	}
	_, _, failures := c.Counts()
	require.NotZero(t, failures)
	require.Less(t, failures, uint64(100))
	require.NoError(t, server.Resume())
	settle(t, c)
}

// TestSilentCacheIsNotWaitedFor: a server that takes connections and says nothing.
func TestSilentCacheIsNotWaitedFor(t *testing.T) {
	admin := server.Client()
	defer admin.Close()
	b := icn.NewBlock(icn.Raw, []byte("quickly"))
	d, c := open(t)
	require.NoError(t, d.Put(t.Context(), b))
	require.NoError(t, admin.Do(t.Context(), "CLIENT", "PAUSE", "1500", "ALL").Err())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := d.Get(ctx, b.CID)
	require.NoError(t, err)
	require.Equal(t, b.Data, got.Data)
	_, _, failures := c.Counts()
	require.NotZero(t, failures)
	settle(t, c)
}

func TestWrongAddressIsNamed(t *testing.T) {
	_, err := redis.Open("http://cache", slog.New(slog.DiscardHandler))
	require.ErrorIs(t, err, icn.ErrInvalid)
}

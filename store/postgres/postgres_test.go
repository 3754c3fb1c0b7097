package postgres_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/pgtest"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/postgres"
	"github.com/InterCooperative-Network/icn-core/store/storetest"
)

// serverPort tells the processes that storetest starts where the server is.
const serverPort = "ICN_TEST_POSTGRES_PORT"

var server *pgtest.Server

func TestMain(m *testing.M) {
	if port, err := strconv.Atoi(os.Getenv(serverPort)); err == nil {
		server = pgtest.Attach(port)
		os.Exit(m.Run())
	}
	var err error
	server, err = pgtest.Start()
	switch {
	case errors.Is(err, pgtest.Missing) && os.Getenv("CI") == "":
		fmt.Println("left out:", err)
		return
	case err != nil:
		fmt.Println(err)
		os.Exit(1)
	}
	err = os.Setenv(serverPort, strconv.Itoa(server.Port()))
	code := m.Run()
	if err = errors.Join(err, server.Stop()); err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

// database is the one that belongs to a folder.
func database(t testing.TB, dir string) string {
	url, err := server.Database(t.Context(), fmt.Sprintf("t%x", sha256.Sum256([]byte(dir)))[:16])
	require.NoError(t, err)
	return url
}

func open(t testing.TB, dir string) store.Store {
	url := database(t, dir)
	s, err := postgres.Wait(t.Context(), postgres.Config{URL: url, Lease: 200 * time.Millisecond}, func(*postgres.Held) {})
	require.NoError(t, err)
	return s
}

func TestStore(t *testing.T) { storetest.Run(t, open) }

func BenchmarkStore(b *testing.B) { storetest.Bench(b, open) }

func put(s store.Store, key, value string) error {
	b := &store.Batch{}
	b.Put([]byte(key), []byte(value))
	return s.Apply(b)
}

func get(t *testing.T, s store.Store, key string) string {
	t.Helper()
	v, err := s.Get([]byte(key))
	require.NoError(t, err)
	return string(v)
}

// start opens a store with a lease that lapses soon.
func start(t *testing.T, url, holder string) *postgres.Store {
	t.Helper()
	s, err := postgres.Wait(t.Context(), postgres.Config{URL: url, Lease: 300 * time.Millisecond, Holder: holder}, func(*postgres.Held) {})
	require.NoError(t, err)
	return s
}

func TestSecondProcessIsToldWhoWorksHere(t *testing.T) {
	url := database(t, t.Name())
	s := start(t, url, "http://one")
	_, err := postgres.Open(t.Context(), postgres.Config{URL: url, Holder: "http://two"})
	var held *postgres.Held
	require.ErrorAs(t, err, &held)
	require.Equal(t, "http://one", held.By)
	require.ErrorIs(t, err, icn.ErrUnavailable)
	require.ErrorContains(t, err, "another icn-node uses it")
	require.NoError(t, s.Announce(t.Context(), "http://moved"))
	_, err = postgres.Open(t.Context(), postgres.Config{URL: url})
	require.ErrorAs(t, err, &held)
	require.Equal(t, "http://moved", held.By)

	require.NoError(t, s.Close())
	next, err := postgres.Open(t.Context(), postgres.Config{URL: url}) // at once: the term was given back
	require.NoError(t, err)
	require.Equal(t, s.Term()+1, next.Term())
	require.NoError(t, next.Close())
}

// takeOver raises the term as a process does that found the lease lapsed.
func takeOver(t *testing.T, url string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	_, err = c.Exec(t.Context(), "UPDATE icn_seat SET term = term + 1, holder = 'http://other', until = now() + interval '1 hour'")
	require.NoError(t, err)
	require.NoError(t, c.Close(t.Context()))
}

func TestSupersededProcessCommitsNothing(t *testing.T) {
	url := database(t, t.Name())
	s, err := postgres.Open(t.Context(), postgres.Config{URL: url, Lease: time.Hour}) // it does not look for itself
	require.NoError(t, err)
	require.NoError(t, put(s, "k", "mine"))
	takeOver(t, url)
	err = put(s, "k", "too late")
	require.ErrorIs(t, err, icn.ErrUnavailable)
	require.ErrorContains(t, err, "has taken it over")
	<-s.Lost()
	require.ErrorContains(t, put(s, "k", "later still"), "has taken it over")
	require.ErrorContains(t, s.Close(), "has taken it over")

	c, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	var v []byte
	require.NoError(t, c.QueryRow(t.Context(), "SELECT v FROM icn_kv WHERE k = 'k'").Scan(&v))
	require.Equal(t, "mine", string(v))
	require.NoError(t, c.Close(t.Context()))
}

func TestProcessFindsOutThatItWasReplaced(t *testing.T) {
	url := database(t, t.Name())
	s := start(t, url, "http://one")
	takeOver(t, url)
	<-s.Lost()
	require.Error(t, s.Close())
}

// TestStandbyTakesOverWhenTheLeaseLapses: the first process is silent, but lives.
func TestStandbyTakesOverWhenTheLeaseLapses(t *testing.T) {
	url := database(t, t.Name())
	first, err := postgres.Open(t.Context(), postgres.Config{URL: url, Lease: time.Hour, Holder: "http://one"})
	require.NoError(t, err)
	require.NoError(t, put(first, "k", "v"))
	second, err := postgres.Wait(t.Context(), postgres.Config{URL: url, Lease: 300 * time.Millisecond}, func(h *postgres.Held) {
		require.Equal(t, "http://one", h.By)
		c, err := pgx.Connect(t.Context(), url)
		require.NoError(t, err)
		_, err = c.Exec(t.Context(), "UPDATE icn_seat SET until = now()") // an hour has passed
		require.NoError(t, err)
		require.NoError(t, c.Close(t.Context()))
	})
	require.NoError(t, err)
	require.Equal(t, "v", get(t, second, "k"))
	require.NoError(t, put(second, "k", "w"))
	require.ErrorContains(t, put(first, "k", "x"), "has taken it over")
	require.Equal(t, "w", get(t, second, "k"))
	require.NoError(t, second.Close())
	require.Error(t, first.Close())
}

func TestBrokenConnectionsCostTimeOnly(t *testing.T) {
	url := database(t, t.Name())
	s := start(t, url, "http://one")
	require.NoError(t, put(s, "a", "1"))
	c, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	_, err = c.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	require.NoError(t, err)
	require.NoError(t, c.Close(t.Context()))
	require.Equal(t, "1", get(t, s, "a"))
	require.NoError(t, put(s, "b", "2"))
	require.Equal(t, "2", get(t, s, "b"))
	require.NoError(t, s.Close())
}

func TestServerThatRestartsIsWaitedFor(t *testing.T) {
	url := database(t, t.Name())
	s, err := postgres.Open(t.Context(), postgres.Config{URL: url, Lease: time.Hour, ConnectTimeout: time.Hour}) // however long the server takes to come back
	require.NoError(t, err)
	require.NoError(t, put(s, "a", "1"))
	require.NoError(t, server.Crash())
	done := make(chan error, 1)
	go func() { done <- put(s, "b", "2") }()
	require.NoError(t, server.Resume())
	require.NoError(t, <-done)
	require.Equal(t, "1", get(t, s, "a"))
	require.Equal(t, "2", get(t, s, "b"))
	require.NoError(t, s.Close())
}

func TestWhatCannotBeReachedIsNamedWithoutItsPassword(t *testing.T) {
	for url, want := range map[string]error{
		"postgresql://icn:hush@127.0.0.1:1/icn": icn.ErrUnavailable,
		server.URL("no_such_database"):          icn.ErrNotFound,
		"nonsense://hush":                       icn.ErrInvalid,
		"postgresql://icn:hush@127.0.0.1:x/icn": icn.ErrInvalid,
	} {
		_, err := postgres.Open(t.Context(), postgres.Config{URL: url, ConnectTimeout: time.Second})
		require.ErrorIs(t, err, want, url)
		require.NotContains(t, err.Error(), "hush@", url)
		require.NotContains(t, err.Error(), ":hush", url)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	url := database(t, t.Name())
	s := start(t, url, "http://one")
	ctx, cancel := context.WithCancel(t.Context())
	_, err := postgres.Wait(ctx, postgres.Config{URL: url, Lease: time.Second}, func(h *postgres.Held) {
		require.Equal(t, "http://one", h.By)
		cancel()
	})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, s.Close())
}

// TestTheAddressOfItsConnectionsIsKnown: standbys on other machines are told it.
func TestTheAddressOfItsConnectionsIsKnown(t *testing.T) {
	s := open(t, t.TempDir()).(*postgres.Store)
	defer func() { require.NoError(t, s.Close()) }()
	at, err := s.From(t.Context())
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", at.String(), "the server listens on loopback")
}

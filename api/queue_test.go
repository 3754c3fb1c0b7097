package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// closer is a connection that remembers that it was closed.
type closer struct {
	net.Conn
	closed bool
}

func (c *closer) Close() error { c.closed = true; return nil }

func TestTheLongestSilentMakesRoom(t *testing.T) {
	q := newQueue(3)
	var all [6]*closer
	for i := range all {
		all[i] = &closer{}
	}
	for i := range 3 {
		q.watch(all[i], http.StateNew)
	}
	q.watch(all[0], http.StateActive) // it says something, but nothing whole yet
	begin(q.tie(t.Context(), all[1])) // a request of it is being answered
	q.watch(all[3], http.StateNew)
	q.watch(all[4], http.StateNew)
	closed := fmt.Sprint(all[0].closed, all[1].closed, all[2].closed, all[3].closed, all[4].closed)
	require.Equal(t, "true false false false false", closed)
	q.watch(all[1], http.StateIdle) // answered: it waits behind the others
	require.True(t, all[2].closed)
	q.watch(all[3], http.StateClosed)
	q.watch(all[5], http.StateNew)
	require.False(t, all[4].closed)
	require.Len(t, q.at, 3)
	require.Equal(t, 3, q.order.Len())
}

// TestSilentConnectionsHoldUpNobodyWhoLeaves: on a connection nothing was ever
// asked, as callers open them in advance. A node that ended waited 5 s for it,
// and its standby with it.
func TestSilentConnectionsHoldUpNobodyWhoLeaves(t *testing.T) {
	var log bytes.Buffer
	s, err := New(nil, Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()
	silent, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	defer silent.Close()
	asks, err := net.Dial("tcp", ln.Addr().String()) // accepted after the silent one
	require.NoError(t, err)
	defer asks.Close()
	_, err = io.WriteString(asks, "GET /openapi.json HTTP/1.1\r\nHost: here\r\n\r\n")
	require.NoError(t, err)
	_, err = io.ReadFull(asks, make([]byte, 12))
	require.NoError(t, err)
	leave()
	require.NoError(t, <-ended)
	require.NotContains(t, log.String(), "cut off")
}

package p2p

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Twenty nodes that nobody admitted come from one address, and as many half-open
// connections as it may have beside them: the federation's own still find their
// places, and whoever knocks from another address too.
func TestStrangersOfOneAddressTakeNoPlacesOfTheFederation(t *testing.T) {
	b := newNode(t, func(c *Config) {
		c.Listen = []string{"/ip4/0.0.0.0/tcp/0"}
		c.Limits = Limits{Peers: 2, Strangers: 10, StrangersPerHost: 5}
	})
	_, port, err := net.SplitHostPort(hostPort(t, b))
	require.NoError(t, err)
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 3)}}
	for range 40 { // none proves a key
		c, err := from.DialContext(t.Context(), "tcp", "127.0.0.3:"+port)
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
	}
	at := "/ip4/127.0.0.1/tcp/" + port + "/p2p/" + b.PeerID()
	here := 0
	for range 20 {
		if _, _, err := newNode(t).Host.Knock(t.Context(), at, nil); err == nil {
			here++
		}
	}
	require.Equal(t, 5, here)
	count, refused := b.Strangers()
	require.Equal(t, 5, count)
	require.EqualValues(t, 15, refused)
	for range 2 {
		a := newNode(t)
		b.admit(a)
		a.admit(b)
		a.Want(map[icn.DID][]string{b.DID(): {at}})
		a.await(Linked, b.DID())
	}
}

func hostPort(t *testing.T, n *node) string {
	t.Helper()
	for _, a := range n.engine.ListenAddresses() {
		if v, err := a.ValueForProtocol(6); err == nil {
			return "0.0.0.0:" + v
		}
	}
	t.Fatal("it does not listen")
	return ""
}

func TestMorePeersThanTheLimitAreNotLinked(t *testing.T) {
	b := newNode(t, func(c *Config) { c.Limits.Peers = 1 })
	first, second := newNode(t), newNode(t)
	first.admit(b)
	second.admit(b)
	b.want(first)
	b.await(Linked, first.DID())
	b.want(first, second) // by its own dialing
	require.Eventually(t, func() bool { return peerOf(t, b, second.DID()).LastError != "" }, time.Minute, time.Millisecond)
	require.Contains(t, peerOf(t, b, second.DID()).LastError, "max_peers")
	s, err := raw(t, second, b, protocolOf(Live)) // and by the other's
	if err == nil {
		_ = writeHello(s, second.hello(s.Conn())) // it may be reset already
		_, err = readHello(bufio.NewReader(s))
	}
	require.Error(t, err)
	require.False(t, peerOf(t, b, second.DID()).Connected)
	require.NoError(t, first.Close()) // its place is free again
	second.want(b)
	b.await(Linked, second.DID())
}

func TestStreamsOverTheLimitAreRefused(t *testing.T) {
	b := newNode(t, func(c *Config) { c.Limits.Streams = 12 })
	a := newNode(t)
	b.admit(a)
	_, err := a.Dial(t.Context(), b.Addrs()[0])
	require.NoError(t, err)
	refused := 0
	for range 20 {
		s, err := a.openStream(t.Context(), b.engine.id)
		require.NoError(t, err)
		t.Cleanup(func() { _ = s.Reset() })
		_, err = s.Write([]byte("\x13/multistream/1.0.0\n")) // and no more
		if err == nil {
			_, err = io.ReadFull(s, make([]byte, 20))
		}
		if err != nil {
			refused++
		}
	}
	require.Equal(t, 8, refused)
	c := newNode(t) // others are served
	b.admit(c)
	c.want(b)
	c.await(Linked, b.DID())
}

// A peer may send a megabyte a second: eight take it the better part of eight
// seconds, none is lost, and another peer does not wait for them.
func TestPeerOverItsBandwidthIsSlowedDownAlone(t *testing.T) {
	const rate, each, frames = 1 << 20, 64 << 10, 24
	b := newNode(t, func(c *Config) { c.Limits.Bytes = rate })
	a, c := newNode(t), newNode(t)
	for _, x := range []*node{a, c} {
		b.admit(x)
		x.want(b)
		x.await(Linked, b.DID())
	}
	start := time.Now()
	for range frames {
		require.True(t, a.Send(b.DID(), Live, make([]byte, each)))
	}
	require.True(t, c.Send(b.DID(), Live, []byte("small")))
	first := 0
	for i := range frames + 1 {
		if g := <-b.frames; g.from == c.DID() {
			first = i
		}
	}
	require.Less(t, first, frames, "the other peer waited")
	burst := rate / 4
	least := time.Duration(float64(frames*each-burst) / rate * float64(time.Second))
	require.GreaterOrEqual(t, time.Since(start), least)
	require.NotZero(t, peerOf(t, b, a.DID()).Throttled)
	require.Zero(t, peerOf(t, b, c.DID()).Throttled)
}

func TestUploadOfBlocksIsSlowedDownAndLiveFramesPass(t *testing.T) {
	const rate = 1 << 20
	a, b := newNode(t, func(c *Config) { c.Limits.Upload = rate }), newNode(t)
	b.admit(a)
	a.want(b)
	a.await(Linked, b.DID())
	start := time.Now()
	require.True(t, a.Send(b.DID(), Bulk, make([]byte, rate)))
	require.True(t, a.Send(b.DID(), Live, []byte("vote")))
	require.Equal(t, "vote", (<-b.frames).body)
	require.Equal(t, rate, len((<-b.frames).body))
	require.GreaterOrEqual(t, time.Since(start), 700*time.Millisecond)
}

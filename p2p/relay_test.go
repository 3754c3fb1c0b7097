package p2p

import (
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// hidden is a node that nobody can dial.
func hidden(c *Config) { c.Listen, c.Relay = nil, true }

func helpful(c *Config) { c.RelayService = true }

// behind are two nodes that both reach a relay, and not each other.
func behind(t *testing.T) (a, b, r *node) {
	t.Helper()
	a, b, r = newNode(t, hidden), newNode(t, hidden), newNode(t, helpful)
	for _, n := range []*node{a, b, r} {
		n.admit(a, b, r)
	}
	a.want(r, b)
	b.want(r, a)
	return a, b, r
}

func TestNodesThatCannotReachEachOtherSpeakThroughARelay(t *testing.T) {
	a, b, r := behind(t)
	for _, n := range []*node{a, b} {
		for range 2 {
			require.Equal(t, Linked, (<-n.Events()).Kind)
		}
	}
	require.True(t, a.Send(b.DID(), Live, []byte("by a detour")))
	require.Equal(t, got{a.DID(), Live, "by a detour"}, <-b.frames)
	body, err := b.Call(t.Context(), a.DID(), Block, make([]byte, 1<<20)) // a relay of others would end it here
	require.NoError(t, err)
	require.Len(t, body, 1<<20+len("block:"))
	require.Equal(t, r.DID(), peerOf(t, a, b.DID()).Relay)
	require.Equal(t, r.DID(), peerOf(t, b, a.DID()).Relay)
	require.Zero(t, peerOf(t, a, r.DID()).Relay)
	for _, at := range peerOf(t, a, b.DID()).Addrs {
		require.NotContains(t, at, "p2p-circuit", "where a relay is does not belong to a node")
	}
	require.NoError(t, r.Close())
	a.await(Lost, b.DID())
}

func TestDirectWayTakesThePlaceOfTheDetour(t *testing.T) {
	a, b, _ := behind(t)
	a.await(Linked, b.DID())
	require.NoError(t, a.engine.listen([]ma.Multiaddr{ma.StringCast("/ip4/127.0.0.1/tcp/0")}))
	_, err := b.Dial(t.Context(), a.Addrs()[0])
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		p := peerOf(t, b, a.DID())
		return p.Connected && p.Relay.IsZero()
	}, time.Minute, time.Millisecond)
	require.True(t, b.Send(a.DID(), Live, []byte("straight")))
	require.Equal(t, "straight", (<-a.frames).body)
}

func TestStrangerCannotUseTheRelay(t *testing.T) {
	a, _, r := behind(t)
	s := newNode(t, hidden)
	s.admit(a, r) // it would
	_, err := s.Dial(t.Context(), r.Addrs()[0])
	require.NoError(t, err)
	_, err = client.Reserve(t.Context(), s.face, peer.AddrInfo{ID: r.engine.id})
	require.Error(t, err)
	_, err = s.Dial(t.Context(), r.Addrs()[0]+"/p2p-circuit/p2p/"+a.PeerID())
	require.ErrorIs(t, err, icn.ErrUnavailable)

	// One that is known where it wants to go, and not at the relay, gets no further.
	a.admit(s)
	_, err = s.Dial(t.Context(), r.Addrs()[0]+"/p2p-circuit/p2p/"+a.PeerID())
	require.ErrorIs(t, err, icn.ErrUnavailable)
	// Nor does a member get to somebody whom the relay does not know.
	r.admit(s)
	_, err = client.Reserve(t.Context(), s.face, peer.AddrInfo{ID: r.engine.id})
	require.NoError(t, err)
	_, err = a.Dial(t.Context(), r.Addrs()[0]+"/p2p-circuit/p2p/"+s.PeerID())
	require.NoError(t, err, "both are admitted now")
	r.expel(s)
	x := newNode(t, hidden)
	x.admit(s, r)
	r.admit(x)
	s.admit(x)
	_, err = x.Dial(t.Context(), r.Addrs()[0]+"/p2p-circuit/p2p/"+s.PeerID())
	require.ErrorIs(t, err, icn.ErrUnavailable)
}

func TestRelayingIsOffUnlessItIsWanted(t *testing.T) {
	r, a := newNode(t), newNode(t, hidden)
	r.admit(a)
	a.admit(r)
	a.want(r)
	a.await(Linked, r.DID())
	_, err := client.Reserve(t.Context(), a.face, peer.AddrInfo{ID: r.engine.id})
	require.Error(t, err)
	require.Empty(t, r.cfg.Capabilities)
}

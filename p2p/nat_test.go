package p2p

import (
	"testing"
	"time"

	ma "github.com/multiformats/go-multiaddr"
	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

const quicLoopback = "/ip4/127.0.0.1/udp/0/quic-v1"

// Two nodes tell nobody where they are, so that only the relay connects them; what
// each agrees on with the other through it brings them together.
func TestHolePunchingEndsTheDetour(t *testing.T) {
	secretive := func(c *Config) {
		c.Listen, c.Announce = []string{quicLoopback}, []string{"/ip4/127.0.0.1/udp/9/quic-v1"}
		c.Relay, c.HolePunching = true, true
	}
	r := newNode(t, helpful, func(c *Config) { c.Listen = []string{quicLoopback} })
	a, b := newNode(t, secretive), newNode(t, secretive)
	for _, n := range []*node{a, b, r} {
		n.admit(a, b, r)
	}
	a.want(r)
	b.want(r)
	a.await(Linked, r.DID())
	b.await(Linked, r.DID())
	a.Want(map[icn.DID][]string{r.DID(): r.Addrs(), b.DID(): nil})
	b.Want(map[icn.DID][]string{r.DID(): r.Addrs(), a.DID(): nil})
	require.Eventually(t, func() bool {
		for _, p := range a.Peers() {
			if p.DID == b.DID() && p.Connected && p.Relay.IsZero() {
				return true
			}
		}
		return false
	}, time.Minute, time.Millisecond)
	require.True(t, a.Send(b.DID(), Live, []byte("through the wall")))
	require.Equal(t, "through the wall", (<-b.frames).body)
}

// Two nodes are linked through a relay before others can reach them at all. When they
// can, no connection comes in that would make libp2p punch a hole: it is tried again.
func TestHolePunchIsTriedAgain(t *testing.T) {
	deaf := func(c *Config) { c.Listen, c.Relay, c.HolePunching = nil, true, true }
	a, b, r := newNode(t, deaf), newNode(t, deaf), newNode(t, helpful)
	for _, n := range []*node{a, b, r} {
		n.admit(a, b, r)
	}
	a.want(r, b)
	b.want(r, a)
	a.await(Linked, b.DID())
	b.await(Linked, a.DID())
	require.Equal(t, r.DID(), peerOf(t, a, b.DID()).Relay)
	for _, n := range []*node{a, b} {
		require.NoError(t, n.engine.listen([]ma.Multiaddr{ma.StringCast(quicLoopback)}))
	}
	require.Eventually(t, func() bool {
		a.find(b.DID()).nudge() // it would be half a minute else
		b.find(a.DID()).nudge()
		p := peerOf(t, a, b.DID())
		return p.Connected && p.Relay.IsZero()
	}, time.Minute, 100*time.Millisecond)
}

func TestAutoNATTellsWhetherOthersCanDial(t *testing.T) {
	asks := func(c *Config) { c.AutoNAT = true }
	wrong := func(c *Config) { c.Announce = []string{"/ip4/127.0.0.1/tcp/9"} } // nobody listens there
	r, a, b := newNode(t, asks), newNode(t, asks), newNode(t, asks, wrong)
	for _, n := range []*node{a, b} {
		n.admit(r)
		r.admit(n)
		n.want(r)
		n.await(Linked, r.DID())
	}
	require.Eventually(t, func() bool { return a.Reach() == Reachable }, time.Minute, time.Millisecond)
	require.Eventually(t, func() bool { return b.Reach() == Unreachable }, time.Minute, time.Millisecond)
	require.Equal(t, ReachUnknown, newNode(t).Reach())
}

package p2p

import (
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// strangerStay is how long a connection with a node that is not admitted may
// last: enough to knock and hear the answer.
const strangerStay = 30 * time.Second

// gate counts the connections of strangers, refuses them over the limit as soon
// as their key is known, and ends them after their stay.
type gate struct {
	admitted     func(peer.ID) bool
	max, perHost int

	mu        sync.Mutex
	strangers map[network.Conn]*time.Timer
	refused   uint64
	closed    bool
}

func newGate(l Limits, admitted func(peer.ID) bool) *gate {
	return &gate{admitted: admitted, max: l.Strangers, perHost: l.StrangersPerHost, strangers: map[network.Conn]*time.Timer{}}
}

func (g *gate) InterceptPeerDial(peer.ID) bool               { return true }
func (g *gate) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return true }
func (g *gate) InterceptAccept(network.ConnMultiaddrs) bool  { return true }
func (g *gate) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) {
	return true, 0
}

// InterceptSecured is asked once the remote key is proven. Strangers have places
// of their own, of which one address may take a share only.
func (g *gate) InterceptSecured(dir network.Direction, id peer.ID, at network.ConnMultiaddrs) bool {
	if dir == network.DirOutbound || g.admitted(id) {
		return true
	}
	if _, err := didOf(id); err != nil {
		return false
	}
	host, same := hostOf(at.RemoteMultiaddr()), 0
	g.mu.Lock()
	defer g.mu.Unlock()
	for c, t := range g.strangers {
		switch {
		case g.admitted(c.RemotePeer()): // meanwhile: it leaves its place to others
			t.Stop()
			delete(g.strangers, c)
		case hostOf(c.RemoteMultiaddr()) == host:
			same++
		}
	}
	if len(g.strangers) < g.max && same < g.perHost {
		return true
	}
	g.refused++
	return false
}

// The swarm's notifications.
func (g *gate) Listen(network.Network, ma.Multiaddr)      {}
func (g *gate) ListenClose(network.Network, ma.Multiaddr) {}

func (g *gate) Connected(_ network.Network, c network.Conn) {
	if g.admitted(c.RemotePeer()) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.strangers[c] = time.AfterFunc(strangerStay, func() { g.expire(c) })
	}
}

func (g *gate) Disconnected(_ network.Network, c network.Conn) { g.forget(c) }

func (g *gate) expire(c network.Conn) {
	g.forget(c)
	if !g.admitted(c.RemotePeer()) {
		_ = c.Close() // its error would only say that it was closed already
	}
}

func (g *gate) forget(c network.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t := g.strangers[c]; t != nil {
		t.Stop()
		delete(g.strangers, c)
	}
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for c, t := range g.strangers {
		t.Stop()
		delete(g.strangers, c)
	}
}

// count is how many strangers are here, and how many were refused.
func (g *gate) count() (here int, refused uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.strangers), g.refused
}

// tracks says whether c came as a stranger's and has time left.
func (g *gate) tracks(c network.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.strangers[c] != nil
}

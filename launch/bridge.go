package launch

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/p2p"
)

// bridge joins a node and its host, which know nothing of each other: it is the
// node's Network and Directory, and the host's Handler. The host may listen
// before the node is there; whoever calls then is told to come again.
type bridge struct {
	host atomic.Pointer[p2p.Host]
	node atomic.Pointer[node.Node]
	done sync.WaitGroup
	book atomic.Pointer[contacts]

	bootstrap []string // addresses from the configuration, of nodes that may have moved to them
}

// contacts are those that the node wants; none at first.
func (b *bridge) contacts() *contacts {
	if c := b.book.Load(); c != nil {
		return c
	}
	return newContacts(nil)
}

// toLink and toNode translate the kinds of traffic, which both sides number for
// themselves.
func toLink(k node.Kind) p2p.Kind {
	switch k {
	case node.Bulk:
		return p2p.Bulk
	case node.Block:
		return p2p.Block
	}
	return p2p.Live
}

func toNode(k p2p.Kind) node.Kind {
	switch k {
	case p2p.Bulk:
		return node.Bulk
	case p2p.Block:
		return node.Block
	}
	return node.Live
}

var errStarting = fmt.Errorf("node: %w: it is starting; try again in a moment", icn.ErrUnavailable)

// Send implements node.Network.
func (b *bridge) Send(to icn.DID, kind node.Kind, frame []byte) bool {
	h := b.host.Load()
	return h != nil && h.Send(b.contacts().key(to), toLink(kind), frame)
}

// Call implements node.Network.
func (b *bridge) Call(ctx context.Context, to icn.DID, kind node.Kind, request []byte) ([]byte, error) {
	h := b.host.Load()
	if h == nil {
		return nil, errStarting
	}
	return h.Call(ctx, b.contacts().key(to), toLink(kind), request)
}

// Knock implements node.Network for the node, see [answer] for the host.
func (b *bridge) Knock(ctx context.Context, addr string, request []byte) ([]byte, icn.DID, error) {
	h := b.host.Load()
	if h == nil {
		return nil, icn.DID{}, errStarting
	}
	c := b.contacts()
	reply, from, err := h.Knock(ctx, c.address(addr), request)
	owner, _ := c.owner(from)
	return reply, owner, err
}

// Want implements node.Network.
func (b *bridge) Want(peers map[icn.DID]node.Contact) {
	b.book.Store(newContacts(peers))
	h := b.host.Load()
	if h == nil {
		return
	}
	byKey := make(map[icn.DID][]string, len(peers))
	for d, p := range peers { // order: copied into a map
		byKey[p.Key] = p.Addrs
		if p.Key != d {
			byKey[p.Key] = bare(p.Addrs)
		}
	}
	b.addBootstrap(peers, byKey)
	h.Want(byKey)
}

// addBootstrap adds the addresses of the configuration to what is known of those
// peers: when all nodes were given other addresses while they were down, these are
// the only ones that are right.
func (b *bridge) addBootstrap(peers map[icn.DID]node.Contact, byKey map[icn.DID][]string) {
	c := b.contacts()
	for _, addr := range b.bootstrap {
		k, at, err := p2p.ParseAddr(addr)
		if err != nil {
			continue // it was left out with a warning
		}
		owner, _ := c.owner(k)
		if p, ok := peers[owner]; ok {
			byKey[p.Key] = append([]string{at}, byKey[p.Key]...)
		}
	}
}

// Links implements node.Directory.
func (b *bridge) Links() []node.Link {
	h := b.host.Load()
	if h == nil {
		return nil
	}
	peers := h.Peers()
	c := b.contacts()
	out := make([]node.Link, 0, len(peers))
	for _, p := range peers {
		d, _ := c.owner(p.DID)
		out = append(out, node.Link{
			DID: d, PeerID: p.ID, Addrs: p.Addrs, Connected: p.Connected, Since: p.Since,
			RTTMicros: p.RoundTrip.Microseconds(), BytesIn: p.BytesIn, BytesOut: p.BytesOut,
			Inbound: p.Inbound, Relay: c.ownerOf(p.Relay), Dropped: p.Dropped, Throttled: p.Throttled, Refused: p.Refused, Protocol: p.Version, Shared: p.Capabilities,
			Breaker: p.Breaker, Failures: p.Failures, RetryIn: p.RetryIn.Milliseconds(), Error: p.LastError,
		})
	}
	return out
}

// Addrs implements node.Directory.
func (b *bridge) Addrs() []string {
	if h := b.host.Load(); h != nil {
		return h.Addrs()
	}
	return nil
}

// Dial implements node.Directory.
func (b *bridge) Dial(ctx context.Context, addr string) (icn.DID, error) {
	h := b.host.Load()
	if h == nil {
		return icn.DID{}, errStarting
	}
	c := b.contacts()
	d, err := h.Dial(ctx, c.address(addr))
	d, _ = c.owner(d)
	return d, err
}

// Ping implements node.Directory.
func (b *bridge) Ping(ctx context.Context, to icn.DID) (time.Duration, error) {
	h := b.host.Load()
	if h == nil {
		return 0, errStarting
	}
	return h.Ping(ctx, b.contacts().key(to))
}

// answer is the host's Handler: what arrives goes to the node.
type answer struct{ b *bridge }

// Admitted implements p2p.Handler.
func (a answer) Admitted(from icn.DID) bool {
	n := a.b.node.Load()
	d, current := a.b.contacts().owner(from)
	return n != nil && current && n.Admitted(d)
}

// Live implements p2p.Handler.
func (a answer) Live(from icn.DID, kind p2p.Kind, frame []byte) {
	d, current := a.b.contacts().owner(from)
	if n := a.b.node.Load(); n != nil && current {
		n.Live(d, toNode(kind), frame)
	}
}

// Serve implements p2p.Handler.
func (a answer) Serve(ctx context.Context, from icn.DID, kind p2p.Kind, request []byte) ([]byte, error) {
	n := a.b.node.Load()
	if n == nil {
		return nil, errStarting
	}
	d, current := a.b.contacts().owner(from)
	if !current {
		return nil, fmt.Errorf("node: %w: this key of %s was replaced", icn.ErrDenied, d)
	}
	return n.Serve(ctx, d, toNode(kind), request)
}

// Knock implements p2p.Handler.
func (a answer) Knock(ctx context.Context, from icn.DID, addrs []string, request []byte) ([]byte, error) {
	n := a.b.node.Load()
	if n == nil {
		return nil, errStarting
	}
	return n.Knock(ctx, from, addrs, request)
}

// roundTripEvery is how often the node is told how far its peers are.
const roundTripEvery = 5 * time.Second

// follow tells the node about links, until the host is closed.
func (b *bridge) follow(h *p2p.Host, n *node.Node) {
	b.done.Go(func() {
		linked := map[icn.DID]icn.DID{}
		tick := time.NewTicker(roundTripEvery)
		defer tick.Stop()
		for {
			select {
			case ev, ok := <-h.Events():
				if !ok {
					return
				}
				b.linkChanged(n, linked, ev)
			case <-tick.C:
			}
			for _, p := range h.Peers() {
				if p.Connected && p.RoundTrip > 0 {
					d, _ := b.contacts().owner(p.DID)
					n.RoundTrip(d, uint64(p.RoundTrip.Microseconds()))
				}
			}
		}
	})
}

// linkChanged tells the node about a link; linked notes whose each linked key is. A
// node whose key changes has two links for a moment.
func (b *bridge) linkChanged(n *node.Node, linked map[icn.DID]icn.DID, ev p2p.PeerEvent) {
	switch ev.Kind {
	case p2p.Linked:
		d, _ := b.contacts().owner(ev.DID)
		linked[ev.DID] = d
		n.Linked(d)
	case p2p.Lost:
		d, ok := linked[ev.DID]
		if !ok {
			return
		}
		delete(linked, ev.DID)
		for _, other := range linked { // order: one is enough
			if other == d {
				return
			}
		}
		n.Lost(d)
	}
}

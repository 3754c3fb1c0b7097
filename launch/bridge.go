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
	return h != nil && h.Send(to, toLink(kind), frame)
}

// Call implements node.Network.
func (b *bridge) Call(ctx context.Context, to icn.DID, kind node.Kind, request []byte) ([]byte, error) {
	h := b.host.Load()
	if h == nil {
		return nil, errStarting
	}
	return h.Call(ctx, to, toLink(kind), request)
}

// Knock implements node.Network for the node, see [answer] for the host.
func (b *bridge) Knock(ctx context.Context, addr string, request []byte) ([]byte, icn.DID, error) {
	h := b.host.Load()
	if h == nil {
		return nil, icn.DID{}, errStarting
	}
	return h.Knock(ctx, addr, request)
}

// Want implements node.Network.
func (b *bridge) Want(peers map[icn.DID][]string) {
	if h := b.host.Load(); h != nil {
		h.Want(peers)
	}
}

// Links implements node.Directory.
func (b *bridge) Links() []node.Link {
	h := b.host.Load()
	if h == nil {
		return nil
	}
	peers := h.Peers()
	out := make([]node.Link, 0, len(peers))
	for _, p := range peers {
		out = append(out, node.Link{
			DID: p.DID, PeerID: p.ID, Addrs: p.Addrs, Connected: p.Connected, Since: p.Since,
			RTTMicros: p.RoundTrip.Microseconds(), BytesIn: p.BytesIn, BytesOut: p.BytesOut,
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
	return h.Dial(ctx, addr)
}

// Ping implements node.Directory.
func (b *bridge) Ping(ctx context.Context, to icn.DID) (time.Duration, error) {
	h := b.host.Load()
	if h == nil {
		return 0, errStarting
	}
	return h.Ping(ctx, to)
}

// answer is the host's Handler: what arrives goes to the node.
type answer struct{ b *bridge }

// Admitted implements p2p.Handler.
func (a answer) Admitted(from icn.DID) bool {
	n := a.b.node.Load()
	return n != nil && n.Admitted(from)
}

// Live implements p2p.Handler.
func (a answer) Live(from icn.DID, kind p2p.Kind, frame []byte) {
	if n := a.b.node.Load(); n != nil {
		n.Live(from, toNode(kind), frame)
	}
}

// Serve implements p2p.Handler.
func (a answer) Serve(ctx context.Context, from icn.DID, kind p2p.Kind, request []byte) ([]byte, error) {
	n := a.b.node.Load()
	if n == nil {
		return nil, errStarting
	}
	return n.Serve(ctx, from, toNode(kind), request)
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
		tick := time.NewTicker(roundTripEvery)
		defer tick.Stop()
		for {
			select {
			case ev, ok := <-h.Events():
				if !ok {
					return
				}
				switch ev.Kind {
				case p2p.Linked:
					n.Linked(ev.DID)
				case p2p.Lost:
					n.Lost(ev.DID)
				}
			case <-tick.C:
			}
			for _, p := range h.Peers() {
				if p.Connected && p.RoundTrip > 0 {
					n.RoundTrip(p.DID, uint64(p.RoundTrip.Microseconds()))
				}
			}
		}
	})
}

package p2p

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	blankhost "github.com/libp2p/go-libp2p/p2p/host/blank"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/protocol/autonatv2"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	ma "github.com/multiformats/go-multiaddr"
)

// dialsBack is the capability of nodes that try, when asked, whether the asker can
// be dialed.
const dialsBack = "autonat"

// How often a node has it tried whether others can dial it, and how long it waits
// at most when nobody could tell.
const (
	reachEvery = 10 * time.Minute
	reachAgain = 3 * time.Minute
)

// Reach says whether others can dial this node, as far as one has tried.
type Reach uint8

// The values of Reach.
const (
	ReachUnknown Reach = iota
	Reachable
	Unreachable
)

// outside has others try whether this node can be dialed, and tries it for them.
type outside struct {
	nat  *autonatv2.AutoNAT
	seen event.Emitter // of peers that can be asked
	news chan struct{} // room for one: there is a new one
}

type closer func()

// Close implements io.Closer.
func (c closer) Close() error { c(); return nil }

// startAutoNAT dials back with a swarm of its own, under the same key: an address
// to which there is a connection already would prove nothing.
func (h *Host) startAutoNAT() error {
	dialer, err := newEngine(h.cfg.Key, h.cfg.Limits, newGate(h.cfg.Limits, h.admits), rankDials)
	if err != nil {
		return err
	}
	h.engine.closes = append(h.engine.closes, dialer)
	// Members only may ask, and they can have private addresses dialed anyway, by
	// saying that they are there.
	nat, err := autonatv2.New(blankhost.NewBlankHost(dialer.Swarm, blankhost.WithEventBus(eventbus.NewBus())), autonatv2.AllowPrivateAddrs)
	if err != nil {
		return err
	}
	if err := nat.Start(h.face); err != nil {
		return err
	}
	h.engine.closes = append(h.engine.closes, closer(nat.Close))
	seen, err := h.engine.bus.Emitter(new(event.EvtPeerIdentificationCompleted))
	if err != nil {
		return err
	}
	h.engine.closes = append(h.engine.closes, seen)
	h.outside = &outside{nat: nat, seen: seen, news: make(chan struct{}, 1)}
	h.cfg.Capabilities = append(slices.Clone(h.cfg.Capabilities), dialsBack)
	h.spawn(h.lookFromOutside)
	return nil
}

// mayAsk tells that a linked peer can be asked to dial back.
func (o *outside) mayAsk(h *Host, r *remote, c network.Conn) error {
	if err := h.engine.Peerstore().AddProtocols(r.id, autonatv2.DialProtocol); err != nil {
		return err
	}
	if err := o.seen.Emit(event.EvtPeerIdentificationCompleted{Peer: r.id, Conn: c}); err != nil {
		return err
	}
	select {
	case o.news <- struct{}{}:
	default:
	}
	return nil
}

// lookFromOutside asks again and again whether others can dial this node.
func (h *Host) lookFromOutside() {
	wait := time.NewTimer(reachAgain)
	defer wait.Stop()
	pause := Backoff{Initial: time.Second, Max: reachAgain}
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-h.outside.news:
			if Reach(h.reach.Load()) != ReachUnknown {
				continue
			}
		case <-wait.C:
		}
		pause.Failed(time.Now())
		next := pause.Wait(time.Now())
		if reach, at := h.askOutside(); reach != ReachUnknown {
			pause.Succeeded()
			next = reachEvery
			if was := Reach(h.reach.Swap(uint32(reach))); was != reach && reach == Unreachable {
				h.cfg.Log.Warn("other nodes cannot dial this one there; open the port, or let it be reached through a relay (network.enable_relay)", "addr", at)
			} else if was != reach {
				h.cfg.Log.Info("other nodes can dial this one", "addr", at)
			}
		}
		wait.Reset(next)
	}
}

func (h *Host) askOutside() (Reach, ma.Multiaddr) {
	var asked []autonatv2.Request
	for _, a := range h.ownAddrs() {
		asked = append(asked, autonatv2.Request{Addr: a, SendDialData: true})
	}
	if len(asked) == 0 {
		return Unreachable, nil // it does not listen
	}
	ctx, cancel := context.WithTimeout(h.ctx, time.Minute)
	defer cancel()
	r, err := h.outside.nat.GetReachability(ctx, asked)
	switch {
	case errors.Is(err, autonatv2.ErrNoPeers):
	case err != nil:
		h.cfg.Log.Debug("nobody could tell whether this node can be dialed", "err", err)
	case r.Reachability == network.ReachabilityPublic:
		return Reachable, r.Addr
	case r.Reachability == network.ReachabilityPrivate:
		return Unreachable, r.Addr
	}
	return ReachUnknown, nil
}

// Reach says whether others can dial this node. It is unknown unless AutoNAT is on.
func (h *Host) Reach() Reach { return Reach(h.reach.Load()) }

// startPunching lets two nodes that are linked through a relay make holes into
// what is between them, by dialing each other at the same moment (DCUtR).
func (h *Host) startPunching() error {
	s, err := holepunch.NewService(h.face, greeted{}, h.punchAddrs)
	if err != nil {
		return err
	}
	h.engine.closes = append(h.engine.closes, s)
	h.puncher = s
	return nil
}

// punch tries once more to make a hole to a peer: libp2p does so of itself only when
// a connection through a relay comes in.
func (h *Host) punch(ctx context.Context, r *remote) error {
	// The service stands behind the members' door from when it knows an address of
	// this node; before that it would wait for one.
	if h.puncher == nil || !slices.Contains(h.memberDoors.Protocols(), holepunch.Protocol) {
		return nil
	}
	over := make(chan error, 1)
	if !h.spawn(func() { over <- h.puncher.DirectConnect(r.id) }) {
		return errClosed
	}
	select {
	case err := <-over:
		return err
	case <-ctx.Done(): // the link is dead; the punch ends by itself
		return ctx.Err()
	}
}

// greeted is what hole punching wants to know of libp2p's identify. The hello of
// these nodes tells it, so there is nothing to wait for.
type greeted struct{ io.Closer }

var done = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

func (greeted) IdentifyConn(network.Conn)                 {}
func (greeted) IdentifyWait(network.Conn) <-chan struct{} { return done }
func (greeted) Start()                                    {}

// punchAddrs is where the peer is to knock a hole: at the QUIC port, whose socket
// dials and listens, as others see it, and as it is here.
func (h *Host) punchAddrs() []ma.Multiaddr {
	var own, out []ma.Multiaddr
	for _, a := range h.ownAddrs() {
		if _, err := a.ValueForProtocol(ma.P_QUIC_V1); err == nil {
			own = append(own, a)
		}
	}
	h.mu.RLock()
	for _, r := range h.remotes { // order: all are tried at once
		out = append(out, r.seenAt(own)...)
	}
	h.mu.RUnlock()
	return clip(distinct(append(out, own...)))
}

// seenAt is where a peer saw this node come from, with the ports of own if it did
// not come over QUIC.
func (r *remote) seenAt(own []ma.Multiaddr) []ma.Multiaddr {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn == nil || r.seen == nil || relayed(r.conn.RemoteMultiaddr()) {
		return nil
	}
	if _, err := r.seen.ValueForProtocol(ma.P_QUIC_V1); err == nil {
		return []ma.Multiaddr{r.seen}
	}
	return atHost(r.seen, own)
}

// met ends the detours to a peer as soon as there is a direct connection.
func (h *Host) met(_ network.Network, c network.Conn) {
	did, err := didOf(c.RemotePeer())
	if err != nil || relayed(c.RemoteMultiaddr()) {
		return
	}
	if r := h.find(did); r != nil {
		h.spawn(r.endDetours)
	}
}

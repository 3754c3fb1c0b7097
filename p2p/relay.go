package p2p

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	blankhost "github.com/libp2p/go-libp2p/p2p/host/blank"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/multiformats/go-multistream"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// relays is the capability of nodes that pass on what others of the federation
// send each other. Such a connection is as authenticated and encrypted between
// its ends as any; the relay sees how much, not what.
const relays = "relay"

// straightenEvery is how often a node whose link goes through a relay tries the
// direct way again.
const straightenEvery = 30 * time.Second

// face is the host as libp2p's own services want it. What they listen to stands
// behind the members' door: strangers do not find it.
type face struct {
	*blankhost.BlankHost
	h *Host
}

// SetStreamHandler implements host.Host.
func (f face) SetStreamHandler(id protocol.ID, handle network.StreamHandler) {
	f.h.memberDoors.AddHandler(id, func(_ protocol.ID, s io.ReadWriteCloser) error {
		handle(s.(network.Stream))
		return nil
	})
}

// RemoveStreamHandler implements host.Host.
func (f face) RemoveStreamHandler(id protocol.ID) { f.h.memberDoors.RemoveHandler(id) }

// club lets the federation's nodes use a relay, and nobody else.
type club struct{ h *Host }

// AllowReserve implements relay.ACLFilter.
func (c club) AllowReserve(p peer.ID, _ ma.Multiaddr) bool { return c.h.admits(p) }

// AllowConnect implements relay.ACLFilter.
func (c club) AllowConnect(from peer.ID, _ ma.Multiaddr, to peer.ID) bool {
	return c.h.admits(from) && c.h.admits(to)
}

// Connect implements host.Host. Unlike the embedded one it looks for a direct
// connection, when asked for one, though there is another.
func (f face) Connect(ctx context.Context, to peer.AddrInfo) error {
	f.Peerstore().AddAddrs(to.ID, to.Addrs, peerstore.TempAddrTTL)
	_, err := f.Network().DialPeer(ctx, to.ID)
	return err
}

// NewStream implements host.Host. Two nodes that dial each other through a relay at
// the same moment have two connections, and a hole punch may begin only on the one
// that came in.
func (f face) NewStream(ctx context.Context, to peer.ID, doors ...protocol.ID) (network.Stream, error) {
	if !slices.Equal(doors, []protocol.ID{holepunch.Protocol}) {
		return f.BlankHost.NewStream(ctx, to, doors...)
	}
	for _, c := range f.Network().ConnsToPeer(to) {
		if c.Stat().Direction != network.DirInbound || !relayed(c.RemoteMultiaddr()) {
			continue
		}
		s, err := c.NewStream(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := multistream.SelectOneOf(doors, s); err != nil {
			_ = s.Reset()
			return nil, err
		}
		return s, s.SetProtocol(holepunch.Protocol)
	}
	return nil, errOtherSide
}

var errOtherSide = errors.New("p2p: it is for the other side to begin a hole punch")

// startServices starts what of libp2p's own services is wanted.
func (h *Host) startServices() error {
	err := h.startRelaying(h.face)
	if err == nil && h.cfg.AutoNAT {
		err = h.startAutoNAT()
	}
	if err == nil && h.cfg.Relay && h.cfg.HolePunching {
		err = h.startPunching()
	}
	return err
}

// startRelaying makes this node a relay, a user of relays, or both.
func (h *Host) startRelaying(f face) error {
	if h.cfg.RelayService {
		n := h.cfg.Limits.Peers
		s, err := relay.New(f, relay.WithACL(club{h}), relay.WithResources(relay.Resources{
			ReservationTTL: time.Hour, MaxReservations: n, MaxCircuits: n, BufferSize: 16 << 10,
			MaxReservationsPerPeer: 1, MaxReservationsPerIP: n, MaxReservationsPerASN: n,
		}))
		if err != nil {
			return err
		}
		h.engine.closes = append(h.engine.closes, s)
		h.cfg.Capabilities = append(slices.Clone(h.cfg.Capabilities), relays)
	}
	if h.cfg.Relay {
		return client.AddTransport(f, h.engine.upgrader)
	}
	return nil
}

// keepSeat has a linked relay keep a place for this node, at which others find it.
func (r *remote) keepSeat(ctx context.Context) {
	pause := Backoff{Initial: time.Second, Max: time.Minute}
	for {
		seat, err := client.Reserve(network.WithNoDial(ctx, "the live link is there"), r.host.face, peer.AddrInfo{ID: r.id})
		wait := straightenEvery
		if err == nil {
			pause.Succeeded()
			r.host.cfg.Log.Debug("a relay keeps a place for this node", "relay", r.did)
			wait = max(wait, time.Until(seat.Expiration)/2)
		} else if ctx.Err() == nil {
			pause.Failed(time.Now())
			wait = pause.Wait(time.Now())
			r.host.cfg.Log.Warn("a relay keeps no place for this node", "relay", r.did, "err", err, "again in", wait)
		}
		if !sleep(ctx, wait) {
			return
		}
	}
}

// detours are the ways to r through the relays that are linked directly.
func (h *Host) detours(r *remote) (out []ma.Multiaddr) {
	if !h.cfg.Relay {
		return nil
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, x := range h.remotes { // order: they are tried at once
		if x != r && x.offers(relays) && len(out) < addrsPerPeer {
			at, err := ma.NewComponent("p2p", x.id.String())
			if err == nil {
				out = append(out, slices.Concat(x.at(), ma.Multiaddr{*at}, circuit))
			}
		}
	}
	return out
}

var circuit = ma.StringCast("/p2p-circuit")

// offers says whether it is linked directly, and has a capability.
func (r *remote) offers(what string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conn != nil && slices.Contains(r.capabilities, what) && !relayed(r.conn.RemoteMultiaddr())
}

// at is where the live link leads; nil without one.
func (r *remote) at() ma.Multiaddr {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn == nil {
		return nil
	}
	return r.conn.RemoteMultiaddr()
}

// through is the relay that the live link goes through; zero if it goes directly.
func through(a ma.Multiaddr) icn.DID {
	if !relayed(a) {
		return icn.DID{}
	}
	id, err := a.ValueForProtocol(ma.P_P2P)
	if err != nil {
		return icn.DID{}
	}
	p, err := peer.Decode(id)
	if err != nil {
		return icn.DID{}
	}
	d, _ := didOf(p) // zero if it is none of ours
	return d
}

func relayed(a ma.Multiaddr) bool {
	_, err := a.ValueForProtocol(ma.P_CIRCUIT)
	return err == nil
}

// straighten looks for the direct way to a peer that is linked through a relay, by
// dialing and by punching a hole, and ends the detour when there is one: the link is made again at once.
func (r *remote) straighten(ctx context.Context) {
	for !r.metDirectly() {
		r.pause(ctx, straightenEvery) // or until there is news of it
		if ctx.Err() != nil {
			return
		}
		direct, cancel := context.WithTimeout(network.WithForceDirectDial(ctx, "away from the relay"), r.host.cfg.DialTimeout)
		r.host.tellAddrs(r)
		_, err := r.host.engine.DialPeer(direct, r.id)
		cancel()
		if err != nil {
			err = errors.Join(err, r.host.punch(ctx, r))
		}
		if err != nil {
			r.host.cfg.Log.Debug("no direct way yet", "peer", r.did, "err", err)
		}
	}
	r.endDetours()
}

// metDirectly says whether there is a direct connection with the peer.
func (r *remote) metDirectly() bool {
	return slices.ContainsFunc(r.host.engine.ConnsToPeer(r.id), func(c network.Conn) bool { return !relayed(c.RemoteMultiaddr()) })
}

// endDetours closes the connections with a peer that go through relays.
func (r *remote) endDetours() {
	for _, c := range r.host.engine.ConnsToPeer(r.id) {
		if relayed(c.RemoteMultiaddr()) {
			_ = c.Close() // its error would only say that it was closed already
		}
	}
}

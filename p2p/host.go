package p2p

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	blankhost "github.com/libp2p/go-libp2p/p2p/host/blank"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/multiformats/go-multistream"
	"golang.org/x/time/rate"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Host is this node on the network. All methods may be called from any
// goroutine.
type Host struct {
	cfg      Config
	handler  Handler
	speaks   span
	did      icn.DID
	engine   *engine
	gate     *gate
	face     face // of libp2p's own services, if there are any
	outside  *outside
	puncher  *holepunch.Service // nil: it makes no holes
	reach    atomic.Uint32      // a Reach
	events   *events
	knocks   *knockers
	local    io.Closer     // mDNS, or nil
	upload   *rate.Limiter // what bulk and blocks wait for, or nil
	announce []ma.Multiaddr

	memberDoors, strangerDoor *multistream.MultistreamMuxer[protocol.ID]

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.RWMutex
	closing bool
	remotes map[icn.DID]*remote
	found   map[icn.DID][]ma.Multiaddr // by mDNS
}

// New listens and is ready; links come with Want, or when others dial.
func New(cfg Config, handler Handler) (*Host, error) {
	cfg = cfg.withDefaults()
	quietLibp2p(cfg.Log)
	listen, err := parseOwn("listen", cfg.Listen)
	announce, err2 := parseOwn("announce", cfg.Announce)
	speaks, err3 := spoken()
	if err := errors.Join(err, err2, err3); err != nil {
		return nil, err
	}
	h := &Host{
		cfg: cfg, handler: handler, speaks: speaks, announce: announce,
		events: newEvents(), knocks: newKnockers(cfg.Limits.Knocks),
		memberDoors:  doors(protocolOf(Live), protocolOf(Bulk), protocolOf(Block), protocolKnock),
		strangerDoor: doors(protocolKnock),
		remotes:      map[icn.DID]*remote{}, found: map[icn.DID][]ma.Multiaddr{},
	}
	if up := cfg.Limits.Upload; up > 0 {
		h.upload = rate.NewLimiter(rate.Limit(up), max(up/4, piece))
	}
	h.gate = newGate(cfg.Limits, h.admits)
	if h.engine, err = newEngine(cfg.Key, cfg.Limits, h.gate, cfg.rank()); err != nil {
		return nil, err
	}
	h.did = cfg.Key.Public()
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.engine.Notify(h.gate)
	h.engine.Notify(&network.NotifyBundle{ConnectedF: h.met})
	if cfg.MDNS || cfg.Relay || cfg.RelayService || cfg.AutoNAT { // it takes the stream handler, so ours comes after
		h.face = face{blankhost.NewBlankHost(h.engine.Swarm, blankhost.WithEventBus(h.engine.bus)), h}
		if err := h.startServices(); err != nil {
			return nil, errors.Join(fmt.Errorf("p2p: %w", err), h.Close())
		}
	}
	h.engine.SetStreamHandler(func(s network.Stream) {
		if !h.enter() {
			_ = s.Reset() // closing
			return
		}
		defer h.work.Done()
		h.accept(s)
	})
	if err := h.engine.listen(distinct(listen)); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	if cfg.MDNS {
		h.local = h.discover(h.face)
	}
	return h, nil
}

// DID is this node's own.
func (h *Host) DID() icn.DID { return h.did }

// PeerID is this node's libp2p peer id (12D3KooW…).
func (h *Host) PeerID() string { return h.engine.id.String() }

// Addrs are the multiaddrs, with /p2p/, at which others can dial this node.
func (h *Host) Addrs() []string { return withPeer(h.ownAddrs(), h.engine.id) }

func (h *Host) ownAddrs() []ma.Multiaddr {
	if len(h.announce) > 0 {
		return h.announce
	}
	addrs, err := h.engine.InterfaceListenAddresses()
	if err != nil {
		h.cfg.Log.Warn("own addresses unknown; set them as announce addresses", "err", err)
	}
	addrs = slices.DeleteFunc(addrs, relayed)
	slices.SortFunc(addrs, func(a, b ma.Multiaddr) int { // what others can use comes first, and TCP before QUIC
		return cmp.Or(cmp.Compare(trouble(a), trouble(b)), bytes.Compare(a.Bytes(), b.Bytes()))
	})
	return addrs
}

// trouble is how hard it is to use an address, from elsewhere and at all.
func trouble(a ma.Multiaddr) (n int) {
	if localOnly(a) {
		n += 2
	}
	if _, err := a.ValueForProtocol(ma.P_TCP); err != nil {
		n++
	}
	return n
}

// hello is what this node says of itself to who is at the other end of c.
func (h *Host) hello(c network.Conn) hello {
	addrs := h.Addrs()
	return hello{Version: h.speaks.version, Min: h.speaks.min, Capabilities: h.cfg.Capabilities, Addrs: addrs[:min(len(addrs), addrsPerPeer)], Seen: c.RemoteMultiaddr().String()}
}

// Want says who belongs to the federation now: links are kept to all of them.
// Addresses are hints; those known from before stay known. A node that is no
// longer named is not dialed again; one no longer admitted is cut.
func (h *Host) Want(peers map[icn.DID][]string) {
	h.mu.Lock()
	for did, r := range h.remotes {
		if _, ok := peers[did]; !ok {
			r.wanted = false
		}
	}
	for did, addrs := range peers {
		if did == h.did {
			continue
		}
		r, err := h.remoteLocked(did)
		if err != nil {
			h.cfg.Log.Warn("peer left out", "peer", did, "err", err)
			continue
		}
		r.wanted = true
		r.hint(parseHints(addrs, r.id))
	}
	h.mu.Unlock()
	h.Recheck()
}

// Recheck asks the handler about every peer again and cuts those that are no
// longer admitted. Call it when membership has changed.
func (h *Host) Recheck() {
	h.mu.RLock()
	remotes := make([]*remote, 0, len(h.remotes))
	for _, r := range h.remotes {
		remotes = append(remotes, r)
	}
	h.mu.RUnlock()
	for _, r := range remotes {
		if !h.handler.Admitted(r.did) {
			r.cut(errCut)
		} else if r.out[Live].Load() == nil {
			r.nudge()
		}
	}
	for _, c := range h.engine.Conns() {
		if !h.admits(c.RemotePeer()) && !h.gate.tracks(c) {
			_ = c.Close() // its error would only say that it was closed already
		}
	}
}

// Events tells of links made and lost, from New to Close, which closes it.
func (h *Host) Events() <-chan PeerEvent { return h.events.ch }

// Close cuts all links, stops listening and waits for every goroutine; calls to
// the handler are over when it returns.
func (h *Host) Close() error {
	h.mu.Lock()
	if h.closing {
		h.mu.Unlock()
		h.work.Wait()
		return nil
	}
	h.closing = true
	remotes := h.remotes
	h.remotes = map[icn.DID]*remote{}
	h.mu.Unlock()

	h.cancel()
	var errs []error
	if h.local != nil {
		errs = append(errs, h.local.Close())
	}
	h.gate.close()
	for _, r := range remotes {
		r.cut(errClosed)
	}
	errs = append(errs, h.engine.Close()) // also ends streams that came in meanwhile
	h.work.Wait()
	h.events.close()
	return errors.Join(errs...)
}

// enter counts a goroutine in; false when the host is closing.
func (h *Host) enter() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.closing {
		return false
	}
	h.work.Add(1)
	return true
}

// spawn runs f in a goroutine that Close waits for.
func (h *Host) spawn(f func()) bool {
	if !h.enter() {
		return false
	}
	go func() {
		defer h.work.Done()
		f()
	}()
	return true
}

func (h *Host) admits(id peer.ID) bool {
	did, err := didOf(id)
	return err == nil && h.handler.Admitted(did)
}

func (h *Host) find(did icn.DID) *remote {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.remotes[did]
}

// remoteLocked finds or makes the remote; the caller holds h.mu.
func (h *Host) remoteLocked(did icn.DID) (*remote, error) {
	if r := h.remotes[did]; r != nil {
		return r, nil
	}
	if h.closing {
		return nil, errClosed
	}
	id, err := peerID(did)
	if err != nil {
		return nil, err
	}
	r := newRemote(h, did, id)
	r.remember(h.found[did])
	h.remotes[did] = r
	h.work.Add(1)
	go func() {
		defer h.work.Done()
		r.run(h.ctx)
	}()
	return r, nil
}

// welcome counts a stream of did in, farewell out.
func (h *Host) welcome(did icn.DID) (*remote, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.roomLocked(h.remotes[did]) {
		return nil, h.errFull()
	}
	r, err := h.remoteLocked(did)
	if err == nil {
		r.guests++
	}
	return r, err
}

func (h *Host) farewell(r *remote) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.guests--
	r.nudge() // it may be the last
}

// release forgets r when nobody wants it and nothing of it is here.
func (h *Host) release(r *remote) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.wanted || r.guests > 0 || h.closing {
		return false
	}
	delete(h.remotes, r.did)
	return true
}

// roomLocked says whether r (nil: somebody new) may be linked beside those that
// are; the caller holds h.mu.
func (h *Host) roomLocked(r *remote) bool {
	others := 0
	for _, x := range h.remotes { // order: counted
		if x != r && (x.linking || x.guests > 0) {
			others++
		}
	}
	return others < h.cfg.Limits.Peers
}

func (h *Host) errFull() error {
	return fmt.Errorf("p2p: %w: %d peers are the limit here (network.max_peers)", icn.ErrUnavailable, h.cfg.Limits.Peers)
}

// takePlace lets r be linked, if there is room; givePlace undoes it.
func (h *Host) takePlace(r *remote) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.roomLocked(r) {
		return h.errFull()
	}
	r.linking = true
	return nil
}

func (h *Host) givePlace(r *remote) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.linking = false
}

// dialContext lets r be dialed if it is wanted; else only a connection that is
// there already is used.
func (h *Host) dialContext(ctx context.Context, r *remote) context.Context {
	h.mu.RLock()
	wanted := r.wanted
	h.mu.RUnlock()
	if !wanted {
		return network.WithNoDial(ctx, "not wanted")
	}
	h.tellAddrs(r, h.detours(r)...)
	return ctx
}

// tellAddrs tells libp2p where r may be dialed now: there, and nowhere else.
func (h *Host) tellAddrs(r *remote, more ...ma.Multiaddr) {
	r.mu.Lock()
	addrs := slices.Concat(r.addrs, r.dialing, more)
	r.mu.Unlock()
	book := h.engine.Peerstore()
	// Nobody who dials at this moment shall find it nowhere.
	book.AddAddrs(r.id, addrs, peerstore.TempAddrTTL)
	book.SetAddrs(r.id, slices.DeleteFunc(book.Addrs(r.id), func(a ma.Multiaddr) bool { return slices.ContainsFunc(addrs, a.Equal) }), 0)
	h.engine.Backoff().Clear(r.id) // ours counts
}

// openStream opens a bare stream; the handshake is the caller's.
func (h *Host) openStream(ctx context.Context, id peer.ID) (network.Stream, error) {
	return h.engine.NewStream(ctx, id)
}

package p2p

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/time/rate"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// settled is how long a link must have lived for its end to count as an
// accident (try again at once) and not as a failure (back off).
const settled = time.Second

// remote is another node: its links, its limits, and the one goroutine that
// keeps the live link up.
type remote struct {
	host *Host
	did  icn.DID
	id   peer.ID
	kick chan struct{} // room for one: try now

	wanted  bool // guarded by host.mu: dial it
	linking bool // guarded by host.mu: it is dialed, or linked
	guests  int  // guarded by host.mu: streams it has open here

	out            [kinds]atomic.Pointer[link]
	frames, volume *rate.Limiter

	sent, received, dropped, throttled, refused atomic.Uint64

	roundTrip atomic.Int64

	mu           sync.Mutex
	addrs        []ma.Multiaddr // best first
	dialing      []ma.Multiaddr // where somebody wants it to be dialed just now
	version      int            // of the protocol that both speak; 0 before the first hello
	capabilities []string       // that it says it has
	seen         ma.Multiaddr   // where it saw this node come from
	stranger     string         // why its last hello was refused
	inlets       [kinds]*inlet
	breaker      Breaker
	backoff      Backoff
	lastError    error
	conn         network.Conn // of the live link
	since        time.Time
}

func newRemote(h *Host, did icn.DID, id peer.ID) *remote {
	return &remote{
		host: h, did: did, id: id, kick: make(chan struct{}, 1),
		frames:  rate.NewLimiter(rate.Limit(h.cfg.Limits.Frames), h.cfg.Limits.Frames),
		volume:  rate.NewLimiter(rate.Limit(h.cfg.Limits.Bytes), max(frameHead, h.cfg.Limits.Bytes/4)),
		breaker: Breaker{Failures: h.cfg.BreakerFailures, OpenFor: h.cfg.BreakerOpen},
		backoff: Backoff{Initial: h.cfg.RetryInitial, Max: h.cfg.RetryMax},
	}
}

func (r *remote) nudge() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// run keeps the live link up for as long as the peer is wanted or here.
func (r *remote) run(ctx context.Context) {
	for ctx.Err() == nil {
		if !r.host.handler.Admitted(r.did) {
			if r.host.release(r) {
				return
			}
			r.pause(ctx, r.host.cfg.RetryMax)
			continue
		}
		err := r.liveOnce(ctx)
		r.mu.Lock()
		if r.lastError = err; err == nil {
			r.backoff.Succeeded()
		} else {
			r.backoff.Failed(time.Now())
		}
		wait, fails := r.backoff.Wait(time.Now()), r.backoff.Fails()
		r.mu.Unlock()
		if r.host.release(r) {
			return
		}
		if fails == 1 || fails == 8 {
			r.host.cfg.Log.Info("no link", "peer", r.did, "tries", fails, "err", err)
		}
		r.pause(ctx, wait)
	}
}

func (r *remote) pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.kick:
	case <-ctx.Done():
	}
}

// liveOnce makes the live link and holds it until it is dead; nil when it was a
// good one.
func (r *remote) liveOnce(ctx context.Context) error {
	if err := r.host.takePlace(r); err != nil {
		return err
	}
	defer r.host.givePlace(r)
	s, br, err := r.dial(r.host.dialContext(ctx, r), Live)
	if err != nil {
		return err
	}
	l := r.newLink(Live)
	if !r.start(l, s, br) {
		return errClosed
	}
	start := time.Now()
	r.mu.Lock()
	r.conn, r.since = s.Conn(), start
	r.backoff.Succeeded()
	r.breaker.Succeeded()
	r.mu.Unlock()
	r.out[Live].Store(l)
	r.host.events.emit(PeerEvent{DID: r.did, Kind: Linked})
	r.host.cfg.Log.Info("linked", "peer", r.did, "addr", s.Conn().RemoteMultiaddr())

	bound, unbind := context.WithCancel(ctx)
	var side sync.WaitGroup
	switch {
	case relayed(s.Conn().RemoteMultiaddr()):
		side.Go(func() { r.straighten(bound) })
	case r.host.cfg.Relay && r.offers(relays):
		side.Go(func() { r.keepSeat(bound) })
	}
	if o := r.host.outside; o != nil && r.offers(dialsBack) {
		if err := o.mayAsk(r.host, r, s.Conn()); err != nil {
			r.host.cfg.Log.Warn("a peer cannot be asked to dial back", "peer", r.did, "err", err)
		}
	}
	r.heartbeat(ctx, l)
	unbind()
	defer side.Wait()

	r.out[Live].Store(nil)
	r.host.events.emit(PeerEvent{DID: r.did, Kind: Lost})
	r.host.cfg.Log.Info("link lost", "peer", r.did, "err", l.cause())
	for k := range r.out {
		if other := r.out[k].Swap(nil); other != nil {
			other.kill(l.cause())
		}
	}
	r.mu.Lock()
	r.conn = nil
	r.mu.Unlock()
	if time.Since(start) < settled {
		return l.cause()
	}
	return nil
}

// heartbeat measures the link until it is dead, and ends it when it is silent.
func (r *remote) heartbeat(ctx context.Context, l *link) {
	every := r.host.cfg.Heartbeat
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		patience, cancel := context.WithTimeout(ctx, 3*every)
		d, err := l.ping(patience)
		cancel()
		if err == nil {
			r.roundTrip.Store(int64(d))
		} else if ctx.Err() == nil && l.ctx.Err() == nil {
			l.mark(errSilent)
			_ = r.host.engine.ClosePeer(r.id) // the connection is as dead as the link
		}
		select {
		case <-l.done():
			return
		case <-ctx.Done():
			l.kill(errClosed)
			return
		case <-t.C:
		}
	}
}

// outlet is the link of a kind. Bulk and block links are opened when first
// used; what is sent meanwhile waits in their queue.
func (r *remote) outlet(kind Kind) *link {
	l := r.out[kind].Load()
	if l != nil || kind == Live {
		return l
	}
	if r.out[Live].Load() == nil {
		return nil
	}
	l = r.newLink(kind)
	if !r.out[kind].CompareAndSwap(nil, l) {
		return r.out[kind].Load()
	}
	if !r.host.spawn(func() { r.openLater(l) }) {
		l.kill(errClosed)
	}
	return l
}

func (r *remote) openLater(l *link) {
	s, br, err := r.dial(network.WithNoDial(r.host.ctx, "the live link is there"), l.kind)
	if err == nil && !r.start(l, s, br) {
		err = errClosed
	}
	if err != nil {
		l.kill(err)
	}
	<-l.done()
	r.out[l.kind].CompareAndSwap(l, nil)
}

// learn remembers what a peer says of itself, and where it was reached.
func (r *remote) learn(h hello, version int, c network.Conn) {
	var seen ma.Multiaddr
	if len(h.Seen) <= 512 {
		seen, _ = ma.NewMultiaddr(h.Seen) // nil: it is not told, or not understood
	}
	said := reachable(parseHints(h.Addrs, r.id), c.RemoteMultiaddr())
	if c.Stat().Direction == network.DirOutbound && !relayed(c.RemoteMultiaddr()) {
		said = append([]ma.Multiaddr{c.RemoteMultiaddr()}, said...)
	}
	r.mu.Lock()
	r.seen = seen
	r.version, r.capabilities, r.stranger = version, h.Capabilities, ""
	r.mu.Unlock()
	r.remember(said)
}

// refuseHello tells, once, that a peer speaks another protocol.
func (r *remote) refuseHello(why error) {
	r.mu.Lock()
	news := r.stranger != why.Error()
	r.stranger = why.Error()
	r.mu.Unlock()
	if news {
		r.host.cfg.Log.Warn("peer refused", "peer", r.did, "err", why)
	}
}

// remember puts addresses first, where the peer is or says that it is; the oldest
// beyond the limit are forgotten.
func (r *remote) remember(addrs []ma.Multiaddr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addrs = clip(distinct(slices.Concat(addrs, r.addrs)))
}

// alsoAt has the peer, if it is known, dialed at an address, too, until the function
// that it returns is called.
func (r *remote) alsoAt(a ma.Multiaddr) (end func()) {
	if r == nil {
		return func() {}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dialing = append(r.dialing, a)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if i := slices.IndexFunc(r.dialing, a.Equal); i >= 0 {
			r.dialing = slices.Delete(r.dialing, i, i+1)
		}
	}
}

// hint adds where others say that the peer is. What it said itself last stays
// before that: others may not have heard that it moved.
func (r *remote) hint(addrs []ma.Multiaddr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	best := min(len(r.addrs), addrsPerPeer/2)
	r.addrs = clip(distinct(slices.Concat(r.addrs[:best], addrs, r.addrs[best:])))
}

// cut ends everything with this peer, at once and whatever state the
// connection is in.
func (r *remote) cut(why error) {
	for k := range r.out {
		if l := r.out[k].Load(); l != nil {
			l.mark(why)
		}
	}
	r.mu.Lock()
	for _, in := range r.inlets {
		if in != nil {
			in.mark(why)
		}
	}
	r.mu.Unlock()
	_ = r.host.engine.ClosePeer(r.id) // resets the streams; there is nothing to do about an error
}

// throttle waits until the peer may send n bytes more.
func (r *remote) throttle(ctx context.Context, n int) error {
	now := time.Now()
	few, small := r.frames.AllowN(now, 1), r.volume.AllowN(now, n)
	if few && small {
		return nil
	}
	r.throttled.Add(1)
	if !few {
		if err := r.frames.Wait(ctx); err != nil {
			return err
		}
	}
	for burst := r.volume.Burst(); !small && n > 0; n -= burst {
		if err := r.volume.WaitN(ctx, min(n, burst)); err != nil {
			return err
		}
	}
	return nil
}

package p2p

import (
	"bufio"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peerstore"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/multiformats/go-multistream"
	"golang.org/x/time/rate"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// knockTime bounds a whole knock, at either end.
const knockTime = 20 * time.Second

// Knock asks a node that need not have admitted this one. addr is its multiaddr
// with /p2p/; from is its proven DID.
func (h *Host) Knock(ctx context.Context, addr string, request []byte) (response []byte, from icn.DID, err error) {
	if len(request) > KnockRequest {
		return nil, from, fmt.Errorf("p2p: knock of %d bytes: %w: at most %d", len(request), icn.ErrInvalid, KnockRequest)
	}
	ctx, cancel := context.WithTimeout(ctx, knockTime)
	defer cancel()
	if from, err = h.Dial(ctx, addr); err != nil {
		return nil, from, err
	}
	id, err := peerID(from)
	if err != nil {
		return nil, from, err
	}
	s, err := h.openStream(network.WithNoDial(ctx, "just dialed"), id)
	if err != nil {
		return nil, from, fmt.Errorf("p2p: knock at %s: %w: %v", from, icn.ErrUnavailable, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Reset() }) // unblocks the exchange
	defer stop()
	f, err := h.exchangeKnock(s, request)
	if err != nil {
		_ = s.Reset() // err says why
		return nil, from, fmt.Errorf("p2p: knock at %s: %w: %v", from, icn.ErrUnavailable, err)
	}
	_ = s.Close() // all was read
	if f.op == opFail {
		return nil, from, decodeFailure(f.body)
	}
	return f.body, from, nil
}

func (h *Host) exchangeKnock(s network.Stream, request []byte) (frame, error) {
	if err := s.SetProtocol(protocolKnock); err != nil {
		return frame{}, err
	}
	if err := multistream.SelectProtoOrFail(protocolKnock, s); err != nil {
		return frame{}, err
	}
	if err := writeHello(s, h.hello(s.Conn())); err != nil {
		return frame{}, err
	}
	f := frame{op: opRequest, body: request}
	if _, err := s.Write(append(appendHead(nil, f), request...)); err != nil {
		return frame{}, err
	}
	f, err := readFrame(bufio.NewReader(s), KnockAnswer)
	if err == nil && f.op != opReply && f.op != opFail {
		err = fmt.Errorf("answered with frame type %d: %w", f.op, icn.ErrInvalid)
	}
	return f, err
}

// answerKnock hears a stranger out: one request, one answer.
func (h *Host) answerKnock(s network.Stream, did icn.DID) error {
	if err := s.SetDeadline(time.Now().Add(knockTime)); err != nil {
		return err
	}
	br := bufio.NewReaderSize(s, 4<<10)
	hi, err := readHello(br)
	if err != nil {
		return err
	}
	f, err := readFrame(br, KnockRequest)
	if err != nil {
		return err
	}
	if f.op != opRequest {
		return fmt.Errorf("knock: frame type %d: %w", f.op, icn.ErrInvalid)
	}
	answer := frame{op: opReply}
	answer.body, err = h.hearKnock(s.Conn(), did, hi, f.body)
	if err == nil && len(answer.body) > KnockAnswer {
		err = fmt.Errorf("p2p: the answer to a knock of %d bytes is over the limit of %d: %w", len(answer.body), KnockAnswer, icn.ErrInvalid)
	}
	if err != nil {
		answer = frame{op: opFail, body: encodeFailure(err)}
	}
	if _, err := s.Write(append(appendHead(nil, answer), answer.body...)); err != nil {
		return err
	}
	return s.Close()
}

func (h *Host) hearKnock(c network.Conn, did icn.DID, hi hello, request []byte) ([]byte, error) {
	if _, err := h.speaks.agree(hi); err != nil {
		return nil, err
	}
	release, ok := h.knocks.admit(hostOf(c.RemoteMultiaddr()), time.Now())
	if !ok {
		return nil, fmt.Errorf("p2p: %w: too many knocks here; wait a minute and try again", icn.ErrUnavailable)
	}
	defer release()
	id := c.RemotePeer()
	addrs := withPeer(reachable(parseHints(hi.Addrs, id), c.RemoteMultiaddr()), id)
	ctx, cancel := context.WithTimeout(h.ctx, knockTime)
	defer cancel()
	return h.handler.Knock(ctx, did, addrs, request)
}

// Dial connects to addr (a multiaddr with /p2p/) and says who is there. A link
// comes of it if both sides admit each other.
func (h *Host) Dial(ctx context.Context, addr string) (icn.DID, error) {
	id, a, err := splitAddr(addr)
	if err != nil {
		return icn.DID{}, err
	}
	did, err := didOf(id)
	if err != nil {
		return did, err
	}
	if id == h.engine.id {
		return did, fmt.Errorf("p2p: dial %s: %w: that is this node itself", addr, icn.ErrInvalid)
	}
	ctx, cancel := context.WithTimeout(ctx, h.cfg.DialTimeout)
	defer cancel()
	defer h.find(did).alsoAt(a)()
	h.engine.Peerstore().AddAddrs(id, []ma.Multiaddr{a}, peerstore.TempAddrTTL)
	h.engine.Backoff().Clear(id)
	direct := !relayed(a)
	if direct { // a detour that is there already would do else
		ctx = network.WithForceDirectDial(ctx, "to this address")
	}
	if _, err := h.engine.DialPeer(ctx, id); err != nil {
		return did, fmt.Errorf("p2p: dial %s: %w: %v", addr, icn.ErrUnavailable, err)
	}
	if r := h.find(did); r != nil && direct {
		r.remember([]ma.Multiaddr{a})
		r.nudge()
	}
	return did, nil
}

// knockers is the patience for strangers: so many a minute in all, a quarter of
// that for one address, and few at a time.
type knockers struct {
	mu     sync.Mutex
	all    *rate.Limiter
	perMin int
	byHost map[string]*rate.Limiter
	active int
}

const (
	knocksAtOnce  = 8
	knockersKnown = 1024
)

func newKnockers(perMinute int) *knockers {
	return &knockers{
		all:    rate.NewLimiter(rate.Limit(float64(perMinute)/60), max(1, perMinute/2)),
		perMin: perMinute, byHost: map[string]*rate.Limiter{},
	}
}

func (k *knockers) admit(host string, now time.Time) (release func(), ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	own := k.byHost[host]
	if own == nil {
		if len(k.byHost) >= knockersKnown {
			clear(k.byHost) // the limit for all still holds
		}
		own = rate.NewLimiter(rate.Limit(float64(k.perMin)/240), max(1, k.perMin/8))
		k.byHost[host] = own
	}
	if k.active >= knocksAtOnce || !own.AllowN(now, 1) || !k.all.AllowN(now, 1) {
		return nil, false
	}
	k.active++
	return func() {
		k.mu.Lock()
		k.active--
		k.mu.Unlock()
	}, true
}

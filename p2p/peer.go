package p2p

import (
	"bytes"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Peer is what is known of another node.
type Peer struct {
	DID          icn.DID
	ID           string // libp2p peer id
	Addrs        []string
	Connected    bool
	Inbound      bool      // it dialed this node
	Relay        icn.DID   // that the link goes through; zero: none
	Since        time.Time // of the link
	RoundTrip    time.Duration
	BytesIn      uint64
	BytesOut     uint64
	Dropped      uint64   // frames not sent: no room in the queue
	Throttled    uint64   // frames that had to wait for the rate limit
	Refused      uint64   // streams reset for breaking a rule
	Version      int      // of the protocol that both speak; 0: never linked
	Capabilities []string // that both have
	LastError    string   // why the last try to link failed
	Breaker      string   // of calls to it: closed, open or half-open
	Failures     int      // calls in a row that were not answered
	RetryIn      time.Duration
}

// Strangers is how many nodes are here that are not admitted, and how many were
// refused because there was no room for them.
func (h *Host) Strangers() (here int, refused uint64) { return h.gate.count() }

// Peers lists the wanted and the linked nodes, by DID.
func (h *Host) Peers() []Peer {
	h.mu.RLock()
	out := make([]Peer, 0, len(h.remotes))
	for _, r := range h.remotes {
		out = append(out, r.describe())
	}
	h.mu.RUnlock()
	slices.SortFunc(out, func(a, b Peer) int { return bytes.Compare(a.DID[:], b.DID[:]) })
	return out
}

func (r *remote) describe() Peer {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := Peer{
		DID: r.did, ID: r.id.String(), Addrs: withPeer(r.addrs, r.id),
		Connected: r.out[Live].Load() != nil, Since: r.since,
		RoundTrip: time.Duration(r.roundTrip.Load()),
		BytesIn:   r.received.Load(), BytesOut: r.sent.Load(),
		Dropped: r.dropped.Load(), Throttled: r.throttled.Load(), Refused: r.refused.Load(),
		Version: r.version, Capabilities: both(r.host.cfg.Capabilities, r.capabilities),
		Breaker: r.breaker.State(time.Now()), Failures: r.breaker.fails,
	}
	if p.Breaker == "open" {
		p.RetryIn = time.Until(r.breaker.until)
	}
	if !p.Connected {
		p.RetryIn = max(p.RetryIn, r.backoff.Wait(time.Now()))
	}
	if r.conn != nil {
		p.Inbound = r.conn.Stat().Direction == network.DirInbound
		p.Relay = through(r.conn.RemoteMultiaddr())
	}
	switch {
	case r.stranger != "": // that it says nothing more follows from it
		p.LastError = r.stranger
	case r.lastError != nil:
		p.LastError = r.lastError.Error()
	}
	return p
}

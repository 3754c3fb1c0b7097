package p2p

import (
	"io"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"
)

// discovery is the mDNS service name of these nodes.
const discovery = "_icn._udp"

// discover announces this node on the local network and listens for others. A
// machine without multicast goes on without.
func (h *Host) discover(f face) io.Closer {
	s := mdns.NewMdnsService(f, discovery, finder{h})
	if err := s.Start(); err != nil {
		h.cfg.Log.Warn("mDNS is off: nodes on this network will not find each other by themselves", "err", err)
		return nil
	}
	return s
}

// foundKnown bounds how many nodes that mDNS found are remembered.
const foundKnown = 256

// finder takes what mDNS finds: hints for peers we know or will know, as it tells
// each once; news for a knocker.
type finder struct{ h *Host }

func (f finder) HandlePeerFound(info peer.AddrInfo) {
	did, err := didOf(info.ID)
	if err != nil || did == f.h.did {
		return // somebody else's libp2p node, or an echo
	}
	addrs := clip(info.Addrs)
	f.h.cfg.Log.Debug("a node is on this network", "peer", did, "addrs", addrs)
	f.h.events.emit(PeerEvent{DID: did, Kind: Found, Addrs: withPeer(addrs, info.ID)})
	f.h.mu.Lock()
	if len(f.h.found) >= foundKnown {
		clear(f.h.found)
	}
	f.h.found[did] = addrs
	r := f.h.remotes[did]
	f.h.mu.Unlock()
	if r != nil {
		r.remember(addrs)
		if r.out[Live].Load() == nil {
			r.nudge()
		}
	}
}

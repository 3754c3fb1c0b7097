package p2p

import (
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// reachable picks from what a node says of itself what can be dialed from here:
// no loopback addresses of another machine, and for its ports also the address
// that it was seen at, since a node behind a published port or a NAT does not
// know its own.
func reachable(said []ma.Multiaddr, seen ma.Multiaddr) []ma.Multiaddr {
	near := manet.IsIPLoopback(seen)
	host, _ := ma.SplitFirst(seen)
	var out []ma.Multiaddr
	for _, a := range said {
		if near || !localOnly(a) {
			out = append(out, a)
		}
	}
	if host == nil || near {
		return clip(ma.Unique(out))
	}
	for _, a := range said {
		if first, rest := ma.SplitFirst(a); first != nil && len(rest) > 0 && manet.IsThinWaist(a) && first.Protocol().Code == host.Protocol().Code {
			out = append(out, append(ma.Multiaddr{*host}, rest...))
		}
	}
	return clip(ma.Unique(out))
}

func clip(addrs []ma.Multiaddr) []ma.Multiaddr { return addrs[:min(len(addrs), addrsPerPeer)] }

// hostOf is the IP part of an address: whom a rate limit counts.
func hostOf(a ma.Multiaddr) string {
	if first, _ := ma.SplitFirst(a); first != nil {
		return first.Value()
	}
	return ""
}

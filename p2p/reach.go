package p2p

import (
	"slices"

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
	if relayed(seen) { // it tells where the relay is
		near, host = false, nil
	}
	var out []ma.Multiaddr
	for _, a := range said {
		if near || !localOnly(a) {
			out = append(out, a)
		}
	}
	if host == nil || near {
		return clip(distinct(out))
	}
	return clip(distinct(append(out, atHost(seen, said)...)))
}

// atHost is addrs with the IP of seen in place of their own.
func atHost(seen ma.Multiaddr, addrs []ma.Multiaddr) (out []ma.Multiaddr) {
	host, _ := ma.SplitFirst(seen)
	if host == nil {
		return nil
	}
	for _, a := range addrs {
		if first, rest := ma.SplitFirst(a); first != nil && len(rest) > 0 && manet.IsThinWaist(a) && first.Protocol().Code == host.Protocol().Code {
			out = append(out, append(ma.Multiaddr{*host}, rest...))
		}
	}
	return out
}

// distinct leaves out what stands there already; the order stays, as the first
// addresses are the best. (multiaddr.Unique sorts.)
func distinct(addrs []ma.Multiaddr) (out []ma.Multiaddr) {
	for _, a := range addrs {
		if !slices.ContainsFunc(out, a.Equal) {
			out = append(out, a)
		}
	}
	return out
}

func clip(addrs []ma.Multiaddr) []ma.Multiaddr { return addrs[:min(len(addrs), addrsPerPeer)] }

// hostOf is the IP part of an address: whom a rate limit counts.
func hostOf(a ma.Multiaddr) string {
	if first, _ := ma.SplitFirst(a); first != nil {
		return first.Value()
	}
	return ""
}

package p2p

import (
	"errors"
	"fmt"
	"strings"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// peerID is the libp2p name of the node with this DID.
func peerID(d icn.DID) (peer.ID, error) {
	pub, err := crypto.UnmarshalEd25519PublicKey(d[:])
	if err != nil {
		return "", fmt.Errorf("peer id of %s: %w: %v", d, icn.ErrInvalid, err)
	}
	return peer.IDFromPublicKey(pub)
}

// didOf is the DID of a libp2p peer. Ed25519 keys stand in the peer id itself.
func didOf(id peer.ID) (icn.DID, error) {
	var d icn.DID
	pub, err := id.ExtractPublicKey()
	if err != nil || pub.Type() != crypto.Ed25519 {
		return d, fmt.Errorf("peer %s: %w: not an Ed25519 node (a peer id that starts with 12D3KooW)", id, icn.ErrInvalid)
	}
	raw, err := pub.Raw()
	if err != nil {
		return d, fmt.Errorf("peer %s: %w: %v", id, icn.ErrInvalid, err)
	}
	copy(d[:], raw)
	return d, nil
}

// ParseAddr reads /ip4/…/tcp/…/p2p/12D3KooW… (or 12D3KooW…@/ip4/…/tcp/…) and
// gives the node's DID and its address without the /p2p part.
func ParseAddr(addr string) (icn.DID, string, error) {
	id, a, err := splitAddr(addr)
	if err != nil {
		return icn.DID{}, "", err
	}
	d, err := didOf(id)
	if err != nil {
		return icn.DID{}, "", err
	}
	return d, a.String(), nil
}

// ParseBootstrap says why an address cannot serve as a bootstrap peer. The
// placeholders of the deployment guide (/p2p/QmBootstrapPeerId) cannot.
func ParseBootstrap(addr string) error {
	_, _, err := ParseAddr(addr)
	return err
}

// DefaultListen adds QUIC on the same port to a TCP multiaddr.
func DefaultListen(tcpAddr string) []string {
	a, err := ma.NewMultiaddr(tcpAddr)
	if err != nil {
		return []string{tcpAddr} // New reports it with the reason
	}
	port, err := a.ValueForProtocol(ma.P_TCP)
	host, _ := ma.SplitLast(a)
	if err != nil || len(host) == 0 || len(a) != 2 {
		return []string{tcpAddr}
	}
	return []string{tcpAddr, host.String() + "/udp/" + port + "/quic-v1"}
}

const addrHelp = "want /ip4/203.0.113.7/tcp/7000/p2p/12D3KooW… as the other node prints it at start"

func splitAddr(addr string) (peer.ID, ma.Multiaddr, error) {
	if id, rest, ok := strings.Cut(addr, "@"); ok && strings.HasPrefix(rest, "/") {
		addr = rest + "/p2p/" + id
	}
	fail := func(why string) (peer.ID, ma.Multiaddr, error) {
		return "", nil, fmt.Errorf("peer address %.200q: %w: %s; %s", addr, icn.ErrInvalid, why, addrHelp)
	}
	if _, id, ok := strings.Cut(addr, "/p2p/"); !ok {
		return fail("it has no /p2p/ part, so nobody could be recognised there")
	} else if strings.HasPrefix(id, "Qm") {
		if _, err := peer.Decode(id); err != nil {
			return fail(fmt.Sprintf("%.64q is a placeholder, not a peer id", id))
		}
		return fail("a Qm… peer id is the hash of an RSA key; nodes here have Ed25519 keys")
	}
	a, err := ma.NewMultiaddr(addr)
	if err != nil {
		return fail(err.Error())
	}
	tpt, id := peer.SplitAddr(a)
	if id == "" || len(tpt) == 0 {
		return fail("host, port and peer id are all needed")
	}
	return id, tpt, nil
}

// parseHints reads addresses that others gave, with or without /p2p/. One that
// is not understood is left out: hints are not worth an error.
func parseHints(addrs []string, id peer.ID) []ma.Multiaddr {
	var out []ma.Multiaddr
	for _, s := range addrs {
		if len(out) == addrsPerPeer {
			break
		}
		if len(s) > 512 {
			continue
		}
		a, err := ma.NewMultiaddr(s)
		if err != nil {
			continue
		}
		tpt, named := peer.SplitAddr(a)
		if len(tpt) > 0 && (named == "" || named == id) {
			out = append(out, tpt)
		}
	}
	return out
}

func withPeer(addrs []ma.Multiaddr, id peer.ID) []string {
	out := make([]string, 0, len(addrs))
	for _, a := range addrs {
		if tpt, named := peer.SplitAddr(a); named == "" && len(tpt) > 0 {
			out = append(out, tpt.String()+"/p2p/"+id.String())
		} else {
			out = append(out, a.String())
		}
	}
	return out
}

// parseOwn reads the operator's own addresses; here a mistake is an error.
func parseOwn(what string, addrs []string) ([]ma.Multiaddr, error) {
	var out []ma.Multiaddr
	var errs []error
	for _, s := range addrs {
		a, err := ma.NewMultiaddr(s)
		if err != nil {
			errs = append(errs, fmt.Errorf("p2p: %s address %q: %w: %v; want for example /ip4/0.0.0.0/tcp/7000", what, s, icn.ErrInvalid, err))
			continue
		}
		out = append(out, a)
	}
	return out, errors.Join(errs...)
}

// localOnly says whether an address makes sense on its own machine only.
func localOnly(a ma.Multiaddr) bool { return manet.IsIPLoopback(a) || manet.IsIPUnspecified(a) }

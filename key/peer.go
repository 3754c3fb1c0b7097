package key

import (
	"fmt"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// PeerID is the libp2p peer id of the same key.
func PeerID(d icn.DID) string {
	pub, err := crypto.UnmarshalEd25519PublicKey(d[:])
	if err != nil {
		panic(err) // 32 bytes always do
	}
	id, err := peer.IDFromPublicKey(pub)
	if err != nil {
		panic(err)
	}
	return id.String()
}

// DIDOfPeer is the identity behind a libp2p peer id.
func DIDOfPeer(s string) (icn.DID, error) {
	id, err := peer.Decode(s)
	if err != nil {
		return icn.DID{}, fmt.Errorf("peer id %q: %w: %v", s, icn.ErrInvalid, err)
	}
	pub, err := id.ExtractPublicKey()
	if err != nil || pub.Type() != crypto.Ed25519 {
		return icn.DID{}, fmt.Errorf("peer id %q: %w: not made from an Ed25519 key (those begin with 12D3KooW)", s, icn.ErrInvalid)
	}
	raw, err := pub.Raw()
	if err != nil || len(raw) != 32 {
		return icn.DID{}, fmt.Errorf("peer id %q: %w", s, icn.ErrInvalid)
	}
	return icn.DID(raw), nil
}

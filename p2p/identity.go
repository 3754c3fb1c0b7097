package p2p

import (
	"crypto/ed25519"
	"errors"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/crypto/pb"
)

// Signer proves who this node is. Its secret may lie where nobody can read it.
type Signer interface {
	Public() [32]byte
	Sign(msg []byte) []byte
}

// identity is a Signer as libp2p wants it.
type identity struct {
	crypto.PubKey
	signer Signer
}

func newIdentity(s Signer) (identity, error) {
	public := s.Public()
	pub, err := crypto.UnmarshalEd25519PublicKey(public[:])
	return identity{pub, s}, err
}

var errHidden = errors.New("the node's key does not leave its place")

// Sign implements crypto.PrivKey.
func (i identity) Sign(msg []byte) ([]byte, error) {
	sig := i.signer.Sign(msg)
	public := i.signer.Public()
	if !ed25519.Verify(public[:], msg, sig) {
		return nil, errors.New("the node's key does not sign")
	}
	return sig, nil
}

// GetPublic implements crypto.PrivKey.
func (i identity) GetPublic() crypto.PubKey { return i.PubKey }

// Equals implements crypto.Key.
func (i identity) Equals(o crypto.Key) bool {
	k, ok := o.(identity)
	return ok && i.PubKey.Equals(k.PubKey)
}

// Raw implements crypto.Key.
func (i identity) Raw() ([]byte, error) { return nil, errHidden }

// Type implements crypto.Key.
func (i identity) Type() pb.KeyType { return pb.KeyType_Ed25519 }

// Package key holds Ed25519 keys: a node's, in a file of mode 0600, and the
// members' in the CLI's own folder; and it is the one place that knows how a
// signature is checked (Ed25519 per ZIP 215, single and batched alike).
//
// The invariant: a key file is never overwritten by another key, and what was read
// from one is what was written: the file names the DID that its seed must give.
//
// It talks to no hardware, and it does not know which key of an identity counts:
// the federation's log does.
//
//	pair, made, err := key.LoadOrCreate("node.key", "")
//	sig := pair.Sign(msg)
//	ok := key.Verify(pair.Public(), msg, sig)
package key

import (
	"crypto/rand"
	"fmt"
	"io"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Pair is an Ed25519 key pair. However it is printed or logged, its secret is not
// shown. The zero Pair is no key, and its methods panic.
type Pair struct {
	private ed25519.PrivateKey
	held    *held   // instead of private: the secret lies elsewhere
	owner   icn.DID // whose key it has become; zero: that of the DID made of it
}

// Generate makes a new pair.
func Generate() (Pair, error) {
	var seed [32]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return Pair{}, fmt.Errorf("generate key: %w", err)
	}
	return FromSeed(seed), nil
}

// FromSeed is the pair of a seed (RFC 8032).
func FromSeed(seed [32]byte) Pair { return Pair{private: ed25519.NewKeyFromSeed(seed[:])} }

// Of is the same pair as the key that an identity has rotated to.
func (p Pair) Of(owner icn.DID) Pair {
	p.owner = owner
	if owner == icn.DID(p.Public()) {
		p.owner = icn.DID{}
	}
	return p
}

// Seed is the secret that the pair is made from. A pair whose secret lies elsewhere
// has none, and panics.
func (p Pair) Seed() [32]byte { return [32]byte(p.private[:32]) }

// Public is the public key.
func (p Pair) Public() [32]byte {
	if p.held != nil {
		return p.held.public
	}
	return [32]byte(p.private[32:])
}

// DID is the identity whose key this is: the one whose first key it is, unless it
// was rotated to.
func (p Pair) DID() icn.DID {
	if !p.owner.IsZero() {
		return p.owner
	}
	return icn.DID(p.Public())
}

// Sign signs msg: 64 bytes, the same ones that every RFC 8032 signer makes.
func (p Pair) Sign(msg []byte) []byte {
	if p.held != nil {
		return p.held.do(msg)
	}
	return ed25519.Sign(p.private, msg)
}

// String names the pair without its secret.
func (p Pair) String() string {
	if p.private == nil && p.held == nil {
		return "no key"
	}
	return p.DID().String()
}

// Format prints the name for every verb: %#v and %x would print the secret.
func (p Pair) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

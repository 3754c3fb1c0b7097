// Package key holds Ed25519 keys: a node's, in a file of mode 0600, and the
// members' in the CLI's own folder; and it is the one place that knows how a
// signature is checked (Ed25519 per ZIP 215, single and batched alike).
//
// The invariant: a key file is never overwritten, and what was read from one is
// what was written: the file names the DID that its seed must give.
//
// It seals nothing yet and talks to no hardware.
//
//	pair, made, err := key.LoadOrCreate("node.key")
//	sig := pair.Sign(msg)
//	ok := key.Verify(pair.Public(), msg, sig)
package key

import (
	stded25519 "crypto/ed25519"
	"crypto/rand"
	"fmt"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Pair is an Ed25519 key pair.
type Pair struct{ private ed25519.PrivateKey }

// Generate makes a new pair.
func Generate() (Pair, error) {
	var seed [32]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return Pair{}, fmt.Errorf("generate key: %w", err)
	}
	return FromSeed(seed), nil
}

// FromSeed is the pair of a seed (RFC 8032).
func FromSeed(seed [32]byte) Pair { return Pair{ed25519.NewKeyFromSeed(seed[:])} }

// Seed is the secret that the pair is made from.
func (p Pair) Seed() [32]byte { return [32]byte(p.private[:32]) }

// Public is the public key.
func (p Pair) Public() [32]byte { return [32]byte(p.private[32:]) }

// DID is the identity whose first key this is.
func (p Pair) DID() icn.DID { return icn.DID(p.Public()) }

// Sign signs msg.
func (p Pair) Sign(msg []byte) []byte { return ed25519.Sign(p.private, msg) }

// Private is the pair in the standard library's form, for libraries that want it.
func (p Pair) Private() stded25519.PrivateKey { return stded25519.PrivateKey(p.private) }

// String names the pair without its secret.
func (p Pair) String() string { return p.DID().String() }

var zip215 = &ed25519.Options{Verify: ed25519.VerifyOptionsZIP_215}

// Verify tells whether sig is key's signature over msg.
func Verify(key [32]byte, msg, sig []byte) bool {
	return len(sig) == ed25519.SignatureSize && ed25519.VerifyWithOptions(key[:], msg, sig, zip215)
}

// Item is one signature of a batch.
type Item struct {
	Key      [32]byte
	Msg, Sig []byte
}

// batchFrom is the size from which a batch is cheaper than its parts.
const batchFrom = 8

// VerifyBatch checks many signatures under the same rule as Verify, and tells
// for each whether it is good.
func VerifyBatch(items []Item) []bool {
	out := make([]bool, len(items))
	if len(items) >= batchFrom {
		v := ed25519.NewBatchVerifierWithCapacity(len(items))
		for _, x := range items {
			v.AddWithOptions(x.Key[:], x.Msg, x.Sig, zip215)
		}
		if all, each := v.Verify(rand.Reader); all {
			for i := range out {
				out[i] = true
			}
			return out
		} else if len(each) == len(items) {
			return each
		}
	}
	for i, x := range items {
		out[i] = Verify(x.Key, x.Msg, x.Sig)
	}
	return out
}

package icn

import (
	"fmt"
	"slices"
)

// Keyring knows which keys identities have had, beside the ones that their DIDs
// are made of. What it is read from proves itself.
type Keyring map[DID][]DID

// ReadKeyring follows rotations: statements in their wire form, each author's in
// the order in which they were said. Each must be signed with the key before it,
// and the new key must have agreed.
func ReadKeyring(network CID, rotations [][]byte, verify func(key [32]byte, msg, sig []byte) bool) (Keyring, error) {
	ring := Keyring{}
	for i, wire := range rotations {
		s, err := DecodeStatement(wire)
		if err != nil {
			return nil, fmt.Errorf("rotation %d: %w", i, err)
		}
		last := s.Author
		if known := ring[s.Author]; len(known) > 0 {
			last = known[len(known)-1]
		}
		if s.Network != network || !verify(last, SigningBytesOf(wire), s.Sig[:]) {
			return nil, fmt.Errorf("rotation %d of %s: %w: it is not signed with the key before it", i, s.Author, ErrDenied)
		}
		for _, op := range s.Ops {
			o, ok := op.(KeyRotate)
			if !ok {
				continue
			}
			if !verify(o.Key, RotationBytes(network, s.Author, o.Key), o.Proof[:]) {
				return nil, fmt.Errorf("rotation %d of %s: %w: the new key has not agreed", i, s.Author, ErrDenied)
			}
			ring[s.Author] = append(ring[s.Author], o.Key)
		}
	}
	return ring, nil
}

// Signed says whether one of d's keys made a signature.
func (k Keyring) Signed(d DID, msg, sig []byte, verify func(key [32]byte, msg, sig []byte) bool) bool {
	return verify(d, msg, sig) || slices.ContainsFunc(k[d], func(key DID) bool { return verify(key, msg, sig) })
}

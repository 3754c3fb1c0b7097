package icn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/multiformats/go-multibase"
)

// DID names a person, an organisation or a node: did:key with an Ed25519 key
// (multicodec 0xed01, base58btc). It is the first public key its owner had; the
// key may be rotated later, the DID stays.
type DID [32]byte

const didPrefix = "did:key:"

// didLen is the length of every Ed25519 did:key. Reading base58 takes time that
// grows with the square of its length, so anything else is refused unread.
const didLen = len(didPrefix) + 48

// ParseDID reads did:key:z6Mk…
func ParseDID(s string) (DID, error) {
	var d DID
	rest, ok := strings.CutPrefix(s, didPrefix)
	if !ok || len(s) != didLen || rest[0] != 'z' {
		return d, fmt.Errorf("DID %q: %w: want did:key:z6Mk…", clip(s), ErrInvalid)
	}
	_, b, err := multibase.Decode(rest)
	if err != nil || len(b) != 34 || b[0] != 0xed || b[1] != 0x01 {
		return d, fmt.Errorf("DID %q: %w: not an Ed25519 did:key", clip(s), ErrInvalid)
	}
	copy(d[:], b[2:])
	if d.String() != s {
		return DID{}, fmt.Errorf("DID %q: %w: not in canonical form", clip(s), ErrInvalid)
	}
	return d, nil
}

// String is the did:key form.
func (d DID) String() string {
	b := make([]byte, 34)
	b[0], b[1] = 0xed, 0x01
	copy(b[2:], d[:])
	s, err := multibase.Encode(multibase.Base58BTC, b)
	if err != nil {
		panic(err) // base58 of bytes cannot fail
	}
	return didPrefix + s
}

// weak are the keys for which anybody can make signatures: the points of small
// order, in all encodings, without the sign bit (RFC 7748 section 7, and
// https://eprint.iacr.org/2020/1244).
var weak = [][32]byte{
	{},
	{1},
	{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
	{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
	nearP(0xec), nearP(0xed), nearP(0xee), // -1, and 0 and 1 not reduced
}

// nearP is a number next to 2^255-19, by its lowest byte.
func nearP(low byte) (b [32]byte) {
	for i := range b {
		b[i] = 0xff
	}
	b[0], b[31] = low, 0x7f
	return b
}

// Weak says whether anybody could sign as d. Nobody with such a key may be
// admitted.
func (d DID) Weak() bool {
	d[31] &= 0x7f
	return slices.Contains(weak, [32]byte(d))
}

// IsZero says whether d names nobody.
func (d DID) IsZero() bool { return d == DID{} }

// Short is the last eight characters: enough to tell nodes apart in a log line.
func (d DID) Short() string { s := d.String(); return s[len(s)-8:] }

// MarshalText gives JSON the did:key string.
func (d DID) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the did:key string.
func (d *DID) UnmarshalText(b []byte) (err error) { *d, err = ParseDID(string(b)); return err }

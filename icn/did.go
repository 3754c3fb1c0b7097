package icn

import (
	"fmt"
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

// IsZero says whether d names nobody.
func (d DID) IsZero() bool { return d == DID{} }

// Short is the last eight characters: enough to tell nodes apart in a log line.
func (d DID) Short() string { s := d.String(); return s[len(s)-8:] }

// MarshalText gives JSON the did:key string.
func (d DID) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the did:key string.
func (d *DID) UnmarshalText(b []byte) (err error) { *d, err = ParseDID(string(b)); return err }

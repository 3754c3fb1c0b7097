package state

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// DIDKey is the byte form of a DID key.
func DIDKey(d icn.DID) string { return string(d[:]) }

// ParseDIDKey reads it.
func ParseDIDKey(s string) (d icn.DID, err error) {
	if len(s) != len(d) {
		return d, fmt.Errorf("DID key of %d bytes: %w", len(s), icn.ErrInvalid)
	}
	copy(d[:], s)
	return d, nil
}

// CIDKey is the byte form of a CID key.
func CIDKey(c icn.CID) string { return c.KeyString() }

// ParseCIDKey reads it.
func ParseCIDKey(s string) (icn.CID, error) { return icn.CastCID([]byte(s)) }

// TextKey is the byte form of a text key: itself.
func TextKey(s string) string { return s }

// ParseTextKey reads it.
func ParseTextKey(s string) (string, error) { return s, nil }

// One is the only key of a table of one row.
type One struct{}

// OneKey is its byte form.
func OneKey(One) string { return "" }

// ParseOneKey reads it.
func ParseOneKey(s string) (One, error) {
	if s != "" {
		return One{}, fmt.Errorf("key of a single row: %w", icn.ErrInvalid)
	}
	return One{}, nil
}

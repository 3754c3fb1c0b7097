//go:build !pkcs11

// Package hsm, in a build without PKCS #11, says how to get one with it.
package hsm

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// Key is none.
type Key struct{}

// Open explains what is missing.
func Open(Config) (*Key, error) {
	return nil, fmt.Errorf("identity.pkcs11_module: %w: keys in hardware are not in this build; build it with: CGO_ENABLED=1 go build -tags pkcs11 ./cmd/icn-node", icn.ErrUnavailable)
}

// Pair is never called, because Open gives no key.
func (*Key) Pair(func(error)) key.Pair { return key.Pair{} }

// Close closes nothing.
func (*Key) Close() error { return nil }

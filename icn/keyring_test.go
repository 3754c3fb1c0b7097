package icn_test

import (
	"crypto/ed25519"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

func verifyPlain(key [32]byte, msg, sig []byte) bool { return ed25519.Verify(key[:], msg, sig) }

// rotation is an author's statement, signed with one key, that goes over to another.
func rotation(author, signer, next, agreed byte) []byte {
	network := sampleGenesis().Block().CID
	s := icn.Statement{Network: network, Author: who(author), Number: 1, Ops: []icn.Op{icn.KeyRotate{Key: who(next),
		Proof: [64]byte(ed25519.Sign(secret(agreed), icn.RotationBytes(network, who(author), who(next))))}}}
	s.Sig = [64]byte(ed25519.Sign(secret(signer), s.SigningBytes()))
	return s.Encode()
}

func TestAKeyringFollowsRotations(t *testing.T) {
	network := sampleGenesis().Block().CID
	ring, err := icn.ReadKeyring(network, [][]byte{rotation(1, 1, 2, 2), rotation(5, 5, 6, 6), rotation(1, 2, 3, 3)}, verifyPlain)
	require.NoError(t, err)
	require.Equal(t, icn.Keyring{who(1): {who(2), who(3)}, who(5): {who(6)}}, ring)
	for key, want := range map[byte]bool{1: true, 2: true, 3: true, 4: false, 6: false} {
		msg := []byte("said once")
		require.Equal(t, want, ring.Signed(who(1), msg, ed25519.Sign(secret(key), msg), verifyPlain), "key %d", key)
	}
}

func TestAKeyringTakesNoForgery(t *testing.T) {
	network := sampleGenesis().Block().CID
	for name, chain := range map[string][][]byte{
		"a stranger's signature":     {rotation(1, 4, 2, 2)},
		"the replaced key once more": {rotation(1, 1, 2, 2), rotation(1, 1, 3, 3)},
		"the beginning left out":     {rotation(1, 2, 3, 3)},
		"a key that has not agreed":  {rotation(1, 1, 2, 4)},
		"half a statement":           {rotation(1, 1, 2, 2)[:40]},
	} {
		_, err := icn.ReadKeyring(network, chain, verifyPlain)
		require.Error(t, err, name)
	}
	_, err := icn.ReadKeyring(icn.SumCID(icn.DagCBOR, []byte("another")), [][]byte{rotation(1, 1, 2, 2)}, verifyPlain)
	require.ErrorIs(t, err, icn.ErrDenied, "of another federation")
}

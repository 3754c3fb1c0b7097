package key_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

func TestSealedKeyOpensWithItsPassphraseOnly(t *testing.T) {
	p, err := key.Generate()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "node.key")
	require.NoError(t, key.SaveSealed(path, p, "correct horse"))
	back, err := key.LoadSealed(path, "correct horse")
	require.NoError(t, err)
	require.Equal(t, p.DID(), back.DID())
	for _, wrong := range []string{"correct hors", "Correct horse", "correct horse "} {
		_, err = key.LoadSealed(path, wrong)
		require.ErrorIs(t, err, icn.ErrDenied)
		require.ErrorContains(t, err, "wrong passphrase")
	}
	_, err = key.LoadSealed(path, "")
	require.ErrorContains(t, err, "ICN_KEY_PASSPHRASE")
	_, err = key.Load(path)
	require.ErrorIs(t, err, icn.ErrDenied)
	require.ErrorIs(t, key.SaveSealed(path, p, "again"), icn.ErrConflict)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	seed := p.Seed()
	require.False(t, bytes.Contains(data, seed[:]))
	_, err = key.Seal(p, "")
	require.ErrorIs(t, err, icn.ErrInvalid)
}

func TestOpenKeyNeedsNoPassphrase(t *testing.T) {
	p, err := key.Generate()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "node.key")
	require.NoError(t, key.Save(path, p))
	for _, pass := range []string{"", "not needed"} {
		back, err := key.LoadSealed(path, pass)
		require.NoError(t, err)
		require.Equal(t, p.DID(), back.DID())
	}
}

func TestDamagedSealIsNoKey(t *testing.T) {
	p, err := key.Generate()
	require.NoError(t, err)
	data, err := key.Seal(p, "x")
	require.NoError(t, err)
	require.True(t, key.IsSealed(data))
	for i := len(data) - 60; i < len(data); i += 7 {
		bad := bytes.Clone(data)
		bad[i] ^= 1
		_, err := key.Unseal(bad, "x")
		require.Error(t, err)
	}
	_, err = key.Unseal(data[:len(data)-1], "x")
	require.ErrorIs(t, err, icn.ErrCorrupt)
}

// TestKeyOfTheOriginalNodeIsRead: 76 bytes, made here as it makes them.
func TestKeyOfTheOriginalNodeIsRead(t *testing.T) {
	seed := bytes.Repeat([]byte{7}, 32)
	salt, nonce := bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 12)
	k, err := pbkdf2.Key(sha256.New, "passphrase", salt, 100_000, 32)
	require.NoError(t, err)
	block, err := aes.NewCipher(k)
	require.NoError(t, err)
	gcm, err := cipher.NewGCM(block)
	require.NoError(t, err)
	data := gcm.Seal(append(bytes.Clone(salt), nonce...), nonce, seed, nil)
	require.Len(t, data, 76)
	p, err := key.Unseal(data, "passphrase")
	require.NoError(t, err)
	require.Equal(t, key.FromSeed([32]byte(seed)).DID(), p.DID())
	_, err = key.Unseal(data, "wrong")
	require.ErrorContains(t, err, "wrong passphrase")
}

package key_test

import (
	"bytes"
	stded25519 "crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

func generate(t testing.TB) key.Pair {
	p, err := key.Generate()
	require.NoError(t, err)
	return p
}

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// RFC 8032, section 7.1, TEST 2.
func TestVectorOfTheRFC(t *testing.T) {
	p := key.FromSeed([32]byte(unhex(t, "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")))
	pub := p.Public()
	require.Equal(t, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", hex.EncodeToString(pub[:]))
	sig := p.Sign([]byte{0x72})
	require.Equal(t, "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00", hex.EncodeToString(sig))
	require.True(t, key.Verify(pub, []byte{0x72}, sig))
}

func TestSignaturesEqualTheStandardLibrarys(t *testing.T) {
	for i := range 50 {
		p := generate(t)
		seed := p.Seed()
		std := stded25519.NewKeyFromSeed(seed[:])
		pub := p.Public()
		require.Equal(t, []byte(std.Public().(stded25519.PublicKey)), pub[:])
		msg := bytes.Repeat([]byte{byte(i)}, i*i)
		sig := stded25519.Sign(std, msg)
		require.Equal(t, sig, p.Sign(msg))
		require.True(t, key.Verify(pub, msg, sig))
		require.True(t, stded25519.Verify(pub[:], msg, p.Sign(msg)))
	}
}

func TestSeedGivesThePairBack(t *testing.T) {
	p := generate(t)
	require.Equal(t, p, key.FromSeed(p.Seed()))
	require.Equal(t, icn.DID(p.Public()), p.DID())
	require.NotEqual(t, p.Seed(), generate(t).Seed())
}

func TestNoPrintShowsTheSecret(t *testing.T) {
	p := generate(t)
	seed := p.Seed()
	var text, json bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "key", p, "id", []key.Pair{p})
	slog.New(slog.NewJSONHandler(&json, nil)).Info("x", "key", p, "id", []key.Pair{p})
	said := []string{text.String(), json.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%o", "%T"} {
		said = append(said, fmt.Sprintf(verb, p), fmt.Sprintf(verb, &p), fmt.Sprintf(verb, struct{ P key.Pair }{p}), fmt.Sprintf(verb, []key.Pair{p}))
	}
	for _, s := range said {
		for _, form := range []string{"%x", "%X", "%v", "%s", "%d"} {
			secret := fmt.Sprintf(form, seed[4:12])
			secret = secret[1 : len(secret)-1] // without the brackets of a list
			require.NotContains(t, s, secret)
		}
	}
	require.Equal(t, p.DID().String(), fmt.Sprint(p))
	require.Equal(t, "no key", fmt.Sprint(key.Pair{}))
}

func TestPeerIDIsOfTheSameKey(t *testing.T) {
	for range 20 {
		p := generate(t)
		seed := p.Seed()
		private, err := crypto.UnmarshalEd25519PrivateKey(stded25519.NewKeyFromSeed(seed[:]))
		require.NoError(t, err)
		want, err := peer.IDFromPrivateKey(private)
		require.NoError(t, err)
		got := key.PeerID(p.DID())
		require.Equal(t, want.String(), got)
		require.Regexp(t, "^12D3KooW", got)
		back, err := key.DIDOfPeer(got)
		require.NoError(t, err)
		require.Equal(t, p.DID(), back)
	}
}

func TestPeerIDsOfOtherKeysAreInvalid(t *testing.T) {
	_, secp, err := crypto.GenerateSecp256k1Key(rand.Reader)
	require.NoError(t, err)
	other, err := peer.IDFromPublicKey(secp)
	require.NoError(t, err)
	for _, s := range []string{"", "x", "12D3KooW", other.String(), "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", generate(t).DID().String()} {
		_, err := key.DIDOfPeer(s)
		require.ErrorIs(t, err, icn.ErrInvalid, "%q", s)
	}
}

func FuzzDIDOfPeer(f *testing.F) {
	f.Add(key.PeerID(icn.DID{1, 2, 3}))
	f.Add("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N")
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := key.DIDOfPeer(s); err == nil {
			again, err := key.DIDOfPeer(key.PeerID(d))
			require.NoError(t, err)
			require.Equal(t, d, again)
		}
	})
}

func TestAHeldKeySignsWhereItIs(t *testing.T) {
	secret := generate(t)
	broken := errors.New("the card was taken out")
	var fail, told error
	p := key.Held(secret.Public(), func(msg []byte) ([]byte, error) { return secret.Sign(msg), fail }, func(err error) { told = err })
	require.Equal(t, secret.DID(), p.DID())
	require.Equal(t, secret.DID().String(), fmt.Sprint(p))
	require.True(t, key.Verify(p.Public(), []byte("x"), p.Sign([]byte("x"))))
	require.NoError(t, told)
	fail = broken
	require.False(t, key.Verify(p.Public(), []byte("x"), p.Sign([]byte("x"))))
	require.Equal(t, broken, told)
	path := filepath.Join(t.TempDir(), "key")
	require.ErrorIs(t, key.Save(path, p), icn.ErrInvalid)
	require.ErrorIs(t, key.SaveSealed(path, p, "passphrase"), icn.ErrInvalid)
	require.Panics(t, func() { p.Seed() })
}

package icn_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	mh "github.com/multiformats/go-multihash"
	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

func TestCIDsAreThoseOfIPFS(t *testing.T) {
	// ipfs add --cid-version 1 --raw-leaves
	require.Equal(t, "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e", icn.SumCID(icn.Raw, []byte("hello world")).String())
	// The empty block, and the empty DAG-CBOR map.
	require.Equal(t, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", icn.SumCID(icn.Raw, nil).String())
	require.Equal(t, "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua", icn.SumCID(icn.DagCBOR, []byte{0xa0}).String())
}

func TestOnlyVerifiableCIDsAreAccepted(t *testing.T) {
	digest := func(code uint64, length int) mh.Multihash {
		h, err := mh.Sum([]byte("x"), code, length)
		require.NoError(t, err)
		return h
	}
	good := icn.SumCID(icn.Raw, []byte("x"))
	require.NoError(t, icn.CheckCID(good))
	for name, c := range map[string]icn.CID{
		"undefined":           {},
		"version 0":           cid.NewCidV0(digest(mh.SHA2_256, 32)),
		"sha2-512":            cid.NewCidV1(icn.Raw, digest(mh.SHA2_512, 64)),
		"identity":            cid.NewCidV1(icn.Raw, digest(mh.IDENTITY, 1)),
		"truncated sha2-256":  cid.NewCidV1(icn.Raw, append(mh.Multihash{mh.SHA2_256, 20}, make([]byte, 20)...)),
		"double sha2-256":     cid.NewCidV1(icn.Raw, digest(mh.DBL_SHA2_256, 32)),
		"blake3, of 32 bytes": cid.NewCidV1(icn.Raw, append(mh.Multihash{0x1e, 32}, make([]byte, 32)...)),
	} {
		require.ErrorIs(t, icn.CheckCID(c), icn.ErrInvalid, name)
		if c.Defined() {
			_, err := icn.CastCID(c.Bytes())
			require.ErrorIs(t, err, icn.ErrInvalid, name)
			_, err = icn.ParseCID(c.String())
			require.ErrorIs(t, err, icn.ErrInvalid, name)
		}
	}
	_, err := icn.CastCID(append(good.Bytes(), 0))
	require.ErrorIs(t, err, icn.ErrInvalid, "a trailing byte")
	for _, s := range []string{"", "b", "hello", good.String() + "a", good.String()[:20], strings.Repeat("b", 10_000)} {
		_, err := icn.ParseCID(s)
		require.ErrorIs(t, err, icn.ErrInvalid, "%q", s)
	}
	back, err := icn.ParseCID(good.String())
	require.NoError(t, err)
	require.Equal(t, good, back)
}

func TestBlockIsWhatItsNameSays(t *testing.T) {
	b := icn.NewBlock(icn.Raw, []byte("hello world"))
	require.NoError(t, b.Verify())
	b.Data = []byte("hello World")
	require.ErrorIs(t, b.Verify(), icn.ErrCorrupt)
	full := icn.NewBlock(icn.Raw, make([]byte, icn.MaxBlock))
	require.NoError(t, full.Verify())
	over := icn.NewBlock(icn.Raw, make([]byte, icn.MaxBlock+1))
	require.ErrorIs(t, over.Verify(), icn.ErrInvalid)
	require.ErrorIs(t, icn.Block{Data: []byte("x")}.Verify(), icn.ErrInvalid)
}

func TestDIDsAreThoseOfTheSpecification(t *testing.T) {
	// From the did:key specification (https://w3c-ccg.github.io/did-key-spec/).
	const known = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
	d, err := icn.ParseDID(known)
	require.NoError(t, err)
	require.Equal(t, known, d.String())
	require.Equal(t, "2e6fcce36701dc791488e0d0b1745cc1e33a4c1c9fcc41c63bd343dbbe0970e6", hex.EncodeToString(d[:]))
	require.Equal(t, "Gta2doK", d.Short()[1:])

	// RFC 8032, section 7.1, test 1: seed, public key.
	seed, err := hex.DecodeString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
	require.NoError(t, err)
	pub := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	require.Equal(t, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", hex.EncodeToString(pub))
	back, err := icn.ParseDID(icn.DID(pub).String())
	require.NoError(t, err)
	require.Equal(t, icn.DID(pub), back)
}

func TestOtherDIDsAreRefused(t *testing.T) {
	good := who(1).String()
	for _, s := range []string{
		"", "did:key:", "did:key:z", "did:web:example.org", good[:len(good)-1], good + "1", " " + good, strings.ToUpper(good),
		"did:key:" + good, strings.Replace(good, "did:key:z", "did:key:m", 1),
		"did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc",  // X25519
		"did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme", // secp256k1
		"did:key:z" + strings.Repeat("1", 5000),
	} {
		d, err := icn.ParseDID(s)
		require.ErrorIs(t, err, icn.ErrInvalid, "%.80q", s)
		require.True(t, d.IsZero())
	}
}

func TestNamesAreStringsInJSON(t *testing.T) {
	b, err := json.Marshal(map[string]any{"who": who(1), "role": icn.RoleOrg})
	require.NoError(t, err)
	require.JSONEq(t, `{"who":"`+who(1).String()+`","role":"organisation"}`, string(b))
	var in struct {
		Who  icn.DID
		Role icn.Role
	}
	require.NoError(t, json.Unmarshal(b, &in))
	require.Equal(t, who(1), in.Who)
	require.Equal(t, icn.RoleOrg, in.Role)
	require.Error(t, json.Unmarshal([]byte(`{"role":"king"}`), &in))
	require.Equal(t, "role 9", icn.Role(9).String())
}

// TestKeysOfNobodyAreWeak: RFC 8032 accepts signatures under these keys that
// anybody can make.
func TestKeysOfNobodyAreWeak(t *testing.T) {
	for _, s := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000080",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	} {
		b, err := hex.DecodeString(s)
		require.NoError(t, err)
		require.True(t, icn.DID(b).Weak(), s)
	}
	for n := range byte(50) {
		require.False(t, who(n).Weak())
	}
}

func TestTextFitsWithoutHalfARune(t *testing.T) {
	for _, c := range []struct {
		in   string
		max  int
		want string
	}{
		{"short", 10, "short"}, {"exactly", 7, "exactly"}, {"cut here", 3, "cut"}, {"aä", 2, "a"}, {"aä", 3, "aä"},
		{"日本", 4, "日"}, {"日本", 2, ""}, {"a\xffb", 10, "a\uFFFDb"}, {"", 0, ""}, {"x", 0, ""},
	} {
		require.Equal(t, c.want, icn.Fit(c.in, c.max), "%q, %d", c.in, c.max)
	}
}

package key_test

import (
	stded25519 "crypto/ed25519"
	"crypto/sha512"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/key"
)

// lowOrder are all encodings of the eight points of small order, the
// non-canonical ones included (as listed in ZIP 215's test vectors).
var lowOrder = []string{
	"0100000000000000000000000000000000000000000000000000000000000000",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	// Non-canonical: the sign of x = 0, or y not below p.
	"0100000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
}

// ZIP 215's own vectors: with S = 0, every pair of small-order A and R verifies,
// over any message, because both vanish under the cofactor.
func TestVectorsOfTheZIPAreAcceptedAloneAndInABatch(t *testing.T) {
	var items []key.Item
	byStandard := 0
	for _, a := range lowOrder {
		for _, r := range lowOrder {
			x := key.Item{Key: [32]byte(unhex(t, a)), Msg: []byte("Zcash"), Sig: append(unhex(t, r), make([]byte, 32)...)}
			require.True(t, key.Verify(x.Key, x.Msg, x.Sig), "A %s, R %s", a, r)
			if stded25519.Verify(x.Key[:], x.Msg, x.Sig) {
				byStandard++
			}
			items = append(items, x)
		}
	}
	require.Len(t, items, 196)
	require.Less(t, byStandard, 196, "the vectors tell this rule from the standard library's")
	for i, ok := range key.VerifyBatch(items) {
		require.True(t, ok, "item %d", i)
	}
}

// A point of small order added to R or to the key changes nothing under this
// rule. Under the standard library's it does, and a batch would then be judged
// by chance.
func TestSmallOrderPartsCountForNothingAloneAndInABatch(t *testing.T) {
	var items []key.Item
	byStandard := 0
	for i, hexR := range lowOrder {
		for _, hexA := range lowOrder {
			x := signWithTorsion(t, byte(i), unhex(t, hexR), unhex(t, hexA))
			require.True(t, key.Verify(x.Key, x.Msg, x.Sig), "R + %s, A + %s", hexR, hexA)
			if stded25519.Verify(x.Key[:], x.Msg, x.Sig) {
				byStandard++
			}
			items = append(items, x)
		}
	}
	require.Less(t, byStandard, len(items)/2)
	require.NotContains(t, key.VerifyBatch(items), false)
	items[77].Msg[0] ^= 1
	for i, ok := range key.VerifyBatch(items) {
		require.Equal(t, i != 77, ok, "item %d", i)
	}
}

// signWithTorsion signs as RFC 8032 does, but adds a small point to R and one to
// the public key before both are hashed.
func signWithTorsion(t *testing.T, n byte, smallR, smallA []byte) key.Item {
	a, r := scalarOf(t, "a", n), scalarOf(t, "r", n)
	x := key.Item{Key: [32]byte(timesBasePlus(t, a, smallA)), Msg: []byte{n, 'm'}}
	R := timesBasePlus(t, r, smallR)
	h := sha512.Sum512(slices.Concat(R, x.Key[:], x.Msg))
	k, err := scalar.NewFromBytesModOrderWide(h[:])
	require.NoError(t, err)
	s := scalar.New().Add(r, scalar.New().Mul(k, a))
	S, err := s.MarshalBinary()
	require.NoError(t, err)
	x.Sig = slices.Concat(R, S)
	return x
}

func scalarOf(t *testing.T, what string, n byte) *scalar.Scalar {
	h := sha512.Sum512(append([]byte(what), n))
	s, err := scalar.NewFromBytesModOrderWide(h[:])
	require.NoError(t, err)
	return s
}

func timesBasePlus(t *testing.T, s *scalar.Scalar, small []byte) []byte {
	compressed, err := curve.NewCompressedEdwardsYFromBytes(small)
	require.NoError(t, err)
	point, err := curve.NewEdwardsPoint().SetCompressedY(compressed)
	require.NoError(t, err)
	sum := curve.NewEdwardsPoint().MulBasepoint(curve.ED25519_BASEPOINT_TABLE, s)
	out, err := sum.Add(sum, point).MarshalBinary()
	require.NoError(t, err)
	return out
}

func TestWhatIsInvalidAloneIsInvalidInABatch(t *testing.T) {
	p := generate(t)
	msg := []byte("a statement")
	sig := p.Sign(msg)
	order := unhex(t, "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010") // L, little endian
	changed := func(change func(x *key.Item)) key.Item {
		x := key.Item{Key: p.Public(), Msg: append([]byte{}, msg...), Sig: append([]byte{}, sig...)}
		change(&x)
		return x
	}
	bad := map[string]key.Item{
		"bit of the message":   changed(func(x *key.Item) { x.Msg[3] ^= 1 }),
		"message longer":       changed(func(x *key.Item) { x.Msg = append(x.Msg, 0) }),
		"bit of R":             changed(func(x *key.Item) { x.Sig[5] ^= 1 }),
		"bit of S":             changed(func(x *key.Item) { x.Sig[40] ^= 1 }),
		"bit of the key":       changed(func(x *key.Item) { x.Key[7] ^= 1 }),
		"other key":            changed(func(x *key.Item) { x.Key = generate(t).Public() }),
		"S plus the order":     changed(func(x *key.Item) { addLittleEndian(x.Sig[32:], order) }),
		"S is the order":       changed(func(x *key.Item) { copy(x.Sig[32:], order) }),
		"S has its top bit":    changed(func(x *key.Item) { x.Sig[63] |= 0x80 }),
		"R is no point":        changed(func(x *key.Item) { copy(x.Sig, append([]byte{2}, make([]byte, 31)...)) }),
		"key is no point":      changed(func(x *key.Item) { x.Key = [32]byte{2} }),
		"zero signature":       changed(func(x *key.Item) { clear(x.Sig) }),
		"no signature":         changed(func(x *key.Item) { x.Sig = nil }),
		"63 bytes":             changed(func(x *key.Item) { x.Sig = x.Sig[:63] }),
		"65 bytes":             changed(func(x *key.Item) { x.Sig = append(x.Sig, 0) }),
		"small key, S not 0":   changed(func(x *key.Item) { x.Key = [32]byte{1} }),
		"halves in wrong turn": changed(func(x *key.Item) { x.Sig = append(append([]byte{}, sig[32:]...), sig[:32]...) }),
	}
	good := changed(func(*key.Item) {})
	for what, x := range bad {
		require.False(t, key.Verify(x.Key, x.Msg, x.Sig), what)
		for _, size := range []int{1, 2, 3, 10, 300} {
			items := make([]key.Item, size)
			for i := range items {
				items[i] = good
			}
			at := size / 2
			items[at] = x
			for i, ok := range key.VerifyBatch(items) {
				require.Equal(t, i != at, ok, "%s: item %d of %d", what, i, size)
			}
		}
	}
}

func addLittleEndian(a, b []byte) {
	carry := 0
	for i := range a {
		carry += int(a[i]) + int(b[i])
		a[i] = byte(carry)
		carry >>= 8
	}
}

// One rule: whatever the mix, a batch says of each what Verify says of it.
func TestBatchAndSingleAgreeOnAnything(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pairs := []key.Pair{generate(t), generate(t), generate(t)}
	for round := range 60 {
		items := make([]key.Item, r.IntN(120))
		for i := range items {
			p := pairs[r.IntN(len(pairs))]
			msg := fmt.Appendf(nil, "message %d of %d", i, round)
			x := key.Item{Key: p.Public(), Msg: msg, Sig: p.Sign(msg)}
			if round%3 != 0 { // in every third all are good
				spoil(t, r, &x)
			}
			items[i] = x
		}
		got := key.VerifyBatch(items)
		require.Len(t, got, len(items))
		for i, x := range items {
			require.Equal(t, key.Verify(x.Key, x.Msg, x.Sig), got[i], "round %d, item %d: key %x, message %q, signature %x", round, i, x.Key, x.Msg, x.Sig)
		}
	}
}

func spoil(t *testing.T, r *rand.Rand, x *key.Item) {
	small := unhex(t, lowOrder[r.IntN(len(lowOrder))])
	switch r.IntN(40) {
	case 0:
		x.Sig[r.IntN(64)] ^= 1 << r.IntN(8)
	case 1:
		x.Key[r.IntN(32)] ^= 1 << r.IntN(8)
	case 2:
		copy(x.Sig, small)
	case 3:
		x.Key = [32]byte(small)
	case 4:
		x.Key = [32]byte(small)
		copy(x.Sig, unhex(t, lowOrder[r.IntN(len(lowOrder))]))
		clear(x.Sig[32:])
	case 5:
		x.Sig = x.Sig[:r.IntN(64)]
	}
}

func TestEmptyBatchHasNoAnswers(t *testing.T) { require.Empty(t, key.VerifyBatch(nil)) }

func FuzzBatchAgreesWithSingle(f *testing.F) {
	p := key.FromSeed([32]byte{1})
	pub := p.Public()
	f.Add(pub[:], []byte("m"), p.Sign([]byte("m")))
	f.Fuzz(func(t *testing.T, pub, msg, sig []byte) {
		var x key.Item
		copy(x.Key[:], pub)
		x.Msg, x.Sig = msg, sig
		want := key.Verify(x.Key, msg, sig)
		for _, got := range key.VerifyBatch([]key.Item{x, x, x, x}) {
			require.Equal(t, want, got)
		}
	})
}

func batch(b *testing.B, n int) []key.Item {
	items := make([]key.Item, n)
	for i := range items {
		p, msg := generate(b), make([]byte, 200)
		for j := range msg {
			msg[j] = byte(rand.Uint32())
		}
		items[i] = key.Item{Key: p.Public(), Msg: msg, Sig: p.Sign(msg)}
	}
	return items
}

func BenchmarkSign(b *testing.B) {
	p, msg := generate(b), make([]byte, 200)
	for range b.N {
		p.Sign(msg)
	}
}

func BenchmarkVerify(b *testing.B) {
	x := batch(b, 1)[0]
	for range b.N {
		if !key.Verify(x.Key, x.Msg, x.Sig) {
			b.Fatal("refused")
		}
	}
}

// BenchmarkVerifyBatch reports the time per signature, with all cores (-cpu 1
// for one), also with one bad signature among them.
func BenchmarkVerifyBatch(b *testing.B) {
	for _, n := range []int{2, 8, 64, 256, 1024} {
		for _, spoilt := range []bool{false, true} {
			items := batch(b, n)
			if spoilt {
				items[n/2].Msg[0] ^= 1
			}
			b.Run(fmt.Sprintf("n=%d/bad=%v", n, spoilt), func(b *testing.B) {
				for range b.N {
					if key.VerifyBatch(items)[n/2] == spoilt {
						b.Fatal("wrong")
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/1e3/float64(b.N*n), "us/sig")
			})
		}
	}
}

package icn

import (
	"crypto/sha256"
	"fmt"

	"github.com/ipfs/go-cid"
	mh "github.com/multiformats/go-multihash"
)

// CID is a real CIDv1: comparable, binary inside, base32 as text.
type CID = cid.Cid

// The two codecs this network writes. (Blocks of other codecs, such as the
// dag-pb of a UnixFS file, are stored and served as they are.)
const (
	Raw     = cid.Raw
	DagCBOR = cid.DagCBOR
)

// MaxBlock is the largest block in bytes that is stored or sent.
const MaxBlock = 2 << 20

// Block is content and the name that its hash gives it.
type Block struct {
	CID  CID
	Data []byte
}

// SumCID names data under codec: CIDv1, multihash sha2-256.
func SumCID(codec uint64, data []byte) CID {
	d := sha256.Sum256(data)
	return CIDOf(codec, d)
}

// CIDOf is the CIDv1 of a sha2-256 digest under codec.
func CIDOf(codec uint64, digest [32]byte) CID {
	h := make([]byte, 0, 34)
	h = append(h, mh.SHA2_256, 32)
	h = append(h, digest[:]...)
	return cid.NewCidV1(codec, h)
}

// NewBlock names data under codec.
func NewBlock(codec uint64, data []byte) Block {
	return Block{CID: SumCID(codec, data), Data: data}
}

// maxCIDText is longer than the text of any CID that we accept, in any base.
// Reading base58 takes time that grows with the square of its length.
const maxCIDText = 400

// ParseCID reads a CID's text form, in any multibase. Only CIDv1 with sha2-256 is accepted,
// because that is what every node can verify.
func ParseCID(s string) (CID, error) {
	if len(s) > maxCIDText {
		return cid.Undef, fmt.Errorf("CID %q: %w: %d characters", clip(s), ErrInvalid, len(s))
	}
	c, err := cid.Decode(s)
	if err != nil {
		return cid.Undef, fmt.Errorf("CID %q: %w: %v", clip(s), ErrInvalid, err)
	}
	if err := CheckCID(c); err != nil {
		return cid.Undef, err
	}
	return c, nil
}

// CastCID reads a CID's binary form, under the same rule as [ParseCID].
func CastCID(b []byte) (CID, error) {
	c, err := cid.Cast(b)
	if err != nil {
		return cid.Undef, fmt.Errorf("binary CID: %w: %v", ErrInvalid, err)
	}
	if err := CheckCID(c); err != nil {
		return cid.Undef, err
	}
	return c, nil
}

// CheckCID says whether c is a CID that this network can verify.
func CheckCID(c CID) error {
	if !c.Defined() {
		return fmt.Errorf("CID: %w: empty", ErrInvalid)
	}
	p := c.Prefix()
	if p.Version != 1 || p.MhType != mh.SHA2_256 || p.MhLength != 32 {
		return fmt.Errorf("CID %s: %w: want CIDv1 with a 32-byte sha2-256 (ipfs add --cid-version 1)", c, ErrInvalid)
	}
	return nil
}

// Verify re-hashes the block and compares with its CID.
func (b Block) Verify() error {
	if err := CheckCID(b.CID); err != nil {
		return err
	}
	if len(b.Data) > MaxBlock {
		return fmt.Errorf("block %s: %w: %d bytes, at most %d", b.CID, ErrInvalid, len(b.Data), MaxBlock)
	}
	if got := SumCID(b.CID.Prefix().Codec, b.Data); got != b.CID {
		return fmt.Errorf("block %s: %w: content hashes to %s", b.CID, ErrCorrupt, got)
	}
	return nil
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

package icn

import "fmt"

// BidDomain tags the bytes that a bid's signature covers.
const BidDomain = "icn/bid/v1"

// Bid is an executor's signed answer to an open job, sent to the node that
// assigns. A Pass is an answer too: nobody needs to wait for this node.
type Bid struct {
	Network   CID
	Job       CID
	Attempt   uint32
	Executor  DID
	Pass      bool
	Price     uint64
	FreeSlots uint64
	FreeMB    uint64
	Sig       [64]byte
}

func (b *Bid) core(out []byte) []byte {
	out = AppendCID(AppendCID(out, b.Network), b.Job)
	out = AppendDID(AppendUint(out, uint64(b.Attempt)), b.Executor)
	return AppendUint(AppendUint(AppendUint(AppendBool(out, b.Pass), b.Price), b.FreeSlots), b.FreeMB)
}

// SigningBytes is what the executor signs.
func (b *Bid) SigningBytes() []byte {
	return b.core(AppendArray([]byte(BidDomain), 8))
}

// Encode is the canonical wire form.
func (b *Bid) Encode() []byte { return AppendBytes(b.core(AppendArray(nil, 9)), b.Sig[:]) }

// CID names the bid.
func (b *Bid) CID() CID { return SumCID(DagCBOR, b.Encode()) }

// DecodeBid reads a bid strictly; the signature is the caller's to check.
func DecodeBid(wire []byte) (*Bid, error) {
	r := NewReader(wire)
	r.Tuple(9)
	b := &Bid{Network: r.MustCID(), Job: r.MustCID(), Attempt: r.Uint32(), Executor: r.DID(), Pass: r.Bool(), Price: r.Uint(), FreeSlots: r.Uint(), FreeMB: r.Uint()}
	sig := r.Bytes(64)
	if r.Err() == nil && len(sig) != 64 {
		r.Fail("signature of %d bytes", len(sig))
	}
	copy(b.Sig[:], sig)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("bid: %w", err)
	}
	return b, nil
}

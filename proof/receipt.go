package proof

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Receipt is a small file that its owner keeps: it shows for ever that what was said,
// a ballot say, is in the federation's log. Whether a ballot was counted, the vote's
// own file shows.
type Receipt struct {
	Anchor
	Entry  []byte   // the entry of the log
	Hashes [][]byte // its path in the log's tree (RFC 6962), from the leaf up
	Op     uint64   // which of the statement's operations it is about
}

// ReceiptReport is what a receipt shows.
type ReceiptReport struct {
	Kind       string      `json:"kind"` // "receipt"
	Network    icn.CID     `json:"network"`
	Federation string      `json:"federation"`
	Entry      uint64      `json:"entry"`
	Time       icn.Time    `json:"time_ms"`
	Statement  icn.CID     `json:"statement"`
	Author     icn.DID     `json:"author"`
	Operation  string      `json:"operation"`
	Ballot     *CastReport `json:"ballot,omitempty"`
	Entries    uint64      `json:"checkpoint_entries"`
	Clerks     []icn.DID   `json:"clerks"`
	Signed     []icn.DID   `json:"signed"`
	Checked    []string    `json:"checked"`
}

// CastReport is a ballot as it was cast.
type CastReport struct {
	Proposal icn.CID  `json:"proposal"`
	Voter    icn.DID  `json:"voter"`
	Choice   []uint64 `json:"choice"`
}

// Encode is the file.
func (x Receipt) Encode() []byte {
	b := x.Anchor.append(icn.AppendText(icn.AppendArray(nil, 8), receiptTag))
	return icn.AppendUint(appendBytesList(icn.AppendBytes(b, x.Entry), x.Hashes), x.Op)
}

// DecodeReceipt reads a file strictly; the receipt shares memory with it.
func DecodeReceipt(file []byte) (x Receipt, err error) {
	r := open(file, receiptTag, 8)
	x.Anchor = readAnchor(r)
	x.Entry, x.Hashes, x.Op = r.Bytes(maxEntry), readBytesList(r, maxHashes, 32), r.Uint()
	return x, closed(r, "receipt")
}

// Verify checks a receipt. On an error, the report tells what was still in order.
func (x Receipt) Verify(want Expect) (out ReceiptReport, err error) {
	out = ReceiptReport{Kind: "receipt"}
	c, err := x.Anchor.Verify(want)
	if err != nil {
		return out, err
	}
	out.Network, out.Federation, out.Entries = c.Network, c.Genesis.Name, c.Checkpoint.Size
	out.Clerks, out.Signed = names(c), c.Signed
	out.Checked = append(out.Checked, c.words(len(x.Handovers)))
	e, err := included(c.Checkpoint, x.Entry, x.Hashes)
	if err != nil {
		return out, err
	}
	out.Entry, out.Time = e.Index, e.Time
	out.Checked = append(out.Checked, fmt.Sprintf("entry %d is in the log that they signed", e.Index))
	s := e.Statement
	bad := func(what string) (ReceiptReport, error) {
		return out, fmt.Errorf("entry %d: %w: %s", e.Index, icn.ErrCorrupt, what)
	}
	switch {
	case s == nil:
		return bad("nobody said anything in it")
	case s.Network != c.Network:
		return bad("what it holds was said to another federation")
	case !c.Keys.Signed(s.Author, icn.SigningBytesOf(e.Wire), s.Sig[:], c.verify):
		return bad(fmt.Sprintf("the signature is by no key of %s that the file knows of", s.Author))
	case x.Op >= uint64(len(s.Ops)):
		return bad(fmt.Sprintf("it has %d operations, the receipt is about number %d, counted from 0", len(s.Ops), x.Op))
	}
	op := s.Ops[x.Op]
	out.Statement, out.Author, out.Operation = icn.SumCID(icn.DagCBOR, e.Wire), s.Author, op.Kind()
	if b, ok := op.(icn.BallotCast); ok {
		out.Ballot = &CastReport{Proposal: b.Proposal, Voter: voterOf(s.Author, b), Choice: append([]uint64{}, b.Choice...)}
	}
	out.Checked = append(out.Checked, fmt.Sprintf("%s signed it: %s", s.Author, op.Kind()))
	return out, nil
}

// voterOf is in whose name a ballot was cast.
func voterOf(author icn.DID, b icn.BallotCast) icn.DID {
	if b.For.IsZero() {
		return author
	}
	return b.For
}

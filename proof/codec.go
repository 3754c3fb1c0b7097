package proof

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/state"
)

// The tags that the files begin with.
const (
	receiptTag = "icn/receipt/v1"
	voteTag    = "icn/vote/v1"
)

// Limits of a file's lists and parts.
const (
	maxRotations = 100_000
	maxHandovers = 10_000
	maxNote      = 64 << 10
	maxRow       = 4 << 20
	maxEntry     = icn.MaxStatement + 19
	maxHashes    = 64
	maxVoters    = 1 << 24
	maxCasts     = 1 << 24
	maxChange    = 16 << 20
)

// Kind says what a file is by its first bytes: "vote", "receipt", or empty.
func Kind(file []byte) string {
	r := icn.NewReader(file)
	r.Array(32)
	switch r.Text(32) {
	case voteTag:
		return "vote"
	case receiptTag:
		return "receipt"
	}
	return ""
}

// append writes an anchor: four items, without the head of a tuple.
func (a Anchor) append(b []byte) []byte {
	b = appendBytesList(icn.AppendBytes(b, a.Genesis), a.Rotations)
	b = icn.AppendArray(b, len(a.Handovers))
	for _, h := range a.Handovers {
		b = icn.AppendBytes(icn.AppendText(icn.AppendArray(b, 3), h.Note), h.Row)
		b = h.Proof.Append(b)
	}
	return icn.AppendText(b, a.Note)
}

func readAnchor(r *icn.Reader) (a Anchor) {
	a.Genesis, a.Rotations = r.Bytes(icn.MaxBlock), readBytesList(r, maxRotations, icn.MaxStatement)
	for range r.Array(maxHandovers) {
		r.Tuple(3)
		h := Handover{Note: r.Text(maxNote), Row: r.Bytes(maxRow), Proof: state.ReadProof(r)}
		if r.Err() != nil {
			return a
		}
		a.Handovers = append(a.Handovers, h)
	}
	a.Note = r.Text(maxNote)
	return a
}

func appendBytesList(b []byte, all [][]byte) []byte {
	b = icn.AppendArray(b, len(all))
	for _, x := range all {
		b = icn.AppendBytes(b, x)
	}
	return b
}

func readBytesList(r *icn.Reader, n, max int) (all [][]byte) {
	for range r.Array(n) {
		all = append(all, r.Bytes(max))
		if r.Err() != nil {
			return nil
		}
	}
	return all
}

// open reads the head of a file of a kind.
func open(file []byte, tag string, items int) *icn.Reader {
	r := icn.NewReader(file)
	r.Tuple(items)
	if got := r.Text(32); r.Err() == nil && got != tag {
		r.Fail("not a file of the kind %s", tag)
	}
	return r
}

func closed(r *icn.Reader, what string) error {
	if err := r.Close(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

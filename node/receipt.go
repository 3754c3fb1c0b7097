package node

import (
	"bytes"
	"context"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/proof"
)

// ExportReceipt is the file by which the author of a statement shows for ever that it
// is in the log. It waits for a certified checkpoint over it, or until ctx ends.
func (n *Node) ExportReceipt(ctx context.Context, statement icn.CID, author *icn.DID) (*proof.Receipt, error) {
	index, err := n.Find(statement, author)
	if err != nil {
		return nil, err
	}
	p, err := n.Proof(ctx, index)
	if err != nil {
		return nil, err
	}
	st, err := n.here()
	if err != nil {
		return nil, err
	}
	out := &proof.Receipt{Entry: p.Entry, Hashes: p.Hashes}
	out.Genesis, out.Note = n.loop.Load().cfg.Genesis.Data, p.Checkpoint
	if err := anchor(st, &out.Anchor); err != nil {
		return nil, err
	}
	for _, r := range p.Rotations { // those of the author among them
		if !slices.ContainsFunc(out.Rotations, func(x []byte) bool { return bytes.Equal(x, r) }) {
			out.Rotations = append(out.Rotations, r)
		}
	}
	return out, nil
}

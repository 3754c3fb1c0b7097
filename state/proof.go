package state

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Proof shows that a row is one of those under a root: the hashes beside its path,
// from the leaf up. Whoever has the root alone can check it, see [VerifyRow]. That a
// row is missing cannot be proven by one.
type Proof []Sibling

// Sibling is what a step of a proof is hashed together with.
type Sibling struct {
	Left bool // it stands on the left
	Hash [32]byte
}

// maxProof is the depth of the deepest tree: a branch for each bit of a path.
const maxProof = 256

// Prove proves a row of a table as of now, and tells the row. There is no proof of a
// row that is not there.
func (db *DB) Prove(name, key string) (row []byte, p Proof, found bool) {
	at := slices.IndexFunc(db.tables, func(t table) bool { return t.name() == name })
	if at < 0 {
		return nil, nil, false
	}
	db.Root()
	if p, found = db.tree.prove(leafPath(name, key)); !found {
		return nil, nil, false
	}
	row, found = db.tables[at].leaf(key)
	return row, p, found
}

// prove gives the siblings of a path whose hashes are up to date.
func (t *tree) prove(path [32]byte) (Proof, bool) {
	var p Proof
	n := t.top
	for n != nil && n.left != nil {
		side := bitOf(&path, n.bit)
		p = append(p, Sibling{Left: side == 1, Hash: n.child(1 - side).sum()})
		n = n.child(side)
	}
	if n == nil || n.path != path {
		return nil, false
	}
	slices.Reverse(p)
	return p, true
}

// VerifyRow says whether a row of a table is under a root, or why not. It needs
// nothing but the proof: leaves and branches are hashed apart, and a leaf names the
// table and the key.
func VerifyRow(root [32]byte, table, key string, row []byte, p Proof) error {
	if len(p) > maxProof {
		return fmt.Errorf("proof of a row: %w: %d steps, at most %d", icn.ErrInvalid, len(p), maxProof)
	}
	h := leafHash(leafPath(table, key), sha256.Sum256(row))
	for _, s := range p {
		if s.Left {
			h = branchHash(s.Hash, h)
		} else {
			h = branchHash(h, s.Hash)
		}
	}
	if h != root {
		return fmt.Errorf("proof of a row: %w: the row %x of the table %q does not lead to this root", icn.ErrCorrupt, key, table)
	}
	return nil
}

// Append appends a proof's canonical form: a tuple of 2, side and hash, for each step.
func (p Proof) Append(b []byte) []byte {
	b = icn.AppendArray(b, len(p))
	for _, s := range p {
		b = icn.AppendBytes(icn.AppendBool(icn.AppendArray(b, 2), s.Left), s.Hash[:])
	}
	return b
}

// ReadProof reads what [Proof.Append] wrote.
func ReadProof(r *icn.Reader) (p Proof) {
	for range r.Array(maxProof) {
		r.Tuple(2)
		p = append(p, Sibling{Left: r.Bool(), Hash: r.Hash()})
		if r.Err() != nil {
			return nil
		}
	}
	return p
}

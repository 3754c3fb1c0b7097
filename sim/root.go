package sim

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// naiveRoot computes a state root from a snapshot in the plainest way: all leaves
// sorted by path, split bit by bit. It shares no code with package state, so that
// a table left out there is noticed here.
func naiveRoot(snapshot []byte) ([32]byte, error) {
	r := icn.NewReader(snapshot)
	r.Tuple(5)
	r.Text(32)
	r.CID()
	r.Uint()
	r.Tuple(2)
	r.Uint()
	for range r.Array(64) {
		r.Hash()
	}
	var leaves []leaf
	for range r.Array(64) {
		r.Tuple(2)
		name := r.Text(64)
		for n := r.Array(1 << 20); n > 0 && r.Err() == nil; n -= 2 {
			k, v := r.Bytes(1024), r.Bytes(1<<20)
			leaves = append(leaves, leaf{sha256.Sum256(slices.Concat([]byte(name), []byte{0}, k)), sha256.Sum256(v)})
		}
	}
	if err := r.Close(); err != nil {
		return [32]byte{}, fmt.Errorf("snapshot: %w", err)
	}
	slices.SortFunc(leaves, func(a, b leaf) int { return slices.Compare(a.path[:], b.path[:]) })
	return naiveTree(leaves, 0), nil
}

type leaf struct{ path, value [32]byte }

func naiveTree(l []leaf, bit int) [32]byte {
	switch len(l) {
	case 0:
		return [32]byte{}
	case 1:
		return sha256.Sum256(slices.Concat([]byte{0}, l[0].path[:], l[0].value[:]))
	}
	split := slices.IndexFunc(l, func(x leaf) bool { return x.path[bit/8]>>(7-bit%8)&1 == 1 })
	if split <= 0 { // all on one side: this bit does not branch
		return naiveTree(l, bit+1)
	}
	left, right := naiveTree(l[:split], bit+1), naiveTree(l[split:], bit+1)
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

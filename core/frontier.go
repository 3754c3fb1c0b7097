package core

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// frontier is the right edge of the log's RFC 6962 Merkle tree: enough to append
// a leaf and to know the root. Everything left of it is the node's to store, if
// it wants to prove inclusion.
type frontier struct {
	size int64
	edge map[int64]tlog.Hash // stored-hash index → hash, for the subtrees that make up the root
}

// append adds a leaf and returns its new stored hashes and the index of the
// first of them.
func (f *frontier) append(leaf []byte) (int64, [][32]byte) {
	hashes, err := tlog.StoredHashes(f.size, leaf, f)
	if err != nil {
		panic(fmt.Sprintf("core: merkle tree of %d: %v", f.size, err))
	}
	first := tlog.StoredHashIndex(0, f.size)
	if f.edge == nil {
		f.edge = map[int64]tlog.Hash{}
	}
	out := make([][32]byte, len(hashes))
	for i, h := range hashes {
		f.edge[first+int64(i)] = h
		out[i] = h
	}
	f.size++
	f.trim()
	return first, out
}

// trim forgets what is no subtree of the current size.
func (f *frontier) trim() {
	keep := f.indexes()
	if len(f.edge) == len(keep) {
		return
	}
	next := make(map[int64]tlog.Hash, len(keep)+2)
	for _, i := range keep {
		next[i] = f.edge[i]
	}
	f.edge = next
}

// indexes lists the stored-hash indexes of the complete subtrees, from the left.
func (f *frontier) indexes() []int64 {
	var out []int64
	var at int64
	for level := 62; level >= 0; level-- {
		if f.size>>level&1 == 1 {
			out = append(out, tlog.StoredHashIndex(level, at>>level))
			at += 1 << level
		}
	}
	return out
}

// ReadHashes implements tlog.HashReader over the edge.
func (f *frontier) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		h, ok := f.edge[x]
		if !ok {
			return nil, fmt.Errorf("stored hash %d: %w", x, icn.ErrNotFound)
		}
		out[i] = h
	}
	return out, nil
}

func (f *frontier) root() [32]byte {
	h, err := tlog.TreeHash(f.size, f)
	if err != nil {
		panic(fmt.Sprintf("core: merkle root of %d: %v", f.size, err))
	}
	return h
}

func (f *frontier) snapshot(b []byte) []byte {
	ix := f.indexes()
	b = icn.AppendArray(icn.AppendUint(icn.AppendArray(b, 2), uint64(f.size)), len(ix))
	for _, i := range ix {
		h := f.edge[i]
		b = icn.AppendBytes(b, h[:])
	}
	return b
}

func (f *frontier) restore(r *icn.Reader) {
	r.Tuple(2)
	n := r.Uint()
	if n > 1<<53 {
		r.Fail("tree size out of range")
		return
	}
	f.size = int64(n)
	ix := f.indexes()
	r.Tuple(len(ix))
	f.edge = make(map[int64]tlog.Hash, len(ix))
	for _, i := range ix {
		f.edge[i] = r.Hash()
	}
}

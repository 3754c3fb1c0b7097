package state

import "crypto/sha256"

// tree is a binary Patricia tree over 32-byte paths: its shape, and so its root,
// depends on the set of leaves alone. Hashes are made when the root is asked
// for, along the changed paths only.
//
//	leaf  = SHA-256(0x00 ‖ path ‖ value hash)
//	inner = SHA-256(0x01 ‖ left ‖ right)
//	empty = 32 zero bytes
type tree struct{ top *node }

type node struct {
	left, right *node // nil in a leaf
	bit         int   // inner: the first bit in which the two sides differ
	path        [32]byte
	hash        [32]byte
	stale       bool
}

func bitOf(p *[32]byte, i int) byte { return p[i>>3] >> (7 - i&7) & 1 }

// firstDifference is the first bit in which a and b differ, or 256.
func firstDifference(a, b *[32]byte) int {
	for i := range a {
		if x := a[i] ^ b[i]; x != 0 {
			n := i * 8
			for x&0x80 == 0 {
				x <<= 1
				n++
			}
			return n
		}
	}
	return 256
}

func (t *tree) set(path, value [32]byte) {
	leaf := &node{path: path, hash: leafHash(path, value)}
	if t.top == nil {
		t.top = leaf
		return
	}
	n := t.top
	for n.left != nil {
		n = n.child(bitOf(&path, n.bit))
	}
	d := firstDifference(&n.path, &path)
	at := &t.top
	for {
		n = *at
		if n.left == nil || n.bit > d {
			break
		}
		n.stale = true
		if bitOf(&path, n.bit) == 0 {
			at = &n.left
		} else {
			at = &n.right
		}
	}
	if d == 256 {
		*at = leaf
		return
	}
	in := &node{bit: d, path: path, stale: true}
	if bitOf(&path, d) == 0 {
		in.left, in.right = leaf, n
	} else {
		in.left, in.right = n, leaf
	}
	*at = in
}

func (t *tree) remove(path [32]byte) {
	var up *node
	at, upAt := &t.top, (**node)(nil)
	for *at != nil && (*at).left != nil {
		up, upAt = *at, at
		if bitOf(&path, up.bit) == 0 {
			at = &up.left
		} else {
			at = &up.right
		}
	}
	if *at == nil || (*at).path != path {
		return
	}
	if up == nil {
		t.top = nil
		return
	}
	other := up.left
	if at == &up.left {
		other = up.right
	}
	*upAt = other
	for n := t.top; n != nil && n.left != nil && n != other; n = n.child(bitOf(&path, n.bit)) {
		n.stale = true
	}
}

func (n *node) child(b byte) *node {
	if b == 0 {
		return n.left
	}
	return n.right
}

func (t *tree) root() [32]byte {
	if t.top == nil {
		return [32]byte{}
	}
	return t.top.sum()
}

func (n *node) sum() [32]byte {
	if n.left == nil || !n.stale {
		return n.hash
	}
	n.hash, n.stale = branchHash(n.left.sum(), n.right.sum()), false
	return n.hash
}

func branchHash(left, right [32]byte) [32]byte {
	var b [65]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[33:], right[:])
	return sha256.Sum256(b[:])
}

func leafHash(path, value [32]byte) [32]byte {
	var b [65]byte
	copy(b[1:], path[:])
	copy(b[33:], value[:])
	return sha256.Sum256(b[:])
}

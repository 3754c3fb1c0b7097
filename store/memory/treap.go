package memory

import (
	"bytes"
	"hash/maphash"

	"github.com/InterCooperative-Network/icn-core/store"
)

// node is a treap's: ordered by key, and a heap by priority, which is a hash of
// the key. Nodes are never changed once they can be seen: an update copies the
// path to the root.
type node struct {
	key, value  []byte
	priority    uint64
	left, right *node
}

var seed = maphash.MakeSeed()

func (n *node) with(key, value []byte) *node {
	if n == nil {
		return &node{key: key, value: value, priority: maphash.Bytes(seed, key)}
	}
	c := *n
	switch d := bytes.Compare(key, n.key); {
	case d == 0:
		c.value = value
	case d < 0:
		c.left = n.left.with(key, value)
		if c.left.priority > c.priority {
			return c.rotateRight()
		}
	default:
		c.right = n.right.with(key, value)
		if c.right.priority > c.priority {
			return c.rotateLeft()
		}
	}
	return &c
}

// rotateRight makes the left child, which is a fresh copy, the parent.
func (n node) rotateRight() *node {
	top := n.left
	n.left = top.right
	top.right = &n
	return top
}

func (n node) rotateLeft() *node {
	top := n.right
	n.right = top.left
	top.left = &n
	return top
}

func (n *node) without(key []byte) *node {
	if n == nil {
		return nil
	}
	switch d := bytes.Compare(key, n.key); {
	case d == 0:
		return merge(n.left, n.right)
	case d < 0:
		left := n.left.without(key)
		if left == n.left {
			return n
		}
		c := *n
		c.left = left
		return &c
	default:
		right := n.right.without(key)
		if right == n.right {
			return n
		}
		c := *n
		c.right = right
		return &c
	}
}

// merge joins two treaps, all keys of a being below those of b.
func merge(a, b *node) *node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.priority > b.priority:
		c := *a
		c.right = merge(a.right, b)
		return &c
	}
	c := *b
	c.left = merge(a, b.left)
	return &c
}

// walk calls f in order for the keys within r; false means stop.
func (n *node) walk(r store.Range, f func(k, v []byte) bool) bool {
	if n == nil {
		return true
	}
	above := bytes.Compare(n.key, r.From) >= 0
	below := r.To == nil || bytes.Compare(n.key, r.To) < 0
	first, second, goFirst, goSecond := n.left, n.right, above, below
	if r.Reverse {
		first, second, goFirst, goSecond = n.right, n.left, below, above
	}
	if goFirst && !first.walk(r, f) {
		return false
	}
	if above && below && !f(n.key, n.value) {
		return false
	}
	return !goSecond || second.walk(r, f)
}

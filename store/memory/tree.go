package memory

import (
	"bytes"

	"github.com/InterCooperative-Network/icn-core/store"
)

// node is one key of an immutable treap: a search tree by key and a heap by
// rank (Seidel and Aragon, "Randomized Search Trees", 1996). The rank is a hash
// of the key under a secret seed, so that the shape depends on the set of keys
// alone and no order of insertion can make it deep. Nodes never change once a
// root that reaches them is published; an update copies the path to it.
type node struct {
	key, value  []byte
	rank        uint64
	left, right *node
}

// with is the tree in which n's key has n's value. n must have no children.
func (t *node) with(n *node) *node {
	if t == nil {
		return n
	}
	c := bytes.Compare(n.key, t.key)
	if c == 0 {
		return &node{key: t.key, value: n.value, rank: t.rank, left: t.left, right: t.right}
	}
	if n.rank > t.rank {
		// A tree that holds the key holds it at this rank, so above here it
		// cannot be and below here it can only be when ranks collide.
		left, right := t.split(n.key)
		return &node{key: n.key, value: n.value, rank: n.rank, left: left, right: right}
	}
	copied := *t
	if c < 0 {
		copied.left = t.left.with(n)
	} else {
		copied.right = t.right.with(n)
	}
	return &copied
}

// split parts the tree into the keys below key and those above it.
func (t *node) split(key []byte) (below, above *node) {
	if t == nil {
		return nil, nil
	}
	copied := *t
	switch c := bytes.Compare(key, t.key); {
	case c == 0:
		return t.left, t.right
	case c < 0:
		below, copied.left = t.left.split(key)
		return below, &copied
	default:
		copied.right, above = t.right.split(key)
		return &copied, above
	}
}

// without is the tree that lacks key; the same tree when it never had it.
func (t *node) without(key []byte) *node {
	if t == nil {
		return nil
	}
	copied := *t
	switch c := bytes.Compare(key, t.key); {
	case c == 0:
		return join(t.left, t.right)
	case c < 0:
		if copied.left = t.left.without(key); copied.left == t.left {
			return t
		}
	default:
		if copied.right = t.right.without(key); copied.right == t.right {
			return t
		}
	}
	return &copied
}

// join is the tree of both; every key of below is smaller than any of above.
func join(below, above *node) *node {
	if below == nil {
		return above
	}
	if above == nil {
		return below
	}
	if below.rank >= above.rank {
		copied := *below
		copied.right = join(below.right, above)
		return &copied
	}
	copied := *above
	copied.left = join(below, above.left)
	return &copied
}

func (t *node) find(key []byte) *node {
	for t != nil {
		c := bytes.Compare(key, t.key)
		if c == 0 {
			return t
		}
		if c < 0 {
			t = t.left
		} else {
			t = t.right
		}
	}
	return nil
}

// walk calls f for the keys in r, in the order of r, until f returns false.
func (t *node) walk(r store.Range, f func(key, value []byte) bool) bool {
	if t == nil {
		return true
	}
	aboveFrom := bytes.Compare(t.key, r.From) >= 0
	belowTo := r.To == nil || bytes.Compare(t.key, r.To) < 0
	first, second := t.left, t.right
	firstOpen, secondOpen := aboveFrom, belowTo
	if r.Reverse {
		first, second = second, first
		firstOpen, secondOpen = secondOpen, firstOpen
	}
	if firstOpen && !first.walk(r, f) {
		return false
	}
	if aboveFrom && belowTo && !f(t.key, t.value) {
		return false
	}
	return !secondOpen || second.walk(r, f)
}

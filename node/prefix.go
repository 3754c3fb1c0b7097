package node

import (
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// networkPrefix begins the keys of one network's part of the store.
const networkPrefix = "n/"

// NetworkStore is the part of s that belongs to one federation: joining another
// one starts beside it.
func NetworkStore(s store.Store, network icn.CID) store.Store {
	return part{s, []byte(networkPrefix + network.KeyString() + "/")}
}

// part is a store whose keys all begin with a prefix inside another one.
type part struct {
	store.Store
	prefix []byte
}

func (p part) key(k []byte) []byte { return slices.Concat(p.prefix, k) }

// Get implements store.Store.
func (p part) Get(k []byte) ([]byte, error) { return p.Store.Get(p.key(k)) }

// Scan implements store.Store.
func (p part) Scan(r store.Range, f func(k, v []byte) bool) error {
	in := store.Range{From: p.key(r.From), Reverse: r.Reverse, To: store.Prefix(p.prefix).To}
	if r.To != nil {
		in.To = p.key(r.To)
	}
	return p.Store.Scan(in, func(k, v []byte) bool { return f(k[len(p.prefix):], v) })
}

// Apply implements store.Store.
func (p part) Apply(b *store.Batch) error {
	out := store.Batch{Relaxed: b.Relaxed, Writes: make([]store.Write, len(b.Writes))}
	for i, w := range b.Writes {
		w.Key = p.key(w.Key)
		out.Writes[i] = w
	}
	return p.Store.Apply(&out)
}

// Close does nothing: the store belongs to whoever opened it.
func (p part) Close() error { return nil }

package node

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// Checker tells good signatures.
type Checker struct {
	Verify      core.Verify
	VerifyBatch func([]SigItem) []bool
}

// Check compares every entry with the tree that is stored beside it, and the tree
// with its root.
func (h History) Check(ctx context.Context) error {
	if err := h.complete(); err != nil {
		return err
	}
	stored := hashes{h.store}
	err := h.Log(1, h.Entries, func(index uint64, leaf []byte) error {
		got, err := stored.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(index-1))})
		if err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		if got[0] != tlog.RecordHash(leaf) {
			return fmt.Errorf("entry %d: %w: it is not the one that the log's tree was made of", index, icn.ErrCorrupt)
		}
		return ctx.Err()
	})
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	root, err := tlog.TreeHash(int64(h.Entries), stored)
	if err != nil {
		return fmt.Errorf("log: %w: %v", icn.ErrCorrupt, err)
	}
	if [32]byte(root) != h.Tree {
		return fmt.Errorf("log: %w: its stored tree has the root %x, the state says %x", icn.ErrCorrupt, root, h.Tree)
	}
	return h.certified()
}

// CheckDeep also folds the whole log again, signature by signature, and compares
// what it leads to.
func (h History) CheckDeep(ctx context.Context, c Checker) error {
	if err := h.Check(ctx); err != nil {
		return err
	}
	r, err := NewRebuild(nowhere{}, h.Genesis, c.Verify, c.VerifyBatch)
	if err != nil {
		return err
	}
	var leaves [][]byte
	err = h.Log(1, h.Entries, func(index uint64, leaf []byte) error {
		leaves = append(leaves, append([]byte(nil), leaf...))
		if len(leaves) < 1024 && index < h.Entries {
			return nil
		}
		err := r.Entries(leaves)
		leaves = leaves[:0]
		return err
	})
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	if err := r.History().Same(h); err != nil {
		return err
	}
	if err := r.m.CheckAccounts(); err != nil {
		return err
	}
	return r.CheckCertified(h.Certified)
}

// Same says whether two histories end alike.
func (h History) Same(o History) error {
	switch {
	case h.Network != o.Network:
		return fmt.Errorf("log: %w: of network %s, want %s", icn.ErrCorrupt, h.Network, o.Network)
	case h.Entries != o.Entries || h.Tree != o.Tree:
		return fmt.Errorf("log: %w: %d entries with the root %x, want %d with %x", icn.ErrCorrupt, h.Entries, h.Tree, o.Entries, o.Tree)
	case h.State != o.State:
		return fmt.Errorf("state: %w: its root is %x, want %x", icn.ErrCorrupt, h.State, o.State)
	case h.Totals != o.Totals:
		return fmt.Errorf("accounts: %w: the sums are %+v, want %+v", icn.ErrCorrupt, h.Totals, o.Totals)
	}
	return nil
}

func (h History) complete() error {
	if h.First > 1 {
		return fmt.Errorf("log: %w: the entries before %d are not here yet; the node fetches them from its peers, try again later", icn.ErrUnavailable, h.First)
	}
	return nil
}

// certified compares the last certified checkpoint with the log's tree.
func (h History) certified() error {
	if h.Certified == "" {
		return nil
	}
	c, _, err := icn.ParseNote(h.Certified)
	if err != nil {
		return fmt.Errorf("certified checkpoint: %w: %v", icn.ErrCorrupt, err)
	}
	if c.Network != h.Network || c.Size > h.Entries {
		return fmt.Errorf("certified checkpoint: %w: it is of entry %d of %s, the log has %d of %s", icn.ErrCorrupt, c.Size, c.Network, h.Entries, h.Network)
	}
	root, err := tlog.TreeHash(int64(c.Size), hashes{h.store})
	if err != nil || [32]byte(root) != c.Tree {
		return fmt.Errorf("certified checkpoint: %w: at entry %d it has the root %x, the log %x", icn.ErrCorrupt, c.Size, c.Tree, root)
	}
	return nil
}

// nowhere takes what nobody keeps.
type nowhere struct{}

func (nowhere) Get([]byte) ([]byte, error)                           { return nil, icn.ErrNotFound }
func (nowhere) Scan(store.Range, func(key, value []byte) bool) error { return nil }
func (nowhere) Apply(*store.Batch) error                             { return nil }
func (nowhere) Close() error                                         { return nil }

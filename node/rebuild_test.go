package node_test

import (
	"context"
	"errors"
	"testing"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/memory"
)

var checker = node.Checker{Verify: key.Verify, VerifyBatch: verifyBatch}

// rebuilt fills a new store with a history; change may spoil a leaf on its way.
func rebuilt(t *testing.T, h node.History, change func(index uint64, leaf []byte) []byte) (store.Store, error) {
	t.Helper()
	s := memory.New()
	if err := node.BeginRebuild(s); err != nil {
		t.Fatal(err)
	}
	r, err := node.NewRebuild(s, h.Genesis, key.Verify, verifyBatch)
	if err != nil {
		t.Fatal(err)
	}
	err = h.Log(1, h.Entries, func(index uint64, leaf []byte) error {
		leaf = append([]byte(nil), leaf...)
		if change != nil {
			leaf = change(index, leaf)
		}
		return r.Entries([][]byte{leaf})
	})
	if err != nil {
		return s, err
	}
	if err := r.History().Same(h); err != nil {
		return s, err
	}
	return s, r.Finish(h)
}

func TestS13LogRebuildsTheWholeState(t *testing.T) {
	pair := newPair(t)
	s := memory.New()
	n, stop := alone(t, s, pair)
	for range 4 {
		runJob(t, n, "work")
	}
	live, err := n.History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := live.CheckDeep(t.Context(), checker); err != nil {
		t.Error(err)
	}
	stop()
	h, err := node.ReadHistory(s, key.Verify)
	if err != nil {
		t.Fatal(err)
	}
	copied, err := rebuilt(t, h, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := node.ReadHistory(copied, key.Verify)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Same(h); err != nil {
		t.Error(err)
	}
	if err := again.CheckDeep(t.Context(), checker); err != nil {
		t.Error(err)
	}
	n, stop = alone(t, copied, pair)
	defer stop()
	if v := runJob(t, n, "more"); v.State != node.JobCompleted || v.Posted <= h.Entries {
		t.Errorf("%+v, after entry %d", v, h.Entries)
	}
	old, err := n.Events(node.EventFilter{Type: "settled"})
	if err != nil || len(old) != 5 {
		t.Errorf("%d jobs settled, %v", len(old), err)
	}
}

func TestChangedLogIsNotRebuilt(t *testing.T) {
	s := memory.New()
	n, stop := alone(t, s, newPair(t))
	runJob(t, n, "work")
	stop()
	h, err := node.ReadHistory(s, key.Verify)
	if err != nil {
		t.Fatal(err)
	}
	for index := uint64(1); index <= h.Entries; index++ {
		for _, at := range []int{1, 10, -70, -1} {
			_, err := rebuilt(t, h, func(i uint64, leaf []byte) []byte {
				if i == index {
					leaf[(at+len(leaf))%len(leaf)] ^= 1
				}
				return leaf
			})
			if !errors.Is(err, icn.ErrCorrupt) {
				t.Errorf("entry %d, byte %d changed: %v", index, at, err)
			}
		}
	}
}

func TestUnfinishedRebuildIsNoNodes(t *testing.T) {
	s := memory.New()
	if err := node.BeginRebuild(s); err != nil {
		t.Fatal(err)
	}
	b := &store.Batch{}
	b.Put([]byte("something"), nil)
	if err := s.Apply(b); err != nil {
		t.Fatal(err)
	}
	if _, err := node.ReadHistory(s, key.Verify); !errors.Is(err, icn.ErrInvalid) {
		t.Error(err)
	}
	n := node.New(node.Config{Key: newPair(t), Store: s, Verify: key.Verify})
	if err := n.Run(context.Background()); !errors.Is(err, icn.ErrInvalid) {
		t.Error(err)
	}
	if err := node.BeginRebuild(s); err != nil { // it begins again
		t.Error(err)
	}
	if err := node.AbandonRebuild(s); err != nil {
		t.Error(err)
	}
	used := false
	if err := s.Scan(store.Range{}, func(_, _ []byte) bool { used = true; return true }); err != nil || used {
		t.Errorf("something is left: %v", err)
	}
	if err := s.Apply(b); err != nil {
		t.Fatal(err)
	}
	if err := node.BeginRebuild(s); !errors.Is(err, icn.ErrConflict) {
		t.Errorf("into a store in use: %v", err)
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	s := memory.New()
	n, stop := alone(t, s, newPair(t))
	runJob(t, n, "work")
	stop()
	h, err := node.ReadHistory(s, key.Verify)
	if err != nil {
		t.Fatal(err)
	}
	spoil := func(k []byte, write func(*store.Batch, []byte, []byte)) error {
		c := s.Clone()
		part := node.NetworkStore(c, h.Network)
		v, err := part.Get(k)
		if err != nil {
			t.Fatal(err)
		}
		b := &store.Batch{}
		write(b, k, append([]byte(nil), v...))
		if err := part.Apply(b); err != nil {
			t.Fatal(err)
		}
		h, err := node.ReadHistory(c, key.Verify)
		if err != nil {
			return err
		}
		return h.CheckDeep(t.Context(), checker)
	}
	for _, k := range [][]byte{node.EntryKey(2), node.HashKey(0), node.HashKey(2)} {
		flip := func(b *store.Batch, k, v []byte) { v[len(v)-1] ^= 1; b.Put(k, v) }
		gone := func(b *store.Batch, k, _ []byte) { b.Delete(k) }
		for name, f := range map[string]func(*store.Batch, []byte, []byte){"flipped": flip, "gone": gone} {
			if err := spoil(k, f); !errors.Is(err, icn.ErrCorrupt) {
				t.Errorf("%q %s: %v", k, name, err)
			}
		}
	}
}

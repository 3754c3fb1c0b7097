package node_test

import (
	"errors"
	"testing"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/store/memory"
)

// TestS34ThePastIsWhatTheStateWas folds the log again, and compares each account after
// each entry, in whatever order it is asked about.
func TestS34ThePastIsWhatTheStateWas(t *testing.T) {
	n, stop := alone(t, memory.New(), newPair(t))
	defer stop()
	for range 4 {
		runJob(t, n, "again")
	}
	h, err := n.History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := core.New(icn.NewBlock(icn.DagCBOR, h.Genesis), key.Verify)
	if err != nil {
		t.Fatal(err)
	}
	stranger := icn.DID{1, 2, 3}
	want := map[uint64]node.Past{}
	for i := uint64(1); i <= h.Entries; i++ {
		e, err := n.Entry(i)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Apply(*e, core.Checked{}); err != nil {
			t.Fatal(err)
		}
		a, known := m.Account(n.Me(), e.Time)
		want[i] = node.Past{Known: known, Balance: a.Balance, Reputation: m.Reputation(n.Me(), e.Time)}
	}
	changed := map[node.Past]bool{}
	for _, up := range []bool{true, false} {
		for k := range h.Entries {
			i := k + 1
			if !up {
				i = h.Entries - k
			}
			got, err := n.Past(t.Context(), n.Me(), i)
			if err != nil || got != want[i] {
				t.Errorf("entry %d: %+v %v, the state was %+v", i, got, err, want[i])
			}
			changed[got] = true
			if got, err = n.Past(t.Context(), stranger, i); err != nil || got.Known || got.Balance != 0 {
				t.Errorf("entry %d: a stranger: %+v %v", i, got, err)
			}
		}
	}
	if len(changed) < 2 {
		t.Errorf("the account only ever stood at %v", changed)
	}
	if _, err := n.Past(t.Context(), n.Me(), h.Entries+1000); !errors.Is(err, icn.ErrUnavailable) {
		t.Errorf("the future: %v", err)
	}
}

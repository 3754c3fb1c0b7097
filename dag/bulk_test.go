package dag_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/memory"
)

func rawBlock(s string) icn.Block { return icn.NewBlock(icn.Raw, []byte(s)) }

// openAt is a DAG whose clock the test moves.
func openAt(t *testing.T, s store.Store, now *time.Time) *dag.DAG {
	t.Helper()
	d, err := dag.Open(s, dag.Options{Now: func() time.Time { return *now }})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func arrived(t *testing.T, d *dag.DAG, after uint64) (out []string) {
	t.Helper()
	if err := d.Since(after, func(s dag.Stored) error { out = append(out, string(s.Data)); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBlocksAreFoundByTheirArrival(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	d := openAt(t, memory.New(), &now)
	put := func(s string) {
		t.Helper()
		now = now.Add(time.Second)
		if err := d.Put(t.Context(), rawBlock(s)); err != nil {
			t.Fatal(err)
		}
	}
	put("a")
	put("b")
	mark := d.Arrived()
	then := now.Add(time.Millisecond)
	put("c")
	put("a") // again: it arrives anew
	if got := strings.Join(arrived(t, d, mark), " "); got != "c a" {
		t.Errorf("since %d: %s", mark, got)
	}
	if got := strings.Join(arrived(t, d, 0), " "); got != "b c a" {
		t.Errorf("all: %s", got)
	}
	last, err := d.ArrivedBefore(then)
	if err != nil || last != 2 {
		t.Errorf("before %v: %d %v", then, last, err)
	}
}

func TestPruneForgetsArrivalsThatCameAgain(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	s := memory.New()
	d := openAt(t, s, &now)
	for range 5 {
		if err := d.Put(t.Context(), rawBlock("again")); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Pin(t.Context(), rawBlock("again").CID, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Prune(t.Context(), dag.PruneOptions{}); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := s.Scan(store.Prefix([]byte("i/")), func(_, _ []byte) bool { n++; return true }); err != nil || n != 1 {
		t.Errorf("%d arrivals are left, %v", n, err)
	}
	if got := arrived(t, d, 0); len(got) != 1 {
		t.Error(got)
	}
}

func TestStockHasOneNameUntilItIsAnother(t *testing.T) {
	s, now := memory.New(), time.Now()
	a, err := openAt(t, s, &now).Stock()
	if err != nil {
		t.Fatal(err)
	}
	b, err := openAt(t, s, &now).Stock()
	if err != nil || a != b || len(a) != 32 {
		t.Errorf("%q, then %q, %v", a, b, err)
	}
	c, err := openAt(t, memory.New(), &now).Stock()
	if err != nil || c == a {
		t.Errorf("another stock is %q, too; %v", c, err)
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	s, now := memory.New(), time.Now()
	d := openAt(t, s, &now)
	tree, err := d.Add(t.Context(), strings.NewReader(strings.Repeat("x", 600_000)+"end"))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Pin(t.Context(), tree.CID, 0); err != nil {
		t.Fatal(err)
	}
	c, err := d.CheckAll(t.Context())
	if err != nil || len(c.Bad) != 0 || c.Blocks != 3 {
		t.Fatalf("%+v %v", c, err)
	}
	var victim []byte
	if err := s.Scan(store.Prefix([]byte("b/")), func(k, v []byte) bool {
		if len(v) > 1000 {
			victim = append([]byte(nil), k...)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	v, err := s.Get(victim)
	if err != nil {
		t.Fatal(err)
	}
	name, err := icn.CastCID(victim[2:])
	if err != nil {
		t.Fatal(err)
	}
	v[500] ^= 1
	b := &store.Batch{}
	b.Put(victim, v)
	if err := s.Apply(b); err != nil {
		t.Fatal(err)
	}
	c, err = d.CheckAll(t.Context())
	if err != nil || len(c.Bad) == 0 || !errors.Is(c.Bad[0], icn.ErrCorrupt) || !strings.Contains(c.Bad[0].Error(), name.String()) {
		t.Errorf("a flipped bit: %v %v", c.Bad, err)
	}
	b = &store.Batch{}
	b.Delete(victim)
	if err := s.Apply(b); err != nil {
		t.Fatal(err)
	}
	c, err = d.CheckAll(t.Context())
	if err != nil || len(c.Bad) != 1 || !strings.Contains(c.Bad[0].Error(), tree.CID.String()) || !strings.Contains(c.Bad[0].Error(), name.String()) {
		t.Errorf("a missing block: %v %v", c.Bad, err)
	}
}

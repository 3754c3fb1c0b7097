package dag_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
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

// watched lets something happen before a batch is applied.
type watched struct {
	store.Store
	before func()
}

func (w watched) Apply(b *store.Batch) error {
	w.before()
	return w.Store.Apply(b)
}

func TestArrivedNumbersAreInTheStore(t *testing.T) {
	type seen struct {
		arrived uint64
		has     bool
	}
	block, answer := rawBlock("under way"), make(chan seen, 1)
	s := watched{Store: memory.New()}
	var d *dag.DAG
	s.before = func() {
		asked := make(chan bool)
		go func() {
			close(asked)
			n := d.Arrived() // a backup that reaches so far is never asked for it again
			has, err := d.Has(block.CID)
			if err != nil {
				t.Error(err)
			}
			answer <- seen{n, has}
		}()
		<-asked
		for range 10_000 {
			runtime.Gosched() // who does not wait has answered by now
		}
	}
	d, err := dag.Open(s, dag.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.PutMany(t.Context(), []icn.Block{block}); err != nil {
		t.Fatal(err)
	}
	if got := <-answer; got.arrived != 1 || !got.has {
		t.Errorf("the last number is %d, and whether that block is stored: %v", got.arrived, got.has)
	}
}

func TestImportStoresManyBlocksAndRefusesAWrongOne(t *testing.T) {
	for _, c := range []struct {
		name  string
		wrong int // which block's content is changed; -1: none
		cut   int // bytes that are missing at the end
		want  error
	}{{"sound", -1, 0, nil}, {"first", 0, 0, icn.ErrInvalid}, {"last", 19_999, 0, icn.ErrInvalid}, {"cut", -1, 100, icn.ErrInvalid}} {
		t.Run(c.name, func(t *testing.T) {
			var car bytes.Buffer
			w, err := dag.NewCARWriter(&car, []icn.CID{rawBlock("root").CID})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 20_000 {
				b := rawBlock(fmt.Sprintf("%0512d", i))
				if i == c.wrong {
					b.Data[7] ^= 1
				}
				if err := w.Put(t.Context(), b); err != nil {
					t.Fatal(err)
				}
			}
			d, err := dag.Open(memory.New(), dag.Options{})
			if err != nil {
				t.Fatal(err)
			}
			in, err := d.Import(t.Context(), bytes.NewReader(car.Bytes()[:car.Len()-c.cut]))
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			got, err := d.CheckAll(t.Context())
			if err != nil || len(got.Bad) > 0 {
				t.Errorf("what is stored is not sound: %v %v", got.Bad, err)
			}
			if c.want == nil && (in.Blocks != 20_000 || got.Blocks != 20_000 || got.Bytes != 20_000*512 || len(arrived(t, d, 0)) != 20_000) {
				t.Errorf("%+v %+v", in, got)
			}
		})
	}
}

// owed counts batches that no durable one has followed yet.
type owed struct {
	store.Store
	n *atomic.Int64
}

func (o owed) Apply(b *store.Batch) error {
	if err := o.Store.Apply(b); err != nil {
		return err
	}
	if b.Relaxed {
		o.n.Add(1)
	} else {
		o.n.Store(0)
	}
	return nil
}

func TestImportIsDurableWhenItEnds(t *testing.T) {
	for _, size := range []int{1, 8 << 20, 17 << 20} {
		s := owed{memory.New(), &atomic.Int64{}}
		d, err := dag.Open(s, dag.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var car bytes.Buffer
		w, err := dag.NewCARWriter(&car, []icn.CID{rawBlock("root").CID})
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < size; at += 1 << 20 {
			if err := w.Put(t.Context(), icn.NewBlock(icn.Raw, bytes.Repeat([]byte{byte(at >> 20)}, min(size, 1<<20)))); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.Import(t.Context(), &car); err != nil {
			t.Fatal(err)
		}
		if n := s.n.Load(); n != 0 {
			t.Errorf("%d bytes: %d batches could be lost", size, n)
		}
	}
}

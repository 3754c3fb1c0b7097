package dag_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store/memory"
)

func open(t testing.TB) *dag.DAG {
	t.Helper()
	d, err := dag.Open(memory.New(), dag.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// pattern is content of n bytes that anybody can make again: xorshift64 from 1,
// the low byte of each state.
func pattern(n int) []byte {
	b := make([]byte, n)
	x := uint64(1)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return b
}

func TestRawBlockHasItsIPFSName(t *testing.T) {
	b := icn.NewBlock(icn.Raw, []byte("hello world"))
	if got := b.CID.String(); got != "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e" {
		t.Error(got)
	}
}

func TestFilesComeBackAsTheyWere(t *testing.T) {
	ctx := context.Background()
	for _, n := range []int{0, 1, 255, 256 << 10, 256<<10 + 1, 1 << 20, 50 << 20} {
		d := open(t)
		want := pattern(n)
		a, err := d.Add(ctx, bytes.NewReader(want))
		if err != nil {
			t.Fatal(err)
		}
		r, err := d.Read(ctx, a.CID)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %d came back, %v", n, len(got), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if a.Size != int64(n) {
			t.Errorf("size %d, want %d", a.Size, n)
		}
	}
}

func TestFolderCanBeListedAndRead(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	for name, text := range map[string]string{"a.txt": "first", "sub/b.txt": "second", ".hidden": "no"} {
		p := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	d := open(t)
	a, err := d.AddPath(ctx, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	list, err := d.List(ctx, a.CID)
	if err != nil || len(list) != 2 || list[0].Name != "a.txt" || list[1].Name != "sub" {
		t.Fatalf("%v %v", list, err)
	}
	if _, err := d.Read(ctx, a.CID); !errors.Is(err, icn.ErrInvalid) {
		t.Errorf("reading a folder: %v", err)
	}
}

func TestWrongContentIsRefused(t *testing.T) {
	d := open(t)
	b := icn.NewBlock(icn.Raw, []byte("right"))
	b.Data = []byte("wrong")
	if err := d.Put(context.Background(), b); !errors.Is(err, icn.ErrCorrupt) {
		t.Error(err)
	}
	if ok, err := d.Has(b.CID); ok || err != nil {
		t.Error("it is there", err)
	}
}

func TestMissingBlockIsFetchedVerifiedAndKept(t *testing.T) {
	d := open(t)
	b := icn.NewBlock(icn.Raw, []byte("elsewhere"))
	asked := 0
	d.SetFetch(func(context.Context, icn.CID) ([]byte, error) { asked++; return b.Data, nil })
	for range 2 {
		if _, err := d.Get(context.Background(), b.CID); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	other := icn.NewBlock(icn.Raw, []byte("other"))
	if _, err := d.Get(context.Background(), other.CID); !errors.Is(err, icn.ErrCorrupt) {
		t.Errorf("a lie was taken: %v", err)
	}
}

func TestPruneKeepsWhatPinsAndJobsReach(t *testing.T) {
	ctx := context.Background()
	clock := time.UnixMilli(1_700_000_000_000)
	d, err := dag.Open(memory.New(), dag.Options{Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	add := func(n int) icn.CID {
		a, err := d.Add(ctx, bytes.NewReader(pattern(n)))
		if err != nil {
			t.Fatal(err)
		}
		return a.CID
	}
	pinned, job, loose, brief := add(600<<10), add(700<<10), add(800<<10), add(300)
	if err := errors.Join(d.Pin(ctx, pinned, 0), d.Pin(ctx, brief, time.Minute)); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(30 * time.Second)
	if p, err := d.Prune(ctx, dag.PruneOptions{Keep: []icn.CID{job}, Grace: time.Hour}); err != nil || len(p.Removed) != 0 {
		t.Fatalf("young blocks went: %v %v", p, err)
	}
	if p, err := d.Prune(ctx, dag.PruneOptions{Keep: []icn.CID{job}, DryRun: true}); err != nil || len(p.Removed) == 0 {
		t.Fatalf("dry run: %v %v", p, err)
	}
	if ok, _ := d.Has(loose); !ok {
		t.Fatal("a dry run removed something")
	}
	if _, err := d.Prune(ctx, dag.PruneOptions{Keep: []icn.CID{job}}); err != nil {
		t.Fatal(err)
	}
	whole := func(c icn.CID) bool {
		return d.Walk(ctx, c, func(icn.Block) (bool, error) { return true, nil }) == nil
	}
	if !whole(pinned) || !whole(job) || !whole(brief) {
		t.Error("something kept is gone")
	}
	if ok, _ := d.Has(loose); ok {
		t.Error("the loose file is still there")
	}
	clock = clock.Add(time.Minute)
	if _, err := d.Prune(ctx, dag.PruneOptions{}); err != nil {
		t.Fatal(err)
	}
	if whole(job) || whole(brief) || !whole(pinned) {
		t.Error("after the job and the brief pin ended, only the pinned file should be left")
	}
}

func TestBlockPutWhilePruningStays(t *testing.T) {
	ctx := context.Background()
	for range 50 {
		// Pruning asks for the time once it has begun to watch for what comes; what was
		// put before that may go.
		var pruning atomic.Bool
		begun := make(chan struct{})
		once := sync.OnceFunc(func() { close(begun) })
		d, err := dag.Open(memory.New(), dag.Options{Now: func() time.Time {
			if pruning.Load() {
				once()
			}
			return time.Now()
		}})
		if err != nil {
			t.Fatal(err)
		}
		var blocks []icn.Block
		for i := range 300 {
			blocks = append(blocks, icn.NewBlock(icn.Raw, []byte{byte(i), byte(i >> 8)}))
		}
		if err := d.PutMany(ctx, blocks); err != nil {
			t.Fatal(err)
		}
		pruning.Store(true)
		again := make(chan error, 1)
		go func() {
			<-begun
			again <- d.PutMany(ctx, blocks[:150]) // somebody puts half of them again meanwhile
		}()
		p, err := d.Prune(ctx, dag.PruneOptions{})
		if err = errors.Join(err, <-again); err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks[:150] {
			if ok, err := d.Has(b.CID); !ok || err != nil {
				t.Fatalf("a block that was put again is gone (%d removed): %v", len(p.Removed), err)
			}
		}
	}
}

func TestCARCarriesATree(t *testing.T) {
	ctx := context.Background()
	a, b := open(t), open(t)
	added, err := a.Add(ctx, bytes.NewReader(pattern(1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	var car bytes.Buffer
	if err := a.Export(ctx, &car, added.CID); err != nil {
		t.Fatal(err)
	}
	whole := car.Bytes()
	in, err := b.Import(ctx, &car)
	if err != nil || in.Blocks != added.Blocks || len(in.Roots) != 1 || in.Roots[0] != added.CID {
		t.Fatalf("%+v %v", in, err)
	}
	r, err := b.Read(ctx, added.CID)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, pattern(1<<20)) {
		t.Error(len(got), err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	if _, err := open(t).Import(ctx, bytes.NewReader(flipped)); err == nil {
		t.Error("a flipped bit was imported")
	}
	if _, err := open(t).Import(ctx, bytes.NewReader(whole[:len(whole)-3])); err == nil {
		t.Error("a cut stream was imported")
	}
}

func FuzzLinks(f *testing.F) {
	f.Add([]byte{0xd8, 0x2a, 0x41, 0}, true)
	f.Add([]byte{0x12, 0}, false)
	f.Fuzz(func(_ *testing.T, data []byte, cbor bool) {
		codec := uint64(0x70)
		if cbor {
			codec = icn.DagCBOR
		}
		_, _ = dag.Links(icn.NewBlock(codec, data))
	})
}

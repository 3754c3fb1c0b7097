package dag_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/memory"
)

// damage changes the last byte of a stored block.
func damage(t *testing.T, s store.Store, c icn.CID) {
	t.Helper()
	key := append([]byte("b/"), c.Bytes()...)
	v, err := s.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	v[len(v)-1] ^= 1
	b := &store.Batch{}
	b.Put(key, v)
	if err := s.Apply(b); err != nil {
		t.Fatal(err)
	}
}

func TestCheckLooksAtEveryBlockOfEveryCodec(t *testing.T) {
	s, now := memory.New(), time.Now()
	d := openAt(t, s, &now)
	var blocks []icn.Block
	// dag-json's codec takes two bytes, and 0x01 and 0x7f come before and after all usual ones.
	for _, codec := range []uint64{icn.Raw, icn.DagCBOR, cid.DagProtobuf, cid.DagJSON, 0x01, 0x7f} {
		for i := range 300 {
			blocks = append(blocks, icn.NewBlock(codec, binary.BigEndian.AppendUint64(nil, uint64(i))))
		}
	}
	if err := d.PutMany(t.Context(), blocks); err != nil {
		t.Fatal(err)
	}
	c, err := d.CheckAll(t.Context())
	if err != nil || len(c.Bad) != 0 || c.Blocks != int64(len(blocks)) || c.Bytes != 8*int64(len(blocks)) {
		t.Fatalf("%+v %v, want %d blocks", c, err, len(blocks))
	}
	for i := 0; i < len(blocks); i += 97 {
		damage(t, s, blocks[i].CID)
		c, err := d.CheckAll(t.Context())
		if err != nil || len(c.Bad) != 1 || !errors.Is(c.Bad[0], icn.ErrCorrupt) || !strings.Contains(c.Bad[0].Error(), blocks[i].CID.String()) {
			t.Errorf("%s is damaged: %v %v", blocks[i].CID, c.Bad, err)
		}
		damage(t, s, blocks[i].CID) // undone
	}
}

func TestCheckNamesEveryPinnedTreeThatMissesABlock(t *testing.T) {
	s, now := memory.New(), time.Now()
	d := openAt(t, s, &now)
	leaf := icn.NewBlock(icn.Raw, []byte("leaf"))
	node := func(children ...icn.CID) icn.Block {
		data := icn.AppendArray(nil, len(children))
		for _, c := range children {
			data = icn.AppendCID(data, c)
		}
		return icn.NewBlock(icn.DagCBOR, data)
	}
	shared := node(leaf.CID)
	first, second, sound := node(shared.CID), node(shared.CID, shared.CID), node()
	if err := d.PutMany(t.Context(), []icn.Block{leaf, shared, first, second, sound}); err != nil {
		t.Fatal(err)
	}
	for _, b := range []icn.Block{first, second, sound, leaf} {
		if err := d.Pin(t.Context(), b.CID, 0); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := d.CheckAll(t.Context()); err != nil || len(c.Bad) != 0 {
		t.Fatalf("all is there: %+v %v", c, err)
	}
	b := &store.Batch{}
	b.Delete(append([]byte("b/"), leaf.CID.Bytes()...))
	if err := s.Apply(b); err != nil {
		t.Fatal(err)
	}
	c, err := d.CheckAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := errors.Join(c.Bad...).Error()
	for _, root := range []icn.CID{first.CID, second.CID, leaf.CID} {
		if !strings.Contains(got, "pinned tree "+root.String()) {
			t.Errorf("%s misses a block, and is not named in: %s", root, got)
		}
	}
	if len(c.Bad) != 3 || strings.Count(got, "block "+leaf.CID.String()) != 3 || !errors.Is(c.Bad[0], icn.ErrNotFound) {
		t.Errorf("%s", got)
	}
}

func TestCheckFindsWhatCameMeanwhile(t *testing.T) {
	s, now := memory.New(), time.Now()
	leaf := icn.NewBlock(icn.Raw, []byte("late"))
	root := icn.NewBlock(icn.DagCBOR, icn.AppendCID(icn.AppendArray(nil, 1), leaf.CID))
	d := openAt(t, s, &now)
	late, err := dag.Open(arriving{s, func() {
		if err := d.PutMany(t.Context(), []icn.Block{leaf, root}); err != nil {
			t.Error(err)
		}
		if err := d.Pin(t.Context(), root.CID, 0); err != nil {
			t.Error(err)
		}
	}}, dag.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := late.CheckAll(t.Context()); err != nil || len(c.Bad) != 0 || c.Blocks != 0 {
		t.Errorf("%+v %v", c, err)
	}
}

// arriving lets something happen after the blocks were read and before the pins are.
type arriving struct {
	store.Store
	meanwhile func()
}

func (a arriving) Scan(r store.Range, f func(k, v []byte) bool) error {
	if strings.HasPrefix(string(r.From), "p/") {
		a.meanwhile()
	}
	return a.Store.Scan(r, f)
}

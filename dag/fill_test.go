package dag_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store/memory"
)

func TestFilledStoreIsLikeOneThatBlocksWerePutInto(t *testing.T) {
	const groups, each = 80, 1000 // more than are held back
	s := memory.New()
	d, err := dag.Open(s, dag.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := d.Fill()
	var work sync.WaitGroup
	for g := range groups {
		work.Go(func() {
			var blocks []icn.Block
			for i := range each {
				blocks = append(blocks, rawBlock(fmt.Sprint(g, " ", i)))
			}
			if err := f.Put(blocks); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if err := f.End(); err != nil {
		t.Fatal(err)
	}
	if err := f.End(); err != nil { // nothing is left
		t.Fatal(err)
	}
	again, err := dag.Open(s, dag.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := again.Arrived(); n != groups*each {
		t.Errorf("the last number is %d, want %d", n, groups*each)
	}
	seen := map[string]bool{}
	for _, data := range arrived(t, again, 0) {
		seen[data] = true
	}
	c, err := again.CheckAll(t.Context())
	if err != nil || len(c.Bad) > 0 || c.Blocks != groups*each || len(seen) != groups*each {
		t.Errorf("%+v %v, and %d blocks by their arrival; want %d", c, err, len(seen), groups*each)
	}
	if put := again.PutMany(t.Context(), []icn.Block{rawBlock("later")}); put != nil || again.Arrived() != groups*each+1 {
		t.Errorf("%v, the last number is %d", put, again.Arrived())
	}
}

package dag_test

import (
	"context"
	"encoding/binary"
	"sync/atomic"
	"testing"

	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store/pebble"
)

func benchDAG(b *testing.B) (*dag.DAG, func() icn.Block) {
	s, err := pebble.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	d, err := dag.Open(s, dag.Options{})
	if err != nil {
		b.Fatal(err)
	}
	var n atomic.Uint64
	return d, func() icn.Block {
		data := make([]byte, 1024)
		binary.LittleEndian.PutUint64(data, n.Add(1))
		return icn.NewBlock(icn.Raw, data)
	}
}

func BenchmarkPutDurable(b *testing.B) {
	d, next := benchDAG(b)
	for b.Loop() {
		if err := d.Put(context.Background(), next()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPutDurableBy32(b *testing.B) {
	d, next := benchDAG(b)
	b.SetParallelism(16)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := d.Put(context.Background(), next()); err != nil {
				b.Error(err)
			}
		}
	})
}

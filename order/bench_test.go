package order_test

import (
	"fmt"
	"testing"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/order"
	"github.com/InterCooperative-Network/icn-core/store"
)

// void is a store that keeps only the founding, so that a benchmark measures the
// engine alone; the window is large enough that nothing is read back.
type void struct{ *disk }

func (v void) Apply(b *store.Batch) error {
	if v.writes > 0 {
		return nil
	}
	return v.disk.Apply(b)
}

type bench struct {
	engines map[uint64]*order.Engine
	net     []packet
	applied int
	batch   store.Batch
}

func newBench(b *testing.B, n int) *bench {
	x := &bench{engines: map[uint64]*order.Engine{}}
	var ids []uint64
	for i := range n {
		ids = append(ids, uint64(i+1))
	}
	for _, id := range ids {
		e, err := order.Open(order.Config{ID: id, Voters: ids, Store: void{newDisk()}, MaxWindow: 64 << 20})
		if err != nil {
			b.Fatal(err)
		}
		x.engines[id] = e
	}
	x.engines[1].Campaign()
	x.run(1)
	return x
}

func (x *bench) run(id uint64) {
	e := x.engines[id]
	for r, ok := e.Ready(); ok; r, ok = e.Ready() {
		x.send(id, r.Early)
		x.batch.Reset()
		r.Write(&x.batch)
		x.send(id, r.Late)
		if id == 1 {
			x.applied += len(r.Committed)
		}
		e.Advance(r)
	}
	for len(x.net) > 0 {
		p := x.net[0]
		x.net = x.net[1:]
		_ = x.engines[p.to].Step(p.from, p.frame)
		x.run(p.to)
	}
}

func (x *bench) send(from uint64, ms []order.Message) {
	for _, m := range ms {
		x.net = append(x.net, packet{from, m.To, m.Frame})
	}
}

// BenchmarkOrder is the cost of all engines together for one entry of 300 bytes,
// without storage and network.
func BenchmarkOrder(b *testing.B) {
	for _, nodes := range []int{1, 3, 5} {
		for _, size := range []int{1, 64, 1024} {
			b.Run(fmt.Sprintf("nodes=%d/batch=%d", nodes, size), func(b *testing.B) {
				x := newBench(b, nodes)
				payloads := make([][]byte, size)
				for i := range payloads {
					payloads[i] = make([]byte, 300)
				}
				b.ReportAllocs()
				done := 0
				for b.Loop() {
					if err := x.engines[1].Propose(payloads); err != nil {
						b.Fatal(err)
					}
					x.run(1)
					done += size
				}
				if x.applied < done {
					b.Fatalf("%d of %d: %v", x.applied, done, icn.ErrUnavailable)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(done), "ns/entry")
			})
		}
	}
}

package node

import (
	"context"
	"fmt"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Told is what became of one of many statements.
type Told struct {
	ID     icn.CID
	Author icn.DID
	Index  uint64 // the entry that ordered it; 0 = it waits, or was refused before that
	Err    error  // why it changed nothing
}

// manyAtOnce bounds how many statements of a batch are under way together.
const manyAtOnce = 4096

// SayMany hands in signed statements, each for itself: one that is refused does not
// hurt the others. Their signatures are checked together. It returns when all are
// applied or refused; what takes too long waits, and goes in later or expires.
func (n *Node) SayMany(ctx context.Context, wires [][]byte) ([]Told, error) {
	out := make([]Told, len(wires))
	for from := 0; from < len(wires); from += manyAtOnce {
		to := min(from+manyAtOnce, len(wires))
		if err := n.saySome(ctx, wires[from:to], out[from:to]); err != nil {
			return out, err
		}
	}
	return out, nil
}

// saySome hands in as many as may be under way together.
func (n *Node) saySome(ctx context.Context, wires [][]byte, out []Told) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer context.AfterFunc(n.gone, cancel)()
	if n.loop.Load() == nil {
		return fmt.Errorf("statements: %w: the node is %s", icn.ErrUnavailable, n.State())
	}
	statements := make([]*icn.Statement, len(wires))
	for i, wire := range wires {
		out[i].ID = icn.SumCID(icn.DagCBOR, wire)
		if statements[i], out[i].Err = icn.DecodeStatement(wire); out[i].Err == nil {
			out[i].Author = statements[i].Author
		}
	}
	type answer struct {
		place int
		Answer
	}
	start := time.Now()
	answers := make(chan answer, 2*len(wires)) // the loop never waits for a place in it
	err := n.post(ctx, func(l *Loop) {
		for i, s := range statements {
			if s == nil {
				answers <- answer{place: i, Answer: Answer{Err: out[i].Err}}
				continue
			}
			n.submitted(out[i].ID, s.Ops, start)
			if err := l.Say(s, wires[i], func(a Answer) { answers <- answer{i, a} }); err != nil {
				answers <- answer{place: i, Answer: Answer{Err: err}}
			}
		}
	})
	if err != nil {
		return err
	}
	for range wires {
		select {
		case a := <-answers:
			out[a.place].Index, out[a.place].Err = a.Index, a.Err
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

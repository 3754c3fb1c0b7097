package backup

import (
	"context"
	"errors"

	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// Inspection says how closely to look.
type Inspection struct {
	Deep    bool // hash every block, and fold the log again
	Checker node.Checker
}

// Inspected is what was looked at and what is wrong with it.
type Inspected struct {
	Deep     bool
	Entries  uint64
	Blocks   int64
	Bytes    int64
	Tree     [32]byte
	State    [32]byte
	Problems []error
}

// Inspect looks at what a node holds, running or at rest. What is wrong is in the
// result; an error says that it could not be looked at.
func Inspect(ctx context.Context, h node.History, blocks *dag.DAG, how Inspection) (Inspected, error) {
	v := Inspected{Deep: how.Deep, Entries: h.Entries, Tree: h.Tree, State: h.State}
	check := h.Check
	if how.Deep {
		check = func(ctx context.Context) error { return h.CheckDeep(ctx, how.Checker) }
	}
	if err := v.note(ctx, check(ctx)); err != nil {
		return v, err
	}
	if !how.Deep {
		err := blocks.Each(func(s dag.Stored) error {
			v.Blocks++
			v.Bytes += int64(len(s.Data))
			return ctx.Err()
		})
		return v, v.note(ctx, err)
	}
	c, err := blocks.CheckAll(ctx)
	v.Blocks, v.Bytes = c.Blocks, c.Bytes
	v.Problems = append(v.Problems, c.Bad...)
	return v, v.note(ctx, err)
}

// note keeps what is wrong; anything else ends the inspection.
func (v *Inspected) note(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, icn.ErrCorrupt) || errors.Is(err, icn.ErrNotFound) || errors.Is(err, icn.ErrInvalid):
		v.Problems = append(v.Problems, err)
		return nil
	}
	return err
}

package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// Merge brings a running node what it misses of a backup: blocks, and pins that it
// has not. The log is not brought, but compared: the node's own must hold every
// entry of it. A damaged backup leaves behind no more than some of its blocks, each
// of which is what its name says.
func Merge(ctx context.Context, from Source, h node.History, blocks *dag.DAG, c node.Checker) (Result, error) {
	r := &reader{ctx: ctx, into: Into{Checker: c, with: &h}, blocks: blocks}
	missing := 0
	r.put = func(all []icn.Block) error {
		var lost []icn.Block
		for _, b := range all {
			if _, err := blocks.GetLocal(b.CID); err != nil { // or damaged
				lost = append(lost, b)
			}
		}
		missing += len(lost)
		return blocks.PutVerified(lost)
	}
	err := r.one(from)
	r.result.Missing = missing
	if err == nil {
		err = r.mergePins()
	}
	if err != nil {
		return r.result, fmt.Errorf("restore: %w", err)
	}
	return r.result, nil
}

// joins checks that a backup is of the node's own federation.
func (x *reading) joins(h Head) error {
	if own := x.into.with; h.Network != own.Network {
		return fmt.Errorf("%w: it is of the federation %s, this node works in %s; stop the node, and restore into an empty store with --stopped and --storage-path",
			icn.ErrConflict, h.Name, own.Name)
	}
	if own := x.into.with; h.UpTo > own.Entries {
		return fmt.Errorf("%w: it reaches to entry %d, this node to %d; stop the node, and restore into an empty store with --stopped and --storage-path",
			icn.ErrConflict, h.UpTo, own.Entries)
	}
	return nil
}

// agree compares entries with those that the node has.
func (x *reading) agree(first uint64, leaves [][]byte) error {
	if len(leaves) == 0 {
		return nil
	}
	return x.into.with.Log(first, first+uint64(len(leaves))-1, func(index uint64, leaf []byte) error {
		if !bytes.Equal(leaf, leaves[index-first]) {
			return fmt.Errorf("%w: entry %d is another one at this node; check it with: icn-cli dag verify --deep", icn.ErrConflict, index)
		}
		return nil
	})
}

// mergePins sets the pins that the node has not.
func (r *reader) mergePins() error {
	have, err := r.blocks.RawPins()
	if err != nil {
		return err
	}
	known := map[icn.CID]bool{}
	for _, p := range have {
		known[p.CID] = true
	}
	var missing []dag.RawPin
	for _, p := range r.pins {
		if !known[p.CID] {
			missing = append(missing, p)
		}
	}
	return errors.Join(r.blocks.PutPins(missing), r.blocks.Sync())
}

// StreamOf is a source that reads a tar.gz once, as it comes.
func StreamOf(each func(f func(name string, data []byte) error) error) Source { return streamed{each} }

type streamed struct {
	each func(f func(name string, data []byte) error) error
}

func (s streamed) Each(f func(name string, data []byte) error) error { return s.each(f) }
func (streamed) String() string                                      { return "the backup" }

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"

	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
)

const (
	blockSize = 1024
	fanOut    = 174 // links of a node
)

// source makes raw blocks of 1 KiB that do not shrink and are like no others.
type source struct{ r *rand.ChaCha8 }

func newSource(seed byte) source { return source{rand.NewChaCha8([32]byte{seed})} }

func (s source) next() icn.Block {
	data := make([]byte, blockSize)
	_, _ = s.r.Read(data) // it never fails
	return icn.NewBlock(icn.Raw, data)
}

// tree is a file with a tree of blocks, as a CAR.
type tree struct {
	path   string
	root   icn.CID
	blocks int
}

// makeTree writes a CAR of so many leaves beneath nodes of links.
func makeTree(ctx context.Context, path string, leaves int) (t tree, err error) {
	t.path = path
	// A CAR names its root in the head, which is known last.
	if t.root, t.blocks, err = writeTree(ctx, io.Discard, icn.SumCID(icn.Raw, nil), leaves); err != nil {
		return t, err
	}
	f, err := os.Create(path)
	if err != nil {
		return t, err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	if _, _, err = writeTree(ctx, out, t.root, leaves); err != nil {
		return t, fmt.Errorf("%s: %w", path, err)
	}
	if err := out.Flush(); err != nil {
		return t, err
	}
	return t, f.Close()
}

func writeTree(ctx context.Context, w io.Writer, named icn.CID, leaves int) (root icn.CID, blocks int, err error) {
	car, err := dag.NewCARWriter(w, []icn.CID{named})
	if err != nil {
		return root, 0, err
	}
	s := newSource(1)
	var level []icn.CID
	for range leaves {
		b := s.next()
		if err := car.Put(ctx, b); err != nil {
			return root, 0, err
		}
		level = append(level, b.CID)
	}
	blocks = leaves
	for len(level) > 1 {
		var above []icn.CID
		for at := 0; at < len(level); at += fanOut {
			b := parent(level[at:min(at+fanOut, len(level))])
			if err := car.Put(ctx, b); err != nil {
				return root, 0, err
			}
			above = append(above, b.CID)
			blocks++
		}
		level = above
	}
	return level[0], blocks, nil
}

// parent is a list of links in DAG-CBOR, which every IPFS tool follows.
func parent(children []icn.CID) icn.Block {
	data := icn.AppendArray(nil, len(children))
	for _, c := range children {
		data = icn.AppendCID(data, c)
	}
	return icn.NewBlock(icn.DagCBOR, data)
}

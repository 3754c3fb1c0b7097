package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"

	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
	mh "github.com/multiformats/go-multihash"

	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
)

const (
	blockSize = 1024
	fanOut    = 174 // links of a node, as IPFS tools do
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

// makeTree writes a CAR of so many leaves beneath dag-pb nodes.
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
			b, err := parent(level[at:min(at+fanOut, len(level))])
			if err == nil {
				err = car.Put(ctx, b)
			}
			if err != nil {
				return root, 0, err
			}
			above = append(above, b.CID)
			blocks++
		}
		level = above
	}
	return level[0], blocks, nil
}

func parent(children []icn.CID) (icn.Block, error) {
	n := &merkledag.ProtoNode{}
	if err := n.SetCidBuilder(cid.V1Builder{Codec: cid.DagProtobuf, MhType: mh.SHA2_256}); err != nil {
		return icn.Block{}, err
	}
	for _, c := range children {
		if err := n.AddRawLink("", &ipld.Link{Cid: c, Size: blockSize}); err != nil {
			return icn.Block{}, err
		}
	}
	return icn.Block{CID: n.Cid(), Data: n.RawData()}, nil
}

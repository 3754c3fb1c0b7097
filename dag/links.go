package dag

import (
	"bytes"
	"context"
	"fmt"

	"github.com/ipfs/boxo/ipld/merkledag"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"

	"github.com/InterCooperative-Network/icn-core/icn"
)

func codecName(c icn.CID) string {
	switch c.Prefix().Codec {
	case cid.Raw:
		return "raw"
	case cid.DagProtobuf:
		return "dag-pb"
	case cid.DagCBOR:
		return "dag-cbor"
	}
	return fmt.Sprintf("0x%x", c.Prefix().Codec)
}

// Links lists the blocks that a block points to, in its order. A codec that is
// not known here has none.
func Links(b icn.Block) ([]icn.CID, error) {
	out := []icn.CID{}
	switch b.CID.Prefix().Codec {
	case cid.DagProtobuf:
		n, err := decode(b)
		if err != nil {
			return nil, err
		}
		for _, l := range n.Links() {
			out = append(out, l.Cid)
		}
	case cid.DagCBOR:
		s := scanner{b: b.Data}
		if err := s.item(0, func(c icn.CID) { out = append(out, c) }); err != nil {
			return nil, fmt.Errorf("block %s: %w", b.CID, err)
		}
	}
	return out, nil
}

// decode makes the IPLD node that boxo works with.
func decode(b icn.Block) (n ipld.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("block %s: %w: %v", b.CID, icn.ErrInvalid, p)
		}
	}()
	blk, err := blocks.NewBlockWithCid(b.Data, b.CID)
	if err != nil {
		return nil, fmt.Errorf("block %s: %w: %v", b.CID, icn.ErrInvalid, err)
	}
	switch b.CID.Prefix().Codec {
	case cid.Raw:
		n, err = merkledag.DecodeRawBlock(blk)
	case cid.DagProtobuf:
		n, err = merkledag.DecodeProtobufBlock(blk)
	default:
		return nil, fmt.Errorf("block %s: %w: %s is no file", b.CID, icn.ErrInvalid, codecName(b.CID))
	}
	if err != nil {
		return nil, fmt.Errorf("block %s: %w: %v", b.CID, icn.ErrInvalid, err)
	}
	return n, nil
}

// maxDepth bounds how deep trees and CBOR items may be nested.
const maxDepth = 128

// scanner finds the links (tag 42) in CBOR.
type scanner struct {
	b   []byte
	off int
}

func (s *scanner) head() (major byte, n uint64, err error) {
	if s.off >= len(s.b) {
		return 0, 0, fmt.Errorf("%w: CBOR ends early", icn.ErrInvalid)
	}
	c := s.b[s.off]
	s.off++
	low := c & 0x1f
	if low < 24 {
		return c >> 5, uint64(low), nil
	}
	if low > 27 {
		return 0, 0, fmt.Errorf("%w: CBOR of indefinite length", icn.ErrInvalid)
	}
	size := 1 << (low - 24)
	if len(s.b)-s.off < size {
		return 0, 0, fmt.Errorf("%w: CBOR ends early", icn.ErrInvalid)
	}
	for _, x := range s.b[s.off : s.off+size] {
		n = n<<8 | uint64(x)
	}
	s.off += size
	return c >> 5, n, nil
}

func (s *scanner) item(depth int, link func(icn.CID)) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: CBOR nested deeper than %d", icn.ErrInvalid, maxDepth)
	}
	major, n, err := s.head()
	if err != nil {
		return err
	}
	switch major {
	case 2, 3:
		if n > uint64(len(s.b)-s.off) {
			return fmt.Errorf("%w: CBOR ends early", icn.ErrInvalid)
		}
		s.off += int(n)
	case 4, 5:
		if major == 5 {
			n *= 2
		}
		if n > 2*uint64(len(s.b)) {
			return fmt.Errorf("%w: CBOR of %d items in %d bytes", icn.ErrInvalid, n, len(s.b))
		}
		for range n {
			if err := s.item(depth+1, link); err != nil {
				return err
			}
		}
	case 6:
		at := s.off
		if err := s.item(depth+1, link); err != nil {
			return err
		}
		if n == 42 {
			in := scanner{b: s.b[at:s.off]}
			if m, size, err := in.head(); err == nil && m == 2 && size > 1 && in.b[in.off] == 0 {
				if c, err := icn.CastCID(bytes.Clone(in.b[in.off+1:])); err == nil {
					link(c)
				}
			}
		}
	}
	return nil
}

// Walk visits a tree, each block once, parents before children. visit returns
// false to leave a block's children out. Blocks that are not here are fetched.
func (d *DAG) Walk(ctx context.Context, root icn.CID, visit func(icn.Block) (bool, error)) error {
	return walk(ctx, root, d.Get, map[icn.CID]struct{}{}, visit)
}

type getter func(context.Context, icn.CID) (icn.Block, error)

func walk(ctx context.Context, root icn.CID, get getter, seen map[icn.CID]struct{}, visit func(icn.Block) (bool, error)) error {
	stack := []icn.CID{root}
	for len(stack) > 0 {
		c := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if _, ok := seen[c]; ok {
			continue
		}
		seen[c] = struct{}{}
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := get(ctx, c)
		if err != nil {
			return err
		}
		down, err := visit(b)
		if err != nil {
			return err
		}
		if !down {
			continue
		}
		links, err := Links(b)
		if err != nil {
			return err
		}
		for i := len(links) - 1; i >= 0; i-- {
			if icn.CheckCID(links[i]) == nil {
				stack = append(stack, links[i])
			}
		}
	}
	return nil
}

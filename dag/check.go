package dag

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/ipfs/go-cid"
	mh "github.com/multiformats/go-multihash"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// Checked is what a check of all blocks found.
type Checked struct {
	Blocks int64   `json:"blocks"`
	Bytes  int64   `json:"bytes"`
	Bad    []error `json:"-"` // each names its block; at most a hundred
}

// CheckAll compares every block's content with its name, on all cores. It also
// tells of pinned trees with missing blocks.
func (d *DAG) CheckAll(ctx context.Context) (Checked, error) {
	x := &check{d: d, ctx: ctx}
	if err := x.all(); err != nil {
		return x.found, fmt.Errorf("blocks: %w", err)
	}
	return x.found, x.pins()
}

// check is one check of all blocks.
type check struct {
	d     *DAG
	ctx   context.Context
	mu    sync.Mutex
	found Checked
	raw   *digests // blocks without links that are here
}

func (x *check) bad(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.found.Bad) < 100 {
		x.found.Bad = append(x.found.Bad, err)
	}
}

// shares cuts the blocks' keys into ranges that are read side by side. Names are
// hashes, so that those of one codec are spread evenly.
func shares() []store.Range {
	const each = 16
	all := store.Prefix([]byte(keyBlock))
	var out []store.Range
	from := all.From
	for _, codec := range []uint64{icn.Raw, cid.DagProtobuf, icn.DagCBOR} { // in the order of their numbers
		for i := range each {
			to := blockKey(icn.CIDOf(codec, [32]byte{byte(i * 256 / each)}))
			out = append(out, store.Range{From: from, To: to})
			from = to
		}
	}
	return append(out, store.Range{From: from, To: all.To})
}

// all looks at every block.
func (x *check) all() error {
	ranges := shares()
	shares := make([]share, len(ranges))
	next := make(chan int, len(ranges))
	for i := range ranges {
		next <- i
	}
	close(next)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range next {
				shares[i].check = x
				shares[i].err = shares[i].read(ranges[i])
			}
		})
	}
	workers.Wait()
	var err error
	var raw []digest
	for _, s := range shares {
		x.found.Blocks += s.blocks
		x.found.Bytes += s.bytes
		raw = append(raw, s.raw...)
		err = errors.Join(err, s.err)
	}
	x.raw = newDigests(raw)
	return err
}

// share is a part of the blocks.
type share struct {
	*check
	blocks, bytes int64
	raw           []digest
	err           error
}

func (s *share) read(r store.Range) error {
	err := s.d.st.Scan(r, func(k, v []byte) bool {
		s.look(k[len(keyBlock):], v)
		return s.ctx.Err() == nil
	})
	return errors.Join(err, s.ctx.Err())
}

// The bytes of a CIDv1 of a codec below 128: version, codec, hash function, length
// of the hash, hash.
const (
	shortName = 4 + sha256.Size
	hashAt    = 4
)

func (s *share) look(name, v []byte) {
	s.blocks++
	if len(v) >= headBytes {
		s.bytes += int64(len(v) - headBytes)
	}
	if len(name) == shortName && name[0] == 1 && name[1] == icn.Raw {
		s.raw = append(s.raw, digest(name[hashAt:]))
	}
	if len(v) >= headBytes && isNamed(name, v[headBytes:]) {
		return
	}
	c, err := icn.CastCID(bytes.Clone(name)) // the slow way says what is wrong, if anything
	if err != nil {
		s.bad(fmt.Errorf("block key %x: %w: %v", name, icn.ErrCorrupt, err))
		return
	}
	b, err := storedOf(c, v)
	if err == nil {
		err = b.Verify()
	}
	if err != nil {
		s.bad(err)
	}
}

// isNamed says at once whether a usual name is that of the content.
func isNamed(name, data []byte) bool {
	return len(name) == shortName && name[0] == 1 && name[1] < 0x80 && name[2] == mh.SHA2_256 && name[3] == sha256.Size &&
		len(data) <= icn.MaxBlock && sha256.Sum256(data) == [sha256.Size]byte(name[hashAt:])
}

// digest is enough of a block's hash to tell it apart.
type digest [16]byte

func (d digest) bucket() int { return int(d[0])<<8 | int(d[1]) }

// digests is a set. Hashes are spread evenly, so that their first two bytes say
// nearly where one is.
type digests struct {
	sorted []digest
	from   [1<<16 + 1]int // where a bucket begins
}

func newDigests(ds []digest) *digests {
	slices.SortFunc(ds, func(a, b digest) int { return bytes.Compare(a[:], b[:]) })
	s := &digests{sorted: ds}
	at := 0
	for b := range s.from {
		for at < len(ds) && ds[at].bucket() < b {
			at++
		}
		s.from[b] = at
	}
	return s
}

func (s *digests) has(d digest) bool {
	b := d.bucket()
	return slices.Contains(s.sorted[s.from[b]:s.from[b+1]], d)
}

// here says whether a block without links is stored.
func (x *check) here(c icn.CID) (bool, error) {
	s := c.KeyString() // it ends with the hash
	if x.raw.has(digest([]byte(s[len(s)-sha256.Size:]))) {
		return true, nil
	}
	return x.d.Has(c) // it may have come in the meantime
}

// pins looks whether what is pinned is here whole.
func (x *check) pins() error {
	pins, err := x.d.Pins()
	if err != nil {
		return err
	}
	whole := map[icn.CID]bool{}
	for _, p := range pins {
		err := x.tree(p.CID, whole)
		if x.ctx.Err() != nil {
			return x.ctx.Err()
		}
		if err != nil {
			x.bad(fmt.Errorf("pinned tree %s: %w", p.CID, err))
		}
	}
	return nil
}

// tree looks whether all of a tree is here, without asking anybody. What is whole
// needs no second look; a tree that is not adds nothing to it.
func (x *check) tree(root icn.CID, whole map[icn.CID]bool) error {
	seen := map[icn.CID]bool{}
	for level := []icn.CID{root}; len(level) > 0; {
		var nodes []icn.CID
		for _, c := range level {
			if !seen[c] && !whole[c] {
				seen[c] = true
				nodes = append(nodes, c)
			}
		}
		var err error
		if level, err = x.below(nodes); err != nil {
			return err
		}
	}
	for c := range seen { // order: none
		whole[c] = true
	}
	return nil
}

// below looks whether blocks and those that they point to are here, on all cores,
// and returns those of them that may point further.
func (x *check) below(nodes []icn.CID) ([]icn.CID, error) {
	type found struct {
		nodes []icn.CID
		err   error
	}
	n := runtime.GOMAXPROCS(0)
	all := make([]found, 0, n)
	var workers sync.WaitGroup
	for part := range slices.Chunk(nodes, max(1, (len(nodes)+n-1)/n)) {
		all = append(all, found{})
		f := &all[len(all)-1]
		workers.Go(func() {
			for _, c := range part {
				if f.err == nil {
					f.nodes, f.err = x.children(c, f.nodes)
				}
			}
		})
	}
	workers.Wait()
	var out []icn.CID
	for _, f := range all {
		if f.err != nil {
			return nil, f.err
		}
		out = append(out, f.nodes...)
	}
	return out, nil
}

// children looks whether what a block points to is here, and appends what may
// point further.
func (x *check) children(c icn.CID, nodes []icn.CID) ([]icn.CID, error) {
	if err := x.ctx.Err(); err != nil {
		return nodes, err
	}
	b, err := x.d.GetLocal(c)
	if err != nil {
		return nodes, err
	}
	links, err := Links(b)
	if err != nil {
		return nodes, err
	}
	for _, l := range links {
		if icn.CheckCID(l) != nil {
			continue
		}
		if l.Type() != icn.Raw {
			nodes = append(nodes, l)
			continue
		}
		ok, err := x.here(l)
		if err == nil && !ok {
			err = fmt.Errorf("block %s: %w", l, icn.ErrNotFound)
		}
		if err != nil {
			return nodes, err
		}
	}
	return nodes, nil
}

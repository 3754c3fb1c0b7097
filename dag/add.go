package dag

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	chunker "github.com/ipfs/boxo/chunker"
	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs"
	"github.com/ipfs/boxo/ipld/unixfs/importer/balanced"
	"github.com/ipfs/boxo/ipld/unixfs/importer/helpers"
	uio "github.com/ipfs/boxo/ipld/unixfs/io"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
	mh "github.com/multiformats/go-multihash"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// The shape of files, as `ipfs add --cid-version 1` makes them.
const (
	chunkSize   = 256 << 10
	linksPerRow = 174
)

var builder = cid.V1Builder{Codec: cid.DagProtobuf, MhType: mh.SHA2_256}

// Added is what an add left.
type Added struct {
	CID    icn.CID `json:"cid"`
	Size   int64   `json:"size"` // of the content, in bytes
	Blocks int     `json:"blocks"`
}

// Add stores a file from a stream; memory does not grow with it.
func (d *DAG) Add(ctx context.Context, r io.Reader) (Added, error) {
	s := &sink{put: func(b []icn.Block) error { return d.PutMany(ctx, b) }}
	n, size, err := s.file(r)
	return s.finish(n, size, err)
}

// AddPath stores a file or a folder.
func (d *DAG) AddPath(ctx context.Context, path string, progress func(int64)) (Added, error) {
	return Build(ctx, path, func(b []icn.Block) error { return d.PutMany(ctx, b) }, progress)
}

// Build makes the blocks of a file or folder and hands them to put, some at a
// time, children before parents. progress is told how many bytes were read.
// Hidden files in folders are left out, as IPFS tools do.
func Build(ctx context.Context, path string, put func([]icn.Block) error, progress func(int64)) (Added, error) {
	s := &sink{put: put, progress: progress}
	n, size, err := s.path(ctx, path, 0)
	return s.finish(n, size, err)
}

// sink collects blocks on their way out. It is the DAG service that boxo's
// importer writes to.
type sink struct {
	put      func([]icn.Block) error
	progress func(int64)
	held     []icn.Block
	bytes    int
	blocks   int
}

// flushBytes is how much is collected before it is handed on.
const flushBytes = 4 << 20

func (s *sink) finish(n ipld.Node, size int64, err error) (Added, error) {
	if err == nil {
		err = s.flush()
	}
	if err != nil {
		return Added{}, fmt.Errorf("add: %w", err)
	}
	return Added{CID: n.Cid(), Size: size, Blocks: s.blocks}, nil
}

func (s *sink) flush() error {
	if len(s.held) == 0 {
		return nil
	}
	err := s.put(s.held)
	s.held, s.bytes = nil, 0
	return err
}

func (s *sink) file(r io.Reader) (ipld.Node, int64, error) {
	count := &counter{r: r, told: s.progress}
	p := helpers.DagBuilderParams{Maxlinks: linksPerRow, RawLeaves: true, CidBuilder: builder, Dagserv: s}
	b, err := p.New(chunker.NewSizeSplitter(count, chunkSize))
	if err != nil {
		return nil, 0, err
	}
	n, err := balanced.Layout(b)
	return n, count.n, err
}

func (s *sink) path(ctx context.Context, path string, depth int) (ipld.Node, int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	if depth > maxDepth {
		return nil, 0, fmt.Errorf("%s: %w: folders nested deeper than %d", path, icn.ErrInvalid, maxDepth)
	}
	st, err := os.Lstat(path)
	if err != nil {
		return nil, 0, err
	}
	if depth == 0 && st.Mode()&os.ModeSymlink != 0 {
		if st, err = os.Stat(path); err != nil {
			return nil, 0, err
		}
	}
	switch {
	case st.IsDir():
		return s.folder(ctx, path, depth)
	case st.Mode()&os.ModeSymlink != 0:
		return s.symlink(ctx, path)
	case !st.Mode().IsRegular():
		return nil, 0, fmt.Errorf("%s: %w: neither file nor folder", path, icn.ErrInvalid)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	return s.file(f)
}

func (s *sink) symlink(ctx context.Context, path string) (ipld.Node, int64, error) {
	target, err := os.Readlink(path)
	if err != nil {
		return nil, 0, err
	}
	data, err := unixfs.SymlinkData(target)
	if err != nil {
		return nil, 0, err
	}
	n := merkledag.NodeWithData(data)
	if err := n.SetCidBuilder(builder); err != nil {
		return nil, 0, err
	}
	return n, 0, s.Add(ctx, n)
}

func (s *sink) folder(ctx context.Context, path string, depth int) (ipld.Node, int64, error) {
	list, err := os.ReadDir(path)
	if err != nil {
		return nil, 0, err
	}
	dir, err := uio.NewDirectory(s, uio.WithCidBuilder(builder))
	if err != nil {
		return nil, 0, err
	}
	var total int64
	for _, e := range list {
		if e.Name()[0] == '.' {
			continue
		}
		n, size, err := s.path(ctx, filepath.Join(path, e.Name()), depth+1)
		if err != nil {
			return nil, 0, err
		}
		total += size
		if err := dir.AddChild(ctx, e.Name(), n); err != nil {
			return nil, 0, fmt.Errorf("%s: %w", path, err)
		}
	}
	n, err := dir.GetNode()
	if err != nil {
		return nil, 0, err
	}
	return n, total, s.Add(ctx, n)
}

// Add implements ipld.DAGService.
func (s *sink) Add(_ context.Context, n ipld.Node) error {
	data := n.RawData()
	if len(data) > icn.MaxBlock {
		return fmt.Errorf("block %s: %w: %d bytes, at most %d", n.Cid(), icn.ErrInvalid, len(data), icn.MaxBlock)
	}
	s.held = append(s.held, icn.Block{CID: n.Cid(), Data: data})
	s.bytes += len(data)
	s.blocks++
	if s.bytes >= flushBytes {
		return s.flush()
	}
	return nil
}

// AddMany implements ipld.DAGService.
func (s *sink) AddMany(ctx context.Context, ns []ipld.Node) error {
	for _, n := range ns {
		if err := s.Add(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// Get implements ipld.DAGService: an importer only writes.
func (s *sink) Get(_ context.Context, c cid.Cid) (ipld.Node, error) {
	return nil, ipld.ErrNotFound{Cid: c}
}

// GetMany implements ipld.DAGService.
func (s *sink) GetMany(_ context.Context, cs []cid.Cid) <-chan *ipld.NodeOption {
	out := make(chan *ipld.NodeOption, len(cs))
	for _, c := range cs {
		out <- &ipld.NodeOption{Err: ipld.ErrNotFound{Cid: c}}
	}
	close(out)
	return out
}

// Remove implements ipld.DAGService: what was handed on stays.
func (s *sink) Remove(context.Context, cid.Cid) error { return nil }

// RemoveMany implements ipld.DAGService.
func (s *sink) RemoveMany(context.Context, []cid.Cid) error { return nil }

type counter struct {
	r    io.Reader
	n    int64
	told func(int64)
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.told != nil && n > 0 {
		c.told(int64(n))
	}
	return n, err
}

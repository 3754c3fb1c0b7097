package dag

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ipfs/boxo/ipld/unixfs"
	uio "github.com/ipfs/boxo/ipld/unixfs/io"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Read streams a file's content. Its blocks are fetched as they are needed.
func (d *DAG) Read(ctx context.Context, c icn.CID) (io.ReadCloser, error) {
	n, err := d.node(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	r, err := uio.NewDagReader(ctx, n, nodes{d})
	if errors.Is(err, uio.ErrIsDir) {
		return nil, fmt.Errorf("read %s: %w: it is a folder; name a file in it", c, icn.ErrInvalid)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w: %v", c, icn.ErrInvalid, err)
	}
	return file{r, c}, nil
}

// file gives read errors their sentinel and the CID.
type file struct {
	uio.DagReader
	cid icn.CID
}

// Read implements io.Reader.
func (f file) Read(p []byte) (int, error) {
	n, err := f.DagReader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("read %s: %w", f.cid, err)
	}
	return n, err
}

// Entry is a name in a folder.
type Entry struct {
	Name string  `json:"name"`
	CID  icn.CID `json:"cid"`
	Size uint64  `json:"size"` // of the tree, with its overhead
}

// List lists a folder.
func (d *DAG) List(ctx context.Context, c icn.CID) ([]Entry, error) {
	n, err := d.node(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	dir, err := uio.NewDirectoryFromNode(reader{nodes{d}}, n)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w: it is no folder", c, icn.ErrInvalid)
	}
	var out []Entry
	err = dir.ForEachLink(ctx, func(l *ipld.Link) error {
		out = append(out, Entry{l.Name, l.Cid, l.Size})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", c, err)
	}
	return out, nil
}

// IsFolder says whether c is a UnixFS folder.
func (d *DAG) IsFolder(ctx context.Context, c icn.CID) (bool, error) {
	n, err := d.node(ctx, c)
	if err != nil {
		return false, err
	}
	if c.Prefix().Codec != cid.DagProtobuf {
		return false, nil
	}
	f, err := unixfs.ExtractFSNode(n)
	return err == nil && f.IsDir(), nil
}

func (d *DAG) node(ctx context.Context, c icn.CID) (ipld.Node, error) {
	b, err := d.Get(ctx, c)
	if err != nil {
		return nil, err
	}
	return decode(b)
}

// nodes lets boxo read nodes from the DAG.
type nodes struct{ d *DAG }

// Get implements ipld.NodeGetter.
func (n nodes) Get(ctx context.Context, c cid.Cid) (ipld.Node, error) { return n.d.node(ctx, c) }

// GetMany implements ipld.NodeGetter. It reads ahead one after another: the
// network is asked in parallel below.
func (n nodes) GetMany(ctx context.Context, cs []cid.Cid) <-chan *ipld.NodeOption {
	out := make(chan *ipld.NodeOption, len(cs))
	go func() {
		defer close(out)
		for _, c := range cs {
			node, err := n.Get(ctx, c)
			select {
			case out <- &ipld.NodeOption{Node: node, Err: err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// reader is a DAG service that cannot write.
type reader struct{ nodes }

var errReadOnly = errors.New("read only")

// Add implements ipld.DAGService.
func (reader) Add(context.Context, ipld.Node) error { return errReadOnly }

// AddMany implements ipld.DAGService.
func (reader) AddMany(context.Context, []ipld.Node) error { return errReadOnly }

// Remove implements ipld.DAGService.
func (reader) Remove(context.Context, cid.Cid) error { return errReadOnly }

// RemoveMany implements ipld.DAGService.
func (reader) RemoveMany(context.Context, []cid.Cid) error { return errReadOnly }

package dag

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	carv2 "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/storage"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Imported is what an import brought.
type Imported struct {
	Roots  []icn.CID `json:"roots"`
	Blocks int       `json:"blocks"`
	Bytes  int64     `json:"bytes"`
}

// Import stores the blocks of a CAR stream, version 1 or 2, each verified.
func (d *DAG) Import(ctx context.Context, r io.Reader) (Imported, error) {
	var out Imported
	// Lengths are read byte by byte. Content is compared with its name when it is put.
	br, err := carv2.NewBlockReader(bufio.NewReaderSize(r, 256<<10), carv2.WithTrustedCAR(true),
		carv2.MaxAllowedSectionSize(icn.MaxBlock+128), carv2.MaxAllowedHeaderSize(1<<20))
	if err != nil {
		return out, fmt.Errorf("import: %w: not a CAR stream: %v", icn.ErrInvalid, err)
	}
	out.Roots = br.Roots
	in := d.intake(ctx)
	for {
		b, err := br.Next()
		if errors.Is(err, io.EOF) {
			if err := in.end(nil); err != nil {
				return out, fmt.Errorf("import: %w", err)
			}
			return out, nil
		}
		if err != nil {
			return out, in.end(fmt.Errorf("import: after %d blocks: %w: %v", out.Blocks, icn.ErrInvalid, err))
		}
		out.Blocks++
		out.Bytes += int64(len(b.RawData()))
		if err := in.add(icn.Block{CID: b.Cid(), Data: b.RawData()}); err != nil {
			return out, fmt.Errorf("import: %w", in.end(err))
		}
	}
}

// Export writes trees as a CAR stream, version 1.
func (d *DAG) Export(ctx context.Context, w io.Writer, roots ...icn.CID) error {
	car, err := NewCARWriter(w, roots)
	if err != nil {
		return err
	}
	seen := map[icn.CID]struct{}{}
	for _, r := range roots {
		err := walk(ctx, r, d.Get, seen, func(b icn.Block) (bool, error) { return true, car.Put(ctx, b) })
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	return nil
}

// CARWriter writes blocks as a CAR stream, version 1.
type CARWriter struct{ w storage.WritableCar }

// NewCARWriter writes the stream's head.
func NewCARWriter(w io.Writer, roots []icn.CID) (*CARWriter, error) {
	car, err := storage.NewWritable(w, roots, carv2.WriteAsCarV1(true), carv2.AllowDuplicatePuts(true))
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return &CARWriter{car}, nil
}

// Put writes a block.
func (c *CARWriter) Put(ctx context.Context, b icn.Block) error {
	return c.w.Put(ctx, b.CID.KeyString(), b.Data)
}

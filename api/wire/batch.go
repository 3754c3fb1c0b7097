package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ipfs/go-cid"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// BatchType is the media type of many blocks in a row: for each, the uvarint of
// the length of what follows, the binary CID, and the data (the sections of a
// CARv1, without its head).
const BatchType = "application/vnd.icn.blocks"

// AppendBlock appends a block to a batch's body.
func AppendBlock(b []byte, block icn.Block) []byte {
	c := block.CID.Bytes()
	b = binary.AppendUvarint(b, uint64(len(c)+len(block.Data)))
	return append(append(b, c...), block.Data...)
}

// ReadBlocks reads a batch's body to its end, within the limits of a batch. The
// blocks are not verified yet.
func ReadBlocks(r io.Reader) ([]icn.Block, error) {
	in := bufio.NewReader(r)
	var out []icn.Block
	total := 0
	for {
		if _, err := in.Peek(1); errors.Is(err, io.EOF) {
			return out, nil
		}
		fail := func(format string, args ...any) error {
			return fmt.Errorf("batch: block %d: %w: %s", len(out)+1, icn.ErrInvalid, fmt.Sprintf(format, args...))
		}
		n, err := binary.ReadUvarint(in)
		if err != nil {
			return nil, readFault(err, fail("no length"))
		}
		total += int(min(n, MaxBatchBytes+1))
		switch {
		case n < 5 || n > icn.MaxBlock+64:
			return nil, fail("%d bytes, at most %d", n, icn.MaxBlock+64)
		case total > MaxBatchBytes || len(out) == MaxBatchBlocks:
			return nil, fail("too much for one commit: at most %d blocks and %d bytes; send them in several", MaxBatchBlocks, MaxBatchBytes)
		}
		section := make([]byte, n)
		if _, err := io.ReadFull(in, section); err != nil {
			return nil, readFault(err, fail("it ends too early"))
		}
		used, c, err := cid.CidFromBytes(section)
		if err != nil {
			return nil, fail("CID: %v", err)
		}
		if err := icn.CheckCID(c); err != nil {
			return nil, fail("%v", err)
		}
		out = append(out, icn.Block{CID: c, Data: section[used:]})
	}
}

// readFault prefers a fault of the reader to one of the format.
func readFault(err, format error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || err.Error() == "binary: varint overflows a 64-bit integer" {
		return format
	}
	return err
}

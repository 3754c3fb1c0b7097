package backup

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// segmentBytes is how much a member of blocks or entries holds, about. All that is
// in memory at a time is a few of them.
const segmentBytes = 4 << 20

// carHeader is that of a CARv1 with one root: DAG-CBOR of {"roots": [root],
// "version": 1} (https://ipld.io/specs/transport/car/carv1/).
func carHeader(root icn.CID) []byte {
	h := []byte{0xa2, 0x65, 'r', 'o', 'o', 't', 's'}
	h = icn.AppendCID(icn.AppendArray(h, 1), root)
	h = append(h, 0x67, 'v', 'e', 'r', 's', 'i', 'o', 'n', 1)
	return append(binary.AppendUvarint(nil, uint64(len(h))), h...)
}

func appendCAR(b []byte, block icn.Block) []byte {
	if len(b) == 0 {
		b = append(b, carHeader(block.CID)...)
	}
	id := block.CID.Bytes()
	b = binary.AppendUvarint(b, uint64(len(id)+len(block.Data)))
	return append(append(b, id...), block.Data...)
}

// readCAR lists the blocks of a member; they share its memory. Each is compared
// with its name.
func readCAR(b []byte) (blocks []icn.Block, err error) {
	whole := len(b)
	wrong := func(format string, args ...any) ([]icn.Block, error) {
		return nil, fmt.Errorf("byte %d: %w: %s", whole-len(b), icn.ErrCorrupt, fmt.Sprintf(format, args...))
	}
	section := func() ([]byte, bool) {
		n, k := binary.Uvarint(b)
		if k <= 0 || n > uint64(len(b)-k) || n > icn.MaxBlock+256 {
			return nil, false
		}
		v := b[k : k+int(n)]
		b = b[k+int(n):]
		return v, true
	}
	h, ok := section()
	if !ok || !bytes.HasPrefix(h, []byte{0xa2, 0x65, 'r', 'o', 'o', 't', 's'}) {
		return wrong("no CAR header")
	}
	for len(b) > 0 {
		s, ok := section()
		if !ok {
			return wrong("a block of a wrong length")
		}
		if len(s) < 36 {
			return wrong("a block without a name")
		}
		// CIDv1: version, codec, sha2-256, 32, digest. The codec is a varint.
		_, k := binary.Uvarint(s[1:])
		end := 1 + max(k, 1) + 34
		if end > len(s) {
			return wrong("a block without a name")
		}
		c, err := icn.CastCID(bytes.Clone(s[:end]))
		if err != nil {
			return wrong("block name: %v", err)
		}
		block := icn.Block{CID: c, Data: s[end:]}
		if err := block.Verify(); err != nil {
			return wrong("%v", err)
		}
		blocks = append(blocks, block)
	}
	return blocks, nil
}

func appendEntry(b, leaf []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(leaf))), leaf...)
}

// readEntries lists the leaves of a member; they share its memory.
func readEntries(b []byte) (leaves [][]byte, err error) {
	whole := len(b)
	for len(b) > 0 {
		n, k := binary.Uvarint(b)
		if k <= 0 || n > uint64(len(b)-k) || n > icn.MaxStatement+64 {
			return nil, fmt.Errorf("byte %d: %w: an entry of a wrong length", whole-len(b), icn.ErrCorrupt)
		}
		leaves = append(leaves, b[k:k+int(n):k+int(n)])
		b = b[k+int(n):]
	}
	return leaves, nil
}

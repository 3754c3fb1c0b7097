package p2p

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// op says what a frame is. On a stream the opener sends hello, frames,
// requests and pings; the acceptor sends hello, replies, failures and pongs.
type op uint8

const (
	opHello   op = 1
	opFrame   op = 2
	opRequest op = 3
	opReply   op = 4
	opFail    op = 5
	opPing    op = 6
	opPong    op = 7
)

// frame is one unit on a stream: length of the body (4 bytes, big endian), op
// (1 byte), id (8 bytes), body.
type frame struct {
	op   op
	id   uint64
	body []byte
}

const frameHead = 4 + 1 + 8

// grain is how much memory the mere announcement of a long frame can cost.
const grain = 64 << 10

var errTooLong = errors.New("frame over the limit")

func appendHead(b []byte, f frame) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(f.body)))
	b = append(b, byte(f.op))
	return binary.BigEndian.AppendUint64(b, f.id)
}

// readFrame reads one frame whose body is at most limit long. Memory is taken
// as bytes arrive, not as they are announced.
func readFrame(r *bufio.Reader, limit int) (frame, error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	n := binary.BigEndian.Uint32(head[:4])
	f := frame{op: op(head[4]), id: binary.BigEndian.Uint64(head[5:])}
	if f.op < opHello || f.op > opPong {
		return frame{}, fmt.Errorf("frame of unknown type %d: %w", f.op, icn.ErrInvalid)
	}
	if uint64(n) > uint64(limit) {
		return frame{}, fmt.Errorf("%w: %d bytes of %d: %w", errTooLong, n, limit, icn.ErrInvalid)
	}
	var err error
	f.body, err = readBody(r, int(n))
	return f, err
}

func readBody(r io.Reader, n int) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	body := make([]byte, min(n, grain))
	got := 0
	for {
		m, err := io.ReadFull(r, body[got:])
		got += m
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if got == n {
			return body, nil
		}
		longer := make([]byte, min(n, 2*got))
		copy(longer, body)
		body = longer
	}
}

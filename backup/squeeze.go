package backup

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// squeeze makes one member of a gzip stream (RFC 1952: they may follow one another)
// of the parts, which belong behind each other. What does not shrink is stored.
func squeeze(parts ...[]byte) ([]byte, error) {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	if !shrinks(parts) {
		return stored(buffer(size+size/1000+256), parts), nil
	}
	out := bytes.NewBuffer(buffer(size))
	w, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	for _, p := range parts {
		if err == nil {
			_, err = w.Write(p)
		}
	}
	if err == nil {
		err = w.Close()
	}
	return out.Bytes(), err
}

// shrinks tries three pieces of the largest part.
func shrinks(parts [][]byte) bool {
	const piece = 16 << 10
	var data []byte
	for _, p := range parts {
		if len(p) > len(data) {
			data = p
		}
	}
	var sample []byte
	for _, at := range []int{0, len(data) / 2, len(data) - piece} {
		if at >= 0 {
			sample = append(sample, data[at:min(at+piece, len(data))]...)
		}
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return false
	}
	_, _ = w.Write(sample) // into memory
	_ = w.Close()
	return out.Len() < len(sample)*95/100
}

// mostStored is how much one block of stored bytes holds (RFC 1951 section 3.2.4).
const mostStored = 1<<16 - 1

// stored appends a gzip member whose content is as it was, with one copy and no
// compressor in between.
func stored(b []byte, parts [][]byte) []byte {
	b = append(b, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255)
	sum, size := uint32(0), uint32(0)
	for _, p := range parts {
		sum = crc32.Update(sum, crc32.IEEETable, p)
		size += uint32(len(p)) // modulo 2^32, as it is defined
		for len(p) > 0 {
			n := min(len(p), mostStored)
			b = append(b, 0, byte(n), byte(n>>8), ^byte(n), ^byte(n>>8))
			b = append(b, p[:n]...)
			p = p[n:]
		}
	}
	b = append(b, 1, 0, 0, 0xff, 0xff) // the last block, empty
	b = binary.LittleEndian.AppendUint32(b, sum)
	return binary.LittleEndian.AppendUint32(b, size)
}

// buffers are used again and again: a backup of a terabyte needs as many as one of
// a few megabytes.
var buffers sync.Pool

func buffer(size int) []byte {
	if b, ok := buffers.Get().(*[]byte); ok && cap(*b) >= size {
		return (*b)[:0]
	}
	return make([]byte, 0, max(size, segmentBytes+segmentBytes/4))
}

// spare takes a buffer back that nobody looks at any more.
func spare(b []byte) {
	if cap(b) >= segmentBytes {
		buffers.Put(&b)
	}
}

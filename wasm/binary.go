package wasm

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// reader reads a module's bytes. Its first fault sticks; after it every read
// gives zero, and loops over counts end because the input does.
type reader struct {
	b   []byte
	i   int
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("module: %w: %s", icn.ErrInvalid, fmt.Sprintf(format, args...))
	}
	r.i = len(r.b)
}

func (r *reader) more() bool { return r.err == nil && r.i < len(r.b) }

func (r *reader) byte() byte {
	if r.i >= len(r.b) {
		r.fail("it ends early")
		return 0
	}
	r.i++
	return r.b[r.i-1]
}

// u32 reads an unsigned LEB128 number.
func (r *reader) u32() uint32 {
	var v uint64
	for s := 0; s < 35; s += 7 {
		c := r.byte()
		v |= uint64(c&0x7f) << s
		if c < 0x80 {
			if v > 0xffffffff {
				r.fail("number over 32 bits")
				return 0
			}
			return uint32(v)
		}
	}
	r.fail("number too long")
	return 0
}

// s32 reads a signed LEB128 number of 32 bits.
func (r *reader) s32() int32 {
	var v int64
	for s := 0; s < 35; s += 7 {
		c := r.byte()
		v |= int64(c&0x7f) << s
		if c < 0x80 {
			if s < 28 && c&0x40 != 0 {
				v |= -1 << (s + 7)
			}
			return int32(v)
		}
	}
	r.fail("number too long")
	return 0
}

// leb skips a signed LEB128 number of at most n bytes.
func (r *reader) leb(n int) {
	for range n {
		if r.byte() < 0x80 {
			return
		}
	}
	r.fail("number too long")
}

func (r *reader) take(n uint32) []byte {
	if r.err != nil || uint64(n) > uint64(len(r.b)-r.i) {
		r.fail("it ends early")
		return nil
	}
	v := r.b[r.i : r.i+int(n)]
	r.i += int(n)
	return v
}

func (r *reader) name() string { return string(r.take(r.u32())) }

// count reads the length of a vector, of which each item takes at least a byte.
func (r *reader) count() uint32 {
	n := r.u32()
	if uint64(n) > uint64(len(r.b)-r.i) {
		r.fail("a list of %d items in %d bytes", n, len(r.b)-r.i)
		return 0
	}
	return n
}

func appendU32(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func appendS64(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func appendName(b []byte, s string) []byte { return append(appendU32(b, uint32(len(s))), s...) }

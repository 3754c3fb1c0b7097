package icn

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The codec writes and reads canonical DAG-CBOR (RFC 8949 §4.2.1 as restricted
// by the IPLD DAG-CBOR specification): definite lengths, shortest heads, UTF-8
// text, CIDs as tag 42. Structures are tuples (arrays of fixed length), so an
// unknown field is a wrong length. Integers are unsigned.

const (
	majorUint  = 0 << 5
	majorBytes = 2 << 5
	majorText  = 3 << 5
	majorArray = 4 << 5
	majorTag   = 6 << 5

	cborFalse = 0xf4
	cborTrue  = 0xf5
	cborNull  = 0xf6
)

func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= 0xff:
		return append(b, major|24, byte(n))
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n <= 0xffffffff:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

// AppendUint appends an unsigned integer.
func AppendUint(b []byte, n uint64) []byte { return appendHead(b, majorUint, n) }

// AppendBytes appends a byte string.
func AppendBytes(b, v []byte) []byte { return append(appendHead(b, majorBytes, uint64(len(v))), v...) }

// AppendText appends a text string.
func AppendText(b []byte, s string) []byte {
	return append(appendHead(b, majorText, uint64(len(s))), s...)
}

// Fit makes a text that fits max bytes and is UTF-8, as decoders want it, of one
// that need not be.
func Fit(s string, max int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max]
}

// AppendArray appends the head of an array of n items.
func AppendArray(b []byte, n int) []byte { return appendHead(b, majorArray, uint64(n)) }

// AppendNull appends null, which stands for an absent value.
func AppendNull(b []byte) []byte { return append(b, cborNull) }

// AppendBool appends true or false.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, cborTrue)
	}
	return append(b, cborFalse)
}

// AppendCID appends a link, or null for the undefined CID.
func AppendCID(b []byte, c CID) []byte {
	if !c.Defined() {
		return AppendNull(b)
	}
	k := c.KeyString()
	b = appendHead(b, majorTag, 42)
	b = appendHead(b, majorBytes, uint64(len(k)+1))
	return append(append(b, 0), k...)
}

// AppendDID appends a DID as the byte string of its multicodec key.
func AppendDID(b []byte, d DID) []byte {
	b = append(appendHead(b, majorBytes, 34), 0xed, 0x01)
	return append(b, d[:]...)
}

// AppendTexts appends an array of text strings.
func AppendTexts(b []byte, s []string) []byte {
	b = AppendArray(b, len(s))
	for _, t := range s {
		b = AppendText(b, t)
	}
	return b
}

// Reader decodes what the Append functions write. The first fault sticks: after
// it every method returns zero values, and [Reader.Close] tells what was wrong.
type Reader struct {
	b   []byte
	off int
	err error
}

// NewReader reads from b, which must not change while values are in use.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Fail records a fault, unless there was one before.
func (r *Reader) Fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("byte %d: %w: %s", r.off, ErrInvalid, fmt.Sprintf(format, args...))
	}
}

// Err is the first fault so far.
func (r *Reader) Err() error { return r.err }

// Close is the first fault, or a complaint about trailing bytes.
func (r *Reader) Close() error {
	if r.err == nil && r.off != len(r.b) {
		r.Fail("%d trailing bytes", len(r.b)-r.off)
	}
	return r.err
}

// Offset is the number of bytes read.
func (r *Reader) Offset() int { return r.off }

func (r *Reader) head(major byte) uint64 {
	if r.err != nil {
		return 0
	}
	if r.off >= len(r.b) {
		r.Fail("truncated")
		return 0
	}
	c := r.b[r.off]
	if c&0xe0 != major {
		r.Fail("want CBOR major type %d, got %d", major>>5, c>>5)
		return 0
	}
	low := c & 0x1f
	if low < 24 {
		r.off++
		return uint64(low)
	}
	if low > 27 {
		r.Fail("indefinite or reserved length")
		return 0
	}
	size := 1 << (low - 24)
	if len(r.b)-r.off-1 < size {
		r.Fail("truncated")
		return 0
	}
	var n uint64
	for _, x := range r.b[r.off+1 : r.off+1+size] {
		n = n<<8 | uint64(x)
	}
	if (size == 1 && n < 24) || (size > 1 && n>>(uint(size)*4) == 0) {
		r.Fail("number not in its shortest form")
		return 0
	}
	r.off += 1 + size
	return n
}

func (r *Reader) take(n uint64) []byte {
	if r.err != nil {
		return nil
	}
	if n > uint64(len(r.b)-r.off) {
		r.Fail("truncated")
		return nil
	}
	v := r.b[r.off : r.off+int(n) : r.off+int(n)]
	r.off += int(n)
	return v
}

// Uint reads an unsigned integer.
func (r *Reader) Uint() uint64 { return r.head(majorUint) }

// Uint32 reads an unsigned integer that fits 32 bits.
func (r *Reader) Uint32() uint32 {
	n := r.Uint()
	if n > 0xffffffff {
		r.Fail("number over 32 bits")
		return 0
	}
	return uint32(n)
}

// upTo reads a number from 1 to max.
func (r *Reader) upTo(max uint8) uint8 {
	n := r.Uint()
	if r.err == nil && (n == 0 || n > uint64(max)) {
		r.Fail("%d is not from 1 to %d", n, max)
		return 0
	}
	return uint8(n)
}

// Bytes reads a byte string of at most max bytes, as a slice of the input.
func (r *Reader) Bytes(max int) []byte {
	n := r.head(majorBytes)
	if n > uint64(max) {
		r.Fail("%d bytes, at most %d", n, max)
		return nil
	}
	return r.take(n)
}

// Text reads a UTF-8 string of at most max bytes.
func (r *Reader) Text(max int) string {
	n := r.head(majorText)
	if n > uint64(max) {
		r.Fail("text of %d bytes, at most %d", n, max)
		return ""
	}
	v := r.take(n)
	if !utf8.Valid(v) {
		r.Fail("text is not UTF-8")
		return ""
	}
	return string(v)
}

// Array reads the head of an array of at most max items.
func (r *Reader) Array(max int) int {
	n := r.head(majorArray)
	if n > uint64(max) {
		r.Fail("%d items, at most %d", n, max)
		return 0
	}
	return int(n)
}

// Tuple reads the head of an array of exactly n items.
func (r *Reader) Tuple(n int) {
	if got := r.head(majorArray); r.err == nil && got != uint64(n) {
		r.Fail("%d fields, want %d", got, n)
	}
}

// Null consumes a null if there is one.
func (r *Reader) Null() bool {
	if r.err == nil && r.off < len(r.b) && r.b[r.off] == cborNull {
		r.off++
		return true
	}
	return false
}

// Bool reads true or false.
func (r *Reader) Bool() bool {
	v := r.take(1)
	if r.err != nil {
		return false
	}
	switch v[0] {
	case cborTrue:
		return true
	case cborFalse:
		return false
	}
	r.off--
	r.Fail("want true or false")
	return false
}

// CID reads a link, or null as the undefined CID.
func (r *Reader) CID() CID {
	if r.Null() {
		return CID{}
	}
	if t := r.head(majorTag); r.err == nil && t != 42 {
		r.Fail("tag %d, want 42", t)
	}
	v := r.Bytes(64)
	if r.err != nil {
		return CID{}
	}
	if len(v) < 1 || v[0] != 0 {
		r.Fail("link without its zero byte")
		return CID{}
	}
	c, err := CastCID(v[1:])
	if err != nil {
		r.Fail("link: %v", err)
		return CID{}
	}
	return c
}

// MustCID reads a link that may not be absent.
func (r *Reader) MustCID() CID {
	c := r.CID()
	if r.err == nil && !c.Defined() {
		r.Fail("missing link")
	}
	return c
}

// DID reads a DID.
func (r *Reader) DID() (d DID) {
	v := r.Bytes(34)
	if r.err != nil {
		return d
	}
	if len(v) != 34 || v[0] != 0xed || v[1] != 0x01 {
		r.Fail("not an Ed25519 DID")
		return d
	}
	copy(d[:], v[2:])
	return d
}

// Hash reads a byte string of exactly 32 bytes.
func (r *Reader) Hash() (h [32]byte) {
	v := r.Bytes(32)
	if r.err == nil && len(v) != 32 {
		r.Fail("hash of %d bytes", len(v))
	}
	copy(h[:], v)
	return h
}

// Texts reads an array of at most n strings of at most max bytes each.
func (r *Reader) Texts(n, max int) []string {
	k := r.Array(n)
	if k == 0 {
		return nil
	}
	s := make([]string, 0, min(k, 64))
	for range k {
		s = append(s, r.Text(max))
		if r.err != nil {
			return nil
		}
	}
	return s
}

package wasm_test

import "encoding/binary"

// A generator of valid modules, chosen by bytes. Code is made as trees: an
// expression leaves one value of a type, a statement none; so the stack always
// fits, whatever the bytes say.

const (
	f32 = 0x7d
	f64 = 0x7c
)

var valueTypes = []byte{i32, i64, f32, f64}

// choice hands out the bytes, and zeros when there are no more.
type choice struct {
	b    []byte
	fuel int // how many nodes the trees may still have
}

func (c *choice) byte() byte {
	if len(c.b) == 0 {
		return 0
	}
	x := c.b[0]
	c.b = c.b[1:]
	return x
}

func (c *choice) of(n int) int { return int(c.byte()) % n }

func (c *choice) word() uint64 {
	n := c.of(9)
	var w [8]byte
	for i := range n {
		w[i] = c.byte()
	}
	return binary.LittleEndian.Uint64(w[:])
}

// spent says whether the tree must end here.
func (c *choice) spent() bool {
	c.fuel--
	return c.fuel < 0 || len(c.b) == 0
}

// sigs are the types of the functions: those of calls within the module. The last
// is that of run.
var sigs = []struct{ params, results []byte }{
	{nil, nil}, {[]byte{i32}, []byte{i32}}, {[]byte{i64, f64}, []byte{f64}}, {[]byte{f32}, []byte{f32}},
	{nil, []byte{i32, i64}}, {[]byte{i64}, []byte{i64}}, {nil, []byte{i64}},
}

const sigRun = 6

// locals of each function, behind its parameters: two of each type, and a counter.
var locals = []byte{i32, i32, i64, i64, f32, f32, f64, f64, i32}

// function is one under construction.
type function struct {
	*choice
	params []byte
	depth  uint32 // open blocks
	out    []byte
	funcs  int
	self   int // which of them this is
}

// may says whether it calls another: mostly only one before itself, or nearly all
// programs would nest without end.
func (f *function) may(call int) bool { return call < f.self || f.of(32) == 0 }

func (f *function) op(b ...byte) { f.out = append(f.out, b...) }
func (f *function) u(n uint32)   { f.out = uleb(f.out, n) }

func uleb(b []byte, n uint32) []byte {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

func sleb(b []byte, n int64) []byte {
	for {
		c := byte(n & 0x7f)
		n >>= 7
		if n == 0 && c&0x40 == 0 || n == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// constant is any value of a type, all forms of NaN included.
func (f *function) constant(t byte) {
	w := f.word()
	if (t == f32 || t == f64) && f.of(4) == 0 {
		w |= 0x7ff0_0000_7f80_0000 // not a number, or infinite
	}
	switch t {
	case i32:
		f.op(0x41)
		f.out = sleb(f.out, int64(int32(w)))
	case i64:
		f.op(0x42)
		f.out = sleb(f.out, int64(w))
	case f32:
		f.op(0x43)
		f.out = binary.LittleEndian.AppendUint32(f.out, uint32(w))
	case f64:
		f.op(0x44)
		f.out = binary.LittleEndian.AppendUint64(f.out, w)
	}
}

// local is the index of a local of a type.
func (f *function) local(t byte) uint32 {
	var all []uint32
	for i, x := range append(append([]byte{}, f.params...), locals[:8]...) {
		if x == t {
			all = append(all, uint32(i))
		}
	}
	return all[f.of(len(all))]
}

func (f *function) counter() uint32 { return uint32(len(f.params) + 8) }

// global is the index of the global of a type.
func global(t byte) uint32 {
	for i, x := range valueTypes {
		if x == t {
			return uint32(i)
		}
	}
	return 0
}

// The numeric instructions: operands, result, opcodes.
var numeric = []struct {
	takes    []byte
	gives    byte
	from, to byte
}{
	{[]byte{i32}, i32, 0x45, 0x45}, {[]byte{i32, i32}, i32, 0x46, 0x4f}, {[]byte{i64}, i32, 0x50, 0x50}, {[]byte{i64, i64}, i32, 0x51, 0x5a},
	{[]byte{f32, f32}, i32, 0x5b, 0x60}, {[]byte{f64, f64}, i32, 0x61, 0x66}, {[]byte{i32}, i32, 0x67, 0x69}, {[]byte{i32, i32}, i32, 0x6a, 0x78},
	{[]byte{i64}, i64, 0x79, 0x7b}, {[]byte{i64, i64}, i64, 0x7c, 0x8a}, {[]byte{f32}, f32, 0x8b, 0x91}, {[]byte{f32, f32}, f32, 0x92, 0x98},
	{[]byte{f64}, f64, 0x99, 0x9f}, {[]byte{f64, f64}, f64, 0xa0, 0xa6}, {[]byte{i64}, i32, 0xa7, 0xa7}, {[]byte{f32}, i32, 0xa8, 0xa9},
	{[]byte{f64}, i32, 0xaa, 0xab}, {[]byte{i32}, i64, 0xac, 0xad}, {[]byte{f32}, i64, 0xae, 0xaf}, {[]byte{f64}, i64, 0xb0, 0xb1},
	{[]byte{i32}, f32, 0xb2, 0xb3}, {[]byte{i64}, f32, 0xb4, 0xb5}, {[]byte{f64}, f32, 0xb6, 0xb6}, {[]byte{i32}, f64, 0xb7, 0xb8},
	{[]byte{i64}, f64, 0xb9, 0xba}, {[]byte{f32}, f64, 0xbb, 0xbb}, {[]byte{f32}, i32, 0xbc, 0xbc}, {[]byte{f64}, i64, 0xbd, 0xbd},
	{[]byte{i32}, f32, 0xbe, 0xbe}, {[]byte{i64}, f64, 0xbf, 0xbf}, {[]byte{i32}, i32, 0xc0, 0xc1}, {[]byte{i64}, i64, 0xc2, 0xc4},
}

// expr leaves a value of type t.
func (f *function) expr(t byte) {
	if f.spent() {
		f.constant(t)
		return
	}
	switch f.of(12) {
	case 0:
		f.constant(t)
	case 1:
		f.op(0x20)
		f.u(f.local(t))
	case 2:
		f.op(0x23)
		f.u(global(t))
	case 3, 4, 5:
		f.number(t)
	case 6:
		f.load(t)
	case 7:
		f.calls(t)
	case 8:
		f.chosen(t)
	case 9: // a block that is left early, with its value
		f.op(0x02, t)
		f.depth++
		f.statements()
		f.expr(t)
		f.expr(i32)
		f.op(0x0d, 0, 0x0b)
		f.depth--
	case 10:
		f.expr(t)
		f.op(0x22)
		f.u(f.local(t))
	case 11:
		f.sizes(t)
	}
}

func (f *function) number(t byte) {
	var fit []int
	for i, n := range numeric {
		if n.gives == t {
			fit = append(fit, i)
		}
	}
	n := numeric[fit[f.of(len(fit))]]
	for _, x := range n.takes {
		f.expr(x)
	}
	if (t == i32 || t == i64) && (n.takes[0] == f32 || n.takes[0] == f64) && n.from >= 0xa8 && n.to <= 0xb1 && f.of(16) != 0 {
		sub := map[byte]byte{0xa8: 0, 0xaa: 2, 0xae: 4, 0xb0: 6}[n.from] // the form that saturates
		f.op(0xfc, sub+byte(f.of(2)))
		return
	}
	op := n.from + byte(f.of(int(n.to-n.from)+1))
	switch {
	case f.of(16) == 0:
	case op >= 0x6d && op <= 0x70: // a division, mostly not by zero
		f.op(0x41, 1, 0x72)
	case op >= 0x7f && op <= 0x82:
		f.op(0x42, 1, 0x84)
	}
	f.op(op)
}

// place leaves an address, mostly within the first page.
func (f *function) place() {
	f.expr(i32)
	if f.of(64) != 0 {
		f.op(0x41, 0xff, 0x07, 0x71) // and 1023
	}
}

func (f *function) load(t byte) {
	ops := map[byte][]byte{i32: {0x28, 0x2c, 0x2d, 0x2e, 0x2f}, i64: {0x29, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35}, f32: {0x2a}, f64: {0x2b}}[t]
	f.place()
	f.op(ops[f.of(len(ops))], 0)
	f.u(uint32(f.of(64)))
}

// calls leaves what a function gives, called by its index or through the table.
func (f *function) calls(t byte) {
	var fit []int
	for i, s := range sigs[:sigRun] {
		if len(s.results) == 1 && s.results[0] == t {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		f.constant(t)
		return
	}
	sig := fit[f.of(len(fit))]
	if !f.may(sig) {
		f.constant(t)
		return
	}
	for _, p := range sigs[sig].params {
		f.expr(p)
	}
	if f.of(2) == 0 {
		f.op(0x10)
		f.u(uint32(sig)) // function n has type n
		return
	}
	if f.of(16) == 0 {
		f.expr(i32)
		f.op(0x41, 0x07, 0x71) // and 7: more than there are
	} else {
		f.op(0x41, map[int]byte{1: 0, 2: 1, 3: 2, 5: 3}[sig]) // where the table has it at first
	}
	f.op(0x11)
	f.u(uint32(sig))
	f.op(0)
}

func (f *function) chosen(t byte) {
	if f.of(2) == 0 {
		f.expr(t)
		f.expr(t)
		f.expr(i32)
		f.op(0x1b)
		return
	}
	f.expr(i32)
	f.op(0x04, t)
	f.depth++
	f.expr(t)
	f.op(0x05)
	f.statements()
	f.expr(t)
	f.op(0x0b)
	f.depth--
}

// sizes leaves a size of memory or table, before or after it grew.
func (f *function) sizes(t byte) {
	if t != i32 {
		f.constant(t)
		return
	}
	switch f.of(4) {
	case 0:
		f.op(0x3f, 0)
	case 1:
		f.op(0x41, byte(f.of(4)), 0x40, 0)
	case 2:
		f.op(0xfc, 16, 0)
	case 3:
		f.op(0xd2)
		f.u(uint32(f.of(f.funcs)))
		f.op(0x41, byte(f.of(8)), 0xfc, 15, 0)
	}
}

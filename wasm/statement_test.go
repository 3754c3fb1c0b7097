package wasm_test

import "slices"

// statements makes a few.
func (f *function) statements() {
	for range f.of(4) {
		if !f.spent() {
			f.statement()
		}
	}
}

// statement leaves the stack as it was.
func (f *function) statement() {
	t := valueTypes[f.of(4)]
	switch f.of(16) {
	case 0:
		f.expr(t)
		f.op(0x21)
		f.u(f.local(t))
	case 1:
		f.expr(t)
		f.op(0x24)
		f.u(global(t))
	case 2, 3:
		f.store(t)
	case 4: // a loop that counts
		f.op(0x41)
		f.out = sleb(f.out, int64(f.byte()))
		f.op(0x21)
		f.u(f.counter())
		f.loop(func() {
			f.op(0x20)
			f.u(f.counter())
			f.op(0x41, 1, 0x6b, 0x22)
			f.u(f.counter())
		})
	case 5: // a loop that may never end
		f.loop(func() { f.expr(i32) })
	case 6:
		f.op(0x02, 0x40)
		f.depth++
		f.statements()
		f.leap()
		f.statements()
		f.op(0x0b)
		f.depth--
	case 7:
		f.expr(i32)
		f.op(0x04, 0x40)
		f.depth++
		f.statements()
		f.op(0x05)
		f.statements()
		f.op(0x0b)
		f.depth--
	case 8:
		if f.may(0) {
			f.op(0x10, 0) // nothing in, nothing out
		}
	case 9:
		if f.may(4) {
			f.op(0x10, 4, 0x21) // two results
			f.u(f.local(i64))
			f.op(0x21)
			f.u(f.local(i32))
		}
	case 10, 11, 12:
		f.ranges()
	case 13:
		f.expr(t)
		f.op(0x1a)
	case 14:
		f.entry()
	case 15:
		if f.of(8) == 0 {
			f.op(0x00)
		}
	}
}

// loop goes on while cond says so.
func (f *function) loop(cond func()) {
	f.op(0x03, 0x40)
	f.depth++
	f.statements()
	cond()
	f.op(0x0d, 0, 0x0b)
	f.depth--
}

// leap jumps out of the innermost block: always, perhaps, or by a table.
func (f *function) leap() {
	switch f.of(4) {
	case 0:
		f.op(0x0c, 0)
	case 1:
		f.expr(i32)
		f.op(0x0d, 0)
	case 2:
		f.expr(i32)
		f.op(0x0e, 2, 0, 0, 0)
	}
}

func (f *function) store(t byte) {
	ops := map[byte][]byte{i32: {0x36, 0x3a, 0x3b}, i64: {0x37, 0x3c, 0x3d, 0x3e}, f32: {0x38}, f64: {0x39}}[t]
	f.place()
	f.expr(t)
	f.op(ops[f.of(len(ops))], 0)
	f.u(uint32(f.of(64)))
}

// ranges works on many bytes, or entries of the table, at a time.
func (f *function) ranges() {
	length := func(most byte) {
		if f.of(16) == 0 {
			f.expr(i32)
		} else {
			f.op(0x41, byte(f.of(int(most))))
		}
	}
	small := func() { f.op(0x41, f.index()) }
	switch f.of(8) {
	case 0:
		f.place()
		f.expr(i32)
		length(64)
		f.op(0xfc, 11, 0)
	case 1:
		f.place()
		f.place()
		length(64)
		f.op(0xfc, 10, 0, 0)
	case 2:
		f.place()
		small()
		length(6)
		f.op(0xfc, 8, 0, 0)
	case 3:
		if f.of(8) == 0 {
			f.op(0xfc, 9, 0)
		}
	case 4:
		small()
		small()
		length(3)
		f.op(0xfc, 12, 0, 0)
	case 5:
		if f.of(8) == 0 {
			f.op(0xfc, 13, 0)
		}
	case 6:
		small()
		small()
		length(3)
		f.op(0xfc, 14, 0, 0)
	case 7:
		small()
		f.op(0xd2)
		f.u(uint32(f.of(f.funcs)))
		length(3)
		f.op(0xfc, 17, 0)
	}
}

// index is that of an entry of the table, mostly one that there is.
func (f *function) index() byte {
	if f.of(16) == 0 {
		return byte(f.of(16))
	}
	return byte(f.of(4))
}

// entry sets an entry of the table to a function, another entry, or nothing.
func (f *function) entry() {
	f.op(0x41, f.index())
	switch f.of(3) {
	case 0:
		f.op(0xd2)
		f.u(uint32(f.of(f.funcs)))
	case 1:
		f.op(0x41, f.index(), 0x25, 0)
	case 2:
		f.op(0xd0, 0x70)
	}
	f.op(0x26, 0)
}

// generated is the module that bytes choose: a function of each of sigs, a memory of
// a page, a table of six, a global of each type, passive segments. Its run ends
// with a sum of all that it left.
func generated(c *choice) []byte {
	section := func(id byte, b []byte) []byte { return append(uleb([]byte{id}, uint32(len(b))), b...) }
	var types, funcs, code []byte
	bodies := make([][]byte, len(sigs))
	bodies[sigRun] = c.body(sigRun) // first, while there are bytes
	for n, s := range sigs {
		types = slices.Concat(types, []byte{0x60, byte(len(s.params))}, s.params, []byte{byte(len(s.results))}, s.results)
		funcs = append(funcs, byte(n))
		if n != sigRun {
			bodies[n] = c.body(n)
		}
		code = append(uleb(code, uint32(len(bodies[n]))), bodies[n]...)
	}
	n := byte(len(sigs))
	globals := []byte{4, i32, 1, 0x41, 7, 0x0b, i64, 1, 0x42, 9, 0x0b, f32, 1, 0x43, 0, 0, 0xa0, 0x7f, 0x0b, f64, 1, 0x44, 0, 0, 0, 0, 0, 0, 0xf4, 0x7f, 0x0b}
	return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), section(1, append([]byte{n}, types...)), section(3, append([]byte{n}, funcs...)),
		section(4, []byte{1, 0x70, 0, 6}), section(5, []byte{1, 0, 1}), section(6, globals),
		section(7, []byte{1, 3, 'r', 'u', 'n', 0, sigRun}),
		section(9, []byte{2, 1, 0, 4, 0, 1, 2, 3, 0, 0x41, 0, 0x0b, 6, 1, 2, 3, 5, 4, 6}),
		section(12, []byte{2}), section(10, append([]byte{n}, code...)),
		section(11, append([]byte{2, 1, 11}, "hello world\x00\x41\x10\x0b\x05abcde"...)))
}

// body is that of function n, which has type n.
func (c *choice) body(n int) []byte {
	c.fuel = 80
	f := &function{choice: c, params: sigs[n].params, funcs: len(sigs), self: n}
	f.op(byte(len(locals)))
	for _, t := range locals {
		f.op(1, t)
	}
	for range 2 + f.of(5) {
		f.statement()
	}
	if n == sigRun {
		f.op(0x10, 0)
		f.sum()
	} else {
		for _, t := range sigs[n].results {
			f.expr(t)
		}
		if f.of(8) == 0 {
			f.op(0x0f)
		}
	}
	f.op(0x0b)
	return f.out
}

// sum leaves what the globals, the first KiB of memory, and the sizes come to.
func (f *function) sum() {
	mul := func() { f.op(0x42, 31, 0x7e, 0x7c) }
	f.op(0x23, 0, 0xad, 0x23, 1)
	mul()
	f.op(0x23, 2, 0xbc, 0xad)
	mul()
	f.op(0x23, 3, 0xbd)
	mul()
	f.op(0x3f, 0, 0xad)
	mul()
	f.op(0xfc, 16, 0, 0xad)
	mul()
	f.op(0x21, 2) // an i64 local: run has no parameters
	f.op(0x41, 0, 0x21, 0, 0x03, 0x40, 0x20, 2, 0x42, 31, 0x7e, 0x20, 0, 0x29, 3, 0, 0x7c, 0x21, 2)
	f.op(0x20, 0, 0x41, 8, 0x6a, 0x22, 0, 0x41, 0x80, 8, 0x49, 0x0d, 0, 0x0b, 0x20, 2)
}

package wasm

// code rewrites all function bodies.
func (t *meter) code(b []byte) ([]byte, error) {
	r := &reader{b: b}
	n := r.count()
	if r.err == nil && n != uint32(len(t.own)) {
		r.fail("%d bodies for %d functions", n, len(t.own))
	}
	out := appendU32(make([]byte, 0, 2*len(b)), n)
	for i := range n {
		raw := r.take(r.u32())
		if r.err != nil {
			break
		}
		f := body{meter: t, r: &reader{b: raw}, fn: t.types[t.own[i]]}
		done, err := f.rewrite()
		if err != nil {
			return nil, err
		}
		out = append(appendU32(out, uint32(len(done))), done...)
	}
	return out, r.err
}

// body is the rewriting of one function.
type body struct {
	*meter
	r      *reader
	fn     funcType
	locals uint32 // parameters and locals of its own
	out    []byte // rewritten instructions
	seg    []byte // the basic block under way
	cost   int64
	nest   uint32 // open blocks
	floats bool   // needs the two locals for NaN
}

// tempF32 and tempF64 are the locals added behind the function's own.
func (f *body) tempF32() uint32 { return f.locals }
func (f *body) tempF64() uint32 { return f.locals + 1 }

func (f *body) rewrite() ([]byte, error) {
	r := f.r
	groups := r.count()
	decl := []byte{}
	total := uint64(len(f.fn.params))
	for range groups {
		k := r.u32()
		decl = append(appendU32(decl, k), r.byte())
		if total += uint64(k); total > 50_000 {
			r.fail("a function with %d locals", total)
			break
		}
	}
	f.locals = uint32(total)
	for r.err == nil {
		if end := f.instruction(); end {
			break
		}
	}
	if r.err == nil && r.i != len(r.b) {
		r.fail("bytes behind the end of a function")
	}
	if r.err != nil {
		return nil, r.err
	}
	n := groups
	if f.floats {
		n += 2
		decl = append(decl, 1, 0x7d, 1, 0x7c)
	}
	out := append(appendU32(make([]byte, 0, len(f.out)+len(decl)+48), n), decl...)
	out = f.enter(out)
	out = append(out, f.out...)
	return f.leave(out), nil
}

// enter counts the call and opens the block that the whole body stands in: so a
// return becomes a branch to its end, where the call is counted off again.
func (f *body) enter(out []byte) []byte {
	depth := f.gas + globDepth
	out = appendU32(append(out, 0x23), depth)
	out = append(out, 0x41, 1, 0x6a)
	out = appendU32(append(out, 0x24), depth)
	out = appendU32(append(out, 0x23), depth)
	out = append(appendS64(append(out, 0x41), int64(f.depth)), 0x4b, 0x04, 0x40, 0x41, callDepth)
	out = append(appendU32(append(out, 0x10), f.shift), 0x0b)
	out = append(out, 0x02)
	switch len(f.fn.results) {
	case 0:
		return append(out, 0x40)
	case 1:
		return append(out, f.fn.results[0])
	}
	key := string(f.fn.results)
	id, ok := f.typeOf[key]
	if !ok {
		id = f.addType(nil, f.fn.results)
		f.typeOf[key] = id
	}
	return appendS64(out, int64(id))
}

func (f *body) leave(out []byte) []byte {
	depth := f.gas + globDepth
	out = appendU32(append(out, 0x23), depth)
	out = append(out, 0x41, 1, 0x6b)
	out = appendU32(append(out, 0x24), depth)
	return append(out, 0x0b)
}

// flush writes the basic block, with its price before it.
func (f *body) flush() {
	if f.cost > 0 {
		f.out = appendU32(append(f.out, 0x23), f.gas+globGas)
		f.out = append(appendS64(append(f.out, 0x42), f.cost), 0x7d)
		f.out = appendU32(append(f.out, 0x24), f.gas+globGas)
		f.out = f.check(f.out)
	}
	f.out = append(f.out, f.seg...)
	f.seg, f.cost = f.seg[:0], 0
}

func (f *body) label(n uint32) {
	if n > f.nest {
		f.r.fail("branch over %d blocks, %d are open", n, f.nest)
	}
}

func (f *body) helper(k uint32) { f.seg = appendU32(append(f.seg, 0x10), f.pay+k) }

// instruction takes the next instruction over; true at the body's end.
func (f *body) instruction() bool {
	r := f.r
	at := r.i
	op := r.byte()
	f.cost++
	copied := func() { f.seg = append(f.seg, r.b[min(at, len(r.b)):r.i]...) }
	switch {
	case op == 0x02 || op == 0x03 || op == 0x04: // block, loop, if
		f.blockType()
		f.nest++
		copied()
		if op != 0x02 {
			f.flush()
		}
	case op == 0x05: // else
		copied()
		f.flush()
	case op == 0x0b: // end
		copied()
		f.flush()
		if f.nest == 0 {
			return true
		}
		f.nest--
	case op == 0x00:
		copied()
		f.flush()
	case op == 0x0f: // return: a branch out of the added block
		f.seg = appendU32(append(f.seg, 0x0c), f.nest)
		f.flush()
	case op == 0x0c || op == 0x0d:
		f.label(r.u32())
		copied()
		f.flush()
	case op == 0x0e:
		for n := r.count() + 1; n > 0 && r.err == nil; n-- {
			f.label(r.u32())
		}
		copied()
		f.flush()
	case op == 0x10:
		fn := r.u32()
		f.cost += costCall
		if fn < f.shift {
			f.cost += costHost
		}
		f.seg = appendU32(append(f.seg, op), f.moved(r, fn))
	case op == 0x11:
		if ty := r.u32(); ty >= uint32(len(f.types)) {
			r.fail("type %d of %d", ty, len(f.types))
		}
		r.u32()
		f.cost += costIndirect
		copied()
	case op == 0xd2:
		f.seg = appendU32(append(f.seg, op), f.moved(r, r.u32()))
	default:
		f.plain(op, copied)
	}
	return false
}

func (f *body) blockType() {
	r := f.r
	at := r.i
	b := r.byte()
	switch b {
	case 0x40, 0x7f, 0x7e, 0x7d, 0x7c, 0x70, 0x6f:
		return
	}
	r.i = at
	if n := r.u32(); n >= uint32(len(f.types)) {
		r.fail("block type %d", n)
	}
}

// plain takes over an instruction that changes neither flow nor indexes.
func (f *body) plain(op byte, copied func()) {
	r := f.r
	switch {
	case op == 0x01 || op == 0x1a || op == 0x1b || op == 0xd1:
	case op == 0x1c:
		r.take(r.u32())
	case op >= 0x20 && op <= 0x22:
		if n := r.u32(); n >= f.locals {
			r.fail("local %d of %d", n, f.locals)
		}
	case op == 0x23 || op == 0x24:
		if n := r.u32(); n >= f.globals {
			r.fail("global %d of %d", n, f.globals)
		}
	case op == 0x25 || op == 0x26:
		r.u32()
	case op >= 0x28 && op <= 0x3e:
		r.u32()
		r.leb(10)
	case op == 0x3f:
		r.byte()
	case op == 0x40:
		r.byte()
		f.cost += costGrow
		copied()
		f.helper(fnGrown)
		return
	case op == 0x41:
		r.leb(5)
	case op == 0x42:
		r.leb(10)
	case op == 0x43:
		r.take(4)
	case op == 0x44:
		r.take(8)
	case op == 0xd0:
		r.byte()
	case op >= 0x45 && op <= 0xc4:
		copied()
		f.canonical(op)
		return
	case op == 0xfc:
		f.bulk(copied)
		return
	default:
		r.fail("instruction 0x%x is not allowed here (threads, SIMD, tail calls and exceptions are not)", op)
	}
	copied()
}

// bulk takes over the 0xfc instructions; those over ranges pay for their length,
// which lies on top of the stack.
func (f *body) bulk(copied func()) {
	r := f.r
	switch sub := r.u32(); sub {
	case 0, 1, 2, 3, 4, 5, 6, 7: // saturating conversions
	case 9, 13, 16:
		r.u32()
	case 8:
		r.u32()
		r.byte()
		f.helper(fnPay)
	case 10:
		r.take(2)
		f.helper(fnPay)
	case 11:
		r.byte()
		f.helper(fnPay)
	case 12, 14:
		r.u32()
		r.u32()
		f.helper(fnPay)
	case 15:
		r.u32()
		f.helper(fnPay)
		copied()
		f.helper(fnTable)
		return
	case 17:
		r.u32()
		f.helper(fnPay)
	default:
		r.fail("instruction 0xfc %d", sub)
	}
	copied()
}

// canonical gives a float result that may be a NaN the one canonical form, so
// that machines cannot differ in its bits.
func (f *body) canonical(op byte) {
	switch {
	case op >= 0x8d && op <= 0x97 || op == 0xb6: // f32: ceil … max; demote
		f.floats = true
		x := f.tempF32()
		f.seg = appendU32(append(f.seg, 0x22), x)
		f.seg = append(f.seg, 0x43, 0, 0, 0xc0, 0x7f)
		f.seg = appendU32(append(f.seg, 0x20), x)
		f.seg = appendU32(append(f.seg, 0x20), x)
		f.seg = append(f.seg, 0x5b, 0x1b)
	case op >= 0x9b && op <= 0xa5 || op == 0xbb: // f64: ceil … max; promote
		f.floats = true
		x := f.tempF64()
		f.seg = appendU32(append(f.seg, 0x22), x)
		f.seg = append(f.seg, 0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f)
		f.seg = appendU32(append(f.seg, 0x20), x)
		f.seg = appendU32(append(f.seg, 0x20), x)
		f.seg = append(f.seg, 0x61, 0x1b)
	}
}

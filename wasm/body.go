package wasm

// maxLocals is how many locals a function may have: what browsers take, too.
const maxLocals = 50_000

// The compiler's work grows with the square of a function's loops: 4,000 of them, in
// 20 KB, take it 14 seconds. Functions of up to fewLoops are not looked at.
const (
	fewLoops = 32
	maxLoops = 10_000_000 // the squares of the others, added up
)

// code rewrites all function bodies. Locals are declared by their number, and the
// compiler has work with each: all together there can be no more than the code could
// name, a byte of opcode and one of index for each, and those of one function.
func (t *meter) code(b []byte) ([]byte, error) {
	r := &reader{b: b}
	spare, loops := uint64(maxLocals+len(b)/2), uint64(0)
	n := r.count()
	if r.err == nil && n != uint32(len(t.own)) {
		r.fail("%d bodies for %d functions", n, len(t.own))
	}
	out := appendU32(make([]byte, 0, 2*len(b)), n)
	var f body // one for all: its buffers are used again
	for i := range n {
		raw := r.take(r.u32())
		if r.err != nil {
			break
		}
		f.begin(t, t.types[t.own[i]], raw)
		done, err := f.rewrite()
		if err != nil {
			return nil, err
		}
		own := uint64(f.locals) - uint64(len(f.fn.params))
		if own > spare {
			r.fail("its functions declare far more locals than their code could use")
			break
		}
		spare -= own
		if f.loops > fewLoops {
			loops += f.loops * f.loops
		}
		if loops > maxLoops {
			r.fail("its functions have too many loops to compile them: the squares of their numbers add up to over %d", maxLoops)
			break
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
	out    code   // rewritten instructions
	seg    code   // the basic block under way
	cost   int64  // of the block
	nest   uint32 // open blocks
	loops  uint64
	calls  bool // it calls something
	floats bool // it needs the two locals for NaN
}

func (f *body) begin(t *meter, fn funcType, raw []byte) {
	*f = body{meter: t, r: &reader{b: raw}, fn: fn, out: f.out[:0], seg: f.seg[:0]}
}

// tempF32 and tempF64 are the locals added behind the function's own.
func (f *body) tempF32() uint32 { return f.locals }
func (f *body) tempF64() uint32 { return f.locals + 1 }

func (f *body) rewrite() ([]byte, error) {
	groups, decl := f.declarations()
	for f.r.err == nil && !f.instruction() {
	}
	if f.r.err == nil && f.r.more() {
		f.r.fail("bytes behind the end of a function")
	}
	if f.r.err != nil {
		return nil, f.r.err
	}
	if f.floats {
		groups += 2
		decl = append(decl, 1, typeF32, 1, typeF64)
	}
	out := append(appendU32(make([]byte, 0, len(f.out)+len(decl)+64), groups), decl...)
	w := weight(f.fn, len(f.r.b))
	if !f.calls && w == 1 { // the caller's next check is near, and nothing nests
		return append(out, f.out...), nil
	}
	out = f.enter(out, w)
	out = append(out, f.out...)
	return f.leave(out, w), nil
}

// declarations reads the groups of locals, and returns them as they stood.
func (f *body) declarations() (groups uint32, decl []byte) {
	r := f.r
	groups = r.count()
	total := uint64(len(f.fn.params))
	for range groups {
		n := r.u32()
		decl = append(appendU32(decl, n), r.byte())
		if total += uint64(n); total > maxLocals {
			r.fail("a function with %d locals, at most %d", total, maxLocals)
		}
		if r.err != nil {
			break
		}
	}
	f.locals = uint32(total)
	return groups, decl
}

// enter counts the call and opens the block that the whole body stands in: so a
// return becomes a branch to its end, where the call is counted off again.
func (f *body) enter(out code, weight int32) code {
	depth := f.global + globDepth
	out.sub(depth, weight)
	out.with(opGlobalGet, depth)
	out.i32(0)
	out.op(opI32LtS, opIf, noResult)
	out.i32(callDepth)
	out.with(opCall, uint32(len(f.imports)))
	out.op(opEnd)
	f.check(&out)
	out.op(opBlock)
	switch len(f.fn.results) {
	case 0:
		out.op(noResult)
	case 1:
		out.op(f.fn.results[0])
	default:
		out = appendS64(out, int64(f.typeID(funcType{results: f.fn.results})))
	}
	return out
}

// leave closes that block.
func (f *body) leave(out code, weight int32) code {
	out.add(f.global+globDepth, weight)
	out.op(opEnd)
	return out
}

// flush writes the basic block, with its price before it.
func (f *body) flush() {
	if f.cost > 0 {
		cost := f.cost
		f.charge(&f.out, func(c *code) { c.i64(cost) })
	}
	f.out = append(f.out, f.seg...)
	f.seg, f.cost = f.seg[:0], 0
}

// instruction takes the next instruction over; true at the body's end.
func (f *body) instruction() (end bool) {
	r := f.r
	at := r.i
	op := r.byte()
	switch op {
	case opBlock, opLoop, opElse, opEnd: // leave no machine code
	default:
		f.cost++
	}
	if f.index(op) {
		return false
	}
	f.operands(op)
	if r.err != nil {
		return false
	}
	own := r.b[at:r.i]
	switch op {
	case opMemoryGrow:
		f.cost += costGrow
		f.seg.with(opCall, f.helper+fnGrow)
		return false
	case opReturn: // a branch out of the added block
		f.seg.with(opBr, f.nest)
		f.flush()
		return false
	case opBulk:
		f.bulk(own)
		return false
	}
	f.seg = append(f.seg, own...)
	f.canonical(op)
	switch op {
	case opBlock:
		f.nest++
	case opLoop:
		f.nest++
		f.loops++
		f.flush()
		f.check(&f.out)
	case opIf:
		f.nest++
		f.flush()
	case opElse, opUnreachable, opBr, opBrIf, opBrTable:
		f.flush()
	case opEnd:
		f.flush()
		if f.nest == 0 {
			return true
		}
		f.nest--
	}
	return false
}

// index takes over an instruction that names a function.
func (f *body) index(op byte) bool {
	switch op {
	case opCall:
		f.calls = true
		f.cost += costCall
	case opIndirect:
		f.calls = true
		f.cost += costIndirect
		return false
	case opRefFunc:
	default:
		return false
	}
	f.seg.with(op, f.moved(f.r, f.r.u32()))
	return true
}

// operands reads past what follows an opcode.
func (f *body) operands(op byte) {
	r := f.r
	switch {
	case op <= 0x01 || op == opElse || op == opEnd || op == opReturn:
	case op >= opBlock && op <= opIf:
		r.leb(5)
	case op == opBr || op == opBrIf:
		r.u32()
	case op == opBrTable:
		for n := r.count(); n > 0 && r.err == nil; n-- {
			r.u32()
		}
		r.u32()
	case op == opIndirect:
		r.u32()
		r.u32()
	case op == opDrop || op == opSelect || op == opRefIsNull || op >= 0x45 && op <= 0xc4:
	case op == opSelectT:
		r.take(r.u32())
	case op >= opLocalGet && op <= opTableSet:
		r.u32()
	case op >= 0x28 && op <= 0x3e: // loads and stores
		r.u32()
		r.leb(10)
	case op == opMemorySize || op == opMemoryGrow || op == opRefNull:
		r.byte()
	case op == opI32Const:
		r.leb(5)
	case op == opI64Const:
		r.leb(10)
	case op == opF32Const:
		r.take(4)
	case op == opF64Const:
		r.take(8)
	case op == opBulk:
		f.bulkOperands()
	default:
		r.fail("instruction 0x%x is not offered here (SIMD, threads, tail calls and exceptions are not)", op)
	}
}

// bulkOperands reads past what follows 0xfc; the instruction is read twice.
func (f *body) bulkOperands() {
	r := f.r
	switch sub := r.u32(); sub {
	case 0, 1, 2, 3, 4, 5, 6, 7: // saturating conversions
	case 9, 11, 13, 15, 16, 17: // data.drop, memory.fill, elem.drop, table.grow, .size, .fill
		r.u32()
	case 8, 10, 12, 14: // memory.init, memory.copy, table.init, table.copy
		r.u32()
		r.u32()
	default:
		r.fail("instruction 0xfc %d is not offered here", sub)
	}
}

// bulk takes over a 0xfc instruction. Those over ranges pay for the length, which
// lies on top of the stack.
func (f *body) bulk(own []byte) {
	switch sub := (&reader{b: own, i: 1}).u32(); sub {
	case 8, 10, 11, 12, 14, 17:
		f.seg.with(opCall, f.helper+fnPay)
	case 15:
		f.cost += costGrow
		f.seg.with(opCall, f.helper+fnAsk)
		f.seg = append(f.seg, own...)
		f.seg.with(opCall, f.helper+fnGrown)
		return
	}
	f.seg = append(f.seg, own...)
}

// canonical gives a float result that may be a NaN the one canonical form, so
// that machines cannot differ in its bits. (abs, neg and copysign only set the
// sign, and loads and constants bring bits that are the same everywhere.)
func (f *body) canonical(op byte) {
	switch {
	case op >= 0x8d && op <= 0x97 || op == 0xb6: // f32: ceil … max; demote
		f.floats = true
		f.seg.with(opLocalTee, f.tempF32())
		f.seg.op(opF32Const, 0, 0, 0xc0, 0x7f)
		f.seg.with(opLocalGet, f.tempF32())
		f.seg.with(opLocalGet, f.tempF32())
		f.seg.op(opF32Eq, opSelect)
	case op >= 0x9b && op <= 0xa5 || op == 0xbb: // f64: ceil … max; promote
		f.floats = true
		f.seg.with(opLocalTee, f.tempF64())
		f.seg.op(opF64Const, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f)
		f.seg.with(opLocalGet, f.tempF64())
		f.seg.with(opLocalGet, f.tempF64())
		f.seg.op(opF64Eq, opSelect)
	}
}

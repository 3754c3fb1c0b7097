package wasm

// The added functions, from meter.helper on. One for each import follows.
const (
	fnMore  = iota // (): asks the host for more gas
	fnPay          // (n) → n: pays for n bytes
	fnGrow         // (n) → as memory.grow
	fnAsk          // (n) → n or -1: may tables grow by n elements?
	fnGrown        // (result) → result: of table.grow
	numHelpers
)

// helpers are the added functions: types, and bodies as the code section has them.
func (t *meter) helpers() (types []funcType, bodies []byte) {
	one := funcType{params: []byte{typeI32}, results: []byte{typeI32}}
	types = []funcType{fnMore: {}, fnPay: one, fnGrow: one, fnAsk: one, fnGrown: one}
	for _, b := range [][]byte{
		fnMore: t.more(), fnPay: t.pay(), fnGrow: t.grow(), fnAsk: t.ask(), fnGrown: t.grown(),
	} {
		bodies = append(bodies, b...)
	}
	for i, x := range t.imports {
		types = append(types, t.types[x.typeIndex])
		bodies = append(bodies, t.hostCall(uint32(i))...)
	}
	return types, bodies
}

// noLocals and oneI32 declare a function's locals.
var noLocals, oneI32 = []byte{0}, []byte{1, 1, typeI32}

func (t *meter) more() []byte {
	var c code
	c.i32(callGas)
	c.with(opCall, uint32(len(t.imports)))
	return function(noLocals, c)
}

// charge takes from the gas what the instructions in amount leave, as an i64.
func (t *meter) charge(c *code, amount func(*code)) {
	c.with(opGlobalGet, t.global+globGas)
	amount(c)
	c.op(opI64Sub)
	c.with(opGlobalSet, t.global+globGas)
}

// check asks the host when the gas is below zero.
func (t *meter) check(c *code) {
	c.with(opGlobalGet, t.global+globGas)
	c.i64(0)
	c.op(opI64LtS, opIf, noResult)
	c.with(opCall, t.helper+fnMore)
	c.op(opEnd)
}

func (t *meter) pay() []byte {
	var c code
	t.charge(&c, func(c *code) {
		c.op(opLocalGet, 0, opI64ExtendU)
		c.i64(3) // 1<<3 = bytesPerGas
		c.op(opI64ShrU)
	})
	t.check(&c)
	c.op(opLocalGet, 0)
	return function(noLocals, c)
}

// grow is memory.grow within the limit: refused growths are counted, and granted
// pages paid for.
func (t *meter) grow() []byte {
	var c code
	if !t.memory {
		c.op(opUnreachable) // nothing calls it
		return function(oneI32, c)
	}
	c.op(opMemorySize, 0, opI64ExtendU, opLocalGet, 0, opI64ExtendU, opI64Add)
	c.with(opGlobalGet, t.global+globPages)
	c.op(opI64ExtendU, opI64GtU, opIf, typeI32)
	c.i32(-1)
	c.op(opElse, opLocalGet, 0, opMemoryGrow, 0, opEnd, opLocalTee, 1)
	c.i32(-1)
	c.op(opI32Eq, opIf, noResult)
	c.add(t.global+globMemory, 1)
	c.op(opElse)
	t.charge(&c, func(c *code) {
		c.op(opLocalGet, 0, opI64ExtendU)
		c.i64(costPage)
		c.op(opI64Mul)
	})
	t.check(&c)
	c.op(opEnd, opLocalGet, 1)
	return function(oneI32, c)
}

// ask stands before table.grow. A growth by -1 elements always fails.
func (t *meter) ask() []byte {
	var c code
	c.op(opLocalGet, 0)
	c.with(opGlobalGet, t.global+globElements)
	c.op(opI32GtU, opIf, noResult)
	c.i32(0)
	c.with(opGlobalSet, t.global+globAsked)
	c.i32(-1)
	c.op(opReturn, opEnd)
	c.with(opGlobalGet, t.global+globElements)
	c.op(opLocalGet, 0, opI32Sub)
	c.with(opGlobalSet, t.global+globElements)
	c.op(opLocalGet, 0)
	c.with(opGlobalSet, t.global+globAsked)
	c.op(opLocalGet, 0)
	c.with(opCall, t.helper+fnPay)
	return function(noLocals, c)
}

// grown stands behind table.grow.
func (t *meter) grown() []byte {
	var c code
	c.op(opLocalGet, 0)
	c.i32(-1)
	c.op(opI32Eq, opIf, noResult)
	c.add(t.global+globTable, 1)
	c.with(opGlobalGet, t.global+globElements)
	c.with(opGlobalGet, t.global+globAsked)
	c.op(opI32Add)
	c.with(opGlobalSet, t.global+globElements)
	c.op(opEnd, opLocalGet, 0)
	return function(noLocals, c)
}

// hostCall stands for an import: it charges, and calls it.
func (t *meter) hostCall(i uint32) []byte {
	f := t.types[t.imports[i].typeIndex]
	var c code
	t.charge(&c, func(c *code) {
		c.i64(costHost)
		if x, ok := hostCosts[t.imports[i].name]; ok && int(x.arg) < len(f.params) && f.params[x.arg] == typeI32 {
			c.with(opLocalGet, x.arg)
			c.op(opI64ExtendU)
			c.i64(x.each)
			c.op(opI64Mul, opI64Add)
		}
	})
	t.check(&c)
	for p := range f.params {
		c.with(opLocalGet, uint32(p))
	}
	c.with(opCall, i)
	return function(noLocals, c)
}

package wasm

// code is instructions under construction.
type code []byte

// Opcodes that the meter writes or looks for.
const (
	opUnreachable, opBlock, opLoop, opIf, opElse, opEnd   = 0x00, 0x02, 0x03, 0x04, 0x05, 0x0b
	opBr, opBrIf, opBrTable, opReturn, opCall, opIndirect = 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11
	opDrop, opSelect, opSelectT                           = 0x1a, 0x1b, 0x1c
	opLocalGet, opLocalSet, opLocalTee                    = 0x20, 0x21, 0x22
	opGlobalGet, opGlobalSet, opTableGet, opTableSet      = 0x23, 0x24, 0x25, 0x26
	opMemorySize, opMemoryGrow                            = 0x3f, 0x40
	opI32Const, opI64Const, opF32Const, opF64Const        = 0x41, 0x42, 0x43, 0x44
	opI32Eq, opI32LtS, opI32GtU                           = 0x46, 0x48, 0x4b
	opI64LtS, opI64GtU, opF32Eq, opF64Eq                  = 0x53, 0x56, 0x5b, 0x61
	opI32Add, opI32Sub                                    = 0x6a, 0x6b
	opI64Add, opI64Sub, opI64Mul, opI64ShrU               = 0x7c, 0x7d, 0x7e, 0x88
	opI64ExtendU                                          = 0xad
	opRefNull, opRefIsNull, opRefFunc, opBulk             = 0xd0, 0xd1, 0xd2, 0xfc

	noResult = 0x40 // block type
)

func (c *code) op(b ...byte)           { *c = append(*c, b...) }
func (c *code) with(op byte, n uint32) { *c = appendU32(append(*c, op), n) }
func (c *code) i32(v int32)            { *c = appendS64(append(*c, opI32Const), int64(v)) }
func (c *code) i64(v int64)            { *c = appendS64(append(*c, opI64Const), v) }

// add adds n to an i32 global, sub takes n from it.
func (c *code) add(global uint32, n int32) { c.change(global, n, opI32Add) }
func (c *code) sub(global uint32, n int32) { c.change(global, n, opI32Sub) }

func (c *code) change(global uint32, n int32, op byte) {
	c.with(opGlobalGet, global)
	c.i32(n)
	c.op(op)
	c.with(opGlobalSet, global)
}

// function encodes a function body with the locals that groups declares.
func function(groups []byte, body code) []byte {
	body = append(append(code{}, groups...), append(body, opEnd)...)
	return append(appendU32(nil, uint32(len(body))), body...)
}

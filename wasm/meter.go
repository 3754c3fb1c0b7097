package wasm

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// The meter rewrites a module so that it pays for what it does. At the start of
// every basic block it subtracts the block's cost from a global; below zero it
// calls the host, which grants more or stops the guest. It also counts call
// depth and refused growths, bounds memory and table, and gives every NaN the
// same bits. What it adds is appended, except one function import: so function
// indexes move up by one behind the guest's own imports, and nothing else moves.
//
// Every index in the code is checked against the module's own bounds first:
// nothing of what is added can be named by the guest.

// The names that the meter adds. A guest that uses them is refused.
const (
	meterModule = "icn_meter"
	meterCall   = "more"
	exportGas   = "__icn_gas"
	exportMem   = "__icn_memory_denied"
	exportTable = "__icn_table_denied"
)

// What the guest tells the host when it calls: it is out of granted gas, or too
// deep in calls.
const (
	callGas   = 0
	callDepth = 1
)

// Costs, in gas. An ordinary instruction costs 1.
const (
	costCall     = 5
	costHost     = 200
	costIndirect = 10
	costGrow     = 10_000
	bytesPerGas  = 8 // of bulk memory
)

// bounds are what the rewritten module may use.
type bounds struct {
	pages uint32 // of 64 KiB
	table uint32 // elements
	depth uint32 // nested calls
}

// meter is the rewriting of one module.
type meter struct {
	*module
	bounds
	shift    uint32            // the index of the added import: functions from here on move up
	gas      uint32            // index of the first of the added globals
	pay      uint32            // index of the first added function
	newTypes []byte            // encoded types behind the module's own
	typeOf   map[string]uint32 // results → index of a block type
	added    uint32            // how many types were added
}

// instrument returns the rewritten module.
func instrument(code []byte, lim bounds) ([]byte, error) {
	m, err := parse(code)
	if err != nil {
		return nil, err
	}
	t := &meter{module: m, bounds: lim, shift: uint32(len(m.imported)), gas: m.globals, pay: m.funcs() + 1, typeOf: map[string]uint32{}}
	return t.rewrite()
}

// The added globals, from t.gas on.
const (
	globGas = iota
	globDepth
	globMem
	globTable
	numGlobals
)

// The added functions, from t.pay on.
const (
	fnPay   = iota // (n) → n: pays for n bytes
	fnGrown        // (result) → result: counts a refused memory.grow
	fnTable        // (result) → result: counts a refused table.grow
	numHelpers
)

func (t *meter) addType(params, results []byte) uint32 {
	t.newTypes = append(t.newTypes, 0x60)
	t.newTypes = append(appendU32(t.newTypes, uint32(len(params))), params...)
	t.newTypes = append(appendU32(t.newTypes, uint32(len(results))), results...)
	t.added++
	return uint32(len(t.types)) + t.added - 1
}

func (t *meter) rewrite() ([]byte, error) {
	more := t.addType([]byte{0x7f}, nil)
	helper := t.addType([]byte{0x7f}, []byte{0x7f})
	edits := []struct {
		id byte
		f  func([]byte) ([]byte, error)
	}{
		{secCode, t.code}, {secMemory, t.memory}, {secTable, t.table}, {secGlobal, t.global},
		{secExport, t.exports}, {secStart, t.start}, {secElem, t.elems}, {secData, t.data},
	}
	for _, e := range edits {
		b, ok := t.sections[e.id]
		if !ok {
			continue
		}
		out, err := e.f(b)
		if err != nil {
			return nil, err
		}
		t.sections[e.id] = out
	}
	t.extend(secType, t.added, t.newTypes)
	t.extend(secImport, 1, append(appendName(appendName(nil, meterModule), meterCall), append([]byte{0}, appendU32(nil, more)...)...))
	h := appendU32(nil, helper)
	t.extend(secFunc, numHelpers, append(append(append([]byte{}, h...), h...), h...))
	t.extend(secGlobal, numGlobals, []byte{0x7e, 1, 0x42, 0, 0x0b, 0x7f, 1, 0x41, 0, 0x0b, 0x7f, 1, 0x41, 0, 0x0b, 0x7f, 1, 0x41, 0, 0x0b})
	var ex []byte
	for _, x := range []struct {
		name   string
		global uint32
	}{{exportGas, globGas}, {exportMem, globMem}, {exportTable, globTable}} {
		ex = appendU32(append(appendName(ex, x.name), 3), t.gas+x.global)
	}
	t.extend(secExport, 3, ex)
	t.extend(secCode, numHelpers, t.helpers())
	out := append([]byte{}, 0, 'a', 's', 'm', 1, 0, 0, 0)
	for _, id := range sectionOrder {
		if b, ok := t.sections[id]; ok {
			out = append(appendU32(append(out, id), uint32(len(b))), b...)
		}
	}
	return out, nil
}

// extend appends n encoded items to a section that is a vector.
func (t *meter) extend(id byte, n uint32, items []byte) {
	b := t.sections[id]
	r := &reader{b: b}
	have := uint32(0)
	if len(b) > 0 {
		have = r.u32()
	}
	t.sections[id] = append(append(appendU32(nil, have+n), b[r.i:]...), items...)
}

// moved is where a function of the module stands in the rewritten one.
func (t *meter) moved(r *reader, f uint32) uint32 {
	switch {
	case f >= t.funcs():
		r.fail("function %d of %d", f, t.funcs())
		return 0
	case f >= t.shift:
		return f + 1
	}
	return f
}

func (t *meter) start(b []byte) ([]byte, error) {
	r := &reader{b: b}
	f := t.moved(r, r.u32())
	return appendU32(nil, f), r.err
}

func (t *meter) exports(b []byte) ([]byte, error) {
	r := &reader{b: b}
	n := r.count()
	out := appendU32(nil, n)
	for ; n > 0 && r.err == nil; n-- {
		name, kind, i := r.name(), r.byte(), r.u32()
		if name == exportGas || name == exportMem || name == exportTable {
			r.fail("it exports the reserved name %s", name)
		}
		switch kind {
		case 0:
			i = t.moved(r, i)
		case 3:
			if i >= t.globals {
				r.fail("global %d of %d", i, t.globals)
			}
		}
		out = appendU32(append(appendName(out, name), kind), i)
	}
	return out, r.err
}

// constExpr copies a constant expression.
func (t *meter) constExpr(r *reader, out []byte) []byte {
	for r.err == nil {
		at := r.i
		switch op := r.byte(); op {
		case 0x0b:
			return append(out, op)
		case 0x41:
			r.leb(5)
		case 0x42:
			r.leb(10)
		case 0x43:
			r.take(4)
		case 0x44:
			r.take(8)
		case 0x23:
			if g := r.u32(); g >= t.globals {
				r.fail("global %d of %d", g, t.globals)
			}
		case 0xd0:
			r.byte()
		case 0xd2:
			out = appendU32(append(out, op), t.moved(r, r.u32()))
			continue
		default:
			r.fail("instruction 0x%x in a constant", op)
			return out
		}
		if r.err == nil {
			out = append(out, r.b[at:r.i]...)
		}
	}
	return out
}

func (t *meter) global(b []byte) ([]byte, error) {
	r := &reader{b: b}
	n := r.count()
	out := appendU32(nil, n)
	for ; n > 0 && r.err == nil; n-- {
		out = append(out, r.byte(), r.byte())
		out = t.constExpr(r, out)
	}
	return out, r.err
}

func (t *meter) data(b []byte) ([]byte, error) {
	r := &reader{b: b}
	n := r.count()
	out := appendU32(nil, n)
	for ; n > 0 && r.err == nil; n-- {
		mode := r.u32()
		out = appendU32(out, mode)
		if mode == 2 {
			out = appendU32(out, r.u32())
		}
		if mode == 0 || mode == 2 {
			out = t.constExpr(r, out)
		}
		d := r.take(r.u32())
		out = append(appendU32(out, uint32(len(d))), d...)
	}
	return out, r.err
}

// elems rewrites element segments, of all eight forms.
func (t *meter) elems(b []byte) ([]byte, error) {
	r := &reader{b: b}
	n := r.count()
	out := appendU32(nil, n)
	for ; n > 0 && r.err == nil; n-- {
		form := r.u32()
		if form > 7 {
			r.fail("element segment of form %d", form)
			break
		}
		out = appendU32(out, form)
		active, explicit, exprs := form&1 == 0, form&2 != 0, form&4 != 0
		if active && explicit {
			out = appendU32(out, r.u32())
		}
		if active {
			out = t.constExpr(r, out)
		}
		if explicit || !active {
			out = append(out, r.byte())
		}
		k := r.count()
		out = appendU32(out, k)
		for ; k > 0 && r.err == nil; k-- {
			if exprs {
				out = t.constExpr(r, out)
			} else {
				out = appendU32(out, t.moved(r, r.u32()))
			}
		}
	}
	return out, r.err
}

// memory bounds the memory's growth.
func (t *meter) memory(b []byte) ([]byte, error) {
	r := &reader{b: b}
	n := r.count()
	out := appendU32(nil, n)
	for ; n > 0 && r.err == nil; n-- {
		out = t.limits(r, out, t.pages, "memory", "pages of 64 KiB")
	}
	return out, r.err
}

// table bounds tables.
func (t *meter) table(b []byte) ([]byte, error) {
	r := &reader{b: b}
	n := r.count()
	out := appendU32(nil, n)
	for ; n > 0 && r.err == nil; n-- {
		out = append(out, r.byte())
		out = t.limits(r, out, t.bounds.table, "table", "elements")
	}
	return out, r.err
}

// errTooBig says that a module needs more than the job allows from the start.
var errTooBig = fmt.Errorf("it needs more than the job's limits allow")

func (t *meter) limits(r *reader, out []byte, most uint32, what, unit string) []byte {
	flag, low, high := r.byte(), r.u32(), most
	switch flag {
	case 0:
	case 1:
		high = min(r.u32(), most)
	default:
		r.fail("%s of kind %d", what, flag)
	}
	if low > most && r.err == nil {
		r.err = fmt.Errorf("module: %w: %w: a %s of %d %s, the limit is %d", icn.ErrInvalid, errTooBig, what, low, unit, most)
	}
	return appendU32(appendU32(append(out, 1), low), max(high, low))
}

// helpers are the bodies of the added functions.
func (t *meter) helpers() []byte {
	pay := []byte{0}
	pay = appendU32(append(pay, 0x23), t.gas+globGas)
	pay = append(pay, 0x20, 0, 0xad) // n, unsigned, to 64 bits
	pay = append(appendS64(append(pay, 0x42), 3), 0x88, 0x7d)
	pay = appendU32(append(pay, 0x24), t.gas+globGas)
	pay = append(t.check(pay), 0x20, 0, 0x0b)
	count := func(g uint32) []byte {
		f := []byte{0, 0x20, 0, 0x41, 0x7f, 0x46, 0x04, 0x40}
		f = appendU32(append(f, 0x23), t.gas+g)
		f = append(f, 0x41, 1, 0x6a)
		f = appendU32(append(f, 0x24), t.gas+g)
		return append(f, 0x0b, 0x20, 0, 0x0b)
	}
	var out []byte
	for _, f := range [][]byte{pay, count(globMem), count(globTable)} {
		out = append(appendU32(out, uint32(len(f))), f...)
	}
	return out
}

// check calls the host when the gas is below zero.
func (t *meter) check(b []byte) []byte {
	b = appendU32(append(b, 0x23), t.gas+globGas)
	b = append(b, 0x42, 0, 0x53, 0x04, 0x40, 0x41, callGas)
	b = appendU32(append(b, 0x10), t.shift)
	return append(b, 0x0b)
}

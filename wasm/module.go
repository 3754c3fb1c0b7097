package wasm

import (
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Section numbers.
const (
	secType, secImport, secFunc, secTable, secMemory = 1, 2, 3, 4, 5
	secGlobal, secExport, secStart, secElem, secCode = 6, 7, 8, 9, 10
	secData, secDataCount                            = 11, 12
)

// sectionOrder is the order in which sections stand.
var sectionOrder = []byte{secType, secImport, secFunc, secTable, secMemory, secGlobal, secExport, secStart, secElem, secDataCount, secCode, secData}

// Value types.
const (
	typeI32, typeI64, typeF32, typeF64 = 0x7f, 0x7e, 0x7d, 0x7c
	typeFunc                           = 0x60
)

// Kinds of imports and exports.
const kindFunc, kindGlobal = 0, 3

// funcType is a function's parameters and results, as value type bytes.
type funcType struct{ params, results []byte }

func (t funcType) equal(o funcType) bool {
	return slices.Equal(t.params, o.params) && slices.Equal(t.results, o.results)
}

// imported is a function that a module wants from the host.
type imported struct {
	module, name string
	typeIndex    uint32
}

// module is the outline of a module: what checking and metering need to know.
type module struct {
	sections map[byte][]byte // bodies; custom sections are left out
	types    []funcType
	imports  []imported
	own      []uint32 // the type of each function of its own
	globals  uint32   // all its own: globals cannot be imported here
	memory   bool
	pages    uint32 // of memory, at the start
	elements uint64 // of all tables, at the start
	entry    int    // the index of the function exported as _start; -1: none
	run      int    // the index of the function exported as run; -1: none
}

// funcs is how many functions there are, imported and own.
func (m *module) funcs() uint32 { return uint32(len(m.imports) + len(m.own)) }

// typeOf is a function's type.
func (m *module) typeOf(f uint32) funcType {
	if n := uint32(len(m.imports)); f >= n {
		return m.types[m.own[f-n]]
	}
	return m.types[m.imports[f].typeIndex]
}

// parse reads a module's outline.
func parse(code []byte) (*module, error) {
	if len(code) < 8 || string(code[:8]) != header {
		return nil, fmt.Errorf("module: %w: these bytes are no WebAssembly module of version 1", icn.ErrInvalid)
	}
	m := &module{sections: map[byte][]byte{}, entry: -1, run: -1}
	r := &reader{b: code, i: 8}
	last := -1
	for r.more() {
		id := r.byte()
		body := r.take(r.u32())
		if id == 0 { // custom: names, debugging
			continue
		}
		at := slices.Index(sectionOrder, id)
		if at <= last {
			r.fail("section %d is unknown or out of order", id)
			break
		}
		last = at
		m.sections[id] = body
	}
	if r.err != nil {
		return nil, r.err
	}
	for _, s := range []struct {
		id   byte
		read func(*reader)
	}{
		{secType, m.readType}, {secImport, m.readImport}, {secFunc, m.readFunc}, {secTable, m.readTable},
		{secMemory, m.readMemory}, {secExport, m.readExport},
	} {
		if err := m.each(s.id, s.read); err != nil {
			return nil, err
		}
	}
	r = &reader{b: m.sections[secGlobal]}
	if len(r.b) > 0 {
		m.globals = r.count()
	}
	return m, r.err
}

const header = "\x00asm\x01\x00\x00\x00"

// each reads the items of a section that is a vector.
func (m *module) each(id byte, read func(*reader)) error {
	r := &reader{b: m.sections[id]}
	if len(r.b) == 0 {
		return nil
	}
	for n := r.count(); n > 0 && r.err == nil; n-- {
		read(r)
	}
	return r.err
}

func (m *module) readType(r *reader) {
	if f := r.byte(); f != typeFunc {
		r.fail("type form 0x%x", f)
	}
	t := funcType{params: r.take(r.u32())}
	t.results = r.take(r.u32())
	m.types = append(m.types, t)
}

func (m *module) readImport(r *reader) {
	i := imported{module: r.name(), name: r.name()}
	if kind := r.byte(); kind != kindFunc {
		r.fail("it imports %s.%s, which is no function; only functions can be imported here", i.module, i.name)
	}
	i.typeIndex = m.typeIndex(r)
	m.imports = append(m.imports, i)
}

func (m *module) readFunc(r *reader) { m.own = append(m.own, m.typeIndex(r)) }

func (m *module) typeIndex(r *reader) uint32 {
	t := r.u32()
	if t >= uint32(len(m.types)) {
		r.fail("type %d of %d", t, len(m.types))
	}
	return t
}

func (m *module) readTable(r *reader) {
	r.byte()
	m.elements += uint64(least(r))
}

func (m *module) readMemory(r *reader) {
	m.memory = true
	m.pages = least(r)
}

// least reads the bounds of a memory or table, and returns the lower.
func least(r *reader) uint32 {
	flag, low := r.byte(), r.u32()
	switch flag {
	case 0:
	case 1:
		r.u32()
	default:
		r.fail("memory or table of kind %d: shared and 64-bit ones are not offered", flag)
	}
	return low
}

func (m *module) readExport(r *reader) {
	name, kind, i := r.name(), r.byte(), r.u32()
	if reserved(name) {
		r.fail("it exports the reserved name %s", name)
	}
	if kind == kindFunc && i >= m.funcs() {
		r.fail("export of function %d of %d", i, m.funcs())
	}
	if kind == kindFunc && name == entryName {
		m.entry = int(i)
	}
	if kind == kindFunc && name == runName {
		m.run = int(i)
	}
}

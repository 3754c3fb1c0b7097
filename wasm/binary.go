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

// section numbers, and the order in which they stand.
const (
	secType, secImport, secFunc, secTable, secMemory = 1, 2, 3, 4, 5
	secGlobal, secExport, secStart, secElem, secCode = 6, 7, 8, 9, 10
	secData, secDataCount                            = 11, 12
)

var sectionOrder = []byte{secType, secImport, secFunc, secTable, secMemory, secGlobal, secExport, secStart, secElem, secDataCount, secCode, secData}

// funcType is a function's parameters and results, as value type bytes.
type funcType struct{ params, results []byte }

// module is what the meter needs to know of a module.
type module struct {
	sections map[byte][]byte // bodies; custom sections are left out
	types    []funcType
	imported []uint32 // type of each imported function
	own      []uint32 // type of each function of its own
	globals  uint32   // imported and own
	tables   uint32
	imports  [][2]string
}

func (m *module) funcs() uint32 { return uint32(len(m.imported) + len(m.own)) }

// parse reads a module's outline.
func parse(code []byte) (*module, error) {
	if len(code) < 8 || string(code[:4]) != "\x00asm" || code[4] != 1 || code[5]|code[6]|code[7] != 0 {
		return nil, fmt.Errorf("module: %w: these bytes are no WebAssembly module of version 1", icn.ErrInvalid)
	}
	m := &module{sections: map[byte][]byte{}}
	r := &reader{b: code, i: 8}
	last := -1
	for r.more() {
		id := r.byte()
		body := r.take(r.u32())
		if id == 0 {
			continue
		}
		at := -1
		for i, s := range sectionOrder {
			if s == id {
				at = i
			}
		}
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
	for _, step := range []func() error{m.readTypes, m.readImports, m.readFuncs, m.countGlobals} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *module) readTypes() error {
	r := &reader{b: m.sections[secType]}
	if len(r.b) == 0 {
		return nil
	}
	for n := r.count(); n > 0 && r.err == nil; n-- {
		if f := r.byte(); f != 0x60 {
			r.fail("type form 0x%x", f)
		}
		t := funcType{params: r.take(r.u32())}
		t.results = r.take(r.u32())
		m.types = append(m.types, t)
	}
	return r.err
}

func (m *module) readImports() error {
	r := &reader{b: m.sections[secImport]}
	if len(r.b) == 0 {
		return nil
	}
	for n := r.count(); n > 0 && r.err == nil; n-- {
		mod, name := r.name(), r.name()
		if kind := r.byte(); kind != 0 {
			r.fail("it imports %s.%s, which is no function; only functions can be imported here", mod, name)
			break
		}
		t := r.u32()
		if t >= uint32(len(m.types)) {
			r.fail("type %d of import %s.%s", t, mod, name)
		}
		m.imported = append(m.imported, t)
		m.imports = append(m.imports, [2]string{mod, name})
	}
	return r.err
}

func (m *module) readFuncs() error {
	r := &reader{b: m.sections[secFunc]}
	if len(r.b) == 0 {
		return nil
	}
	for n := r.count(); n > 0 && r.err == nil; n-- {
		t := r.u32()
		if t >= uint32(len(m.types)) {
			r.fail("function type %d", t)
		}
		m.own = append(m.own, t)
	}
	return r.err
}

func (m *module) countGlobals() error {
	if b := m.sections[secGlobal]; len(b) > 0 {
		r := &reader{b: b}
		m.globals = r.u32()
		return r.err
	}
	return nil
}

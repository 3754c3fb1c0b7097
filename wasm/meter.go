package wasm

import "strings"

// The meter rewrites a valid module so that it pays for what it does. Every basic
// block first subtracts its cost from a global; where a run could go on for long
// (at the head of a loop, on entering a function, before a bulk instruction or a
// host call) a negative rest calls the host, which grants more or stops the guest.
// So whether a run stops, and where, depends on its gas alone, not on the size of
// the grants.
//
// The meter also counts how deep calls are nested and which growths are refused,
// bounds memory and tables, and gives every NaN the same bits. Its limits are
// exported globals, set for each instance: one compiled program serves all limits.
//
// What it adds is appended, but for one function import: so function indexes move
// up by one behind the guest's own imports, and nothing else moves. Host functions
// are reached through added functions that charge for them. The start function
// becomes an export, called when the limits are set.
//
// The module must have been validated as it came: otherwise the guest could name
// what is added.

// The names that the meter adds.
const (
	meterModule = "icn_meter"
	meterCall   = "more"

	reservedPrefix = "__icn_"
	exportGas      = reservedPrefix + "gas"
	exportDepth    = reservedPrefix + "depth"
	exportPages    = reservedPrefix + "pages"
	exportElements = reservedPrefix + "elements"
	exportMemory   = reservedPrefix + "memory_denied"
	exportTable    = reservedPrefix + "table_denied"
	exportStart    = reservedPrefix + "start"
	entryName      = "_start"
	runName        = "run"
)

// reserved says whether a guest may not export this name.
func reserved(name string) bool { return strings.HasPrefix(name, reservedPrefix) }

// What the guest tells the host when it calls: it is out of granted gas, or too
// deep in calls.
const (
	callGas   = 0
	callDepth = 1
)

// The added globals, from meter.global on.
const (
	globGas      = iota // what is left of the grant
	globDepth           // how much deeper calls may nest
	globPages           // how large memory may grow
	globElements        // how many elements tables may still grow by
	globMemory          // refused growths of memory
	globTable           // refused growths of tables
	globAsked           // the growth of a table under way
	numGlobals
)

// meter is the rewriting of one module.
type meter struct {
	*module
	global   uint32            // the index of the first added global
	helper   uint32            // the index of the first added function
	newTypes []byte            // types behind the module's own
	added    uint32            // how many
	typeIDs  map[string]uint32 // of what was added
}

// instrument returns the rewritten form of a module that was validated.
func instrument(m *module) ([]byte, error) {
	t := &meter{module: m, global: m.globals, helper: m.funcs() + 1, typeIDs: map[string]uint32{}}
	out := map[byte][]byte{}
	for id, b := range m.sections {
		out[id] = b
	}
	delete(out, secStart)
	for _, e := range []struct {
		id   byte
		edit func([]byte) ([]byte, error)
	}{{secImport, t.importNames}, {secCode, t.code}, {secGlobal, t.globalSection}, {secExport, t.exports}, {secElem, t.elems}, {secData, t.data}} {
		b, ok := out[e.id]
		if !ok {
			continue
		}
		edited, err := e.edit(b)
		if err != nil {
			return nil, err
		}
		out[e.id] = edited
	}
	if err := t.extend(out); err != nil {
		return nil, err
	}
	return assemble(out), nil
}

// assemble is the module of these sections.
func assemble(sections map[byte][]byte) []byte {
	w := []byte(header)
	for _, id := range sectionOrder {
		if b, ok := sections[id]; ok {
			w = append(appendU32(append(w, id), uint32(len(b))), b...)
		}
	}
	return w
}

// extend appends what the meter adds to the sections.
func (t *meter) extend(out map[byte][]byte) error {
	more := appendU32(nil, t.typeID(funcType{params: []byte{typeI32}}))
	imp := append(append(appendName(appendName(nil, meterModule), meterCall), kindFunc), more...)
	funcs, bodies := t.helpers()
	types := []byte{}
	for _, f := range funcs {
		types = appendU32(types, t.typeID(f))
	}
	globals := []byte{typeI64, 1, opI64Const, 0, opEnd}
	for range numGlobals - 1 {
		globals = append(globals, typeI32, 1, opI32Const, 0, opEnd)
	}
	exports, n, err := t.addedExports()
	if err != nil {
		return err
	}
	n32 := uint32(len(funcs))
	for _, x := range []struct {
		id    byte
		n     uint32
		items []byte
	}{
		{secType, t.added, t.newTypes}, {secImport, 1, imp}, {secFunc, n32, types},
		{secGlobal, numGlobals, globals}, {secExport, n, exports}, {secCode, n32, bodies},
	} {
		r := &reader{b: out[x.id]}
		have := uint32(0)
		if len(r.b) > 0 {
			have = r.u32()
		}
		out[x.id] = append(append(appendU32(nil, have+x.n), r.b[r.i:]...), x.items...)
	}
	return nil
}

func (t *meter) addedExports() (items []byte, n uint32, err error) {
	for _, x := range []struct {
		name   string
		global uint32
	}{
		{exportGas, globGas}, {exportDepth, globDepth}, {exportPages, globPages},
		{exportElements, globElements}, {exportMemory, globMemory}, {exportTable, globTable},
	} {
		items = appendU32(append(appendName(items, x.name), kindGlobal), t.global+x.global)
		n++
	}
	if b, ok := t.sections[secStart]; ok {
		r := &reader{b: b}
		f := t.moved(r, r.u32())
		items = appendU32(append(appendName(items, exportStart), kindFunc), f)
		return items, n + 1, r.err
	}
	return items, n, nil
}

// typeID is the index of a function type among those that the meter added.
func (t *meter) typeID(f funcType) uint32 {
	b := appendU32([]byte{typeFunc}, uint32(len(f.params)))
	b = append(appendU32(append(b, f.params...), uint32(len(f.results))), f.results...)
	id, ok := t.typeIDs[string(b)]
	if !ok {
		id = uint32(len(t.types)) + t.added
		t.typeIDs[string(b)] = id
		t.newTypes = append(t.newTypes, b...)
		t.added++
	}
	return id
}

// moved is where a function of the module is found in the rewritten one: a host
// function behind the function that charges for it.
func (t *meter) moved(r *reader, f uint32) uint32 {
	switch n := uint32(len(t.imports)); {
	case f >= t.funcs():
		r.fail("function %d of %d", f, t.funcs())
		return 0
	case f >= n:
		return f + 1
	default:
		return t.helper + numHelpers + f
	}
}

// importNames names each host call by its form, of which one name may have several.
func (t *meter) importNames(b []byte) ([]byte, error) {
	return t.list(b, func(r *reader, out []byte) []byte {
		from, name, kind, typ := r.name(), r.name(), r.byte(), r.u32()
		if from == hostModule && r.err == nil && typ < uint32(len(t.types)) {
			name = hostFunc{params: t.types[typ].params, results: t.types[typ].results}.export(name)
		}
		return appendU32(append(appendName(appendName(out, from), name), kind), typ)
	})
}

func (t *meter) exports(b []byte) ([]byte, error) {
	return t.list(b, func(r *reader, out []byte) []byte {
		name, kind, i := r.name(), r.byte(), r.u32()
		if kind == kindFunc {
			i = t.moved(r, i)
		}
		return appendU32(append(appendName(out, name), kind), i)
	})
}

func (t *meter) globalSection(b []byte) ([]byte, error) {
	return t.list(b, func(r *reader, out []byte) []byte {
		return t.constant(r, append(out, r.byte(), r.byte()))
	})
}

// elems rewrites element segments, of all eight forms.
func (t *meter) elems(b []byte) ([]byte, error) {
	return t.list(b, func(r *reader, out []byte) []byte {
		form := r.u32()
		if form > 7 {
			r.fail("element segment of form %d", form)
		}
		out = appendU32(out, form)
		active, explicit, exprs := form&1 == 0, form&2 != 0, form&4 != 0
		if active && explicit {
			out = appendU32(out, r.u32())
		}
		if active {
			out = t.constant(r, out)
		}
		if explicit || !active {
			out = append(out, r.byte())
		}
		n := r.count()
		out = appendU32(out, n)
		for ; n > 0 && r.err == nil; n-- {
			if exprs {
				out = t.constant(r, out)
			} else {
				out = appendU32(out, t.moved(r, r.u32()))
			}
		}
		return out
	})
}

// list rewrites the items of a section that is a vector.
func (t *meter) list(b []byte, item func(*reader, []byte) []byte) ([]byte, error) {
	r := &reader{b: b}
	n := r.count()
	out := appendU32(make([]byte, 0, len(b)+16), n)
	for ; n > 0 && r.err == nil; n-- {
		out = item(r, out)
	}
	return out, r.err
}

// constant copies a constant expression, with its function indexes moved.
func (t *meter) constant(r *reader, out []byte) []byte {
	for r.err == nil {
		at := r.i
		switch op := r.byte(); op {
		case opEnd:
			return append(out, op)
		case opI32Const:
			r.leb(5)
		case opI64Const:
			r.leb(10)
		case opF32Const:
			r.take(4)
		case opF64Const:
			r.take(8)
		case opGlobalGet:
			r.u32()
		case opRefNull:
			r.byte()
		case opRefFunc:
			out = appendU32(append(out, op), t.moved(r, r.u32()))
			continue
		default:
			r.fail("instruction 0x%x in a constant", op)
		}
		if r.err == nil {
			out = append(out, r.b[at:r.i]...)
		}
	}
	return out
}

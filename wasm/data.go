package wasm

import (
	"cmp"
	"slices"
)

// segment is a stretch of memory that a module begins with.
type segment struct {
	at   uint32
	data []byte
}

func (s segment) end() uint64 { return uint64(s.at) + uint64(len(s.data)) }

// maxHole is how many zeros are worth writing to save a segment: some compilers
// leave out every few zeros, and the engine takes long for each segment.
const maxHole = 64

// data joins segments that lie close together: 34,000 segments of a Go program
// become a dozen, and an instance is made in a fraction of the time. What memory
// begins with is the same. Sections of another kind (passive segments, computed
// places, overlaps, whose order counts) stay as they are.
func (t *meter) data(b []byte) ([]byte, error) {
	all, fixed, err := t.segments(b)
	if err != nil || !fixed {
		return b, err
	}
	slices.SortStableFunc(all, func(a, b segment) int { return cmp.Compare(a.at, b.at) })
	for i, s := range all[1:] {
		if s.end() > 1<<32 || all[i].end() > uint64(s.at) {
			return b, nil
		}
	}
	var out []byte
	n, filled := uint32(0), 0
	for len(all) > 0 {
		k, holes := 1, 0
		for ; k < len(all); k++ {
			hole := int(uint64(all[k].at) - all[k-1].end())
			if hole > maxHole || filled+holes+hole > len(b) { // else a module could become many times as large
				break
			}
			holes += hole
		}
		out = joined(out, all[:k])
		n, filled, all = n+1, filled+holes, all[k:]
	}
	return append(appendU32(nil, n), out...), nil
}

// joined appends segments as a single one, with zeros between them.
func joined(out []byte, s []segment) []byte {
	out = append(appendS64(append(out, 0, opI32Const), int64(int32(s[0].at))), opEnd)
	out = appendU32(out, uint32(s[len(s)-1].end()-uint64(s[0].at)))
	for i, x := range s {
		if i > 0 {
			out = append(out, make([]byte, uint64(x.at)-s[i-1].end())...)
		}
		out = append(out, x.data...)
	}
	return out
}

// segments reads a section, and says whether all its segments go to fixed places:
// others are not for joining. The engine believes counts and sizes, and allocates
// what they say: so this is where one that lies is found.
func (t *meter) segments(b []byte) (all []segment, fixed bool, err error) {
	r := &reader{b: b}
	_, named := t.sections[secDataCount] // the code may name segments
	fixed = !named
	for n := r.count(); n > 0 && r.err == nil; n-- {
		form, s := r.u32(), segment{}
		switch form {
		case 0, 2:
			if form == 2 {
				r.u32()
			}
			from := r.i
			t.constant(r, nil)
			at := &reader{b: r.b[from:r.i]}
			fixed = fixed && form == 0 && at.byte() == opI32Const
			s.at = uint32(at.s32())
			fixed = fixed && at.byte() == opEnd && !at.more()
		case 1:
			fixed = false
		default:
			r.fail("data segment of form %d", form)
		}
		s.data = r.take(r.u32())
		all = append(all, s)
	}
	if r.more() {
		r.fail("bytes behind the last data segment")
	}
	return all, fixed && len(all) > 0, r.err
}

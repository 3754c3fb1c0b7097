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
	all, ok := t.segments(b)
	if !ok {
		return b, nil
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

// segments reads a section whose segments all go to fixed places; others are not
// for joining.
func (t *meter) segments(b []byte) (all []segment, ok bool) {
	if _, named := t.sections[secDataCount]; named { // the code may name segments
		return nil, false
	}
	r := &reader{b: b}
	for n := r.count(); n > 0 && r.err == nil; n-- {
		if r.u32() != 0 || r.byte() != opI32Const {
			return nil, false
		}
		at := r.s32()
		if r.byte() != opEnd {
			return nil, false
		}
		all = append(all, segment{uint32(at), r.take(r.u32())})
	}
	return all, r.err == nil && !r.more() && len(all) > 0
}

package wasm_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/wasm"
)

// The memories of these programs begin with one page, and grow to nine: both sizes
// are lent and taken back.
var (
	growByEight = []byte{0x41, 8, 0x40, 0, 0x1a}
	nineFilled  = slices.Concat(growByEight, []byte{0x41, 0, 0x41, 0xaa, 1, 0x41, 0x80, 0x80, 0x24, 0xfc, 0x0b, 0}) // memory.fill(0, 0xaa, 9 pages)
	// look ors together all words of nine pages, one page of them before it grows.
	look = handmade{result: i64, locals: []byte{2, 1, i32, 1, i64}, body: slices.Concat(
		orWords([]byte{0x80, 0x80, 4}), growByEight, []byte{0x41, 0, 0x21, 0}, orWords([]byte{0x80, 0x80, 0x24}), []byte{0x20, 1})}
)

// orWords is a loop over memory from local 0 to an end.
func orWords(end []byte) []byte {
	return slices.Concat([]byte{0x03, 0x40, 0x20, 1, 0x20, 0, 0x29, 3, 0, 0x84, 0x21, 1, 0x20, 0, 0x41, 8, 0x6a, 0x22, 0, 0x41}, end, []byte{0x49, 0x0d, 0, 0x0b})
}

// TestNoRunSeesAByteOfAnothers plants data in as many ways as a run can end, and
// looks for it.
func TestNoRunSeesAByteOfAnothers(t *testing.T) {
	big, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	engines(t, func(t *testing.T, r *wasm.Runner) {
		lim := wasm.Limits{Gas: 3_000_000, CallDepth: 20}
		plant := func(fault icn.Fault, code []byte) {
			if res, err := r.Run(t.Context(), program(code), wasm.Input{}, lim); err != nil || res.Fault != fault {
				t.Errorf("want %q: %q %s %v", fault, res.Fault, res.Message, err)
			}
		}
		find := func() {
			res, err := r.Run(t.Context(), program(look.bytes()), wasm.Input{}, lim)
			if err != nil || res.Fault != "" || binary.LittleEndian.Uint64(res.Stdout) != 0 {
				t.Errorf("found %x %q %s %v", res.Stdout, res.Fault, res.Message, err)
			}
		}
		for range 5 {
			plant(icn.FaultNone, handmade{body: nineFilled}.bytes())
			find()
			plant(icn.FaultTrap, handmade{body: append(slices.Clone(nineFilled), 0)}.bytes())
			find()
			plant(icn.FaultGas, handmade{body: append(slices.Clone(nineFilled), forEver...)}.bytes())
			find()
			plant(icn.FaultDepth, handmade{body: append(slices.Clone(nineFilled), 0x10, 0)}.bytes())
			find()
		}
		res, err := r.Run(t.Context(), program(big), wasm.Input{Args: []string{"guest", "three"}}, wasm.Limits{}) // ends by proc_exit
		if err != nil || res.Fault != icn.FaultExit {
			t.Error(err, res.Fault)
		}
		find()
	})
}

func TestRunsAtOneTimeHaveMemoriesOfTheirOwn(t *testing.T) {
	r, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	fill, seek := program(handmade{body: nineFilled}.bytes()), program(look.bytes())
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 50 {
				if res, err := r.Run(t.Context(), fill, wasm.Input{}, wasm.Limits{}); err != nil || res.Fault != "" {
					t.Error(err, res.Fault)
				}
				if res, err := r.Run(t.Context(), seek, wasm.Input{}, wasm.Limits{}); err != nil || !bytes.Equal(res.Stdout, make([]byte, 8)) {
					t.Errorf("%x %v", res.Stdout, err)
				}
			}
		})
	}
	wait.Wait()
}

// dataModule begins with these segments, and gives the sum of its first 256 bytes,
// each times its place.
func dataModule(segments string) []byte {
	sum := []byte{0x03, 0x40, 0x20, 1, 0x20, 0, 0x31, 0, 0, 0x20, 0, 0x41, 1, 0x6a, 0xad, 0x7e, 0x7c, 0x21, 1, 0x20, 0, 0x41, 1, 0x6a, 0x22, 0, 0x41, 0x80, 2, 0x49, 0x0d, 0, 0x0b, 0x20, 1}
	code := handmade{result: i64, locals: []byte{2, 1, i32, 1, i64}, body: sum}.bytes()
	return append(code, append([]byte{11, byte(len(segments))}, segments...)...)
}

// TestJoiningSegmentsChangesNothing: whether the segments of a module can be joined
// or not, memory begins as it says.
func TestJoiningSegmentsChangesNothing(t *testing.T) {
	at := func(place byte, data string) string { return "\x00\x41" + string([]byte{place}) + "\x0b" + sized(data) }
	for name, c := range map[string]struct {
		segments string
		image    map[int]string // what memory holds, in this order; nil: it does not start
	}{ // order: each stands alone
		"one":             {vector(at(5, "abc")), map[int]string{5: "abc"}},
		"neighbours":      {vector(at(5, "abc"), at(8, "d"), at(20, "e")), map[int]string{5: "abcd", 20: "e"}},
		"out of order":    {vector(at(60, "xyz"), at(8, "d"), at(20, "e")), map[int]string{8: "d", 20: "e", 60: "xyz"}},
		"overlapping":     {vector(at(5, "abc"), at(6, "Z"), at(9, "")), map[int]string{5: "aZc"}},
		"twice":           {vector(at(5, "abc"), at(5, "xyz")), map[int]string{5: "xyz"}},
		"empty":           {vector(at(5, ""), at(9, "q")), map[int]string{9: "q"}},
		"outside":         {vector(at(5, "abc"), "\x00\x41\x7f\x0b\x01x"), nil},
		"none":            {vector(), map[int]string{}},
		"far apart":       {vector(at(1, "a"), "\x00\x41\x80\x01\x0b\x01b", "\x00\x41\xc0\x01\x0b\x01c"), map[int]string{1: "a", 128: "b", 192: "c"}},
		"at the very end": {vector(at(1, "a"), "\x00\x41\xff\xff\x03\x0b\x01b"), map[int]string{1: "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			want := uint64(0)
			for place, data := range c.image { // order: a sum
				for i, x := range []byte(data) {
					want += uint64(x) * uint64(place+i+1)
				}
			}
			engines(t, func(t *testing.T, r *wasm.Runner) {
				res, err := r.Run(t.Context(), program(dataModule(c.segments)), wasm.Input{}, wasm.Limits{})
				switch {
				case err != nil:
					t.Error(err)
				case c.image == nil:
					if res.Fault != icn.FaultTrap || !strings.Contains(res.Message, "out of bounds") {
						t.Error(res.Fault, res.Message)
					}
				case res.Fault != "" || binary.LittleEndian.Uint64(res.Stdout) != want:
					t.Errorf("%q %s %x, want %x", res.Fault, res.Message, res.Stdout, want)
				}
			})
		})
	}
}

package icn_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// refusal says whether err is one that bytes may meet: they are wrong, or of a
// newer release.
func refusal(err error) bool {
	return errors.Is(err, icn.ErrInvalid) || errors.Is(err, icn.ErrUnavailable)
}

func TestNoPrefixIsAValue(t *testing.T) {
	for _, g := range goldens() {
		for n := range g.bytes {
			_, err := g.again(g.bytes[:n])
			require.ErrorIs(t, err, icn.ErrInvalid, "%s cut to %d bytes", g.name, n)
		}
	}
}

func TestTrailingBytesAreRefused(t *testing.T) {
	for _, g := range goldens() {
		for x := range 256 {
			_, err := g.again(append(slices.Clip(g.bytes), byte(x)))
			require.ErrorIs(t, err, icn.ErrInvalid, "%s and then %02x", g.name, x)
		}
		_, err := g.again(append(slices.Clip(g.bytes), g.bytes...))
		require.ErrorIs(t, err, icn.ErrInvalid, "%s twice", g.name)
	}
}

// TestChangedBytesAreAnotherValueOrNone: whatever is done to one byte, the bytes
// either are no value or the only form of another.
func TestChangedBytesAreAnotherValueOrNone(t *testing.T) {
	for _, g := range goldens() {
		t.Run(g.name, func(t *testing.T) {
			accepted := 0
			check := func(b []byte, what string, at int) {
				again, err := g.again(b)
				switch {
				case err == nil && !bytes.Equal(again, b):
					t.Fatalf("%s at byte %d: decodes, and is written\n%x, not\n%x", what, at, again, b)
				case err == nil:
					accepted++
				case !refusal(err):
					t.Fatalf("%s at byte %d: %v", what, at, err)
				}
			}
			for i := range g.bytes {
				b := bytes.Clone(g.bytes)
				for x := 1; x < 256; x++ {
					b[i] = g.bytes[i] ^ byte(x)
					check(b, fmt.Sprintf("%02x", b[i]), i)
				}
				check(slices.Delete(bytes.Clone(g.bytes), i, i+1), "a byte less", i)
				for _, x := range []byte{0x00, 0x18, 0x80, 0xf6, 0xff} {
					check(slices.Insert(bytes.Clone(g.bytes), i, x), "a byte more", i)
				}
			}
			// Some hold nothing that could be otherwise.
			if !slices.Contains([]string{"op-node.leave", "op-member.leave", "op-recovery.veto"}, g.name) {
				require.NotZero(t, accepted, "other values have forms too")
			}
		})
	}
}

// parts are the items of a statement, to be replaced one by one.
type parts struct{ head, network, author, number, until, ops, sig []byte }

func sampleParts() parts {
	s := sampleStatement(icn.JobCancel{Job: rawCID("job")})
	return parts{
		head: []byte{0x86}, network: icn.AppendCID(nil, s.Network), author: icn.AppendDID(nil, s.Author), number: []byte{7},
		until: icn.AppendTime(nil, s.Until), ops: icn.AppendOp([]byte{0x81}, s.Ops[0]), sig: icn.AppendBytes(nil, s.Sig[:]),
	}
}

func (p parts) wire() []byte {
	return slices.Concat(p.head, p.network, p.author, p.number, p.until, p.ops, p.sig)
}

func TestPartsMakeTheSample(t *testing.T) {
	require.Equal(t, sampleStatement(icn.JobCancel{Job: rawCID("job")}).Encode(), sampleParts().wire())
}

// noNumber are items that are no unsigned integer in its shortest form.
var noNumber = map[string][]byte{
	"two bytes for 7": {0x18, 7}, "three bytes for 7": {0x19, 0, 7}, "five bytes for 7": {0x1a, 0, 0, 0, 7}, "nine bytes for 7": {0x1b, 0, 0, 0, 0, 0, 0, 0, 7},
	"two bytes for 23": {0x18, 23}, "three bytes for 255": {0x19, 0, 0xff}, "five bytes for 65535": {0x1a, 0, 0, 0xff, 0xff},
	"nine bytes for 2^32-1": {0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff},
	"reserved length 28":    {0x1c}, "reserved length 29": {0x1d}, "reserved length 30": {0x1e}, "indefinite": {0x1f},
	"negative": {0x20}, "half float": {0xf9, 0x47, 0}, "float": {0xfa, 0x40, 0xe0, 0, 0}, "double": {0xfb, 0x40, 0x1c, 0, 0, 0, 0, 0, 0}, "NaN": {0xf9, 0x7e, 0},
	"null": {0xf6}, "undefined": {0xf7}, "true": {0xf5}, "break": {0xff}, "simple value": {0xf8, 0x20}, "text": {0x61, '7'}, "bytes": {0x41, 7}, "array": {0x81, 7}, "map": {0xa0},
	"big number": {0xc2, 0x41, 7}, "tagged": {0xd8, 0x2a, 7},
}

func TestNumbersHaveOneForm(t *testing.T) {
	for name, item := range noNumber {
		p := sampleParts()
		p.number = item
		_, err := icn.DecodeStatement(p.wire())
		require.ErrorIs(t, err, icn.ErrInvalid, name)
	}
	for _, n := range []uint64{0, 23, 24, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, 1<<64 - 1} {
		p := sampleParts()
		p.number = icn.AppendUint(nil, n)
		s, err := icn.DecodeStatement(p.wire())
		require.NoError(t, err)
		require.Equal(t, n, s.Number)
	}
}

func TestTimesEndAt2To53(t *testing.T) {
	for until, ok := range map[uint64]bool{0: true, 1 << 53: true, 1<<53 + 1: false, 1 << 63: false, 1<<64 - 1: false} {
		p := sampleParts()
		p.until = icn.AppendUint(nil, until)
		_, err := icn.DecodeStatement(p.wire())
		require.Equal(t, ok, err == nil, "%d: %v", until, err)
	}
	s := sampleStatement(icn.NodeLeave{})
	s.Until = -1
	_, err := icn.DecodeStatement(s.Encode())
	require.ErrorIs(t, err, icn.ErrInvalid, "a time before 1970 is not taken for none")
}

func TestOtherFormsOfAStatementAreRefused(t *testing.T) {
	link := func(tag []byte, body ...byte) []byte { return slices.Concat(tag, icn.AppendBytes(nil, body)) }
	tag42 := []byte{0xd8, 0x2a}
	k := []byte(sampleGenesis().Block().CID.KeyString())
	did := who(1)
	for name, change := range map[string]func(*parts){
		"five fields":                 func(p *parts) { p.head[0] = 0x85 },
		"seven fields":                func(p *parts) { p.head[0] = 0x87 },
		"a field too many":            func(p *parts) { p.head[0] = 0x87; p.sig = append(p.sig, 0) },
		"a field too few":             func(p *parts) { p.head[0] = 0x85; p.sig = nil },
		"a map":                       func(p *parts) { p.head[0] = 0xa3 },
		"an indefinite array":         func(p *parts) { p.head[0] = 0x9f; p.sig = append(p.sig, 0xff) },
		"a long array head":           func(p *parts) { p.head = []byte{0x98, 6} },
		"a tagged statement":          func(p *parts) { p.head = []byte{0xd9, 0xd9, 0xf7, 0x86} },
		"no network":                  func(p *parts) { p.network = []byte{0xf6} },
		"the network as bytes":        func(p *parts) { p.network = icn.AppendBytes(nil, k) },
		"the network as text":         func(p *parts) { p.network = icn.AppendText(nil, "bafy") },
		"another tag":                 func(p *parts) { p.network = link([]byte{0xd8, 0x2b}, append([]byte{0}, k...)...) },
		"a long tag":                  func(p *parts) { p.network = link([]byte{0xd9, 0, 0x2a}, append([]byte{0}, k...)...) },
		"a tag twice":                 func(p *parts) { p.network = link([]byte{0xd8, 0x2a, 0xd8, 0x2a}, append([]byte{0}, k...)...) },
		"a link without zero byte":    func(p *parts) { p.network = link(tag42, k...) },
		"a link with another base":    func(p *parts) { p.network = link(tag42, append([]byte{'b'}, k...)...) },
		"an empty link":               func(p *parts) { p.network = link(tag42) },
		"a link of the zero byte":     func(p *parts) { p.network = link(tag42, 0) },
		"a link and a byte":           func(p *parts) { p.network = link(tag42, append(append([]byte{0}, k...), 0)...) },
		"a CID of version 0":          func(p *parts) { p.network = link(tag42, append([]byte{0}, k[2:]...)...) },
		"a CID of version 2":          func(p *parts) { p.network = link(tag42, append([]byte{0, 2}, k[1:]...)...) },
		"a CID's long version":        func(p *parts) { p.network = link(tag42, append([]byte{0, 0x81, 0}, k[1:]...)...) },
		"a CID's long codec":          func(p *parts) { p.network = link(tag42, append([]byte{0, 1, 0xf1, 0}, k[2:]...)...) },
		"a CID's long hash code":      func(p *parts) { p.network = link(tag42, append([]byte{0, 1, 0x71, 0x92, 0}, k[3:]...)...) },
		"a CID's long hash length":    func(p *parts) { p.network = link(tag42, append([]byte{0, 1, 0x71, 0x12, 0xa0, 0}, k[4:]...)...) },
		"a CID of another hash":       func(p *parts) { p.network = link(tag42, append([]byte{0, 1, 0x71, 0x1e}, k[3:]...)...) },
		"a CID of the identity":       func(p *parts) { p.network = link(tag42, 0, 1, 0x71, 0, 1, 'x') },
		"a shorter hash":              func(p *parts) { p.network = link(tag42, append([]byte{0, 1, 0x71, 0x12, 31}, k[5:]...)...) },
		"a link of 65 bytes":          func(p *parts) { p.network = link(tag42, make([]byte, 65)...) },
		"no author":                   func(p *parts) { p.author = []byte{0xf6} },
		"the author as text":          func(p *parts) { p.author = icn.AppendText(nil, did.String()) },
		"an author without codec":     func(p *parts) { p.author = icn.AppendBytes(nil, did[:]) },
		"an author of another codec":  func(p *parts) { p.author = icn.AppendBytes(nil, append([]byte{0xec, 1}, did[:]...)) },
		"an author's long codec":      func(p *parts) { p.author = icn.AppendBytes(nil, append([]byte{0xed, 0x81, 0}, did[:]...)) },
		"an author of 33 bytes":       func(p *parts) { p.author = icn.AppendBytes(nil, append([]byte{0xed, 1}, did[1:]...)) },
		"an author of 35 bytes":       func(p *parts) { p.author = icn.AppendBytes(nil, append([]byte{0xed, 1, 0}, did[:]...)) },
		"no operations":               func(p *parts) { p.ops = []byte{0x80} },
		"operations null":             func(p *parts) { p.ops = []byte{0xf6} },
		"an operation null":           func(p *parts) { p.ops = []byte{0x81, 0xf6} },
		"operations in a long array":  func(p *parts) { p.ops = append([]byte{0x98, 1}, p.ops[1:]...) },
		"operations without end":      func(p *parts) { p.ops = append(append([]byte{0x9f}, p.ops[1:]...), 0xff) },
		"operations as a map":         func(p *parts) { p.ops[0] = 0xa1 },
		"an empty operation":          func(p *parts) { p.ops = []byte{0x81, 0x80} },
		"a kind without its array":    func(p *parts) { p.ops = icn.AppendText([]byte{0x81, 0x80}, "job.cancel") },
		"a new kind without an array": func(p *parts) { p.ops = icn.AppendText([]byte{0x81, 0x80}, "new.kind") },
		"a kind as bytes":             func(p *parts) { p.ops = icn.AppendBytes([]byte{0x81, 0x81}, []byte("node.leave")) },
		"a kind in pieces":            func(p *parts) { p.ops = append(icn.AppendText([]byte{0x81, 0x81, 0x7f}, "node.leave"), 0xff) },
		"a kind that is no UTF-8":     func(p *parts) { p.ops = icn.AppendText([]byte{0x81, 0x81}, "node.leav\xff") },
		"a kind that is too long":     func(p *parts) { p.ops = icn.AppendText([]byte{0x81, 0x81}, string(bytes.Repeat([]byte{'k'}, 65))) },
		"an operation of 33 items":    func(p *parts) { p.ops = icn.AppendText([]byte{0x81, 0x98, 33}, "new.kind") },
		"no signature":                func(p *parts) { p.sig = []byte{0xf6} },
		"a signature of 63 bytes":     func(p *parts) { p.sig = icn.AppendBytes(nil, make([]byte, 63)) },
		"a signature of 65 bytes":     func(p *parts) { p.sig = icn.AppendBytes(nil, make([]byte, 65)) },
		"a signature as text":         func(p *parts) { p.sig[0] = 0x78 },
		"a signature's long head":     func(p *parts) { p.sig = append([]byte{0x59, 0}, p.sig[1:]...) },
		"a signature in pieces":       func(p *parts) { p.sig = append(append([]byte{0x5f}, p.sig...), 0xff) },
	} {
		p := sampleParts()
		change(&p)
		_, err := icn.DecodeStatement(p.wire())
		require.ErrorIs(t, err, icn.ErrInvalid, name)
		_, err = icn.DecodeEntry(append([]byte{0x83, 1, 1}, p.wire()...))
		require.ErrorIs(t, err, icn.ErrInvalid, "%s, in an entry", name)
	}
}

func TestUnknownKindsAreToldFromFaults(t *testing.T) {
	for _, kind := range []string{"", "new.kind", "Job.cancel", "job.cancel ", "job.canceL", "node.leave\x00"} {
		p := sampleParts()
		p.ops = icn.AppendText([]byte{0x81, 0x81}, kind)
		_, err := icn.DecodeStatement(p.wire())
		require.ErrorIs(t, err, icn.ErrUnknownKind, "%q", kind)
		require.ErrorIs(t, err, icn.ErrUnavailable, "a newer release can read it")
		require.NotErrorIs(t, err, icn.ErrInvalid)
		_, err = icn.DecodeEntry(append([]byte{0x83, 1, 1}, p.wire()...))
		require.ErrorIs(t, err, icn.ErrUnknownKind, "%q", kind)
	}
}

func TestEntriesHaveThreeItems(t *testing.T) {
	s := sampleParts().wire()
	for name, b := range map[string][]byte{
		"nothing": {}, "two items": append([]byte{0x82, 1}, s...), "four items": append([]byte{0x84, 1, 1}, append(s, 0xf6)...), "a map": {0xa1, 1, 1},
		"undefined for a tick": {0x83, 1, 1, 0xf7}, "an empty array for a tick": {0x83, 1, 1, 0x80}, "a tick and a statement": append([]byte{0x83, 1, 1, 0xf6}, s...),
		"the statement as bytes": icn.AppendBytes([]byte{0x83, 1, 1}, s), "a long index": {0x83, 0x18, 1, 1, 0xf6}, "a time after 2^53": {0x83, 1, 0x1b, 0, 0x20, 0, 0, 0, 0, 0, 1, 0xf6},
		"a negative time": {0x83, 1, 0x20, 0xf6},
	} {
		_, err := icn.DecodeEntry(b)
		require.ErrorIs(t, err, icn.ErrInvalid, name)
	}
}

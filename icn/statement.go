package icn

import "fmt"

// Time is a moment in milliseconds since the Unix epoch. Log time is the only
// clock that folds know.
type Time int64

// Limits on what is decoded. Over the limit is refused before it is allocated.
const (
	MaxStatement = 256 << 10
	MaxOps       = 4096
	MaxText      = 4096
	// Window is how far from its author's highest number a new number may be.
	Window = 1024
)

// StatementDomain tags the bytes that a statement's signature covers.
const StatementDomain = "icn/statement/v1"

// Statement is what a person or a node says to the federation: one or more
// operations, signed by Author, applied all or none. (Author, Number) is unique
// for ever, so handing in the same bytes twice is harmless.
type Statement struct {
	Network CID    // the genesis block
	Author  DID    // who says it
	Number  uint64 // fresh per author: unused, and within Window of the highest
	Until   Time   // after this log time it is refused; 0 = no limit
	Ops     []Op
	Sig     [64]byte
}

// appendCore appends the five signed fields, without an array head.
func (s *Statement) appendCore(b []byte) []byte {
	b = AppendCID(b, s.Network)
	b = AppendDID(b, s.Author)
	b = AppendUint(b, s.Number)
	b = AppendUint(b, uint64(s.Until))
	b = AppendArray(b, len(s.Ops))
	for _, op := range s.Ops {
		b = appendOp(b, op)
	}
	return b
}

// SigningBytes is what the author signs: the domain tag, then the canonical
// form of [network, author, number, until, ops].
func (s *Statement) SigningBytes() []byte {
	b := make([]byte, 0, 512)
	b = append(b, StatementDomain...)
	b = AppendArray(b, 5)
	return s.appendCore(b)
}

// Encode is the canonical wire form.
func (s *Statement) Encode() []byte {
	b := make([]byte, 0, 600)
	b = AppendArray(b, 6)
	b = s.appendCore(b)
	return AppendBytes(b, s.Sig[:])
}

// SigningBytesOf cuts the signed bytes out of a statement's wire form that
// [DecodeStatement] accepted, without encoding it again. Of other bytes nothing
// is signed.
func SigningBytesOf(wire []byte) []byte {
	end := len(wire) - 66 // the signature: 2 bytes of head, 64 of value
	if end < 1 || wire[0] != majorArray|6 || wire[end] != majorBytes|24 || wire[end+1] != 64 {
		return nil
	}
	core := wire[1:end]
	b := make([]byte, 0, len(StatementDomain)+1+len(core))
	b = append(b, StatementDomain...)
	b = AppendArray(b, 5)
	return append(b, core...)
}

// ID is the CID of the wire form.
func (s *Statement) ID() CID { return SumCID(DagCBOR, s.Encode()) }

// DecodeStatement reads the wire form strictly; the statement shares memory with
// it. It does not check the signature. A kind of operation that this release does not know is reported as
// [ErrUnknownKind].
func DecodeStatement(wire []byte) (*Statement, error) {
	if len(wire) > MaxStatement {
		return nil, fmt.Errorf("statement: %w: %d bytes, at most %d", ErrInvalid, len(wire), MaxStatement)
	}
	r := NewReader(wire)
	s := readStatement(r)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	return s, nil
}

func readStatement(r *Reader) *Statement {
	r.Tuple(6)
	s := &Statement{Network: r.MustCID(), Author: r.DID(), Number: r.Uint(), Until: r.Time()}
	n := r.Array(MaxOps)
	if r.Err() == nil && n == 0 {
		r.Fail("statement without operations")
	}
	if n > 0 && r.Err() == nil {
		s.Ops = make([]Op, 0, min(n, 64))
		for range n {
			op := readOp(r)
			if r.Err() != nil {
				return s
			}
			s.Ops = append(s.Ops, op)
		}
	}
	sig := r.Bytes(64)
	if r.Err() == nil && len(sig) != 64 {
		r.Fail("signature of %d bytes", len(sig))
	}
	copy(s.Sig[:], sig)
	return s
}

// Time reads a moment.
func (r *Reader) Time() Time {
	n := r.Uint()
	if n > 1<<53 {
		r.Fail("time out of range")
		return 0
	}
	return Time(n)
}

// AppendTime appends a moment.
func AppendTime(b []byte, t Time) []byte { return AppendUint(b, uint64(max(t, 0))) }

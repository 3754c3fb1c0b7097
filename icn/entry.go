package icn

import (
	"encoding/binary"
	"fmt"
)

// Entry is a statement in the federation's order. An entry without a statement
// only moves log time on, so that timers fire.
type Entry struct {
	Index     uint64     // 1, 2, 3 …
	Time      Time       // log time: never before the previous entry's
	Statement *Statement // nil: the leader's clock tick
	Wire      []byte     // the statement's wire form, as it came; empty for a tick
}

// Encode is the canonical form: the leaf of the log's Merkle tree. It writes Wire
// as it stands; a statement without its wire form is encoded anew.
func (e *Entry) Encode() []byte {
	b := make([]byte, 0, len(e.Wire)+24)
	b = AppendArray(b, 3)
	b = AppendUint(b, e.Index)
	b = AppendTime(b, e.Time)
	switch {
	case len(e.Wire) > 0:
		return append(b, e.Wire...)
	case e.Statement != nil:
		return append(b, e.Statement.Encode()...)
	}
	return AppendNull(b)
}

// maxEntry is a full statement behind the longest index and time.
const maxEntry = 1 + 9 + 9 + MaxStatement

// DecodeEntry reads an entry strictly; it shares memory with b.
func DecodeEntry(b []byte) (*Entry, error) {
	if len(b) > maxEntry {
		return nil, fmt.Errorf("entry: %w: %d bytes, at most %d", ErrInvalid, len(b), maxEntry)
	}
	r := NewReader(b)
	r.Tuple(3)
	e := &Entry{Index: r.Uint(), Time: r.Time()}
	if !r.Null() && r.Err() == nil {
		at := r.Offset()
		e.Statement = readStatement(r)
		e.Wire = b[at:r.Offset():r.Offset()]
		if len(e.Wire) > MaxStatement {
			r.Fail("statement of %d bytes, at most %d", len(e.Wire), MaxStatement)
		}
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("entry: %w", err)
	}
	return e, nil
}

// Stamped is what the leader hands to the order: its clock and a statement's
// wire form (empty for a tick). The order adds the index.
func Stamped(now Time, wire []byte) []byte {
	b := make([]byte, 8, 8+len(wire))
	binary.BigEndian.PutUint64(b, uint64(now))
	return append(b, wire...)
}

// OpenStamped takes it apart. The wire form shares memory with b.
func OpenStamped(b []byte) (Time, []byte, error) {
	if len(b) < 8 || len(b) > 8+MaxStatement {
		return 0, nil, fmt.Errorf("stamped statement of %d bytes: %w", len(b), ErrInvalid)
	}
	t := binary.BigEndian.Uint64(b)
	if t > 1<<53 {
		return 0, nil, fmt.Errorf("stamped statement: %w: time out of range", ErrInvalid)
	}
	if len(b) == 8 {
		return Time(t), nil, nil
	}
	return Time(t), b[8:len(b):len(b)], nil
}

// Package icn is the vocabulary of an InterCooperative Network: content
// identifiers, blocks, DIDs, signed statements, ordered entries, events, and
// the one strict codec they share.
//
// The invariant it keeps: every value has exactly one byte form. What decodes,
// re-encodes to the same bytes; anything else (an unknown field, a longer form
// of a number, a trailing byte) is refused with [ErrInvalid].
//
// It does not verify signatures, keep state, read clocks or do I/O.
//
//	s := icn.Statement{Network: genesis, Author: me, Number: 1, Ops: []icn.Op{...}}
//	s.Sig = signer.Sign(s.SigningBytes())
//	wire := s.Encode()
//	back, err := icn.DecodeStatement(wire)
package icn

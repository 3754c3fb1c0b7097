package core

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// admissible says whether a statement may be looked at at all. What fails here
// does not use up its number: it was not said by its author, or not here, or not
// now.
func (m *Machine) admissible(s *icn.Statement, wire []byte, now icn.Time, sig Checked) error {
	if err := m.standing(s, now); err != nil {
		return err
	}
	key := m.identity.KeyOf(s.Author)
	if sig.OK && sig.Key == key {
		return nil
	}
	if !m.verify(key, icn.SigningBytesOf(wire), s.Sig[:]) {
		return fmt.Errorf("statement %d of %s: %w: signature does not verify", s.Number, s.Author, icn.ErrDenied)
	}
	return nil
}

// standing checks all but the signature.
func (m *Machine) standing(s *icn.Statement, now icn.Time) error {
	if s.Network != m.network {
		return fmt.Errorf("statement: %w: said to network %s, this is %s", icn.ErrInvalid, s.Network, m.network)
	}
	if !m.identity.Belongs(s.Author) {
		return fmt.Errorf("statement: %w: %s does not belong to this federation", icn.ErrDenied, s.Author)
	}
	if err := m.restricted(s); err != nil {
		return err
	}
	w, _ := m.numbers.Get(s.Author)
	if err := w.free(s.Number); err != nil {
		return fmt.Errorf("statement of %s: %w", s.Author, err)
	}
	if s.Until != 0 && now > s.Until {
		return fmt.Errorf("statement %d of %s: %w: it was good until %d ms, log time is %d", s.Number, s.Author, icn.ErrConflict, s.Until, now)
	}
	return nil
}

// restricted refuses what a suspended member may not say: all but what saves its
// key, and that it leaves. A node goes on, whatever else its operator is.
func (m *Machine) restricted(s *icn.Statement) error {
	if !m.identity.Suspended(s.Author) || m.IsNode(s.Author) {
		return nil
	}
	for _, op := range s.Ops {
		switch op.(type) {
		case icn.KeyRotate, icn.RecoveryVeto, icn.MemberLeave, icn.GuardiansSet:
		default:
			return fmt.Errorf("statement: %w: %s is suspended, and may only see to its key or leave, not say %s", icn.ErrDenied, s.Author, op.Kind())
		}
	}
	return nil
}

// Check says in advance whether a statement would be looked at, as far as can be
// told now; its signature is not checked. What passes may still be refused when
// its turn in the order comes.
func (m *Machine) Check(s *icn.Statement) error { return m.standing(s, m.Head().Time) }

// Said tells whether this author's number was used.
func (m *Machine) Said(author icn.DID, number uint64) bool {
	w, _ := m.numbers.Get(author)
	return w.used(number)
}

// NextNumber is a number that the author may use next.
func (m *Machine) NextNumber(author icn.DID) uint64 {
	w, _ := m.numbers.Get(author)
	return w.high + 1
}

// window remembers which of an author's numbers are used: High is the highest,
// bit i of bits stands for High-i.
type window struct {
	high uint64
	bits [icn.Window / 64]uint64
}

// used says whether n can never be used again.
func (w window) used(n uint64) bool {
	switch {
	case n == 0 || n > w.high:
		return n == 0
	case w.high-n >= icn.Window:
		return true
	}
	d := w.high - n
	return w.bits[d/64]>>(d%64)&1 == 1
}

func (w window) free(n uint64) error {
	switch {
	case w.used(n):
		return fmt.Errorf("number %d: %w: used before, or more than %d behind %d", n, icn.ErrConflict, icn.Window, w.high)
	case n > w.high && n-w.high > icn.Window:
		return fmt.Errorf("number %d: %w: more than %d ahead of %d", n, icn.ErrInvalid, icn.Window, w.high)
	}
	return nil
}

func (w window) use(n uint64) window {
	if n > w.high {
		w = w.shift(n - w.high)
		w.high = n
	}
	d := w.high - n
	w.bits[d/64] |= 1 << (d % 64)
	return w
}

func (w window) shift(by uint64) window {
	out := window{high: w.high}
	words, rest := int(min(by/64, uint64(len(w.bits)))), by%64
	for i := len(w.bits) - 1; i >= words; i-- {
		out.bits[i] = w.bits[i-words] << rest
		if rest > 0 && i > words {
			out.bits[i] |= w.bits[i-words-1] >> (64 - rest)
		}
	}
	return out
}

func appendWindow(b []byte, w window) []byte {
	b = icn.AppendUint(icn.AppendArray(b, 1+len(w.bits)), w.high)
	for _, x := range w.bits {
		b = icn.AppendUint(b, x)
	}
	return b
}

func readWindow(r *icn.Reader) (w window) {
	r.Tuple(1 + len(w.bits))
	w.high = r.Uint()
	for i := range w.bits {
		w.bits[i] = r.Uint()
	}
	return w
}

func appendHead(b []byte, h Head) []byte {
	b = icn.AppendTime(icn.AppendUint(icn.AppendArray(b, 3), h.Index), h.Time)
	return icn.AppendUint(b, h.Changed)
}

func readHead(r *icn.Reader) Head {
	r.Tuple(3)
	return Head{Index: r.Uint(), Time: r.Time(), Changed: r.Uint()}
}

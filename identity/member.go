package identity

import (
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Member is a person or an organisation that belongs, or did once. Nobody is
// deleted from the table: what they said stands in the log under their DID.
type Member struct {
	Role     icn.Role
	Name     string
	Since    uint64 // the entry that admitted it last; 0 = founder
	Standing Standing
	Until    icn.Time // a suspension's end; 0 = when it is reinstated
	Spans    []Span   // when it was on the roll, in order
}

// Standing is what a membership is worth now.
type Standing uint8

// The standings.
const (
	Good      Standing = 0 // on the roll
	Suspended Standing = 1 // may see to its key and leave, nothing else
	Left      Standing = 2 // by its own word or by a vote
)

var standings = []string{"good", "suspended", "left"}

// String is the standing's word.
func (s Standing) String() string {
	if int(s) < len(standings) {
		return standings[s]
	}
	return fmt.Sprintf("standing %d", uint8(s))
}

// MarshalText gives JSON the word.
func (s Standing) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word.
func (s *Standing) UnmarshalText(b []byte) error {
	i := slices.Index(standings, string(b))
	if i < 0 {
		return fmt.Errorf("standing: %w: one of %v", icn.ErrInvalid, standings)
	}
	*s = Standing(i)
	return nil
}

// Span is a stretch of entries at which a member was on the roll: from From on,
// and at To not any more.
type Span struct {
	From uint64 `json:"from"` // 0 = from the beginning
	To   uint64 `json:"to"`   // 0 = it still is
}

// Has says whether an entry is in the span.
func (s Span) Has(index uint64) bool { return s.From <= index && (s.To == 0 || index < s.To) }

// maxSpans is how many of them are kept; older ones are forgotten.
const maxSpans = 64

// joined is the member in good standing from an entry on.
func (m Member) joined(at uint64) Member {
	m.Standing, m.Until, m.Spans = Good, 0, slices.Clone(m.Spans)
	if n := len(m.Spans); n > 0 && m.Spans[n-1].To == at {
		m.Spans[n-1].To = 0 // it was off the roll for a moment within one entry
		return m
	}
	m.Spans = append(m.Spans, Span{From: at})
	m.Spans = m.Spans[max(0, len(m.Spans)-maxSpans):]
	return m
}

// gone is the member off the roll from an entry on.
func (m Member) gone(at uint64, why Standing, until icn.Time) Member {
	m.Standing, m.Until, m.Spans = why, until, slices.Clone(m.Spans)
	switch n := len(m.Spans); {
	case n == 0 || m.Spans[n-1].To != 0:
	case m.Spans[n-1].From == at: // at no entry's end it was on it
		m.Spans = m.Spans[:n-1]
	default:
		m.Spans[n-1].To = at
	}
	return m
}

// Member returns a member, also one that has left.
func (f *Fold) Member(d icn.DID) (Member, bool) { return f.members.Get(d) }

// Members calls fn for each member, also for those that have left, in the order
// of DIDs.
func (f *Fold) Members(fn func(icn.DID, Member) bool) { f.members.Each(fn) }

// Belongs says whether d may speak: an active node, or a member that has not left.
func (f *Fold) Belongs(d icn.DID) bool {
	if _, ok := f.Node(d); ok {
		return true
	}
	m, ok := f.members.Get(d)
	return ok && m.Standing != Left
}

// InGoodStanding says whether d is a member with all of its rights.
func (f *Fold) InGoodStanding(d icn.DID) bool {
	m, ok := f.members.Get(d)
	return ok && m.Standing == Good
}

// Suspended says whether d is a suspended member.
func (f *Fold) Suspended(d icn.DID) bool {
	m, ok := f.members.Get(d)
	return ok && m.Standing == Suspended
}

// OnRoll says whether d was a member in good standing after an entry, and in which
// role.
func (f *Fold) OnRoll(d icn.DID, index uint64) (icn.Role, bool) {
	m, ok := f.members.Get(d)
	if !ok || !slices.ContainsFunc(m.Spans, func(s Span) bool { return s.Has(index) }) {
		return 0, false
	}
	return m.Role, true
}

// Roll lists who of an electorate was in good standing after an entry, by DID.
func (f *Fold) Roll(index uint64, e icn.Electorate) []icn.Voter {
	out := []icn.Voter{}
	f.members.Each(func(d icn.DID, m Member) bool {
		if _, ok := f.OnRoll(d, index); ok && e.Has(m.Role) {
			out = append(out, icn.Voter{Member: d, Role: m.Role, Name: m.Name})
		}
		return true
	})
	return out
}

func (f *Fold) admitMember(s Step, o icn.MemberAdmit) ([]icn.Effect, []icn.EventBody, error) {
	if err := f.mayJoin(o.Member, o.Role); err != nil {
		return nil, nil, fmt.Errorf("admit member: %w", err)
	}
	if err := f.mayAdmit(s, o.Role, o.Code); err != nil {
		return nil, nil, fmt.Errorf("admit member: %w", err)
	}
	effects, events := f.join(s, o.Member, o.Role, o.Name)
	return effects, events, nil
}

// mayJoin says whether d can be taken in as a member.
func (f *Fold) mayJoin(d icn.DID, role icn.Role) error {
	if err := f.usable(d); err != nil {
		return err
	}
	m, known := f.members.Get(d)
	switch {
	case role != icn.RolePerson && role != icn.RoleOrg:
		return fmt.Errorf("%w: a member is a person or an organisation, not a %s", icn.ErrInvalid, role)
	case known && m.Standing == Suspended:
		return fmt.Errorf("%w: %s belongs already, and is suspended: reinstate it", icn.ErrConflict, d)
	case known && m.Standing == Good:
		return fmt.Errorf("%w: %s belongs already", icn.ErrConflict, d)
	case known && m.Role != role:
		return fmt.Errorf("%w: %s was here as a %s, and old rolls say so: make another identity for the %s", icn.ErrConflict, d, m.Role, role)
	}
	return nil
}

// join takes d in. Who was here before keeps its account, and the name by which old
// rolls know it.
func (f *Fold) join(s Step, d icn.DID, role icn.Role, name string) ([]icn.Effect, []icn.EventBody) {
	m, known := f.members.Get(d)
	_, node := f.nodes.Get(d)
	if known {
		name = m.Name
	}
	m.Role, m.Name, m.Since = role, name, s.Index
	f.members.Put(d, m.joined(s.Index))
	var effects []icn.Effect
	if !known && !node {
		effects = append(effects, icn.OpenAccount{Account: d})
	}
	return effects, []icn.EventBody{icn.MemberAdmitted{Member: d, Role: role, Name: name}}
}

func (f *Fold) leaveMembers(s Step) ([]icn.Effect, []icn.EventBody, error) {
	m, ok := f.members.Get(s.Author)
	if !ok || m.Standing == Left {
		return nil, nil, fmt.Errorf("leave: %w: %s is not a member", icn.ErrDenied, s.Author.Short())
	}
	return f.end(s, s.Author, m), []icn.EventBody{icn.MemberLeft{Member: s.Author}}, nil
}

// end ends a membership, and what belongs to it.
func (f *Fold) end(s Step, d icn.DID, m Member) []icn.Effect {
	f.members.Put(d, m.gone(s.Index, Left, 0))
	f.guardians.Delete(d)
	var out []icn.Effect
	if m.Until != 0 {
		out = append(out, icn.ClearTimer{Name: suspensionTimer + d.String()})
	}
	return append(out, f.endRecovery(d)...)
}

func (f *Fold) checkMembers() (err error) {
	f.members.Each(func(d icn.DID, m Member) bool {
		open, last := false, uint64(0)
		for i, s := range m.Spans {
			if open || s.From < last || i > 0 && s.From == last || s.To != 0 && s.To <= s.From {
				err = fmt.Errorf("member %s: %w: its times on the roll overlap", d, icn.ErrCorrupt)
			}
			open, last = s.To == 0, s.To
		}
		switch {
		case m.Role != icn.RolePerson && m.Role != icn.RoleOrg || m.Standing > Left:
			err = fmt.Errorf("member %s: %w: role %d, standing %d", d, icn.ErrCorrupt, m.Role, m.Standing)
		case open != (m.Standing == Good) || m.Until != 0 && m.Standing != Suspended:
			err = fmt.Errorf("member %s: %w: its standing is %s, its times on the roll say otherwise", d, icn.ErrCorrupt, m.Standing)
		}
		return err == nil
	})
	f.guardians.Each(func(d icn.DID, g Guardians) bool {
		if err == nil && (g.Needed == 0 || g.Needed > uint64(len(g.All))) {
			err = fmt.Errorf("guardians of %s: %w: %d of %d", d, icn.ErrCorrupt, g.Needed, len(g.All))
		}
		return err == nil
	})
	f.recoveries.Each(func(d icn.DID, r Recovery) bool {
		if _, ok := f.guardians.Get(d); err == nil && (!ok || (r.Due == 0) != r.Key.IsZero()) {
			err = fmt.Errorf("recovery of %s: %w: it has no guardians, or no end", d, icn.ErrCorrupt)
		}
		return err == nil
	})
	return err
}

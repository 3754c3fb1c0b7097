package node

import (
	"fmt"
	"sort"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
)

// RollView is who could vote after an entry.
type RollView struct {
	Index      uint64         `json:"index"`   // the entry
	Time       icn.Time       `json:"time_ms"` // its log time
	Electorate icn.Electorate `json:"electorate"`
	Hash       string         `json:"roll_hash"` // as votes on this roll tell it
	Roll       []icn.Voter    `json:"roll"`      // in the order of DIDs
}

// Roll tells who of an electorate was in good standing after an entry; 0 = now.
func (n *Node) Roll(index uint64, e icn.Electorate) (RollView, error) {
	v := RollView{Index: index, Electorate: e}
	var head core.Head
	err := n.View(func(m *core.Machine) {
		head = m.Head()
		if v.Index == 0 {
			v.Index, v.Time = head.Index, head.Time
		}
		v.Roll = m.Roll(v.Index, e)
	})
	switch {
	case err != nil:
		return v, err
	case v.Index > head.Index:
		return v, fmt.Errorf("roll at entry %d: %w: this node is at entry %d", v.Index, icn.ErrUnavailable, head.Index)
	}
	v.Hash = fmt.Sprintf("%x", icn.RollHash(v.Roll))
	if index == 0 || index == head.Index {
		v.Time = head.Time
		return v, nil
	}
	x, err := n.Entry(index)
	if err == nil {
		v.Time = x.Time
	}
	return v, err
}

// IndexAt is the last entry at or before a moment in log time; 0 = there was none.
func (n *Node) IndexAt(t icn.Time) (uint64, error) {
	var head core.Head
	if err := n.View(func(m *core.Machine) { head = m.Head() }); err != nil {
		return 0, err
	}
	if t >= head.Time {
		return head.Index, nil
	}
	var bad error
	later := sort.Search(int(head.Index), func(i int) bool {
		e, err := n.Entry(uint64(i) + 1)
		if err != nil {
			bad = err
			return true
		}
		return e.Time > t
	})
	return uint64(later), bad
}

// MembershipView is a person or an organisation, with its past.
type MembershipView struct {
	MemberView
	Key       icn.DID             `json:"key"` // that its statements are signed with now
	Spans     []identity.Span     `json:"on_the_roll"`
	Guardians *identity.Guardians `json:"guardians,omitempty"`
	Recovery  *identity.Recovery  `json:"recovery,omitempty"` // what they want its key to be
}

// Membership tells of a member, also of one that has left.
func (n *Node) Membership(d icn.DID) (v MembershipView, err error) {
	found := false
	err = n.View(func(m *core.Machine) {
		var x identity.Member
		x, found = m.Member(d)
		v.MemberView = MemberView{d, x.Role, x.Name, x.Since, x.Standing, x.Until}
		v.Key, v.Spans = m.KeyOf(d), append([]identity.Span{}, x.Spans...)
		if g, ok := m.GuardiansOf(d); ok {
			v.Guardians = &g
		}
		if r, ok := m.RecoveryOf(d); ok {
			v.Recovery = &r
		}
	})
	if err == nil && !found {
		err = fmt.Errorf("member %s: %w: nobody of that DID has been a member here", d, icn.ErrNotFound)
	}
	return v, err
}

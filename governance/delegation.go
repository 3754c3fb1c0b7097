package governance

import (
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Delegation lets another's vote count for its author's.
type Delegation struct {
	To      icn.DID
	Scope   icn.Scope
	Expires icn.Time
	Proxy   bool
	Index   uint64 // the entry that made it
}

// Delegations are one member's, in the order of their scopes' bytes.
type Delegations []Delegation

// MaxDelegations is the most that a member may have.
const MaxDelegations = 64

func (all Delegations) find(s icn.Scope) (int, bool) {
	return slices.BinarySearchFunc(all, s, func(d Delegation, s icn.Scope) int {
		return slices.Compare(d.Scope.Append(nil), s.Append(nil))
	})
}

// With are the delegations with one more, or another one of its scope.
func (all Delegations) With(d Delegation) Delegations {
	at, found := all.find(d.Scope)
	all = slices.Clone(all)
	if found {
		all[at] = d
		return all
	}
	return slices.Insert(all, at, d)
}

// Without are the delegations without that of a scope.
func (all Delegations) Without(s icn.Scope) Delegations {
	at, found := all.find(s)
	if !found {
		return all
	}
	return slices.Delete(slices.Clone(all), at, at+1)
}

// Fitting is the delegation of a member that is good for a proposal at a time: of
// those that are in force, the one of the narrowest scope.
func (all Delegations) Fitting(from icn.DID, proposal icn.CID, kind string, now icn.Time) (m icn.Mandate, found bool) {
	width := 4
	for _, d := range all {
		w := 3
		switch {
		case d.Expires != 0 && now > d.Expires:
			continue
		case d.Scope.Proposal.Defined():
			if w = 1; d.Scope.Proposal != proposal {
				continue
			}
		case d.Scope.Kind != "":
			if w = 2; d.Scope.Kind != kind {
				continue
			}
		}
		if w < width {
			m, width = icn.Mandate{From: from, To: d.To, Proxy: d.Proxy}, w
		}
	}
	return m, width < 4
}

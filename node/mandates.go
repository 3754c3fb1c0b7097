package node

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// DelegationView is a delegation that a member has given, or received.
type DelegationView struct {
	From    icn.DID   `json:"from"`
	To      icn.DID   `json:"to"`
	Scope   icn.Scope `json:"scope"`
	For     string    `json:"for"` // the scope in a word: all, a kind of motion, a proposal
	Expires icn.Time  `json:"expires_ms,omitempty"`
	Expired bool      `json:"expired,omitempty"`
	Proxy   bool      `json:"proxy,omitempty"` // to may also cast ballots in the name of from
	Index   uint64    `json:"index"`           // the entry that made it
}

// Delegations lists those that a member has given, then those it has received.
func (n *Node) Delegations(d icn.DID) ([]DelegationView, error) {
	out, known := []DelegationView{}, false
	err := n.View(func(m *core.Machine) {
		_, known = m.Member(d)
		now := m.Head().Time
		view := func(from icn.DID, x governance.Delegation) {
			out = append(out, DelegationView{From: from, To: x.To, Scope: x.Scope, For: x.Scope.String(), Expires: x.Expires,
				Expired: x.Expires != 0 && now > x.Expires, Proxy: x.Proxy, Index: x.Index})
		}
		for _, x := range m.DelegationsOf(d) {
			view(d, x)
		}
		m.Delegations(func(from icn.DID, all governance.Delegations) bool {
			for _, x := range all {
				if x.To == d {
					view(from, x)
				}
			}
			return true
		})
	})
	if err == nil && !known {
		err = fmt.Errorf("delegations of %s: %w: no member of this federation", d, icn.ErrNotFound)
	}
	return out, err
}

// PausedCredential is a credential that does not count at the moment.
type PausedCredential struct {
	Credential icn.CID `json:"cid"`
	Since      uint64  `json:"since_entry"`
}

// PausedView is what votes hold back, and who may stop what was accepted.
type PausedView struct {
	Credentials []PausedCredential `json:"credentials"`
	Reputations []icn.DID          `json:"frozen_reputations"`
	VetoGroup   []icn.DID          `json:"veto_group"`
	Upgrade     string             `json:"upgrade,omitempty"` // the release that operators shall install
}

// Paused tells what votes hold back.
func (n *Node) Paused() (PausedView, error) {
	v := PausedView{Credentials: []PausedCredential{}, Reputations: []icn.DID{}}
	err := n.View(func(m *core.Machine) {
		m.PausedOnes(func(c icn.CID, entry uint64) bool {
			v.Credentials = append(v.Credentials, PausedCredential{c, entry})
			return true
		})
		m.FrozenOnes(func(d icn.DID) bool {
			v.Reputations = append(v.Reputations, d)
			return true
		})
		v.VetoGroup, v.Upgrade = filled(m.VetoGroup()), m.Notice()
	})
	return v, err
}

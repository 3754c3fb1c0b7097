package identity

import (
	"crypto/sha256"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Invite is an unused join code.
type Invite struct {
	Role    icn.Role
	Expires icn.Time
	By      icn.DID
}

// Limits on join codes: the longest life of one is 90 days; so many may be open at
// a time of one clerk; and of all together, if a member gives another.
const (
	maxInviteMillis = 90 * 24 * 3600 * 1000
	maxInvites      = 1000
	maxAllInvites   = 10_000
)

// mayAdmit: a clerk may admit by its own word, if the rules let it; anybody else
// needs a join code, which is used up by it.
func (f *Fold) mayAdmit(s Step, role icn.Role, code []byte) error {
	if len(code) == 0 {
		switch {
		case !f.IsClerk(s.Author, s.Rules):
			return fmt.Errorf("%w: only a clerk admits without a join code", icn.ErrDenied)
		case role != icn.RoleNode && s.Rules.ClerksAdmit == 0:
			return fmt.Errorf("%w: by the rules not even a clerk admits members by its word: that takes a join code or a vote", icn.ErrDenied)
		}
		return nil
	}
	h := sha256.Sum256(code)
	inv, ok := f.invites.Get(h)
	switch {
	case !ok:
		return fmt.Errorf("%w: join code unknown or used", icn.ErrDenied)
	case s.Time > inv.Expires:
		return fmt.Errorf("%w: join code expired", icn.ErrDenied)
	case inv.Role != role:
		return fmt.Errorf("%w: join code is for the role %s", icn.ErrDenied, inv.Role)
	case !f.vouches(inv.By):
		return fmt.Errorf("%w: whoever gave this join code has left or is suspended; ask for another", icn.ErrDenied)
	}
	f.invites.Delete(h)
	f.given[inv.By]--
	return nil
}

// vouches says whether the join codes that d gave still work.
func (f *Fold) vouches(d icn.DID) bool {
	_, node := f.Node(d)
	return node || f.InGoodStanding(d)
}

func (f *Fold) invite(s Step, o icn.InviteCreate) ([]icn.Effect, []icn.EventBody, error) {
	clerk := f.IsClerk(s.Author, s.Rules)
	switch {
	case !clerk && o.Role != icn.RolePerson:
		return nil, nil, fmt.Errorf("invite: %w: only a clerk gives join codes for the role %s", icn.ErrDenied, o.Role)
	case !clerk && !f.InGoodStanding(s.Author):
		return nil, nil, fmt.Errorf("invite: %w: only a clerk gives join codes, or a member in good standing", icn.ErrDenied)
	case o.Expires <= s.Time || o.Expires > s.Time+maxInviteMillis:
		return nil, nil, fmt.Errorf("invite: %w: must expire within 90 days", icn.ErrInvalid)
	}
	if _, ok := f.invites.Get(o.CodeHash); ok {
		return nil, nil, fmt.Errorf("invite: %w: this code exists", icn.ErrConflict)
	}
	if err := f.roomForInvite(s, clerk); err != nil {
		return nil, nil, fmt.Errorf("invite: %w", err)
	}
	f.invites.Put(o.CodeHash, Invite{Role: o.Role, Expires: o.Expires, By: s.Author})
	f.given[s.Author]++
	return nil, []icn.EventBody{icn.InviteCreated{Role: o.Role, Expires: o.Expires}}, nil
}

// roomForInvite says whether the author may give another join code. It forgets
// those that nobody can use any more only when they are in the way.
func (f *Fold) roomForInvite(s Step, clerk bool) error {
	limit := s.Rules.InvitesPerMember
	if clerk {
		limit = maxInvites
	}
	if f.given[s.Author] < limit && (clerk || f.invites.Len() < maxAllInvites) {
		return nil
	}
	var mine, all uint64
	var old [][32]byte
	f.invites.Each(func(h [32]byte, i Invite) bool {
		switch {
		case s.Time > i.Expires:
			old = append(old, h)
		case i.By == s.Author:
			mine, all = mine+1, all+1
		default:
			all++
		}
		return true
	})
	switch {
	case mine >= limit:
		return fmt.Errorf("%w: %d join codes are open, wait until some are used or expire", icn.ErrConflict, mine)
	case !clerk && all >= maxAllInvites:
		return fmt.Errorf("%w: the federation has %d open join codes, wait until some are used or expire", icn.ErrConflict, all)
	}
	for _, h := range old {
		i, _ := f.invites.Get(h)
		f.invites.Delete(h)
		f.given[i.By]--
	}
	return nil
}

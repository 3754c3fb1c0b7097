package core

import (
	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/mana"
	"github.com/InterCooperative-Network/icn-core/state"
)

// Proposal returns a proposal.
func (m *Machine) Proposal(id icn.CID) (governance.Proposal, bool) { return m.votes.Proposal(id) }

// Proposals calls fn for each proposal, in the order of CIDs.
func (m *Machine) Proposals(fn func(icn.CID, governance.Proposal) bool) { m.votes.Proposals(fn) }

// ClosedVotes are the proposals whose votes were counted.
func (m *Machine) ClosedVotes() (out []icn.CID) {
	m.votes.Proposals(func(id icn.CID, p governance.Proposal) bool {
		if p.Count.Closed != 0 {
			out = append(out, id)
		}
		return true
	})
	return out
}

// ClerksInForce are the clerks with the keys that they sign with.
func (m *Machine) ClerksInForce() []identity.Clerk { return m.identity.ClerksInForce() }

// Interim is how an open vote would end if nothing else came in.
func (m *Machine) Interim(id icn.CID) (icn.Tally, bool) {
	h := m.Head()
	return m.votes.Interim(m.voteStep(h.Index+1, h.Time), id)
}

// Mandates are the delegations that fit a vote: of an open one, as of now.
func (m *Machine) Mandates(id icn.CID) []icn.Mandate {
	h := m.Head()
	return m.votes.Mandates(m.voteStep(h.Index+1, h.Time), id)
}

// Ballot is the one that counts so far for a voter in an open vote.
func (m *Machine) Ballot(id icn.CID, voter icn.DID) (governance.Ballot, bool) {
	return m.votes.Ballot(id, voter)
}

// DelegationsOf are a member's.
func (m *Machine) DelegationsOf(d icn.DID) governance.Delegations { return m.votes.DelegationsOf(d) }

// Delegations calls fn for each member that has some, in the order of DIDs.
func (m *Machine) Delegations(fn func(icn.DID, governance.Delegations) bool) { m.votes.Delegations(fn) }

// VetoGroup can stop what was accepted.
func (m *Machine) VetoGroup() []icn.DID { return m.votes.VetoGroup() }

// Paused says since which entry a credential does not count.
func (m *Machine) Paused(c icn.CID) (entry uint64, paused bool) { return m.votes.Paused(c) }

// PausedOnes calls fn for each paused credential and the entry that paused it.
func (m *Machine) PausedOnes(fn func(c icn.CID, entry uint64) bool) { m.votes.PausedOnes(fn) }

// FrozenOnes calls fn for each whose reputation counts for nothing, in the order of
// DIDs.
func (m *Machine) FrozenOnes(fn func(icn.DID) bool) { m.names.FrozenOnes(fn) }

// Notice is the release that operators shall install; empty = none was told.
func (m *Machine) Notice() string { return m.votes.Notice() }

// Suppose puts other rules in force without a vote: for asking what would have been.
func (m *Machine) Suppose(rules icn.Rules) {
	was := m.Rules()
	now := m.Head().Time
	m.CatchUp()
	m.rules.Put(state.One{}, rules)
	for _, c := range m.names.Turn(now, was, rules) {
		// An account that is not there has no tier: there is nothing to be done about it.
		_, _ = m.mana.Do(mana.Step{Time: now, Rules: rules}, icn.SetTier{Account: c.Who, Tier: c.Tier})
	}
	m.identity.KeepClerks(rules)
}

// CatchUp brings all accounts up to log time, so that sums tell what has grown.
func (m *Machine) CatchUp() { m.mana.CatchUp(mana.Step{Time: m.Head().Time, Rules: m.Rules()}) }

package core

import (
	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/state"
)

// ProveProposal tells a proposal's row and proves it under the state's root as of now.
func (m *Machine) ProveProposal(id icn.CID) (row []byte, p state.Proof, found bool) {
	return m.db.Prove(governance.ProposalTable, state.CIDKey(id))
}

// ProveClerks tells the row of the clerks in force and proves it likewise.
func (m *Machine) ProveClerks() (row []byte, p state.Proof, found bool) {
	return m.db.Prove(identity.ClerksTable, state.OneKey(state.One{}))
}

package wire

import (
	"encoding/json"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// ProposalFilter says which proposals are wanted; the zero filter is the newest.
type ProposalFilter struct {
	State  string // a status, or open: all that are not over
	Kind   string // of the motion
	Limit  int    // 0: the node's default
	Before uint64 // only those proposed before this entry
}

// Proposals is a page of proposals, the newest first.
type Proposals struct {
	Proposals []node.ProposalView `json:"proposals"`
	Next      uint64              `json:"next,omitempty" doc:"Give it as before to get older ones."`
}

// Ballots is a page of ballots, in the order of the log.
type Ballots struct {
	Ballots []node.BallotView `json:"ballots"`
	Next    string            `json:"next,omitempty" doc:"Give it as after to get the next page."`
}

// Delegations are what a member has given and received.
type Delegations struct {
	Delegations []node.DelegationView `json:"delegations"`
}

// Signed is how a request carries what its author signed: the node has no member's
// key. With neither of these fields nothing happens: the answer is what to sign.
type Signed struct {
	Statement Bytes    `json:"statement,omitempty" doc:"The whole signed statement; other fields, if present, must agree with it."`
	Signature string   `json:"signature,omitempty" doc:"Of the bytes to sign, 64 bytes in base64 or hex; with the same number and until_ms."`
	Number    uint64   `json:"number,omitempty" doc:"The author's statement number; default: its next one."`
	Until     icn.Time `json:"until_ms,omitempty" doc:"When the statement expires; default: in an hour."`

	CredentialProof json.RawMessage `json:"credential_proof,omitempty" doc:"Not supported: membership is proven by the signature."`
	RevocationProof json.RawMessage `json:"revocation_proof,omitempty" doc:"Not supported."`
}

// ToSign is a statement that its author still has to sign: nothing has happened.
type ToSign struct {
	Author   icn.DID  `json:"author"`
	Number   uint64   `json:"number"`
	Until    icn.Time `json:"until_ms"`
	Unsigned Bytes    `json:"statement" doc:"The statement's wire form with a signature of zeros."`
	Sign     Bytes    `json:"sign" doc:"The bytes to sign (Ed25519)."`
	Words    string   `json:"words" doc:"What it says."`
}

// Spoken is what became of something that a member says through the API.
type Spoken struct {
	State     string     `json:"state" enum:"to_sign,applied,waiting"`
	Message   string     `json:"message"`
	ID        icn.CID    `json:"id,omitzero" doc:"Of the proposal."`
	Statement icn.CID    `json:"statement,omitzero"`
	Number    uint64     `json:"number,omitempty"`
	Index     uint64     `json:"index,omitempty" doc:"The entry that ordered it."`
	Events    []Event    `json:"events,omitempty" doc:"What it caused."`
	ToSign    *ToSign    `json:"to_sign,omitempty"`
	Status    *icn.Stage `json:"status,omitempty" doc:"Of the proposal, when a vote was closed."`
	Yes       *uint64    `json:"yes,omitempty"`
	No        *uint64    `json:"no,omitempty"`
	Abstain   *uint64    `json:"abstain,omitempty"`
	Created   bool       `json:"-"`
}

// ProposalSubmit puts a proposal to the members.
type ProposalSubmit struct {
	Signed
	Proposer     icn.DID        `json:"proposer_did,omitzero"`
	Proposal     *ProposalKind  `json:"proposal,omitempty" doc:"What it does when it is accepted."`
	Description  string         `json:"description,omitempty" doc:"Its first line is the title."`
	Duration     uint64         `json:"duration_secs,omitempty" doc:"How long the vote is open; default: as the rules say."`
	Quorum       uint64         `json:"quorum,omitempty" doc:"So many voters must take part, if the rules do not ask for more."`
	QuorumShare  uint64         `json:"quorum_permille,omitempty" doc:"Such a share of the roll, in thousandths."`
	Threshold    float64        `json:"threshold,omitempty" minimum:"0" maximum:"1" doc:"Share of yes and no that must be yes."`
	Body         Bytes          `json:"body,omitempty" doc:"The whole text; it is stored as a block."`
	Method       icn.Method     `json:"method,omitempty" doc:"yes-no (the default), ranked, approval, weighted or quadratic"`
	Options      []string       `json:"options,omitempty" doc:"Of all methods but yes-no."`
	Electorate   icn.Electorate `json:"electorate,omitempty" doc:"members (the default), persons or organisations"`
	Draft        bool           `json:"draft,omitempty" doc:"Wait for open before anything happens."`
	Timelock     uint64         `json:"timelock_delay,omitempty" doc:"Seconds from accepted to enacted."`
	Deliberation uint64         `json:"deliberation_secs,omitempty" doc:"Seconds before the vote opens."`
}

// ProposalKind is a motion: {"type": …, "data": {…}}.
type ProposalKind struct {
	Type string          `json:"type" doc:"SystemParameterChange, MemberAdmission, RemoveMember, SoftwareUpgrade, GenericText, Resolution, BudgetAllocation; or a kind of motion: admit, budget, clerks, expel, parameters, reinstate, remove, resolution, suspend, text, upgrade, veto-group"`
	Data json.RawMessage `json:"data"`
}

// ProposalAct is something that a member says about a proposal. One of the DIDs says
// who.
type ProposalAct struct {
	Signed
	ProposalID icn.CID `json:"proposal_id,omitzero"`
	Member     icn.DID `json:"member_did,omitzero"`
	Proposer   icn.DID `json:"proposer_did,omitzero"`
	Sponsor    icn.DID `json:"sponsor_did,omitzero"`
	Reason     string  `json:"reason,omitempty" doc:"Of a veto."`
}

// Vote is a ballot of yes, no or abstain.
type Vote struct {
	Signed
	Voter      icn.DID `json:"voter_did,omitzero"`
	ProposalID icn.CID `json:"proposal_id,omitzero"`
	Option     string  `json:"vote_option,omitempty" doc:"yes, no or abstain"`
	For        icn.DID `json:"for_did,omitzero" doc:"Whose proxy the voter is."`
}

// OptionVote is a ballot about options. With neither preferences nor points it
// abstains.
type OptionVote struct {
	Signed
	Voter       icn.DID           `json:"voter_did,omitzero"`
	ProposalID  icn.CID           `json:"proposal_id,omitzero"`
	Preferences []json.RawMessage `json:"preferences,omitempty" doc:"Options by their texts, or by their places from 1; of a ranked vote in the voter's order."`
	Points      map[string]uint64 `json:"points,omitempty" doc:"Of a weighted or quadratic vote: option → points or votes."`
	For         icn.DID           `json:"for_did,omitzero" doc:"Whose proxy the voter is."`
}

// Delegate lets another member's vote count where the author does not vote itself.
type Delegate struct {
	Signed
	From    icn.DID `json:"from_did,omitzero"`
	To      icn.DID `json:"to_did,omitzero"`
	Scope   string  `json:"scope,omitempty" doc:"all (the default), a kind of motion, or a proposal's id"`
	Expires string  `json:"expires,omitempty" doc:"A moment (RFC 3339), or a day: its end, in UTC"`
	Proxy   bool    `json:"proxy,omitempty" doc:"They may also cast ballots in the author's name."`
}

// Revoke ends a delegation.
type Revoke struct {
	Signed
	From  icn.DID `json:"from_did,omitzero"`
	Scope string  `json:"scope,omitempty" doc:"That it was given with; default: all"`
}

// Execute asks whether a proposal is in force.
type Execute struct {
	ProposalID icn.CID `json:"proposal_id"`
}

// StatementBatchType is the media type of many statements in a row: for each, the
// uvarint of its length, and its wire form.
const StatementBatchType = "application/vnd.icn.statements"

// StatementBatch is what became of many statements that were handed in together.
type StatementBatch struct {
	Applied int          `json:"applied"`
	Waiting int          `json:"waiting" doc:"To be ordered: they go in later, or expire."`
	Refused int          `json:"refused"`
	Faults  []BatchFault `json:"faults" doc:"The first hundred of the refused ones."`
}

// BatchFault is a statement of a batch that changed nothing.
type BatchFault struct {
	Place     int     `json:"place" doc:"From 0."`
	Statement icn.CID `json:"statement,omitzero"`
	Author    icn.DID `json:"author,omitzero"`
	Code      string  `json:"code"`
	Reason    string  `json:"reason"`
}

// Parameters are the rules in force.
type Parameters struct {
	Parameters []Parameter `json:"parameters"`
}

// Parameter is one of the rules.
type Parameter struct {
	Name  string `json:"name"`
	Value uint64 `json:"value"`
	Doc   string `json:"doc"`
}

package icn

import "encoding/json"

// MaxGuardians is the most people who help a member to a new key.
const MaxGuardians = 16

// Operations on memberships and their keys.
type (
	// MemberLeave ends the author's membership.
	MemberLeave struct{}
	// GuardiansSet says who can give the author a new key together, should it lose its
	// own; nobody, if the list is empty.
	GuardiansSet struct {
		Guardians []DID
		Needed    uint64
	}
	// RecoverySupport is a guardian's word that a member has this key from now on. When
	// enough have said so, it takes effect after the rules' delay.
	RecoverySupport struct {
		Member DID
		Key    DID
		Proof  [64]byte // the new key's signature over RotationBytes
	}
	// RecoveryVeto stops a recovery of the author's key: it has not lost it.
	RecoveryVeto struct{}
)

// Operations on proposals.
type (
	// ProposalCreate puts a proposal to the members. A draft waits for its author, who
	// can still change it.
	ProposalCreate struct {
		Draft bool
		Proposal
	}
	// ProposalAmend changes a draft.
	ProposalAmend struct {
		ID CID
		Proposal
	}
	// ProposalAdvance moves the author's proposal on: a draft to its sponsors, a
	// proposal that was deliberated as long as the rules ask to the vote.
	ProposalAdvance struct{ ID CID }
	// ProposalSponsor is a member's word that this shall be voted on.
	ProposalSponsor struct{ ID CID }
	// ProposalWithdraw takes the author's proposal back, before the vote opens.
	ProposalWithdraw struct{ ID CID }
	// ProposalVeto stops what was accepted: said by one of the veto group, in time.
	ProposalVeto struct {
		ID     CID
		Reason string
	}
	// ProposalClose ends a vote early, if nothing outstanding can change its result.
	ProposalClose struct{ ID CID }
)

// Operations of voters.
type (
	// BallotCast is a vote. Until the vote closes it can be changed by a later one: the
	// highest number of its author counts.
	BallotCast struct {
		Proposal CID
		For      DID      // who has made the author its proxy; zero = the author itself
		Choice   []uint64 // see Method
	}
	// DelegationSet lets another member's vote count for the author's, where the author
	// does not vote itself. The narrowest scope that fits a proposal counts.
	DelegationSet struct {
		To      DID
		Scope   Scope
		Expires Time // 0 = never
		Proxy   bool // To may also cast ballots in the author's name
	}
	// DelegationRevoke ends the author's delegation of this scope.
	DelegationRevoke struct{ Scope Scope }
)

// Scope is what a delegation is good for: all proposals, those of a kind of motion,
// or a single one.
type Scope struct {
	Kind     string `json:"kind,omitempty"`
	Proposal CID    `json:"proposal,omitzero"`
}

func (s Scope) append(b []byte) []byte {
	return AppendCID(AppendText(AppendArray(b, 2), s.Kind), s.Proposal)
}

// Append appends the canonical form.
func (s Scope) Append(b []byte) []byte { return s.append(b) }

func readScope(r *Reader) (s Scope) {
	r.Tuple(2)
	s.Kind, s.Proposal = r.Text(64), r.CID()
	if _, ok := motions[s.Kind]; r.err == nil && s.Kind != "" && (!ok || s.Proposal.Defined()) {
		r.Fail("scope %q", clip(s.Kind))
	}
	return s
}

// ReadScope reads what [Scope.Append] wrote.
func ReadScope(r *Reader) Scope { return readScope(r) }

// String is the scope in a word.
func (s Scope) String() string {
	switch {
	case s.Proposal.Defined():
		return s.Proposal.String()
	case s.Kind != "":
		return s.Kind
	}
	return "all"
}

func readRecoverySupport(r *Reader) Op {
	o := RecoverySupport{Member: r.DID(), Key: r.DID()}
	proof := r.Bytes(64)
	if r.err == nil && len(proof) != 64 {
		r.Fail("proof of %d bytes", len(proof))
	}
	copy(o.Proof[:], proof)
	return o
}

func readBallotCast(r *Reader) Op {
	o := BallotCast{Proposal: r.MustCID()}
	if !r.Null() {
		if o.For = r.DID(); r.err == nil && o.For.IsZero() {
			r.Fail("a ballot for nobody")
		}
	}
	o.Choice = readChoice(r)
	return o
}

// ReadChoice reads what [AppendChoice] wrote.
func ReadChoice(r *Reader) []uint64 { return readChoice(r) }

func readChoice(r *Reader) []uint64 {
	n := r.Array(MaxOptions)
	if n == 0 || r.err != nil {
		return nil
	}
	out := make([]uint64, 0, n)
	for range n {
		out = append(out, r.Uint())
		if r.err != nil {
			return nil
		}
	}
	return out
}

// AppendChoice appends a ballot's choice.
func AppendChoice(b []byte, choice []uint64) []byte {
	b = AppendArray(b, len(choice))
	for _, c := range choice {
		b = AppendUint(b, c)
	}
	return b
}

func readDelegationSet(r *Reader) Op {
	return DelegationSet{To: r.DID(), Scope: readScope(r), Expires: r.Time(), Proxy: r.Bool()}
}

// Kind implements Op.
func (MemberLeave) Kind() string { return "member.leave" }

// Kind implements Op.
func (GuardiansSet) Kind() string { return "guardians.set" }

// Kind implements Op.
func (RecoverySupport) Kind() string { return "recovery.support" }

// Kind implements Op.
func (RecoveryVeto) Kind() string { return "recovery.veto" }

// Kind implements Op.
func (ProposalCreate) Kind() string { return "proposal.create" }

// Kind implements Op.
func (ProposalAmend) Kind() string { return "proposal.amend" }

// Kind implements Op.
func (ProposalAdvance) Kind() string { return "proposal.advance" }

// Kind implements Op.
func (ProposalSponsor) Kind() string { return "proposal.sponsor" }

// Kind implements Op.
func (ProposalWithdraw) Kind() string { return "proposal.withdraw" }

// Kind implements Op.
func (ProposalVeto) Kind() string { return "proposal.veto" }

// Kind implements Op.
func (ProposalClose) Kind() string { return "proposal.close" }

// Kind implements Op.
func (BallotCast) Kind() string { return "ballot.cast" }

// Kind implements Op.
func (DelegationSet) Kind() string { return "delegation.set" }

// Kind implements Op.
func (DelegationRevoke) Kind() string { return "delegation.revoke" }

func (MemberLeave) fields() int      { return 0 }
func (GuardiansSet) fields() int     { return 2 }
func (RecoverySupport) fields() int  { return 3 }
func (RecoveryVeto) fields() int     { return 0 }
func (ProposalCreate) fields() int   { return 2 }
func (ProposalAmend) fields() int    { return 2 }
func (ProposalAdvance) fields() int  { return 1 }
func (ProposalSponsor) fields() int  { return 1 }
func (ProposalWithdraw) fields() int { return 1 }
func (ProposalVeto) fields() int     { return 2 }
func (ProposalClose) fields() int    { return 1 }
func (BallotCast) fields() int       { return 3 }
func (DelegationSet) fields() int    { return 4 }
func (DelegationRevoke) fields() int { return 1 }

func (MemberLeave) appendFields(b []byte) []byte { return b }
func (o GuardiansSet) appendFields(b []byte) []byte {
	return AppendUint(AppendDIDs(b, o.Guardians), o.Needed)
}
func (o RecoverySupport) appendFields(b []byte) []byte {
	return AppendBytes(AppendDID(AppendDID(b, o.Member), o.Key), o.Proof[:])
}
func (RecoveryVeto) appendFields(b []byte) []byte { return b }
func (o ProposalCreate) appendFields(b []byte) []byte {
	return AppendProposal(AppendBool(b, o.Draft), o.Proposal)
}
func (o ProposalAmend) appendFields(b []byte) []byte {
	return AppendProposal(AppendCID(b, o.ID), o.Proposal)
}
func (o ProposalAdvance) appendFields(b []byte) []byte  { return AppendCID(b, o.ID) }
func (o ProposalSponsor) appendFields(b []byte) []byte  { return AppendCID(b, o.ID) }
func (o ProposalWithdraw) appendFields(b []byte) []byte { return AppendCID(b, o.ID) }
func (o ProposalVeto) appendFields(b []byte) []byte     { return AppendText(AppendCID(b, o.ID), o.Reason) }
func (o ProposalClose) appendFields(b []byte) []byte    { return AppendCID(b, o.ID) }
func (o BallotCast) appendFields(b []byte) []byte {
	b = AppendCID(b, o.Proposal)
	if o.For.IsZero() {
		b = AppendNull(b)
	} else {
		b = AppendDID(b, o.For)
	}
	return AppendChoice(b, o.Choice)
}
func (o DelegationSet) appendFields(b []byte) []byte {
	return AppendBool(AppendTime(o.Scope.append(AppendDID(b, o.To)), o.Expires), o.Proxy)
}
func (o DelegationRevoke) appendFields(b []byte) []byte { return o.Scope.append(b) }

// Events of governance.
type (
	// MemberLeft: a membership ended, by the member's own word or by a vote.
	MemberLeft struct {
		Member DID    `json:"member"`
		Reason string `json:"reason,omitempty"`
	}
	// MemberSuspended: a member is off the roll.
	MemberSuspended struct {
		Member DID    `json:"member"`
		Until  Time   `json:"until_ms,omitempty"` // 0 = until it is reinstated
		Reason string `json:"reason,omitempty"`
	}
	// MemberReinstated: a member is on the roll again.
	MemberReinstated struct {
		Member DID `json:"member"`
	}
	// GuardiansChanged: others can give a member a new key together.
	GuardiansChanged struct {
		Member    DID    `json:"member"`
		Guardians []DID  `json:"guardians"`
		Needed    uint64 `json:"needed"`
	}
	// RecoverySupported: a guardian wants a member to have this key.
	RecoverySupported struct {
		Member   DID    `json:"member"`
		Key      DID    `json:"key"`
		Guardian DID    `json:"guardian"`
		Support  uint64 `json:"support"`
		Needed   uint64 `json:"needed"`
		Due      Time   `json:"due_ms,omitempty"` // when the key changes, if nobody stops it
	}
	// RecoveryVetoed: the member has not lost its key.
	RecoveryVetoed struct {
		Member DID `json:"member"`
	}
	// ProposalCreated: there is a proposal, or a draft was changed.
	ProposalCreated struct {
		Proposal CID        `json:"proposal"`
		Proposer DID        `json:"proposer"`
		Title    string     `json:"title"`
		Kind     string     `json:"kind"`
		Motion   MotionJSON `json:"motion"`
		Stage    Stage      `json:"stage"`
		Cost     uint64     `json:"cost,omitempty"` // in capacity, of the proposer
	}
	// ProposalSponsored: a member wants a proposal to be voted on.
	ProposalSponsored struct {
		Proposal CID    `json:"proposal"`
		Sponsor  DID    `json:"sponsor"`
		Sponsors uint64 `json:"sponsors"`
		Needed   uint64 `json:"needed"`
	}
	// ProposalMoved: a proposal is at another stage.
	ProposalMoved struct {
		Proposal CID    `json:"proposal"`
		Stage    Stage  `json:"stage"`
		Until    Time   `json:"until_ms,omitempty"` // when this stage ends by itself
		By       *DID   `json:"by,omitempty"`
		Reason   string `json:"reason,omitempty"`
	}
	// VotingOpened: the vote is on, for those on the roll.
	VotingOpened struct {
		Proposal   CID    `json:"proposal"`
		Roll       uint64 `json:"roll"`
		RollHash   string `json:"roll_hash"`
		Deadline   Time   `json:"deadline_ms"`
		Difference string `json:"difference"` // hash of what enactment would change
	}
	// VoteCast: a ballot is in.
	VoteCast struct {
		Proposal CID      `json:"proposal"`
		Voter    DID      `json:"voter"`
		By       *DID     `json:"by,omitempty"` // its proxy
		Choice   []uint64 `json:"choice"`
		Ballots  uint64   `json:"ballots"` // so many are in, changed ones counted again
		Cost     uint64   `json:"cost"`    // in capacity, of who cast it
	}
	// VoteDelegated: a member's vote goes with another's.
	VoteDelegated struct {
		From    DID   `json:"from"`
		To      DID   `json:"to"`
		Scope   Scope `json:"scope"`
		Expires Time  `json:"expires_ms,omitempty"`
		Proxy   bool  `json:"proxy,omitempty"`
	}
	// DelegationRevoked: a member's vote is its own again.
	DelegationRevoked struct {
		From  DID   `json:"from"`
		Scope Scope `json:"scope"`
	}
	// VotingClosed: the vote was counted.
	VotingClosed struct {
		Proposal CID   `json:"proposal"`
		Early    bool  `json:"early,omitempty"`
		Tally    Tally `json:"tally"`
	}
	// Enacted: what was accepted is in force.
	Enacted struct {
		Proposal   CID        `json:"proposal"`
		Motion     MotionJSON `json:"motion"`
		Difference string     `json:"difference"` // hash of what it changed: that of its rehearsal
	}
	// RuleChanged: a parameter has another value.
	RuleChanged struct {
		Name    string `json:"name"`
		Was     uint64 `json:"was"`
		Becomes uint64 `json:"becomes"`
	}
	// ClerksChosen: these nodes order the log first.
	ClerksChosen struct {
		Nodes []DID `json:"nodes"`
		Was   []DID `json:"was"`
	}
	// VetoGroupChanged: these can stop what was accepted.
	VetoGroupChanged struct {
		Members []DID `json:"members"`
		Was     []DID `json:"was"`
	}
	// BudgetGranted: an account got capacity by a vote, up to its cap.
	BudgetGranted struct {
		Account DID    `json:"account"`
		Amount  uint64 `json:"amount"`
		Purpose string `json:"purpose"`
	}
	// ProposerThanked: a proposal that was enacted is worth something.
	ProposerThanked struct {
		Proposal CID    `json:"proposal"`
		Account  DID    `json:"account"`
		Amount   uint64 `json:"amount"` // of capacity; what is over the account's cap is lost
	}
	// UpgradeNoticed: operators shall install this release.
	UpgradeNoticed struct {
		Version string `json:"version"`
	}
	// CredentialPaused: a credential does not count, or does again.
	CredentialPaused struct {
		Credential CID  `json:"credential"`
		Resumed    bool `json:"resumed,omitempty"`
	}
	// ReputationFrozen: a reputation counts for nothing, or does again.
	ReputationFrozen struct {
		Who    DID  `json:"who"`
		Thawed bool `json:"thawed,omitempty"`
	}
)

// EventType implements EventBody.
func (MemberLeft) EventType() string { return "MemberLeft" }

// EventType implements EventBody.
func (MemberSuspended) EventType() string { return "MemberSuspended" }

// EventType implements EventBody.
func (MemberReinstated) EventType() string { return "MemberReinstated" }

// EventType implements EventBody.
func (GuardiansChanged) EventType() string { return "GuardiansChanged" }

// EventType implements EventBody.
func (RecoverySupported) EventType() string { return "RecoverySupported" }

// EventType implements EventBody.
func (RecoveryVetoed) EventType() string { return "RecoveryVetoed" }

// EventType implements EventBody.
func (ProposalCreated) EventType() string { return "ProposalCreated" }

// EventType implements EventBody.
func (ProposalSponsored) EventType() string { return "ProposalSponsored" }

// EventType implements EventBody.
func (ProposalMoved) EventType() string { return "ProposalMoved" }

// EventType implements EventBody.
func (VotingOpened) EventType() string { return "VotingOpened" }

// EventType implements EventBody.
func (VoteCast) EventType() string { return "VoteCast" }

// EventType implements EventBody.
func (VoteDelegated) EventType() string { return "VoteDelegated" }

// EventType implements EventBody.
func (DelegationRevoked) EventType() string { return "DelegationRevoked" }

// EventType implements EventBody.
func (VotingClosed) EventType() string { return "VotingClosed" }

// EventType implements EventBody.
func (Enacted) EventType() string { return "Enacted" }

// EventType implements EventBody.
func (RuleChanged) EventType() string { return "RuleChanged" }

// EventType implements EventBody.
func (ClerksChosen) EventType() string { return "ClerksChosen" }

// EventType implements EventBody.
func (VetoGroupChanged) EventType() string { return "VetoGroupChanged" }

// EventType implements EventBody.
func (BudgetGranted) EventType() string { return "BudgetGranted" }

// EventType implements EventBody.
func (ProposerThanked) EventType() string { return "ProposerThanked" }

// EventType implements EventBody.
func (UpgradeNoticed) EventType() string { return "UpgradeNoticed" }

// EventType implements EventBody.
func (CredentialPaused) EventType() string { return "CredentialPaused" }

// EventType implements EventBody.
func (ReputationFrozen) EventType() string { return "ReputationFrozen" }

// Difference is the hash of what an enactment changes: the CID, as raw, of its
// [DifferenceText].
func Difference(events []EventBody) (h CID, err error) {
	b, err := DifferenceText(events)
	if err != nil {
		return CID{}, err
	}
	return SumCID(Raw, b), nil
}

// DifferenceText is what an enactment changes, as its events tell it: their types and
// bodies, in order, in JSON.
func DifferenceText(events []EventBody) ([]byte, error) {
	type line struct {
		Type string    `json:"type"`
		Body EventBody `json:"body"`
	}
	lines := make([]line, 0, len(events))
	for _, e := range events {
		if s, ok := e.(MemberSuspended); ok { // until when is known when it is enacted
			s.Until = 0
			e = s
		}
		lines = append(lines, line{e.EventType(), e})
	}
	return json.Marshal(lines)
}

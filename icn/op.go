package icn

import (
	"fmt"
)

// Op is one operation of a statement: a sealed sum of plain structs. On the
// wire it is a tuple whose first item is its kind.
type Op interface {
	// Kind is the operation's name on the wire.
	Kind() string
	// fields is the number of items after the kind.
	fields() int
	// appendFields appends them.
	appendFields(b []byte) []byte
}

// ErrUnknownKind says that bytes name an operation this release does not know.
// In the log such a statement is none: a kind that is added to this table later
// counts only from the version of the rules on that brings it ([Rules.Version]), so
// that nodes of both releases do the same until all of them can.
var ErrUnknownKind = fmt.Errorf("%w: operation of a newer release", ErrUnavailable)

// decoders is the one table of operation kinds.
var decoders = map[string]struct {
	fields int
	read   func(*Reader) Op
}{
	NodeAdmit{}.Kind(): {4, func(r *Reader) Op {
		return NodeAdmit{Node: r.DID(), Name: r.Text(64), Code: r.Bytes(64), Addrs: r.Texts(16, 256)}
	}},
	NodeRejoin{}.Kind(): {1, func(r *Reader) Op { return NodeRejoin{Reason: r.Text(MaxReason)} }},
	NodeLeave{}.Kind():  {0, func(r *Reader) Op { return NodeLeave{} }},
	NodeExpel{}.Kind(): {3, func(r *Reader) Op {
		return NodeExpel{Node: r.DID(), Reason: r.Text(MaxReason), Withdrawn: r.Bool()}
	}},
	InviteCreate{}.Kind(): {3, readInviteCreate},
	MemberAdmit{}.Kind():  {4, readMemberAdmit},
	KeyRotate{}.Kind():    {2, readKeyRotate},
	AuditHead{}.Kind():    {2, func(r *Reader) Op { return AuditHead{Lines: r.Uint(), Head: r.Hash()} }},
	JobPost{}.Kind():      {3, func(r *Reader) Op { return JobPost{Via: r.DID(), Budget: r.Uint(), Spec: ReadJobSpec(r)} }},
	JobAssign{}.Kind():    {4, readJobAssign},
	JobReceipt{}.Kind():   {10, readJobReceipt},
	JobFail{}.Kind(): {5, func(r *Reader) Op {
		return JobFail{Job: r.MustCID(), Attempt: r.Uint32(), Executor: r.DID(), Declined: r.Bool(), Reason: r.Text(MaxText)}
	}},
	JobCancel{}.Kind(): {1, func(r *Reader) Op { return JobCancel{Job: r.MustCID()} }},
	JobSave{}.Kind():   {3, func(r *Reader) Op { return JobSave{Job: r.MustCID(), Attempt: r.Uint32(), State: r.MustCID()} }},
	JobCheck{}.Kind():  {1, func(r *Reader) Op { return JobCheck{Job: r.MustCID()} }},
	JobVerdict{}.Kind(): {4, func(r *Reader) Op {
		return JobVerdict{Job: r.MustCID(), Outcome: ReadOutcome(r), ABI: r.Uint32(), Unable: r.Text(MaxText)}
	}},
	NodeProfile{}.Kind(): {6, func(r *Reader) Op { return ReadNodeProfile(r) }},
	ManaSpend{}.Kind():   {2, readManaSpend},
	BanLift{}.Kind():     {1, func(r *Reader) Op { return BanLift{Executor: r.DID()} }},

	MemberLeave{}.Kind():      {0, func(*Reader) Op { return MemberLeave{} }},
	GuardiansSet{}.Kind():     {2, func(r *Reader) Op { return GuardiansSet{Guardians: r.dids(MaxGuardians), Needed: r.Uint()} }},
	RecoverySupport{}.Kind():  {3, readRecoverySupport},
	RecoveryVeto{}.Kind():     {0, func(*Reader) Op { return RecoveryVeto{} }},
	ProposalCreate{}.Kind():   {2, func(r *Reader) Op { return ProposalCreate{Draft: r.Bool(), Proposal: ReadProposal(r)} }},
	ProposalAmend{}.Kind():    {2, func(r *Reader) Op { return ProposalAmend{ID: r.MustCID(), Proposal: ReadProposal(r)} }},
	ProposalAdvance{}.Kind():  {1, func(r *Reader) Op { return ProposalAdvance{ID: r.MustCID()} }},
	ProposalSponsor{}.Kind():  {1, func(r *Reader) Op { return ProposalSponsor{ID: r.MustCID()} }},
	ProposalWithdraw{}.Kind(): {1, func(r *Reader) Op { return ProposalWithdraw{ID: r.MustCID()} }},
	ProposalVeto{}.Kind():     {2, func(r *Reader) Op { return ProposalVeto{ID: r.MustCID(), Reason: r.Text(MaxReason)} }},
	ProposalClose{}.Kind():    {1, func(r *Reader) Op { return ProposalClose{ID: r.MustCID()} }},
	BallotCast{}.Kind():       {3, readBallotCast},
	DelegationSet{}.Kind():    {4, readDelegationSet},
	DelegationRevoke{}.Kind(): {1, func(r *Reader) Op { return DelegationRevoke{Scope: readScope(r)} }},
}

func appendOp(b []byte, op Op) []byte {
	b = AppendArray(b, 1+op.fields())
	b = AppendText(b, op.Kind())
	return op.appendFields(b)
}

func readOp(r *Reader) Op {
	n := r.Array(32)
	if r.err == nil && n == 0 {
		r.Fail("operation without its kind")
	}
	kind := r.Text(64)
	if r.err != nil {
		return nil
	}
	d, ok := decoders[kind]
	if !ok {
		r.err = fmt.Errorf("byte %d: %w: %q", r.off, ErrUnknownKind, clip(kind))
		return nil
	}
	if n != 1+d.fields {
		r.Fail("%s has %d fields, want %d", kind, n-1, d.fields)
		return nil
	}
	return d.read(r)
}

// NodeAdmit takes a node into the federation: said by a clerk, or by any node
// that hands on a join code.
type NodeAdmit struct {
	Node  DID
	Name  string
	Code  []byte   // a join code, or empty
	Addrs []string // where it can be reached: hints, used until the node tells better ones
}

// NodeRejoin gives the author's node a new place in the order, because its old
// one must never vote again (a restored or copied disk).
type NodeRejoin struct{ Reason string }

// NodeLeave takes the author's node out of the federation.
type NodeLeave struct{}

// MaxReason is the most bytes of a reason that people give.
const MaxReason = 256

// NodeExpel is a clerk's word that a node shall leave the federation, or that it
// no longer thinks so. The node goes when a majority of the clerks has said it
// within a week.
type NodeExpel struct {
	Node      DID
	Reason    string
	Withdrawn bool
}

// Role is what a join code admits.
type Role uint8

// The roles.
const (
	RoleNode   Role = 1
	RolePerson Role = 2
	RoleOrg    Role = 3
)

// String is the role's word for people.
func (r Role) String() string {
	switch r {
	case RoleNode:
		return "node"
	case RolePerson:
		return "person"
	case RoleOrg:
		return "organisation"
	}
	return fmt.Sprintf("role %d", uint8(r))
}

// MarshalText gives JSON the word.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the word.
func (r *Role) UnmarshalText(b []byte) error {
	for _, v := range []Role{RoleNode, RolePerson, RoleOrg} {
		if v.String() == string(b) {
			*r = v
			return nil
		}
	}
	return fmt.Errorf("role %q: %w: node, person or organisation", clip(string(b)), ErrInvalid)
}

func (r *Reader) role() Role {
	v := r.Uint()
	if r.err == nil && (v < 1 || v > 3) {
		r.Fail("role %d", v)
	}
	return Role(v)
}

// InviteCreate registers a join code by its SHA-256, for one use.
type InviteCreate struct {
	CodeHash [32]byte
	Role     Role
	Expires  Time
}

func readInviteCreate(r *Reader) Op {
	return InviteCreate{CodeHash: r.Hash(), Role: r.role(), Expires: r.Time()}
}

// MemberAdmit takes a person or an organisation in: said by a clerk, or by anybody
// who hands on a join code.
type MemberAdmit struct {
	Member DID
	Role   Role
	Name   string
	Code   []byte // a join code, or empty
}

func readMemberAdmit(r *Reader) Op {
	m := MemberAdmit{Member: r.DID(), Role: r.role(), Name: r.Text(128), Code: r.Bytes(64)}
	if r.err == nil && m.Role == RoleNode {
		r.Fail("a node is admitted by node.admit")
	}
	return m
}

// Kind implements Op.
func (NodeAdmit) Kind() string { return "node.admit" }

// Kind implements Op.
func (NodeRejoin) Kind() string { return "node.rejoin" }

// Kind implements Op.
func (NodeLeave) Kind() string { return "node.leave" }

// Kind implements Op.
func (NodeExpel) Kind() string { return "node.expel" }

// Kind implements Op.
func (InviteCreate) Kind() string { return "invite.create" }

// Kind implements Op.
func (MemberAdmit) Kind() string { return "member.admit" }

func (NodeAdmit) fields() int    { return 4 }
func (NodeRejoin) fields() int   { return 1 }
func (NodeLeave) fields() int    { return 0 }
func (NodeExpel) fields() int    { return 3 }
func (InviteCreate) fields() int { return 3 }
func (MemberAdmit) fields() int  { return 4 }

func (o NodeAdmit) appendFields(b []byte) []byte {
	b = AppendDID(b, o.Node)
	b = AppendText(b, o.Name)
	b = AppendBytes(b, o.Code)
	return AppendTexts(b, o.Addrs)
}
func (o NodeRejoin) appendFields(b []byte) []byte { return AppendText(b, o.Reason) }
func (NodeLeave) appendFields(b []byte) []byte    { return b }
func (o NodeExpel) appendFields(b []byte) []byte {
	return AppendBool(AppendText(AppendDID(b, o.Node), o.Reason), o.Withdrawn)
}
func (o InviteCreate) appendFields(b []byte) []byte {
	b = AppendBytes(b, o.CodeHash[:])
	return AppendTime(AppendUint(b, uint64(o.Role)), o.Expires)
}
func (o MemberAdmit) appendFields(b []byte) []byte {
	b = AppendUint(AppendDID(b, o.Member), uint64(o.Role))
	return AppendBytes(AppendText(b, o.Name), o.Code)
}

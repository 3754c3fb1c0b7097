package icn

import (
	"fmt"
	"slices"
)

// Method is how the votes on a proposal are made and counted.
type Method uint8

// The methods.
const (
	YesNo     Method = 1 // yes, no or abstain
	Ranked    Method = 2 // options in the voter's order; instant run-off
	Approval  Method = 3 // as many options as the voter approves of
	Weighted  Method = 4 // up to VotePoints points, spread over the options
	Quadratic Method = 5 // votes for options, each set of n costs n² of VotePoints credits
)

// VotePoints are what a voter has to spread in a weighted or quadratic vote.
const VotePoints = 100

// The choices of a yes-no vote.
const (
	Abstain uint64 = 0
	Yes     uint64 = 1
	No      uint64 = 2
)

var methods = []string{"", "yes-no", "ranked", "approval", "weighted", "quadratic"}

// String is the method's word.
func (m Method) String() string { return word(methods, uint8(m)) }

// MarshalText gives JSON the word.
func (m Method) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads the word.
func (m *Method) UnmarshalText(b []byte) error { return readWord(methods, "method", string(b), m) }

// Electorate is who votes.
type Electorate uint8

// The electorates.
const (
	Persons       Electorate = 1 // each person has a vote
	Organisations Electorate = 2 // each organisation has one, cast by it or by who it has made its proxy
	Members       Electorate = 3 // each person and each organisation
)

var electorates = []string{"", "persons", "organisations", "members"}

// String is the electorate's word.
func (e Electorate) String() string { return word(electorates, uint8(e)) }

// MarshalText gives JSON the word.
func (e Electorate) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads the word.
func (e *Electorate) UnmarshalText(b []byte) error {
	return readWord(electorates, "electorate", string(b), e)
}

// Has says whether members of a role vote.
func (e Electorate) Has(r Role) bool {
	switch r {
	case RolePerson:
		return e&Persons != 0
	case RoleOrg:
		return e&Organisations != 0
	}
	return false
}

func word(words []string, n uint8) string {
	if int(n) < len(words) && n > 0 {
		return words[n]
	}
	return fmt.Sprintf("unknown %d", n)
}

func readWord[T ~uint8](words []string, what, s string, into *T) error {
	if i := slices.Index(words, s); i > 0 {
		*into = T(i)
		return nil
	}
	return fmt.Errorf("%s %q: %w: one of %v", what, clip(s), ErrInvalid, words[1:])
}

// Stage is how far a proposal has come.
type Stage uint8

// The stages.
const (
	StageDraft        Stage = 1
	StageSponsorship  Stage = 2 // waits for sponsors
	StageDeliberation Stage = 3
	StageVoting       Stage = 4
	StageTimelock     Stage = 5 // accepted; enacted when the time-lock and the time for a veto are over
	StageExecuted     Stage = 6
	StageRejected     Stage = 7
	StageVetoed       Stage = 8
	StageWithdrawn    Stage = 9
	StageFailed       Stage = 10 // accepted, and could not be enacted
)

var stages = []string{"", "Draft", "PendingSponsorship", "Deliberation", "VotingOpen", "AcceptedTimelock", "Executed", "Rejected", "Vetoed", "Withdrawn", "Failed"}

// String is the stage's word, as the API's callers know it.
func (s Stage) String() string { return word(stages, uint8(s)) }

// Stages are the words of all stages.
func Stages() []string { return slices.Clone(stages[1:]) }

// Over says whether nothing happens any more.
func (s Stage) Over() bool { return s >= StageExecuted }

// MarshalText gives JSON the word.
func (s Stage) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word.
func (s *Stage) UnmarshalText(b []byte) error { return readWord(stages, "stage", string(b), s) }

// Limits of a proposal.
const (
	MaxTitle   = 256
	MaxOptions = 64
	MaxOption  = 256
)

// Proposal is what its author asks for. Numbers that are zero are the rules'; others
// can only ask for more than the rules do, except for the length of the vote.
type Proposal struct {
	Title              string
	Body               CID // of a block with the whole text; undefined = none
	Motion             Motion
	Method             Method
	Options            []string // of all methods but yes-no
	Electorate         Electorate
	QuorumPermille     uint64 // of the roll
	QuorumCount        uint64 // of voters
	ThresholdPermille  uint64
	DeliberationMillis uint64
	VotingMillis       uint64
	TimelockMillis     uint64
}

// ProposalID names what operation op of a statement proposes: the CID of the block
// [statement, op].
func ProposalID(statement CID, op int) CID { return JobID(statement, op) }

// OptionID names an option of a proposal, so that ties can be broken by it: the CID
// of the block [proposal, option's text].
func OptionID(proposal CID, option string) CID {
	return SumCID(DagCBOR, AppendText(AppendCID(AppendArray(nil, 2), proposal), option))
}

// AppendProposal appends a proposal's canonical form.
func AppendProposal(b []byte, p Proposal) []byte {
	b = AppendText(AppendArray(b, 12), p.Title)
	b = AppendCID(b, p.Body)
	b = AppendUint(appendMotion(b, p.Motion), uint64(p.Method))
	b = AppendUint(AppendTexts(b, p.Options), uint64(p.Electorate))
	for _, n := range []uint64{p.QuorumPermille, p.QuorumCount, p.ThresholdPermille, p.DeliberationMillis, p.VotingMillis, p.TimelockMillis} {
		b = AppendUint(b, n)
	}
	return b
}

// ReadProposal reads what [AppendProposal] wrote.
func ReadProposal(r *Reader) (p Proposal) {
	r.Tuple(12)
	p.Title, p.Body = r.Text(MaxTitle), r.CID()
	p.Motion, p.Method = readMotion(r), Method(r.upTo(uint8(Quadratic)))
	p.Options, p.Electorate = r.Texts(MaxOptions, MaxOption), Electorate(r.upTo(uint8(Members)))
	for _, n := range []*uint64{&p.QuorumPermille, &p.QuorumCount, &p.ThresholdPermille, &p.DeliberationMillis, &p.VotingMillis, &p.TimelockMillis} {
		*n = r.Uint()
	}
	return p
}

// Package governance is the fold that takes proposals from a draft to what they
// change: sponsored, deliberated, voted on, counted at the deadline, held back for a
// time-lock and a veto, enacted. It also keeps ballots of open votes, delegations,
// the veto group, and what resolutions have paused.
//
// The invariants it keeps: who votes, what is needed and what would change are fixed
// at the entry that opens a vote. A ballot is counted once, and only for who stands
// on that roll. Every proposal that is not over has one timer, or waits for its
// author. Nobody's word closes a vote that somebody outstanding could still turn.
//
// It changes nothing outside: that something is to be enacted is an effect, and
// whether it could be is told back by [Fold.Enacted].
//
//	f := governance.New(db)
//	result, err := f.Apply(step, 0, icn.BallotCast{...})
//	result = f.Fire(step, timer)
//	p, ok := f.Proposal(id)
package governance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/state"
)

// Proposal is a proposal as it stands.
type Proposal struct {
	icn.Proposal
	Proposer icn.DID
	Stage    icn.Stage
	Since    icn.Time // of this stage
	Until    icn.Time // when this stage ends by itself; 0 = it does not
	Created  uint64   // the entry
	Sponsors []icn.DID
	Sponsor  uint64 // how many are needed

	Vote  Vote  // once it is open
	Count Count // once it is closed

	Ended  uint64 // the entry at which it was over
	Reason string // why it ended as it did
}

// Vote is what is fixed when a vote opens, and what has come in since.
type Vote struct {
	Opened     uint64 // the entry; 0 = not yet. The roll is that of the entry before
	Deadline   icn.Time
	Roll       uint64
	RollHash   [32]byte
	Needed     uint64 // turnout
	Threshold  uint64 // thousandths
	Difference icn.CID
	Ballots    uint64   // accepted, changed ones counted again
	Chain      [32]byte // over all of them
}

// RollAt is the entry as of which the roll is.
func (v Vote) RollAt() uint64 { return v.Opened - 1 }

// Mandated is the time at which a delegation must be in force to count in a vote that
// is closed now: the deadline, when the entry that closes it is later. So whoever
// leads ends no delegation by letting the log's time stand still for a while.
func (v Vote) Mandated(now icn.Time) icn.Time { return min(now, v.Deadline) }

// Count is how a vote ended.
type Count struct {
	Closed    uint64 // the entry; 0 = not yet
	At        icn.Time
	Early     bool
	Mandates  [32]byte // hash of the delegations that counted
	Tally     icn.Tally
	VetoUntil icn.Time
}

// Ballot is the one that counts for a voter so far.
type Ballot struct {
	By     icn.DID // the voter, or its proxy
	Number uint64  // of By's statement
	Index  uint64  // the entry
	Choice []uint64
}

// ballotKey names a voter's ballot on a proposal.
type ballotKey struct {
	proposal icn.CID
	voter    icn.DID
}

// Fold is the state of governance.
type Fold struct {
	proposals   *state.Table[icn.CID, Proposal]
	ballots     *state.Table[ballotKey, Ballot]
	delegations *state.Table[icn.DID, Delegations]
	open        *state.Table[icn.DID, uint64] // proposals of an author that are not over
	veto        *state.Table[state.One, []icn.DID]
	paused      *state.Table[icn.CID, uint64] // credentials → the entry that paused them
	notice      *state.Table[state.One, string]
}

// New registers the fold's tables.
func New(db *state.DB) *Fold {
	number := func(r *icn.Reader) uint64 { return r.Uint() }
	return &Fold{
		proposals: state.NewTable(db, state.Spec[icn.CID, Proposal]{
			Name: ProposalTable, Key: state.CIDKey, Parse: state.ParseCIDKey, Append: AppendProposal, Read: ReadProposal}),
		ballots: state.NewTable(db, state.Spec[ballotKey, Ballot]{
			Name: "ballot", Key: ballotKeyText, Parse: parseBallotKey, Append: appendBallot, Read: readBallot}),
		delegations: state.NewTable(db, state.Spec[icn.DID, Delegations]{
			Name: "delegation", Key: state.DIDKey, Parse: state.ParseDIDKey, Append: appendDelegations, Read: readDelegations}),
		open: state.NewTable(db, state.Spec[icn.DID, uint64]{
			Name: "open-proposals", Key: state.DIDKey, Parse: state.ParseDIDKey, Append: icn.AppendUint, Read: number}),
		veto: state.NewTable(db, state.Spec[state.One, []icn.DID]{
			Name: "veto-group", Key: state.OneKey, Parse: state.ParseOneKey, Append: icn.AppendDIDs,
			Read: func(r *icn.Reader) []icn.DID { return r.DIDs(maxVetoGroup) }}),
		paused: state.NewTable(db, state.Spec[icn.CID, uint64]{
			Name: "paused-credential", Key: state.CIDKey, Parse: state.ParseCIDKey, Append: icn.AppendUint, Read: number}),
		notice: state.NewTable(db, state.Spec[state.One, string]{
			Name: "upgrade-notice", Key: state.OneKey, Parse: state.ParseOneKey, Append: icn.AppendText,
			Read: func(r *icn.Reader) string { return r.Text(64) }}),
	}
}

// ProposalTable is the name of the table of proposals, whose rows are proven to who
// recounts a vote.
const ProposalTable = "proposal"

const maxVetoGroup = 64

// Step is what the fold may know of the entry it applies, and of other folds.
type Step struct {
	Author    icn.DID
	Key       [32]byte // that signed the statement
	Statement icn.CID
	Number    uint64
	Index     uint64
	Time      icn.Time
	Rules     icn.Rules

	Member   func(icn.DID) bool // in good standing
	OnRoll   func(d icn.DID, entry uint64) (icn.Role, bool)
	Roll     func(entry uint64, e icn.Electorate) []icn.Voter
	Balance  func(icn.DID) uint64
	Rehearse func(icn.Motion) (icn.CID, error) // what enacting it now would change
}

// Result is what a step led to.
type Result struct {
	Effects []icn.Effect
	Events  []icn.EventBody
}

func (r *Result) tell(e ...icn.EventBody) { r.Events = append(r.Events, e...) }
func (r *Result) ask(e ...icn.Effect)     { r.Effects = append(r.Effects, e...) }

// Proposal returns a proposal.
func (f *Fold) Proposal(id icn.CID) (Proposal, bool) { return f.proposals.Get(id) }

// Proposals calls fn for each proposal, in the order of CIDs.
func (f *Fold) Proposals(fn func(icn.CID, Proposal) bool) { f.proposals.Each(fn) }

// Ballot is the one that counts so far for a voter in an open vote.
func (f *Fold) Ballot(id icn.CID, voter icn.DID) (Ballot, bool) {
	return f.ballots.Get(ballotKey{id, voter})
}

// DelegationsOf are a member's.
func (f *Fold) DelegationsOf(d icn.DID) Delegations {
	all, _ := f.delegations.Get(d)
	return all
}

// Delegations calls fn for each member that has some, in the order of DIDs.
func (f *Fold) Delegations(fn func(icn.DID, Delegations) bool) { f.delegations.Each(fn) }

// PausedOnes calls fn for each paused credential and the entry that paused it.
func (f *Fold) PausedOnes(fn func(c icn.CID, entry uint64) bool) { f.paused.Each(fn) }

// VetoGroup can stop what was accepted.
func (f *Fold) VetoGroup() []icn.DID {
	all, _ := f.veto.Get(state.One{})
	return all
}

// Paused says since which entry a credential does not count.
func (f *Fold) Paused(c icn.CID) (entry uint64, paused bool) { return f.paused.Get(c) }

// Notice is the release that operators shall install; empty = none was told.
func (f *Fold) Notice() string {
	v, _ := f.notice.Get(state.One{})
	return v
}

const timerPrefix = "vote/"

// IsTimer says whether a timer is this fold's.
func IsTimer(name string) bool { return strings.HasPrefix(name, timerPrefix) }

func timerName(id icn.CID) string { return timerPrefix + id.String() }

// Apply carries out operation i of a statement, or says why not.
func (f *Fold) Apply(s Step, i int, op icn.Op) (Result, error) {
	if !s.Member(s.Author) {
		return Result{}, fmt.Errorf("%s: %w: %s is no member in good standing; only members propose and vote, nodes do not", op.Kind(), icn.ErrDenied, s.Author.Short())
	}
	switch o := op.(type) {
	case icn.ProposalCreate:
		return f.create(s, i, o)
	case icn.ProposalAmend:
		return f.amend(s, o)
	case icn.ProposalAdvance:
		return f.advance(s, o.ID)
	case icn.ProposalSponsor:
		return f.sponsor(s, o.ID)
	case icn.ProposalWithdraw:
		return f.withdraw(s, o.ID)
	case icn.ProposalVeto:
		return f.stop(s, o)
	case icn.ProposalClose:
		return f.closeEarly(s, o.ID)
	case icn.BallotCast:
		return f.cast(s, i, o)
	case icn.DelegationSet:
		return f.delegate(s, o)
	case icn.DelegationRevoke:
		return f.revoke(s, o)
	}
	return Result{}, fmt.Errorf("%s: %w: not an operation of governance", op.Kind(), icn.ErrInvalid)
}

// Fire is called when a proposal's stage ends by itself.
func (f *Fold) Fire(s Step, name string) (Result, error) {
	id, err := icn.ParseCID(strings.TrimPrefix(name, timerPrefix))
	if err != nil {
		return Result{}, err
	}
	p, ok := f.proposals.Get(id)
	if !ok {
		return Result{}, nil
	}
	var r Result
	switch p.Stage {
	case icn.StageSponsorship:
		f.end(s, &r, id, p, icn.StageRejected, fmt.Sprintf("%d of %d sponsors were found in time", len(p.Sponsors), p.Sponsor))
	case icn.StageDeliberation:
		f.openVote(s, &r, id, p)
	case icn.StageVoting:
		f.closeVote(s, &r, id, p, false)
	case icn.StageTimelock:
		r.ask(icn.Enact{Proposal: id, Motion: p.Motion})
	}
	return r, nil
}

// get is a proposal at one of these stages.
func (f *Fold) get(id icn.CID, what string, at ...icn.Stage) (Proposal, error) {
	p, ok := f.proposals.Get(id)
	if !ok {
		return p, fmt.Errorf("%s %s: %w: there is no such proposal", what, id, icn.ErrNotFound)
	}
	if !slices.Contains(at, p.Stage) {
		return p, fmt.Errorf("%s %s: %w: %s", what, id, icn.ErrConflict, standing(p))
	}
	return p, nil
}

// standing says in words where a proposal is.
func standing(p Proposal) string {
	switch p.Stage {
	case icn.StageDraft:
		return "it is a draft; its author has to put it forward first"
	case icn.StageSponsorship:
		return fmt.Sprintf("it waits for sponsors, %d of %d were found", len(p.Sponsors), p.Sponsor)
	case icn.StageDeliberation:
		return "it is still deliberated, the vote is not open yet"
	case icn.StageVoting:
		return "the vote is open"
	case icn.StageTimelock:
		return "it was accepted and waits for its time-lock"
	case icn.StageExecuted:
		return "it was accepted and is in force"
	case icn.StageVetoed:
		return "it was vetoed"
	case icn.StageWithdrawn:
		return "its author took it back"
	case icn.StageFailed:
		return "it was accepted and could not be enacted"
	}
	return "it was rejected"
}

// end puts a proposal to its end.
func (f *Fold) end(s Step, r *Result, id icn.CID, p Proposal, at icn.Stage, reason string) {
	reason = icn.Fit(reason, icn.MaxText)
	p.Stage, p.Since, p.Until, p.Ended, p.Reason = at, s.Time, 0, s.Index, reason
	f.proposals.Put(id, p)
	if n, _ := f.open.Get(p.Proposer); n > 1 {
		f.open.Put(p.Proposer, n-1)
	} else {
		f.open.Delete(p.Proposer)
	}
	r.ask(icn.ClearTimer{Name: timerName(id)})
	r.tell(icn.ProposalMoved{Proposal: id, Stage: at, By: f.by(s), Reason: reason})
}

// by is who said it; nobody, when a timer did.
func (f *Fold) by(s Step) *icn.DID {
	if s.Author.IsZero() {
		return nil
	}
	d := s.Author
	return &d
}

// later is a span after a time, as far as there is such a time.
func later(t icn.Time, millis uint64) icn.Time {
	const last = 1 << 53
	return min(t+icn.Time(min(millis, last)), last)
}

// move puts a proposal to a stage that ends by itself at a time.
func (f *Fold) move(s Step, r *Result, id icn.CID, p Proposal, at icn.Stage, until icn.Time) {
	p.Stage, p.Since, p.Until = at, s.Time, until
	f.proposals.Put(id, p)
	if until > 0 {
		r.ask(icn.SetTimer{Name: timerName(id), Due: until})
	}
	r.tell(icn.ProposalMoved{Proposal: id, Stage: at, Until: until, By: f.by(s)})
}

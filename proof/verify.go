package proof

import (
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/state"
	"github.com/InterCooperative-Network/icn-core/tally"
)

// Report is what a vote's file shows.
type Report struct {
	Kind       string         `json:"kind"` // "vote"
	Network    icn.CID        `json:"network"`
	Federation string         `json:"federation"`
	Proposal   icn.CID        `json:"proposal"`
	Title      string         `json:"title"`
	Motion     icn.MotionJSON `json:"motion"`
	Method     icn.Method     `json:"method,omitzero"`
	Options    []string       `json:"options,omitempty"`
	Stage      icn.Stage      `json:"stage,omitzero"`
	Opened     uint64         `json:"opened"`
	Closed     uint64         `json:"closed"`
	ClosedAt   icn.Time       `json:"closed_ms"`
	Early      bool           `json:"early,omitempty"`
	Ballots    uint64         `json:"ballots"` // all that were accepted, changed ones too
	Recount    icn.Tally      `json:"recount"`
	Entries    uint64         `json:"checkpoint_entries"`
	Clerks     []icn.DID      `json:"clerks"`
	Signed     []icn.DID      `json:"signed"`
	Vouched    uint64         `json:"vouched_keys"` // ballots signed with keys that the clerks alone vouch for
	Checked    []string       `json:"checked"`
}

// recount is a vote's file as it is checked.
type recount struct {
	Vote
	c   Certified
	row governance.Proposal
	out Report
	all []*icn.Statement // of the casts
}

// Verify checks a vote's file and recounts it. The error is the first thing that is
// wrong; the report then tells what was still in order.
func (v Vote) Verify(want Expect) (Report, error) {
	x := recount{Vote: v, out: Report{Kind: "vote", Proposal: v.Proposal}}
	err := x.anchored(want)
	for _, step := range []func() error{x.outcome, x.roll, x.mandates, x.casts, x.chain, x.count, x.change} {
		if err == nil {
			err = step()
		}
	}
	return x.out, err
}

func (x *recount) checked(format string, args ...any) {
	x.out.Checked = append(x.out.Checked, fmt.Sprintf(format, args...))
}

func bad(what, format string, args ...any) error {
	return fmt.Errorf("%s: %w: %s", what, icn.ErrCorrupt, fmt.Sprintf(format, args...))
}

func (x *recount) anchored(want Expect) (err error) {
	if x.c, err = x.Anchor.Verify(want); err != nil {
		return err
	}
	x.out.Network, x.out.Federation, x.out.Entries = x.c.Network, x.c.Genesis.Name, x.c.Checkpoint.Size
	x.out.Clerks, x.out.Signed = names(x.c), x.c.Signed
	x.checked("%s", x.c.words(len(x.Handovers)))
	return nil
}

func names(c Certified) (out []icn.DID) {
	for _, k := range c.Clerks {
		out = append(out, k.DID)
	}
	return out
}

// words says who has signed the checkpoint.
func (c Certified) words(handovers int) string {
	s := fmt.Sprintf("%d of %d clerks signed the checkpoint of %d entries", len(c.Signed), len(c.Clerks), c.Checkpoint.Size)
	if handovers > 0 {
		times := "once"
		if handovers > 1 {
			times = fmt.Sprintf("%d times", handovers)
		}
		s += "; clerks changed " + times + " since the beginning, signed by a majority of those before"
	}
	return s
}

// outcome reads what the state says of the proposal.
func (x *recount) outcome() error {
	if err := state.VerifyRow(x.c.Checkpoint.State, governance.ProposalTable, state.CIDKey(x.Proposal), x.Row, x.Proof); err != nil {
		return bad("result", "it is not what the clerks signed of the proposal %s (%v)", x.Proposal, err)
	}
	r := icn.NewReader(x.Row)
	x.row = governance.ReadProposal(r)
	if err := closed(r, "result"); err != nil {
		return err
	}
	p, o := x.row, &x.out
	o.Title, o.Motion, o.Method, o.Options, o.Stage = p.Title, icn.MotionJSON{Motion: p.Motion}, p.Method, p.Options, p.Stage
	o.Opened, o.Closed, o.ClosedAt, o.Early, o.Ballots = p.Vote.Opened, p.Count.Closed, p.Count.At, p.Count.Early, p.Vote.Ballots
	if p.Count.Closed == 0 {
		return fmt.Errorf("result: %w: the vote was not counted, the proposal is at %s", icn.ErrInvalid, p.Stage)
	}
	x.checked("what became of %q stands in the state that they signed: %s", p.Title, p.Stage)
	return nil
}

// roll compares the roll with the hash that was fixed when the vote opened.
func (x *recount) roll() error {
	if got := icn.RollHash(x.Roll); got != x.row.Vote.RollHash || uint64(len(x.Roll)) != x.row.Vote.Roll {
		return bad("roll", "it is not the one on which the vote was opened: its hash is %x, it was %x", got[:8], x.row.Vote.RollHash[:8])
	}
	for i, v := range x.Roll {
		if !x.row.Electorate.Has(v.Role) {
			return bad("roll", "%s stands on it as %s, and the vote is for %s", v.Member, v.Role, x.row.Electorate)
		}
		if i > 0 && compare(x.Roll[i-1].Member, v.Member) >= 0 {
			return bad("roll", "%s stands in the wrong place, or twice", v.Member)
		}
	}
	least := tally.Needed(x.row.Vote.Roll, x.row.QuorumPermille, x.row.QuorumCount)
	if x.row.Vote.Needed < least || x.row.Vote.Threshold < x.row.ThresholdPermille {
		return bad("roll", "less was needed than the proposal asked for: turnout %d of %d, threshold %d of %d thousandths",
			x.row.Vote.Needed, least, x.row.Vote.Threshold, x.row.ThresholdPermille)
	}
	x.checked("the roll of %d is the one that the vote was opened on", len(x.Roll))
	return nil
}

// mandates compares the delegations with the hash that was fixed when it closed.
func (x *recount) mandates() error {
	if icn.MandatesHash(x.Mandates) != x.row.Count.Mandates {
		return bad("delegations", "they are not those that counted when the vote closed")
	}
	for i, m := range x.Mandates {
		if i > 0 && compare(x.Mandates[i-1].From, m.From) >= 0 || x.place(m.From) < 0 {
			return bad("delegations", "that of %s stands in the wrong place, or is of nobody on the roll", m.From)
		}
	}
	x.checked("the %d delegations are those that counted when it closed", len(x.Mandates))
	return nil
}

// place is a voter's on the roll, or -1.
func (x *recount) place(d icn.DID) int {
	i, ok := slices.BinarySearchFunc(x.Roll, d, func(v icn.Voter, d icn.DID) int { return compare(v.Member, d) })
	if !ok {
		return -1
	}
	return i
}

func compare(a, b icn.DID) int { return slices.Compare(a[:], b[:]) }

// count decides which ballot counts for whom, counts, and compares.
func (x *recount) count() error {
	v, err := x.ballots()
	if err != nil {
		return err
	}
	x.out.Recount = v.Count()
	if d := difference(x.row.Count.Tally, x.out.Recount); d != "" {
		return bad("tally", "%s", d)
	}
	accepted := slices.Contains([]icn.Stage{icn.StageTimelock, icn.StageExecuted, icn.StageVetoed, icn.StageFailed}, x.row.Stage)
	if accepted != x.out.Recount.Accepted {
		return bad("result", "the proposal is at %s, and the recount says: %s", x.row.Stage, x.out.Recount.Reason)
	}
	x.checked("the recount gives the same tally: %s", x.out.Recount.Reason)
	return nil
}

// change compares the rehearsal with what the vote was bound to when it opened.
func (x *recount) change() error {
	if len(x.Change) == 0 {
		return nil
	}
	if got := icn.SumCID(icn.Raw, x.Change); got != x.row.Vote.Difference {
		return bad("enactment", "what it changed differs from the rehearsal that the vote was bound to: %s, not %s", got, x.row.Vote.Difference)
	}
	x.checked("what it changes is what was rehearsed when the vote opened")
	return nil
}

// difference names the first number in which two tallies differ.
func difference(said, counted icn.Tally) string {
	for _, n := range []struct {
		what string
		a, b uint64
	}{
		{"voters on the roll", said.Roll, counted.Roll}, {"direct votes", said.Direct, counted.Direct}, {"votes by proxy", said.Proxied, counted.Proxied},
		{"delegated votes", said.Delegated, counted.Delegated}, {"who took part", said.Turnout, counted.Turnout}, {"who had to", said.Needed, counted.Needed},
		{"yes", said.Yes, counted.Yes}, {"no", said.No, counted.No}, {"abstentions", said.Abstain, counted.Abstain}, {"the winner's place", said.Winner, counted.Winner},
	} {
		if n.a != n.b {
			return fmt.Sprintf("%s: the federation counted %d, the recount gives %d", n.what, n.a, n.b)
		}
	}
	switch {
	case !slices.Equal(said.Scores, counted.Scores):
		return fmt.Sprintf("the options' sums: the federation counted %d, the recount gives %d", said.Scores, counted.Scores)
	case said.Accepted != counted.Accepted, said.Reason != counted.Reason:
		return fmt.Sprintf("the federation says %q, the recount %q", said.Reason, counted.Reason)
	case !slices.Equal(said.Bytes(), counted.Bytes()):
		return "the rounds of the run-off differ"
	}
	return ""
}

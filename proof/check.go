package proof

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/shown"
)

// Result is what came of checking a file of either kind.
type Result struct {
	Holds   bool           `json:"holds"`
	Wrong   string         `json:"wrong,omitempty"` // the first thing that is, in a sentence
	Vote    *Report        `json:"vote,omitempty"`
	Receipt *ReceiptReport `json:"receipt,omitempty"`
}

// Check checks a file of either kind.
func Check(file []byte, want Expect) (out Result) {
	var err error
	switch Kind(file) {
	case "vote":
		var v Vote
		if v, err = DecodeVote(file); err == nil {
			var r Report
			r, err = v.Verify(want)
			out.Vote = &r
		}
	case "receipt":
		var x Receipt
		if x, err = DecodeReceipt(file); err == nil {
			var r ReceiptReport
			r, err = x.Verify(want)
			out.Receipt = &r
		}
	default:
		err = fmt.Errorf("file: %w: neither a vote (icn-cli governance export) nor a receipt (icn-cli governance receipt)", icn.ErrInvalid)
	}
	if out.Holds = err == nil; err != nil {
		out.Wrong = err.Error()
	}
	return out
}

// WriteText tells people what came of it.
func (r Result) WriteText(w io.Writer) {
	p := page{w}
	var checked []string
	switch {
	case r.Vote != nil:
		p.vote(*r.Vote)
		checked = r.Vote.Checked
	case r.Receipt != nil:
		p.receipt(*r.Receipt)
		checked = r.Receipt.Checked
	}
	if len(checked) > 0 {
		fmt.Fprintln(w)
	}
	for _, c := range checked {
		fmt.Fprintf(w, "  ✓ %s\n", shown.Line(c))
	}
	if r.Wrong != "" {
		fmt.Fprintf(w, "  ✗ %s\n\nThis file does not hold. Do not rely on anything in it.\n", shown.Line(r.Wrong))
		return
	}
	fmt.Fprintf(w, "\nThis file holds, if its network is the one you know.\n")
}

// page writes fields and bars.
type page struct{ w io.Writer }

func (p page) field(name, format string, args ...any) {
	fmt.Fprintf(p.w, "%-12s %s\n", name, shown.Line(fmt.Sprintf(format, args...)))
}

func (p page) origin(network icn.CID, federation string, entries uint64) {
	if !network.Defined() || federation == "" {
		return
	}
	p.field("Federation", "%s", federation)
	p.field("Network", "%s", network)
	if entries > 0 {
		p.field("Checkpoint", "%d entries", entries)
	}
}

func (p page) vote(r Report) {
	p.origin(r.Network, r.Federation, r.Entries)
	p.field("Proposal", "%s", r.Proposal)
	if r.Title == "" {
		return
	}
	p.field("Title", "%s", r.Title)
	p.field("Motion", "%s", motion(r.Motion))
	p.field("Method", "%s", r.Method)
	if r.Closed > 0 {
		p.field("Vote", "entries %d to %d, closed %s", r.Opened, r.Closed, when(r.ClosedAt))
	}
	t := r.Recount
	if t.Roll == 0 {
		return
	}
	p.field("Took part", "%d of %d: %d themselves, %d by proxy, %d by delegation; %d needed", t.Turnout, t.Roll, t.Direct, t.Proxied, t.Delegated, t.Needed)
	fmt.Fprintln(p.w)
	p.bars(r)
	p.rounds(r)
	outcome := "not accepted"
	if t.Accepted {
		outcome = "accepted"
	}
	fmt.Fprintln(p.w)
	p.field("Recount", "%s: %s", outcome, t.Reason)
	p.field("Stage", "%s", r.Stage)
}

// motion is what is asked for: its kind, and its fields in JSON, cut to a few lines.
func motion(m icn.MotionJSON) string {
	b, err := json.Marshal(m.Motion)
	if err != nil {
		return m.Motion.MotionKind()
	}
	s := m.Motion.MotionKind() + " " + string(b)
	if short := icn.Fit(s, 400); short != s {
		return short + " …"
	}
	return s
}

// bars draws the numbers of a tally.
func (p page) bars(r Report) {
	t := r.Recount
	names, scores := append(slices.Clone(r.Options), "abstain"), append(slices.Clone(t.Scores), t.Abstain)
	if r.Method == icn.YesNo {
		names, scores = []string{"yes", "no", "abstain"}, []uint64{t.Yes, t.No, t.Abstain}
	}
	most, width := uint64(1), 0
	for i, n := range scores {
		most, width = max(most, n), max(width, len([]rune(shown.Line(names[i]))))
	}
	for i, n := range scores {
		mark := " "
		if t.Winner == uint64(i+1) {
			mark = "*"
		}
		name := shown.Line(names[i])
		pad := strings.Repeat(" ", min(width, 40)-min(len([]rune(name)), min(width, 40)))
		fmt.Fprintf(p.w, "  %s %s%s %8d %s\n", mark, name, pad, n, strings.Repeat("█", int(n*40/most)))
	}
}

// rounds tells how an instant run-off went.
func (p page) rounds(r Report) {
	if len(r.Recount.Rounds) == 0 {
		return
	}
	fmt.Fprintln(p.w)
	for i, round := range r.Recount.Rounds {
		fmt.Fprintf(p.w, "  round %d: %d", i+1, round.Counts)
		if round.Exhausted > 0 {
			fmt.Fprintf(p.w, ", %d with no option left", round.Exhausted)
		}
		for _, out := range round.Out {
			fmt.Fprintf(p.w, "; out: %s", shown.Line(r.Options[out-1]))
		}
		fmt.Fprintln(p.w)
	}
}

func (p page) receipt(r ReceiptReport) {
	p.origin(r.Network, r.Federation, r.Entries)
	if r.Entry > 0 {
		p.field("Entry", "%d, %s", r.Entry, when(r.Time))
	}
	if r.Operation == "" {
		return
	}
	p.field("Said by", "%s", r.Author)
	p.field("Statement", "%s", r.Statement)
	p.field("Operation", "%s", r.Operation)
	if b := r.Ballot; b != nil {
		p.field("Ballot", "on %s, for %s: %d", b.Proposal, b.Voter, b.Choice)
	}
}

func when(t icn.Time) string { return time.UnixMilli(int64(t)).UTC().Format("2006-01-02 15:04:05 UTC") }

// link is how JSON has a CID by itself.
var link = regexp.MustCompile(`\{\s*"/":\s*("[^"]*")\s*\}`)

// JSON is the result for programs; CIDs are plain text in it, as everywhere else.
func (r Result) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return link.ReplaceAll(b, []byte("$1")), err
}

package icn

// Tally is the result of a vote.
type Tally struct {
	Roll      uint64   `json:"roll"`      // who could vote
	Direct    uint64   `json:"direct"`    // voted themselves
	Proxied   uint64   `json:"proxied"`   // by proxies
	Delegated uint64   `json:"delegated"` // through delegations
	Turnout   uint64   `json:"turnout"`   // all of these: who took part, abstentions included
	Needed    uint64   `json:"needed"`    // the turnout that was needed
	Yes       uint64   `json:"yes"`
	No        uint64   `json:"no"`
	Abstain   uint64   `json:"abstain"`
	Scores    []uint64 `json:"scores,omitempty"` // of the options: approvals, points, votes, first choices
	Rounds    []Round  `json:"rounds,omitempty"` // of an instant run-off
	Winner    uint64   `json:"winner,omitempty"` // the option's place, from 1; 0 = none
	Accepted  bool     `json:"accepted"`
	Reason    string   `json:"reason"` // in words
}

// Round is one count of an instant run-off.
type Round struct {
	Counts    []uint64 `json:"counts"`    // of each option; 0 of those that are out
	Exhausted uint64   `json:"exhausted"` // ballots that name no option that is left
	Out       []uint64 `json:"out"`       // options that go out, by their places, from 1
}

// Bytes are the canonical form of a tally.
func (t Tally) Bytes() []byte { return t.Append(nil) }

// Append appends the canonical form.
func (t Tally) Append(b []byte) []byte {
	b = AppendArray(b, 14)
	for _, n := range []uint64{t.Roll, t.Direct, t.Proxied, t.Delegated, t.Turnout, t.Needed, t.Yes, t.No, t.Abstain} {
		b = AppendUint(b, n)
	}
	b = AppendArray(AppendChoice(b, t.Scores), len(t.Rounds))
	for _, r := range t.Rounds {
		b = AppendChoice(AppendArray(b, 3), r.Counts)
		b = AppendChoice(AppendUint(b, r.Exhausted), r.Out)
	}
	return AppendText(AppendBool(AppendUint(b, t.Winner), t.Accepted), t.Reason)
}

// ReadTally reads what [Tally.Append] wrote.
func ReadTally(r *Reader) (t Tally) {
	r.Tuple(14)
	for _, n := range []*uint64{&t.Roll, &t.Direct, &t.Proxied, &t.Delegated, &t.Turnout, &t.Needed, &t.Yes, &t.No, &t.Abstain} {
		*n = r.Uint()
	}
	t.Scores = readChoice(r)
	for range r.Array(MaxOptions) {
		r.Tuple(3)
		t.Rounds = append(t.Rounds, Round{Counts: readChoice(r), Exhausted: r.Uint(), Out: readChoice(r)})
		if r.err != nil {
			break
		}
	}
	t.Winner, t.Accepted, t.Reason = r.Uint(), r.Bool(), r.Text(MaxText)
	return t
}

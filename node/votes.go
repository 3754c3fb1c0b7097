package node

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// ProposalView is a proposal as it stands.
type ProposalView struct {
	ID          icn.CID        `json:"id"`
	Proposer    icn.DID        `json:"proposer"`
	Title       string         `json:"title"`
	Description string         `json:"description"` // the title
	Kind        string         `json:"kind"`        // of its motion
	Motion      icn.MotionJSON `json:"motion"`      // what it does when it is accepted
	Words       string         `json:"words"`       // the same in words
	Status      icn.Stage      `json:"status"`
	Method      icn.Method     `json:"method"`
	Options     []string       `json:"options"`
	Electorate  icn.Electorate `json:"electorate"`
	Body        icn.CID        `json:"body,omitzero"` // of the block with the whole text
	ContentCID  icn.CID        `json:"content_cid,omitzero"`

	Created    uint64   `json:"created_entry"`
	CreatedAt  int64    `json:"created_at"` // in seconds
	CreatedMs  icn.Time `json:"created_ms"`
	Since      icn.Time `json:"since_ms"`           // of this status
	Until      icn.Time `json:"until_ms,omitempty"` // when this status ends by itself
	Deadline   int64    `json:"voting_deadline"`    // in seconds; 0 before the vote opens
	DeadlineMs icn.Time `json:"voting_deadline_ms,omitempty"`
	Opened     uint64   `json:"opened_entry,omitempty"`
	Closed     uint64   `json:"closed_entry,omitempty"`
	Ended      uint64   `json:"ended_entry,omitempty"`

	Sponsors       []icn.DID `json:"sponsors"` // the proposer among them
	SponsorsNeeded uint64    `json:"sponsors_needed"`

	Roll       uint64            `json:"roll"`                // who can vote
	Quorum     uint64            `json:"quorum"`              // so many must take part
	Threshold  float64           `json:"threshold"`           // share of yes and no that must be yes
	Ballots    uint64            `json:"ballots"`             // that came in, changed ones counted again
	Difference icn.CID           `json:"difference,omitzero"` // hash of what it changes
	Early      bool              `json:"closed_early,omitempty"`
	Tally      *icn.Tally        `json:"tally,omitempty"` // once the vote is closed
	AcceptedAt int64             `json:"accepted_at,omitempty"`
	Timelock   uint64            `json:"timelock_delay"` // in seconds
	VetoUntil  icn.Time          `json:"veto_until_ms,omitempty"`
	Reason     string            `json:"reason,omitempty"` // why it ended as it did
	Votes      map[string]string `json:"votes,omitempty"`  // the last of each voter, in words
}

// viewProposal shows a proposal under the rules in force.
func viewProposal(id icn.CID, p governance.Proposal, rules icn.Rules) ProposalView {
	v := ProposalView{ID: id, Proposer: p.Proposer, Title: p.Title, Description: p.Title, Kind: p.Motion.MotionKind(), Motion: icn.MotionJSON{Motion: p.Motion}, Words: icn.MotionWords(p.Motion),
		Status: p.Stage, Method: p.Method, Options: filled(p.Options), Electorate: p.Electorate, Body: p.Body, ContentCID: p.Body,
		Created: p.Created, Since: p.Since, Until: p.Until, Ended: p.Ended, Reason: p.Reason,
		Sponsors: filled(slices.Clone(p.Sponsors)), SponsorsNeeded: p.Sponsor, Timelock: max(p.TimelockMillis, rules.TimelockMillis, rules.VetoMillis) / 1000,
		Threshold: float64(max(p.ThresholdPermille, rules.Threshold)) / 1000, Quorum: p.QuorumCount}
	if o := p.Vote; o.Opened != 0 {
		v.Opened, v.DeadlineMs, v.Deadline = o.Opened, o.Deadline, int64(o.Deadline)/1000
		v.Roll, v.Quorum, v.Threshold, v.Ballots, v.Difference = o.Roll, o.Needed, float64(o.Threshold)/1000, o.Ballots, o.Difference
	}
	if c := p.Count; c.Closed != 0 {
		t := c.Tally
		v.Closed, v.Early, v.Tally, v.VetoUntil = c.Closed, c.Early, &t, c.VetoUntil
		if t.Accepted {
			v.AcceptedAt = int64(c.At) / 1000
		}
	}
	return v
}

// filled is a list that JSON shows as such, even without anything in it.
func filled[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// ProposalFilter says which proposals are wanted; the zero filter is all.
type ProposalFilter struct {
	Stage  icn.Stage // 0 = any
	Open   bool      // only those that are not over
	Kind   string    // of the motion
	Before uint64    // only those proposed before this entry; 0 = all
	Limit  int
}

func (f ProposalFilter) takes(p governance.Proposal) bool {
	return (f.Stage == 0 || p.Stage == f.Stage) && (!f.Open || !p.Stage.Over()) &&
		(f.Kind == "" || p.Motion.MotionKind() == f.Kind) && (f.Before == 0 || p.Created < f.Before)
}

// Proposals lists proposals, the newest first. Those of one entry stay together: a
// page may be longer than its limit by them.
func (n *Node) Proposals(f ProposalFilter) ([]ProposalView, error) {
	out := []ProposalView{}
	err := n.View(func(m *core.Machine) {
		rules := m.Rules()
		m.Proposals(func(id icn.CID, p governance.Proposal) bool {
			if f.takes(p) {
				out = append(out, viewProposal(id, p, rules))
			}
			return true
		})
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(out, func(a, b ProposalView) int { return cmp.Compare(b.Created, a.Created) })
	if f.Limit > 0 && len(out) > f.Limit {
		cut := f.Limit
		for cut < len(out) && out[cut].Created == out[cut-1].Created {
			cut++
		}
		out = out[:cut]
	}
	for i := range out {
		n.date(&out[i])
	}
	return out, nil
}

// date says when a proposal was made. An entry that is not here yet, behind a
// snapshot, does not tell.
func (n *Node) date(v *ProposalView) {
	if e, err := n.Entry(v.Created); err == nil {
		v.CreatedMs, v.CreatedAt = e.Time, int64(e.Time)/1000
	}
}

// Proposal tells how a proposal stands; with the last vote of each voter, if wanted.
func (n *Node) Proposal(id icn.CID, votes bool) (ProposalView, error) {
	var v ProposalView
	var p governance.Proposal
	found := false
	err := n.View(func(m *core.Machine) {
		if p, found = m.Proposal(id); found {
			v = viewProposal(id, p, m.Rules())
		}
	})
	switch {
	case err != nil:
		return v, err
	case !found:
		return v, unknownProposal(id)
	}
	n.date(&v)
	if !votes {
		return v, nil
	}
	v.Votes = map[string]string{}
	return v, n.eachBallot(id, 0, 0, func(b icn.VoteCast, _ icn.Event) bool {
		v.Votes[b.Voter.String()] = icn.ChoiceWords(p.Method, p.Options, b.Choice)
		return true
	})
}

func unknownProposal(id icn.CID) error {
	return fmt.Errorf("proposal %s: %w: there is none of that id in this federation", id, icn.ErrNotFound)
}

// TallyView is a result, or how it would be if nothing else came in.
type TallyView struct {
	Proposal icn.CID   `json:"proposal"`
	Status   icn.Stage `json:"status"`
	Interim  bool      `json:"interim"` // the vote is open
	Tally    icn.Tally `json:"tally"`
	Options  []string  `json:"options"` // in the order of the tally's scores
}

// Tally tells a vote's result.
func (n *Node) Tally(id icn.CID) (TallyView, error) {
	v := TallyView{Proposal: id}
	var p governance.Proposal
	found := false
	err := n.View(func(m *core.Machine) {
		if p, found = m.Proposal(id); found {
			v.Tally, v.Interim = m.Interim(id)
		}
	})
	switch {
	case err != nil:
		return v, err
	case !found:
		return v, unknownProposal(id)
	case !v.Interim && p.Count.Closed == 0:
		return v, fmt.Errorf("tally of %s: %w: there was no vote on it: it is %s", id, icn.ErrConflict, p.Stage)
	}
	v.Status, v.Options = p.Stage, filled(p.Options)
	if !v.Interim {
		v.Tally = p.Count.Tally
	}
	return v, nil
}

// BallotView is a ballot as the log has it.
type BallotView struct {
	Voter     icn.DID  `json:"voter"`
	By        *icn.DID `json:"by,omitempty"` // its proxy
	Choice    []uint64 `json:"choice"`
	Words     string   `json:"words"`
	Index     uint64   `json:"index"`  // the entry
	Number    uint32   `json:"number"` // of its event
	Time      icn.Time `json:"time_ms"`
	Statement icn.CID  `json:"statement"`
}

// Ballots lists at most limit ballots on a proposal, in the order of the log, that
// come after a place in it; also those that were changed later, and also after the
// vote is closed. Of one voter the last one counts, of a voter and its proxy the
// voter's.
func (n *Node) Ballots(id icn.CID, after uint64, number uint32, limit int) ([]BallotView, error) {
	var p governance.Proposal
	found := false
	if err := n.View(func(m *core.Machine) { p, found = m.Proposal(id) }); err != nil {
		return nil, err
	}
	if !found {
		return nil, unknownProposal(id)
	}
	out := []BallotView{}
	err := n.eachBallot(id, after, number, func(b icn.VoteCast, e icn.Event) bool {
		out = append(out, BallotView{Voter: b.Voter, By: b.By, Choice: filled(b.Choice), Words: icn.ChoiceWords(p.Method, p.Options, b.Choice),
			Index: e.Index, Number: e.Number, Time: e.Time})
		return len(out) < limit
	})
	if err != nil {
		return nil, err
	}
	var last uint64
	var statement icn.CID
	for i := range out {
		if out[i].Index != last { // a statement may hold many
			e, err := n.Entry(out[i].Index)
			if err != nil {
				return nil, err
			}
			last, statement = out[i].Index, icn.SumCID(icn.DagCBOR, e.Wire)
		}
		out[i].Statement = statement
	}
	return out, nil
}

// eachBallot calls fn for the ballots on a proposal that come after a place.
func (n *Node) eachBallot(id icn.CID, after uint64, number uint32, fn func(icn.VoteCast, icn.Event) bool) error {
	st, err := n.here()
	if err != nil {
		return err
	}
	r := store.Prefix([]byte(keyJob + id.KeyString() + "/"))
	if after > 0 {
		r.From = append(eventJobKey(id, after, number), 0)
	}
	cast := icn.VoteCast{}.EventType()
	var bad error
	err = st.Scan(r, func(k, _ []byte) bool {
		v, err := st.Get(append([]byte(keyEvent), k[len(k)-16:]...))
		if err != nil {
			bad = err
			return false
		}
		if !isType(v, cast) {
			return true
		}
		var e icn.Event
		if bad = json.Unmarshal(v, &e); bad != nil {
			return false
		}
		return fn(e.Body.(icn.VoteCast), e)
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return fmt.Errorf("ballots of %s: %w", id, err)
	}
	return nil
}

// isType says whether a stored event is of a type, without reading its body.
func isType(ev []byte, typ string) bool {
	var h struct {
		Type string `json:"type"`
	}
	return json.Unmarshal(ev, &h) == nil && h.Type == typ
}

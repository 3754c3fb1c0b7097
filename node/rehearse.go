package node

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// RehearsalView tells what would change if a proposal were enacted at this moment.
type RehearsalView struct {
	Proposal   icn.CID   `json:"proposal"`
	At         uint64    `json:"at_entry"` // the state that it was rehearsed on
	Changes    []Change  `json:"changes"`  // what the enactment is bound by
	Followed   []Change  `json:"followed"` // what else comes of it at once
	Words      []string  `json:"words"`
	Difference icn.CID   `json:"difference,omitzero"` // hash of the changes
	Bound      icn.CID   `json:"bound,omitzero"`      // that hash when the vote opened: enactment must match it
	Same       bool      `json:"same"`                // both are equal, or the vote is not open yet
	Problem    string    `json:"problem,omitempty"`   // why it could not be enacted now
	BackTest   *BackTest `json:"back_test,omitempty"`
}

// Change is an event that would be told.
type Change struct {
	Type string          `json:"type"`
	Body json.RawMessage `json:"body"`
}

func changes(events []icn.EventBody) []Change {
	out := make([]Change, 0, len(events))
	for _, e := range events {
		out = append(out, Change{e.EventType(), marshal(e)})
	}
	return out
}

// Rehearse enacts a proposal on the state between two turns of the loop, looks what
// that changes, and undoes it.
func (n *Node) Rehearse(ctx context.Context, id icn.CID) (RehearsalView, error) {
	v := RehearsalView{Proposal: id}
	var err error
	if asked := n.ask(ctx, func(l *Loop) { err = l.rehearse(&v) }); asked != nil {
		return v, asked
	}
	return v, err
}

func (l *Loop) rehearse(v *RehearsalView) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.m.Proposal(v.Proposal)
	if !ok {
		return unknownProposal(v.Proposal)
	}
	if p.Stage.Over() {
		return fmt.Errorf("rehearse %s: %w: it is over: %s", v.Proposal, icn.ErrConflict, p.Stage)
	}
	v.At, v.Bound = l.m.Head().Index, p.Vote.Difference
	before := survey(l.m)
	var after picture
	r, err := l.m.Rehearse(p.Motion, func() { after = survey(l.m) })
	v.Changes, v.Followed = changes(r.Events), changes(r.Followed)
	if err != nil {
		v.Problem, v.Words = err.Error(), []string{"This could not be enacted now: " + err.Error()}
		return nil
	}
	v.Difference = r.Difference
	v.Same = !v.Bound.Defined() || v.Bound == v.Difference
	v.Words = compare(before, after, p, l.m)
	if !v.Same {
		v.Words = append(v.Words, "This is not what it would have changed when the vote opened: enactment would stop.")
	}
	return nil
}

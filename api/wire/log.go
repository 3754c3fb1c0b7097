package wire

import (
	"encoding/json"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// Statement hands in a signed statement as JSON. (The other way is its wire form
// as the body, of type application/cbor.)
type Statement struct {
	Statement Bytes `json:"statement" doc:"The statement's wire form: canonical DAG-CBOR, in base64."`
}

// Said is what became of a statement: applied at Index, or waiting to be ordered.
type Said struct {
	Statement icn.CID `json:"statement"`
	Number    uint64  `json:"number"`
	Index     uint64  `json:"index,omitempty" doc:"The entry that ordered it."`
	State     string  `json:"state" enum:"applied,waiting"`
	Events    []Event `json:"events,omitempty" doc:"What it caused."`
}

// SaidOf shows a node's answer.
func SaidOf(s node.Said) (Said, error) {
	out := Said{Statement: s.Statement, Number: s.Number, Index: s.Index, State: s.State}
	for _, e := range s.Events {
		body, err := Marshal(e.Body)
		if err != nil {
			return out, err
		}
		out.Events = append(out.Events, Event{Index: e.Index, Number: e.Number, Time: e.Time, Author: e.Author, Type: e.Type, Body: body})
	}
	return out, nil
}

// Waiting are statements that are not ordered yet.
type Waiting struct {
	Waiting []node.Waiting `json:"waiting"`
}

// Event is an event with its body as JSON: [Unmarshal] reads it into the body's
// type, such as icn.JobSettled.
type Event struct {
	Index  uint64          `json:"index"`
	Number uint32          `json:"number"`
	Time   icn.Time        `json:"time_ms"`
	Author *icn.DID        `json:"author,omitempty"`
	Type   string          `json:"type"`
	Body   json.RawMessage `json:"body"`
}

// Cursor is the event's place, as Last-Event-ID and after take it.
func (e Event) Cursor() Cursor { return Cursor{e.Index, e.Number} }

// Events is a page of events.
type Events struct {
	Events []Event `json:"events"`
	Next   string  `json:"next,omitempty" doc:"Give it as after to get the next page."`
}

// EventQuery says which events are wanted. The zero query is all, from the first.
type EventQuery struct {
	Type   string   // a type, or its everyday name: rollback, settled, …
	Author *icn.DID // who said the statement
	Job    *icn.CID
	// Proposal is what governance's events are about; not together with Job.
	Proposal *icn.CID
	Account  *icn.DID
	After    string // a cursor: 12.0, or 12 for all after entry 12
	Tail     int    // the last so many, instead of the first
	Limit    int    // at most so many; 0: no limit
	Follow   bool   // go on with new ones as they happen
}

// Entry is an entry of the log.
type Entry struct {
	Index     uint64          `json:"index"`
	Time      icn.Time        `json:"time_ms"`
	Statement *EntryStatement `json:"statement,omitempty" doc:"Absent: the entry only moves log time on."`
	Bytes     Bytes           `json:"bytes" doc:"The entry itself: the leaf of the log's Merkle tree."`
}

// EntryStatement shows a statement.
type EntryStatement struct {
	ID         icn.CID     `json:"id"`
	Network    icn.CID     `json:"network"`
	Author     icn.DID     `json:"author"`
	Number     uint64      `json:"number"`
	Until      icn.Time    `json:"until_ms,omitempty"`
	Operations []Operation `json:"operations"`
	Signature  Bytes       `json:"signature"`
}

// Operation shows one operation of a statement.
type Operation struct {
	Kind string         `json:"kind"`
	Body map[string]any `json:"body"`
}

// EntryOf shows an entry.
func EntryOf(e *icn.Entry) Entry {
	out := Entry{Index: e.Index, Time: e.Time, Bytes: e.Encode()}
	if s := e.Statement; s != nil {
		out.Statement = &EntryStatement{ID: icn.SumCID(icn.DagCBOR, e.Wire), Network: s.Network, Author: s.Author, Number: s.Number, Until: s.Until, Signature: s.Sig[:]}
		for _, op := range s.Ops {
			out.Statement.Operations = append(out.Statement.Operations, Operation{op.Kind(), fields(op)})
		}
	}
	return out
}

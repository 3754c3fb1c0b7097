package node

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mana"
	"github.com/InterCooperative-Network/icn-core/reputation"
	"github.com/InterCooperative-Network/icn-core/state"
	"github.com/InterCooperative-Network/icn-core/store"
)

// AccountLine is one change of an account, and what caused it.
type AccountLine struct {
	Index       uint64   `json:"index"` // the entry
	Number      uint32   `json:"number"`
	Time        icn.Time `json:"time_ms"`
	Cause       string   `json:"cause"` // the event's type
	Job         *icn.CID `json:"job,omitempty"`
	Author      *icn.DID `json:"author,omitempty"` // who said the statement; absent when a timer fired
	Regenerated uint64   `json:"regenerated"`      // since the line before
	Held        uint64   `json:"held"`
	Released    uint64   `json:"released"`
	Burnt       uint64   `json:"burnt"`
	Minted      uint64   `json:"minted"`
	Lost        uint64   `json:"lost_at_cap"`
	Tier        icn.Tier `json:"tier"`
	Balance     uint64   `json:"balance"`
	HeldNow     uint64   `json:"held_now"`
}

// readAccount calls fn for each event about an account that entries from one on, and
// before another, have caused, and for each change of the rules: in order.
func readAccount(st store.Store, who icn.DID, from, to uint64, fn func(icn.Event) bool) error {
	changed := icn.RuleChanged{}.EventType()
	var places [][]byte
	for _, r := range []store.Range{
		{From: eventAccountKey(who, from, 0), To: eventAccountKey(who, to, 0)},
		{From: eventTypeKey(changed, from, 0), To: eventTypeKey(changed, to, 0)},
	} {
		err := st.Scan(r, func(k, _ []byte) bool {
			places = append(places, slices.Clone(k[len(k)-16:]))
			return true
		})
		if err != nil {
			return fmt.Errorf("events of %s: %w", who.Short(), err)
		}
	}
	slices.SortFunc(places, bytes.Compare)
	for _, at := range places {
		v, err := st.Get(append([]byte(keyEvent), at...))
		var e icn.Event
		if err == nil {
			err = json.Unmarshal(v, &e)
		}
		if err != nil {
			return fmt.Errorf("events of %s: %w", who.Short(), err)
		}
		if !fn(e) {
			return nil
		}
	}
	return nil
}

// everything is behind the last entry that there can be.
const everything = 1 << 62

// ReadStatement is an account's every change, as genesis and stored events tell it,
// up to a time (0 = all).
func ReadStatement(st store.Store, who icn.DID, g *icn.Genesis, until icn.Time) ([]AccountLine, *mana.Statement, error) {
	s := &mana.Statement{Who: who, Rules: g.Rules}
	var out []AccountLine
	add := func(e icn.Event) bool {
		if until != 0 && e.Time > until {
			return false
		}
		l, changed := s.See(e.Time, e.Body)
		if !changed {
			return true
		}
		line := AccountLine{Index: e.Index, Number: e.Number, Time: e.Time, Cause: e.Type, Author: e.Author, Regenerated: l.Regenerated, Held: l.Held,
			Released: l.Released, Burnt: l.Burnt, Minted: l.Minted, Lost: l.Lost, Tier: l.Tier, Balance: l.Balance, HeldNow: l.HeldNow}
		if job, _ := subjects(e.Body); job.Defined() {
			line.Job = &job
		}
		out = append(out, line)
		return true
	}
	if g.Founder(who) { // those accounts are older than the first entry
		body := icn.AccountOpened{Account: who, Issued: g.Rules.ManaIssue}
		add(icn.Event{Time: g.Created, Type: body.EventType(), Body: body})
	}
	err := readAccount(st, who, 0, everything, add)
	if err == nil && !s.Opened {
		err = fmt.Errorf("account %s: %w: it was not opened by then", who, icn.ErrNotFound)
	}
	return out, s, err
}

// Statement is an account's last changes, at most limit of them, at or before a
// time, and how it stood then.
type Statement struct {
	AccountView
	Lines []AccountLine `json:"lines"`
	More  bool          `json:"more"`   // there are older ones
	Agree bool          `json:"agrees"` // adding up the changes gives what the state holds; always true of a past time
}

// Statement reads an account's changes. Until is a moment of the past, or 0.
func (n *Node) Statement(who icn.DID, until icn.Time, limit int) (Statement, error) {
	st, err := n.here()
	if err != nil {
		return Statement{}, err
	}
	out := Statement{AccountView: AccountView{DID: who, AsOf: until}, Agree: true}
	var genesis *icn.Genesis
	var head core.Head
	var held mana.Account
	err = n.View(func(m *core.Machine) {
		genesis, head = m.Genesis(), m.Head()
		held, _ = m.Account(who, head.Time)
	})
	if err != nil {
		return out, err
	}
	if until == 0 {
		until = head.Time
	}
	lines, s, err := ReadStatement(st, who, genesis, until)
	if err != nil {
		return out, err
	}
	a := s.Until(until)
	if out.AsOf == 0 {
		out.Agree = a.Balance == held.Balance && a.Held == held.Held
		out.AsOf = now()
		a = s.Until(out.AsOf)
	}
	out.Balance, out.Held, out.Tier = a.Balance, a.Held, a.Tier
	out.Cap, out.PerHour = a.Cap(s.Rules), a.PerHour(s.Rules)
	if n := len(lines); n > 0 {
		out.Index = lines[n-1].Index
	}
	if limit > 0 && len(lines) > limit {
		lines, out.More = lines[len(lines)-limit:], true
	}
	out.Lines = lines
	return out, nil
}

// ReputationLine is one change of a reputation, and why.
type ReputationLine struct {
	Index  uint64   `json:"index"`
	Time   icn.Time `json:"time_ms"`
	Job    *icn.CID `json:"job,omitempty"`
	By     int64    `json:"by_thousandths"`
	Value  uint64   `json:"value_thousandths"` // after it
	Reason string   `json:"reason"`
}

// Reputation is what somebody has earned by running jobs, of 100 points.
type Reputation struct {
	DID    icn.DID          `json:"did"`
	Points float64          `json:"reputation"`
	Milli  uint64           `json:"thousandths"`
	Tier   icn.Tier         `json:"tier"`
	Why    []ReputationLine `json:"why,omitempty"`
	More   bool             `json:"more,omitempty"` // there are older reasons
	Agree  bool             `json:"agrees"`         // the reasons add up to the number
}

// Reputation tells somebody's reputation with its reasons, the last limit of them;
// 0 = none.
func (n *Node) Reputation(who icn.DID, limit int) (Reputation, error) {
	st, err := n.here()
	if err != nil {
		return Reputation{}, err
	}
	out := Reputation{DID: who, Agree: true}
	var genesis *icn.Genesis
	var head core.Head
	at, known := now(), false
	err = n.View(func(m *core.Machine) {
		genesis, head, known = m.Genesis(), m.Head(), m.Belongs(who)
		at = max(at, head.Time)
		out.Milli = m.Reputation(who, at)
		a, ok := m.Account(who, at)
		out.Tier, known = a.Tier, known || ok
	})
	switch {
	case err != nil:
		return out, err
	case !known:
		return out, fmt.Errorf("reputation of %s: %w: nobody of this federation", who, icn.ErrNotFound)
	}
	out.Points = float64(out.Milli) / 1000
	if limit == 0 {
		return out, nil
	}
	var again uint64
	out.Why, again, err = readReputation(st, who, genesis.Rules, head.Index, at)
	out.Agree = again == out.Milli
	if len(out.Why) > limit {
		out.Why, out.More = slices.Clone(out.Why[len(out.Why)-limit:]), true
	}
	return out, err
}

// readReputation derives a reputation from the stored events, beginning with the
// rules of the genesis.
func readReputation(st store.Store, who icn.DID, rules icn.Rules, head uint64, at icn.Time) ([]ReputationLine, uint64, error) {
	f := reputation.New(state.NewDB())
	out := []ReputationLine{}
	err := readAccount(st, who, 0, head+1, func(e icn.Event) bool {
		if b, ok := e.Body.(icn.RuleChanged); ok {
			was := rules
			rules, _ = rules.With(b.Name, b.Becomes)
			f.Turn(e.Time, was, rules)
		}
		for _, c := range f.See(e.Time, rules, e.Body) {
			if c.Who != who {
				continue
			}
			l := ReputationLine{Index: e.Index, Time: e.Time, By: c.By, Value: c.Value, Reason: c.Reason}
			if job, _ := subjects(e.Body); job.Defined() {
				l.Job = &job
			}
			out = append(out, l)
		}
		return true
	})
	return out, f.At(who, at, rules), err
}

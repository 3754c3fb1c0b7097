package node

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/proof"
	"github.com/InterCooperative-Network/icn-core/store"
)

// ExportVote is a vote that was closed, with all that its result follows from. It
// waits until the clerks have certified the result, or ctx ends.
func (n *Node) ExportVote(ctx context.Context, id icn.CID) (*proof.Vote, error) {
	st, err := n.here()
	if err != nil {
		return nil, err
	}
	var p governance.Proposal
	var known bool
	var roll []icn.Voter
	genesis := n.loop.Load().cfg.Genesis
	err = n.View(func(m *core.Machine) {
		if p, known = m.Proposal(id); known && p.Count.Closed != 0 {
			roll = m.Roll(p.Vote.RollAt(), p.Electorate)
		}
	})
	switch {
	case err != nil:
		return nil, err
	case !known:
		return nil, fmt.Errorf("proposal %s: %w", id, icn.ErrNotFound)
	case p.Count.Closed == 0:
		return nil, fmt.Errorf("proposal %s: %w: its vote is not closed, there is nothing to recount", id, icn.ErrConflict)
	}
	if err := n.awaitShown(ctx, st, id, p); err != nil {
		return nil, err
	}
	out, err := ReadVote(st, id, p, roll, n.cfg.Verify)
	if err == nil {
		out.Genesis = genesis.Data
	}
	return out, err
}

// ReadVote puts the file of a closed vote together from what a network's store holds;
// only the genesis block is still missing in it.
func ReadVote(st store.Store, id icn.CID, p governance.Proposal, roll []icn.Voter, verify core.Verify) (*proof.Vote, error) {
	row, err := shownVote(st, id)
	if err != nil {
		return nil, fmt.Errorf("result of %s: %w", id, err)
	}
	out := &proof.Vote{Proposal: id, Roll: roll, Row: row.Row}
	out.Note = row.Note
	if out.Proof, err = readStateProof(row.Proof); err != nil {
		return nil, err
	}
	if out.Casts, err = casts(st, id, verify); err != nil {
		return nil, err
	}
	if out.Mandates, err = mandatesAt(st, id, p, roll); err != nil {
		return nil, err
	}
	if out.Change, err = st.Get(changeKey(id)); err != nil && !errors.Is(err, icn.ErrNotFound) {
		return nil, err
	}
	return out, anchor(st, &out.Anchor)
}

// awaitShown waits for a certified proof of a proposal's row as it is. One of an
// earlier stage, after the count, is good for a recount too, when time is over.
func (n *Node) awaitShown(ctx context.Context, st store.Store, id icn.CID, p governance.Proposal) error {
	want := governance.AppendProposal(nil, p)
	tick := newTicker()
	defer tick.Stop()
	for {
		row, err := shownVote(st, id)
		if err == nil && bytes.Equal(row.Row, want) || err != nil && !errors.Is(err, icn.ErrNotFound) {
			return err
		}
		select {
		case <-ctx.Done():
			if err != nil {
				err = fmt.Errorf("result of %s: %w: the clerks have not certified it yet; ask again in a few seconds", id, icn.ErrUnavailable)
			}
			return err
		case <-tick.C:
		}
	}
}

// anchor fills in how a checkpoint follows from the genesis block, which is not added.
func anchor(st store.Store, a *proof.Anchor) error {
	point, sigs, err := icn.ParseNote(a.Note)
	if err != nil {
		return err
	}
	all, err := handovers(st)
	if err != nil {
		return err
	}
	var of []icn.DID
	for _, h := range all {
		c, more, err := icn.ParseNote(h.Note)
		if err != nil {
			return err
		}
		if c.Size <= point.Size {
			a.Handovers, sigs = append(a.Handovers, h), append(sigs, more...)
		}
	}
	for _, s := range sigs {
		of = append(of, s.Signer)
	}
	slices.SortFunc(of, func(x, y icn.DID) int { return slices.Compare(x[:], y[:]) })
	a.Rotations, err = rotations(st, slices.Compact(of))
	return err
}

// casts are the entries in which ballots on a proposal were accepted, in order, and
// the keys that signed them.
func casts(st store.Store, id icn.CID, verify core.Verify) (out []proof.Cast, err error) {
	keys, err := keysOf(st)
	if err != nil {
		return nil, err
	}
	err = eachEvent(st, store.Prefix([]byte(keyJob+id.KeyString()+"/")), func(e icn.Event) error {
		if _, ok := e.Body.(icn.VoteCast); !ok || len(out) > 0 && out[len(out)-1].Entry == e.Index {
			return nil
		}
		v, err := st.Get(EntryKey(e.Index))
		if err != nil {
			return err
		}
		entry, err := icn.DecodeEntry(v)
		if err != nil || entry.Statement == nil {
			return fmt.Errorf("entry %d: %w: it casts no ballot", e.Index, icn.ErrCorrupt)
		}
		s := entry.Statement
		c := proof.Cast{Entry: e.Index, Key: s.Author, Wire: entry.Wire}
		if more := keys[s.Author]; len(more) > 0 {
			i := slices.IndexFunc(more, func(k icn.DID) bool { return verify(k, icn.SigningBytesOf(entry.Wire), s.Sig[:]) })
			if i < 0 {
				return fmt.Errorf("entry %d: %w: no key of %s has signed it", e.Index, icn.ErrCorrupt, s.Author)
			}
			c.Key = more[i]
		}
		out = append(out, c)
		return nil
	})
	return out, err
}

// keysOf are all keys of those who have had more than one.
func keysOf(st store.Store) (map[icn.DID][]icn.DID, error) {
	out := map[icn.DID][]icn.DID{}
	err := eachEvent(st, typePrefix(icn.KeyRotated{}), func(e icn.Event) error {
		r := e.Body.(icn.KeyRotated)
		if len(out[r.Who]) == 0 {
			out[r.Who] = []icn.DID{r.Was}
		}
		out[r.Who] = append(out[r.Who], r.Key)
		return nil
	})
	return out, err
}

// mandatesAt are the delegations of a roll that fitted a vote when it was closed, made
// again from the log's events.
func mandatesAt(st store.Store, id icn.CID, p governance.Proposal, roll []icn.Voter) ([]icn.Mandate, error) {
	var all []icn.Event
	keep := func(e icn.Event) error { all = append(all, e); return nil }
	for _, body := range []icn.EventBody{icn.VoteDelegated{}, icn.DelegationRevoked{}} {
		if err := eachEvent(st, typePrefix(body), keep); err != nil {
			return nil, err
		}
	}
	var closed icn.Event
	err := eachEvent(st, store.Prefix([]byte(keyJob+id.KeyString()+"/")), func(e icn.Event) error {
		if _, ok := e.Body.(icn.VotingClosed); ok {
			closed = e
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	before := func(a, b icn.Event) int {
		return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Number, b.Number))
	}
	slices.SortFunc(all, before)
	given := map[icn.DID]governance.Delegations{}
	for _, e := range all {
		if before(e, closed) > 0 {
			break
		}
		switch b := e.Body.(type) {
		case icn.VoteDelegated:
			given[b.From] = given[b.From].With(governance.Delegation{To: b.To, Scope: b.Scope, Expires: b.Expires, Proxy: b.Proxy, Index: e.Index})
		case icn.DelegationRevoked:
			given[b.From] = given[b.From].Without(b.Scope)
		}
	}
	var out []icn.Mandate
	for _, v := range roll {
		if m, ok := given[v.Member].Fitting(v.Member, id, p.Motion.MotionKind(), p.Vote.Mandated(p.Count.At)); ok {
			out = append(out, m)
		}
	}
	if icn.MandatesHash(out) != p.Count.Mandates {
		return nil, fmt.Errorf("delegations in the vote on %s: %w: the events here tell others than counted; this node joined later, ask one that was there", id, icn.ErrUnavailable)
	}
	return out, nil
}

func typePrefix(b icn.EventBody) store.Range {
	return store.Prefix([]byte(keyByType + b.EventType() + "/"))
}

// eachEvent calls fn for each event that an index finds, in order.
func eachEvent(st store.Store, r store.Range, fn func(icn.Event) error) error {
	var bad error
	err := st.Scan(r, func(k, _ []byte) bool {
		index, number := eventPlace(k)
		var e icn.Event
		v, err := st.Get(eventKey(index, number))
		if err == nil {
			err = json.Unmarshal(v, &e)
		}
		if err == nil {
			err = fn(e)
		}
		bad = err
		return err == nil
	})
	return errors.Join(err, bad)
}

package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/proof"
	"github.com/InterCooperative-Network/icn-core/state"
	"github.com/InterCooperative-Network/icn-core/store"
)

// proofs keep what a stranger is shown of this node's state: the rows of votes that
// are closed, and who the clerks were, each with a proof under a certified checkpoint.
// A row is proven when a checkpoint is computed, because the state is then the one
// that it is about, and stored when that checkpoint is certified.
type proofs struct {
	votes  map[icn.CID]uint64 // whose row has changed at an entry, and is not stored with a proof yet
	clerks uint64             // the entry since which others are the clerks; 0 = the last hand-over tells them
	told   []identity.Clerk   // by the last hand-over, or the genesis
	next   uint64             // the number of the next hand-over
	at     map[uint64]provenAt
	late   *certifiedAt // waits for the words of clerks who were slower than others
}

// certifiedAt is a checkpoint that was certified by the new clerks, before enough of
// those before them had signed it.
type certifiedAt struct {
	own  icn.Checkpoint
	note string
	at   provenAt
	sigs map[icn.DID]icn.NoteSig
}

// provenAt are rows as of a checkpoint.
type provenAt struct {
	votes  map[icn.CID]provenRow
	clerks *provenRow
}

// provenRow is a row of the state, shown under a checkpoint.
type provenRow struct {
	Note  string `json:"note"`
	Row   []byte `json:"row"`
	Proof []byte `json:"proof"`
}

func (r provenRow) handover() (proof.Handover, error) {
	p, err := readStateProof(r.Proof)
	return proof.Handover{Note: r.Note, Row: r.Row, Proof: p}, err
}

func readStateProof(b []byte) (state.Proof, error) {
	r := icn.NewReader(b)
	p := state.ReadProof(r)
	return p, r.Close()
}

// loadProofs finds what was shown already, and what is still to be.
func (l *Loop) loadProofs() error {
	l.proofs = proofs{votes: map[icn.CID]uint64{}, at: map[uint64]provenAt{}, told: identity.Founding(l.m.Genesis())}
	all, err := handovers(l.st)
	if err != nil {
		return err
	}
	if l.proofs.next = uint64(len(all)); l.proofs.next > 0 {
		r := icn.NewReader(all[len(all)-1].Row)
		if l.proofs.told = identity.ReadClerks(r); r.Close() != nil {
			return fmt.Errorf("change of clerks %d: %w: %v", l.proofs.next, icn.ErrCorrupt, r.Close())
		}
	}
	head := l.m.Head().Index
	l.clerksChanged(head)
	for _, id := range l.m.ClosedVotes() {
		row, _, _ := l.m.ProveProposal(id)
		old, err := shownVote(l.st, id)
		switch {
		case errors.Is(err, icn.ErrNotFound), err == nil && string(old.Row) != string(row):
			l.proofs.votes[id] = head
		case err != nil:
			return err
		}
	}
	return nil
}

// clerksChanged notes that others may be the clerks from an entry on.
func (l *Loop) clerksChanged(index uint64) {
	if now := l.m.ClerksInForce(); slices.Equal(now, l.proofs.told) {
		l.proofs.clerks = 0
	} else if l.proofs.clerks == 0 {
		l.proofs.clerks = index
	}
}

// handsOver says whether this node was a clerk by the last hand-over and others are
// now: its word on who they are is still wanted. Where all clerks change at once,
// nobody else could show strangers that the new ones are.
func (l *Loop) handsOver() bool {
	return l.proofs.clerks != 0 && slices.ContainsFunc(l.proofs.told, func(c identity.Clerk) bool { return c.DID == l.me })
}

// decidedAt notes that a row of a closed vote changed.
func (l *Loop) decidedAt(index uint64, body icn.EventBody) {
	switch e := body.(type) {
	case icn.VotingClosed:
		l.proofs.votes[e.Proposal] = index
	case icn.ProposalMoved:
		if p, ok := l.m.Proposal(e.Proposal); ok && p.Count.Closed != 0 {
			l.proofs.votes[e.Proposal] = index
		}
	}
}

// keepChange stores what a vote would change, where this node comes to the same as the
// vote is bound to.
func (l *Loop) keepChange(e icn.VotingOpened) {
	p, ok := l.m.Proposal(e.Proposal)
	if !ok {
		return
	}
	l.mu.Lock()
	r, err := l.m.Rehearse(p.Motion, nil)
	l.mu.Unlock()
	if err != nil || r.Difference != p.Vote.Difference {
		return // another entry's operation has come in between; the hash is in the state all the same
	}
	if text, err := icn.DifferenceText(r.Events); err == nil {
		l.batch.Put(changeKey(e.Proposal), text)
	}
}

// proveAt proves what is wanted, as of a checkpoint that was just computed.
func (l *Loop) proveAt(size uint64) {
	if len(l.proofs.votes) == 0 && l.proofs.clerks == 0 {
		return
	}
	at := provenAt{votes: map[icn.CID]provenRow{}}
	l.mu.Lock()
	for id := range l.proofs.votes { // order: each is proven by itself
		if row, p, ok := l.m.ProveProposal(id); ok {
			at.votes[id] = provenRow{Row: row, Proof: p.Append(nil)}
		}
	}
	if l.proofs.clerks != 0 {
		row, p, _ := l.m.ProveClerks()
		at.clerks = &provenRow{Row: row, Proof: p.Append(nil)}
	}
	l.mu.Unlock()
	l.proofs.at[size] = at
	forget(l.proofs.at)
}

// keepProofs stores what was proven as of a checkpoint that is certified now.
func (l *Loop) keepProofs(own icn.Checkpoint, note string) {
	at, ok := l.proofs.at[own.Size]
	for n := range l.proofs.at { // order: each is dropped by itself
		if n <= own.Size {
			delete(l.proofs.at, n)
		}
	}
	l.proofs.late = nil
	if !ok {
		return
	}
	c := &certifiedAt{own: own, note: note, at: at, sigs: map[icn.DID]icn.NoteSig{}}
	for d, s := range l.points.sigs[own.Size] { // order: a map is made of them
		if s.c == own {
			c.sigs[d] = s.sig
		}
	}
	if at.clerks != nil && !l.keepHandover(c) {
		l.proofs.late = c
		return
	}
	l.keepVotes(c)
}

// awaits says whether a clerk's word about a certified checkpoint is still wanted.
func (l *Loop) awaits(from icn.DID, c icn.Checkpoint) bool {
	late := l.proofs.late
	if late == nil || late.own != c {
		return false
	}
	_, said := late.sigs[from]
	return !said
}

// lateSign takes a clerk's word about a checkpoint that is certified, if it was waited
// for.
func (l *Loop) lateSign(s signed) {
	c := l.proofs.late
	if c.sigs[s.sig.Signer] = s.sig; l.keepHandover(c) {
		l.keepVotes(c)
		l.proofs.late = nil
	}
}

func (l *Loop) keepVotes(c *certifiedAt) {
	for id, row := range c.at.votes { // order: each is stored under its own key
		row.Note = c.note
		l.batch.Put(shownVoteKey(id), marshal(row))
		if l.proofs.votes[id] <= c.own.Size {
			delete(l.proofs.votes, id)
		}
	}
}

// keepHandover stores who the clerks are, if a majority of those before them has
// signed it. What new clerks sign is good for nothing before.
func (l *Loop) keepHandover(c *certifiedAt) bool {
	r := icn.NewReader(c.at.clerks.Row)
	next := identity.ReadClerks(r)
	if r.Close() != nil {
		return false
	}
	is := func(all []identity.Clerk, d icn.DID) bool {
		return slices.ContainsFunc(all, func(c identity.Clerk) bool { return c.DID == d })
	}
	var sigs []icn.NoteSig
	with := 0
	for _, d := range sortedDIDs(c.sigs) {
		if before := is(l.proofs.told, d); before || is(next, d) {
			sigs = append(sigs, c.sigs[d])
			if before {
				with++
			}
		}
	}
	if with < len(l.proofs.told)/2+1 {
		return false
	}
	row := *c.at.clerks
	row.Note = c.own.Note(sigs)
	l.batch.Put(handoverKey(l.proofs.next), marshal(row))
	l.proofs.next++
	l.proofs.told = next
	l.clerksChanged(c.own.Size)
	return true
}

func shownVoteKey(id icn.CID) []byte { return []byte(keyShownVote + id.KeyString()) }
func changeKey(id icn.CID) []byte    { return []byte(keyChange + id.KeyString()) }
func handoverKey(n uint64) []byte    { return uintKey(keyHandover, n) }

func shownVote(st store.Store, id icn.CID) (r provenRow, err error) {
	v, err := st.Get(shownVoteKey(id))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(v, &r)
}

// handovers are all changes of clerks that were shown so far.
func handovers(st store.Store) (out []proof.Handover, err error) {
	var bad error
	err = st.Scan(store.Prefix([]byte(keyHandover)), func(_, v []byte) bool {
		var r provenRow
		var h proof.Handover
		if bad = json.Unmarshal(v, &r); bad == nil {
			h, bad = r.handover()
		}
		out = append(out, h)
		return bad == nil
	})
	if err = errors.Join(err, bad); err != nil {
		return nil, fmt.Errorf("changes of clerks: %w", err)
	}
	return out, nil
}

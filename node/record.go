package node

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// recordEntry writes an entry, the Merkle tree's hashes and the events, with the
// ways to find them.
func recordEntry(b *store.Batch, e icn.Entry, out core.Outcome) {
	b.Put(EntryKey(e.Index), out.Leaf)
	for i, h := range out.Hashes {
		b.Put(HashKey(out.Stored+int64(i)), h[:])
	}
	if e.Statement != nil && out.Spent {
		b.Put(saidKey(e.Statement.Author, e.Statement.Number), saidValue(e, out.Refused))
	}
	for _, ev := range out.Events {
		b.Put(eventKey(ev.Index, ev.Number), marshal(ev))
		b.Put(eventTypeKey(ev.Type, ev.Index, ev.Number), nil)
		job, accounts := subjects(ev.Body)
		if job.Defined() {
			b.Put(eventJobKey(job, ev.Index, ev.Number), nil)
		}
		for _, d := range accounts {
			b.Put(eventAccountKey(d, ev.Index, ev.Number), nil)
		}
	}
}

// saidValue tells what became of a statement: its entry, its hash, and why it was
// refused, if it was.
func saidValue(e icn.Entry, refused error) []byte {
	h := sha256.Sum256(e.Wire)
	v := append(binary.BigEndian.AppendUint64(make([]byte, 0, 40), e.Index), h[:]...)
	if refused != nil {
		v = append(v, refused.Error()...)
	}
	return v
}

// trusted is what is known of the signature of a statement whose entry was folded
// into m before, up to the entry before it. One that used up its number was
// verified then; of others it is not known why they were refused.
func trusted(st store.Store, m *core.Machine, e icn.Entry) core.Checked {
	if e.Statement == nil {
		return core.Checked{}
	}
	v, err := st.Get(saidKey(e.Statement.Author, e.Statement.Number))
	if err != nil || len(v) < 40 || binary.BigEndian.Uint64(v) != e.Index || [32]byte(v[8:40]) != sha256.Sum256(e.Wire) {
		return core.Checked{}
	}
	return core.Checked{Key: m.KeyOf(e.Statement.Author), OK: true}
}

// subjects tells which job an event is about and whose accounts it changed.
func subjects(body icn.EventBody) (icn.CID, []icn.DID) {
	switch e := body.(type) {
	case icn.AccountOpened:
		return icn.CID{}, []icn.DID{e.Account}
	case icn.JobPosted:
		return e.Job, []icn.DID{e.Submitter}
	case icn.JobAssigned:
		return e.Job, nil
	case icn.AttemptFailed:
		if e.Executor != nil {
			return e.Job, []icn.DID{*e.Executor}
		}
		return e.Job, nil
	case icn.JobSettled:
		all := []icn.DID{e.Submitter}
		for _, d := range e.Executors() {
			if !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
		return e.Job, all
	case icn.JobRolledBack:
		return e.Job, []icn.DID{e.Submitter}
	case icn.RunFailed:
		return e.Job, []icn.DID{e.Executor}
	case icn.JobSaved:
		return e.Job, nil
	case icn.ExecutorBanned:
		return e.Job, []icn.DID{e.Executor}
	case icn.BanLifted:
		return icn.CID{}, []icn.DID{e.Executor}
	case icn.CheckOpened:
		return e.Job, nil
	case icn.CheckEnded:
		return e.Job, nil
	case icn.ExecutorConvicted:
		return e.Job, []icn.DID{e.Executor}
	case icn.Refunded:
		if e.From == e.To {
			return e.Job, []icn.DID{e.From}
		}
		return e.Job, []icn.DID{e.From, e.To}
	case icn.ManaSpent:
		return icn.CID{}, []icn.DID{e.Account}
	case icn.TierChanged:
		return icn.CID{}, []icn.DID{e.Account}
	case icn.BudgetGranted:
		return icn.CID{}, []icn.DID{e.Account}
	case icn.ProposerThanked:
		return icn.CID{}, []icn.DID{e.Account}
	case icn.ReputationFrozen:
		return icn.CID{}, []icn.DID{e.Who}
	case icn.JobCancelled:
		return e.Job, []icn.DID{e.Submitter}
	}
	return decided(body)
}

// decided are the subjects of what governance tells: the proposal stands where a job
// does. A parameter that changes concerns every account; it is found under nobody's.
func decided(body icn.EventBody) (icn.CID, []icn.DID) {
	switch e := body.(type) {
	case icn.ProposalCreated:
		return e.Proposal, []icn.DID{e.Proposer}
	case icn.ProposalSponsored:
		return e.Proposal, nil
	case icn.ProposalMoved:
		return e.Proposal, nil
	case icn.VotingOpened:
		return e.Proposal, nil
	case icn.VoteCast:
		if e.By != nil {
			return e.Proposal, []icn.DID{*e.By}
		}
		return e.Proposal, []icn.DID{e.Voter}
	case icn.VotingClosed:
		return e.Proposal, nil
	case icn.Enacted:
		return e.Proposal, nil
	case icn.ProposerThanked:
		return e.Proposal, []icn.DID{e.Account}
	case icn.BudgetGranted:
		return icn.CID{}, []icn.DID{e.Account}
	case icn.ReputationFrozen:
		return icn.CID{}, []icn.DID{e.Who}
	}
	return icn.CID{}, nil
}

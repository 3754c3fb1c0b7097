package node

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/proof"
	"github.com/InterCooperative-Network/icn-core/store"
)

// part of the store that belongs to the federation this node works in.
func (n *Node) here() (store.Store, error) {
	l := n.loop.Load()
	if l == nil {
		return nil, fmt.Errorf("node: %w: it is %s", icn.ErrUnavailable, n.State())
	}
	return l.st, nil
}

// EventFilter says which events are wanted. After is exclusive; the zero filter
// is all.
type EventFilter struct {
	Type   string // a type, or its everyday name: rollback, settled, …
	Author *icn.DID
	Job    *icn.CID
	Acct   *icn.DID
	After  uint64 // entries up to this one are left out
	Tail   int    // the last so many, instead of the first
	Limit  int
}

// MaxEvents is the largest number of events in one answer.
const MaxEvents = 1000

// Events reads events from the store, in the order of the log.
func (n *Node) Events(f EventFilter) ([]json.RawMessage, error) {
	st, err := n.here()
	if err != nil {
		return nil, err
	}
	limit := f.Limit
	if f.Tail > 0 {
		limit = f.Tail
	}
	if limit <= 0 || limit > MaxEvents {
		limit = MaxEvents
	}
	typ, err := EventType(f.Type)
	if err != nil {
		return nil, err
	}
	prefix := []byte(keyEvent)
	switch {
	case f.Job != nil:
		prefix = []byte(keyJob + f.Job.KeyString() + "/")
	case f.Acct != nil:
		prefix = []byte(keyAccount + string(f.Acct[:]))
	case typ != "":
		prefix = []byte(keyByType + typ + "/")
	}
	r := store.Prefix(prefix)
	r.From = uintKey(string(prefix), f.After+1)
	r.Reverse = f.Tail > 0
	var out []json.RawMessage
	var bad error
	err = st.Scan(r, func(k, v []byte) bool {
		at := k[len(k)-16:]
		ev := append([]byte(nil), v...)
		if len(v) == 0 {
			ev, bad = st.Get(append([]byte(keyEvent), at...))
			if bad != nil {
				return false
			}
		}
		if matches(ev, typ, f.Author) {
			out = append(out, ev)
		}
		return len(out) < limit
	})
	if err = errors.Join(err, bad); err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	if r.Reverse {
		for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
			out[i], out[j] = out[j], out[i]
		}
	}
	return out, nil
}

func matches(ev []byte, typ string, author *icn.DID) bool {
	if typ == "" && author == nil {
		return true
	}
	var e struct {
		Type   string   `json:"type"`
		Author *icn.DID `json:"author"`
	}
	if json.Unmarshal(ev, &e) != nil {
		return false
	}
	return (typ == "" || e.Type == typ) && (author == nil || e.Author != nil && *e.Author == *author)
}

// eventTypes lists all types with an everyday name, as the deployment guide uses.
var eventTypes = []struct{ typ, word string }{
	{"Refused", "refused"}, {"AccountOpened", "account"}, {"NodeAdmitted", "node"}, {"NodeRejoined", "rejoin"}, {"NodeLeft", "leave"}, {"ExpulsionVoted", "expel"},
	{"InviteCreated", "invite"}, {"MemberAdmitted", "member"}, {"KeyRotated", "rotated"}, {"AuditAnchored", "audit"}, {"JobPosted", "posted"}, {"JobAssigned", "assigned"}, {"AttemptFailed", "failed"},
	{"JobSettled", "settled"}, {"JobRolledBack", "rollback"}, {"JobCancelled", "cancelled"}, {"CheckpointDue", "checkpoint"},
	{"RunFailed", "run-failed"}, {"JobSaved", "saved"}, {"ExecutorBanned", "banned"}, {"BanLifted", "lifted"}, {"CheckOpened", "check"},
	{"CheckEnded", "checked"}, {"ExecutorConvicted", "convicted"}, {"Refunded", "refund"}, {"ManaSpent", "spent"}, {"TierChanged", "tier"}, {"ProfileChanged", "profile"},
	{"MemberLeft", "left"}, {"MemberSuspended", "suspended"}, {"MemberReinstated", "reinstated"}, {"GuardiansChanged", "guardians"},
	{"RecoverySupported", "recovery"}, {"RecoveryVetoed", "recovery-veto"},
	{"ProposalCreated", "proposal"}, {"ProposalSponsored", "sponsor"}, {"ProposalMoved", "stage"}, {"VotingOpened", "opened"}, {"VoteCast", "vote"},
	{"VoteDelegated", "delegation"}, {"DelegationRevoked", "revoked"}, {"VotingClosed", "closed"}, {"Enacted", "enacted"}, {"RuleChanged", "rule"},
	{"ClerksChosen", "clerks"}, {"VetoGroupChanged", "veto-group"}, {"BudgetGranted", "budget"}, {"ProposerThanked", "thanks"},
	{"UpgradeNoticed", "upgrade"}, {"CredentialPaused", "credential"}, {"ReputationFrozen", "frozen"},
}

// EventType finds a type by its name or its everyday name.
func EventType(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	var known []string
	for _, t := range eventTypes {
		if strings.EqualFold(s, t.typ) || strings.EqualFold(s, t.word) {
			return t.typ, nil
		}
		known = append(known, t.word)
	}
	return "", fmt.Errorf("event type %q: %w: one of %s", s, icn.ErrInvalid, strings.Join(known, ", "))
}

// Entry reads an entry of the log.
func (n *Node) Entry(index uint64) (*icn.Entry, error) {
	st, err := n.here()
	if err != nil {
		return nil, err
	}
	v, err := st.Get(EntryKey(index))
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", index, err)
	}
	return icn.DecodeEntry(v)
}

// hashes reads stored hashes for proofs.
type hashes struct{ st store.Store }

// ReadHashes implements tlog.HashReader.
func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		v, err := h.st.Get(HashKey(x))
		if err != nil || len(v) != 32 {
			return nil, fmt.Errorf("stored hash %d: %w", x, errors.Join(err, icn.ErrCorrupt))
		}
		out[i] = tlog.Hash(v)
	}
	return out, nil
}

// Proof proves, with a certified checkpoint, that an entry is in the log.
type Proof struct {
	Index      uint64   `json:"index"`
	Entry      []byte   `json:"entry"`
	Checkpoint string   `json:"checkpoint"`
	Hashes     [][]byte `json:"hashes"`
	Rotations  [][]byte `json:"rotations,omitempty"` // statements by which those who signed have got other keys
}

// Proof waits until a certified checkpoint covers the entry, or ctx ends.
func (n *Node) Proof(ctx context.Context, index uint64) (Proof, error) {
	p := Proof{Index: index}
	st, err := n.here()
	if err != nil {
		return p, err
	}
	if p.Entry, err = st.Get(EntryKey(index)); err != nil {
		return p, fmt.Errorf("entry %d: %w", index, err)
	}
	size, note, err := n.covered(ctx, index)
	if err != nil {
		return p, err
	}
	proof, err := tlog.ProveRecord(int64(size), int64(index-1), hashes{st})
	if err != nil {
		return p, fmt.Errorf("proof of entry %d: %w: %v", index, icn.ErrUnavailable, err)
	}
	p.Checkpoint = note
	if p.Rotations, err = p.rotations(st); err != nil {
		return p, err
	}
	for _, h := range proof {
		p.Hashes = append(p.Hashes, h[:])
	}
	return p, nil
}

// rotations are the statements that tell the keys of whoever signed p.
func (p Proof) rotations(st store.Store) ([][]byte, error) {
	e, err := icn.DecodeEntry(p.Entry)
	if err != nil {
		return nil, err
	}
	_, sigs, err := icn.ParseNote(p.Checkpoint)
	if err != nil {
		return nil, err
	}
	var of []icn.DID
	if e.Statement != nil {
		of = append(of, e.Statement.Author)
	}
	for _, s := range sigs {
		of = append(of, s.Signer)
	}
	return rotations(st, of)
}

func (n *Node) covered(ctx context.Context, index uint64) (uint64, string, error) {
	s := n.Subscribe()
	defer s.Close()
	tick := newTicker()
	defer tick.Stop()
	for {
		l := n.loop.Load()
		if l == nil {
			return 0, "", fmt.Errorf("checkpoint: %w: the node is %s", icn.ErrUnavailable, n.State())
		}
		if size, note := l.Certified(); size >= index {
			return size, note, nil
		}
		select {
		case <-ctx.Done():
			return 0, "", fmt.Errorf("checkpoint over entry %d: %w: the clerks have not certified it yet; ask again in a few seconds", index, icn.ErrUnavailable)
		case <-tick.C:
		}
	}
}

// Keyring tells the keys of whoever signed the proof or its entry.
func (p Proof) Keyring(network icn.CID, verify core.Verify) (icn.Keyring, error) {
	return proof.Inclusion(p).Keyring(network, verify)
}

// Verify checks the proof against the clerks' keys, with nothing else at hand.
func (p Proof) Verify(network icn.CID, clerks []icn.DID, verify core.Verify) error {
	return proof.Inclusion(p).Verify(network, clerks, verify)
}

// eventPlace takes an event's place out of its key.
func eventPlace(k []byte) (uint64, uint32) {
	at := k[len(k)-16:]
	return binary.BigEndian.Uint64(at), uint32(binary.BigEndian.Uint64(at[8:]))
}

// Package identity is the fold that knows who belongs to the federation: nodes,
// persons, organisations, the keys they sign with, and open join codes; and who
// was on the roll of members at which entry.
//
// The invariant it keeps: a place in the order (a Raft id) is given out once and
// never again, the clerks are an odd number of active nodes, and nobody who ever
// was a member is forgotten.
//
// It keeps no capacity and no keys' secrets, checks no signatures, and knows nothing
// of Raft but the numbers.
//
//	f := identity.New(db)
//	effects := f.Found(genesis)
//	effects, events, err := f.Apply(step, icn.NodeAdmit{Node: did})
//	clerks := f.Clerks(rules)
//	roll := f.Roll(index, icn.Persons)
package identity

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/state"
)

// Node is a machine of the federation.
type Node struct {
	Name   string
	RaftID uint64 // its place in the order; a new one after each rejoin
	Seq    uint64 // order of admission
	Active bool
	Addrs  []string // as they were when it was admitted: hints
}

// Peer is a node and its place in the order.
type Peer struct {
	DID    icn.DID
	RaftID uint64
}

// Fold is the state of identity.
type Fold struct {
	nodes      *state.Table[icn.DID, Node]
	members    *state.Table[icn.DID, Member]
	invites    *state.Table[[32]byte, Invite]
	keys       *state.Table[icn.DID, Key]      // of those who have another than their DID's
	owners     *state.Table[[32]byte, icn.DID] // of keys that are no DIDs
	ballots    *state.Table[icn.DID, Ballots]  // on the nodes that clerks want to expel
	guardians  *state.Table[icn.DID, Guardians]
	recoveries *state.Table[icn.DID, Recovery]    // of members that may get a new key
	choice     *state.Table[state.One, []icn.DID] // nodes that shall be clerks first
	kept       *state.Table[state.One, []Clerk]   // the clerks in force, for proofs
	next       *state.Table[state.One, uint64]    // the next Raft id and admission number

	// Derived, never stored.
	active []icn.DID          // active nodes by Seq
	rank   []icn.DID          // active nodes, those that shall be clerks first
	given  map[icn.DID]uint64 // stored join codes of each giver
}

// New registers the fold's tables.
func New(db *state.DB) *Fold {
	return &Fold{
		nodes: state.NewTable(db, state.Spec[icn.DID, Node]{
			Name: "node", Key: state.DIDKey, Parse: state.ParseDIDKey, Append: appendNode, Read: readNode}),
		members: state.NewTable(db, state.Spec[icn.DID, Member]{
			Name: "member", Key: state.DIDKey, Parse: state.ParseDIDKey, Append: appendMember, Read: readMember}),
		invites: state.NewTable(db, state.Spec[[32]byte, Invite]{
			Name: "invite", Key: hashKey, Parse: parseHashKey, Append: appendInvite, Read: readInvite}),
		keys: state.NewTable(db, state.Spec[icn.DID, Key]{
			Name: "key", Key: state.DIDKey, Parse: state.ParseDIDKey, Append: appendKey, Read: readKey}),
		owners: state.NewTable(db, state.Spec[[32]byte, icn.DID]{
			Name: "key-owner", Key: hashKey, Parse: parseHashKey, Append: appendOwner, Read: readOwner}),
		ballots: state.NewTable(db, state.Spec[icn.DID, Ballots]{
			Name: "expulsion", Key: state.DIDKey, Parse: state.ParseDIDKey, Append: appendBallots, Read: readBallots}),
		guardians: state.NewTable(db, state.Spec[icn.DID, Guardians]{
			Name: "guardians", Key: state.DIDKey, Parse: state.ParseDIDKey, Append: appendGuardians, Read: readGuardians}),
		recoveries: state.NewTable(db, state.Spec[icn.DID, Recovery]{
			Name: "recovery", Key: state.DIDKey, Parse: state.ParseDIDKey, Append: appendRecovery, Read: readRecovery}),
		choice: state.NewTable(db, state.Spec[state.One, []icn.DID]{
			Name: "clerk-choice", Key: state.OneKey, Parse: state.ParseOneKey, Append: icn.AppendDIDs,
			Read: func(r *icn.Reader) []icn.DID { return r.DIDs(maxChoice) }}),
		kept: state.NewTable(db, state.Spec[state.One, []Clerk]{
			Name: ClerksTable, Key: state.OneKey, Parse: state.ParseOneKey, Append: appendClerks, Read: ReadClerks}),
		next: state.NewTable(db, state.Spec[state.One, uint64]{
			Name: "next-node", Key: state.OneKey, Parse: state.ParseOneKey, Append: icn.AppendUint,
			Read: func(r *icn.Reader) uint64 { return r.Uint() }}),
	}
}

// Found fills the tables from a genesis and says whose accounts to open.
func (f *Fold) Found(g *icn.Genesis) []icn.Effect {
	var out []icn.Effect
	for i, n := range g.Nodes {
		f.nodes.Put(n.DID, Node{Name: n.Name, RaftID: uint64(i + 1), Seq: uint64(i + 1), Active: true})
		out = append(out, icn.OpenAccount{Account: n.DID})
	}
	f.next.Put(state.One{}, uint64(len(g.Nodes)+1))
	for _, m := range g.Members {
		f.members.Put(m.DID, Member{Role: m.Role, Name: m.Name, Spans: []Span{{}}})
		out = append(out, icn.OpenAccount{Account: m.DID})
	}
	f.Refresh()
	f.KeepClerks(g.Rules)
	return out
}

// Refresh rebuilds what is derived from the tables; call it after they were
// restored or rolled back.
func (f *Fold) Refresh() {
	type at struct {
		did icn.DID
		seq uint64
	}
	var all []at
	f.nodes.Each(func(d icn.DID, n Node) bool {
		if n.Active {
			all = append(all, at{d, n.Seq})
		}
		return true
	})
	slices.SortFunc(all, func(a, b at) int { return cmp.Compare(a.seq, b.seq) })
	f.active = f.active[:0]
	for _, a := range all {
		f.active = append(f.active, a.did)
	}
	f.order()
	f.given = map[icn.DID]uint64{}
	f.invites.Each(func(_ [32]byte, i Invite) bool {
		f.given[i.By]++
		return true
	})
}

// Node returns an active node.
func (f *Fold) Node(d icn.DID) (Node, bool) {
	n, ok := f.nodes.Get(d)
	return n, ok && n.Active
}

// OfSeat is the node that has, or had last, this place in the order.
func (f *Fold) OfSeat(raftID uint64) (who icn.DID, found bool) {
	f.nodes.Each(func(d icn.DID, n Node) bool {
		if n.RaftID == raftID {
			who, found = d, true
		}
		return !found
	})
	return who, found
}

// Nodes lists the active nodes in order of admission.
func (f *Fold) Nodes() []Peer { return f.peers(f.active) }

func (f *Fold) peers(of []icn.DID) []Peer {
	out := make([]Peer, 0, len(of))
	for _, d := range of {
		n, _ := f.nodes.Get(d)
		out = append(out, Peer{d, n.RaftID})
	}
	return out
}

// Step is what the fold may know of the entry it applies.
type Step struct {
	Author icn.DID
	Index  uint64
	Time   icn.Time
	Rules  icn.Rules
}

// Apply carries out one operation, or says why not.
func (f *Fold) Apply(s Step, op icn.Op) ([]icn.Effect, []icn.EventBody, error) {
	switch o := op.(type) {
	case icn.NodeAdmit:
		return f.admitNode(s, o)
	case icn.NodeRejoin:
		return f.rejoin(s, o)
	case icn.NodeLeave:
		return f.leave(s)
	case icn.NodeExpel:
		return f.expel(s, o)
	case icn.InviteCreate:
		return f.invite(s, o)
	case icn.MemberAdmit:
		return f.admitMember(s, o)
	case icn.KeyRotate:
		return f.rotate(s, o)
	case icn.AuditHead:
		return f.anchor(s, o)
	case icn.MemberLeave:
		return f.leaveMembers(s)
	case icn.GuardiansSet:
		return f.setGuardians(s, o)
	case icn.RecoverySupport:
		return f.support(s, o)
	case icn.RecoveryVeto:
		return f.veto(s)
	}
	return nil, nil, fmt.Errorf("%s: %w: not an operation on identities", op.Kind(), icn.ErrInvalid)
}

func (f *Fold) admitNode(s Step, o icn.NodeAdmit) ([]icn.Effect, []icn.EventBody, error) {
	if err := f.usable(o.Node); err != nil {
		return nil, nil, fmt.Errorf("admit node: %w", err)
	}
	old, known := f.nodes.Get(o.Node)
	if known && old.Active {
		return nil, nil, fmt.Errorf("admit node %s: %w: it belongs already", o.Node.Short(), icn.ErrConflict)
	}
	if k, ok := f.keys.Get(o.Node); ok && k.Given {
		return nil, nil, fmt.Errorf("admit node %s: %w: guardians gave it its key, so what it signs as a clerk could not be proven; give the node an identity of its own", o.Node.Short(), icn.ErrConflict)
	}
	if err := f.mayAdmit(s, icn.RoleNode, o.Code); err != nil {
		return nil, nil, fmt.Errorf("admit node %s: %w", o.Node.Short(), err)
	}
	id := f.take()
	f.nodes.Put(o.Node, Node{Name: o.Name, RaftID: id, Seq: id, Active: true, Addrs: o.Addrs})
	f.Refresh()
	var effects []icn.Effect
	if _, member := f.members.Get(o.Node); !known && !member {
		effects = append(effects, icn.OpenAccount{Account: o.Node})
	}
	return effects, []icn.EventBody{icn.NodeAdmitted{Node: o.Node, Name: o.Name, RaftID: id}}, nil
}

func (f *Fold) rejoin(s Step, o icn.NodeRejoin) ([]icn.Effect, []icn.EventBody, error) {
	n, ok := f.Node(s.Author)
	if !ok {
		return nil, nil, fmt.Errorf("rejoin: %w: not a node of this federation", icn.ErrDenied)
	}
	was := n.RaftID
	n.RaftID = f.take()
	f.nodes.Put(s.Author, n)
	return nil, []icn.EventBody{icn.NodeRejoined{Node: s.Author, RaftID: n.RaftID, Was: was, Reason: o.Reason}}, nil
}

func (f *Fold) leave(s Step) ([]icn.Effect, []icn.EventBody, error) {
	n, ok := f.Node(s.Author)
	if !ok {
		return nil, nil, fmt.Errorf("leave: %w: not a node of this federation", icn.ErrDenied)
	}
	if len(f.active) == 1 {
		return nil, nil, fmt.Errorf("leave: %w: the last node cannot leave", icn.ErrConflict)
	}
	f.out(s.Author, n)
	return nil, []icn.EventBody{icn.NodeLeft{Node: s.Author}}, nil
}

// out takes an active node out, and what was said against it.
func (f *Fold) out(d icn.DID, n Node) {
	n.Active = false
	f.nodes.Put(d, n)
	f.ballots.Delete(d)
	f.unchoose(d)
	f.Refresh()
}

// usable says whether d can be somebody's DID here.
func (f *Fold) usable(d icn.DID) error {
	switch _, key := f.owners.Get(d); {
	case d.IsZero():
		return fmt.Errorf("%w: the zero DID names nobody", icn.ErrInvalid)
	case d.Weak():
		return fmt.Errorf("%w: anybody could sign as %s", icn.ErrInvalid, d)
	case key:
		return fmt.Errorf("%w: %s is a key of somebody who belongs", icn.ErrConflict, d)
	}
	return nil
}

// take hands out the next place in the order.
func (f *Fold) take() uint64 {
	id, _ := f.next.Get(state.One{})
	f.next.Put(state.One{}, id+1)
	return id
}

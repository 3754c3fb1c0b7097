// Package identity is the fold that knows who belongs to the federation: nodes,
// persons, organisations, the keys they sign with, and open join codes.
//
// The invariant it keeps: a place in the order (a Raft id) is given out once and
// never again, and the clerks are an odd number of active nodes.
//
// It keeps no capacity and no keys' secrets, checks no signatures, and knows nothing
// of Raft but the numbers.
//
//	f := identity.New(db)
//	effects := f.Found(genesis)
//	effects, events, err := f.Apply(step, icn.NodeAdmit{Node: did})
//	clerks := f.Clerks(rules)
package identity

import (
	"cmp"
	"crypto/sha256"
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

// Member is a person or an organisation.
type Member struct {
	Role  icn.Role
	Name  string
	Since uint64 // the entry that admitted it; 0 = founder
}

// Invite is an unused join code.
type Invite struct {
	Role    icn.Role
	Expires icn.Time
	By      icn.DID
}

// Peer is a node and its place in the order.
type Peer struct {
	DID    icn.DID
	RaftID uint64
}

// Fold is the state of identity.
type Fold struct {
	nodes   *state.Table[icn.DID, Node]
	members *state.Table[icn.DID, Member]
	invites *state.Table[[32]byte, Invite]
	keys    *state.Table[icn.DID, Key]      // of those who have another than their DID's
	owners  *state.Table[[32]byte, icn.DID] // of keys that are no DIDs
	ballots *state.Table[icn.DID, Ballots]  // on the nodes that clerks want to expel
	next    *state.Table[state.One, uint64] // the next Raft id and admission number
	active  []icn.DID                       // active nodes by Seq: derived, never stored
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
		f.members.Put(m.DID, Member{Role: m.Role, Name: m.Name})
		out = append(out, icn.OpenAccount{Account: m.DID})
	}
	f.Refresh()
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

// Member returns a member.
func (f *Fold) Member(d icn.DID) (Member, bool) { return f.members.Get(d) }

// Belongs says whether d may speak: an active node or a member.
func (f *Fold) Belongs(d icn.DID) bool {
	if _, ok := f.Node(d); ok {
		return true
	}
	_, ok := f.members.Get(d)
	return ok
}

// Nodes lists the active nodes in order of admission.
func (f *Fold) Nodes() []Peer { return f.peers(len(f.active)) }

// peers are the first n active nodes.
func (f *Fold) peers(n int) []Peer {
	out := make([]Peer, 0, n)
	for _, d := range f.active[:n] {
		n, _ := f.nodes.Get(d)
		out = append(out, Peer{d, n.RaftID})
	}
	return out
}

// Members calls fn for each member.
func (f *Fold) Members(fn func(icn.DID, Member) bool) { f.members.Each(fn) }

// Clerks are the nodes that order the log and sign checkpoints: the longest
// admitted ones, the largest odd number of them up to the rules' limit.
func (f *Fold) Clerks(r icn.Rules) []Peer {
	n := min(len(f.active), int(r.Clerks))
	if n > 0 && n%2 == 0 {
		n--
	}
	return f.peers(n)
}

// IsClerk says whether d is one of the clerks.
func (f *Fold) IsClerk(d icn.DID, r icn.Rules) bool {
	return slices.ContainsFunc(f.Clerks(r), func(p Peer) bool { return p.DID == d })
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
	}
	return nil, nil, fmt.Errorf("%s: %w: not an operation on identities", op.Kind(), icn.ErrInvalid)
}

func (f *Fold) admitNode(s Step, o icn.NodeAdmit) ([]icn.Effect, []icn.EventBody, error) {
	if o.Node.Weak() && !o.Node.IsZero() {
		return nil, nil, fmt.Errorf("admit node: %w: anybody could sign as %s", icn.ErrInvalid, o.Node)
	}
	if o.Node.IsZero() {
		return nil, nil, fmt.Errorf("admit node: %w: the zero DID names nobody", icn.ErrInvalid)
	}
	if _, key := f.owners.Get(o.Node); key {
		return nil, nil, fmt.Errorf("admit node %s: %w: that is a key of somebody who belongs", o.Node.Short(), icn.ErrConflict)
	}
	old, known := f.nodes.Get(o.Node)
	if known && old.Active {
		return nil, nil, fmt.Errorf("admit node %s: %w: it belongs already", o.Node.Short(), icn.ErrConflict)
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

// mayAdmit: a clerk may admit by its own word; anybody else needs a join code.
func (f *Fold) mayAdmit(s Step, role icn.Role, code []byte) error {
	if len(code) == 0 {
		if f.IsClerk(s.Author, s.Rules) {
			return nil
		}
		return fmt.Errorf("%w: only a clerk admits without a join code", icn.ErrDenied)
	}
	h := sha256.Sum256(code)
	inv, ok := f.invites.Get(h)
	switch {
	case !ok:
		return fmt.Errorf("%w: join code unknown or used", icn.ErrDenied)
	case s.Time > inv.Expires:
		return fmt.Errorf("%w: join code expired", icn.ErrDenied)
	case inv.Role != role:
		return fmt.Errorf("%w: join code is for the role %s", icn.ErrDenied, inv.Role)
	}
	f.invites.Delete(h)
	return nil
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
	f.Refresh()
}

// Limits on join codes: the longest life of one is 90 days, and so many may be
// open at a time.
const (
	maxInviteMillis = 90 * 24 * 3600 * 1000
	maxInvites      = 1000
)

func (f *Fold) invite(s Step, o icn.InviteCreate) ([]icn.Effect, []icn.EventBody, error) {
	if !f.IsClerk(s.Author, s.Rules) {
		return nil, nil, fmt.Errorf("invite: %w: only a clerk gives join codes", icn.ErrDenied)
	}
	if _, ok := f.invites.Get(o.CodeHash); ok {
		return nil, nil, fmt.Errorf("invite: %w: this code exists", icn.ErrConflict)
	}
	if o.Expires <= s.Time || o.Expires > s.Time+maxInviteMillis {
		return nil, nil, fmt.Errorf("invite: %w: must expire within 90 days", icn.ErrInvalid)
	}
	if f.invites.Len() >= maxInvites {
		f.dropExpired(s.Time)
	}
	if f.invites.Len() >= maxInvites {
		return nil, nil, fmt.Errorf("invite: %w: %d join codes are open, wait until some are used or expire", icn.ErrConflict, maxInvites)
	}
	f.invites.Put(o.CodeHash, Invite{Role: o.Role, Expires: o.Expires, By: s.Author})
	return nil, []icn.EventBody{icn.InviteCreated{Role: o.Role, Expires: o.Expires}}, nil
}

// dropExpired forgets codes that nobody can use any more.
func (f *Fold) dropExpired(now icn.Time) {
	var old [][32]byte
	f.invites.Each(func(h [32]byte, i Invite) bool {
		if now > i.Expires {
			old = append(old, h)
		}
		return true
	})
	for _, h := range old {
		f.invites.Delete(h)
	}
}

func (f *Fold) admitMember(s Step, o icn.MemberAdmit) ([]icn.Effect, []icn.EventBody, error) {
	if o.Member.Weak() && !o.Member.IsZero() {
		return nil, nil, fmt.Errorf("admit member: %w: anybody could sign as %s", icn.ErrInvalid, o.Member)
	}
	if o.Member.IsZero() {
		return nil, nil, fmt.Errorf("admit member: %w: the zero DID names nobody", icn.ErrInvalid)
	}
	if _, key := f.owners.Get(o.Member); key {
		return nil, nil, fmt.Errorf("admit member: %w: %s is a key of somebody who belongs", icn.ErrConflict, o.Member)
	}
	if _, ok := f.members.Get(o.Member); ok {
		return nil, nil, fmt.Errorf("admit member: %w: %s belongs already", icn.ErrConflict, o.Member)
	}
	if err := f.mayAdmit(s, o.Role, nil); err != nil {
		return nil, nil, fmt.Errorf("admit member: %w", err)
	}
	_, hadAccount := f.nodes.Get(o.Member)
	f.members.Put(o.Member, Member{Role: o.Role, Name: o.Name, Since: s.Index})
	var effects []icn.Effect
	if !hadAccount {
		effects = append(effects, icn.OpenAccount{Account: o.Member})
	}
	return effects, []icn.EventBody{icn.MemberAdmitted{Member: o.Member, Role: o.Role, Name: o.Name}}, nil
}

// take hands out the next place in the order.
func (f *Fold) take() uint64 {
	id, _ := f.next.Get(state.One{})
	f.next.Put(state.One{}, id+1)
	return id
}

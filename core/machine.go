// Package core composes the folds into one machine: it takes the federation's
// entries in their order and keeps what follows from them.
//
// The invariant: the same entries give the same state root, tree root and events
// on every node. An entry is applied whole or refused whole, and refusing leaves
// nothing behind but the used statement number and a Refused event.
//
// It reads no clock, no file and no network; what it must check a signature with
// is handed in. It is not safe for concurrent use.
//
//	m, err := core.New(genesis, key.Verify)
//	out, err := m.Apply(entry, core.Checked{})
//	due, ok := m.NextTimer()
//	duties := m.DutiesOf(me, job)
package core

import (
	"fmt"
	"strings"

	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/mana"
	"github.com/InterCooperative-Network/icn-core/mesh"
	"github.com/InterCooperative-Network/icn-core/reputation"
	"github.com/InterCooperative-Network/icn-core/state"
)

// Verify tells whether sig is key's signature over msg, under the one signature
// rule of the network (Ed25519 per ZIP 215).
type Verify func(key [32]byte, msg, sig []byte) bool

// Machine is a federation's state at an entry.
type Machine struct {
	network  icn.CID
	genesis  *icn.Genesis
	verify   Verify
	db       *state.DB
	head     *state.Table[state.One, Head]
	rules    *state.Table[state.One, icn.Rules]
	numbers  *state.Table[icn.DID, window]
	timers   timers
	identity *identity.Fold
	mana     *mana.Fold
	mesh     *mesh.Fold
	names    *reputation.Fold
	votes    *governance.Fold
	log      frontier
}

// Head is how far the log was applied.
type Head struct {
	Index uint64   `json:"index"`
	Time  icn.Time `json:"time_ms"`
	// Changed is the first entry since the last checkpoint that was more than a
	// tick; 0 = nothing is unsigned.
	Changed uint64 `json:"-"`
}

// New is the machine of a genesis block, before the first entry.
func New(genesis icn.Block, verify Verify) (*Machine, error) {
	m, err := empty(genesis, verify)
	if err != nil {
		return nil, err
	}
	m.head.Put(state.One{}, Head{Time: m.genesis.Created})
	m.rules.Put(state.One{}, m.genesis.Rules)
	for _, e := range m.identity.Found(m.genesis) {
		if _, err := m.mana.Do(mana.Step{Time: m.genesis.Created, Rules: m.genesis.Rules}, e); err != nil {
			return nil, fmt.Errorf("genesis: %w", err)
		}
	}
	return m, nil
}

func empty(genesis icn.Block, verify Verify) (*Machine, error) {
	if err := genesis.Verify(); err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	g, err := icn.DecodeGenesis(genesis.Data)
	if err != nil {
		return nil, err
	}
	db := state.NewDB()
	return &Machine{
		network: genesis.CID, genesis: g, verify: verify, db: db,
		head: state.NewTable(db, state.Spec[state.One, Head]{
			Name: "head", Key: state.OneKey, Parse: state.ParseOneKey, Append: appendHead, Read: readHead}),
		rules: state.NewTable(db, state.Spec[state.One, icn.Rules]{
			Name: "rules", Key: state.OneKey, Parse: state.ParseOneKey,
			Append: func(b []byte, r icn.Rules) []byte { return r.Append(b) }, Read: icn.ReadRules}),
		numbers: state.NewTable(db, state.Spec[icn.DID, window]{
			Name: "number", Key: state.DIDKey, Parse: state.ParseDIDKey, Append: appendWindow, Read: readWindow}),
		timers:   newTimers(db),
		identity: identity.New(db),
		mana:     mana.New(db),
		mesh:     mesh.New(db),
		names:    reputation.New(db),
		votes:    governance.New(db),
	}, nil
}

// Network is the CID of the genesis block.
func (m *Machine) Network() icn.CID { return m.network }

// Genesis is the decoded genesis block.
func (m *Machine) Genesis() *icn.Genesis { return m.genesis }

// Head tells how far the log was applied.
func (m *Machine) Head() Head {
	h, _ := m.head.Get(state.One{})
	return h
}

// Rules are the parameters in force.
func (m *Machine) Rules() icn.Rules {
	r, _ := m.rules.Get(state.One{})
	return r
}

// Root is the state root: equal on every node at equal index.
func (m *Machine) Root() [32]byte { return m.db.Root() }

// NextTimer is when log time must next be moved on, if nothing else does it.
func (m *Machine) NextTimer() (icn.Time, bool) { return m.timers.next() }

// Checked is the memory of a signature that was verified before, in parallel
// and perhaps in a batch: Key verified the statement whose wire form this is.
// The zero value is no memory: the machine then verifies itself.
type Checked struct {
	Key [32]byte
	OK  bool
}

// Outcome is what an entry led to.
type Outcome struct {
	Refused error // why the statement changed nothing; nil = applied
	Spent   bool  // the statement's number is used up from here on
	Events  []icn.Event
	Leaf    []byte     // the entry's canonical form
	Hashes  [][32]byte // the Merkle tree's new stored hashes, see Stored
	Stored  int64      // the index of the first of Hashes among the stored hashes
	Touched []icn.CID  // open or ended jobs whose duties may have changed
	Nodes   bool       // the set of nodes or clerks may have changed
}

// Apply takes the next entry. The error is not about the statement: it says that
// this node cannot go on (a gap in the log).
func (m *Machine) Apply(e icn.Entry, sig Checked) (Outcome, error) {
	h := m.Head()
	if e.Index != h.Index+1 {
		return Outcome{}, fmt.Errorf("apply entry %d after %d: %w: gap in the log", e.Index, h.Index, icn.ErrCorrupt)
	}
	if e.Time < h.Time {
		return Outcome{}, fmt.Errorf("apply entry %d: %w: log time runs backwards", e.Index, icn.ErrCorrupt)
	}
	h.Index, h.Time = e.Index, e.Time
	r := run{m: m, head: h}
	m.timers.compact()
	r.fireTimers()
	if e.Statement != nil {
		r.statement(e, sig)
	}
	if r.out.Nodes {
		m.identity.KeepClerks(m.Rules())
	}
	m.head.Put(state.One{}, r.head)
	r.out.Leaf = e.Encode()
	r.out.Stored, r.out.Hashes = m.log.append(r.out.Leaf)
	return r.out, nil
}

// run is the application of one entry.
type run struct {
	m      *Machine
	head   Head
	author *icn.DID
	out    Outcome
	spent  icn.ManaSpent // by operations that follow each other, not told yet
}

func (r *run) event(b icn.EventBody) {
	r.out.Events = append(r.out.Events, icn.Event{
		Index: r.head.Index, Number: uint32(len(r.out.Events)), Time: r.head.Time, Author: r.author, Type: b.EventType(), Body: b})
}

// fireTimers calls what is due at or before the entry's time, in order.
func (r *run) fireTimers() {
	for {
		name, ok := r.m.timers.pop(r.head.Time)
		if !ok {
			return
		}
		if name == checkpointTimer {
			r.head.Changed = 0
			r.event(icn.CheckpointDue{Size: r.head.Index})
			continue
		}
		events := len(r.out.Events)
		if err := r.fire(name); err != nil {
			panic(fmt.Sprintf("core: timer %q: %v", name, err))
		}
		if len(r.out.Events) > events {
			r.changed()
		}
	}
}

// fire hands a timer to the fold that set it.
func (r *run) fire(name string) error {
	switch {
	case governance.IsTimer(name):
		res, err := r.m.votes.Fire(r.voteStep(icn.Statement{}, icn.CID{}), name)
		if err != nil {
			return err
		}
		return r.vote(res)
	case strings.HasPrefix(name, identity.TimerPrefix):
		effects, events := r.m.identity.Fire(r.identityStep(), name)
		if len(events) == 0 {
			return r.carryOut(effects)
		}
		return r.belonging(effects, events)
	}
	res, err := r.m.mesh.Fire(r.meshStep(icn.DID{}, icn.CID{}), name)
	if err != nil {
		return err
	}
	return r.follow(res)
}

func (r *run) identityStep() identity.Step {
	s := identity.Step{Index: r.head.Index, Time: r.head.Time, Rules: r.m.Rules()}
	if r.author != nil {
		s.Author = *r.author
	}
	return s
}

// changed makes sure that the clerks soon sign what follows from this entry.
func (r *run) changed() {
	if r.head.Changed != 0 {
		return
	}
	r.head.Changed = r.head.Index
	r.m.timers.set(checkpointTimer, r.head.Time+icn.Time(r.m.Rules().CheckpointMillis))
}

func (r *run) statement(e icn.Entry, sig Checked) {
	m, s := r.m, e.Statement
	author := s.Author
	r.author = &author
	if err := m.admissible(s, e.Wire, r.head.Time, sig); err != nil {
		r.refuse(e, err)
		return
	}
	r.changed()
	w, _ := m.numbers.Get(s.Author)
	m.numbers.Put(s.Author, w.use(s.Number))
	r.out.Spent = true
	id := icn.SumCID(icn.DagCBOR, e.Wire)
	events := len(r.out.Events)
	m.db.Begin()
	for i, op := range s.Ops {
		if err := r.op(s, id, i, op); err != nil {
			m.db.Rollback()
			if r.out.Nodes {
				m.identity.Refresh()
			}
			r.out.Events = r.out.Events[:events]
			r.refuse(e, err)
			return
		}
	}
	r.tellSpent()
	m.db.Commit()
}

func (r *run) refuse(e icn.Entry, err error) {
	r.out.Refused = err
	r.event(icn.Refused{Statement: icn.SumCID(icn.DagCBOR, e.Wire), Number: e.Statement.Number, Reason: err.Error()})
}

// op applies one operation and carries out what it asks of other folds.
func (r *run) op(st *icn.Statement, statement icn.CID, i int, op icn.Op) error {
	s := r.m
	if o, ok := op.(icn.ManaSpend); ok {
		return r.spend(o)
	}
	r.tellSpent()
	switch o := op.(type) {
	case icn.JobPost, icn.JobAssign, icn.JobReceipt, icn.JobFail, icn.JobCancel, icn.JobSave, icn.JobCheck, icn.JobVerdict, icn.NodeProfile, icn.BanLift:
		res, err := s.mesh.Apply(r.meshStep(*r.author, statement), i, o)
		if err != nil {
			return err
		}
		return r.follow(res)
	case icn.ProposalCreate, icn.ProposalAmend, icn.ProposalAdvance, icn.ProposalSponsor, icn.ProposalWithdraw, icn.ProposalVeto, icn.ProposalClose,
		icn.BallotCast, icn.DelegationSet, icn.DelegationRevoke:
		res, err := s.votes.Apply(r.voteStep(*st, statement), i, o)
		if err != nil {
			return err
		}
		return r.vote(res)
	case icn.KeyRotate:
		if !s.verify(o.Key, icn.RotationBytes(s.network, *r.author, o.Key), o.Proof[:]) {
			return fmt.Errorf("rotate key: %w: the new key has not agreed", icn.ErrDenied)
		}
		return r.identity(o)
	case icn.RecoverySupport:
		if !s.verify(o.Key, icn.RotationBytes(s.network, o.Member, o.Key), o.Proof[:]) {
			return fmt.Errorf("recover key: %w: the new key has not agreed", icn.ErrDenied)
		}
		return r.identity(o)
	default:
		return r.identity(o)
	}
}

// spend burns capacity of the author. Spending that follows each other is told as
// one event: a statement may hold thousands, and the log keeps each of them.
func (r *run) spend(o icn.ManaSpend) error {
	e := icn.Spend{Account: *r.author, Amount: o.Amount}
	if _, err := r.m.mana.Do(mana.Step{Time: r.head.Time, Rules: r.m.Rules()}, e); err != nil {
		return err
	}
	r.spent.Account = *r.author
	r.spent.Amount += o.Amount
	r.spent.Operations++
	return nil
}

func (r *run) tellSpent() {
	if r.spent.Operations > 0 {
		r.event(r.spent)
	}
	r.spent = icn.ManaSpent{}
}

func (r *run) identity(o icn.Op) error {
	effects, events, err := r.m.identity.Apply(r.identityStep(), o)
	if err != nil {
		return err
	}
	return r.belonging(effects, events)
}

// belonging carries out what the fold of identity led to.
func (r *run) belonging(effects []icn.Effect, events []icn.EventBody) error {
	r.out.Nodes = true
	for _, b := range events {
		r.event(b)
	}
	if err := r.carryOut(effects); err != nil {
		return err
	}
	var author icn.DID
	if r.author != nil {
		author = *r.author
	}
	for _, b := range events {
		if left, ok := b.(icn.NodeLeft); ok {
			if err := r.follow(r.m.mesh.Left(r.meshStep(author, icn.CID{}), left.Node)); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow carries out what the mesh's fold led to.
func (r *run) follow(res mesh.Result) error {
	for _, b := range res.Events {
		r.event(b)
	}
	r.out.Touched = append(r.out.Touched, res.Touched...)
	if err := r.carryOut(res.Effects); err != nil {
		return err
	}
	for _, b := range res.Events {
		if err := r.noted(b); err != nil {
			return err
		}
	}
	return nil
}

// noted tells the fold of reputations what happened, and accounts what follows.
func (r *run) noted(b icn.EventBody) error {
	for _, c := range r.m.names.See(r.head.Time, r.m.Rules(), b) {
		if !c.Turned {
			continue
		}
		if err := r.carryOut([]icn.Effect{icn.SetTier{Account: c.Who, Tier: c.Tier}}); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) meshStep(author icn.DID, statement icn.CID) mesh.Step {
	s := r.m.step(r.head.Time)
	s.Author, s.Statement, s.Index = author, statement, r.head.Index
	return s
}

// step is what the mesh's fold may know of the others.
func (m *Machine) step(now icn.Time) mesh.Step {
	rules := m.Rules()
	return mesh.Step{
		Time: now, Index: m.Head().Index, Rules: rules, IsNode: m.IsNode,
		IsClerk: func(d icn.DID) bool { return m.identity.IsClerk(d, rules) },
		Nodes: func() (out []icn.DID) {
			for _, p := range m.Nodes() {
				out = append(out, p.DID)
			}
			return out
		},
		Reputation: func(d icn.DID) uint64 { return m.names.At(d, now, rules) },
	}
}

func (r *run) carryOut(effects []icn.Effect) error {
	for _, e := range effects {
		switch e := e.(type) {
		case icn.SetTimer:
			r.m.timers.set(e.Name, e.Due)
		case icn.ClearTimer:
			r.m.timers.clear(e.Name)
		case icn.Enact:
			if err := r.enact(e); err != nil {
				return err
			}
		default:
			b, err := r.m.mana.Do(mana.Step{Time: r.head.Time, Rules: r.m.Rules()}, e)
			if err != nil {
				return err
			}
			if b == nil {
				continue
			}
			r.event(b)
			if err := r.noted(b); err != nil {
				return err
			}
		}
	}
	return nil
}

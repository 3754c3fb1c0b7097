package core

import (
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/mana"
	"github.com/InterCooperative-Network/icn-core/mesh"
)

// IsNode says whether d is an active node.
func (m *Machine) IsNode(d icn.DID) bool {
	_, ok := m.identity.Node(d)
	return ok
}

// Belongs says whether d may speak: an active node or a member that has not left.
func (m *Machine) Belongs(d icn.DID) bool { return m.identity.Belongs(d) }

// Node returns an active node.
func (m *Machine) Node(d icn.DID) (identity.Node, bool) { return m.identity.Node(d) }

// NodeOfSeat is the node that has, or had last, this place in the order. It looks
// at all nodes that ever belonged.
func (m *Machine) NodeOfSeat(raftID uint64) (icn.DID, bool) { return m.identity.OfSeat(raftID) }

// Nodes lists the active nodes in order of admission.
func (m *Machine) Nodes() []identity.Peer { return m.identity.Nodes() }

// Clerks lists the nodes that order the log and sign checkpoints.
func (m *Machine) Clerks() []identity.Peer { return m.identity.Clerks(m.Rules()) }

// Learners lists the active nodes that are no clerks.
func (m *Machine) Learners() []identity.Peer { return m.identity.Learners(m.Rules()) }

// IsClerk says whether d is one of the clerks.
func (m *Machine) IsClerk(d icn.DID) bool { return m.identity.IsClerk(d, m.Rules()) }

// Accused calls fn for each node that a clerk wants to expel, in the order of DIDs.
func (m *Machine) Accused(fn func(icn.DID, identity.Ballots) bool) { m.identity.Accused(fn) }

// Member returns a person or organisation, also one that has left.
func (m *Machine) Member(d icn.DID) (identity.Member, bool) { return m.identity.Member(d) }

// Members calls fn for each member, also for those that have left, in the order of
// DIDs.
func (m *Machine) Members(fn func(icn.DID, identity.Member) bool) { m.identity.Members(fn) }

// OnRoll says whether d was a member in good standing after an entry, and as what.
func (m *Machine) OnRoll(d icn.DID, index uint64) (icn.Role, bool) {
	return m.identity.OnRoll(d, index)
}

// Roll lists who of an electorate was in good standing after an entry, by DID.
func (m *Machine) Roll(index uint64, e icn.Electorate) []icn.Voter {
	return m.identity.Roll(index, e)
}

// GuardiansOf are those who can give a member a new key, if there are any.
func (m *Machine) GuardiansOf(d icn.DID) (identity.Guardians, bool) { return m.identity.GuardiansOf(d) }

// RecoveryOf is what guardians have said about a member's key, if they have.
func (m *Machine) RecoveryOf(d icn.DID) (identity.Recovery, bool) { return m.identity.RecoveryOf(d) }

// KeyOf is the public key that d's statements are signed with now.
func (m *Machine) KeyOf(d icn.DID) [32]byte { return m.identity.KeyOf(d) }

// OwnerOf is whose key this is, and whether it still is.
func (m *Machine) OwnerOf(key [32]byte) (d icn.DID, current bool) { return m.identity.OwnerOf(key) }

// Account returns an account as it stands at time now (at log time, if now is
// earlier than that).
func (m *Machine) Account(d icn.DID, now icn.Time) (mana.Account, bool) {
	return m.mana.At(d, max(now, m.Head().Time), m.Rules())
}

// Totals are the sums over all accounts.
func (m *Machine) Totals() mana.Totals { return m.mana.Totals() }

// Job returns an open job.
func (m *Machine) Job(id icn.CID) (mesh.Job, bool) { return m.mesh.Job(id) }

// Jobs calls fn for each open job, in the order of CIDs.
func (m *Machine) Jobs(fn func(icn.CID, mesh.Job) bool) { m.mesh.Each(fn) }

// OpenJobs is the number of open jobs.
func (m *Machine) OpenJobs() int { return m.mesh.Open() }

// Tree is the log's Merkle tree: its size and root.
func (m *Machine) Tree() (size uint64, root [32]byte) { return uint64(m.log.size), m.log.root() }

// Task is what a node must see to about a job.
type Task uint8

// The tasks.
const (
	TaskBid    Task = 1 // answer with an offer, to the node that assigns
	TaskAssign Task = 2 // collect offers and assign
	TaskRun    Task = 3 // run it and say a receipt
	TaskWatch  Task = 4 // assigned it to somebody: see that they are alive
	TaskCheck  Task = 5 // run a settled job again, and say what came of it
)

// Duty is a task about a job, as long as the job is at this attempt.
type Duty struct {
	Task    Task
	ID      icn.CID
	Attempt uint32
	Job     mesh.Job
}

// DutiesOf lists what node me must see to about job id; nothing when it ended.
func (m *Machine) DutiesOf(me icn.DID, id icn.CID) []Duty {
	if !m.IsNode(me) {
		return nil
	}
	j, ok := m.mesh.Job(id)
	if !ok {
		return m.checkDuty(me, id)
	}
	duty := func(t Task) Duty { return Duty{Task: t, ID: id, Attempt: j.Attempt, Job: j} }
	var out []Duty
	switch {
	case j.Phase == mesh.Posted && j.Via == me:
		out = append(out, duty(TaskAssign))
	case j.Phase == mesh.Posted:
		out = append(out, duty(TaskBid))
	default:
		if _, mine := j.RunOf(me); mine {
			out = append(out, duty(TaskRun))
		}
		if j.Via == me {
			out = append(out, duty(TaskWatch))
		}
	}
	return out
}

// checkDuty is to run a settled job again.
func (m *Machine) checkDuty(me icn.DID, id icn.CID) []Duty {
	c, ok := m.mesh.Settled(id)
	if !ok || !c.Pending(me) {
		return nil
	}
	j := mesh.Job{Submitter: c.Submitter, Via: c.Via, Spec: c.Spec, PostedAt: c.PostedAt, Began: c.Began, Given: c.Given, Due: c.Due}
	return []Duty{{Task: TaskCheck, ID: id, Job: j}}
}

// Settled returns a job that can be checked, or is.
func (m *Machine) Settled(id icn.CID) (mesh.Check, bool) { return m.mesh.Settled(id) }

// Checks calls fn for each of them, in the order of CIDs.
func (m *Machine) Checks(fn func(icn.CID, mesh.Check) bool) { m.mesh.Checks(fn) }

// Standing is what the log tells of a node as an executor.
func (m *Machine) Standing(d icn.DID) mesh.Standing { return m.mesh.Standing(d) }

// Profile is what a node offers to jobs, and whether it has said so.
func (m *Machine) Profile(d icn.DID) (icn.NodeProfile, bool) { return m.mesh.Profile(d) }

// Reputation is somebody's at time now (or at log time, if that is later), in
// thousandths of a point.
func (m *Machine) Reputation(d icn.DID, now icn.Time) uint64 {
	return m.names.At(d, max(now, m.Head().Time), m.Rules())
}

// Lacks says what a node has too little of for a job; "" = nothing.
func (m *Machine) Lacks(spec icn.JobSpec, d icn.DID) string {
	return m.mesh.Lacks(m.step(m.Head().Time), spec, d)
}

// Choose orders the offers for a job, best first.
func (m *Machine) Choose(j mesh.Job, offers []icn.Offer, now icn.Time) ([]int, []icn.Score) {
	return m.mesh.Choose(m.step(max(now, m.Head().Time)), j, offers)
}

// Snapshot is the whole state in canonical form, to be restored by [Restore].
func (m *Machine) Snapshot() []byte {
	b := icn.AppendText(icn.AppendArray(nil, 5), snapshotTag)
	b = icn.AppendCID(b, m.network)
	b = icn.AppendUint(b, icn.FoldVersion)
	b = m.log.snapshot(b)
	return m.db.Snapshot(b)
}

const snapshotTag = "icn/snapshot/v1"

// Restore is the machine that a snapshot was taken of. A snapshot whose parts
// contradict each other is refused; its roots are still to be compared with what
// is known about them.
func Restore(genesis icn.Block, verify Verify, snapshot []byte) (*Machine, error) {
	m, err := empty(genesis, verify)
	if err != nil {
		return nil, err
	}
	r := icn.NewReader(snapshot)
	r.Tuple(5)
	if tag := r.Text(32); r.Err() == nil && tag != snapshotTag {
		r.Fail("not a snapshot")
	}
	if n := r.CID(); r.Err() == nil && n != m.network {
		r.Fail("snapshot of another network")
	}
	if v := r.Uint(); r.Err() == nil && v != icn.FoldVersion {
		r.Fail("snapshot of fold version %d", v)
	}
	m.log.restore(r)
	if r.Err() == nil {
		if err := m.db.Restore(r); err != nil {
			return nil, fmt.Errorf("restore: %w", err)
		}
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	if m.Head().Index != uint64(m.log.size) {
		return nil, fmt.Errorf("restore: %w: tree of %d leaves at entry %d", icn.ErrCorrupt, m.log.size, m.Head().Index)
	}
	m.identity.Refresh()
	m.timers.refresh()
	if err := m.checkParts(); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	return m, nil
}

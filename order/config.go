package order

import (
	"fmt"
	"slices"

	"go.etcd.io/raft/v3"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

const (
	// MaxFrame is the largest frame in bytes that is made or accepted.
	MaxFrame = 64 << 20
	// MaxPayload is the largest payload in bytes that can be proposed.
	MaxPayload = 8 << 20
	// MaxSnapshot is the largest snapshot in bytes: what fits into a frame.
	MaxSnapshot = MaxFrame - 1<<20
	// MaxMembers is the largest number of voters and learners together.
	MaxMembers = 1 << 14

	maxIndex = 1 << 62 // far beyond what honest nodes reach, far from overflow
)

// Config says who this node is and where its log lies. Zero limits get defaults.
type Config struct {
	// ID is this node's raft identity, not 0. It is never used again after the
	// store was lost, copied, or restored from a backup.
	ID uint64
	// Voters and Learners are the federation's first configuration, the same on
	// every node that ever joins. They count only while the store holds nothing
	// for ID. A node that is in neither is one that joins later: it waits for the
	// leader to add it.
	Voters, Learners []uint64
	// Store is read through; all keys begin with Prefix and the ID.
	Store  store.Store
	Prefix []byte
	// Applied is the raft index up to which the application has its state.
	//
	// With nothing stored for ID: a voter begins a new log at this index (a
	// federation restored by its operator's word); a node that joins gets the
	// whole log again, and rounds deliver only what lies above.
	Applied uint64

	// ElectionTicks (default 20) without a word from a leader start an election,
	// a leader speaks every HeartbeatTicks (default 4).
	ElectionTicks, HeartbeatTicks int
	// SnapshotTicks (default four ElectionTicks) is how long a sent snapshot may
	// remain unanswered; one tick per 64 KiB of it is added.
	SnapshotTicks int

	MaxInflight              int    // appends under way to one follower, default 256
	MaxSizePerMsg            uint64 // bytes of entries in one append, default and at most 1 MiB
	MaxUncommitted           uint64 // bytes of payload not yet committed, default 64 MiB
	MaxCommittedSizePerReady uint64 // bytes of entries in one round, default 4 MiB
	MaxWindow                int    // bytes of newest payload kept in memory, default 16 MiB
}

func (c *Config) complete() error {
	setDefault(&c.ElectionTicks, 20)
	setDefault(&c.HeartbeatTicks, 4)
	setDefault(&c.SnapshotTicks, 4*c.ElectionTicks)
	setDefault(&c.MaxInflight, 256)
	setDefault(&c.MaxSizePerMsg, 1<<20)
	setDefault(&c.MaxUncommitted, 64<<20)
	setDefault(&c.MaxCommittedSizePerReady, 4<<20)
	setDefault(&c.MaxWindow, 16<<20)
	c.Voters, c.Learners = slices.Clone(c.Voters), slices.Clone(c.Learners)
	slices.Sort(c.Voters)
	slices.Sort(c.Learners)
	switch {
	case !validID(c.ID):
		return fmt.Errorf("open order: %w: node id %d", icn.ErrInvalid, c.ID)
	case c.Store == nil:
		return fmt.Errorf("open order: %w: no store", icn.ErrInvalid)
	case c.HeartbeatTicks < 1 || c.ElectionTicks <= c.HeartbeatTicks:
		return fmt.Errorf("open order: %w: %d election ticks must exceed %d heartbeat ticks", icn.ErrInvalid, c.ElectionTicks, c.HeartbeatTicks)
	case c.MaxSizePerMsg > 1<<20 || c.MaxInflight < 1 || c.SnapshotTicks < 1:
		return fmt.Errorf("open order: %w: limits out of range", icn.ErrInvalid)
	case c.Applied > maxIndex:
		return fmt.Errorf("open order: %w: applied %d", icn.ErrInvalid, c.Applied)
	}
	return nil
}

func setDefault[T int | uint64](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

func validID(id uint64) bool { return id != raft.None && !raft.IsLocalMsgTarget(id) }

package icn

// Event is something that happened because of an entry. Events are derived from
// the log: they can be made again by folding it, and are stored only to be found
// fast.
type Event struct {
	Index  uint64    `json:"index"`  // the entry that caused it
	Number uint32    `json:"number"` // its place among the entry's events
	Time   Time      `json:"time_ms"`
	Author *DID      `json:"author,omitempty"` // who said the statement; absent when a timer fired
	Type   string    `json:"type"`
	Body   EventBody `json:"body"`
}

// EventBody is the sealed sum of what can happen.
type EventBody interface{ EventType() string }

// The events. Each name is a past participle.
type (
	// Refused: a statement was ordered, and changed nothing.
	Refused struct {
		Statement CID    `json:"statement"`
		Number    uint64 `json:"statement_number"`
		Reason    string `json:"reason"`
	}
	// AccountOpened: a new account got its first capacity.
	AccountOpened struct {
		Account DID    `json:"account"`
		Issued  uint64 `json:"issued"`
	}
	// NodeAdmitted: a node belongs to the federation from here on.
	NodeAdmitted struct {
		Node   DID    `json:"node"`
		Name   string `json:"name"`
		RaftID uint64 `json:"raft_id"`
	}
	// NodeRejoined: a node has a new place in the order.
	NodeRejoined struct {
		Node   DID    `json:"node"`
		RaftID uint64 `json:"raft_id"`
		Was    uint64 `json:"was"`
		Reason string `json:"reason"`
	}
	// NodeLeft: a node no longer belongs to the federation.
	NodeLeft struct {
		Node DID `json:"node"`
	}
	// InviteCreated: a join code was registered.
	InviteCreated struct {
		Role    Role `json:"role"`
		Expires Time `json:"expires_ms"`
	}
	// MemberAdmitted: a person or organisation belongs to the federation.
	MemberAdmitted struct {
		Member DID    `json:"member"`
		Role   Role   `json:"role"`
		Name   string `json:"name"`
	}
	// KeyRotated: what an identity says is signed with another key from here on.
	KeyRotated struct {
		Who DID `json:"who"`
		Key DID `json:"key"`
		Was DID `json:"was"`
	}
	// AuditAnchored: an audit log had this head.
	AuditAnchored struct {
		Node  DID    `json:"node"`
		Lines uint64 `json:"lines"`
		Head  string `json:"head"`
	}
	// JobPosted: a job is open, its budget is held.
	JobPosted struct {
		Job       CID    `json:"job"`
		Submitter DID    `json:"submitter"`
		Via       DID    `json:"via"`
		Held      uint64 `json:"held"`
	}
	// JobAssigned: an executor was chosen for an attempt.
	JobAssigned struct {
		Job      CID     `json:"job"`
		Attempt  uint32  `json:"attempt"`
		Executor DID     `json:"executor"`
		Price    uint64  `json:"price"`
		Choice   []Score `json:"choice"`
	}
	// AttemptFailed: an attempt ended without a result; the job goes on.
	AttemptFailed struct {
		Job      CID    `json:"job"`
		Attempt  uint32 `json:"attempt"`
		Executor *DID   `json:"executor,omitempty"`
		Declined bool   `json:"declined,omitempty"`
		Reason   string `json:"reason"`
	}
	// JobSettled: a receipt is in, paid in the same step.
	JobSettled struct {
		Job       CID    `json:"job"`
		Attempt   uint32 `json:"attempt"`
		Submitter DID    `json:"submitter"`
		Executor  DID    `json:"executor"`
		Output    *CID   `json:"output,omitempty"`
		Burnt     uint64 `json:"burnt"`
		Minted    uint64 `json:"minted"`
		Released  uint64 `json:"released"`
	}
	// JobRolledBack: all attempts are spent; the hold is restored.
	JobRolledBack struct {
		Job       CID      `json:"job"`
		Submitter DID      `json:"submitter"`
		Attempts  uint32   `json:"attempts"`
		Executors []DID    `json:"executors"`
		Errors    []string `json:"errors"`
		Restored  uint64   `json:"restored"`
	}
	// JobCancelled: its submitter ended the job; the hold is restored.
	JobCancelled struct {
		Job       CID    `json:"job"`
		Submitter DID    `json:"submitter"`
		Restored  uint64 `json:"restored"`
	}
	// CheckpointDue: the clerks sign the tree that ends with this entry.
	CheckpointDue struct {
		Size uint64 `json:"size"`
	}
)

// Score is one line of the choice between offers: parts and sum in thousandths.
type Score struct {
	Executor DID    `json:"executor"`
	Price    uint64 `json:"price"`
	Parts    Parts  `json:"parts"`
	Total    uint64 `json:"total"`
	Excluded string `json:"excluded,omitempty"`
}

// Parts are the weighted parts of a score.
type Parts struct {
	Price uint64 `json:"price"`
	Free  uint64 `json:"free"`
	RTT   uint64 `json:"rtt"`
}

// EventType implements EventBody.
func (Refused) EventType() string { return "Refused" }

// EventType implements EventBody.
func (AccountOpened) EventType() string { return "AccountOpened" }

// EventType implements EventBody.
func (NodeAdmitted) EventType() string { return "NodeAdmitted" }

// EventType implements EventBody.
func (NodeRejoined) EventType() string { return "NodeRejoined" }

// EventType implements EventBody.
func (NodeLeft) EventType() string { return "NodeLeft" }

// EventType implements EventBody.
func (InviteCreated) EventType() string { return "InviteCreated" }

// EventType implements EventBody.
func (MemberAdmitted) EventType() string { return "MemberAdmitted" }

// EventType implements EventBody.
func (KeyRotated) EventType() string { return "KeyRotated" }

// EventType implements EventBody.
func (AuditAnchored) EventType() string { return "AuditAnchored" }

// EventType implements EventBody.
func (JobPosted) EventType() string { return "JobPosted" }

// EventType implements EventBody.
func (JobAssigned) EventType() string { return "JobAssigned" }

// EventType implements EventBody.
func (AttemptFailed) EventType() string { return "AttemptFailed" }

// EventType implements EventBody.
func (JobSettled) EventType() string { return "JobSettled" }

// EventType implements EventBody.
func (JobRolledBack) EventType() string { return "JobRolledBack" }

// EventType implements EventBody.
func (JobCancelled) EventType() string { return "JobCancelled" }

// EventType implements EventBody.
func (CheckpointDue) EventType() string { return "CheckpointDue" }

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
		Node     DID    `json:"node"`
		Expelled bool   `json:"expelled,omitempty"` // by a majority of the clerks
		Reason   string `json:"reason,omitempty"`
	}
	// ExpulsionVoted: a clerk wants a node to go, or no longer.
	ExpulsionVoted struct {
		Node      DID    `json:"node"`
		Withdrawn bool   `json:"withdrawn,omitempty"`
		Reason    string `json:"reason,omitempty"`
		Votes     uint64 `json:"votes"`
		Needed    uint64 `json:"needed"`
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
	// JobAssigned: an executor was chosen for an attempt, or several.
	JobAssigned struct {
		Job       CID     `json:"job"`
		Attempt   uint32  `json:"attempt"`
		Executor  DID     `json:"executor"`
		Price     uint64  `json:"price"`
		Executors []DID   `json:"executors,omitempty"` // when there are several: all of them
		Next      bool    `json:"next_best,omitempty"` // the next best offer of an earlier choice
		Choice    []Score `json:"choice,omitempty"`
	}
	// RunFailed: one of several executors of an attempt gave no result.
	RunFailed struct {
		Job      CID    `json:"job"`
		Attempt  uint32 `json:"attempt"`
		Executor DID    `json:"executor"`
		Reason   string `json:"reason"`
	}
	// AttemptFailed: an attempt ended without a result; the job goes on.
	AttemptFailed struct {
		Job      CID    `json:"job"`
		Attempt  uint32 `json:"attempt"`
		Executor *DID   `json:"executor,omitempty"`
		Declined bool   `json:"declined,omitempty"`
		Cause    Cause  `json:"cause"`
		Reason   string `json:"reason"`
		Next     Time   `json:"next_ms,omitempty"` // when the next auction begins
	}
	// JobSaved: the program left a checkpoint.
	JobSaved struct {
		Job     CID    `json:"job"`
		Attempt uint32 `json:"attempt"`
		Via     DID    `json:"via"`
		State   CID    `json:"state"`
	}
	// JobSettled: the result is in, paid in the same step.
	JobSettled struct {
		Job       CID           `json:"job"`
		Attempt   uint32        `json:"attempt"`
		Submitter DID           `json:"submitter"`
		Executor  DID           `json:"executor"`
		Output    *CID          `json:"output,omitempty"`
		Outputs   []NamedOutput `json:"outputs,omitempty"`
		Burnt     uint64        `json:"burnt"`
		Minted    uint64        `json:"minted"`
		Released  uint64        `json:"released"`
		Spent     uint64        `json:"spent,omitempty"`     // by the program, of what was granted
		Paid      []Payment     `json:"paid,omitempty"`      // when several executors agreed: to whom
		Submitted []CID         `json:"submitted,omitempty"` // jobs that the program posted
		Dropped   []string      `json:"dropped,omitempty"`   // why others of its jobs were not taken
	}
	// JobRolledBack: all attempts are spent; the hold is restored.
	JobRolledBack struct {
		Job       CID      `json:"job"`
		Submitter DID      `json:"submitter"`
		Attempts  uint32   `json:"attempts"`
		Executors []DID    `json:"executors"`
		Errors    []string `json:"errors"`
		Restored  uint64   `json:"restored"`
		State     *CID     `json:"state,omitempty"` // the last checkpoint of the program
	}
	// JobCancelled: its submitter ended the job; the hold is restored.
	JobCancelled struct {
		Job       CID    `json:"job"`
		Submitter DID    `json:"submitter"`
		Restored  uint64 `json:"restored"`
	}
	// ExecutorBanned: a node gets no jobs until then.
	ExecutorBanned struct {
		Executor DID    `json:"executor"`
		Until    Time   `json:"until_ms"`
		Job      CID    `json:"job"`
		Reason   string `json:"reason"`
	}
	// BanLifted: a node gets jobs again.
	BanLifted struct {
		Executor DID `json:"executor"`
	}
	// CheckOpened: a settled job is run again by another node.
	CheckOpened struct {
		Job      CID `json:"job"`
		Executor DID `json:"executor"`
		Checker  DID `json:"checker"`
	}
	// CheckEnded: what running a settled job again has shown.
	CheckEnded struct {
		Job      CID    `json:"job"`
		Executor DID    `json:"executor"`
		Result   string `json:"result"` // match, mismatch or indeterminate
		Checkers []DID  `json:"checkers"`
	}
	// ExecutorConvicted: a node said of a run what others, who ran it too, do not
	// find.
	ExecutorConvicted struct {
		Job      CID   `json:"job"`
		Executor DID   `json:"executor"`
		Against  []DID `json:"against"`
	}
	// Refunded: what was paid wrongly went back, as far as it was still there.
	Refunded struct {
		Job    CID    `json:"job"`
		From   DID    `json:"from"`
		To     DID    `json:"to"`
		Paid   uint64 `json:"paid"`
		Amount uint64 `json:"amount"`
	}
	// TierChanged: an account's capacity grows faster, or slower, from here on.
	TierChanged struct {
		Account DID  `json:"account"`
		Tier    Tier `json:"tier"`
	}
	// ProfileChanged: a node tells what it offers.
	ProfileChanged struct {
		Node    DID         `json:"node"`
		Profile NodeProfile `json:"profile"`
	}
	// CheckpointDue: the clerks sign the tree that ends with this entry.
	CheckpointDue struct {
		Size uint64 `json:"size"`
	}
)

// Executors are those who were paid.
func (e JobSettled) Executors() []DID {
	if len(e.Paid) == 0 {
		return []DID{e.Executor}
	}
	out := make([]DID, len(e.Paid))
	for i, p := range e.Paid {
		out[i] = p.Executor
	}
	return out
}

// Payment is what an executor was paid.
type Payment struct {
	Executor DID    `json:"executor"`
	Amount   uint64 `json:"amount"`
}

// Cause is why an attempt failed, in a word.
type Cause string

// The causes.
const (
	CauseUnassigned Cause = "unassigned" // nobody was assigned in time
	CauseUnanswered Cause = "unanswered" // the executor said nothing in time
	CauseGone       Cause = "gone"       // the executor could not be reached
	CauseLeft       Cause = "left"       // the executor left the federation
	CauseFailed     Cause = "failed"     // by the executor's doing
	CauseDeclined   Cause = "declined"   // before anything was run
	CauseProgram    Cause = "program"    // by the program's own doing
	CauseDisagree   Cause = "disagree"   // several executors came to different results
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
	Price      uint64 `json:"price"`
	Free       uint64 `json:"free"`
	RTT        uint64 `json:"rtt"`
	Reputation uint64 `json:"reputation"`
	Turn       uint64 `json:"turn"` // who had no job for the longest
}

// Sum is the score.
func (p Parts) Sum() uint64 { return p.Price + p.Free + p.RTT + p.Reputation + p.Turn }

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
func (ExpulsionVoted) EventType() string { return "ExpulsionVoted" }

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

// EventType implements EventBody.
func (RunFailed) EventType() string { return "RunFailed" }

// EventType implements EventBody.
func (JobSaved) EventType() string { return "JobSaved" }

// EventType implements EventBody.
func (ExecutorBanned) EventType() string { return "ExecutorBanned" }

// EventType implements EventBody.
func (BanLifted) EventType() string { return "BanLifted" }

// EventType implements EventBody.
func (CheckOpened) EventType() string { return "CheckOpened" }

// EventType implements EventBody.
func (CheckEnded) EventType() string { return "CheckEnded" }

// EventType implements EventBody.
func (ExecutorConvicted) EventType() string { return "ExecutorConvicted" }

// EventType implements EventBody.
func (TierChanged) EventType() string { return "TierChanged" }

// EventType implements EventBody.
func (ProfileChanged) EventType() string { return "ProfileChanged" }

// EventType implements EventBody.
func (Refunded) EventType() string { return "Refunded" }

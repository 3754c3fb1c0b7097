package icn

import (
	"encoding/json"
	"fmt"
)

// events is the one table of event types, for reading them back.
var events = map[string]func([]byte) (EventBody, error){}

func event[T EventBody]() {
	var zero T
	events[zero.EventType()] = func(b []byte) (EventBody, error) {
		var v T
		err := json.Unmarshal(b, &v)
		return v, err
	}
}

func init() {
	event[Refused]()
	event[AccountOpened]()
	event[NodeAdmitted]()
	event[NodeRejoined]()
	event[NodeLeft]()
	event[ExpulsionVoted]()
	event[InviteCreated]()
	event[MemberAdmitted]()
	event[KeyRotated]()
	event[AuditAnchored]()
	event[JobPosted]()
	event[JobAssigned]()
	event[RunFailed]()
	event[AttemptFailed]()
	event[JobSaved]()
	event[JobSettled]()
	event[JobRolledBack]()
	event[JobCancelled]()
	event[ExecutorBanned]()
	event[BanLifted]()
	event[CheckOpened]()
	event[CheckEnded]()
	event[ExecutorConvicted]()
	event[Refunded]()
	event[ManaSpent]()
	event[TierChanged]()
	event[ProfileChanged]()
	event[CheckpointDue]()
	event[MemberLeft]()
	event[MemberSuspended]()
	event[MemberReinstated]()
	event[GuardiansChanged]()
	event[RecoverySupported]()
	event[RecoveryVetoed]()
	event[ProposalCreated]()
	event[ProposalSponsored]()
	event[ProposalMoved]()
	event[VotingOpened]()
	event[VoteCast]()
	event[VoteDelegated]()
	event[DelegationRevoked]()
	event[VotingClosed]()
	event[Enacted]()
	event[RuleChanged]()
	event[ClerksChosen]()
	event[VetoGroupChanged]()
	event[BudgetGranted]()
	event[ProposerThanked]()
	event[UpgradeNoticed]()
	event[CredentialPaused]()
	event[ReputationFrozen]()
}

// UnmarshalJSON reads an event of any type.
func (e *Event) UnmarshalJSON(b []byte) error {
	var w struct {
		Index  uint64          `json:"index"`
		Number uint32          `json:"number"`
		Time   Time            `json:"time_ms"`
		Author *DID            `json:"author"`
		Type   string          `json:"type"`
		Body   json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return fmt.Errorf("event: %w: %v", ErrInvalid, err)
	}
	read, ok := events[w.Type]
	if !ok {
		return fmt.Errorf("event of type %q: %w", clip(w.Type), ErrUnknownKind)
	}
	body, err := read(w.Body)
	if err != nil {
		return fmt.Errorf("event %d.%d: %w: %v", w.Index, w.Number, ErrInvalid, err)
	}
	*e = Event{Index: w.Index, Number: w.Number, Time: w.Time, Author: w.Author, Type: w.Type, Body: body}
	return nil
}

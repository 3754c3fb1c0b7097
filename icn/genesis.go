package icn

import (
	"fmt"
	"slices"
)

// Genesis is the first block of a federation; its CID is the network's name.
type Genesis struct {
	Name    string
	Created Time
	Members []GenesisMember
	Nodes   []GenesisNode
	Rules   Rules
}

// GenesisMember is a founding person or organisation.
type GenesisMember struct {
	DID  DID
	Role Role
	Name string
}

// GenesisNode is a founding node. The first seven (an odd number of them) are
// the clerks.
type GenesisNode struct {
	DID  DID
	Name string
}

// Rules are the parameters in force; governance changes them by enactment.
type Rules struct {
	Version           uint64 `json:"version"`                // of the folds' behaviour
	ManaIssue         uint64 `json:"mana_issue"`             // a new account's capacity
	ManaCap           uint64 `json:"mana_max_capacity"`      // balance and held together stop growing here
	ManaPerHour       uint64 `json:"mana_regeneration_rate"` // regenerated per account and hour
	Clerks            uint64 `json:"clerks"`                 // how many nodes order the log at most
	CheckpointMillis  uint64 `json:"checkpoint_ms"`          // at most this long after a change the clerks sign
	JobAttempts       uint64 `json:"job_retry_count"`        // attempts before a job is rolled back
	JobAssignMillis   uint64 `json:"job_assign_ms"`          // from posted to assigned
	JobSlackMillis    uint64 `json:"job_slack_ms"`           // beyond a job's wall clock until its receipt is in
	JobWallMillis     uint64 `json:"job_wall_ms"`            // default wall clock of a job
	JobMaxWallMillis  uint64 `json:"job_max_wall_ms"`        // the longest that a job may ask for
	JobGas            uint64 `json:"job_gas"`                // default gas
	JobMaxGas         uint64 `json:"job_max_gas"`            // the most that a job may ask for
	JobMemoryBytes    uint64 `json:"job_memory_bytes"`       // default memory
	JobMaxMemoryBytes uint64 `json:"job_max_memory_bytes"`   // the most that a job may ask for
	JobOutputBytes    uint64 `json:"job_output_bytes"`       // default output
	JobMaxOutputBytes uint64 `json:"job_max_output_bytes"`   // the most that a job may ask for
	JobsPerMember     uint64 `json:"jobs_per_member"`        // open jobs of one submitter
	JobBackoffMillis  uint64 `json:"job_backoff_ms"`         // before a second auction; it doubles with each further one
	BanAfter          uint64 `json:"blacklist_after_failures"`
	BanMillis         uint64 `json:"blacklist_cooldown_ms"`
	ConvictedMillis   uint64 `json:"convicted_ban_ms"`       // ban of who lied about a run
	SpotChecks        uint64 `json:"spot_check_permille"`    // settled jobs that are run again by others
	CheckMillis       uint64 `json:"job_check_ms"`           // after its settlement a job can be checked
	ReputationDecay   uint64 `json:"reputation_decay_daily"` // thousandths of a point back towards 50, a day
	TierLow           uint64 `json:"low_reputation"`         // below it an account is in the low tier
	TierHigh          uint64 `json:"high_reputation"`        // from it on in the high tier
	TierLowPermille   uint64 `json:"low_tier_permille"`      // of regeneration and cap
	TierHighPermille  uint64 `json:"high_tier_permille"`     // of regeneration and cap

	Quorum             uint64 `json:"min_quorum_permille"`        // of the roll that must take part in a vote
	Threshold          uint64 `json:"passing_threshold_permille"` // of yes and no that must be yes, and more than half
	ProposalCost       uint64 `json:"proposal_cost"`              // in capacity, of the proposer
	VoteCost           uint64 `json:"vote_cost"`                  // in capacity, as far as the voter has it
	ProposalsPerMember uint64 `json:"proposals_per_member"`       // open ones of one proposer
	Sponsors           uint64 `json:"min_sponsors"`               // members behind a proposal, the proposer among them
	SponsorMillis      uint64 `json:"sponsor_ms"`                 // a proposal without enough sponsors ends after this
	DeliberationMillis uint64 `json:"min_deliberation_ms"`        // at least, before the vote opens
	VotingMillis       uint64 `json:"voting_ms"`                  // how long a vote is open if its proposal does not say
	MinVotingMillis    uint64 `json:"min_voting_ms"`              // the shortest vote
	MaxVotingMillis    uint64 `json:"max_voting_ms"`              // the longest vote
	TimelockMillis     uint64 `json:"timelock_ms"`                // at least, from accepted to enacted
	VetoMillis         uint64 `json:"veto_ms"`                    // at least, in which the veto group can stop what was accepted
	BudgetMax          uint64 `json:"max_budget"`                 // the most capacity that one proposal grants
	ClerksAdmit        uint64 `json:"clerks_admit_members"`       // 1: a clerk admits members by its own word; 0: invites and votes only
	InvitesPerMember   uint64 `json:"invites_per_member"`         // open join codes of one member
	RecoveryMillis     uint64 `json:"recovery_delay_ms"`          // from the guardians' word to the new key
	StrangersPerMinute uint64 `json:"open_rate_limit"`            // requests a minute of callers without a credential, on every node; 0: as each node's file says
}

// FoldVersion is the behaviour that this release gives new federations.
const FoldVersion = 1

const day = 24 * 3_600_000

// DefaultRules are what a new federation starts with.
func DefaultRules() Rules {
	return Rules{
		Version: FoldVersion, ManaIssue: 1000, ManaCap: 10_000, ManaPerHour: 10, Clerks: 7, CheckpointMillis: 2000,
		JobAttempts: 3, JobAssignMillis: 10_000, JobSlackMillis: 10_000,
		JobWallMillis: 30_000, JobMaxWallMillis: 3_600_000,
		JobGas: 20_000_000_000, JobMaxGas: 10_000_000_000_000,
		JobMemoryBytes: 256 << 20, JobMaxMemoryBytes: 2 << 30,
		JobOutputBytes: 16 << 20, JobMaxOutputBytes: 256 << 20,
		JobsPerMember: 1000, JobBackoffMillis: 200,
		BanAfter: 3, BanMillis: 600_000, ConvictedMillis: 24 * 3_600_000, SpotChecks: 20, CheckMillis: 60_000,
		ReputationDecay: 1000, TierLow: 25, TierHigh: 75, TierLowPermille: 500, TierHighPermille: 1500,
		Quorum: 200, Threshold: 500, ProposalCost: 10, VoteCost: 1, ProposalsPerMember: 10,
		Sponsors: 1, SponsorMillis: 14 * day, VotingMillis: 7 * day, MinVotingMillis: 60_000, MaxVotingMillis: 90 * day,
		BudgetMax: 10_000, ClerksAdmit: 1, InvitesPerMember: 3, RecoveryMillis: 3 * day,
	}
}

// fields lists the rules in wire order: the one place that knows it.
func (r *Rules) fields() []*uint64 {
	return []*uint64{
		&r.Version, &r.ManaIssue, &r.ManaCap, &r.ManaPerHour, &r.Clerks, &r.CheckpointMillis,
		&r.JobAttempts, &r.JobAssignMillis, &r.JobSlackMillis, &r.JobWallMillis, &r.JobMaxWallMillis,
		&r.JobGas, &r.JobMaxGas, &r.JobMemoryBytes, &r.JobMaxMemoryBytes, &r.JobOutputBytes, &r.JobMaxOutputBytes, &r.JobsPerMember,
		&r.JobBackoffMillis, &r.BanAfter, &r.BanMillis, &r.ConvictedMillis, &r.SpotChecks, &r.CheckMillis,
		&r.ReputationDecay, &r.TierLow, &r.TierHigh, &r.TierLowPermille, &r.TierHighPermille,
		&r.Quorum, &r.Threshold, &r.ProposalCost, &r.VoteCost, &r.ProposalsPerMember, &r.Sponsors, &r.SponsorMillis,
		&r.DeliberationMillis, &r.VotingMillis, &r.MinVotingMillis, &r.MaxVotingMillis, &r.TimelockMillis, &r.VetoMillis,
		&r.BudgetMax, &r.ClerksAdmit, &r.InvitesPerMember, &r.RecoveryMillis, &r.StrangersPerMinute,
	}
}

// Check says whether the folds can work under these rules.
func (r Rules) Check() error {
	switch {
	case r.Version != FoldVersion:
		return fmt.Errorf("rules: %w: fold version %d, this release knows %d; install a newer release", ErrUnavailable, r.Version, FoldVersion)
	case r.ManaCap == 0 || r.ManaCap > 1<<40 || r.ManaIssue > r.ManaCap || r.ManaPerHour > 1<<30:
		return fmt.Errorf("rules: %w: mana_issue %d, mana_max_capacity %d, mana_regeneration_rate %d", ErrInvalid, r.ManaIssue, r.ManaCap, r.ManaPerHour)
	case r.Clerks == 0 || r.Clerks > 31 || r.Clerks%2 == 0:
		return fmt.Errorf("rules: %w: clerks must be odd and at most 31, is %d", ErrInvalid, r.Clerks)
	case r.JobAttempts == 0 || r.JobAttempts > 100:
		return fmt.Errorf("rules: %w: job_retry_count must be 1 to 100, is %d", ErrInvalid, r.JobAttempts)
	case r.SpotChecks > 1000:
		return fmt.Errorf("rules: %w: spot_check_permille is 0 to 1000, not %d", ErrInvalid, r.SpotChecks)
	case r.TierLow > r.TierHigh || r.TierHigh > 100 || r.TierLowPermille > 1000 || r.TierHighPermille < 1000 || r.TierHighPermille > 10_000:
		return fmt.Errorf("rules: %w: low_reputation %d, high_reputation %d, low_tier_permille %d, high_tier_permille %d", ErrInvalid, r.TierLow, r.TierHigh, r.TierLowPermille, r.TierHighPermille)
	}
	if err := r.checkVoting(); err != nil {
		return err
	}
	for _, d := range [][2]uint64{{r.JobWallMillis, r.JobMaxWallMillis}, {r.JobGas, r.JobMaxGas}, {r.JobMemoryBytes, r.JobMaxMemoryBytes}, {r.JobOutputBytes, r.JobMaxOutputBytes}} {
		if d[0] > d[1] {
			return fmt.Errorf("rules: %w: a job's default of %d is over its maximum of %d: no job could be posted", ErrInvalid, d[0], d[1])
		}
	}
	for _, f := range r.fields() {
		if *f == 0 && !slices.Contains([]*uint64{&r.ManaPerHour, &r.ManaIssue, &r.SpotChecks, &r.ReputationDecay, &r.TierLow,
			&r.Quorum, &r.ProposalCost, &r.VoteCost, &r.DeliberationMillis, &r.TimelockMillis, &r.VetoMillis, &r.BudgetMax, &r.ClerksAdmit, &r.InvitesPerMember, &r.RecoveryMillis, &r.StrangersPerMinute}, f) {
			return fmt.Errorf("rules: %w: a limit is zero", ErrInvalid)
		}
		if *f > 1<<53 {
			return fmt.Errorf("rules: %w: a limit is over 2^53", ErrInvalid)
		}
	}
	return nil
}

// Append appends the canonical form.
func (r Rules) Append(b []byte) []byte {
	f := r.fields()
	b = AppendArray(b, len(f))
	for _, n := range f {
		b = AppendUint(b, *n)
	}
	return b
}

// ReadRules reads what [Rules.Append] wrote.
func ReadRules(rd *Reader) (r Rules) {
	f := r.fields()
	rd.Tuple(len(f))
	for _, n := range f {
		*n = rd.Uint()
	}
	return r
}

// genesisTag opens a genesis block, so that it is nothing else.
const genesisTag = "icn/genesis/v1"

// Block encodes the genesis.
func (g *Genesis) Block() Block {
	b := AppendText(AppendArray(nil, 6), genesisTag)
	b = AppendTime(AppendText(b, g.Name), g.Created)
	b = AppendArray(b, len(g.Members))
	for _, m := range g.Members {
		b = AppendText(AppendUint(AppendDID(AppendArray(b, 3), m.DID), uint64(m.Role)), m.Name)
	}
	b = AppendArray(b, len(g.Nodes))
	for _, n := range g.Nodes {
		b = AppendText(AppendDID(AppendArray(b, 2), n.DID), n.Name)
	}
	return NewBlock(DagCBOR, g.Rules.Append(b))
}

// DecodeGenesis reads a genesis block strictly.
func DecodeGenesis(data []byte) (*Genesis, error) {
	if len(data) > MaxBlock {
		return nil, fmt.Errorf("genesis: %w: %d bytes, at most %d", ErrInvalid, len(data), MaxBlock)
	}
	r := NewReader(data)
	r.Tuple(6)
	if tag := r.Text(32); r.Err() == nil && tag != genesisTag {
		r.Fail("not a genesis block")
	}
	g := &Genesis{Name: r.Text(128), Created: r.Time()}
	for range r.Array(100_000) {
		r.Tuple(3)
		m := GenesisMember{DID: r.DID(), Role: r.role(), Name: r.Text(128)}
		if r.Err() != nil {
			break
		}
		g.Members = append(g.Members, m)
	}
	for range r.Array(1000) {
		r.Tuple(2)
		n := GenesisNode{DID: r.DID(), Name: r.Text(64)}
		if r.Err() != nil {
			break
		}
		g.Nodes = append(g.Nodes, n)
	}
	g.Rules = ReadRules(r)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	if err := g.check(); err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	return g, nil
}

// Founder says whether d's account is there from the beginning.
func (g *Genesis) Founder(d DID) bool {
	return slices.ContainsFunc(g.Members, func(m GenesisMember) bool { return m.DID == d }) ||
		slices.ContainsFunc(g.Nodes, func(n GenesisNode) bool { return n.DID == d })
}

// check says whether a federation can begin so.
func (g *Genesis) check() error {
	if len(g.Nodes) == 0 {
		return fmt.Errorf("%w: no node", ErrInvalid)
	}
	seen := make(map[DID]bool, len(g.Nodes)+len(g.Members))
	for _, n := range g.Nodes {
		if seen[n.DID] {
			return fmt.Errorf("%w: %s stands in it twice", ErrInvalid, n.DID)
		}
		seen[n.DID] = true
	}
	for _, m := range g.Members {
		if m.Role == RoleNode {
			return fmt.Errorf("%w: member %s has the role of a node", ErrInvalid, m.DID)
		}
		if seen[m.DID] {
			return fmt.Errorf("%w: %s stands in it twice", ErrInvalid, m.DID)
		}
		seen[m.DID] = true
	}
	return g.Rules.Check()
}

package icn

import (
	"fmt"
	"slices"
)

// checkVoting says whether people can decide anything under these rules.
func (r Rules) checkVoting() error {
	switch {
	case r.Quorum > 1000:
		return fmt.Errorf("rules: %w: min_quorum_permille is 0 to 1000, not %d", ErrInvalid, r.Quorum)
	case r.Threshold < 500 || r.Threshold > 1000:
		return fmt.Errorf("rules: %w: passing_threshold_permille is 500 to 1000, not %d: less than half cannot decide", ErrInvalid, r.Threshold)
	case r.MinVotingMillis > r.VotingMillis || r.VotingMillis > r.MaxVotingMillis:
		return fmt.Errorf("rules: %w: min_voting_ms %d, voting_ms %d, max_voting_ms %d must rise", ErrInvalid, r.MinVotingMillis, r.VotingMillis, r.MaxVotingMillis)
	case r.ClerksAdmit > 1:
		return fmt.Errorf("rules: %w: clerks_admit_members is 0 or 1, not %d", ErrInvalid, r.ClerksAdmit)
	case r.BudgetMax > r.ManaCap:
		return fmt.Errorf("rules: %w: max_budget %d is over mana_max_capacity %d: no account could take it", ErrInvalid, r.BudgetMax, r.ManaCap)
	}
	return nil
}

// ruleNames are the parameters' names in the order of Rules.fields.
var ruleNames = []string{
	"version", "mana_issue", "mana_max_capacity", "mana_regeneration_rate", "clerks", "checkpoint_ms",
	"job_retry_count", "job_assign_ms", "job_slack_ms", "job_wall_ms", "job_max_wall_ms",
	"job_gas", "job_max_gas", "job_memory_bytes", "job_max_memory_bytes", "job_output_bytes", "job_max_output_bytes", "jobs_per_member",
	"job_backoff_ms", "blacklist_after_failures", "blacklist_cooldown_ms", "convicted_ban_ms", "spot_check_permille", "job_check_ms",
	"reputation_decay_daily", "low_reputation", "high_reputation", "low_tier_permille", "high_tier_permille",
	"min_quorum_permille", "passing_threshold_permille", "proposal_cost", "vote_cost", "proposals_per_member", "min_sponsors", "sponsor_ms",
	"min_deliberation_ms", "voting_ms", "min_voting_ms", "max_voting_ms", "timelock_ms", "veto_ms",
	"max_budget", "clerks_admit_members", "invites_per_member", "recovery_delay_ms", "open_rate_limit",
}

// RuleNames are the names of all parameters.
func RuleNames() []string { return slices.Clone(ruleNames) }

// Get is a parameter by its name.
func (r Rules) Get(name string) (uint64, bool) {
	i := slices.Index(ruleNames, name)
	if i < 0 {
		return 0, false
	}
	return *r.fields()[i], true
}

// With are the rules with one parameter changed. Whether the folds can work under
// them, [Rules.Check] says: some make sense only together.
func (r Rules) With(name string, value uint64) (Rules, error) {
	i := slices.Index(ruleNames, name)
	if i < 0 {
		return r, fmt.Errorf("parameter %q: %w: there is none of that name", clip(name), ErrNotFound)
	}
	*r.fields()[i] = value
	return r, nil
}

package wire

import "github.com/InterCooperative-Network/icn-core/icn"

// ruleDocs say what each parameter is.
var ruleDocs = map[string]string{
	"version":                    "Of the folds' behaviour; a release knows one.",
	"mana_issue":                 "Capacity of a new account.",
	"mana_max_capacity":          "An account's balance and what it has set aside stop growing here.",
	"mana_regeneration_rate":     "Capacity that an account regenerates in an hour.",
	"clerks":                     "How many nodes order the log at most; odd.",
	"checkpoint_ms":              "At most this long after a change the clerks sign the log.",
	"job_retry_count":            "Attempts before a job is rolled back.",
	"job_assign_ms":              "From posted to assigned, before an attempt has failed.",
	"job_slack_ms":               "Beyond a job's wall clock until its receipt must be in.",
	"job_wall_ms":                "Wall clock of a job that does not say.",
	"job_max_wall_ms":            "The longest that a job may ask for.",
	"job_gas":                    "Gas of a job that does not say.",
	"job_max_gas":                "The most gas that a job may ask for.",
	"job_memory_bytes":           "Memory of a job that does not say.",
	"job_max_memory_bytes":       "The most memory that a job may ask for.",
	"job_output_bytes":           "Output of a job that does not say.",
	"job_max_output_bytes":       "The most output that a job may ask for.",
	"jobs_per_member":            "Open jobs of one submitter.",
	"job_backoff_ms":             "Before a job's second auction; it doubles with each further one.",
	"blacklist_after_failures":   "Failures in a row after which an executor gets no jobs for a while.",
	"blacklist_cooldown_ms":      "How long that is.",
	"convicted_ban_ms":           "How long an executor that lied about a run gets no jobs.",
	"spot_check_permille":        "Settled jobs that are run again by others, of a thousand.",
	"job_check_ms":               "How long after its settlement a job can be checked.",
	"reputation_decay_daily":     "Thousandths of a point that a reputation goes back towards 50 in a day.",
	"low_reputation":             "Below it an account is in the low tier.",
	"high_reputation":            "From it on an account is in the high tier.",
	"low_tier_permille":          "Regeneration and cap of the low tier, in thousandths of the normal ones.",
	"high_tier_permille":         "Regeneration and cap of the high tier, in thousandths of the normal ones.",
	"min_quorum_permille":        "Share of the roll that must take part in a vote, in thousandths.",
	"passing_threshold_permille": "Share of yes and no that must be yes, in thousandths; and more than half.",
	"proposal_cost":              "Capacity that a proposal costs its proposer.",
	"vote_cost":                  "Capacity that a ballot costs who casts it, as far as it has it.",
	"proposals_per_member":       "Open proposals of one proposer.",
	"min_sponsors":               "Members who must stand behind a proposal, its proposer among them.",
	"sponsor_ms":                 "After this a proposal without enough sponsors ends.",
	"min_deliberation_ms":        "At least this long a proposal is deliberated before its vote opens.",
	"voting_ms":                  "How long a vote is open if its proposal does not say.",
	"min_voting_ms":              "The shortest vote.",
	"max_voting_ms":              "The longest vote.",
	"timelock_ms":                "At least this long from accepted to enacted.",
	"veto_ms":                    "How long the veto group can stop what was accepted.",
	"max_budget":                 "The most capacity that one proposal gives.",
	"clerks_admit_members":       "1: a clerk admits members by its own word; 0: that takes a join code or a vote.",
	"invites_per_member":         "Open join codes of one member.",
	"recovery_delay_ms":          "From the guardians' word to a member's new key.",
	"open_rate_limit":            "Requests a minute that every node answers to a caller without a credential, unless it answers none; 0: as its own file says.",
}

// ParametersOf shows rules.
func ParametersOf(r icn.Rules) Parameters {
	out := Parameters{}
	for _, name := range icn.RuleNames() {
		v, _ := r.Get(name)
		out.Parameters = append(out.Parameters, Parameter{name, v, ruleDocs[name]})
	}
	return out
}

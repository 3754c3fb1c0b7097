package node

import "github.com/InterCooperative-Network/icn-core/icn"

// BackTest tells what would have happened otherwise, had other rules been in force
// for a while.
type BackTest struct {
	From    uint64   `json:"from_entry"` // from it on the rules were others
	Since   icn.Time `json:"since_ms"`   // its time
	Entries uint64   `json:"entries"`    // that were replayed under them
	Words   []string `json:"words"`
	Was     Measures `json:"was"`
	Becomes Measures `json:"becomes"`
	// Accounts are those that would stand most otherwise, at most ten.
	Accounts []AccountShift `json:"accounts"`
}

// Measures sum up what happened in a stretch of the log.
type Measures struct {
	Refused     uint64 `json:"statements_refused"`
	Settled     uint64 `json:"jobs_settled"`
	RolledBack  uint64 `json:"jobs_rolled_back"`
	Bans        uint64 `json:"executors_banned"`
	Regenerated uint64 `json:"capacity_regenerated"`
	Burnt       uint64 `json:"capacity_burnt"`
	Lost        uint64 `json:"capacity_lost_at_caps"`
	Balances    uint64 `json:"balances"` // at the end
}

// AccountShift is an account that would stand otherwise.
type AccountShift struct {
	Account icn.DID `json:"account"`
	Was     uint64  `json:"was"`
	Becomes uint64  `json:"becomes"`
}

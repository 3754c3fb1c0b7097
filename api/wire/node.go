package wire

import (
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// Info says who a node is.
type Info struct {
	Version       string  `json:"version"`
	Name          string  `json:"name"`
	DID           icn.DID `json:"did"`
	StatusMessage string  `json:"status_message" doc:"For people."`
	Network       string  `json:"network,omitempty" doc:"CID of the genesis block."`
	Federation    string  `json:"federation,omitempty"`
}

// Status is a node at a glance.
type Status struct {
	node.Status
	UptimeSeconds      uint64 `json:"uptime_seconds"`
	IsOnline           bool   `json:"is_online" doc:"Whether statements can be ordered now."`
	PeerCount          int    `json:"peer_count" doc:"Peers linked at this moment."`
	CurrentBlockHeight uint64 `json:"current_block_height" doc:"Entries of the log, as height."`
	Surroundings
}

// Health says whether the node itself works. A federation without a quorum makes
// it degraded, not unhealthy: a restart would not help.
type Health struct {
	Status        string            `json:"status" enum:"OK,DEGRADED,UNHEALTHY"`
	Timestamp     int64             `json:"timestamp" doc:"Unix seconds."`
	UptimeSeconds uint64            `json:"uptime_seconds"`
	Checks        map[string]string `json:"checks"`
	Metrics       HealthMetrics     `json:"metrics"`
}

// HealthMetrics are a few numbers for whoever has no metrics server.
type HealthMetrics struct {
	UptimeSeconds    uint64 `json:"uptime_seconds"`
	MemoryUsageBytes uint64 `json:"memory_usage_bytes"`
	ProcessID        int    `json:"process_id"`
	ConnectedPeers   int    `json:"connected_peers"`
	PendingJobs      int    `json:"pending_jobs"`
}

// Ready says whether the node can order statements and serve.
type Ready struct {
	Ready     bool              `json:"ready"`
	Timestamp int64             `json:"timestamp" doc:"Unix seconds."`
	Checks    map[string]string `json:"checks"`
}

// Alive is the answer of a process that runs.
type Alive struct {
	Alive bool `json:"alive"`
}

// Keys are the node's public key in its forms.
type Keys struct {
	DID       icn.DID `json:"did"`
	PublicKey string  `json:"public_key_bs58"`
	PeerID    string  `json:"peer_id"`
}

// Checkpoint is the last state of the log that a quorum of clerks signed.
type Checkpoint struct {
	Network icn.CID   `json:"network"`
	Size    uint64    `json:"size" doc:"Entries that it covers."`
	Tree    string    `json:"tree_root" doc:"Root of the log's Merkle tree, in hex."`
	State   string    `json:"state_root" doc:"Root of the folded state, in hex."`
	Signers []icn.DID `json:"signers"`
	Note    string    `json:"note" doc:"The signed note itself (C2SP)."`
}

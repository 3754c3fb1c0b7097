package wire

import (
	"encoding/json"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// DefaultBudget is what a job may cost when its submitter does not say.
const DefaultBudget = 50

// Submit asks the node to offer a job in its own name.
type Submit struct {
	Module   icn.CID             `json:"module,omitzero" doc:"The program: a WASI preview 1 module, or one of the host interface. Required, unless manifest_cid or echo is given."`
	Echo     *string             `json:"echo,omitempty" doc:"Instead of a program: the output is \"Echo: \" and this."`
	Inline   []byte              `json:"inline,omitempty" doc:"Base64; stdin begins with it."`
	Manifest icn.CID             `json:"manifest_cid,omitzero" doc:"Another name for module."`
	Inputs   []icn.CID           `json:"inputs,omitempty" doc:"Files or raw blocks; joined in order they are stdin."`
	Args     []string            `json:"args,omitempty"`
	Env      []string            `json:"env,omitempty" doc:"K=V"`
	Outputs  []string            `json:"outputs,omitempty" doc:"Names of what the program must leave beside its stdout."`
	Resume   icn.CID             `json:"resume,omitzero" doc:"A checkpoint that the program begins from."`
	Grants   icn.JobGrants       `json:"grants,omitzero" doc:"What the program may do in its submitter's name."`
	Copies   icn.JobCopies       `json:"copies,omitzero" doc:"How many executors run it, and how many must agree."`
	Limits   icn.JobLimits       `json:"limits,omitzero"`
	Requires icn.JobRequirements `json:"requires,omitzero"`
	Budget   uint64              `json:"budget,omitempty" doc:"The most it may cost, held until it ends. Default 50."`
	Cost     uint64              `json:"cost_mana,omitempty" doc:"Another name for budget."`
	Wait     Duration            `json:"wait,omitempty" doc:"Wait this long for its end: seconds, or as in 10s."`
	Spec     *JobSpec            `json:"spec_json,omitempty" doc:"An upstream job specification instead of inputs and requires."`
}

// JobSpec is the job specification of earlier releases of this network's
// software. What it can say and this release cannot keep is refused.
type JobSpec struct {
	Kind         json.RawMessage `json:"kind" doc:"\"CclWasm\" or \"GenericPlaceholder\": the manifest's module is run; or {\"Echo\": {\"payload\": …}}."`
	Inputs       []icn.CID       `json:"inputs,omitempty"`
	Outputs      []string        `json:"outputs,omitempty"`
	Trust        *string         `json:"required_trust_scope,omitempty"`
	Reputation   *uint64         `json:"min_executor_reputation,omitempty"`
	Federations  []string        `json:"allowed_federations,omitempty"`
	Resources    JobResources    `json:"required_resources,omitzero"`
	Capabilities []string        `json:"required_capabilities,omitempty"`
}

// JobResources are what an executor must have.
type JobResources struct {
	CPUCores  uint64 `json:"cpu_cores,omitempty"`
	MemoryMB  uint64 `json:"memory_mb,omitempty"`
	StorageMB uint64 `json:"storage_mb,omitempty"`
}

// Submitted is a job on its way.
type Submitted struct {
	JobID icn.CID       `json:"job_id"`
	Index uint64        `json:"index,omitempty" doc:"The entry that posted it; absent while it waits to be ordered."`
	State string        `json:"state" enum:"applied,waiting" doc:"What became of the statement that posts it."`
	Job   *node.JobView `json:"job,omitempty" doc:"How it ended, when it did within wait."`
}

// Jobs is a page of jobs, the newest first.
type Jobs struct {
	Jobs []node.JobView `json:"jobs"`
	Next uint64         `json:"next,omitempty" doc:"Give it as before to get older ones."`
}

// Receipt is everything that a stranger needs to check a job's receipt, or that
// another statement, such as a ballot, is in the log.
type Receipt struct {
	Job     node.JobView `json:"job,omitzero" doc:"If it is a job's."`
	Entry   Entry        `json:"entry" doc:"The entry that holds the executor's receipt, or the statement."`
	Proof   node.Proof   `json:"proof" doc:"That the entry is in the certified log (RFC 6962)."`
	Network icn.CID      `json:"network"`
	Clerks  []icn.DID    `json:"clerks" doc:"Whose signatures count on the checkpoint: a majority is needed."`
}

package icn

// Limits on what a job may carry.
const (
	MaxInputs    = 64
	MaxArgs      = 256
	MaxOffers    = 64
	MaxInline    = 32 << 10
	MaxOutputs   = 16
	MaxCopies    = 7
	MaxSubmitted = 16
	MaxName      = 64
)

// JobKind says what a job is.
type JobKind uint8

// The kinds.
const (
	JobProgram JobKind = 0 // Module is run: a WASI preview 1 command, or a module of the host interface
	JobEcho    JobKind = 1 // nothing is run: the output is "Echo: " and the input
)

// JobSpec says what to run and within which bounds. It travels whole with the
// job: an executor needs nothing else but the blocks it cites.
type JobSpec struct {
	Kind     JobKind
	Module   CID      // what is run
	Inline   []byte   // the input begins with it
	Inputs   []CID    // UnixFS files or raw blocks; joined in order behind it they are stdin
	Args     []string // the program's arguments, after its name
	Env      []string // K=V
	Outputs  []string // names of what the program must leave beside its stdout
	Resume   CID      // a checkpoint to begin from, or undefined
	Limits   JobLimits
	Requires JobRequirements
	Grants   JobGrants
	Copies   JobCopies
}

// JobGrants are what the program may do in its submitter's name. What it may
// spend is held with the budget.
type JobGrants struct {
	Read   bool   `json:"read,omitempty"`   // ask for the submitter's capacity and reputation, and for blocks
	Store  bool   `json:"store,omitempty"`  // put blocks
	Submit uint64 `json:"submit,omitempty"` // budgets of jobs that it posts, together
	Spend  uint64 `json:"spend,omitempty"`  // capacity that it burns
}

// JobCopies have several executors run the job: Of at once, of whom Agree must
// come to the same result. Zero means one.
type JobCopies struct {
	Of    uint64 `json:"of,omitempty"`
	Agree uint64 `json:"agree,omitempty"`
}

// JobLimits bound one run. Zero means the rules' default.
type JobLimits struct {
	Gas           uint64 `json:"gas,omitempty"`
	MemoryBytes   uint64 `json:"memory_bytes,omitempty"`
	OutputBytes   uint64 `json:"output_bytes,omitempty"`
	WallMillis    uint64 `json:"wall_ms,omitempty"`
	TableElements uint64 `json:"table_elements,omitempty"`
}

// JobRequirements are hard filters on the executor.
type JobRequirements struct {
	Capabilities []string `json:"capabilities,omitempty"`
	Federations  []string `json:"federations,omitempty"` // one of them
	Trust        string   `json:"trust_scope,omitempty"`
	Reputation   uint64   `json:"min_reputation,omitempty"` // 0 to 100
	CPUCores     uint64   `json:"cpu_cores,omitempty"`
	MemoryMB     uint64   `json:"memory_mb,omitempty"`
	StorageMB    uint64   `json:"storage_mb,omitempty"`
}

// Append appends the canonical form.
func (s JobSpec) Append(b []byte) []byte {
	b = AppendUint(AppendArray(b, 12), uint64(s.Kind))
	b = AppendBytes(AppendCID(b, s.Module), s.Inline)
	b = AppendArray(b, len(s.Inputs))
	for _, c := range s.Inputs {
		b = AppendCID(b, c)
	}
	b = AppendTexts(AppendTexts(AppendTexts(b, s.Args), s.Env), s.Outputs)
	b = AppendCID(b, s.Resume)
	b = appendUints(b, s.Limits.Gas, s.Limits.MemoryBytes, s.Limits.OutputBytes, s.Limits.WallMillis, s.Limits.TableElements)
	b = AppendArray(b, 7)
	b = AppendTexts(AppendTexts(b, s.Requires.Capabilities), s.Requires.Federations)
	b = AppendUint(AppendText(b, s.Requires.Trust), s.Requires.Reputation)
	for _, n := range []uint64{s.Requires.CPUCores, s.Requires.MemoryMB, s.Requires.StorageMB} {
		b = AppendUint(b, n)
	}
	b = AppendBool(AppendBool(AppendArray(b, 4), s.Grants.Read), s.Grants.Store)
	b = AppendUint(AppendUint(b, s.Grants.Submit), s.Grants.Spend)
	return appendUints(b, s.Copies.Of, s.Copies.Agree)
}

func appendUints(b []byte, ns ...uint64) []byte {
	b = AppendArray(b, len(ns))
	for _, n := range ns {
		b = AppendUint(b, n)
	}
	return b
}

// ReadJobSpec reads what [JobSpec.Append] wrote.
func ReadJobSpec(r *Reader) JobSpec {
	r.Tuple(12)
	kind := r.Uint()
	if r.err == nil && kind > uint64(JobEcho) {
		r.Fail("job of kind %d", kind)
	}
	s := JobSpec{Kind: JobKind(kind), Module: r.CID()}
	if in := r.Bytes(MaxInline); len(in) > 0 {
		s.Inline = in
	}
	if n := r.Array(MaxInputs); n > 0 {
		s.Inputs = make([]CID, n)
		for i := range s.Inputs {
			s.Inputs[i] = r.MustCID()
		}
	}
	s.Args, s.Env, s.Outputs = r.Texts(MaxArgs, MaxText), r.Texts(MaxArgs, MaxText), r.Texts(MaxOutputs, MaxName)
	s.Resume = r.CID()
	r.Tuple(5)
	s.Limits = JobLimits{Gas: r.Uint(), MemoryBytes: r.Uint(), OutputBytes: r.Uint(), WallMillis: r.Uint(), TableElements: r.Uint()}
	r.Tuple(7)
	s.Requires = JobRequirements{Capabilities: r.Texts(32, 64), Federations: r.Texts(32, 64), Trust: r.Text(64), Reputation: r.Uint(),
		CPUCores: r.Uint(), MemoryMB: r.Uint(), StorageMB: r.Uint()}
	r.Tuple(4)
	s.Grants = JobGrants{Read: r.Bool(), Store: r.Bool(), Submit: r.Uint(), Spend: r.Uint()}
	r.Tuple(2)
	s.Copies = JobCopies{Of: r.Uint(), Agree: r.Uint()}
	return s
}

// CID names the specification; a receipt cites it.
func (s JobSpec) CID() CID { return SumCID(DagCBOR, s.Append(nil)) }

// JobPost offers a job to the federation. The author pays: Budget is held until
// the job ends.
type JobPost struct {
	Via    DID // the node that collects the offers and assigns
	Budget uint64
	Spec   JobSpec
}

// JobID names the job that operation op of a statement posts: the CID of the
// block [statement, op].
func JobID(statement CID, op int) CID {
	return SumCID(DagCBOR, AppendUint(AppendCID(AppendArray(nil, 2), statement), uint64(op)))
}

// SubmittedID names the job that a program posted as its n-th, by the receipt
// that operation op of a statement holds.
func SubmittedID(statement CID, op, n int) CID {
	return SumCID(DagCBOR, AppendUint(AppendUint(AppendCID(AppendArray(nil, 3), statement), uint64(op)), uint64(n)))
}

// Offer is what the choice between executors is made from. Price and free
// capacity are the executors' own words; the round trip was measured by the node
// that assigns. What else counts is in the log.
type Offer struct {
	Bid       CID    `json:"bid"` // the signed bid's CID; breaks ties
	Executor  DID    `json:"executor"`
	Price     uint64 `json:"price"`
	FreeSlots uint64 `json:"free_slots"`
	FreeMB    uint64 `json:"free_mb"`
	RTTMicros uint64 `json:"rtt_us"`
}

// Append appends the canonical form.
func (o Offer) Append(b []byte) []byte {
	b = AppendDID(AppendCID(AppendArray(b, 6), o.Bid), o.Executor)
	return AppendUint(AppendUint(AppendUint(AppendUint(b, o.Price), o.FreeSlots), o.FreeMB), o.RTTMicros)
}

// ReadOffer reads what [Offer.Append] wrote.
func ReadOffer(r *Reader) Offer {
	r.Tuple(6)
	return Offer{Bid: r.MustCID(), Executor: r.DID(), Price: r.Uint(), FreeSlots: r.Uint(), FreeMB: r.Uint(), RTTMicros: r.Uint()}
}

// JobAssign has the executor of an attempt chosen from all offers, by the fold and
// by what it knows then. Who names one (the first, when there are several) wants no
// other.
type JobAssign struct {
	Job      CID
	Attempt  uint32
	Executor DID
	Offers   []Offer
}

func readJobAssign(r *Reader) Op {
	a := JobAssign{Job: r.MustCID(), Attempt: r.Uint32(), Executor: r.DID()}
	if n := r.Array(MaxOffers); n > 0 {
		a.Offers = make([]Offer, n)
		for i := range a.Offers {
			a.Offers[i] = ReadOffer(r)
		}
	}
	return a
}

// Fault says how a guest failed by its own doing. The empty fault is success.
type Fault string

// The faults.
const (
	FaultNone    Fault = ""
	FaultTrap    Fault = "trap"
	FaultExit    Fault = "exit-code"
	FaultGas     Fault = "gas"
	FaultWall    Fault = "wall-clock"
	FaultMemory  Fault = "memory"
	FaultOutput  Fault = "output"
	FaultDepth   Fault = "call-depth"
	FaultRefused Fault = "refused" // a host call, in a form that has no answer
	FaultModule  Fault = "module"  // the bytes are no program that can ever run
)

// Outcome is what a run of a job comes to: the same whenever it is run again.
type Outcome struct {
	Fault    Fault
	ExitCode uint32
	Output   CID // stdout; UnixFS or raw
	Outputs  []NamedOutput
	Gas      uint64
	Spent    uint64      // of the grant
	Submits  []Submitted // jobs that the program posts
	// Transcript is what the program asked of the federation's state, and was told,
	// as a file; undefined = nothing. Everybody derives the answers from the log.
	Transcript CID
}

// NamedOutput is what a program left under a name.
type NamedOutput struct {
	Name string `json:"name"`
	CID  CID    `json:"cid"`
}

// Submitted is a job that a program posts in its submitter's name.
type Submitted struct {
	Budget uint64
	Spec   JobSpec
}

// Append appends the canonical form.
func (o Outcome) Append(b []byte) []byte {
	b = AppendUint(AppendText(AppendArray(b, 8), string(o.Fault)), uint64(o.ExitCode))
	b = AppendArray(AppendCID(b, o.Output), len(o.Outputs))
	for _, x := range o.Outputs {
		b = AppendCID(AppendText(AppendArray(b, 2), x.Name), x.CID)
	}
	b = AppendArray(AppendUint(AppendUint(b, o.Gas), o.Spent), len(o.Submits))
	for _, x := range o.Submits {
		b = x.Spec.Append(AppendUint(AppendArray(b, 2), x.Budget))
	}
	return AppendCID(b, o.Transcript)
}

// ReadOutcome reads what [Outcome.Append] wrote.
func ReadOutcome(r *Reader) Outcome {
	r.Tuple(8)
	o := Outcome{Fault: Fault(r.Text(32)), ExitCode: r.Uint32(), Output: r.CID()}
	for range r.Array(MaxOutputs) {
		r.Tuple(2)
		x := NamedOutput{Name: r.Text(MaxName), CID: r.MustCID()}
		if r.err != nil {
			return o
		}
		o.Outputs = append(o.Outputs, x)
	}
	o.Gas, o.Spent = r.Uint(), r.Uint()
	for range r.Array(MaxSubmitted) {
		r.Tuple(2)
		x := Submitted{Budget: r.Uint(), Spec: ReadJobSpec(r)}
		if r.err != nil {
			return o
		}
		o.Submits = append(o.Submits, x)
	}
	o.Transcript = r.CID()
	return o
}

// Digest names the outcome: two runs that agree have one digest.
func (o Outcome) Digest() CID { return SumCID(DagCBOR, o.Append(nil)) }

// JobReceipt is the executor's signed word about a run that took place.
type JobReceipt struct {
	Job       CID
	Attempt   uint32
	Spec      CID // what was run
	Outcome   Outcome
	Message   string // a fault in words
	Log       CID    // stderr, or undefined
	Millis    uint64 // wall clock, as the executor saw it: information only
	ABI       uint32 // version of the sandbox
	MemDenied uint32 // refused growths of memory
	TblDenied uint32 // refused growths of tables
}

func readJobReceipt(r *Reader) Op {
	return JobReceipt{
		Job: r.MustCID(), Attempt: r.Uint32(), Spec: r.MustCID(), Outcome: ReadOutcome(r), Message: r.Text(MaxText),
		Log: r.CID(), Millis: r.Uint(), ABI: r.Uint32(), MemDenied: r.Uint32(), TblDenied: r.Uint32(),
	}
}

// JobFail is the executor's word that an attempt did not produce a receipt, or the
// assigning node's that the executor went away. Declined means that nothing was
// run.
type JobFail struct {
	Job      CID
	Attempt  uint32
	Executor DID // of whose run this is said
	Declined bool
	Reason   string
}

// JobCancel ends a job before its receipt; only its submitter may say it.
type JobCancel struct{ Job CID }

// JobSave is the executor's word that the program left a checkpoint, from which
// another attempt, or another job, can go on.
type JobSave struct {
	Job     CID
	Attempt uint32
	State   CID
}

// JobCheck asks that a settled job be run again by others. The node that assigned
// it may say this, and its submitter.
type JobCheck struct{ Job CID }

// JobVerdict is the word of a node that ran a settled job again. Unable, in words,
// means that it could not.
type JobVerdict struct {
	Job     CID
	Outcome Outcome
	ABI     uint32
	Unable  string
}

// NodeProfile tells what the author's node offers to jobs.
type NodeProfile struct {
	Capabilities []string `json:"capabilities"`
	Federations  []string `json:"federations"`
	Trust        string   `json:"trust_scope"`
	CPUCores     uint64   `json:"cpu_cores"`
	MemoryMB     uint64   `json:"memory_mb"`
	StorageMB    uint64   `json:"storage_mb"`
}

// BanLift takes an executor's ban back: a clerk may say it.
type BanLift struct{ Executor DID }

// Kind implements Op.
func (JobPost) Kind() string { return "job.post" }

// Kind implements Op.
func (JobAssign) Kind() string { return "job.assign" }

// Kind implements Op.
func (JobReceipt) Kind() string { return "job.receipt" }

// Kind implements Op.
func (JobFail) Kind() string { return "job.fail" }

// Kind implements Op.
func (JobCancel) Kind() string { return "job.cancel" }

// Kind implements Op.
func (JobSave) Kind() string { return "job.save" }

// Kind implements Op.
func (JobCheck) Kind() string { return "job.check" }

// Kind implements Op.
func (JobVerdict) Kind() string { return "job.verdict" }

// Kind implements Op.
func (NodeProfile) Kind() string { return "node.profile" }

// Kind implements Op.
func (BanLift) Kind() string { return "ban.lift" }

func (JobPost) fields() int     { return 3 }
func (JobAssign) fields() int   { return 4 }
func (JobReceipt) fields() int  { return 10 }
func (JobFail) fields() int     { return 5 }
func (JobCancel) fields() int   { return 1 }
func (JobSave) fields() int     { return 3 }
func (JobCheck) fields() int    { return 1 }
func (JobVerdict) fields() int  { return 4 }
func (NodeProfile) fields() int { return 6 }
func (BanLift) fields() int     { return 1 }

func (o JobPost) appendFields(b []byte) []byte {
	return o.Spec.Append(AppendUint(AppendDID(b, o.Via), o.Budget))
}

func (o JobAssign) appendFields(b []byte) []byte {
	b = AppendUint(AppendCID(b, o.Job), uint64(o.Attempt))
	b = AppendArray(AppendDID(b, o.Executor), len(o.Offers))
	for _, f := range o.Offers {
		b = f.Append(b)
	}
	return b
}

func (o JobReceipt) appendFields(b []byte) []byte {
	b = AppendCID(AppendUint(AppendCID(b, o.Job), uint64(o.Attempt)), o.Spec)
	b = AppendText(o.Outcome.Append(b), o.Message)
	b = AppendUint(AppendCID(b, o.Log), o.Millis)
	return AppendUint(AppendUint(AppendUint(b, uint64(o.ABI)), uint64(o.MemDenied)), uint64(o.TblDenied))
}

func (o JobSave) appendFields(b []byte) []byte {
	return AppendCID(AppendUint(AppendCID(b, o.Job), uint64(o.Attempt)), o.State)
}

func (o JobCheck) appendFields(b []byte) []byte { return AppendCID(b, o.Job) }

func (o JobVerdict) appendFields(b []byte) []byte {
	return AppendText(AppendUint(o.Outcome.Append(AppendCID(b, o.Job)), uint64(o.ABI)), o.Unable)
}

func (o NodeProfile) appendFields(b []byte) []byte {
	b = AppendText(AppendTexts(AppendTexts(b, o.Capabilities), o.Federations), o.Trust)
	return AppendUint(AppendUint(AppendUint(b, o.CPUCores), o.MemoryMB), o.StorageMB)
}

// ReadNodeProfile reads the fields of a profile.
func ReadNodeProfile(r *Reader) NodeProfile {
	return NodeProfile{Capabilities: r.Texts(32, 64), Federations: r.Texts(32, 64), Trust: r.Text(64), CPUCores: r.Uint(), MemoryMB: r.Uint(), StorageMB: r.Uint()}
}

// AppendNodeProfile appends the fields of a profile, as one item.
func AppendNodeProfile(b []byte, p NodeProfile) []byte {
	return p.appendFields(AppendArray(b, p.fields()))
}

func (o BanLift) appendFields(b []byte) []byte { return AppendDID(b, o.Executor) }

func (o JobFail) appendFields(b []byte) []byte {
	b = AppendDID(AppendUint(AppendCID(b, o.Job), uint64(o.Attempt)), o.Executor)
	return AppendText(AppendBool(b, o.Declined), o.Reason)
}
func (o JobCancel) appendFields(b []byte) []byte { return AppendCID(b, o.Job) }

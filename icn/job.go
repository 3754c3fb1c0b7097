package icn

// Limits on what a job may carry.
const (
	MaxInputs = 64
	MaxArgs   = 256
	MaxOffers = 64
)

// JobSpec says what to run and within which bounds. It travels whole with the
// job: an executor needs nothing else but the blocks it cites.
type JobSpec struct {
	Module   CID      // a WASI preview 1 program
	Inputs   []CID    // UnixFS files or raw blocks; joined in order they are stdin
	Args     []string // the program's arguments, after its name
	Env      []string // K=V
	Limits   JobLimits
	Requires JobRequirements
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
	CPUCores     uint64   `json:"cpu_cores,omitempty"`
	MemoryMB     uint64   `json:"memory_mb,omitempty"`
	StorageMB    uint64   `json:"storage_mb,omitempty"`
}

// Append appends the canonical form.
func (s JobSpec) Append(b []byte) []byte {
	b = AppendArray(b, 6)
	b = AppendCID(b, s.Module)
	b = AppendArray(b, len(s.Inputs))
	for _, c := range s.Inputs {
		b = AppendCID(b, c)
	}
	b = AppendTexts(AppendTexts(b, s.Args), s.Env)
	b = AppendArray(b, 5)
	for _, n := range []uint64{s.Limits.Gas, s.Limits.MemoryBytes, s.Limits.OutputBytes, s.Limits.WallMillis, s.Limits.TableElements} {
		b = AppendUint(b, n)
	}
	b = AppendArray(b, 4)
	b = AppendTexts(b, s.Requires.Capabilities)
	for _, n := range []uint64{s.Requires.CPUCores, s.Requires.MemoryMB, s.Requires.StorageMB} {
		b = AppendUint(b, n)
	}
	return b
}

// ReadJobSpec reads what [JobSpec.Append] wrote.
func ReadJobSpec(r *Reader) JobSpec { return readJobSpec(r) }

func readJobSpec(r *Reader) JobSpec {
	r.Tuple(6)
	s := JobSpec{Module: r.MustCID()}
	if n := r.Array(MaxInputs); n > 0 {
		s.Inputs = make([]CID, n)
		for i := range s.Inputs {
			s.Inputs[i] = r.MustCID()
		}
	}
	s.Args, s.Env = r.Texts(MaxArgs, MaxText), r.Texts(MaxArgs, MaxText)
	r.Tuple(5)
	s.Limits = JobLimits{Gas: r.Uint(), MemoryBytes: r.Uint(), OutputBytes: r.Uint(), WallMillis: r.Uint(), TableElements: r.Uint()}
	r.Tuple(4)
	s.Requires = JobRequirements{Capabilities: r.Texts(32, 64), CPUCores: r.Uint(), MemoryMB: r.Uint(), StorageMB: r.Uint()}
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

// Offer is what the choice between executors is made from. The prices and free
// slots are the executors' own words; the round trip was measured by the node
// that assigns.
type Offer struct {
	Bid       CID    `json:"bid"` // the signed bid's CID; breaks ties
	Executor  DID    `json:"executor"`
	Price     uint64 `json:"price"`
	FreeSlots uint64 `json:"free_slots"`
	RTTMicros uint64 `json:"rtt_us"`
}

// JobAssign names the executor of an attempt, with all offers it was chosen from.
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
			r.Tuple(5)
			a.Offers[i] = Offer{Bid: r.MustCID(), Executor: r.DID(), Price: r.Uint(), FreeSlots: r.Uint(), RTTMicros: r.Uint()}
		}
	}
	return a
}

// Fault says how a guest failed by its own doing. The empty fault is success.
type Fault string

// The faults.
const (
	FaultNone   Fault = ""
	FaultTrap   Fault = "trap"
	FaultExit   Fault = "exit-code"
	FaultGas    Fault = "gas"
	FaultWall   Fault = "wall-clock"
	FaultMemory Fault = "memory"
	FaultOutput Fault = "output"
	FaultDepth  Fault = "call-depth"
	FaultModule Fault = "module" // the bytes are no program that can ever run
)

// JobReceipt is the executor's signed word about a run that took place.
type JobReceipt struct {
	Job      CID
	Attempt  uint32
	Spec     CID // what was run
	Fault    Fault
	Message  string // a fault in words
	ExitCode uint32
	Output   CID // stdout; UnixFS or raw
	Log      CID // stderr, or undefined
	Gas      uint64
	Millis   uint64 // wall clock, as the executor saw it: information only
	ABI      uint32 // version of the sandbox
	Denied   uint32 // refused memory and table growths
}

func readJobReceipt(r *Reader) Op {
	return JobReceipt{
		Job: r.MustCID(), Attempt: r.Uint32(), Spec: r.MustCID(), Fault: Fault(r.Text(32)), Message: r.Text(MaxText), ExitCode: r.Uint32(),
		Output: r.CID(), Log: r.CID(), Gas: r.Uint(), Millis: r.Uint(), ABI: r.Uint32(), Denied: r.Uint32(),
	}
}

// JobFail is the executor's word that an attempt did not produce a receipt.
// Declined means that nothing was run.
type JobFail struct {
	Job      CID
	Attempt  uint32
	Declined bool
	Reason   string
}

// JobCancel ends a job before its receipt; only its submitter may say it.
type JobCancel struct{ Job CID }

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

func (JobPost) fields() int    { return 3 }
func (JobAssign) fields() int  { return 4 }
func (JobReceipt) fields() int { return 12 }
func (JobFail) fields() int    { return 4 }
func (JobCancel) fields() int  { return 1 }

func (o JobPost) appendFields(b []byte) []byte {
	return o.Spec.Append(AppendUint(AppendDID(b, o.Via), o.Budget))
}

func (o JobAssign) appendFields(b []byte) []byte {
	b = AppendUint(AppendCID(b, o.Job), uint64(o.Attempt))
	b = AppendArray(AppendDID(b, o.Executor), len(o.Offers))
	for _, f := range o.Offers {
		b = AppendDID(AppendCID(AppendArray(b, 5), f.Bid), f.Executor)
		b = AppendUint(AppendUint(AppendUint(b, f.Price), f.FreeSlots), f.RTTMicros)
	}
	return b
}

func (o JobReceipt) appendFields(b []byte) []byte {
	b = AppendCID(AppendUint(AppendCID(b, o.Job), uint64(o.Attempt)), o.Spec)
	b = AppendUint(AppendText(AppendText(b, string(o.Fault)), o.Message), uint64(o.ExitCode))
	b = AppendCID(AppendCID(b, o.Output), o.Log)
	b = AppendUint(AppendUint(b, o.Gas), o.Millis)
	return AppendUint(AppendUint(b, uint64(o.ABI)), uint64(o.Denied))
}

func (o JobFail) appendFields(b []byte) []byte {
	b = AppendUint(AppendCID(b, o.Job), uint64(o.Attempt))
	return AppendText(AppendBool(b, o.Declined), o.Reason)
}
func (o JobCancel) appendFields(b []byte) []byte { return AppendCID(b, o.Job) }

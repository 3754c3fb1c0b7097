package wasm

import (
	"context"
	"fmt"
	"sort"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// hostModule is the namespace of what a program can ask of the federation.
const hostModule = "icn"

// Host is what a program can ask of the world, in its submitter's name. What it
// wants to change is only collected in the [Result]: it counts when the receipt
// does. The zero value grants nothing.
type Host struct {
	Caller  string // the submitter's DID
	Job     string // the job's id
	Grants  icn.JobGrants
	Outputs []string // the names of outputs that it may leave
	Resume  []byte   // the checkpoint that it begins from; nil: none
	// Ask answers what the federation's state says of an account, as of a moment that
	// is the job's: whoever runs it again must be told the same. An account that did
	// not exist then is not known.
	Ask func(ctx context.Context, about Question, who icn.DID) (n uint64, known bool, err error)
	// Block reads a block.
	Block func(ctx context.Context, c icn.CID) ([]byte, error)
	// Submit looks at a job that the program posts: what it holds, or why not. It
	// must depend on the bytes alone.
	Submit func(job []byte) (held uint64, err error)
	// Verify is the network's one signature rule.
	Verify func(key [32]byte, msg, sig []byte) bool
	// Save keeps a checkpoint; nil: it cannot be kept here.
	Save func(state []byte) error
}

// Named is what a program left under a name.
type Named struct {
	Name string
	Data []byte
}

// What a host call answers when it does not do what it was asked. Guests see these
// numbers; they are part of [ABI].
const (
	hostInvalid = -1 // a pointer outside of memory, or words that say nothing
	hostDenied  = -2 // the job does not grant it
	hostMissing = -3 // there is none
	hostTooMuch = -4 // over a limit, or over what is granted
)

// Bounds of what a program can hand over.
const (
	maxCheckpoint = 4 << 20
	maxPuts       = 256
)

// hostFunc is one form of a host call.
type hostFunc struct {
	params, results []byte
	call            func(*hosting, api.Module, []uint64)
}

// name is under what a form of a call is exported: one name may have several.
func (f hostFunc) export(name string) string {
	return name + " " + string(letters(f.params)) + ">" + string(letters(f.results))
}

func letters(types []byte) []byte {
	out := make([]byte, len(types))
	for i, t := range types {
		out[i] = map[byte]byte{typeI32: 'i', typeI64: 'l', typeF32: 'f', typeF64: 'd'}[t]
	}
	return out
}

const i32, i64 = byte(typeI32), byte(typeI64)

// of is a form of a call that takes params and gives result; 0 = nothing.
func of(result byte, call func(*hosting, api.Module, []uint64), params ...byte) hostFunc {
	f := hostFunc{params: params, call: call}
	if result != 0 {
		f.results = []byte{result}
	}
	return f
}

// hostFuncs are the calls that are offered, each in its forms.
var hostFuncs = map[string][]hostFunc{
	"host_get_caller":           {of(i32, (*hosting).caller, i32, i32)},
	"host_job_id":               {of(i32, (*hosting).job, i32, i32)},
	"host_get_current_time":     {of(i64, (*hosting).time)},
	"host_account_get_mana":     {of(i64, asking(AskMana)), of(i64, asking(AskMana), i32, i32)},
	"host_get_reputation":       {of(i64, asking(AskReputation)), of(i64, asking(AskReputation), i32, i32)},
	"host_submit_mesh_job":      {of(0, orStop("host_submit_mesh_job", (*hosting).submit), i32, i32), of(i32, (*hosting).submit, i32, i32), of(i32, (*hosting).submit, i32, i32, i32, i32)},
	"host_account_spend_mana":   {of(0, orStop("host_account_spend_mana", (*hosting).spend), i32, i32, i64), of(i32, (*hosting).spend, i32, i32, i64)},
	"host_dag_put":              {of(i32, (*hosting).put, i32, i32, i32, i32)},
	"host_dag_get":              {of(i32, (*hosting).get, i32, i32, i32, i32)},
	"host_calculate_cid":        {of(i32, (*hosting).cid, i32, i32, i32, i32)},
	"host_verify_did_signature": {of(i32, (*hosting).verify, i32, i32, i32, i32, i32, i32)},
	"host_output":               {of(i32, (*hosting).output, i32, i32, i32, i32)},
	"host_progress":             {of(0, (*hosting).progress, i32, i32, i32)},
	"host_log":                  {of(0, (*hosting).log, i32, i32)},
	"host_checkpoint_save":      {of(i32, (*hosting).save, i32, i32)},
	"host_checkpoint_load":      {of(i32, (*hosting).load, i32, i32)},
}

// hostNames lists what is offered, for people.
func hostNames() []string {
	var out []string
	for name := range hostFuncs { // order: sorted below
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

// hosting is one run's dealings with its host.
type hosting struct {
	Host
	run     *running
	watch   Watch
	now     int64
	outputs []Named
	submits [][]byte
	held    uint64
	spent   uint64
	puts    [][]byte
	bytes   uint64 // of outputs and puts
	asked   transcript
	waited  time.Duration // for answers
}

// answer puts a number where the guest finds it.
func answer(stack []uint64, n int64) { stack[0] = uint64(n) }

// answer32 is answer for a result of 32 bits.
func answer32(stack []uint64, n int) { stack[0] = api.EncodeI32(int32(n)) }

// orStop is a call in a form that has no result: its program cannot see a refusal,
// and must not go on as if there had been none.
func orStop(name string, call func(*hosting, api.Module, []uint64)) func(*hosting, api.Module, []uint64) {
	return func(h *hosting, mod api.Module, s []uint64) {
		call(h, mod, s)
		if code := api.DecodeI32(s[0]); code < 0 {
			h.run.refuse(fmt.Sprintf("%s was refused (%s), in the form that cannot tell the program", name, refusals[code]))
		}
	}
}

// refusals are the answers in words.
var refusals = map[int32]string{
	hostInvalid: "what it was given says nothing", hostDenied: "the job does not grant it",
	hostMissing: "there is none", hostTooMuch: "over a limit, or over what is granted",
}

// A number of 32 bits stands in the lower half of a stack's word, with anything
// above it.

// view reads guest memory, paid for by the byte. It is bounded by what there is:
// a length that lies allocates nothing.
func (h *hosting) view(mod api.Module, ptr, n uint64) ([]byte, bool) {
	mem := mod.Memory()
	if mem == nil {
		return nil, false
	}
	b, ok := mem.Read(api.DecodeU32(ptr), api.DecodeU32(n))
	if ok {
		h.run.charge(len(b))
	}
	return b, ok
}

// give writes to guest memory as much as fits, and returns how much there is.
func (h *hosting) give(mod api.Module, ptr, n uint64, data []byte) int {
	mem := mod.Memory()
	fits := data[:min(uint32(len(data)), api.DecodeU32(n))]
	if mem == nil || !mem.Write(api.DecodeU32(ptr), fits) {
		return hostInvalid
	}
	h.run.charge(len(fits))
	return len(data)
}

func (h *hosting) caller(mod api.Module, s []uint64) {
	answer32(s, h.give(mod, s[0], s[1], []byte(h.Caller)))
}
func (h *hosting) job(mod api.Module, s []uint64) {
	answer32(s, h.give(mod, s[0], s[1], []byte(h.Job)))
}
func (h *hosting) time(_ api.Module, s []uint64) { answer(s, h.now) }

package wasm

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"

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
	// Ask answers what depends on the world: a balance, a reputation, a block. Its
	// answers stand in the transcript.
	Ask func(ctx context.Context, name string, args []byte) ([]byte, error)
	// Submit looks at a job that the program posts: what it holds, or why not. It
	// must depend on the bytes alone.
	Submit func(job []byte) (held uint64, err error)
	// Verify is the network's one signature rule.
	Verify func(key [32]byte, msg, sig []byte) bool
	// Save keeps a checkpoint; nil: it cannot be kept here.
	Save func(state []byte) error
	// Replay is the transcript of an earlier run: its answers are given again, and
	// nobody is asked.
	Replay []byte
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
	hostFailed  = -5 // this machine could not
)

// Bounds of what a program can hand over.
const (
	maxCheckpoint = 4 << 20
	maxAsked      = 1 << 20 // of a transcript
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
	"host_account_get_mana":     {of(i64, asking("mana")), of(i64, asking("mana"), i32, i32)},
	"host_get_reputation":       {of(i64, asking("reputation")), of(i64, asking("reputation"), i32, i32)},
	"host_submit_mesh_job":      {of(0, (*hosting).submit, i32, i32), of(i32, (*hosting).submit, i32, i32), of(i32, (*hosting).submit, i32, i32, i32, i32)},
	"host_account_spend_mana":   {of(0, (*hosting).spend, i32, i32, i64), of(i32, (*hosting).spend, i32, i32, i64)},
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
	script  []byte // the transcript
	asked   int    // how many calls stand in it
	replay  *icn.Reader
	left    int // calls that stand in the replay and are not asked again yet
}

func (h *hosting) begin() error {
	if h.Replay == nil {
		return nil
	}
	h.replay = icn.NewReader(h.Replay)
	h.left = h.replay.Array(1 << 20)
	if err := h.replay.Err(); err != nil {
		return fmt.Errorf("transcript: %w", err)
	}
	return nil
}

// answer puts a number where the guest finds it. Forms without a result drop it.
func answer(stack []uint64, n int64) {
	if len(stack) > 0 {
		stack[0] = uint64(n)
	}
}

// answer32 is answer for a result of 32 bits.
func answer32(stack []uint64, n int) {
	if len(stack) > 0 {
		stack[0] = api.EncodeI32(int32(n))
	}
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

// asking is a call whose answer is a number that the world knows.
func asking(name string) func(*hosting, api.Module, []uint64) {
	return func(h *hosting, mod api.Module, s []uint64) {
		who := []byte(h.Caller)
		if len(s) >= 2 && api.DecodeU32(s[1]) > 0 {
			b, ok := h.view(mod, s[0], s[1])
			if !ok {
				answer(s, hostInvalid)
				return
			}
			who = slices.Clone(b)
		}
		b, code := h.ask(name, who)
		if code == 0 && len(b) != 8 {
			code = hostFailed
		}
		if code != 0 {
			answer(s, int64(code))
			return
		}
		answer(s, int64(binary.LittleEndian.Uint64(b)))
	}
}

// ask gets an answer of the world, or of the transcript. An answer of blocks is
// not written down: its name says what it is.
func (h *hosting) ask(name string, args []byte) ([]byte, int) {
	if !h.Grants.Read || h.Ask == nil && h.replay == nil {
		return nil, hostDenied
	}
	if len(h.script) > maxAsked {
		return nil, hostTooMuch
	}
	var b []byte
	code := 0
	if h.replay != nil {
		b, code = h.again(name, args)
	} else if got, err := h.Ask(h.run.ctx, name, args); err != nil {
		if h.run.ctx.Err() != nil {
			h.run.fail(h.run.canceled())
		}
		code = codeOf(err)
	} else {
		b = got
	}
	h.asked++
	kept := b
	if name == askBlock {
		kept = nil
	}
	h.script = icn.AppendBytes(icn.AppendText(icn.AppendArray(h.script, 4), name), args)
	h.script = icn.AppendBytes(icn.AppendUint(h.script, uint64(-code)), kept)
	return b, code
}

const askBlock = "block"

// again takes the next answer out of the transcript.
func (h *hosting) again(name string, args []byte) ([]byte, int) {
	if h.left == 0 {
		h.run.fail(fmt.Errorf("%w: it asks for %s, and the run before did not", ErrDiverged, name))
	}
	h.left--
	r := h.replay
	r.Tuple(4)
	was, with := r.Text(32), r.Bytes(1<<16)
	code, b := int(r.Uint()), r.Bytes(maxAsked)
	if r.Err() != nil || was != name || string(with) != string(args) || code > 5 {
		h.run.fail(fmt.Errorf("%w: it asks for %s, the run before for %s", ErrDiverged, name, was))
	}
	if name == askBlock && code == 0 {
		if h.Ask == nil {
			h.run.fail(fmt.Errorf("transcript: %w: a block that it read is not at hand", icn.ErrUnavailable))
		}
		got, err := h.Ask(h.run.ctx, name, args)
		if err != nil {
			h.run.fail(fmt.Errorf("transcript: %w: a block that it read is not at hand: %w", icn.ErrUnavailable, err))
		}
		return got, 0
	}
	return b, -code
}

// transcript is what was asked and answered; nil when nothing was.
func (h *hosting) transcript() []byte {
	if h.asked == 0 {
		return nil
	}
	return append(icn.AppendArray(nil, h.asked), h.script...)
}

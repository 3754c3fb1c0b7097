package wasm

import (
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// submit posts a job in the submitter's name, when the receipt counts. It answers
// the job's place among those that were posted.
func (h *hosting) submit(mod api.Module, s []uint64) {
	b, ok := h.view(mod, s[0], s[1])
	switch {
	case !ok:
		answer32(s, hostInvalid)
		return
	case h.Grants.Submit == 0 || h.Submit == nil:
		answer32(s, hostDenied)
		return
	case len(h.submits) >= icn.MaxSubmitted:
		answer32(s, hostTooMuch)
		return
	}
	job := slices.Clone(b)
	held, err := h.Submit(job)
	switch {
	case err != nil:
		h.note("host_submit_mesh_job: " + err.Error())
		answer32(s, hostInvalid)
	case held > h.Grants.Submit-h.held:
		answer32(s, hostTooMuch)
	default:
		h.held += held
		h.submits = append(h.submits, job)
		answer32(s, len(h.submits)-1)
	}
}

// note tells the program's author in the log what a code does not say.
func (h *hosting) note(text string) { _, _ = h.run.log.Write([]byte(icn.Fit(text, 500) + "\n")) }

// spend burns the submitter's capacity, when the receipt counts.
func (h *hosting) spend(mod api.Module, s []uint64) {
	who, ok := h.view(mod, s[0], s[1])
	amount := s[2]
	switch {
	case !ok || int64(amount) <= 0:
		answer32(s, hostInvalid)
	case h.Grants.Spend == 0 || len(who) > 0 && string(who) != h.Caller:
		answer32(s, hostDenied)
	case amount > h.Grants.Spend-h.spent:
		answer32(s, hostTooMuch)
	default:
		h.spent += amount
		answer32(s, 0)
	}
}

// room says whether so much more may be left behind, and counts it.
func (h *hosting) room(n int) bool {
	if uint64(n) > h.run.lim.OutputBytes-min(h.bytes, h.run.lim.OutputBytes) {
		return false
	}
	h.bytes += uint64(n)
	return true
}

func (h *hosting) put(mod api.Module, s []uint64) {
	b, ok := h.view(mod, s[0], s[1])
	switch {
	case !ok:
		answer32(s, hostInvalid)
	case !h.Grants.Store:
		answer32(s, hostDenied)
	case len(b) > icn.MaxBlock || len(h.puts) >= maxPuts || !h.room(len(b)):
		answer32(s, hostTooMuch)
	default:
		b = slices.Clone(b)
		h.puts = append(h.puts, b)
		answer32(s, h.give(mod, s[2], s[3], []byte(icn.SumCID(icn.Raw, b).String())))
	}
}

func (h *hosting) cid(mod api.Module, s []uint64) {
	b, ok := h.view(mod, s[0], s[1])
	if !ok {
		answer32(s, hostInvalid)
		return
	}
	answer32(s, h.give(mod, s[2], s[3], []byte(icn.SumCID(icn.Raw, b).String())))
}

// costVerify is what looking at a signature costs, beside the bytes.
const costVerify = 100_000

// verify answers 1 when a DID's key signed these bytes, else 0.
func (h *hosting) verify(mod api.Module, s []uint64) {
	did, ok1 := h.view(mod, s[0], s[1])
	msg, ok2 := h.view(mod, s[2], s[3])
	sig, ok3 := h.view(mod, s[4], s[5])
	h.run.charge(costVerify)
	d, err := icn.ParseDID(string(did))
	switch {
	case !ok1 || !ok2 || !ok3 || err != nil:
		answer32(s, hostInvalid)
	case h.Verify == nil:
		h.run.fail(fmt.Errorf("%w: it checks no signatures", ErrHost))
	case h.Verify(d, msg, sig):
		answer32(s, 1)
	default:
		answer32(s, 0)
	}
}

// output leaves something under a name that the job asks for; a second time, it
// takes the place of the first.
func (h *hosting) output(mod api.Module, s []uint64) {
	name, ok1 := h.view(mod, s[0], s[1])
	data, ok2 := h.view(mod, s[2], s[3])
	switch {
	case !ok1 || !ok2:
		answer32(s, hostInvalid)
	case !slices.Contains(h.Outputs, string(name)):
		answer32(s, hostDenied)
	case !h.room(len(data)):
		answer32(s, hostTooMuch)
	default:
		x := Named{Name: string(name), Data: slices.Clone(data)}
		at, found := slices.BinarySearchFunc(h.outputs, x.Name, func(o Named, n string) int {
			if o.Name < n {
				return -1
			}
			if o.Name > n {
				return 1
			}
			return 0
		})
		if found {
			h.outputs[at] = x
		} else {
			h.outputs = slices.Insert(h.outputs, at, x)
		}
		answer32(s, 0)
	}
}

// progress tells those who look on how far the program is, in thousandths.
func (h *hosting) progress(mod api.Module, s []uint64) {
	if b, ok := h.view(mod, s[1], s[2]); ok && h.watch.Progress != nil {
		h.watch.Progress(api.DecodeU32(s[0]), icn.Fit(string(b), 200))
	}
}

func (h *hosting) log(mod api.Module, s []uint64) {
	if b, ok := h.view(mod, s[0], s[1]); ok {
		_, _ = h.run.log.Write(append(slices.Clone(b), '\n'))
	}
}

// save keeps how far the program is. Whether it was kept does not show: a program
// must do the same everywhere.
func (h *hosting) save(mod api.Module, s []uint64) {
	b, ok := h.view(mod, s[0], s[1])
	switch {
	case !ok:
		answer32(s, hostInvalid)
	case len(b) > maxCheckpoint:
		answer32(s, hostTooMuch)
	default:
		if h.Save != nil {
			if err := h.Save(slices.Clone(b)); err != nil && h.run.ctx.Err() != nil {
				h.run.fail(h.run.canceled())
			}
		}
		answer32(s, 0)
	}
}

// load gives the checkpoint that the run begins from, and its size; 0 = none.
func (h *hosting) load(mod api.Module, s []uint64) {
	answer32(s, h.give(mod, s[0], s[1], h.Resume))
}

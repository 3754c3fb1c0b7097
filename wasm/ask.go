package wasm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// ErrHost marks a run that ended because this machine could not answer its
// program, or feed it: the program has no part in that, and never sees it. Else an
// honest machine in trouble would come to another result than others.
var ErrHost = errors.New("the sandbox's host")

// Question is what a program can ask about an account.
type Question string

// The questions.
const (
	AskMana       Question = "mana"
	AskReputation Question = "reputation"
	askBlock               = "block" // as the transcript has it
)

// patience is how long all the answers of one run may take. It is this machine's
// time, not the program's: the wall clock stands still meanwhile.
const patience = 15 * time.Second

// maxAsked bounds a transcript: a program that asks more is told so.
const maxAsked = 1 << 20

// transcript is what a program asked and was told, in order. It follows from the
// run: whoever runs the program again gets the same bytes. Of a block it holds the
// name only.
type transcript struct {
	lines []byte
	count int
}

// add appends a tuple of 4: question, about what (text), code, answer (bytes).
func (t *transcript) add(question, about string, code int, answer []byte) {
	t.count++
	t.lines = icn.AppendText(icn.AppendText(icn.AppendArray(t.lines, 4), question), about)
	t.lines = icn.AppendBytes(icn.AppendUint(t.lines, uint64(-code)), answer)
}

// bytes is the transcript's form; nil when nothing was asked.
func (t *transcript) bytes() []byte {
	if t.count == 0 {
		return nil
	}
	return append(icn.AppendArray(nil, t.count), t.lines...)
}

// asking is a call whose answer is a number that the federation's state knows.
func asking(about Question) func(*hosting, api.Module, []uint64) {
	return func(h *hosting, mod api.Module, s []uint64) { answer(s, h.number(mod, about, s)) }
}

func (h *hosting) number(mod api.Module, about Question, s []uint64) int64 {
	who := h.Caller
	if len(s) >= 2 && api.DecodeU32(s[1]) > 0 {
		b, ok := h.view(mod, s[0], s[1])
		if !ok {
			return hostInvalid
		}
		who = string(b)
	}
	d, err := icn.ParseDID(who)
	switch {
	case !h.Grants.Read:
		return hostDenied
	case err != nil:
		return hostInvalid
	case len(h.asked.lines) > maxAsked:
		return hostTooMuch
	}
	var n uint64
	var known bool
	h.wait(h.Ask != nil, func(ctx context.Context) error {
		n, known, err = h.Ask(ctx, about, d)
		return err
	})
	if !known {
		h.asked.add(string(about), d.String(), hostMissing, nil)
		return hostMissing
	}
	h.asked.add(string(about), d.String(), 0, binary.LittleEndian.AppendUint64(nil, n))
	return int64(n)
}

// get reads a block. That there is none cannot be known: the run then ends here,
// and another machine may find it.
func (h *hosting) get(mod api.Module, s []uint64) {
	b, ok := h.view(mod, s[0], s[1])
	c, err := icn.ParseCID(string(b))
	switch {
	case !ok:
		answer32(s, hostInvalid)
		return
	case !h.Grants.Read:
		answer32(s, hostDenied)
		return
	case err != nil:
		answer32(s, hostInvalid)
		return
	case len(h.asked.lines) > maxAsked:
		answer32(s, hostTooMuch)
		return
	}
	var data []byte
	h.wait(h.Block != nil, func(ctx context.Context) error {
		data, err = h.Block(ctx, c)
		return err
	})
	h.run.charge(len(data)) // also what the program does not look at was read
	h.asked.add(askBlock, c.String(), 0, nil)
	answer32(s, h.give(mod, s[2], s[3], data))
}

// wait lets this machine find an answer, and ends the run if it cannot.
func (h *hosting) wait(offered bool, find func(context.Context) error) {
	if !offered {
		h.run.fail(fmt.Errorf("%w: %w: it answers no such questions", ErrHost, icn.ErrUnavailable))
	}
	ctx, cancel := context.WithTimeout(h.run.ctx, patience-h.waited)
	defer cancel()
	began := time.Now()
	err := find(ctx)
	took := time.Since(began)
	h.waited += took
	h.run.deadline = h.run.deadline.Add(took)
	switch {
	case err == nil:
	case h.run.ctx.Err() != nil:
		h.run.fail(h.run.canceled())
	case ctx.Err() != nil:
		h.run.fail(fmt.Errorf("%w: %w: the answers to the program took longer than %v: %w", ErrHost, icn.ErrUnavailable, patience, err))
	default:
		h.run.fail(fmt.Errorf("%w: it could not answer the program: %w", ErrHost, err))
	}
}

package wasm_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/wasm"
)

// world is a host that answers as told.
func world() wasm.Host {
	return wasm.Host{
		Caller: "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp", Job: "a job",
		Ask: func(_ context.Context, about wasm.Question, _ icn.DID) (uint64, bool, error) {
			return 50, about == wasm.AskMana, nil
		},
		Block: func(context.Context, icn.CID) ([]byte, error) { return []byte("hello world"), nil },
		Submit: func(b []byte) (uint64, error) {
			if string(b) == "nonsense" {
				return 0, icn.ErrInvalid
			}
			return 10, nil
		},
		Verify: func(key [32]byte, msg, sig []byte) bool { return ed25519.Verify(key[:], msg, sig) },
	}
}

// hosted runs the guest in a world.
func hosted(t *testing.T, in wasm.Input, args ...string) wasm.Result {
	t.Helper()
	res, err := tryHosted(t, in, args...)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func tryHosted(t *testing.T, in wasm.Input, args ...string) (wasm.Result, error) {
	t.Helper()
	code, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	r, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	in.Args, in.Now = append([]string{"guest"}, args...), 1_700_000_000_000
	return r.Run(t.Context(), program(code), in, wasm.DefaultLimits())
}

func says(t *testing.T, res wasm.Result, want ...string) {
	t.Helper()
	if got := strings.TrimSpace(string(res.Stdout)); got != strings.Join(want, "\n") || res.Fault != icn.FaultNone {
		t.Errorf("fault %q %s\n%s", res.Fault, res.Message, got)
	}
}

func TestAProgramKnowsWhoseJobItIs(t *testing.T) {
	says(t, hosted(t, wasm.Input{Host: world()}, "who"),
		"caller did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp <nil>", "job a job <nil>", "now 1700000000000 <nil>")
}

func TestS24AGuestReadsCapacityAsFarAsTheJobGrantsIt(t *testing.T) {
	h := world()
	says(t, hosted(t, wasm.Input{Host: h}, "read"), "mana 0 the job does not grant this", "reputation 0 the job does not grant this", "block  the job does not grant this")
	h.Grants.Read = true
	says(t, hosted(t, wasm.Input{Host: h}, "read"), "mana 50 <nil>", "reputation 0 there is no such thing", "block hello world <nil>")
}

func TestARefusalThatAProgramCannotSeeStopsIt(t *testing.T) {
	submit := handmade{types: [][2][]byte{{{i32, i32}, {}}}, imports: []string{"icn.host_submit_mesh_job"}, typ: []byte{0},
		body: []byte{0x41, 0, 0x41, 4, 0x10, 0}}
	spend := handmade{types: [][2][]byte{{{i32, i32, i64}, {}}}, imports: []string{"icn.host_account_spend_mana"}, typ: []byte{0},
		body: []byte{0x41, 0, 0x41, 0, 0x42, 7, 0x10, 0}}
	granted, less := world(), world()
	granted.Grants, less.Grants = icn.JobGrants{Submit: 100, Spend: 7}, icn.JobGrants{Submit: 9, Spend: 6}
	for _, c := range []struct {
		what  string
		m     handmade
		h     wasm.Host
		fault icn.Fault
		says  string
	}{
		{"granted", submit, granted, "", ""}, {"granted", spend, granted, "", ""},
		{"no grant", submit, world(), icn.FaultRefused, "host_submit_mesh_job was refused (the job does not grant it)"},
		{"no grant", spend, world(), icn.FaultRefused, "host_account_spend_mana was refused (the job does not grant it)"},
		{"too much", submit, less, icn.FaultRefused, "over what is granted"}, {"too much", spend, less, icn.FaultRefused, "over what is granted"},
	} {
		res := runModule(t, c.m.bytes(), c.h)
		if res.Fault != c.fault || !strings.Contains(res.Message, c.says) {
			t.Errorf("%s: %q %s", c.what, res.Fault, res.Message)
		}
		if c.fault != "" && (res.Spent != 0 || res.Submits != nil) {
			t.Errorf("%s: it spends %d, posts %q", c.what, res.Spent, res.Submits)
		}
	}
}

func TestS25AGuestPostsJobsOutOfItsGrant(t *testing.T) {
	h := world()
	r := hosted(t, wasm.Input{Host: h}, "submit", `{"echo":"x"}`)
	says(t, r, slices.Repeat([]string{`submit {"echo":"x"} the job does not grant this`}, 3)...)
	h.Grants.Submit = 25
	r = hosted(t, wasm.Input{Host: h}, "submit", `{"echo":"x"}`)
	says(t, r, `submit {"echo":"x"} <nil>`, `submit {"echo":"x"} <nil>`, `submit {"echo":"x"} it is over a limit, or over what is granted`)
	if len(r.Submits) != 2 || string(r.Submits[1]) != `{"echo":"x"}` {
		t.Errorf("%q", r.Submits)
	}
	r = hosted(t, wasm.Input{Host: h}, "submit", "nonsense")
	if len(r.Submits) != 0 || !strings.Contains(string(r.Stderr), "host_submit_mesh_job: invalid") {
		t.Errorf("%q, log %q", r.Submits, r.Stderr)
	}
}

func TestAGuestSpendsOutOfItsGrant(t *testing.T) {
	h := world()
	h.Grants.Spend = 10
	r := hosted(t, wasm.Input{Host: h}, "spend")
	says(t, r, "spend 7 <nil>", "spend 7 it is over a limit, or over what is granted", "spend 0 the host cannot read what it was given")
	if r.Spent != 7 {
		t.Error(r.Spent)
	}
}

func TestAGuestPutsBlocks(t *testing.T) {
	h := world()
	says(t, hosted(t, wasm.Input{Host: h}, "put"), "put  the job does not grant this")
	h.Grants.Store = true
	r := hosted(t, wasm.Input{Host: h}, "put")
	says(t, r, "put bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e <nil>")
	if len(r.Puts) != 1 || string(r.Puts[0]) != "hello world" {
		t.Errorf("%q", r.Puts)
	}
}

func TestNamedOutputsAreThoseThatTheJobAsksFor(t *testing.T) {
	h := world()
	h.Outputs = []string{"a"}
	r := hosted(t, wasm.Input{Host: h}, "output")
	says(t, r, "a <nil> <nil>", "b <nil> the job does not grant this", "a <nil> <nil>")
	if len(r.Outputs) != 1 || string(r.Outputs[0].Data) != "third" {
		t.Errorf("%q", r.Outputs)
	}
	h.Outputs = []string{"a", "missing"}
	if r = hosted(t, wasm.Input{Host: h}, "output"); r.Fault != icn.FaultOutput || !strings.Contains(r.Message, "1 of 2 named outputs") || r.Outputs != nil {
		t.Errorf("fault %q %s", r.Fault, r.Message)
	}
}

func TestProgressAndCheckpointsReachWhoLooksOn(t *testing.T) {
	var seen, saved []string
	h := world()
	h.Save = func(b []byte) error {
		saved = append(saved, string(b))
		return nil
	}
	w := wasm.Watch{
		Progress: func(n uint32, words string) { seen = append(seen, fmt.Sprint(n, " ", words)) },
		Log:      func(b []byte) { seen = append(seen, strings.TrimSpace(string(b))) },
	}
	r := hosted(t, wasm.Input{Host: h, Watch: w}, "steps")
	if got := strings.Join(seen, ", "); got != "0 step 0, line 0, 500 step 1, line 1, 1000 step 2, line 2" {
		t.Error(got)
	}
	if got := strings.Join(saved, ", "); got != "state 0, state 1, state 2" {
		t.Error(got)
	}
	// Nobody looks on, and nothing can be kept: the program cannot tell.
	alone := world()
	if s := hosted(t, wasm.Input{Host: alone}, "steps"); s.Gas != r.Gas || !bytes.Equal(s.Stdout, r.Stdout) {
		t.Errorf("%d gas, %d when watched", s.Gas, r.Gas)
	}
	h.Resume = []byte("state 1")
	if s := hosted(t, wasm.Input{Host: h}, "steps"); !strings.HasPrefix(string(s.Stdout), "from state 1\n") {
		t.Errorf("%s", s.Stdout)
	}
}

// text makes a module: types, imports, the body of run, and its type.
type handmade struct {
	types   [][2][]byte
	imports []string // module.name of type i
	typ     []byte   // of each
	body    []byte
	result  byte
	pages   byte   // of memory; 0: one
	locals  []byte // as the code section has them; nil: none
}

// bytes writes the module, its memory exported; run is the last type.
func (h handmade) bytes() []byte {
	section := func(id byte, items ...[]byte) []byte {
		b := append([]byte{byte(len(items))}, bytes.Join(items, nil)...)
		return append([]byte{id, byte(len(b))}, b...)
	}
	name := func(s string) []byte { return append([]byte{byte(len(s))}, s...) }
	var types, imports [][]byte
	run := [2][]byte{{}, {}}
	if h.result != 0 {
		run[1] = []byte{h.result}
	}
	for _, t := range append(slices.Clone(h.types), run) {
		types = append(types, slices.Concat([]byte{0x60, byte(len(t[0]))}, t[0], []byte{byte(len(t[1]))}, t[1]))
	}
	for i, x := range h.imports {
		m, n, _ := strings.Cut(x, ".")
		imports = append(imports, slices.Concat(name(m), name(n), []byte{0, h.typ[i]}))
	}
	if h.locals == nil {
		h.locals = []byte{0}
	}
	code := slices.Concat(h.locals, h.body, []byte{0x0b})
	out := slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), section(1, types...))
	if len(imports) > 0 {
		out = append(out, section(2, imports...)...)
	}
	return slices.Concat(out, section(3, []byte{byte(len(types) - 1)}), section(5, []byte{0, max(h.pages, 1)}),
		section(7, slices.Concat(name("memory"), []byte{2, 0}), slices.Concat(name("run"), []byte{0, byte(len(imports))})),
		section(10, append([]byte{byte(len(code))}, code...)))
}

const (
	i32 = 0x7f
	i64 = 0x7e
)

func runModule(t *testing.T, code []byte, h wasm.Host) wasm.Result {
	t.Helper()
	r, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.Run(t.Context(), program(code), wasm.Input{Args: []string{"m"}, Host: h}, wasm.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestS27AModulesResultIsItsNumber(t *testing.T) {
	for want, body := range map[int64][]byte{ // order: each stands alone
		7: {0x42, 3, 0x42, 4, 0x7c}, 9: {0x42, 3, 0x42, 3, 0x7e}, 4: {0x42, 4},
	} {
		res := runModule(t, handmade{body: body, result: i64}.bytes(), wasm.Host{})
		if res.Fault != "" || !bytes.Equal(res.Stdout, binary.LittleEndian.AppendUint64(nil, uint64(want))) {
			t.Errorf("want %d: %x %s", want, res.Stdout, res.Fault)
		}
	}
	if res := runModule(t, handmade{body: []byte{0x01}}.bytes(), wasm.Host{}); len(res.Stdout) != 0 || res.Fault != "" {
		t.Errorf("%x %s", res.Stdout, res.Fault)
	}
}

func TestAnUnknownImportIsNamed(t *testing.T) {
	for words, m := range map[string]handmade{ // order: each stands alone
		"icn.host_anchor_receipt, which is not offered here; offered are host_account_get_mana": {types: [][2][]byte{{{i32, i32}, {}}}, imports: []string{"icn.host_anchor_receipt"}, typ: []byte{0}},
		"icn.host_get_current_time with a wrong type; offered are >l":                           {types: [][2][]byte{{{}, {i32}}}, imports: []string{"icn.host_get_current_time"}, typ: []byte{0}},
		"env.abort, which is not offered here":                                                  {types: [][2][]byte{{{}, {}}}, imports: []string{"env.abort"}, typ: []byte{0}},
		"its run must take nothing":                                                             {result: i32, body: []byte{0x41, 0}},
	} {
		if err := wasm.Check(m.bytes()); !errors.Is(err, icn.ErrInvalid) || !strings.Contains(err.Error(), words) {
			t.Errorf("%v", err)
		}
	}
}

func TestS26FormsOfOneCallStandBesideEachOther(t *testing.T) {
	// host_submit_mesh_job with and without a result, as the reference has it.
	m := handmade{
		types:   [][2][]byte{{{i32, i32}, {}}, {{i32, i32}, {i32}}},
		imports: []string{"icn.host_submit_mesh_job", "icn.host_submit_mesh_job"}, typ: []byte{0, 1},
		body: []byte{0x41, 0, 0x41, 4, 0x10, 0, 0x41, 0, 0x41, 4, 0x10, 1, 0xac}, result: i64,
	}
	h := world()
	h.Grants.Submit = 100
	res := runModule(t, m.bytes(), h)
	if len(res.Submits) != 2 || binary.LittleEndian.Uint64(res.Stdout) != 1 {
		t.Errorf("%q, %x, %s %s", res.Submits, res.Stdout, res.Fault, res.Message)
	}
}

func TestS29ABadPointerIsAnErrorAndCostsNoMemory(t *testing.T) {
	call := func(ptr, n []byte) int64 {
		m := handmade{types: [][2][]byte{{{i32, i32}, {i32}}}, imports: []string{"icn.host_submit_mesh_job"}, typ: []byte{0},
			body: slices.Concat([]byte{0x41}, ptr, []byte{0x41}, n, []byte{0x10, 0, 0xac}), result: i64}
		h := world()
		h.Grants.Submit = 100
		res := runModule(t, m.bytes(), h)
		if res.Fault != "" {
			t.Fatal(res.Fault, res.Message)
		}
		return int64(binary.LittleEndian.Uint64(res.Stdout))
	}
	minus := []byte{0x7f} // -1: four gigabytes
	for _, x := range [][2][]byte{{{0}, minus}, {minus, {1}}, {{0x80, 0x80, 4}, {1}}, {minus, minus}} {
		if got := call(x[0], x[1]); got != -1 {
			t.Errorf("pointer %x, length %x: %d", x[0], x[1], got)
		}
	}
	if got := call([]byte{0}, []byte{0x80, 0x80, 4}); got != 0 {
		t.Errorf("all of memory: %d", got)
	}
	// What does not fit is cut, and its size told.
	m := handmade{types: [][2][]byte{{{i32, i32}, {i32}}}, imports: []string{"icn.host_get_caller"}, typ: []byte{0},
		body: []byte{0x41, 0, 0x41, 3, 0x10, 0, 0xac}, result: i64}
	if res := runModule(t, m.bytes(), world()); binary.LittleEndian.Uint64(res.Stdout) != 56 {
		t.Errorf("%x", res.Stdout)
	}
}

func TestHostCallsAreTheSameOnBothEngines(t *testing.T) {
	code, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	slow, err := wasm.NewRunner(wasm.Config{Interpreter: true})
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	h := world()
	h.Grants, h.Outputs, h.Resume = icn.JobGrants{Read: true, Store: true, Submit: 25, Spend: 10}, []string{"a"}, []byte("state")
	for _, what := range []string{"who", "read", "submit", "spend", "put", "output", "steps"} {
		in := wasm.Input{Host: h, Args: []string{"guest", what, "{}"}, Now: 1_700_000_000_000}
		want, err := slow.Run(t.Context(), program(code), in, wasm.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		got := hosted(t, wasm.Input{Host: h}, what, "{}")
		if got.Gas != want.Gas || !bytes.Equal(got.Stdout, want.Stdout) || !bytes.Equal(got.Transcript, want.Transcript) || got.Spent != want.Spent {
			t.Errorf("%s: gas %d and %d\n%s\n%s\n%q\n%q", what, got.Gas, want.Gas, got.Stdout, want.Stdout, got.Transcript, want.Transcript)
		}
	}
}

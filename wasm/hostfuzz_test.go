package wasm_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/wasm"
)

// forms are the host calls as programs may import them.
var forms = []struct {
	name   string
	params []byte
	result []byte
}{
	{"host_get_caller", []byte{i32, i32}, []byte{i32}}, {"host_job_id", []byte{i32, i32}, []byte{i32}},
	{"host_get_current_time", nil, []byte{i64}}, {"host_account_get_mana", nil, []byte{i64}},
	{"host_account_get_mana", []byte{i32, i32}, []byte{i64}}, {"host_get_reputation", nil, []byte{i64}},
	{"host_get_reputation", []byte{i32, i32}, []byte{i64}}, {"host_submit_mesh_job", []byte{i32, i32}, nil},
	{"host_submit_mesh_job", []byte{i32, i32}, []byte{i32}}, {"host_submit_mesh_job", []byte{i32, i32, i32, i32}, []byte{i32}},
	{"host_account_spend_mana", []byte{i32, i32, i64}, nil}, {"host_account_spend_mana", []byte{i32, i32, i64}, []byte{i32}},
	{"host_dag_put", []byte{i32, i32, i32, i32}, []byte{i32}}, {"host_dag_get", []byte{i32, i32, i32, i32}, []byte{i32}},
	{"host_calculate_cid", []byte{i32, i32, i32, i32}, []byte{i32}},
	{"host_verify_did_signature", []byte{i32, i32, i32, i32, i32, i32}, []byte{i32}},
	{"host_output", []byte{i32, i32, i32, i32}, []byte{i32}}, {"host_progress", []byte{i32, i32, i32}, nil},
	{"host_log", []byte{i32, i32}, nil}, {"host_checkpoint_save", []byte{i32, i32}, []byte{i32}},
	{"host_checkpoint_load", []byte{i32, i32}, []byte{i32}},
}

// What a calling program's memory holds, from 16 on.
const (
	aDID = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"
	aCID = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
)

// calling is a program that makes the calls which the bytes choose, with what they
// choose, and gives the sum of the answers.
func calling(c *choice) []byte {
	var types, imports, body []byte
	for n, f := range forms {
		types = slices.Concat(types, []byte{0x60, byte(len(f.params))}, f.params, []byte{byte(len(f.result))}, f.result)
		imports = slices.Concat(imports, []byte("\x03icn"), []byte{byte(len(f.name))}, []byte(f.name), []byte{0, byte(n)})
	}
	f := &function{choice: c}
	for range 40 {
		if len(c.b) == 0 {
			break
		}
		n := c.of(len(forms))
		if forms[n].result == nil && c.of(16) != 0 { // those that stop the program are rare
			n++
		}
		for i := 0; i < len(forms[n].params); i++ {
			if forms[n].params[i] == i32 && i+1 < len(forms[n].params) && c.of(4) != 0 { // something that is there
				at := []byte{16, 16 + byte(len(aDID)), 0, 13}[c.of(4)]
				f.op(0x41)
				f.out = sleb(f.out, int64(at))
				if forms[n].params[i+1] == i32 {
					i++
					f.op(0x41)
					f.out = sleb(f.out, []int64{int64(len(aDID)), int64(len(aCID)), 1, 64, 0}[c.of(5)])
				}
				continue
			}
			if forms[n].params[i] == i64 && c.of(4) != 0 { // an amount, mostly a small one
				f.op(0x42, byte(c.of(64)))
				continue
			}
			f.constant(forms[n].params[i])
		}
		f.op(0x10, byte(n))
		if len(forms[n].result) == 1 {
			if forms[n].result[0] == i32 {
				f.op(0xac)
			}
			f.op(0x23, 0, 0x42, 31, 0x7e, 0x7c, 0x24, 0)
		}
	}
	body = slices.Concat([]byte{0}, f.out, []byte{0x23, 0, 0x0b})
	n := byte(len(forms))
	section := func(id byte, b []byte) []byte { return append(uleb([]byte{id}, uint32(len(b))), b...) }
	data := "a{\"echo\":\"x\"} " + "  " + aDID + aCID
	return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"),
		section(1, slices.Concat([]byte{n + 1}, types, []byte{0x60, 0, 1, i64})), section(2, append([]byte{n}, imports...)),
		section(3, []byte{1, n}), section(5, []byte{1, 0, 1}), section(6, []byte{1, i64, 1, 0x42, 0, 0x0b}),
		section(7, []byte{1, 3, 'r', 'u', 'n', 0, n}), section(10, slices.Concat([]byte{1}, uleb(nil, uint32(len(body))), body)),
		section(11, slices.Concat([]byte{1, 0, 0x41, 0, 0x0b}, uleb(nil, uint32(len(data))), []byte(data))))
}

// callHost runs such a program on both engines.
func callHost(t *testing.T, b []byte) wasm.Result {
	t.Helper()
	both, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	c := &choice{b: b}
	h := world()
	grants := c.byte()
	h.Grants = icn.JobGrants{Read: grants&1 != 0, Store: grants&2 != 0, Submit: uint64(grants & 0x1c), Spend: uint64(grants & 0xe0)}
	h.Resume, h.Outputs = []byte("a state"), []string{"a"}
	code := calling(c)
	var res [2]wasm.Result
	for i, r := range both {
		if res[i], err = r.Run(t.Context(), program(code), wasm.Input{Host: h}, wasm.Limits{Gas: 5_000_000, OutputBytes: 200_000}); err != nil {
			t.Fatalf("engine %d: %v\n%x", i, err, code)
		}
	}
	if !reflect.DeepEqual(res[0], res[1]) {
		t.Fatalf("compiler:    %+v\ninterpreter: %+v\n%x", res[0], res[1], code)
	}
	if x := res[0]; x.Spent > h.Grants.Spend || len(x.Puts) > 0 && !h.Grants.Store || x.Transcript != nil && !h.Grants.Read || len(x.Submits) > 0 && h.Grants.Submit < 10 {
		t.Fatalf("more than was granted (%+v): %+v", h.Grants, x)
	}
	return res[0]
}

// FuzzHostCalls: whatever a program hands to its host, the host stands, keeps to
// what is granted, and comes to the same on both engines.
func FuzzHostCalls(f *testing.F) {
	chance := rand.NewChaCha8([32]byte{2})
	for n := range 16 {
		b := make([]byte, 40+n*20)
		_, _ = chance.Read(b) // never fails
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 4096 {
			callHost(t, b)
		}
	})
}

func TestCallsOfChanceDoWhatIsGranted(t *testing.T) {
	chance := rand.NewChaCha8([32]byte{3})
	var seen struct{ outputs, submits, spent, puts, asked, refused int }
	for range 200 {
		b := make([]byte, 400)
		_, _ = chance.Read(b) // never fails
		res := callHost(t, b)
		seen.outputs += len(res.Outputs)
		seen.submits += len(res.Submits)
		seen.puts += len(res.Puts)
		seen.spent += int(res.Spent)
		seen.asked += len(res.Transcript)
		if res.Fault == icn.FaultRefused {
			seen.refused++
		}
	}
	if min(seen.outputs, seen.submits, seen.spent, seen.puts, seen.asked, seen.refused) == 0 {
		t.Errorf("%+v", seen)
	}
	t.Logf("%+v", seen)
}

// FuzzCheck: whatever bytes come as a program, they are refused with a reason, or
// run to the same end on both engines.
func FuzzCheck(f *testing.F) {
	f.Add([]byte("\x00asm\x01\x00\x00\x00"))
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x0a\x04\x01\x02\x00\x0b"))
	f.Add(parts{types: []byte{0}, bodies: []string{grow + aNaN + drop}, pages: 1, tables: "\x01\x70\x00\x0a"}.module())
	f.Add(look.bytes())
	f.Add(dataModule(vector("\x00\x41\x05\x0b\x03abc", "\x00\x41\x09\x0b\x01d")))
	f.Add(calling(&choice{b: []byte("make a few calls, with whatever these letters choose")}))
	f.Add(generated(&choice{b: []byte("and a program of these letters, too: control flow, tables, and memory")}))
	f.Fuzz(func(t *testing.T, code []byte) {
		if err := wasm.Check(code); err != nil {
			if !errors.Is(err, icn.ErrInvalid) {
				t.Error(err)
			}
			return
		}
		both, err := pair()
		if err != nil {
			t.Fatal(err)
		}
		var res [2]wasm.Result
		for i, r := range both {
			res[i], err = r.Run(t.Context(), program(code), wasm.Input{Host: world()}, wasm.Limits{Gas: 100_000, MemoryBytes: 4 << 20, CallDepth: 100})
			if wasm.IsTooBig(err) {
				return
			}
			if err != nil {
				t.Fatalf("engine %d: %v", i, err)
			}
		}
		if x, y := res[0], res[1]; x.Fault != y.Fault || x.Gas != y.Gas || !bytes.Equal(x.Stdout, y.Stdout) {
			t.Errorf("compiler:    %+v\ninterpreter: %+v", x, y)
		}
	})
}

package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

func cid(s string) icn.CID { return icn.SumCID(icn.Raw, []byte(s)) }

type everywhere struct {
	One    icn.CID               `json:"one"`
	None   *icn.CID              `json:"none,omitempty"`
	List   []icn.CID             `json:"list"`
	Named  map[string]icn.CID    `json:"named"`
	Deep   []struct{ C icn.CID } `json:"deep"`
	Who    icn.DID               `json:"who"`
	Text   string                `json:"text"`
	Length wire.Duration         `json:"length"`
}

func TestLinksAreStringsWhereverTheyStand(t *testing.T) {
	in := everywhere{One: cid("a"), List: []icn.CID{cid("b"), cid("c")}, Named: map[string]icn.CID{"x": cid("d")},
		Deep: []struct{ C icn.CID }{{cid("e")}}, Who: icn.DID{1}, Text: `{"/":"` + cid("f").String() + `"} <&>`, Length: wire.Duration(36 * time.Hour)}
	b, err := wire.Marshal(in)
	require.NoError(t, err)
	require.NotContains(t, string(b), `{"/":"`)
	require.Equal(t, 5+1, strings.Count(string(b), `"bafkrei`), "one is in the text: %s", b)
	var back everywhere
	require.NoError(t, wire.Unmarshal(b, &back))
	require.Equal(t, in, back)

	// The forms of IPLD and of earlier releases are read, too.
	plain, err := json.Marshal(in)
	require.NoError(t, err)
	back = everywhere{}
	require.NoError(t, wire.Unmarshal(plain, &back))
	require.Equal(t, in, back)
	id := strings.TrimPrefix(icn.DID{1}.String(), "did:key:")
	var who struct {
		Who icn.DID `json:"who"`
	}
	require.NoError(t, wire.Unmarshal([]byte(`{"who":{"method":"key","id_string":"`+id+`","path":null,"query":null,"fragment":null}}`), &who))
	require.Equal(t, icn.DID{1}, who.Who)
}

func TestFaultNamesItsPlace(t *testing.T) {
	good := cid("a").String()
	for text, place := range map[string]string{
		`{"one":"x"}`:                        "one",
		`{"one":5}`:                          "one",
		`{"list":["` + good + `",null,"x"]}`: "list[2]",
		`{"list":{}}`:                        "list",
		`{"named":{"k":"x"}}`:                "named.k",
		`{"deep":[{"C":"x"}]}`:               "deep[0].C",
		`{"who":"did:web:x"}`:                "who",
		`{"length":"soon"}`:                  "length",
		`{"length":-1}`:                      "length",
		`{"text":5}`:                         "text",
		`{"nobody":1}`:                       "nobody",
		`{`:                                  "",
		``:                                   "",
		`{} {}`:                              "",
	} {
		var v everywhere
		err := wire.UnmarshalStrict([]byte(text), &v)
		var f *wire.FieldError
		require.ErrorAs(t, err, &f, text)
		require.ErrorIs(t, err, icn.ErrInvalid)
		require.Equal(t, place, f.Path, "%s: %v", text, err)
	}
}

func TestEverySentinelSurvivesTheWay(t *testing.T) {
	statuses := map[error]int{icn.ErrNotFound: 404, icn.ErrInvalid: 400, icn.ErrDenied: 403, icn.ErrConflict: 409, icn.ErrInsufficient: 409, icn.ErrUnavailable: 503, icn.ErrCorrupt: 500}
	for is, status := range statuses {
		p := wire.ProblemOf(fmt.Errorf("settle job x: %w: why", is))
		require.Equal(t, status, p.Status)
		b, err := wire.Marshal(p)
		require.NoError(t, err)
		back := wire.ReadProblem(p.Status, wire.ProblemType, b)
		require.ErrorIs(t, back, is)
		require.Equal(t, "settle job x: "+is.Error()+": why", back.Error())
		for other := range statuses {
			require.Equal(t, other == is, errors.Is(back, other))
		}
	}
	secret := wire.ProblemOf(errors.New("open /home/alice/key: permission denied"))
	require.Equal(t, http.StatusInternalServerError, secret.Status)
	require.NotContains(t, secret.Error(), "alice")
	require.ErrorIs(t, wire.ReadProblem(401, "text/html", []byte("<html>proxy</html>")), icn.ErrDenied)
	require.ErrorIs(t, wire.ReadProblem(503, "text/plain", nil), icn.ErrUnavailable)
}

func TestBytesReadBothForms(t *testing.T) {
	for text, want := range map[string]string{`"aGk="`: "hi", `[104,105]`: "hi", ` [ 104 , 105 ] `: "hi", `[]`: "", `""`: ""} {
		var b wire.Bytes
		require.NoError(t, json.Unmarshal([]byte(text), &b), text)
		require.Equal(t, want, string(b))
		require.NotNil(t, b)
	}
	var put wire.Put
	require.ErrorContains(t, wire.UnmarshalStrict([]byte(`{"data":[1,256]}`), &put), "data[1]: ")
	var said wire.Statement
	require.ErrorContains(t, wire.UnmarshalStrict([]byte(`{"statement":"*"}`), &said), "statement: not base64")
	for _, text := range []string{`[256]`, `[-1]`, `[1.5]`, `["a"]`, `[[1]]`, `"***"`, `{}`, `7`, `[1,]`, `[null]`} {
		var b wire.Bytes
		require.Error(t, json.Unmarshal([]byte(text), &b), text)
	}
}

func TestDurationReadsWhatPeopleWrite(t *testing.T) {
	for text, want := range map[string]time.Duration{"36h": 36 * time.Hour, "90": 90 * time.Second, "1m30s": 90 * time.Second, "7d": 168 * time.Hour, "0": 0} {
		d, err := wire.ParseDuration(text)
		require.NoError(t, err)
		require.Equal(t, want, time.Duration(d))
		back, err := wire.ParseDuration(d.String())
		require.NoError(t, err)
		require.Equal(t, d, back)
	}
	for _, text := range []string{"", "-1s", "-1", "soon", "1y", "d", "99999999999999999999"} {
		_, err := wire.ParseDuration(text)
		require.ErrorIs(t, err, icn.ErrInvalid, text)
	}
}

func TestCursorsAreInTheOrderOfTheLog(t *testing.T) {
	order := []string{"0.0", "0", "1.0", "1.7", "1", "12.0"}
	for i, a := range order {
		c, err := wire.ParseCursor(a)
		require.NoError(t, err)
		require.Equal(t, a, c.String())
		for j, b := range order {
			d, err := wire.ParseCursor(b)
			require.NoError(t, err)
			require.Equal(t, i < j, c.Before(d), "%s %s", a, b)
		}
	}
	for _, bad := range []string{"x", "1.", ".1", "1.2.3", "-1", "1.-1", "1.99999999999"} {
		_, err := wire.ParseCursor(bad)
		require.ErrorIs(t, err, icn.ErrInvalid, bad)
	}
}

func TestEntryShowsEveryOperation(t *testing.T) {
	ops := []icn.Op{
		icn.NodeAdmit{Node: icn.DID{1}, Name: "n", Code: []byte("c"), Addrs: []string{"a"}}, icn.InviteCreate{Role: icn.RoleNode, Expires: 5},
		icn.MemberAdmit{Member: icn.DID{2}, Role: icn.RolePerson, Name: "m"}, icn.JobReceipt{Job: cid("j"), Spec: cid("s"), Outcome: icn.Outcome{ExitCode: 3, Gas: 9}},
		icn.JobAssign{Job: cid("j"), Offers: []icn.Offer{{Bid: cid("b"), RTTMicros: 7}}}, icn.NodeLeave{},
	}
	s := icn.Statement{Network: cid("n"), Author: icn.DID{1}, Number: 4, Ops: ops}
	e := wire.EntryOf(&icn.Entry{Index: 9, Time: 8, Statement: &s, Wire: s.Encode()})
	require.Len(t, e.Statement.Operations, len(ops))
	b, err := wire.Marshal(e)
	require.NoError(t, err)
	for _, part := range []string{`"kind":"node.admit"`, `"exit_code":3`, `"rtt_us":7`, `"role":"person"`, `"output":null`, `"code":"Yw=="`} {
		require.Contains(t, string(b), part)
	}
	back, err := icn.DecodeEntry(e.Bytes)
	require.NoError(t, err)
	require.Equal(t, s.Ops[0], back.Statement.Ops[0])
	tick := wire.EntryOf(&icn.Entry{Index: 1})
	require.Nil(t, tick.Statement)
}

func TestBatchIsReadBack(t *testing.T) {
	var body []byte
	var want []icn.Block
	for i := range 10 {
		b := icn.NewBlock(icn.Raw, bytes.Repeat([]byte{byte(i)}, i*1000))
		want, body = append(want, b), wire.AppendBlock(body, b)
	}
	got, err := wire.ReadBlocks(bytes.NewReader(body))
	require.NoError(t, err)
	require.Len(t, got, 10)
	for i := range got {
		require.Equal(t, want[i].CID, got[i].CID)
		require.True(t, bytes.Equal(want[i].Data, got[i].Data))
	}
	_, err = wire.ReadBlocks(bytes.NewReader(body[:len(body)-1]))
	require.ErrorIs(t, err, icn.ErrInvalid)
	one := wire.AppendBlock(nil, icn.NewBlock(icn.Raw, nil))
	_, err = wire.ReadBlocks(bytes.NewReader(bytes.Repeat(one, wire.MaxBatchBlocks+1)))
	require.ErrorContains(t, err, "at most")
}

func FuzzReadBlocks(f *testing.F) {
	f.Add(wire.AppendBlock(wire.AppendBlock(nil, icn.NewBlock(icn.Raw, []byte("a"))), icn.NewBlock(icn.DagCBOR, []byte{0x80})))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, body []byte) {
		blocks, err := wire.ReadBlocks(bytes.NewReader(body))
		if err != nil {
			if !errors.Is(err, icn.ErrInvalid) {
				t.Errorf("%v", err)
			}
			return
		}
		for _, b := range blocks {
			if err := icn.CheckCID(b.CID); err != nil {
				t.Error(err)
			}
		}
	})
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"module":"` + cid("a").String() + `","inputs":[{"/":"x"}],"limits":{"gas":1},"wait":"10s","spec_json":{"kind":{"Echo":{}}}}`))
	f.Add([]byte(`{"cid":{"version":1,"codec":85,"hash_alg":18,"hash_bytes":[1,2]},"data":[1,2,3],"did":{"method":"key"}}`))
	f.Add([]byte(`{"job_id":null,"choice":[{"executor":{}}],"limits":[],"receipt":{"result_cid":{"/":7}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, v := range []any{new(wire.Submit), new(wire.Cite), new(wire.Put), new(wire.Pin), new(wire.Admit), new(node.JobView), new(wire.Status), new(everywhere), new(any)} {
			for _, read := range []func([]byte, any) error{wire.Unmarshal, wire.UnmarshalStrict} {
				if err := read(text, v); err != nil {
					if !errors.Is(err, icn.ErrInvalid) {
						t.Errorf("%T: %v is no icn.ErrInvalid", v, err)
					}
					continue
				}
				b, err := wire.Marshal(v)
				if err != nil {
					t.Errorf("%T: %v", v, err)
				}
				if !json.Valid(b) {
					t.Errorf("%T: %s", v, b)
				}
			}
		}
	})
}

func FuzzPlain(f *testing.F) {
	f.Add("a", `{"/":"b"}`)
	f.Fuzz(func(t *testing.T, a, b string) {
		in := map[string]any{"a": a, "c": cid(a), "b": b, "l": []any{cid(b), b}}
		out, err := wire.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var back struct {
			A, B string
			C    string
			L    []string
		}
		if err := json.Unmarshal(out, &back); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		valid := func(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
		if back.C != cid(a).String() || len([]rune(back.A)) != len([]rune(a)) && valid(a) == a || back.L[0] != cid(b).String() {
			t.Errorf("%s", out)
		}
	})
}

package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/api/wire"
)

// FuzzBodies posts anything to every route that takes a body: it is understood or
// it is a problem, never the node's fault.
func FuzzBodies(f *testing.F) {
	n, _ := startNode(f)
	s, err := api.New(n, api.Config{})
	if err != nil {
		f.Fatal(err)
	}
	var paths []string
	for _, r := range s.Routes() {
		if r.Method == http.MethodPost && r.Path != "/federation/leave" {
			paths = append(paths, strings.ReplaceAll(r.Path, "{id}", helloCID))
		}
	}
	types := []string{"application/json", "application/octet-stream", "application/vnd.icn.blocks", "application/vnd.ipld.car", ""}
	for i, body := range []string{`{"cid":"` + helloCID + `"}`, `{"data":[1,2,3],"codec":"dag-pb"}`, `{"module":"` + helloCID + `","inputs":[],"wait":0,"spec_json":{"kind":"CclWasm"}}`,
		`{"did":{"method":"key","id_string":"z"},"role":"person","name":"x"}`, `{"peer":"12D3KooW"}`, `{"expires":"1h"}`, "\x86\xd8\x2a"} {
		f.Add(uint8(i), uint8(i), body)
	}
	f.Fuzz(func(t *testing.T, path, kind uint8, body string) {
		r := httptest.NewRequest(http.MethodPost, paths[int(path)%len(paths)], strings.NewReader(body))
		if ct := types[int(kind)%len(types)]; ct != "" {
			r.Header.Set("Content-Type", ct)
		}
		rec := record(s.Handler(), r)
		if rec.Code < 300 {
			return
		}
		if rec.Code == http.StatusInternalServerError {
			t.Errorf("%s: %s", r.URL.Path, rec.Body)
		}
		if rec.Header().Get("Content-Type") != wire.ProblemType || !json.Valid(rec.Body.Bytes()) {
			t.Errorf("%s: %d %s", r.URL.Path, rec.Code, rec.Body)
		}
	})
}

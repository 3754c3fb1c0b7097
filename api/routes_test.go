package api_test

import (
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/api/client"
)

var update = flag.Bool("update", false, "write docs/api.md anew")

// operations reads method, path and name of every operation out of the OpenAPI.
func operations(t *testing.T, w *world) map[string]string {
	t.Helper()
	b, err := w.c.OpenAPI(context.Background())
	require.NoError(t, err)
	var doc struct {
		OpenAPI string                                             `json:"openapi"`
		Paths   map[string]map[string]struct{ OperationID string } `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(b, &doc))
	require.Equal(t, "3.1.0", doc.OpenAPI)
	out := map[string]string{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			out[op.OperationID] = strings.ToUpper(method) + " " + path
		}
	}
	return out
}

func TestRoutesAreClientMethodsAreOpenAPIPaths(t *testing.T) {
	w := start(t, api.Config{})
	described := operations(t, w)
	var table, methods, names []string
	for _, r := range w.api.Routes() {
		table = append(table, r.Name)
		require.Equal(t, r.Method+" "+r.Path, described[r.Name])
	}
	for name := range described {
		names = append(names, name)
	}
	ty := reflect.TypeFor[*client.Client]()
	for i := range ty.NumMethod() {
		if name := ty.Method(i).Name; name != "URL" {
			methods = append(methods, name)
		}
	}
	slices.Sort(table)
	slices.Sort(methods)
	slices.Sort(names)
	require.Equal(t, table, methods, "routes and the client's methods")
	require.Equal(t, table, names, "routes and the OpenAPI")
}

func TestEveryRouteIsAtBothPlaces(t *testing.T) {
	w := start(t, api.Config{Access: api.Access{APIKey: "k", RequireAuth: true}})
	for _, r := range w.api.Routes() {
		path := strings.NewReplacer("{cid}", "x", "{id}", "x", "{index}", "x", "{did}", "x").Replace(r.Path)
		for _, prefix := range []string{"", api.Prefix} {
			got := w.do(call{method: r.Method, path: prefix + path, header: map[string]string{"X-Api-Key": "wrong"}})
			require.Equal(t, http.StatusUnauthorized, got.status, prefix+path)
		}
	}
}

func TestManualIsWhatTheTableSays(t *testing.T) {
	w := start(t, api.Config{})
	const file = "../docs/api.md"
	want := w.api.Markdown()
	if *update {
		require.NoError(t, os.MkdirAll("../docs", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, want == string(got), "docs/api.md is old: go test ./api -run Manual -update")
}

func TestDocsLoadNothing(t *testing.T) {
	w := start(t, api.Config{})
	page, err := w.c.Docs(context.Background())
	require.NoError(t, err)
	for _, bad := range []string{"http://", "https://", "<script", "@import", "url("} {
		require.NotContains(t, string(page), bad)
	}
	for _, r := range w.api.Routes() {
		require.Contains(t, string(page), ">"+r.Path+"<")
	}
}

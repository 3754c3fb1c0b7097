package api_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/meter"
	"github.com/InterCooperative-Network/icn-core/node"
)

// house is a process around the server that has everything.
type house struct{}

func (house) Reload(context.Context) (wire.Reloaded, error) { return wire.Reloaded{}, nil }
func (house) Rotate(context.Context) (wire.Rotated, error)  { return wire.Rotated{}, nil }
func (house) SealedKey() ([]byte, error)                    { return nil, icn.ErrNotFound }
func (house) Insides() wire.Insides                         { return wire.Insides{} }
func (house) Surroundings() wire.Surroundings {
	at, n := time.Now(), uint64(1<<30)
	return wire.Surroundings{
		Store:  wire.StoreStatus{Backend: "pebble", FreeBytes: &n, DiskBytes: &n, UsedBytes: &n},
		Backup: &wire.BackupStatus{Last: &at, Every: time.Hour, Took: time.Second, Bytes: 1, Failures: 2}, Certificate: &at, Door: &wire.DoorStatus{},
		Checks: []wire.Check{{Name: "disk", State: wire.CheckAlarm, Says: "little is left"}},
	}
}

// oneLink is a network with one peer.
type oneLink struct{ node.Directory }

func (oneLink) Links() []node.Link { return []node.Link{{Connected: true, Breaker: "open"}} }

// family is one metric as /metrics tells it.
type family struct {
	name, kind, help string
	samples          []string // with their labels and values
}

// measured is a node of which every metric has been told once.
func measured(t *testing.T) (*world, map[string]*family) {
	w := start(t, api.Config{Access: api.Access{APIKey: "right", RequireAuth: true}, Host: house{}, Directory: oneLink{}, Writes: meter.NewWrites()})
	w.do(call{method: http.MethodGet, path: "/status", header: map[string]string{"X-Api-Key": "wrong"}})
	out := map[string]*family{}
	var f *family
	for line := range strings.Lines(record(w.api.Metrics(), httptest.NewRequest(http.MethodGet, "/metrics", nil)).Body.String()) {
		line = strings.TrimSuffix(line, "\n")
		if text, is := strings.CutPrefix(line, "# HELP "); is {
			f = &family{}
			f.name, f.help, _ = strings.Cut(text, " ")
			out[f.name] = f
		} else if text, is := strings.CutPrefix(line, "# TYPE "); is {
			_, f.kind, _ = strings.Cut(text, " ")
		} else {
			f.samples = append(f.samples, line)
		}
	}
	return w, out
}

var described = regexp.MustCompile(`fqName: "([^"]+)"`)

// TestEveryMetricIsTold compares what the registry describes with what it tells: a
// metric that no node ever has would be missed by nobody.
func TestEveryMetricIsTold(t *testing.T) {
	w, families := measured(t)
	all := make(chan *prometheus.Desc, 1000)
	w.api.Registry().(*prometheus.Registry).Describe(all)
	close(all)
	for d := range all {
		if name := described.FindStringSubmatch(d.String())[1]; families[name] == nil {
			t.Errorf("%s is described and never told", name)
		}
	}
}

// TestMetricsManualIsWhatTheRegistrySays compares docs/metrics.md with the registry.
func TestMetricsManualIsWhatTheRegistrySays(t *testing.T) {
	_, families := measured(t)
	const file = "../docs/metrics.md"
	want := page(families)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, want == string(got), "docs/metrics.md is old: go test ./api -run Manual -update")
}

// page writes families as docs/metrics.md.
func page(families map[string]*family) string {
	var b strings.Builder
	b.WriteString("# Metrics\n\nWhat `/metrics` tells to Prometheus: with an API key on the API's port, without one on the listener of `--metrics-bind-addr`.\nHow to collect and show it: [monitoring.md](monitoring.md). Counters begin at 0 when a node starts, unless they say otherwise.\n" +
		"`icn_mana_balance_total` keeps the name that the deployment guide gave it, although it is a gauge. Beside these there are\n`process_…` and `go_…`, as the Prometheus client for Go makes them.\n\n" +
		"This page is made from the node's registry: `go test ./api -run Manual -update`.\n")
	for _, part := range []struct{ title, prefix string }{{"The node and its federation", "icn_"}, {"Programs", "wasm_"}} {
		fmt.Fprintf(&b, "\n## %s\n\n| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n", part.title)
		for _, name := range slices.Sorted(maps.Keys(families)) {
			if f := families[name]; strings.HasPrefix(name, part.prefix) {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, f.kind, f.labels(), strings.ReplaceAll(f.help, "|", "\\|"))
			}
		}
	}
	return b.String()
}

var label = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)

// labels are a family's, with their values where these are a fixed set.
func (f *family) labels() string {
	values := map[string][]string{}
	for _, s := range f.samples {
		for _, l := range label.FindAllStringSubmatch(s, -1) {
			if name := l[1]; name != "le" && !slices.Contains(values[name], l[2]) {
				values[name] = append(values[name], l[2])
			}
		}
	}
	var out []string
	for _, n := range slices.Sorted(maps.Keys(values)) {
		text := "`" + n + "`"
		if slices.Contains([]string{"alarm", "cause", "found", "reason", "result", "durable"}, n) {
			slices.Sort(values[n])
			text += " (" + strings.Join(values[n], ", ") + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func TestAlarmsAreToldByKind(t *testing.T) {
	_, families := measured(t)
	require.Contains(t, families["icn_check_ok"].samples, `icn_check_ok{check="disk"} 0`)
	require.Contains(t, families["icn_check_ok"].samples, `icn_check_ok{check="clock"} 1`)
}

func TestRefusedCallersAreCounted(t *testing.T) {
	_, families := measured(t)
	require.Contains(t, families["icn_http_auth_failures_total"].samples, `icn_http_auth_failures_total{reason="credential"} 1`)
	require.Contains(t, families["icn_http_auth_failures_total"].samples, `icn_http_auth_failures_total{reason="scope"} 0`)
}

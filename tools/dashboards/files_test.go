package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const devnet = "../../icn-devnet"

// TestCommittedFilesAreWhatThisMakes compares what is committed with what is made, and
// finds files that nobody makes any more.
func TestCommittedFilesAreWhatThisMakes(t *testing.T) {
	made, err := files()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range made {
		got, err := os.ReadFile(filepath.Join(devnet, path))
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is old (%v): run go run . in tools/dashboards", path, err)
		}
	}
	for _, pattern := range []string{"grafana/*.json", "prometheus/rules/*", "prometheus/tests/*"} {
		found, err := filepath.Glob(filepath.Join(devnet, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if name, _ := filepath.Rel(devnet, path); made[name] == nil {
				t.Errorf("%s is made by nobody", name)
			}
		}
	}
}

// TestPanelsSpeakPlainly keeps every panel explained, and its dashboard's names apart.
func TestPanelsSpeakPlainly(t *testing.T) {
	uids := map[string]bool{}
	for _, b := range boards {
		if uids[b.uid] {
			t.Errorf("two dashboards are %s", b.uid)
		}
		uids[b.uid] = true
		titles := map[string]bool{}
		for _, r := range b.rows {
			for _, p := range r.panels {
				if titles[p.title] || p.title == "" {
					t.Errorf("%s has two panels %q", b.uid, p.title)
				}
				titles[p.title] = true
				if len(p.about) < 15 || !strings.HasSuffix(p.about, ".") {
					t.Errorf("%s, %s: %q explains nothing", b.uid, p.title, p.about)
				}
				for _, q := range p.queries {
					if strings.ContainsAny(strings.ReplaceAll(q.text(), selection, ""), "$") && !strings.Contains(q.expr, "$__rate_interval") {
						t.Errorf("%s, %s: unknown variable in %s", b.uid, p.title, q.expr)
					}
				}
			}
		}
	}
}

// TestPanelsCanBeToldApart keeps the numbers of panels, and the letters of their
// queries, apart: Grafana shows one of two that are alike.
func TestPanelsCanBeToldApart(t *testing.T) {
	for _, b := range boards {
		d, err := b.build()
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var read drawn
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		ids := map[int]bool{}
		for _, p := range read.Panels {
			if p.ID == 0 || ids[p.ID] {
				t.Errorf("%s, %s: its number %d is another's, too", b.uid, p.Title, p.ID)
			}
			ids[p.ID] = true
			letters := map[string]bool{}
			for _, q := range p.Targets {
				if q.RefID == "" || letters[q.RefID] {
					t.Errorf("%s, %s: two queries are called %q", b.uid, p.Title, q.RefID)
				}
				letters[q.RefID] = true
			}
		}
	}
}

var told = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([a-z]+) ")

// TestExpressionsNameMetricsThatThereAre compares every name with docs/metrics.md:
// sooner than a Prometheus can.
func TestExpressionsNameMetricsThatThereAre(t *testing.T) {
	b, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"up": true}
	for _, m := range told.FindAllStringSubmatch(string(b), -1) {
		known[m[1]] = true
		if m[2] == "histogram" {
			known[m[1]+"_bucket"], known[m[1]+"_count"], known[m[1]+"_sum"] = true, true, true
		}
	}
	for _, r := range records {
		known[r.name] = true
	}
	all, err := expressions()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 100 {
		t.Errorf("only %d expressions are found", len(all))
	}
	for _, x := range all {
		vs, err := selectors(x.expr)
		if err != nil {
			t.Errorf("%s: %v", x.where, err)
		}
		for _, v := range vs {
			if n := v.Name; !known[n] && !strings.HasPrefix(n, "process_") && !strings.HasPrefix(n, "go_") {
				t.Errorf("%s: there is no metric %s", x.where, n)
			}
		}
	}
}

var section = regexp.MustCompile(`(?m)^## (\S+)$`)

// TestEveryAlertHasItsRunbook compares the alerts with the sections of
// docs/runbooks.md.
func TestEveryAlertHasItsRunbook(t *testing.T) {
	b, err := os.ReadFile("../../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	var sections, names []string
	for _, m := range section.FindAllStringSubmatch(string(b), -1) {
		sections = append(sections, m[1])
	}
	for _, a := range alerts {
		names = append(names, a.name)
	}
	for _, n := range names {
		if !slices.Contains(sections, n) {
			t.Errorf("alert %s has no section in docs/runbooks.md", n)
		}
	}
	for _, s := range sections {
		if !slices.Contains(names, s) {
			t.Errorf("section %s of docs/runbooks.md is of no alert", s)
		}
	}
	if len(names) != len(slices.Compact(slices.Sorted(slices.Values(names)))) {
		t.Error("two alerts have one name")
	}
	for _, a := range alerts {
		for _, text := range slices.Collect(maps.Values(a.annotations(a.labels()[0]))) {
			if strings.Contains(text, "{{") {
				t.Errorf("%s: a label is not there: %s", a.name, text)
			}
		}
	}
}

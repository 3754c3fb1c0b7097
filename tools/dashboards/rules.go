package main

import (
	"bytes"
	"fmt"
	"maps"
	"strings"

	"gopkg.in/yaml.v3"
)

// ruleFile is what Prometheus loads.
type ruleFile struct {
	Groups []ruleGroup `yaml:"groups"`
}

type ruleGroup struct {
	Name  string `yaml:"name"`
	Rules []rule `yaml:"rules"`
}

type rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

func recordRules() ruleFile {
	g := ruleGroup{Name: "icn-recorded"}
	for _, r := range records {
		g.Rules = append(g.Rules, rule{Record: r.name, Expr: r.expr})
	}
	return ruleFile{[]ruleGroup{g}}
}

func alertRules() ruleFile {
	g := ruleGroup{Name: "icn"}
	for _, a := range alerts {
		g.Rules = append(g.Rules, rule{Alert: a.name, Expr: a.expr, For: a.wait, Labels: map[string]string{"severity": a.severity}, Annotations: a.annotations(nil)})
	}
	return ruleFile{[]ruleGroup{g}}
}

// annotations are an alert's; with labels they are filled in as Prometheus does.
func (a alert) annotations(labels map[string]string) map[string]string {
	fill := func(s string) string {
		for k, v := range labels {
			s = strings.ReplaceAll(s, "{{ $labels."+k+" }}", v)
		}
		return s
	}
	return map[string]string{"summary": fill(a.summary), "description": fill(a.description), "runbook_url": runbooks + strings.ToLower(a.name)}
}

// testFile is what promtool test rules reads.
type testFile struct {
	RuleFiles []string   `yaml:"rule_files"`
	Interval  string     `yaml:"evaluation_interval"`
	Tests     []ruleTest `yaml:"tests"`
}

type ruleTest struct {
	Name     string      `yaml:"name"`
	Interval string      `yaml:"interval"`
	Input    []input     `yaml:"input_series"`
	Alerts   []alertTest `yaml:"alert_rule_test"`
}

type input struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type alertTest struct {
	At    string     `yaml:"eval_time"`
	Name  string     `yaml:"alertname"`
	Fires []expected `yaml:"exp_alerts,omitempty"`
}

type expected struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations"`
}

// nodes are the labels of the examples' two nodes.
var nodes = map[string]map[string]string{
	"A": {"federation": "f", "node": "a", "instance": "a:9090", "job": "icn"},
	"B": {"federation": "f", "node": "b", "instance": "b:9090", "job": "icn"},
}

// inputs writes out the labels of an example.
func inputs(in []series) (out []input) {
	for _, s := range in {
		name := s.name
		for short, l := range nodes {
			long := fmt.Sprintf(`{federation=%q,node=%q,instance=%q,job=%q`, l["federation"], l["node"], l["instance"], l["job"])
			name = strings.ReplaceAll(name, "{"+short+"}", long+"}")
			name = strings.ReplaceAll(name, "{"+short+",", long+",")
		}
		out = append(out, input{name, s.values})
	}
	return out
}

// labels are those of each alert that an alert's example fires.
func (a alert) labels() (all []map[string]string) {
	for _, one := range strings.Split(a.about, " + ") {
		out := map[string]string{}
		for _, part := range strings.Split(one, ", ") {
			if k, v, is := strings.Cut(part, ": "); is {
				out[k] = v
				continue
			}
			maps.Copy(out, nodes[part])
		}
		all = append(all, out)
	}
	return all
}

func ruleTests() testFile {
	t := testFile{RuleFiles: []string{"../rules/recording.yml", "../rules/alerts.yml"}, Interval: "1m"}
	for _, a := range alerts {
		var fires []expected
		for _, labels := range a.labels() {
			annotations := a.annotations(labels)
			labels["severity"] = a.severity
			fires = append(fires, expected{labels, annotations})
		}
		t.Tests = append(t.Tests,
			ruleTest{a.name + " fires", "1m", inputs(a.fires), []alertTest{{a.at, a.name, fires}}},
			ruleTest{a.name + " does not fire", "1m", inputs(a.quiet), []alertTest{{a.at, a.name, nil}}})
	}
	return t
}

const made = "# Made by tools/dashboards: go run . there writes it anew.\n"

func toYAML(v any) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(made)
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	return b.Bytes(), e.Close()
}

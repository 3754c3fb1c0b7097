package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"gopkg.in/yaml.v3"
)

// client asks one Prometheus.
type client struct{ base string }

func (c client) get(path string, q url.Values, into any) error {
	h := http.Client{Timeout: 30 * time.Second}
	r, err := h.Get(c.base + path + "?" + q.Encode())
	if err != nil {
		return fmt.Errorf("prometheus: %w", err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("prometheus: %w", err)
	}
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return fmt.Errorf("prometheus: %s: %w", r.Status, err)
	}
	if answer.Status != "success" {
		return errors.New(answer.Error)
	}
	return json.Unmarshal(answer.Data, into)
}

// filled is an expression with Grafana's variables filled in.
func filled(expr string) string {
	return strings.NewReplacer("$federation", ".*", "$node", ".*", "$__rate_interval", "1m").Replace(expr)
}

// selectors are those of an expression, without offsets: what it reads.
func selectors(expr string) ([]*parser.VectorSelector, error) {
	e, err := parser.ParseExpr(expr)
	if err != nil {
		return nil, err
	}
	var out []*parser.VectorSelector
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if v, is := n.(*parser.VectorSelector); is {
			out = append(out, v)
		}
		return nil
	})
	return out, nil
}

// unknown are the selectors of an expression for which Prometheus has seen no series,
// labels and all: a label's value that nobody uses is as wrong as a name.
func (c client) unknown(expr string) ([]string, error) {
	vs, err := selectors(expr)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, v := range vs {
		var found []map[string]string
		if err := c.get("/api/v1/series", url.Values{"match[]": {v.String()}, "limit": {"1"}}, &found); err != nil {
			return nil, err
		}
		if len(found) == 0 {
			out = append(out, v.String())
		}
	}
	return out, nil
}

// values counts the numbers that an expression gives over the last quarter of an hour.
func (c client) values(expr string) (n int, err error) {
	now := time.Now()
	var got struct {
		Result []struct{ Values [][2]any }
	}
	q := url.Values{"query": {expr}, "step": {"5"}, "start": {seconds(now.Add(-15 * time.Minute))}, "end": {seconds(now)}}
	if err := c.get("/api/v1/query_range", q, &got); err != nil {
		return 0, err
	}
	for _, s := range got.Result {
		for _, v := range s.Values {
			if text, is := v[1].(string); is && text != "NaN" {
				n++
			}
		}
	}
	return n, nil
}

func seconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// asked is one expression to try, and where it stands.
type asked struct {
	where, expr string
	empty       bool // it may be empty
}

// expressions are all there are, read back from the files that are made: what Grafana
// and Prometheus will read.
func expressions() ([]asked, error) {
	all, err := files()
	if err != nil {
		return nil, err
	}
	var out []asked
	for _, path := range slices.Sorted(maps.Keys(all)) {
		var found []asked
		switch {
		case strings.HasPrefix(path, "grafana/"):
			found, err = ofPanels(path, all[path])
		case strings.HasPrefix(path, "prometheus/rules/"):
			found, err = ofRules(all[path])
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, found...)
	}
	return out, nil
}

// drawn is what matters here of a dashboard.
type drawn struct {
	Panels []struct {
		ID      int
		Type    string
		Title   string
		Targets []struct{ RefID, Expr string }
	}
}

func ofPanels(path string, text []byte) (out []asked, err error) {
	var d drawn
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, err
	}
	for _, p := range d.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			return nil, fmt.Errorf("the panel %q asks nothing", p.Title)
		}
		for _, q := range p.Targets {
			out = append(out, asked{path + ", " + p.Title, filled(q.Expr), false})
		}
	}
	return out, nil
}

func ofRules(text []byte) (out []asked, err error) {
	var f ruleFile
	if err := yaml.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			out = append(out, asked{"rule " + r.Record + r.Alert, r.Expr, r.Alert != ""})
		}
	}
	return out, nil
}

// ask tries every expression.
func ask(base string) error {
	c := client{strings.TrimSuffix(base, "/")}
	var wrong []string
	all, err := expressions()
	if err != nil {
		return err
	}
	for _, x := range all {
		missing, err := c.unknown(x.expr)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v\n    %s", x.where, err, x.expr))
			continue
		}
		for _, m := range missing {
			wrong = append(wrong, fmt.Sprintf("%s: there is no series %s", x.where, m))
		}
		n, err := c.values(x.expr)
		if err != nil || n == 0 && !x.empty {
			wrong = append(wrong, fmt.Sprintf("%s: it is empty (%v)\n    %s", x.where, err, x.expr))
		}
	}
	slices.Sort(wrong)
	if wrong = slices.Compact(wrong); len(wrong) > 0 {
		return fmt.Errorf("%d of %d expressions:\n  %s", len(wrong), len(all), strings.Join(wrong, "\n  "))
	}
	fmt.Printf("%d expressions of %d dashboards and %d rules: every series is known, every panel has data\n", len(all), len(boards), len(records)+len(alerts))
	return nil
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
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

// asked is what came of one expression.
type asked struct {
	where, expr string
	empty       bool // it may be empty
}

// expressions are all there are, of panels, of variables and of rules.
func expressions() []asked {
	var out []asked
	for _, b := range boards {
		for _, r := range b.rows {
			for _, p := range r.panels {
				for _, q := range p.queries {
					out = append(out, asked{b.uid + ", " + p.title, filled(q.text()), false})
				}
			}
		}
	}
	for _, r := range records {
		out = append(out, asked{"rule " + r.name, r.expr, false})
	}
	for _, a := range alerts {
		out = append(out, asked{"alert " + a.name, a.expr, true})
	}
	return out
}

// ask tries every expression.
func ask(base string) error {
	c := client{strings.TrimSuffix(base, "/")}
	var wrong []string
	all := expressions()
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

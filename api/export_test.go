package api

import (
	"fmt"
	"strings"
)

// RouteInfo is a row of the table, for tests that compare it.
type RouteInfo struct {
	Method, Path, Name string
	Open, Long         bool
	Scope              string
}

// Routes lists the table.
func (s *Server) Routes() []RouteInfo {
	var out []RouteInfo
	for _, g := range groups() {
		for _, r := range g.routes {
			r = s.routes[r.name]
			out = append(out, RouteInfo{r.method, r.path, r.name, r.open, r.long, r.scope.String()})
		}
	}
	return out
}

// Markdown is docs/api.md.
func (s *Server) Markdown() string {
	var b strings.Builder
	doc := s.api.OpenAPI()
	cell := func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "|", "\\|"), "\n", " ") }
	fmt.Fprintf(&b, "# HTTP API\n\n%s\n\nThe node serves the same as `/openapi.json` and, for people, as `/docs`. The Go client is package `api/client`: one method for\neach operation, of the same name. This page is made from the table of routes: `go test ./api -run Manual -update`.\n", doc.Info.Description)
	for _, c := range chapters(doc) {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", c.Name, c.Doc)
		for _, x := range c.Calls {
			open := ""
			if x.Open {
				open = " (for everybody)"
			} else if scope := s.routes[x.Name].scope.String(); scope != "read" {
				open = " (needs a key for " + scope + ")"
			}
			fmt.Fprintf(&b, "\n### %s %s\n\n%s%s. Operation `%s`.\n", x.Method, x.Path, x.Summary, open, x.Name)
			if x.Doc != "" {
				fmt.Fprintf(&b, "\n%s\n", x.Doc)
			}
			if len(x.Params) > 0 {
				b.WriteString("\n| Parameter | In | Type | |\n|---|---|---|---|\n")
				for _, p := range x.Params {
					fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.Name, p.In, cell(p.Type), cell(p.Doc))
				}
			}
			for _, t := range x.Body {
				fmt.Fprintf(&b, "\nBody: `%s`\n", t)
			}
			for _, a := range x.Answers {
				fmt.Fprintf(&b, "\nAnswer: %s\n", a)
			}
		}
	}
	b.WriteString("\n## Types\n")
	for _, t := range types(doc) {
		fmt.Fprintf(&b, "\n### %s\n", t.Name)
		if len(t.Fields) > 0 {
			b.WriteString("\n| Field | Type | |\n|---|---|---|\n")
		}
		for _, f := range t.Fields {
			optional := ""
			if !f.Required {
				optional = "optional. "
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Name, cell(f.Type), strings.TrimSpace(optional+cell(f.Doc)))
		}
	}
	return b.String()
}

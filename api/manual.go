package api

import (
	"bytes"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// chapter is a part of the manual, made from the OpenAPI document.
type chapter struct {
	Name, Doc string
	Calls     []manualCall
}

type manualCall struct {
	Method, Path, Name, Summary, Doc string
	Open                             bool
	Params                           []manualField
	Body                             []string // type: shape
	Answers                          []string
}

type manualField struct {
	Name, In, Type, Doc string
	Required            bool
}

type manualType struct {
	Name   string
	Fields []manualField
}

// chapters puts the document's operations in the order of the table.
func chapters(doc *huma.OpenAPI) []chapter {
	var out []chapter
	for _, g := range groups() {
		c := chapter{Name: g.name, Doc: g.doc}
		for _, rt := range g.routes {
			if op := operation(doc, rt.method, rt.path); op != nil {
				c.Calls = append(c.Calls, callOf(op, rt))
			}
		}
		out = append(out, c)
	}
	return out
}

func operation(doc *huma.OpenAPI, method, path string) *huma.Operation {
	item := doc.Paths[path]
	if item == nil {
		return nil
	}
	if method == http.MethodPost {
		return item.Post
	}
	return item.Get
}

func callOf(op *huma.Operation, rt route) manualCall {
	c := manualCall{Method: op.Method, Path: op.Path, Name: op.OperationID, Summary: op.Summary, Doc: op.Description, Open: rt.open}
	for _, p := range op.Parameters {
		c.Params = append(c.Params, manualField{p.Name, p.In, shape(p.Schema), firstOf(p.Description, p.Schema.Description), p.Required})
	}
	if op.RequestBody != nil {
		for _, t := range slices.Sorted(maps.Keys(op.RequestBody.Content)) {
			c.Body = append(c.Body, strings.TrimSuffix(t+": "+shape(op.RequestBody.Content[t].Schema), ": "))
		}
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		if status == "default" {
			continue
		}
		r := op.Responses[status]
		var kinds []string
		for _, t := range slices.Sorted(maps.Keys(r.Content)) {
			kinds = append(kinds, t+": "+shape(r.Content[t].Schema))
		}
		text := status
		if r.Description != "" && r.Description != http.StatusText(op.DefaultStatus) {
			text += " " + r.Description
		}
		c.Answers = append(c.Answers, strings.TrimSuffix(text+" — "+strings.Join(kinds, "; "), " — "))
	}
	return c
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// shape writes a schema in a word or two.
func shape(s *huma.Schema) string {
	switch {
	case s == nil:
		return "any"
	case s.Ref != "":
		return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	case s.Format == "binary":
		return "bytes"
	case s.Type == huma.TypeArray:
		return "[" + shape(s.Items) + "]"
	case s.Type == huma.TypeObject && len(s.Properties) > 0:
		return "{" + strings.Join(slices.Sorted(maps.Keys(s.Properties)), ", ") + "}"
	case s.Type == huma.TypeObject:
		if inner, ok := s.AdditionalProperties.(*huma.Schema); ok {
			return "{name: " + shape(inner) + "}"
		}
		return "object"
	case len(s.AnyOf) > 0:
		return shape(s.AnyOf[0])
	case len(s.Enum) > 0:
		var words []string
		for _, e := range s.Enum {
			words = append(words, fmt.Sprint(e))
		}
		return strings.Join(words, " | ")
	case s.Type == "":
		return "any"
	}
	return s.Type
}

// types lists the document's schemas by name.
func types(doc *huma.OpenAPI) []manualType {
	var out []manualType
	all := doc.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t := manualType{Name: name}
		for _, f := range slices.Sorted(maps.Keys(all[name].Properties)) {
			p := all[name].Properties[f]
			t.Fields = append(t.Fields, manualField{Name: f, Type: shape(p), Doc: p.Description, Required: slices.Contains(all[name].Required, f)})
		}
		out = append(out, t)
	}
	return out
}

// page is the manual as HTML: it loads nothing.
var page = template.Must(template.New("docs").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.Title}}</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
code,.path{font-family:ui-monospace,monospace;font-size:.92em}
h2{margin-top:2.5rem;border-bottom:1px solid #bbb}
details{border:1px solid #ddd;border-radius:4px;margin:.4rem 0;padding:.3rem .7rem}
summary{cursor:pointer}
.method{display:inline-block;width:3.5em;font-weight:600}
.open{color:#555;font-size:.85em}
table{border-collapse:collapse;margin:.5rem 0}td,th{text-align:left;padding:.1rem .8rem .1rem 0;vertical-align:top}
pre{white-space:pre-wrap}
@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}details,h2{border-color:#444}.open{color:#aaa}a{color:#8cf}}
</style></head><body>
<h1>{{.Title}}</h1><p>{{.About}}</p><p>The same for programs: <a href="openapi.json">openapi.json</a></p>
<nav>{{range .Chapters}}<a href="#{{.Name}}">{{.Name}}</a> {{end}}<a href="#types">types</a></nav>
{{range .Chapters}}<h2 id="{{.Name}}">{{.Name}}</h2><p>{{.Doc}}</p>
{{range .Calls}}<details id="{{.Name}}"><summary><span class="method">{{.Method}}</span><span class="path">{{.Path}}</span> {{.Summary}}{{if .Open}} <span class="open">(for everybody)</span>{{end}}</summary>
{{if .Doc}}<p>{{.Doc}}</p>{{end}}
{{if .Params}}<table><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr>{{range .Params}}<tr><td><code>{{.Name}}</code></td><td>{{.In}}</td><td>{{.Type}}</td><td>{{.Doc}}</td></tr>{{end}}</table>{{end}}
{{if .Body}}<p>Body:</p><ul>{{range .Body}}<li><code>{{.}}</code></li>{{end}}</ul>{{end}}
{{if .Answers}}<p>Answers:</p><ul>{{range .Answers}}<li>{{.}}</li>{{end}}</ul>{{end}}</details>
{{end}}{{end}}<h2 id="types">Types</h2>
{{range .Types}}<details id="type-{{.Name}}"><summary><code>{{.Name}}</code></summary><table>{{range .Fields}}<tr><td><code>{{.Name}}</code></td><td>{{.Type}}</td><td>{{if not .Required}}optional. {{end}}{{.Doc}}</td></tr>{{end}}</table></details>
{{end}}</body></html>
`))

// renderManual writes the document for people.
func renderManual(doc *huma.OpenAPI) ([]byte, error) {
	var b bytes.Buffer
	err := page.Execute(&b, struct {
		Title, About string
		Chapters     []chapter
		Types        []manualType
	}{doc.Info.Title, doc.Info.Description, chapters(doc), types(doc)})
	if err != nil {
		return nil, fmt.Errorf("api: manual: %w", err)
	}
	return b.Bytes(), nil
}

func (s *Server) docs(w *writer, _ *http.Request) error {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	_, _ = w.Write(s.manual) // whoever asked is gone: there is nobody to tell
	return nil
}

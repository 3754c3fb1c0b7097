package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

const about = `A node's HTTP API. Every route is at its path and under ` + Prefix + `.

CIDs and DIDs are strings in JSON; read is also the object form {"/": "bafy…"}. Errors are problem details (RFC 9457) whose
code is one of not_found (404), invalid (400, or 422 where the shape of a request is wrong), denied (401 without the right
credentials, 403 where this node or author may not), conflict (409), insufficient (409: the account's mana does not cover it),
unavailable (503: trying again later can work), corrupt and internal (500). A wrong credential is refused even where none is
needed. A key is good for read, operate (which includes read) or admin (everything); with too little of it the answer is 403. x-correlation-id comes back as it was sent, or is made. A statement that is not ordered in time answers 202: it waits
at the node, and goes in later or expires.`

// useProblems makes huma write our errors. It is huma's own way, and global.
var useProblems = sync.OnceFunc(func() { huma.NewError = newProblem })

// describe is the head of the OpenAPI document, and how huma reads and writes.
func describe(s *Server) huma.Config {
	useProblems()
	reg := huma.NewMapRegistry("#/components/schemas/", schemaName)
	reg.RegisterTypeAlias(reflect.TypeFor[icn.CID](), reflect.TypeFor[cidSchema]())
	reg.RegisterTypeAlias(reflect.TypeFor[icn.DID](), reflect.TypeFor[didSchema]())
	reg.RegisterTypeAlias(reflect.TypeFor[wire.Duration](), reflect.TypeFor[durationSchema]())
	reg.RegisterTypeAlias(reflect.TypeFor[wire.Bytes](), reflect.TypeFor[bytesSchema]())
	reg.RegisterTypeAlias(reflect.TypeFor[json.RawMessage](), reflect.TypeFor[any]())
	reg.RegisterTypeAlias(reflect.TypeFor[icn.MotionJSON](), reflect.TypeFor[motionSchema]())
	codec := huma.Format{Unmarshal: wire.Unmarshal, Marshal: func(w io.Writer, v any) error {
		b, err := wire.Marshal(v)
		if err == nil {
			_, err = w.Write(b)
		}
		return err
	}}
	security := map[string]*huma.SecurityScheme{}
	var all []map[string][]string
	need := map[string][]string{}
	g := s.gate.Load()
	if len(g.keys) > 0 {
		security["apiKey"] = &huma.SecurityScheme{Type: "apiKey", In: "header", Name: "x-api-key"}
		need["apiKey"] = []string{}
	}
	if g.hasToken {
		security["bearer"] = &huma.SecurityScheme{Type: "http", Scheme: "bearer"}
		need["bearer"] = []string{}
	}
	if g.required {
		all = append(all, need)
	}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0", Info: &huma.Info{Title: "ICN node", Version: "1", Description: about}, Security: all,
			Servers:    []*huma.Server{{URL: "/"}, {URL: Prefix}},
			Components: &huma.Components{Schemas: reg, SecuritySchemes: security},
		},
		Formats: map[string]huma.Format{"application/json": codec, "json": codec}, DefaultFormat: "application/json",
	}
}

// schemaName names a schema after its type; types of package wire are meant when
// no other package is named.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	pkg := t.PkgPath()[strings.LastIndexByte(t.PkgPath(), '/')+1:]
	if pkg == "" || pkg == "wire" || pkg == "api" || strings.HasPrefix(strings.ToLower(name), pkg) {
		return name
	}
	return strings.ToUpper(pkg[:1]) + pkg[1:] + name
}

type (
	cidSchema      struct{}
	didSchema      struct{}
	durationSchema struct{}
	bytesSchema    struct{}
	motionSchema   struct{}
)

// Schema implements huma.SchemaProvider.
func (motionSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "A motion: its kind, and what it says as data", Type: huma.TypeObject, AdditionalProperties: true}
}

// Schema implements huma.SchemaProvider.
func (cidSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "A CIDv1 with sha2-256, as in bafkrei…", Examples: []any{"bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"},
		AnyOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeObject, AdditionalProperties: true}}}
}

// Schema implements huma.SchemaProvider.
func (didSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "A DID of an Ed25519 key, as in did:key:z6Mk…",
		AnyOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeObject, AdditionalProperties: true}}}
}

// Schema implements huma.SchemaProvider.
func (durationSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "A span of time: 36h, 1m30s, 7d, or a number of seconds", Examples: []any{"36h"},
		AnyOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeInteger}}}
}

// Schema implements huma.SchemaProvider.
func (bytesSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "Bytes in base64; read is also a list of numbers",
		AnyOf: []*huma.Schema{{Type: huma.TypeString, ContentEncoding: "base64"}, {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeInteger}}}}
}

// placed finds the place that wire.FieldError begins its text with.
var placed = regexp.MustCompile(`^([a-z0-9_]+(?:\[\d+\])*(?:\.[a-z0-9_]+(?:\[\d+\])*)*): (.*)$`)

// newProblem makes a problem of what huma finds wrong.
func newProblem(status int, msg string, errs ...error) huma.StatusError {
	if msg == "cannot read request body" {
		status, msg, errs = http.StatusBadRequest, "the request ended before its body was complete", nil
	}
	p := wire.NewProblem(status, msg)
	if status == 0 {
		p.Status = http.StatusInternalServerError
	}
	for _, err := range errs {
		var d huma.ErrorDetailer
		f := wire.Fault{Message: fmt.Sprint(err)}
		if errors.As(err, &d) {
			x := d.ErrorDetail()
			f = wire.Fault{Location: x.Location, Message: x.Message, Value: clip(x.Value)}
		}
		if m := placed.FindStringSubmatch(f.Message); m != nil && f.Location == "body" {
			f = wire.Fault{Location: "body." + m[1], Message: m[2]}
		}
		p.Errors = append(p.Errors, f)
	}
	return p
}

func clip(v any) string {
	if v == nil {
		return ""
	}
	s := fmt.Sprint(v)
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

// errorResponse is what all errors look like.
func (s *Server) errorResponse() *huma.Response {
	return &huma.Response{Description: "Error", Content: map[string]*huma.MediaType{wire.ProblemType: {Schema: s.schemaFor(reflect.TypeFor[wire.Problem]())}}}
}

// schemaFor is the schema of a Go type.
func (s *Server) schemaFor(t reflect.Type) *huma.Schema {
	return s.api.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
}

// note documents part of a raw route.
type note func(*Server, *huma.Operation)

// answers documents an answer that is not JSON.
func answers(status int, mediaType, doc string) note {
	return func(_ *Server, op *huma.Operation) {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: doc, Content: map[string]*huma.MediaType{mediaType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}
	}
}

// answersJSON documents an answer that is the JSON of v, besides others.
func answersJSON(op *huma.Operation, status int, doc string, schema *huma.Schema) {
	key := strconv.Itoa(status)
	if op.Responses[key] == nil {
		op.Responses[key] = &huma.Response{Description: doc, Content: map[string]*huma.MediaType{}}
	}
	op.Responses[key].Content["application/json"] = &huma.MediaType{Schema: schema}
}

// takes documents a body.
func takes(op *huma.Operation, mediaType string, schema *huma.Schema) {
	if op.RequestBody == nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
	}
	op.RequestBody.Content[mediaType] = &huma.MediaType{Schema: schema}
}

// inPath documents a parameter of the path.
func inPath(name string) note {
	return func(_ *Server, op *huma.Operation) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
	}
}

// inQuery documents a parameter of the query.
func inQuery(op *huma.Operation, name, typ, doc string) {
	op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: typ}})
}

// publish writes the document down, once.
func (s *Server) publish() (err error) {
	if s.spec, err = json.Marshal(s.api.OpenAPI()); err != nil {
		return fmt.Errorf("api: OpenAPI: %w", err)
	}
	s.manual, err = renderManual(s.api.OpenAPI())
	return err
}

func (s *Server) openAPI(w *writer, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(s.spec) // whoever asked is gone: there is nobody to tell
	return nil
}

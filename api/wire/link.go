package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"

	"github.com/InterCooperative-Network/icn-core/icn"
)

var (
	cidType = reflect.TypeFor[icn.CID]()
	durType = reflect.TypeFor[Duration]()
	didType = reflect.TypeFor[icn.DID]()
	rawType = reflect.TypeFor[json.RawMessage]()
)

// toLinks rewrites the CIDs and DIDs of a JSON text that is to be read into v to
// the forms that their Go types read.
func toLinks(data []byte, v any) ([]byte, error) {
	t := reflect.TypeOf(v)
	if t == nil || !holdsLinks(t) {
		return data, nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, invalid(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, &FieldError{Reason: "more than one JSON value"}
	}
	tree, err := relink(tree, t, "")
	if err != nil {
		return nil, err
	}
	return json.Marshal(tree)
}

// relink walks the JSON tree along the Go type.
func relink(v any, t reflect.Type, path string) (any, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if v == nil || !holdsLinks(t) {
		return v, nil
	}
	switch {
	case t == cidType:
		return linkOf(v, path)
	case t == didType:
		return didOf(v, path)
	case t == durType:
		return v, checkDuration(v, path)
	}
	var err error
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		list, _ := v.([]any) // another shape: json.Unmarshal says so
		for i := range list {
			if list[i], err = relink(list[i], t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return nil, err
			}
		}
	case reflect.Map:
		object, _ := v.(map[string]any)
		for k := range object { // order: the first fault found is as good as another
			if object[k], err = relink(object[k], t.Elem(), join(path, k)); err != nil {
				return nil, err
			}
		}
	case reflect.Struct:
		object, _ := v.(map[string]any)
		for _, f := range fieldsOf(t) {
			x, ok := object[f.name]
			if !ok {
				continue
			}
			if object[f.name], err = relink(x, f.typ, join(path, f.name)); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// linkOf reads a CID in any form.
func linkOf(v any, path string) (any, error) {
	var c icn.CID
	var err error
	switch x := v.(type) {
	case string:
		c, err = icn.ParseCID(x)
	case map[string]any:
		if s, ok := x["/"].(string); ok && len(x) == 1 {
			c, err = icn.ParseCID(s)
		} else {
			c, err = cidOfParts(x)
		}
	default:
		err = fmt.Errorf("CID: %w: want a string", icn.ErrInvalid)
	}
	if err != nil {
		return nil, &FieldError{path, err.Error()}
	}
	return map[string]any{"/": c.String()}, nil
}

// cidOfParts reads {version, codec, hash_alg, hash_bytes}.
func cidOfParts(x map[string]any) (icn.CID, error) {
	b, err := json.Marshal(x)
	if err != nil {
		return icn.CID{}, fmt.Errorf("CID: %w: %v", icn.ErrInvalid, err)
	}
	var p struct {
		Version   uint64 `json:"version"`
		Codec     uint64 `json:"codec"`
		HashAlg   uint64 `json:"hash_alg"`
		HashBytes []int  `json:"hash_bytes"`
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return icn.CID{}, fmt.Errorf("CID: %w: %v", icn.ErrInvalid, err)
	}
	if p.Version != 1 || p.HashAlg != 0x12 || len(p.HashBytes) != 32 {
		return icn.CID{}, fmt.Errorf("CID: %w: want version 1, hash_alg 18 (sha2-256) and 32 hash_bytes", icn.ErrInvalid)
	}
	var digest [32]byte
	for i, n := range p.HashBytes {
		if n < 0 || n > 255 {
			return icn.CID{}, fmt.Errorf("CID: %w: hash_bytes[%d] is no byte", icn.ErrInvalid, i)
		}
		digest[i] = byte(n)
	}
	return icn.CIDOf(p.Codec, digest), nil
}

// didOf reads a DID in any form.
func didOf(v any, path string) (any, error) {
	s, ok := v.(string)
	if x, isObject := v.(map[string]any); isObject {
		method, _ := x["method"].(string)
		id, _ := x["id_string"].(string)
		s, ok = "did:"+method+":"+id, true
	}
	if !ok {
		return nil, &FieldError{path, "DID: want a string"}
	}
	if _, err := icn.ParseDID(s); err != nil {
		return nil, &FieldError{path, err.Error()}
	}
	return s, nil
}

type field struct {
	name string
	typ  reflect.Type
}

var (
	linked sync.Map // reflect.Type → bool
	listed sync.Map // reflect.Type → []field
)

// checkDuration names the place of a span of time that cannot be read.
func checkDuration(v any, path string) error {
	if _, err := ParseDuration(fmt.Sprint(v)); err != nil {
		return &FieldError{path, err.Error()}
	}
	return nil
}

// holdsLinks says whether a CID, DID or Duration can stand inside a value of type t.
func holdsLinks(t reflect.Type) bool {
	if known, ok := linked.Load(t); ok {
		return known.(bool)
	}
	found := searchLinks(t, map[reflect.Type]bool{})
	linked.Store(t, found)
	return found
}

func searchLinks(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == cidType || t == didType || t == durType {
		return true
	}
	if seen[t] || t == rawType {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return searchLinks(t.Elem(), seen)
	case reflect.Struct:
		for _, f := range fieldsOf(t) {
			if searchLinks(f.typ, seen) {
				return true
			}
		}
	}
	return false
}

// fieldsOf lists a struct's JSON fields, those of embedded structs with it.
func fieldsOf(t reflect.Type) []field {
	if known, ok := listed.Load(t); ok {
		return known.([]field)
	}
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			out = append(out, fieldsOf(f.Type)...)
		case !f.IsExported() || name == "-":
		case name == "":
			out = append(out, field{f.Name, f.Type})
		default:
			out = append(out, field{name, f.Type})
		}
	}
	listed.Store(t, out)
	return out
}

// invalid turns an error of encoding/json into one that names the place.
func invalid(err error) error {
	var typ *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &typ):
		return &FieldError{typ.Field, fmt.Sprintf("want %s, got %s", kindWord(typ.Type), typ.Value)}
	case errors.As(err, &syntax):
		return &FieldError{"", fmt.Sprintf("not JSON: %s at byte %d", syntax.Error(), syntax.Offset)}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &FieldError{"", "not JSON: it ends too early"}
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return &FieldError{strings.Trim(name, `"`), "unknown field"}
	}
	var f *FieldError
	if errors.As(err, &f) {
		return f
	}
	return &FieldError{"", err.Error()}
}

// named puts the field's name into an error of Bytes.
func named(err error, v any) error {
	var f *FieldError
	if err == nil || !errors.As(err, &f) || !strings.HasPrefix(f.Path, bytesField) {
		return err
	}
	name := "bytes"
	if t := reflect.TypeOf(v); t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
		for _, x := range fieldsOf(t.Elem()) {
			if x.typ == reflect.TypeFor[Bytes]() {
				name = x.name
			}
		}
	}
	return &FieldError{name + strings.TrimPrefix(f.Path, bytesField), f.Reason}
}

func kindWord(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number, not negative"
	}
	return "a number"
}

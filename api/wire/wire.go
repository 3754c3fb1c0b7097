// Package wire is what the HTTP API's server and its client say to each other:
// one Go type per request and answer, the problems that stand for errors, and
// the JSON rules both sides follow.
//
// The invariant: in JSON a CID and a DID are strings, wherever they stand, and
// whatever package the Go type comes from. Read is also the object form
// {"/": "bafy…"} of IPLD, and the object forms {version, codec, hash_alg,
// hash_bytes} of a CID and {method, id_string} of a DID.
//
// It knows no HTTP server, no node and no socket.
//
//	b, err := wire.Marshal(answer)
//	err = wire.Unmarshal(b, &answer)
package wire

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Marshal is JSON with links as strings.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("JSON of %T: %w", v, err)
	}
	return Plain(bytes.TrimSuffix(b.Bytes(), []byte{'\n'})), nil
}

var linkOpen = []byte(`{"/":"`)

// Plain turns the links {"/":"bafy…"} of compact JSON into strings. It works in
// place. (Inside a JSON string the same bytes cannot occur: there a quote is
// escaped.)
func Plain(b []byte) []byte {
	out := b[:0]
	for {
		i := bytes.Index(b, linkOpen)
		if i < 0 {
			return append(out, b...)
		}
		out, b = append(out, b[:i]...), b[i:]
		n := linkLen(b[len(linkOpen):])
		if n == 0 { // another object with this key
			out, b = append(out, b[0]), b[1:]
			continue
		}
		text := b[len(linkOpen)-1 : len(linkOpen)+n+1] // with its quotes
		out, b = append(out, text...), b[len(linkOpen)+n+2:]
	}
}

// linkLen is the length of a CID's text that ends an object; 0 if there is none.
func linkLen(b []byte) int {
	for i, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '"' && i+1 < len(b) && b[i+1] == '}':
			return i
		default:
			return 0
		}
	}
	return 0
}

// Unmarshal reads JSON, with CIDs and DIDs in any of their forms. An error names
// the place.
func Unmarshal(data []byte, v any) error { return named(unmarshal(data, v, false), v) }

// UnmarshalStrict is Unmarshal that refuses unknown fields.
func UnmarshalStrict(data []byte, v any) error { return named(unmarshal(data, v, true), v) }

func unmarshal(data []byte, v any, strict bool) error {
	data, err := toLinks(data, v)
	if err != nil {
		return err
	}
	if !strict {
		if err := json.Unmarshal(data, v); err != nil {
			return invalid(err)
		}
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return invalid(err)
	}
	if dec.More() {
		return &FieldError{Reason: "more than one JSON value"}
	}
	return nil
}

// FieldError says what is wrong at which place of a JSON text.
type FieldError struct {
	Path   string // as in inputs[2].cid; empty: the whole
	Reason string
}

// Error implements error.
func (e *FieldError) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	return e.Path + ": " + e.Reason
}

// Unwrap makes it an icn.ErrInvalid.
func (e *FieldError) Unwrap() error { return icn.ErrInvalid }

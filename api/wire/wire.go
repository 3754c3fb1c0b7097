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

var linkOpen, linkClose = []byte(`{"/":"`), []byte(`"}`)

// Plain turns the links {"/":"bafy…"} of compact JSON into strings. It works in
// place. (Inside a JSON string the same bytes cannot occur: there a quote is
// escaped.)
func Plain(b []byte) []byte {
	i := bytes.Index(b, linkOpen)
	if i < 0 {
		return b
	}
	out, rest := b[:i], b[i:]
	for {
		rest = rest[len(linkOpen)-1:] // from the quote on
		end := bytes.Index(rest, linkClose)
		if end < 0 {
			return append(out, rest...)
		}
		out = append(out, rest[:end+1]...)
		rest = rest[end+2:]
		if i = bytes.Index(rest, linkOpen); i < 0 {
			return append(out, rest...)
		}
		out = append(out, rest[:i]...)
		rest = rest[i:]
	}
}

// Unmarshal reads JSON, with CIDs and DIDs in any of their forms. An error names
// the place.
func Unmarshal(data []byte, v any) error { return unmarshal(data, v, false) }

// UnmarshalStrict is Unmarshal that refuses unknown fields.
func UnmarshalStrict(data []byte, v any) error { return unmarshal(data, v, true) }

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

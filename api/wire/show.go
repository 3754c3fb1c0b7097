package wire

import (
	"encoding/base64"
	"encoding/hex"
	"reflect"
	"strings"
	"unicode"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// fields shows a plain struct as JSON values, its names in the way of JSON.
func fields(v any) map[string]any {
	out := map[string]any{}
	r := reflect.ValueOf(v)
	for i := range r.NumField() {
		f := r.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = snake(f.Name)
		}
		out[name] = show(r.Field(i))
	}
	return out
}

func show(r reflect.Value) any {
	switch x := r.Interface().(type) {
	case icn.CID:
		if !x.Defined() {
			return nil
		}
		return x.String()
	case icn.DID:
		return x.String()
	case icn.Role:
		return x.String()
	case []byte:
		return base64.StdEncoding.EncodeToString(x)
	case [32]byte:
		return hex.EncodeToString(x[:])
	}
	switch r.Kind() {
	case reflect.Struct:
		return fields(r.Interface())
	case reflect.Slice:
		list := make([]any, r.Len())
		for i := range list {
			list[i] = show(r.Index(i))
		}
		return list
	}
	return r.Interface()
}

// snake writes ExitCode as exit_code, and RTTMicros as rtt_micros.
func snake(s string) string {
	var b strings.Builder
	letters := []rune(s)
	for i, c := range letters {
		if unicode.IsUpper(c) {
			after := i > 0 && (unicode.IsLower(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
			if after {
				b.WriteByte('_')
			}
			c = unicode.ToLower(c)
		}
		b.WriteRune(c)
	}
	return b.String()
}

package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// bytesField stands in an error for the field's name, which Bytes does not know.
const bytesField = "*"

// Bytes is opaque data: base64 in JSON; read is also a list of numbers.
type Bytes []byte

// MarshalJSON implements json.Marshaler.
func (b Bytes) MarshalJSON() ([]byte, error) { return json.Marshal([]byte(b)) }

// UnmarshalJSON implements json.Unmarshaler.
func (b *Bytes) UnmarshalJSON(p []byte) error {
	p = bytes.TrimSpace(p)
	switch {
	case len(p) > 1 && p[0] == '"':
		var s string
		if err := json.Unmarshal(p, &s); err != nil {
			return err
		}
		v, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return &FieldError{bytesField, "not base64 (standard alphabet, padded): " + err.Error()}
		}
		*b = v
		return nil
	case len(p) > 1 && p[0] == '[':
		v, err := numbers(p[1 : len(p)-1])
		*b = v
		return err
	}
	return &FieldError{bytesField, "want a base64 string or a list of numbers from 0 to 255"}
}

// numbers reads 1,2,3 without making a value of each.
func numbers(p []byte) ([]byte, error) {
	out := make([]byte, 0, len(p)/3+1)
	for i, word := range bytes.Split(p, []byte{','}) {
		word = bytes.TrimSpace(word)
		if len(word) == 0 && i == 0 && len(bytes.TrimSpace(p)) == 0 {
			return out, nil
		}
		n, err := strconv.ParseUint(string(word), 10, 8)
		if err != nil {
			return nil, &FieldError{fmt.Sprintf("%s[%d]", bytesField, i), "want a number from 0 to 255"}
		}
		out = append(out, byte(n))
	}
	return out, nil
}

// Duration is a span of time: a string as in 36h or 1m30s; read is also a number
// of seconds.
type Duration time.Duration

// ParseDuration reads 36h, 1m30s or 90 (seconds).
func ParseDuration(s string) (Duration, error) {
	d, err := time.ParseDuration(s)
	if n, numErr := strconv.ParseUint(s, 10, 33); numErr == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, dayErr := strconv.ParseUint(days, 10, 16); dayErr == nil {
			d, err = time.Duration(n)*24*time.Hour, nil
		}
	}
	if err != nil || d < 0 {
		return 0, &FieldError{Reason: fmt.Sprintf("duration %.40q: want 36h, 1m30s, 7d or a number of seconds", s)}
	}
	return Duration(d), nil
}

// String is the form that ParseDuration reads.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Duration) UnmarshalJSON(p []byte) error {
	s := string(p)
	if len(p) > 0 && p[0] == '"' {
		if err := json.Unmarshal(p, &s); err != nil {
			return err
		}
	}
	v, err := ParseDuration(s)
	*d = v
	return err
}

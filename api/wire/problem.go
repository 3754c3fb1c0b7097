package wire

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// ProblemType is the media type of an error (RFC 9457).
const ProblemType = "application/problem+json"

// Problem is an error as the API answers it: problem details (RFC 9457) with the
// word of the sentinel, and the places that are wrong.
type Problem struct {
	Title  string  `json:"title" doc:"The kind of problem."`
	Status int     `json:"status" doc:"The HTTP status."`
	Detail string  `json:"detail,omitempty" doc:"What was wrong, where, and what to do next."`
	Code   string  `json:"code" doc:"A word for programs." enum:"not_found,invalid,denied,conflict,insufficient,unavailable,corrupt,internal"`
	Errors []Fault `json:"errors,omitempty" doc:"The places that are wrong."`
}

// Fault is one place that is wrong.
type Fault struct {
	Location string `json:"location,omitempty" doc:"As in body.inputs[2] or query.limit."`
	Message  string `json:"message" doc:"What is wrong there."`
	Value    string `json:"value,omitempty" doc:"What was there, cut short."`
}

// problems is the one table of sentinels, HTTP statuses and words. Invalid is
// 400, or 422 where the shape of a request is wrong. Insufficient mana is a 409:
// the request is right, and the account's state, which regenerates, is in its way.
var problems = []struct {
	is     error
	status int
	code   string
	title  string
}{
	{icn.ErrNotFound, http.StatusNotFound, "not_found", "Not found"},
	{icn.ErrInvalid, http.StatusBadRequest, "invalid", "Invalid"},
	{icn.ErrDenied, http.StatusForbidden, "denied", "Denied"},
	{icn.ErrConflict, http.StatusConflict, "conflict", "Conflict"},
	{icn.ErrInsufficient, http.StatusConflict, "insufficient", "Insufficient mana"},
	{icn.ErrUnavailable, http.StatusServiceUnavailable, "unavailable", "Unavailable"},
	{icn.ErrCorrupt, http.StatusInternalServerError, "corrupt", "Corrupt"},
}

// ProblemOf describes an error. What wraps no sentinel is internal, and its text
// stays with the server.
func ProblemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var f *FieldError
	if errors.As(err, &f) {
		p := NewProblem(http.StatusUnprocessableEntity, "the request's body has the wrong shape")
		p.Errors = []Fault{{Location: strings.TrimSuffix(join("body", f.Path), "."), Message: f.Reason}}
		return p
	}
	for _, row := range problems {
		if errors.Is(err, row.is) {
			return &Problem{Title: row.title, Status: row.status, Detail: err.Error(), Code: row.code}
		}
	}
	return &Problem{Title: "Internal error", Status: http.StatusInternalServerError, Code: "internal",
		Detail: "the node could not answer; its log tells more, under the x-correlation-id of this answer"}
}

// NewProblem is a problem that HTTP itself has a status for.
func NewProblem(status int, detail string) *Problem {
	code := "invalid"
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		code = "denied"
	case status == http.StatusNotFound:
		code = "not_found"
	case status == http.StatusConflict:
		code = "conflict"
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		code = "unavailable"
	case status >= 500:
		code = "internal"
	}
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail, Code: code}
}

// Error tells the detail and the places.
func (p *Problem) Error() string {
	s := p.Detail
	if s == "" {
		s = p.Title
	}
	var places []string
	for _, f := range p.Errors {
		places = append(places, strings.TrimPrefix(f.Location+": "+f.Message, ": "))
	}
	if len(places) > 0 {
		s += ": " + strings.Join(places, "; ")
	}
	return s
}

// Unwrap is the sentinel that the server's error wrapped.
func (p *Problem) Unwrap() error {
	for _, row := range problems {
		if row.code == p.Code {
			return row.is
		}
	}
	return nil
}

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is the media type, whatever was negotiated.
func (p *Problem) ContentType(string) string { return ProblemType }

// ReadProblem makes an error of an answer that is none of the API's own, such as
// a proxy's.
func ReadProblem(status int, contentType string, body []byte) *Problem {
	if strings.HasPrefix(contentType, ProblemType) {
		var p Problem
		if err := Unmarshal(body, &p); err == nil && p.Status != 0 {
			return &p
		}
	}
	text := strings.TrimSpace(string(body[:min(len(body), 200)]))
	return NewProblem(status, fmt.Sprintf("HTTP status %d: %s", status, text))
}

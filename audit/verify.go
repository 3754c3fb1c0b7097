package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Head is what the federation's log says of an audit log: so many lines, the last
// of which has this hash.
type Head struct {
	Lines uint64
	Hash  [32]byte
	Entry uint64 // of the federation's log
}

// File is a part of an audit log.
type File struct {
	Name string
	io.Reader
}

// Report is what was found in an audit log.
type Report struct {
	Lines    uint64        `json:"lines"`           // read
	First    uint64        `json:"first"`           // number of the first one; 1 unless older files were left out
	Last     uint64        `json:"last"`            // number of the last one
	Head     string        `json:"head"`            // its hash
	From     time.Time     `json:"from"`            // when the first was written
	To       time.Time     `json:"to"`              // when the last was written
	Anchored uint64        `json:"anchored"`        // lines up to here are as the federation's log has them
	Checked  int           `json:"anchors_checked"` // heads of the federation's log that were compared
	Events   map[Event]int `json:"events"`          // how many lines of each kind
}

// Verify reads the files of one audit log, the oldest first, and compares with the
// heads that the federation's log has. The error names the first line that is not
// as it was written.
func Verify(files []File, heads []Head) (Report, error) {
	v := verifier{heads: slices.Clone(heads), report: Report{Events: map[Event]int{}}}
	slices.SortFunc(v.heads, func(a, b Head) int { return int(int64(a.Lines) - int64(b.Lines)) })
	for _, f := range files {
		if err := scan(f, func(at int, text []byte) error { return v.line(f.Name, at, text) }); err != nil {
			return v.report, err
		}
	}
	return v.report, v.end()
}

type verifier struct {
	heads  []Head
	hash   [32]byte
	report Report
}

func (v *verifier) line(name string, at int, text []byte) error {
	var x line
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s:%d: %w: %s", name, at, icn.ErrCorrupt, fmt.Sprintf(format, args...))
	}
	if err := json.Unmarshal(text, &x); err != nil {
		return fail("not a line of an audit log: %v", err)
	}
	when, err := time.Parse(time.RFC3339Nano, x.Time)
	if err != nil {
		return fail("its time cannot be read")
	}
	r := &v.report
	switch {
	case r.Lines == 0:
		r.First, r.From = x.N, when
		if x.N == 1 && x.Prev != hex.EncodeToString(v.hash[:]) {
			return fail("the first line of a log has nothing before it")
		}
	case x.N != r.Last+1:
		return fail("line %d comes after line %d: lines are missing or were moved", x.N, r.Last)
	case x.Prev != hex.EncodeToString(v.hash[:]):
		return fail("line %d was changed, or this one was put in its place: the hashes do not meet", r.Last)
	}
	v.hash = sha256.Sum256(text)
	r.Lines++
	r.Last, r.To, r.Head = x.N, when, hex.EncodeToString(v.hash[:])
	r.Events[x.Event]++
	for len(v.heads) > 0 && v.heads[0].Lines <= x.N {
		h := v.heads[0]
		v.heads = v.heads[1:]
		if h.Lines < x.N {
			continue // before the first file
		}
		if h.Hash != v.hash {
			return fail("up to line %d the log was written anew: entry %d of the federation's log has another hash", x.N, h.Entry)
		}
		r.Anchored = x.N
		r.Checked++
	}
	return nil
}

// end looks for lines that should be there still.
func (v *verifier) end() error {
	if len(v.heads) == 0 {
		return nil
	}
	h := v.heads[len(v.heads)-1]
	return fmt.Errorf("audit log: %w: it ends with line %d; entry %d of the federation's log has seen line %d: the end is missing", icn.ErrCorrupt, v.report.Last, h.Entry, h.Lines)
}

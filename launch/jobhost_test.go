package launch

import (
	"errors"
	"testing"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// FuzzJobOfAProgram: whatever a program posts as a job is refused as invalid, or is
// a job whose form everybody reads alike.
func FuzzJobOfAProgram(f *testing.F) {
	f.Add([]byte(`{"echo":"x","budget":5}`))
	f.Add([]byte(`{"module":"bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e","args":["a"],"env":["A=b"],"limits":{"gas":7},"grants":{"spend":3},"copies":{"of":3,"agree":2}}`))
	f.Add([]byte(`{"module":{"version":1},"unknown":true}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readSubmit(b)
		if err != nil {
			if !errors.Is(err, icn.ErrInvalid) {
				t.Error(err)
			}
			return
		}
		o := icn.Outcome{Submits: []icn.Submitted{s}}
		r := icn.NewReader(o.Append(nil))
		again := icn.ReadOutcome(r)
		if r.Close() != nil || again.Digest() != o.Digest() {
			t.Errorf("%+v comes back as %+v, %v", s, again.Submits, r.Err())
		}
	})
}

package wire

import (
	"fmt"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// Executors is a list of nodes that run jobs.
type Executors struct {
	Executors []node.Executor `json:"executors"`
}

// ParseAsOf reads a moment in RFC 3339, or a day, which stands for its last
// millisecond in UTC: the balance of a day is that at its end.
func ParseAsOf(s string) (icn.Time, error) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return icn.Time(t.AddDate(0, 0, 1).UnixMilli() - 1), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.UnixMilli() <= 0 {
		return 0, fmt.Errorf("%q: %w: want a day such as 2026-03-31, or a moment such as 2026-03-31T12:00:00Z", s, icn.ErrInvalid)
	}
	return icn.Time(t.UnixMilli()), nil
}

package wire

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Cursor is a place among the events: the last one that was seen.
type Cursor struct {
	Index  uint64
	Number uint32
}

// WholeEntry as a cursor's Number stands for all events of its entry.
const WholeEntry = ^uint32(0)

// ParseCursor reads 12.0, or 12 for everything of entry 12.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{Number: WholeEntry}, nil
	}
	at, number, exact := strings.Cut(s, ".")
	c := Cursor{Number: WholeEntry}
	var err error
	if c.Index, err = strconv.ParseUint(at, 10, 63); err == nil && exact {
		var n uint64
		n, err = strconv.ParseUint(number, 10, 32)
		c.Number = uint32(n)
	}
	if err != nil {
		return Cursor{}, fmt.Errorf("event cursor %.40q: %w: want 12.0 (an event's index and number) or 12", s, icn.ErrInvalid)
	}
	return c, nil
}

// String is the form that ParseCursor reads.
func (c Cursor) String() string {
	if c.Number == WholeEntry {
		return strconv.FormatUint(c.Index, 10)
	}
	return strconv.FormatUint(c.Index, 10) + "." + strconv.FormatUint(uint64(c.Number), 10)
}

// Before says whether c comes before d.
func (c Cursor) Before(d Cursor) bool {
	return c.Index < d.Index || c.Index == d.Index && c.Number < d.Number
}

package icn

// ManaSpend burns capacity of its author: what it used of something that is not a
// job's. Capacity is not handed to anybody by it. A statement may carry many.
type ManaSpend struct {
	Amount uint64
	For    string // in the author's own words, at most 64 bytes
}

func readManaSpend(r *Reader) Op {
	o := ManaSpend{Amount: r.Uint(), For: r.Text(64)}
	if r.err == nil && o.Amount == 0 {
		r.Fail("nothing is spent")
	}
	return o
}

// Kind implements Op.
func (ManaSpend) Kind() string { return "mana.spend" }

func (ManaSpend) fields() int { return 2 }

func (o ManaSpend) appendFields(b []byte) []byte { return AppendText(AppendUint(b, o.Amount), o.For) }

// ManaSpent tells that operations of one statement that follow each other burnt an
// author's capacity.
type ManaSpent struct {
	Account    DID    `json:"account"`
	Amount     uint64 `json:"amount"` // of all of them
	Operations uint32 `json:"operations"`
}

// EventType implements EventBody.
func (ManaSpent) EventType() string { return "ManaSpent" }

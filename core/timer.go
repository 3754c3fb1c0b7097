package core

import (
	"container/heap"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/state"
)

// checkpointTimer is the core's own timer.
const checkpointTimer = "checkpoint"

// timers are deadlines in log time. The table is the truth; the heap only finds
// the earliest, and an entry of it that the table does not confirm is dropped.
type timers struct {
	due  *state.Table[string, icn.Time]
	heap *deadlines
}

type deadline struct {
	at   icn.Time
	name string
}

type deadlines []deadline

func (d deadlines) Len() int { return len(d) }
func (d deadlines) Less(i, j int) bool {
	if d[i].at != d[j].at {
		return d[i].at < d[j].at
	}
	return d[i].name < d[j].name
}
func (d deadlines) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *deadlines) Push(x any)   { *d = append(*d, x.(deadline)) }
func (d *deadlines) Pop() any {
	o := *d
	x := o[len(o)-1]
	o[len(o)-1] = deadline{}
	*d = o[:len(o)-1]
	return x
}

func newTimers(db *state.DB) timers {
	return timers{heap: &deadlines{}, due: state.NewTable(db, state.Spec[string, icn.Time]{
		Name: "timer", Key: state.TextKey, Parse: state.ParseTextKey, Append: icn.AppendTime,
		Read: func(r *icn.Reader) icn.Time { return r.Time() }})}
}

// lastMoment is the latest time that has a wire form.
const lastMoment icn.Time = 1 << 53

func (t timers) set(name string, due icn.Time) {
	due = min(due, lastMoment)
	t.due.Put(name, due)
	heap.Push(t.heap, deadline{due, name})
}

func (t timers) clear(name string) { t.due.Delete(name) }

// peek drops what is no longer true and shows the earliest deadline.
func (t timers) peek() (deadline, bool) {
	for t.heap.Len() > 0 {
		d := (*t.heap)[0]
		if at, ok := t.due.Get(d.name); ok && at == d.at {
			return d, true
		}
		heap.Pop(t.heap)
	}
	return deadline{}, false
}

func (t timers) next() (icn.Time, bool) {
	d, ok := t.peek()
	return d.at, ok
}

// pop takes the earliest timer that is due at now.
func (t timers) pop(now icn.Time) (string, bool) {
	d, ok := t.peek()
	if !ok || d.at > now {
		return "", false
	}
	heap.Pop(t.heap)
	t.due.Delete(d.name)
	return d.name, true
}

// compact keeps the heap in proportion to the table, so that deadlines far away
// that were cleared do not pile up. Not within a step: what it forgets, a
// rollback could make true again.
func (t timers) compact() {
	if t.heap.Len() > 2*t.due.Len()+64 {
		t.refresh()
	}
}

// refresh rebuilds the heap from the table.
func (t timers) refresh() {
	*t.heap = (*t.heap)[:0]
	t.due.Each(func(name string, at icn.Time) bool {
		heap.Push(t.heap, deadline{at, name})
		return true
	})
}

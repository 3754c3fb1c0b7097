package order

import "sort"

// terms knows the term of every index of a log, in memory proportional to the
// number of elections rather than of entries.
type terms struct {
	last uint64
	runs []run // runs[0].from is the base: the newest index that was compacted away
}

// run says that entries from an index on, up to the next run, have one term.
type run struct{ from, term uint64 }

func newTerms(base, term uint64) terms {
	return terms{last: base, runs: []run{{base, term}}}
}

func (t *terms) base() uint64     { return t.runs[0].from }
func (t *terms) baseTerm() uint64 { return t.runs[0].term }

// at is the term of entry i, or false outside [base, last].
func (t *terms) at(i uint64) (uint64, bool) {
	if i < t.base() || i > t.last {
		return 0, false
	}
	return t.runs[t.find(i)].term, true
}

func (t *terms) find(i uint64) int {
	if k := len(t.runs) - 1; i >= t.runs[k].from {
		return k
	}
	return sort.Search(len(t.runs), func(k int) bool { return t.runs[k].from > i }) - 1
}

// put appends entry i, dropping what was at i and after. i is in (base, last+1].
func (t *terms) put(i, term uint64) {
	k := len(t.runs)
	for k > 1 && t.runs[k-1].from >= i {
		k--
	}
	t.runs = t.runs[:k]
	if t.runs[k-1].term != term {
		t.runs = append(t.runs, run{i, term})
	}
	t.last = i
}

// cut moves the base up to an index in the log; a lower one changes nothing.
func (t *terms) cut(base uint64) {
	if base <= t.base() || base > t.last {
		return
	}
	t.runs = append([]run(nil), t.runs[t.find(base):]...)
	t.runs[0].from = base
}

func (t *terms) clone() terms {
	return terms{last: t.last, runs: append([]run(nil), t.runs...)}
}

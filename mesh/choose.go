package mesh

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Weights of the score's parts, in thousandths.
const (
	weightPrice      = 350
	weightFree       = 200
	weightRTT        = 100
	weightReputation = 200
	weightTurn       = 150
)

// How far an offer may be taken. A node that failed this job before, and the node
// that assigns, are taken only when there is nobody else.
const (
	never = iota
	failedBefore
	assigner
	anybody
)

// Choose orders the offers for a job, best first: hard filters, then a weighted
// score, ties by the bid's CID. It returns the places of those that can be taken,
// none when they are too few, and a line for each offer. Every node repeats it when
// the assignment is folded.
func (f *Fold) Choose(s Step, j Job, offers []icn.Offer) ([]int, []icn.Score) {
	scores := make([]icn.Score, len(offers))
	how := make([]int, len(offers))
	var able []int
	best := never
	for i, o := range offers {
		how[i], scores[i].Excluded = f.filter(s, j, offers[:i], o)
		scores[i].Executor, scores[i].Price = o.Executor, o.Price
		if how[i] != never {
			able = append(able, i)
		}
		best = max(best, how[i])
	}
	for _, i := range able {
		if how[i] == best {
			scores[i].Excluded = ""
		}
		scores[i].Parts = f.parts(s, j, offers[i])
		scores[i].Parts.Turn = f.turn(offers, able, i)
		scores[i].Total = scores[i].Parts.Sum()
	}
	slices.SortFunc(able, func(a, b int) int {
		if how[a] != how[b] {
			return how[b] - how[a]
		}
		if x, y := scores[a].Total, scores[b].Total; x != y {
			return int(y) - int(x)
		}
		return bytes.Compare(offers[a].Bid.Bytes(), offers[b].Bid.Bytes())
	})
	if len(able) < j.Agree() {
		return nil, scores
	}
	return able, scores
}

// filter says how far an offer may be taken, and why not further.
func (f *Fold) filter(s Step, j Job, before []icn.Offer, o icn.Offer) (int, string) {
	lacks := f.Lacks(s, j.Spec, o.Executor)
	st := f.Standing(o.Executor)
	switch need := MemoryOf(j.Spec); {
	case !s.IsNode(o.Executor):
		return never, "not a node of this federation"
	case st.Banned(s.Time):
		return never, fmt.Sprintf("banned for another %d s", (st.BannedUntil-s.Time+999)/1000)
	case o.Price > j.Share():
		return never, "price over the budget"
	case o.FreeSlots == 0:
		return never, "no free slot"
	case o.FreeMB < need:
		return never, fmt.Sprintf("%d MB are free, the job wants %d", o.FreeMB, need)
	case lacks != "":
		return never, lacks
	case slices.ContainsFunc(before, func(p icn.Offer) bool { return p.Executor == o.Executor }):
		return never, "second offer of one executor"
	case slices.ContainsFunc(j.Failures, func(x Failure) bool { return x.Executor == o.Executor }):
		return failedBefore, "failed this job before"
	case o.Executor == j.Via:
		return assigner, "assigns this job itself"
	}
	return anybody, ""
}

// Share is what one executor may ask.
func (j Job) Share() uint64 { return j.Budget / uint64(j.Of()) }

// MemoryOf is how many MB a job may use.
func MemoryOf(s icn.JobSpec) uint64 { return max(s.Requires.MemoryMB, s.Limits.MemoryBytes>>20) }

// always is what every node of this release can do.
var always = []string{"wasi", "icn", "echo"}

// Lacks says what a node has too little of for a job, by its own profile and by
// its reputation; "" = nothing.
func (f *Fold) Lacks(s Step, spec icn.JobSpec, d icn.DID) string {
	p, said := f.profiles.Get(d)
	q := spec.Requires
	for _, c := range q.Capabilities {
		if !slices.Contains(always, c) && !slices.Contains(p.Capabilities, c) {
			return fmt.Sprintf("it cannot do %q", icn.Fit(c, 64))
		}
	}
	switch {
	case said && q.CPUCores > p.CPUCores:
		return fmt.Sprintf("it has %d cores, the job wants %d", p.CPUCores, q.CPUCores)
	case said && MemoryOf(spec) > p.MemoryMB:
		return fmt.Sprintf("it has %d MB of memory, the job wants %d", p.MemoryMB, MemoryOf(spec))
	case said && q.StorageMB > p.StorageMB:
		return fmt.Sprintf("it has %d MB of storage, the job wants %d", p.StorageMB, q.StorageMB)
	case len(q.Federations) > 0 && !slices.ContainsFunc(q.Federations, func(x string) bool { return slices.Contains(p.Federations, x) }):
		return "it belongs to none of the federations that the job asks for"
	case q.Trust != "" && q.Trust != p.Trust:
		return fmt.Sprintf("its trust scope is %q, the job wants %q", p.Trust, q.Trust)
	case q.Reputation > 0 && s.Reputation(d) < q.Reputation*1000:
		return fmt.Sprintf("its reputation is %d, the job wants %d", s.Reputation(d)/1000, q.Reputation)
	}
	return ""
}

// parts normalises each number to 0…weight: a price of nothing, nothing to do, no
// round trip and a spotless name are the best. Reputation and distance count in
// steps: small differences are left to whose turn it is.
func (f *Fold) parts(s Step, j Job, o icn.Offer) icn.Parts {
	const full, near, step = 8, 10_000, 10
	open := min(f.Standing(o.Executor).Open, full)
	return icn.Parts{
		Price:      weightPrice * (j.Share() - o.Price) / j.Share(),
		Free:       weightFree*min(o.FreeSlots, full)/(2*full) + weightFree*(full-open)/(2*full),
		RTT:        weightRTT * (20 - min(o.RTTMicros/near, 20)) / 20,
		Reputation: weightReputation * (s.Reputation(o.Executor) / 1000 / step) / step,
	}
}

// turn favours who had no job for longer than others.
func (f *Fold) turn(offers []icn.Offer, able []int, i int) uint64 {
	if len(able) == 1 {
		return weightTurn
	}
	mine, later := f.Standing(offers[i].Executor).Last, uint64(0)
	for _, k := range able {
		if f.Standing(offers[k].Executor).Last > mine {
			later++
		}
	}
	return weightTurn * later / uint64(len(able)-1)
}

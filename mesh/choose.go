package mesh

import (
	"bytes"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Weights of the score's parts, in thousandths.
const (
	weightPrice = 500
	weightFree  = 300
	weightRTT   = 200
)

// Choose picks the executor among the offers for a job: first hard filters, then
// a weighted score, ties by the bid's CID. It returns the winner's place, or -1,
// and a line for each offer. Every node repeats it when the assignment is folded.
//
// An executor that failed this job before, and the node that assigns, are taken
// only when there is nobody else.
func Choose(j Job, offers []icn.Offer, isNode func(icn.DID) bool) (int, []icn.Score) {
	scores := make([]icn.Score, len(offers))
	tier := make([]int, len(offers)) // 0 = excluded; higher is preferred
	best := 0
	for i, o := range offers {
		scores[i] = icn.Score{Executor: o.Executor, Price: o.Price}
		switch {
		case !isNode(o.Executor):
			scores[i].Excluded = "not a node of this federation"
		case o.Price > j.Budget:
			scores[i].Excluded = "price over the budget"
		case o.FreeSlots == 0:
			scores[i].Excluded = "no free slot"
		case slices.ContainsFunc(offers[:i], func(p icn.Offer) bool { return p.Executor == o.Executor }):
			scores[i].Excluded = "second offer of one executor"
		case failedBefore(j, o.Executor):
			tier[i], scores[i].Excluded = 1, "failed this job before"
		case o.Executor == j.Via:
			tier[i], scores[i].Excluded = 2, "assigns this job itself"
		default:
			tier[i] = 3
		}
		best = max(best, tier[i])
	}
	win := -1
	for i, o := range offers {
		if tier[i] == 0 {
			continue
		}
		if tier[i] == best {
			scores[i].Excluded = ""
		}
		scores[i].Parts = parts(j, o)
		scores[i].Total = scores[i].Parts.Price + scores[i].Parts.Free + scores[i].Parts.RTT
		if tier[i] == best && (win < 0 || better(scores[i], o, scores[win], offers[win])) {
			win = i
		}
	}
	return win, scores
}

func failedBefore(j Job, d icn.DID) bool {
	return slices.ContainsFunc(j.Failures, func(f Failure) bool { return f.Executor == d })
}

func better(a icn.Score, ao icn.Offer, b icn.Score, bo icn.Offer) bool {
	if a.Total != b.Total {
		return a.Total > b.Total
	}
	return bytes.Compare(ao.Bid.Bytes(), bo.Bid.Bytes()) < 0
}

// parts normalises each number to 0…weight: a price of nothing, eight free slots
// and no round trip are the best.
func parts(j Job, o icn.Offer) icn.Parts {
	const fullSlots, slowMicros = 8, 200_000
	return icn.Parts{
		Price: weightPrice * (j.Budget - o.Price) / j.Budget,
		Free:  weightFree * min(o.FreeSlots, fullSlots) / fullSlots,
		RTT:   weightRTT * (slowMicros - min(o.RTTMicros, slowMicros)) / slowMicros,
	}
}

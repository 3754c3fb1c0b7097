package tally

import (
	"bytes"
	"iter"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Where a chain of delegations ends, if not at a ballot's place.
const (
	nobody  = -1 // at somebody without ballot and delegation, or who is not on the roll
	circle  = -2 // nowhere: it runs in a circle, or into one
	unknown = -3 // not followed yet
	walking = -4 // it is on the chain that is being followed
)

// follow says for each voter on the roll which ballot counts for it, by its place,
// or one of the words above. Each link is walked twice, however long the chains are.
func (v Vote) follow() []int32 {
	ends := make([]int32, len(v.Roll))
	for i := range ends {
		ends[i] = unknown
	}
	for ballot, voter := range v.matched() {
		ends[voter] = int32(ballot)
	}
	next := v.links()
	for i := range ends {
		at, end := int32(i), int32(unknown)
		for end == unknown {
			switch {
			case at < 0:
				end = nobody
			case ends[at] == walking:
				end = circle
			case ends[at] != unknown:
				end = ends[at]
			default:
				ends[at] = walking
				at = next[at]
			}
		}
		for at = int32(i); at >= 0 && ends[at] == walking; at = next[at] {
			ends[at] = end
		}
	}
	return ends
}

// matched gives the places of ballots of those on the roll, with their voters'.
func (v Vote) matched() iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		at := 0
		for i, d := range v.Roll {
			for at < len(v.Ballots) && before(v.Ballots[at].Voter, d) {
				at++
			}
			if at < len(v.Ballots) && v.Ballots[at].Voter == d && !yield(at, i) {
				return
			}
		}
	}
}

// links gives for each place on the roll that of whom the voter has delegated to,
// or nobody.
func (v Vote) links() []int32 {
	next := make([]int32, len(v.Roll))
	at := 0
	for i, d := range v.Roll {
		next[i] = nobody
		for at < len(v.Delegations) && before(v.Delegations[at].From, d) {
			at++
		}
		if at == len(v.Delegations) || v.Delegations[at].From != d {
			continue
		}
		if to, found := slices.BinarySearchFunc(v.Roll, v.Delegations[at].To, compare); found {
			next[i] = int32(to)
		}
	}
	return next
}

func compare(a, b icn.DID) int { return bytes.Compare(a[:], b[:]) }

func before(a, b icn.DID) bool { return compare(a, b) < 0 }

package tally_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/tally"
)

// recount counts a vote a second time, written down from the rules as naively as can
// be and sharing nothing with the package: names in place of places, a look at every
// ballot in every round, big numbers. It leaves out the reason's words.
func recount(v tally.Vote) icn.Tally {
	r := recounter{said: map[string]tally.Ballot{}, to: map[string]string{}, on: map[string]bool{}}
	for _, d := range v.Roll {
		r.on[d.String()] = true
	}
	for _, b := range v.Ballots {
		r.said[b.Voter.String()] = b
	}
	for _, d := range v.Delegations {
		r.to[d.From.String()] = d.To.String()
	}
	t := icn.Tally{Roll: uint64(len(v.Roll)), Needed: v.Needed}
	var all [][]uint64 // what each who takes part says, one by one
	for _, d := range v.Roll {
		b, how := r.whose(d.String(), nil)
		switch how {
		case "nobody":
			continue
		case "own":
			t.Direct++
		case "proxy":
			t.Proxied++
		default:
			t.Delegated++
		}
		t.Turnout++
		if !says(v.Method, len(v.Options), b.Choice) {
			t.Abstain++
			continue
		}
		all = append(all, b.Choice)
	}
	met := t.Turnout >= t.Needed
	if v.Method == icn.YesNo {
		for _, c := range all {
			if c[0] == 1 {
				t.Yes++
			} else {
				t.No++
			}
		}
		share := new(big.Rat)
		if t.Yes+t.No > 0 {
			share.SetFrac(new(big.Int).SetUint64(t.Yes), new(big.Int).SetUint64(t.Yes+t.No))
		}
		want := new(big.Rat).SetFrac(new(big.Int).SetUint64(v.Threshold), big.NewInt(1000))
		t.Accepted = met && t.Yes > t.No && share.Cmp(want) >= 0
		return t
	}
	if v.Method == icn.Ranked {
		t.Scores, t.Rounds, t.Winner = rankedAgain(v.Options, all)
	} else {
		t.Scores, t.Winner = sumsAgain(v.Method, v.Options, all)
	}
	t.Accepted = met && t.Winner > 0
	return t
}

type recounter struct {
	said map[string]tally.Ballot
	to   map[string]string
	on   map[string]bool
}

// whose finds the ballot that counts for a voter, by recursion; seen are those on
// the way.
func (r recounter) whose(name string, seen []string) (tally.Ballot, string) {
	if slices.Contains(seen, name) {
		return tally.Ballot{}, "circle"
	}
	if !r.on[name] {
		return tally.Ballot{}, "nobody"
	}
	if b, ok := r.said[name]; ok {
		switch {
		case len(seen) > 0:
			return b, "delegated"
		case b.Proxy:
			return b, "proxy"
		}
		return b, "own"
	}
	to, ok := r.to[name]
	if !ok {
		return tally.Ballot{}, "nobody"
	}
	return r.whose(to, append(slices.Clone(seen), name))
}

// says tells whether a choice says something, by the rules of each method.
func says(m icn.Method, options int, choice []uint64) bool {
	if len(choice) == 0 || m != icn.YesNo && options > 64 {
		return false
	}
	once := map[uint64]int{}
	sum, squares := new(big.Int), new(big.Int)
	inside := true
	for _, c := range choice {
		once[c]++
		n := new(big.Int).SetUint64(c)
		sum.Add(sum, n)
		squares.Add(squares, n.Mul(n, n))
		inside = inside && c >= 1 && c <= uint64(options)
	}
	within := func(n *big.Int) bool { return n.Sign() > 0 && n.Cmp(big.NewInt(100)) <= 0 }
	switch m {
	case icn.YesNo:
		return len(choice) == 1 && (choice[0] == 1 || choice[0] == 2)
	case icn.Ranked:
		return inside && len(once) == len(choice)
	case icn.Approval:
		return inside && len(once) == len(choice) && slices.IsSorted(choice)
	case icn.Weighted:
		return len(choice) == options && within(sum)
	case icn.Quadratic:
		return len(choice) == options && within(squares)
	}
	return false
}

func sumsAgain(m icn.Method, options []icn.CID, all [][]uint64) ([]uint64, uint64) {
	scores := make([]uint64, len(options))
	for place := range options {
		for _, c := range all {
			if m == icn.Approval && slices.Contains(c, uint64(place+1)) {
				scores[place]++
			}
			if m != icn.Approval {
				scores[place] += c[place]
			}
		}
	}
	if len(scores) == 0 || slices.Max(scores) == 0 {
		return scores, 0
	}
	places := byPlace(options)
	slices.SortFunc(places, func(a, b int) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), bytes.Compare(options[a].Bytes(), options[b].Bytes()), cmp.Compare(a, b))
	})
	return scores, uint64(places[0] + 1)
}

// rankedAgain plays an instant run-off on ballots as texts, from which the names of
// those who go out are struck.
func rankedAgain(options []icn.CID, all [][]uint64) (scores []uint64, rounds []icn.Round, winner uint64) {
	scores = make([]uint64, len(options))
	var papers []string
	for _, c := range all {
		paper := ""
		for _, place := range c {
			paper += fmt.Sprintf("<%d>", place)
		}
		papers = append(papers, paper)
	}
	in := byPlace(options)
	for len(papers) > 0 && len(in) > 0 {
		r := icn.Round{Counts: make([]uint64, len(options))}
		for _, paper := range papers {
			if paper == "" {
				r.Exhausted++
			}
			for _, i := range in {
				if strings.HasPrefix(paper, fmt.Sprintf("<%d>", i+1)) {
					r.Counts[i]++
				}
			}
		}
		if len(rounds) == 0 {
			copy(scores, r.Counts)
		}
		for _, i := range in {
			if 2*r.Counts[i] > uint64(len(papers))-r.Exhausted {
				return scores, append(rounds, r), uint64(i + 1)
			}
		}
		r.Out = outNow(options, in, append(slices.Clone(rounds), r))
		rounds = append(rounds, r)
		in = slices.DeleteFunc(in, func(i int) bool { return slices.Contains(r.Out, uint64(i+1)) })
		for _, out := range r.Out {
			for k := range papers {
				papers[k] = strings.ReplaceAll(papers[k], fmt.Sprintf("<%d>", out), "")
			}
		}
	}
	return scores, rounds, 0
}

// outNow sorts those who are in by all rounds, backwards, and then by their CIDs.
func outNow(options []icn.CID, in []int, rounds []icn.Round) (out []uint64) {
	now := rounds[len(rounds)-1].Counts
	if len(rounds) == 1 {
		for _, i := range in {
			if now[i] == 0 {
				out = append(out, uint64(i+1))
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	order := slices.Clone(in)
	slices.SortFunc(order, func(a, b int) int {
		for k := len(rounds) - 1; k >= 0; k-- {
			if c := cmp.Compare(rounds[k].Counts[a], rounds[k].Counts[b]); c != 0 {
				return c
			}
		}
		return cmp.Or(bytes.Compare(options[b].Bytes(), options[a].Bytes()), cmp.Compare(b, a))
	})
	return []uint64{uint64(order[0] + 1)}
}

func byPlace(options []icn.CID) (places []int) {
	for i := range options {
		places = append(places, i)
	}
	return places
}

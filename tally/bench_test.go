package tally_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/tally"
)

// large is a vote of a hundred thousand: of ten voters eight vote and one delegates.
func large(m icn.Method, n int, choice func(*rand.Rand) []uint64) tally.Vote {
	const voters = 100_000
	r := rand.New(rand.NewPCG(1, 2))
	v := tally.Vote{Method: m, Options: options(n), Needed: 1, Threshold: 500}
	name := func(i int) (d icn.DID) {
		binary.BigEndian.PutUint64(d[:], uint64(i)<<40)
		return d
	}
	for i := range voters {
		v.Roll = append(v.Roll, name(i))
		switch i % 10 {
		case 8:
			v.Delegations = append(v.Delegations, tally.Delegation{From: name(i), To: name(r.IntN(voters))})
		case 9:
		default:
			v.Ballots = append(v.Ballots, tally.Ballot{Voter: name(i), Choice: choice(r)})
		}
	}
	return v
}

// full is a vote in which everybody ranks all of n options.
func full(n int) tally.Vote {
	v := large(icn.Ranked, n, func(r *rand.Rand) []uint64 { return nil })
	r := rand.New(rand.NewPCG(3, 4))
	v.Ballots, v.Delegations = nil, nil
	for _, d := range v.Roll {
		b := tally.Ballot{Voter: d}
		for _, i := range r.Perm(n) {
			b.Choice = append(b.Choice, uint64(i+1))
		}
		v.Ballots = append(v.Ballots, b)
	}
	return v
}

func bench(b *testing.B, v tally.Vote) {
	b.ReportAllocs()
	for b.Loop() {
		if v.Count().Turnout == 0 {
			b.Fatal("nobody took part")
		}
	}
}

func BenchmarkTally100k(b *testing.B) {
	bench(b, large(icn.YesNo, 0, func(r *rand.Rand) []uint64 { return []uint64{r.Uint64N(3)} }))
}

func BenchmarkWeighted100k(b *testing.B) {
	bench(b, large(icn.Weighted, 4, func(r *rand.Rand) []uint64 { return []uint64{r.Uint64N(25), r.Uint64N(25), r.Uint64N(25), 25} }))
}

func BenchmarkRanked100kOf20(b *testing.B) { bench(b, full(20)) }

func BenchmarkDecided100k(b *testing.B) {
	v := large(icn.YesNo, 0, func(r *rand.Rand) []uint64 { return []uint64{r.Uint64N(3)} })
	for b.Loop() {
		v.Decided()
	}
}

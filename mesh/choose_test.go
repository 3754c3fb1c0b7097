package mesh_test

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mesh"
)

func everybody(icn.DID) bool { return true }

// choose is who wins, and the lines of the choice.
func choose(t require.TestingT, j mesh.Job, offers ...icn.Offer) (string, []icn.Score) {
	win, scores := mesh.Choose(j, offers, func(d icn.DID) bool { return d != did("stranger") })
	require.Len(t, scores, len(offers))
	if win < 0 {
		return "", scores
	}
	for _, n := range []string{"n1", "n2", "n3", "n4", "n5", "n6"} {
		if did(n) == offers[win].Executor {
			return n, scores
		}
	}
	return "?", scores
}

func job() mesh.Job { return mesh.Job{Via: did("n1"), Budget: 100} }

func TestTheCheapestWinsAmongEquals(t *testing.T) {
	who, scores := choose(t, job(), offer("n2", 50), offer("n3", 40), offer("n4", 60))
	require.Equal(t, "n3", who)
	require.Equal(t, icn.Score{Executor: did("n3"), Price: 40, Parts: icn.Parts{Price: 300, Free: 150, RTT: 199}, Total: 649}, scores[1])
}

func TestFreeSlotsAndNearnessCountToo(t *testing.T) {
	a, b := offer("n2", 50), offer("n3", 50)
	b.FreeSlots = 5
	who, _ := choose(t, job(), a, b)
	require.Equal(t, "n3", who)
	a.RTTMicros, b.RTTMicros = 0, 200_000
	who, _ = choose(t, job(), a, b)
	require.Equal(t, "n2", who)
	b.Price = 0
	who, _ = choose(t, job(), a, b)
	require.Equal(t, "n3", who)
}

func TestATieGoesToTheLesserBid(t *testing.T) {
	a, b := offer("n2", 50), offer("n3", 50)
	want := "n2"
	if bytes.Compare(b.Bid.Bytes(), a.Bid.Bytes()) < 0 {
		want = "n3"
	}
	for range 2 {
		who, _ := choose(t, job(), a, b)
		require.Equal(t, want, who)
		a, b = b, a
	}
}

func TestTheChoiceSaysWhyNot(t *testing.T) {
	j := job()
	j.Failures = []mesh.Failure{{Executor: did("n4")}, {}}
	full := offer("n5", 10)
	full.FreeSlots = 0
	who, scores := choose(t, j, offer("stranger", 1), offer("n6", 101), full, offer("n4", 1), offer("n1", 2), offer("n2", 99), offer("n2", 3), offer("n3", 100))
	require.Equal(t, "n2", who)
	words := []string{}
	for _, s := range scores {
		words = append(words, s.Excluded)
	}
	require.Equal(t, []string{"not a node of this federation", "price over the budget", "no free slot", "failed this job before",
		"assigns this job itself", "", "second offer of one executor", ""}, words)
}

func TestWhoAssignsRunsItOnlyWhenNobodyElseCan(t *testing.T) {
	who, _ := choose(t, job(), offer("n1", 1), offer("n2", 99))
	require.Equal(t, "n2", who)
	who, scores := choose(t, job(), offer("n1", 1), offer("n2", 101))
	require.Equal(t, "n1", who)
	require.Empty(t, scores[0].Excluded)
}

func TestWhoFailedBeforeIsTheLastResort(t *testing.T) {
	j := job()
	j.Failures = []mesh.Failure{{Executor: did("n2")}}
	who, _ := choose(t, j, offer("n2", 1), offer("n3", 99))
	require.Equal(t, "n3", who)
	who, _ = choose(t, j, offer("n2", 1), offer("n1", 99))
	require.Equal(t, "n1", who)
	who, _ = choose(t, j, offer("n2", 1))
	require.Equal(t, "n2", who)
	j.Failures = append(j.Failures, mesh.Failure{Executor: did("n1")})
	who, _ = choose(t, j, offer("n1", 1), offer("n2", 2))
	require.Equal(t, "n1", who)
}

func TestNobodyIsChosenWhenNobodyCan(t *testing.T) {
	who, _ := choose(t, job())
	require.Empty(t, who)
	who, _ = choose(t, job(), offer("n2", 101), offer("stranger", 1))
	require.Empty(t, who)
}

// TestTheScoreIsExact: the numbers are those of exact arithmetic, and the winner
// is who stands first when the offers are sorted in the plainest way, in
// whatever order they were written down.
func TestTheScoreIsExact(t *testing.T) {
	edge := rapid.SampledFrom([]uint64{0, 1, 7, 8, 9, 199_999, 200_000, 1 << 40, math.MaxUint64})
	number := rapid.OneOf(edge, rapid.Uint64Range(0, 400_000))
	rapid.Check(t, func(t *rapid.T) {
		j := mesh.Job{Via: did("n1"), Budget: rapid.OneOf(rapid.Uint64Range(1, 100), rapid.SampledFrom([]uint64{1 << 40, 1<<40 - 1})).Draw(t, "budget")}
		var offers []icn.Offer
		for i := range rapid.IntRange(0, 6).Draw(t, "offers") {
			offers = append(offers, icn.Offer{Bid: block(fmt.Sprint("bid ", i)), Executor: did(fmt.Sprint("n", 1+i)),
				Price:     rapid.OneOf(rapid.Uint64Range(0, j.Budget), edge).Draw(t, "price"),
				FreeSlots: number.Draw(t, "free slots"), RTTMicros: number.Draw(t, "round trip")})
		}
		for range rapid.IntRange(0, 2).Draw(t, "failures") {
			j.Failures = append(j.Failures, mesh.Failure{Executor: did(fmt.Sprint("n", rapid.IntRange(1, 6).Draw(t, "who failed")))})
		}
		offers = rapid.Permutation(offers).Draw(t, "order")
		win, scores := mesh.Choose(j, offers, everybody)

		var able []icn.Offer
		for i, o := range offers {
			if o.Price > j.Budget || o.FreeSlots == 0 {
				require.NotEmpty(t, scores[i].Excluded)
				require.Zero(t, scores[i].Total)
				continue
			}
			able = append(able, o)
			require.Equal(t, plainScore(j, o), scores[i].Total)
			require.Equal(t, scores[i].Parts.Price+scores[i].Parts.Free+scores[i].Parts.RTT, scores[i].Total)
			require.LessOrEqual(t, scores[i].Total, uint64(1000))
		}
		slices.SortFunc(able, func(a, b icn.Offer) int {
			if x := rank(j, a) - rank(j, b); x != 0 {
				return x
			}
			if x, y := plainScore(j, a), plainScore(j, b); x != y {
				return int(y) - int(x)
			}
			return bytes.Compare(a.Bid.Bytes(), b.Bid.Bytes())
		})
		if len(able) == 0 {
			require.Equal(t, -1, win)
			return
		}
		require.Equal(t, able[0].Bid, offers[win].Bid)
		require.Empty(t, scores[win].Excluded)
	})
}

func rank(j mesh.Job, o icn.Offer) int {
	switch {
	case slices.ContainsFunc(j.Failures, func(f mesh.Failure) bool { return f.Executor == o.Executor }):
		return 3
	case o.Executor == j.Via:
		return 2
	}
	return 1
}

func plainScore(j mesh.Job, o icn.Offer) uint64 {
	part := func(weight, of, full uint64) uint64 {
		x := new(big.Int).Mul(new(big.Int).SetUint64(weight), new(big.Int).SetUint64(of))
		return x.Quo(x, new(big.Int).SetUint64(full)).Uint64()
	}
	near := uint64(0)
	if o.RTTMicros < 200_000 {
		near = 200_000 - o.RTTMicros
	}
	return part(500, j.Budget-o.Price, j.Budget) + part(300, min(o.FreeSlots, 8), 8) + part(200, near, 200_000)
}

func TestThePriceFollowsWhatAJobMayUse(t *testing.T) {
	s := icn.JobSpec{}
	require.EqualValues(t, 7, mesh.Price(s))
	s.Limits = icn.JobLimits{MemoryBytes: 256 << 20, WallMillis: 30_000}
	require.EqualValues(t, 9, mesh.Price(s))
	s.Limits.WallMillis = 3_600_000
	s.Requires = icn.JobRequirements{CPUCores: 4, MemoryMB: 1000}
	require.EqualValues(t, 5+8+10+60, mesh.Price(s))
	for _, huge := range []uint64{1 << 59, 1 << 60, 1 << 63, math.MaxUint64} {
		s.Requires = icn.JobRequirements{CPUCores: huge, MemoryMB: math.MaxUint64}
		require.Greater(t, mesh.Price(s), uint64(1<<60), "no wish is so great that it costs nothing")
	}
}

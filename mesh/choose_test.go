package mesh_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mesh"
)

// choose is who wins, and the lines of the choice.
func choose(t tester, j mesh.Job, offers ...icn.Offer) (string, []icn.Score) {
	return newMarket(t).choose(j, offers...)
}

func (m *market) choose(j mesh.Job, offers ...icn.Offer) (string, []icn.Score) {
	m.nodes[did("n5")], m.nodes[did("n6")] = true, true
	order, scores := m.f.Choose(m.step(icn.DID{}), j, offers)
	require.Len(m, scores, len(offers))
	if len(order) == 0 {
		return "", scores
	}
	for _, n := range []string{"n1", "n2", "n3", "n4", "n5", "n6"} {
		if did(n) == offers[order[0]].Executor {
			return n, scores
		}
	}
	return "?", scores
}

func job() mesh.Job { return mesh.Job{Via: did("n1"), Budget: 100} }

func TestTheCheapestWinsAmongEquals(t *testing.T) {
	who, scores := choose(t, job(), offer("n2", 50), offer("n3", 40), offer("n4", 60))
	require.Equal(t, "n3", who)
	require.Equal(t, icn.Score{Executor: did("n3"), Price: 40, Parts: icn.Parts{Price: 210, Free: 150, RTT: 100, Reputation: 100}, Total: 560}, scores[1])
}

func TestFreeSlotsAndNearnessCountToo(t *testing.T) {
	a, b := offer("n2", 50), offer("n3", 50)
	b.FreeSlots = 6
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

func TestAGoodNameCountsAndABadOneMore(t *testing.T) {
	m := newMarket(t)
	m.names[did("n3")] = 80_000
	who, scores := m.choose(job(), offer("n2", 50), offer("n3", 60))
	require.Equal(t, "n3", who)
	require.EqualValues(t, 160, scores[1].Parts.Reputation)
	m.names[did("n3")] = 9_999
	who, scores = m.choose(job(), offer("n2", 60), offer("n3", 40))
	require.Equal(t, "n2", who)
	require.Zero(t, scores[1].Parts.Reputation)
}

func TestWorkGoesRoundAmongEquals(t *testing.T) {
	m := newMarket(t)
	got := map[string]int{}
	for range 12 {
		id := m.post(50)
		j := m.job(id)
		offers := []icn.Offer{offer("n2", 30), offer("n3", 30), offer("n4", 30)}
		who, _ := m.choose(j, offers...)
		m.must("n1", icn.JobAssign{Job: id, Attempt: 1, Executor: did(who), Offers: offers})
		m.must(who, m.receipt(id, 1))
		got[who]++
	}
	require.Equal(t, map[string]int{"n2": 4, "n3": 4, "n4": 4}, got)
}

func TestWhoHasJobsAlreadyWaits(t *testing.T) {
	m := newMarket(t)
	busy := m.post(50)
	m.must("n1", icn.JobAssign{Job: busy, Attempt: 1, Executor: did("n2"), Offers: []icn.Offer{offer("n2", 30)}})
	_, scores := m.choose(job(), offer("n2", 30), offer("n3", 30))
	require.Less(t, scores[0].Parts.Free, scores[1].Parts.Free)
	m.must("n2", m.receipt(busy, 1))
	_, scores = m.choose(job(), offer("n2", 30), offer("n3", 30))
	require.Equal(t, scores[0].Parts.Free, scores[1].Parts.Free)
}

func TestRequirementsTravelWithTheJob(t *testing.T) {
	m := newMarket(t)
	m.must("n2", icn.NodeProfile{Capabilities: []string{"gpu"}, Federations: []string{"coop"}, Trust: "region", CPUCores: 4, MemoryMB: 1000, StorageMB: 50})
	m.names[did("n2")] = 60_000
	ok := icn.JobRequirements{Capabilities: []string{"wasi", "gpu"}, Federations: []string{"other", "coop"}, Trust: "region", Reputation: 60, CPUCores: 4, MemoryMB: 1000, StorageMB: 50}
	j := job()
	j.Spec.Requires = ok
	who, scores := m.choose(j, offer("n2", 30), offer("n3", 1))
	require.Equal(t, "n2", who)
	require.Equal(t, `it cannot do "gpu"`, scores[1].Excluded)
	for words, change := range map[string]func(*icn.JobRequirements){ // order: each stands alone
		`cannot do "tpu"`:       func(r *icn.JobRequirements) { r.Capabilities = []string{"tpu"} },
		"none of the federatio": func(r *icn.JobRequirements) { r.Federations = []string{"other"} },
		`the job wants "city"`:  func(r *icn.JobRequirements) { r.Trust = "city" },
		"reputation is 60":      func(r *icn.JobRequirements) { r.Reputation = 61 },
		"4 cores":               func(r *icn.JobRequirements) { r.CPUCores = 5 },
		"1000 MB of memory":     func(r *icn.JobRequirements) { r.MemoryMB = 1001 },
		"50 MB of storage":      func(r *icn.JobRequirements) { r.StorageMB = 51 },
	} {
		j.Spec.Requires = ok
		change(&j.Spec.Requires)
		who, scores := m.choose(j, offer("n2", 30))
		require.Empty(t, who, words)
		require.Contains(t, scores[0].Excluded, words)
	}
}

func TestS12MemoryThatIsInUseIsNotOffered(t *testing.T) {
	j := job()
	j.Spec.Limits.MemoryBytes = 512 << 20
	little := offer("n2", 1)
	little.FreeMB = 511
	who, scores := choose(t, j, little, offer("n3", 99))
	require.Equal(t, "n3", who)
	require.Equal(t, "511 MB are free, the job wants 512", scores[0].Excluded)
}

func TestS11ThePriceFollowsWhatAJobMayUse(t *testing.T) {
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

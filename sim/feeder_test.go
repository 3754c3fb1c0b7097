package sim_test

import (
	"slices"
	"testing"

	"github.com/InterCooperative-Network/icn-core/sim"
)

// The leader feeds two of twenty learners; the others are fed by these and by each
// other, by none of them more than eight, and by clerks only when nobody else has
// room. Everybody ends with the same log.
func TestLearnersFeedEachOtherInATree(t *testing.T) {
	for seed := range uint64(5) {
		const nodes, clerks, fed = 23, 3, 2
		by := map[int]int{}
		st := &sim.Stage{}
		st.Begin = func(w *sim.World) {
			for i := range 40 {
				w.At(2000+int64(i)*100, func() { w.Post(nodes-1-i%10, job("20")) })
			}
			w.At(9000, func() {
				for n := range nodes {
					if x, ok := w.Feeder(n); ok {
						by[n] = x
					}
				}
			})
		}
		w := sim.New(sim.Options{Seed: seed, Nodes: nodes, Clerks: clerks, Fed: fed, Millis: 10_000, Stage: st})
		if err := w.Run(); err != nil {
			t.Fatalf("%v\n%s", err, w.Describe())
		}
		feeds := map[int]int{}
		for n := range nodes {
			x, ok := by[n]
			if want := n >= clerks+fed; ok != want {
				t.Errorf("seed %d: node %d is fed by another: %t, want %t", seed, n, ok, want)
				continue
			}
			if feeds[x]++; ok && feeds[x] > 8 {
				t.Errorf("seed %d: node %d feeds %d others", seed, x, feeds[x])
			}
			for way := []int{n}; ok; x, ok = by[x] {
				if slices.Contains(way, x) {
					t.Fatalf("seed %d: nodes feed each other in a circle: %v", seed, append(way, x))
				}
				way = append(way, x)
			}
		}
		if feeds[3] < 6 || feeds[4] < 6 {
			t.Errorf("seed %d: the learners that the leader feeds pass it on to %d and %d others only: %v", seed, feeds[3], feeds[4], by)
		}
		if w.Count.Acked < 40 {
			t.Errorf("seed %d: %d statements were acknowledged", seed, w.Count.Acked)
		}
	}
}

// A feeder lies to those whom it feeds: with the next certified checkpoint they
// notice it, read the log again, and do not ask it any more. What they have
// acknowledged is true all the same (the oracle looks at that).
func TestALyingFeederIsFoundOutAndLeft(t *testing.T) {
	astray := 0
	for seed := range uint64(20) {
		left := map[int]bool{}
		st := &sim.Stage{}
		st.Begin = func(w *sim.World) {
			for i := range 60 {
				w.At(1000+int64(i)*50, func() { w.Post(4+i%3, job("20")) })
			}
			w.At(14_500, func() {
				for n := 4; n < 7; n++ {
					x, ok := w.Feeder(n)
					left[n] = ok && x != 3
				}
			})
		}
		w := sim.New(sim.Options{Seed: seed, Nodes: 7, Clerks: 3, Fed: 1, Twist: true, Millis: 15_000, Stage: st})
		if err := w.Run(); err != nil {
			t.Fatalf("%v\n%s", err, w.Describe())
		}
		if w.Count.Astray != w.Count.Returned || w.Count.Acked < 60 {
			t.Errorf("seed %d: %+v", seed, w.Count)
		}
		if w.Count.Astray > 0 && !left[4] && !left[5] && !left[6] {
			t.Errorf("seed %d: nobody left the feeder that lied: %v", seed, left)
		}
		astray += w.Count.Astray
	}
	if astray < 20 {
		t.Errorf("%d nodes were led astray in 20 worlds", astray)
	}
}

// In a federation of fifty, the leader sends much less when learners pass the log
// on, and entries are not much later everywhere.
func TestATreeOfLearnersUnburdensTheLeader(t *testing.T) {
	run := func(fed int) (leader int, p50, p95 int64) {
		var before int
		lead := 0
		st := &sim.Stage{}
		st.Begin = func(w *sim.World) {
			for i := range 80 {
				w.At(3000+int64(i)*50, func() { w.Post(i%50, job("20")) })
			}
			w.At(3000, func() { lead, _ = w.Leader(0); before = w.Sent(lead) })
			w.At(7000, func() { leader = w.Sent(lead) - before })
		}
		w := sim.New(sim.Options{Seed: 1, Nodes: 50, Clerks: 7, Fed: fed, Millis: 8000, Stage: st})
		if err := w.Run(); err != nil {
			t.Fatalf("%v\n%s", err, w.Describe())
		}
		ms := w.Spreads()
		t.Logf("the leader feeds %d learners of 43: it sends %d KB in 4 s; from the first node to the last p50 %d ms, p95 %d ms, of %d entries",
			fed, leader>>10, ms[len(ms)/2], ms[len(ms)*95/100], len(ms))
		return leader, ms[len(ms)/2], ms[len(ms)*95/100]
	}
	all, _, _ := run(43)
	most, _, _ := run(32)
	few, p50, _ := run(8)
	if most >= all || 2*few >= all {
		t.Errorf("the leader sends %d bytes to all, %d with 32 learners, %d with 8", all, most, few)
	}
	if p50 > 100 {
		t.Errorf("entries take %d ms at the median to be everywhere", p50)
	}
}

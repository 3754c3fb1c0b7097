package sim_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/sim"
)

// job is one that takes so long, for a budget that is enough.
func job(args ...string) icn.JobPost {
	return icn.JobPost{Budget: 20, Spec: icn.JobSpec{Module: icn.SumCID(icn.Raw, []byte("module")), Args: args}}
}

// play runs a world in which node 0 posts so many jobs, one each 100 ms.
func play(t *testing.T, seed uint64, jobs int, begin func(*sim.World), event func(int64, icn.Event), rules func(*icn.Rules)) *sim.World {
	t.Helper()
	st := &sim.Stage{Event: event, Rules: rules}
	st.Begin = func(w *sim.World) {
		begin(w)
		for i := range jobs {
			w.At(1000+int64(i)*100, func() { w.Post(0, job("20")) })
		}
	}
	w := sim.New(sim.Options{Seed: seed, Nodes: 6, Millis: 1000 + int64(jobs)*100, Stage: st})
	if err := w.Run(); err != nil {
		t.Fatalf("%v\n%s", err, w.Describe())
	}
	return w
}

// With one of five executors lying, spot checks of a fifth of its results convict
// it within fifty jobs, and nobody else.
func TestALiarIsConvictedWithinFiftyJobs(t *testing.T) {
	for seed := range uint64(20) {
		var convicted []int
		var w *sim.World
		settled := 0
		play(t, seed, 50, func(x *sim.World) { w = x; w.Lie(3) }, func(_ int64, e icn.Event) {
			switch b := e.Body.(type) {
			case icn.ExecutorConvicted:
				convicted = append(convicted, w.Index(b.Executor))
			case icn.JobSettled:
				settled++
			}
		}, func(r *icn.Rules) { r.SpotChecks = 200 })
		slices.Sort(convicted) // checks that were under way may convict it again
		if fmt.Sprint(slices.Compact(convicted)) != "[3]" || settled != 50 {
			t.Errorf("seed %d: convicted %v, %d settled", seed, convicted, settled)
		}
	}
}

// One that never answers is banned after three jobs; all jobs are completed; after
// the cooldown it gets jobs again.
func TestOneThatNeverAnswersIsBannedForAWhile(t *testing.T) {
	for seed := range uint64(10) {
		var w *sim.World
		var banned, lifted int64
		silent, settled, failed, again := icn.DID{}, 0, 0, 0
		play(t, seed, 150, func(x *sim.World) {
			w, silent = x, x.Name(2)
			w.Mute(2, true)
			w.At(9000, func() { w.Mute(2, false) })
		}, func(ms int64, e icn.Event) {
			switch b := e.Body.(type) {
			case icn.ExecutorBanned:
				if b.Executor == silent && banned == 0 {
					banned, lifted = ms, int64(b.Until)
				}
			case icn.AttemptFailed:
				if b.Executor != nil && *b.Executor == silent && b.Cause == icn.CauseUnanswered {
					failed++
				}
			case icn.JobAssigned:
				if b.Executor == silent && banned > 0 && int64(e.Time) > lifted {
					again++
				}
			case icn.JobSettled:
				settled++
			}
		}, func(r *icn.Rules) { r.JobWallMillis, r.JobSlackMillis, r.BanMillis, r.SpotChecks = 200, 300, 5000, 0 })
		if banned == 0 || failed < 3 || failed > 12 || settled != 150 || again == 0 {
			t.Errorf("seed %d: banned at %d ms, %d unanswered, %d settled, %d jobs after the ban", seed, banned, failed, settled, again)
		}
	}
}

// A job that fails on every node ends in one rollback with the hold restored.
func TestAJobThatAlwaysFailsIsRolledBackOnce(t *testing.T) {
	var backs []icn.JobRolledBack
	st := &sim.Stage{Event: func(_ int64, e icn.Event) {
		if b, ok := e.Body.(icn.JobRolledBack); ok {
			backs = append(backs, b)
		}
	}}
	st.Begin = func(w *sim.World) { w.At(1000, func() { w.Post(0, job("20", "fail")) }) }
	w := sim.New(sim.Options{Seed: 1, Nodes: 6, Millis: 3000, Stage: st})
	if err := w.Run(); err != nil {
		t.Fatal(err)
	}
	if len(backs) != 1 || backs[0].Restored != 20 || backs[0].Attempts != 3 || len(backs[0].Executors) != 3 {
		t.Errorf("%+v", backs)
	}
}

// A leader that leaves out what one node says is left within seconds, and everything
// is ordered. It goes on ordering nothing of that node for as long as it leads.
func TestALeaderThatLeavesOutStatementsIsLeft(t *testing.T) {
	for seed := range uint64(20) {
		var w *sim.World
		var posted, ordered int64
		victim := 5
		st := &sim.Stage{Event: func(ms int64, e icn.Event) {
			if b, ok := e.Body.(icn.JobPosted); ok && b.Submitter == w.Name(victim) {
				ordered = ms
			}
		}}
		st.Begin = func(x *sim.World) {
			w = x
			w.At(1000, func() {
				lead, _ := w.Leader(0)
				if lead == victim {
					victim = 4
				}
				w.Withhold(lead, victim)
			})
			w.At(1200, func() {
				posted = w.Now()
				w.Post(victim, job("20"))
			})
		}
		x := sim.New(sim.Options{Seed: seed, Nodes: 6, Millis: 20_000, Stage: st})
		if err := x.Run(); err != nil {
			t.Fatalf("%v\n%s", err, x.Describe())
		}
		if w.Count.LeftOut == 0 || ordered == 0 || ordered-posted < 1500 || ordered-posted > 8000 {
			t.Errorf("seed %d: left out %d times, ordered %d ms after it was said", seed, w.Count.LeftOut, ordered-posted)
		}
	}
}

// Of two to five nodes any one can leave, while jobs run; the others go on, with one
// clerk less or two.
func TestAnyNodeCanLeave(t *testing.T) {
	for seed := range uint64(120) {
		nodes := 2 + int(seed/30)
		st := &sim.Stage{}
		st.Begin = func(w *sim.World) {
			for i := range 40 {
				w.At(800+int64(i)*50, func() { w.Post(int(seed+uint64(i))%nodes, job("20")) })
			}
			w.At(1500, func() {
				who := int(seed) % (nodes + 1)
				if who == nodes {
					who, _ = w.Leader(0)
				}
				w.Leave(who)
			})
		}
		x := sim.New(sim.Options{Seed: seed, Nodes: nodes, Millis: 4000, Stage: st})
		if err := x.Run(); err != nil {
			t.Errorf("%v\n%s", err, x.Describe())
		} else if x.Count.Left != 1 {
			t.Errorf("seed %d: %d nodes left", seed, x.Count.Left)
		}
	}
}

// A clerk that members vote out while it is down takes itself for one when it comes
// back. It hears of it, also where the leader feeds fewer learners than there are.
func TestAClerkThatIsVotedOutWhileItIsAwayHearsOfIt(t *testing.T) {
	for seed := range uint64(10) {
		var chosen int64
		var w *sim.World
		st := &sim.Stage{Members: 3, Rules: func(r *icn.Rules) { r.Sponsors = 1 }, Event: func(ms int64, e icn.Event) {
			switch b := e.Body.(type) {
			case icn.VotingOpened:
				w.At(ms+50, func() { w.Say(0, 1, icn.BallotCast{Proposal: b.Proposal, Choice: []uint64{icn.Yes}}) })
			case icn.ClerksChosen:
				chosen = ms
			}
		}}
		st.Begin = func(x *sim.World) {
			w = x
			w.At(1000, func() { w.Down(2) })
			w.At(1500, func() {
				m := icn.SetClerks{Nodes: []icn.DID{w.Name(0), w.Name(3), w.Name(4)}}
				w.Say(0, 0, icn.ProposalCreate{Proposal: icn.Proposal{Title: "Others order the log", Motion: m, Method: icn.YesNo, Electorate: icn.Persons}})
			})
			w.At(6000, func() { w.Up(2) })
		}
		x := sim.New(sim.Options{Seed: seed, Nodes: 6, Clerks: 3, Fed: 1, Millis: 6500, Stage: st})
		if err := x.Run(); err != nil {
			t.Errorf("%v\n%s", err, x.Describe())
		} else if chosen == 0 {
			t.Errorf("seed %d: nobody was voted out", seed)
		}
	}
}

package sim_test

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/InterCooperative-Network/icn-core/sim"
)

var (
	first   = flag.Uint64("sim.first", 1, "first seed")
	seeds   = flag.Uint64("sim.seeds", 40, "how many seeds")
	nodes   = flag.Int("sim.nodes", 5, "founding nodes")
	late    = flag.Int("sim.late", 1, "nodes that join later")
	millis  = flag.Int64("sim.ms", 0, "simulated ms under faults")
	stop    = flag.Bool("sim.stop", false, "stop at the first failure")
	verbose = flag.Bool("sim.log", false, "show the nodes' log")
)

func options(seed uint64) sim.Options {
	o := sim.Options{Seed: seed, Nodes: *nodes, Late: *late, Millis: *millis}
	if seed%3 == 2 { // fewer clerks, and learners that the leader does not feed
		o.Clerks, o.Fed, o.Twist = 3, 1, seed%2 == 0
	}
	if *verbose {
		o.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return o
}

// TestFederationsComeToRest runs worlds with all faults: nothing acknowledged is
// lost, nothing is counted twice, and after healing all nodes agree.
func TestFederationsComeToRest(t *testing.T) {
	var sum sim.Counts
	failed := 0
	for seed := *first; seed < *first+*seeds; seed++ {
		w := sim.New(options(seed))
		if err := w.Run(); err != nil {
			t.Errorf("%v\n%s", err, w.Describe())
			if failed++; failed >= 5 || *stop {
				break
			}
		}
		sum = sum.Plus(w.Count)
	}
	t.Logf("%d seeds of %d+%d nodes: %+v", *seeds, *nodes, *late, sum)
	fmt.Printf("sim: %d seeds, %d nodes: %+v\n", *seeds, *nodes, sum)
	if *seeds >= 20 && (sum.Settled == 0 || sum.RolledBack == 0 || sum.Restores == 0 || sum.Rejoined == 0 || sum.Checkpoints == 0 || sum.DiskErrors == 0 || sum.Refused == 0 || sum.Rotated == 0 ||
		sum.Lies == 0 || sum.Checks == 0 || sum.Convicted == 0 || sum.Banned == 0 || sum.Spent == 0 || sum.Children == 0 ||
		sum.LeftOut == 0 || sum.FalseRoots == 0 || sum.Left <= sum.Expelled || sum.Expelled == 0 ||
		sum.Fed == 0 || sum.Twisted == 0 || sum.Astray == 0 || sum.Returned == 0 ||
		sum.Recounted == 0 || sum.Opened == 0 || sum.Enacted == 0 || sum.NotEnacted == 0 || sum.Rejected == 0 || sum.Vetoed == 0 || sum.Withdrawn == 0 ||
		sum.Early == 0 || sum.Ties == 0 || sum.Choices == 0 || sum.Followed == 0 || sum.Vanished == 0 ||
		sum.Ballots == 0 || sum.Changed == 0 || sum.ProxyBallots == 0 || sum.LateBallots == 0 ||
		sum.Delegations == 0 || sum.Revoked == 0 || sum.LastMoment == 0 ||
		sum.RulesChanged == 0 || sum.ClerksInVote == 0 || sum.LostClerks == 0) {
		t.Errorf("the worlds did not contain what they should: %+v", sum)
	}
}

// TestSameSeedSameTrace: a failing seed can be looked at again.
func TestSameSeedSameTrace(t *testing.T) {
	for seed := uint64(1); seed <= 3; seed++ {
		a, b := sim.New(options(seed)), sim.New(options(seed))
		if err := a.Run(); err != nil {
			t.Fatal(err)
		}
		if err := b.Run(); err != nil {
			t.Fatal(err)
		}
		if a.Trace() != b.Trace() || a.Count != b.Count {
			t.Errorf("seed %d: %s with %+v, then %s with %+v", seed, a.Trace(), a.Count, b.Trace(), b.Count)
		}
	}
}

// TestOnceFailed runs worlds again that have failed, and says of each what was wrong.
func TestOnceFailed(t *testing.T) {
	for _, x := range []struct {
		seed  uint64
		nodes int
		was   string
	}{
		{1477, 5, "a checkpoint was certified by who had become a clerk after it, and strangers refused a vote's file"},
		{2373, 5, "a checkpoint was certified by the few clerks that were left after it, too few for who had voted"},
		{2369, 5, "a former clerk that was fed by learners never signed the hand-over, and no vote could be shown"},
		{4481, 5, "a clerk was demoted before its successor, which was away, voted: two voters were left, and one was lost"},
		{2045, 3, "a clerk whose clock was two hours ahead was elected by another that had just started, and had heard nobody's clock"},
	} {
		o := options(x.seed)
		o.Nodes = x.nodes
		if err := sim.New(o).Run(); err != nil {
			t.Errorf("seed %d (%s): %v", x.seed, x.was, err)
		}
	}
}

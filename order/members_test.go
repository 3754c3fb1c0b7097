package order_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/order"
)

// reconcile asks every node, as nodes do each tick, with load in between, until
// the leader says that there is nothing left to do.
func (c *cluster) reconcile(voters, learners []uint64, load int) {
	for turn := range 1000 {
		busy := c.leader() == nil
		for _, id := range c.up() {
			busy = c.nodes[id].e.Reconcile(voters, learners) || busy
			c.turn(id)
		}
		if !busy || c.fail != nil {
			return
		}
		if l := c.leader(); l != nil {
			for k := range load {
				_ = c.propose(l, fmt.Sprintf("load %d %d", turn, k)) // refused while leadership moves
			}
		}
		// Half of what is under way arrives, so that the log is never at rest.
		for k := len(c.net) / 2; k > 0 && len(c.net) > 0; k-- {
			c.deliver(0)
		}
		if turn%4 == 0 {
			for _, id := range c.up() {
				c.nodes[id].e.Tick()
				c.turn(id)
			}
		}
	}
	c.bad("not reconciled: %+v", c.leader().e.Status())
}

func TestLearnerJoinsAndIsPromotedUnderLoad(t *testing.T) {
	c := newCluster(11, voters(1, 2, 3))
	l := c.elect()
	for i := range 200 {
		require.NoError(t, c.propose(l, fmt.Sprint(i)))
	}
	c.settle()
	c.add(4)
	c.reconcile([]uint64{1, 2, 3, 4}, nil, 20)
	c.ok(t)
	s := c.leader().e.Status()
	require.Equal(t, []uint64{1, 2, 3, 4}, s.Voters)
	require.Empty(t, s.Learners)
	c.settle()
	c.ticks(20)
	c.ok(t)
	require.NoError(t, c.same())
	require.Equal(t, s.Voters, c.nodes[4].e.Status().Voters)
}

// The stored snapshot is older than the learner's admission: its own list of
// members does not name the learner.
func TestLearnerJoinsFromASnapshotOlderThanItself(t *testing.T) {
	c := newCluster(12, voters(1, 2, 3))
	l := c.elect()
	for i := range 50 {
		require.NoError(t, c.propose(l, fmt.Sprint(i)))
	}
	c.settle()
	for _, id := range c.ids {
		require.NoError(t, c.compact(c.nodes[id], 0))
	}
	c.add(4)
	c.reconcile([]uint64{1, 2, 3}, []uint64{4}, 3)
	c.ok(t)
	c.ticks(100)
	c.ok(t)
	require.NoError(t, c.same())
	require.Equal(t, 1, c.snaps)
	require.Equal(t, []uint64{4}, c.nodes[4].e.Status().Learners)
	c.crash(4)
	c.start(4)
	require.Equal(t, []uint64{4}, c.nodes[4].e.Status().Learners)
	c.reconcile([]uint64{1, 2, 4}, nil, 3)
	c.ticks(60)
	c.ok(t)
	require.Equal(t, []uint64{1, 2, 4}, c.nodes[4].e.Status().Voters)
}

func TestRemovedVoterStaysQuiet(t *testing.T) {
	c := newCluster(13, voters(1, 2, 3))
	l := c.elect()
	gone := l.id%3 + 1
	want := []uint64{}
	for _, id := range c.ids {
		if id != gone {
			want = append(want, id)
		}
	}
	c.reconcile(want, nil, 5)
	c.settle()
	c.ticks(10)
	c.ok(t)
	require.Equal(t, want, c.leader().e.Status().Voters)
	c.net = nil
	n := c.nodes[gone]
	n.e.Campaign()
	for range 200 {
		n.e.Tick()
		c.turn(gone)
	}
	require.Empty(t, c.net)
	require.ErrorIs(t, c.propose(n, "x"), icn.ErrUnavailable)
}

func TestLeaderHandsOverBeforeItIsRemoved(t *testing.T) {
	c := newCluster(14, voters(1, 2, 3, 4))
	l := c.elect()
	var want []uint64
	for _, id := range c.ids {
		if id != l.id {
			want = append(want, id)
		}
	}
	c.reconcile(want, nil, 5)
	c.settle()
	c.ok(t)
	n := c.leader()
	require.NotEqual(t, l.id, n.id)
	require.Equal(t, want, n.e.Status().Voters)
	require.NoError(t, c.propose(n, "after"))
	c.settle()
	c.ok(t)
	require.Contains(t, c.payloads, "after")
}

func TestVoterIsDemotedToLearner(t *testing.T) {
	c := newCluster(15, voters(1, 2, 3))
	l := c.elect()
	down := l.id%3 + 1
	var want []uint64
	for _, id := range c.ids {
		if id != down {
			want = append(want, id)
		}
	}
	c.reconcile(want, []uint64{down}, 5)
	c.ticks(20)
	c.ok(t)
	require.NoError(t, c.same())
	require.Equal(t, []uint64{down}, c.nodes[down].e.Status().Learners)
}

func TestDeadVoterIsReplaced(t *testing.T) {
	c := newCluster(16, voters(1, 2, 3))
	l := c.elect()
	dead := l.id%3 + 1
	c.crash(dead)
	c.add(101)
	want := []uint64{101}
	for _, id := range c.ids {
		if id != dead && id != 101 {
			want = append(want, id)
		}
	}
	c.reconcile(want, nil, 5)
	c.settle()
	c.ok(t)
	require.ElementsMatch(t, want, c.leader().e.Status().Voters)
}

// Of three voters one is dead; to remove one of the two that live would leave a
// pair of which one is dead, and nothing would ever be committed again.
func TestRemovalThatWouldStopTheFederationWaits(t *testing.T) {
	c := newCluster(17, voters(1, 2, 3))
	l := c.elect()
	dead, live := l.id%3+1, (l.id+1)%3+1
	c.crash(dead)
	c.ticks(45) // the leader notices
	for range 50 {
		require.True(t, l.e.Reconcile([]uint64{l.id, dead}, nil))
		c.turn(l.id)
		c.settle()
		c.ticks(1)
	}
	c.ok(t)
	require.Contains(t, l.e.Status().Voters, live)
	c.start(dead)
	c.reconcile([]uint64{l.id, dead}, nil, 1)
	c.ok(t)
	require.ElementsMatch(t, []uint64{l.id, dead}, c.leader().e.Status().Voters)
}

// A voter that is to become a learner goes on voting while the one that takes its
// place is away: with two voters the loss of either would end the order.
func TestVoterIsNotDemotedBeforeItsSuccessorVotes(t *testing.T) {
	c := newCluster(26, voters(1, 2, 3))
	l := c.elect()
	old, stays := l.id%3+1, (l.id+1)%3+1
	c.add(4)
	c.reconcile([]uint64{1, 2, 3}, []uint64{4}, 1)
	c.crash(4)
	c.ticks(45) // the leader notices
	want := []uint64{l.id, stays, 4}
	for range 50 {
		require.True(t, l.e.Reconcile(want, []uint64{old}))
		c.turn(l.id)
		c.settle()
		c.ticks(1)
	}
	c.ok(t)
	require.Equal(t, []uint64{1, 2, 3}, l.e.Status().Voters)
	c.start(4)
	c.reconcile(want, []uint64{old}, 1)
	c.ok(t)
	require.ElementsMatch(t, want, c.leader().e.Status().Voters)
	require.Equal(t, []uint64{old}, c.leader().e.Status().Learners)
}

func TestNothingIsProposedWhenTheConfigurationIsAsWanted(t *testing.T) {
	c := newCluster(18, order.Config{Voters: []uint64{1, 2}, Learners: []uint64{3}})
	l := c.elect()
	c.ticks(5)
	last := l.e.Status().Last
	require.False(t, l.e.Reconcile([]uint64{2, 1}, []uint64{3}))
	require.False(t, l.e.Reconcile(nil, nil), "nobody is wanted: that cannot be meant")
	require.False(t, c.nodes[3].e.Reconcile([]uint64{1}, nil), "does not lead")
	c.ticks(1)
	require.Equal(t, last, l.e.Status().Last)
}

// A federation of one is restored from a backup under a new identity, and goes
// on at the index of its state; who joins later gets the state as a snapshot.
func TestRestoredFederationOfOneGoesOn(t *testing.T) {
	c := newCluster(19, voters(7))
	n := c.nodes[7]
	n.disk = newDisk()
	n.app.applied, n.app.count = 500, 400
	require.NoError(t, n.disk.Apply(batch(appKey, n.app.encode())))
	c.start(7)
	n.e.Campaign()
	c.turn(7)
	require.NoError(t, c.propose(n, "first after"))
	c.ok(t)
	require.Greater(t, c.payloads["first after"], uint64(500))
	require.NoError(t, c.compact(n, 0))
	c.add(8)
	c.reconcile([]uint64{7, 8}, nil, 2)
	c.ticks(20)
	c.ok(t)
	require.NoError(t, c.same())
	require.Equal(t, 1, c.snaps)
	c.crash(7)
	c.start(7)
	c.ok(t)
}

// A node that has the state up to some index from elsewhere joins under a new
// identity: it gets the log from the start, and delivers only what is new.
func TestJoinerWithAStateOfItsOwnGetsOnlyWhatIsNew(t *testing.T) {
	c := newCluster(20, voters(1))
	n := c.nodes[1]
	n.e.Campaign()
	c.turn(1)
	for i := range 40 {
		require.NoError(t, c.propose(n, fmt.Sprint(i)))
	}
	c.turn(1)
	j := c.add(2)
	j.disk = newDisk()
	require.NoError(t, j.disk.Apply(batch(appKey, n.app.encode())))
	for i := range 10 {
		require.NoError(t, c.propose(n, fmt.Sprint("new ", i)))
	}
	c.start(2)
	c.crash(2)
	c.start(2) // again before it has the log
	c.ok(t)
	c.reconcile([]uint64{1, 2}, nil, 1)
	c.ticks(20)
	c.ok(t) // the cluster checks that nothing is applied twice
	require.NoError(t, c.same())
	c.crash(2)
	c.start(2)
	c.ticks(20)
	c.ok(t)
}

// oneByOne makes every append and every round carry one entry.
func oneByOne() order.Config {
	cfg := voters(1, 2, 3)
	cfg.MaxSizePerMsg, cfg.MaxCommittedSizePerReady = 1, 1
	return cfg
}

// A configuration in force never goes back, although the changes that led to it
// come by once more after the snapshot.
func TestChangesThatASnapshotContainsAreNotRepeated(t *testing.T) {
	c := newCluster(22, oneByOne())
	l := c.elect()
	require.NoError(t, c.propose(l, "x"))
	c.settle()
	c.ticks(5)
	for _, id := range c.ids {
		require.NoError(t, c.compact(c.nodes[id], 0))
	}
	c.add(4)
	c.reconcile([]uint64{1, 2, 3, 4}, nil, 0)
	c.settle()
	n := c.add(5)
	c.reconcile([]uint64{1, 2, 3, 4}, []uint64{5}, 0)
	seen := []string{""}
	for range 60 {
		for _, id := range c.ids {
			c.nodes[id].e.Tick()
			c.turn(id)
		}
		for len(c.net) > 0 {
			c.deliver(0)
			if v := fmt.Sprint(n.e.Status().Voters); v != seen[len(seen)-1] {
				seen = append(seen, v)
			}
		}
	}
	c.ok(t)
	require.NoError(t, c.same())
	require.Equal(t, 2, c.snaps, "4 and 5")
	require.Equal(t, []string{"[1 2 3]", "[1 2 3 4]"}, seen[1:])
}

// The same after a restart of an application that lags behind the order.
func TestChangesBeforeARestartAreNotRepeated(t *testing.T) {
	c := newCluster(27, oneByOne())
	c.elect()
	c.add(4)
	c.reconcile([]uint64{1, 2, 3, 4}, nil, 0)
	c.reconcile([]uint64{1, 2, 3}, nil, 0)
	c.settle()
	c.ticks(10)
	c.ok(t)
	n := c.nodes[2]
	at := n.e.Status().Applied
	c.crash(2)
	delete(n.disk.now, string(appKey))
	c.start(2)
	rounds := 0
	for r, ok := n.e.Ready(); ok; r, ok = n.e.Ready() {
		n.e.Advance(r)
		require.Equal(t, []uint64{1, 2, 3}, n.e.Status().Voters)
		rounds++
	}
	require.EqualValues(t, at, n.e.Status().Applied)
	require.GreaterOrEqual(t, rounds, 4)
}

func TestReconcileAsksOnceAtATime(t *testing.T) {
	c := newCluster(23, voters(1, 2, 3))
	l := c.elect()
	c.settle()
	last := l.e.Status().Last
	for range 50 {
		require.True(t, l.e.Reconcile([]uint64{1, 2, 3, 4, 5}, nil))
		c.turn(l.id)
	}
	require.Equal(t, last+1, l.e.Status().Last)
}

func TestLearnerThatDoesNotAnswerIsNotPromoted(t *testing.T) {
	c := newCluster(24, voters(1, 2, 3))
	l := c.elect()
	for i := range 60 {
		require.True(t, l.e.Reconcile([]uint64{1, 2, 3, 4}, nil))
		require.NoError(t, c.propose(l, fmt.Sprint(i)))
		c.settle()
		c.ticks(1)
	}
	c.ok(t)
	require.Equal(t, []uint64{1, 2, 3}, l.e.Status().Voters)
	require.Equal(t, []uint64{4}, l.e.Status().Learners)
}

// What the application has was committed, even if the store of the order has not
// heard of it.
func TestAppliedBeyondTheStoredCommitIsBelieved(t *testing.T) {
	c := newCluster(25, voters(1, 2, 3))
	l := c.elect()
	f := c.nodes[l.id%3+1]
	c.ticks(3)
	require.NoError(t, c.propose(l, "a", "b"))
	for len(c.net) > 0 { // the append arrives, the commit does not
		p := c.net[0]
		if p.to == f.id && p.frame[1] == 3 && f.e.Status().Last == l.e.Status().Last {
			c.net = c.net[1:]
			continue
		}
		c.deliver(0)
	}
	s := f.e.Status()
	require.Less(t, s.Commit, s.Last)
	cfg := voters(1, 2, 3)
	cfg.ID, cfg.Store, cfg.Prefix, cfg.Applied = f.id, f.disk, []byte("raft/"), s.Last
	e, err := order.Open(cfg)
	require.NoError(t, err)
	require.Equal(t, s.Last, e.Status().Commit)
	_, more := e.Ready()
	require.False(t, more, "nothing is applied twice")
}

func TestDiscardForgetsOneIdentity(t *testing.T) {
	c := newCluster(26, voters(1))
	n := c.nodes[1]
	n.e.Campaign()
	c.turn(1)
	require.NoError(t, c.propose(n, "a"))
	cfg := voters(2)
	cfg.ID, cfg.Store, cfg.Prefix = 2, n.disk, []byte("raft/")
	_, err := order.Open(cfg)
	require.NoError(t, err)
	size := len(n.disk.now)
	require.NoError(t, order.Discard(n.disk, []byte("raft/"), 2))
	require.Less(t, len(n.disk.now), size)
	cfg.ID, cfg.Voters, cfg.Applied = 1, []uint64{1}, n.app.applied
	e, err := order.Open(cfg)
	require.NoError(t, err)
	require.Equal(t, n.e.Status().Last, e.Status().Last)
}

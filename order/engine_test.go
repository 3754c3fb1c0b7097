package order_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/order"
	"github.com/InterCooperative-Network/icn-core/store"
)

func voters(ids ...uint64) order.Config { return order.Config{Voters: ids} }

func (c *cluster) ok(t *testing.T) {
	t.Helper()
	require.NoError(t, c.fail)
}

func TestSingleVoterCommitsAtOnce(t *testing.T) {
	c := newCluster(1, voters(1))
	c.nodes[1].e.Campaign()
	c.turn(1)
	require.NoError(t, c.propose(c.nodes[1], "a", "b"))
	c.ok(t)
	require.Len(t, c.payloads, 2)
	require.Equal(t, c.payloads["a"]+1, c.payloads["b"])
	require.Empty(t, c.net)
}

func TestThreeVotersAgree(t *testing.T) {
	c := newCluster(1, voters(1, 2, 3))
	l := c.elect()
	require.NoError(t, c.propose(l, "a", "b", "c"))
	c.settle()
	c.ticks(5)
	c.ok(t)
	require.NoError(t, c.same())
	require.EqualValues(t, 3, l.app.count)
	for _, id := range c.ids {
		if id != l.id {
			require.ErrorIs(t, c.propose(c.nodes[id], "x"), icn.ErrUnavailable)
		}
	}
}

func TestLossOfTheLeaderIsSurvived(t *testing.T) {
	c := newCluster(2, voters(1, 2, 3))
	l := c.elect()
	require.NoError(t, c.propose(l, "before"))
	c.settle()
	c.crash(l.id)
	n := c.elect()
	require.NotEqual(t, l.id, n.id)
	require.NoError(t, c.propose(n, "after"))
	c.settle()
	c.start(l.id)
	c.ticks(30)
	c.ok(t)
	require.NoError(t, c.same())
	require.Len(t, c.payloads, 2)
}

func TestForgottenLeaderIsReplacedWithoutWaiting(t *testing.T) {
	c := newCluster(2, voters(1, 2, 3))
	l := c.elect()
	c.ticks(10)
	c.crash(l.id)
	for _, id := range c.up() {
		c.nodes[id].e.ForgetLeader()
	}
	c.nodes[c.up()[0]].e.Campaign()
	c.settle()
	c.ok(t)
	require.NotNil(t, c.leader(), "no tick has passed")
}

func TestLeadershipIsHandedOver(t *testing.T) {
	c := newCluster(3, voters(1, 2, 3))
	l := c.elect()
	to := l.id%3 + 1
	l.e.TransferLeader(to)
	require.ErrorIs(t, l.e.Propose([][]byte{[]byte("x")}), icn.ErrUnavailable)
	c.settle()
	c.ok(t)
	require.Equal(t, to, c.leader().id)
}

func TestRestartContinuesFromTheStore(t *testing.T) {
	cfg := voters(1, 2, 3)
	cfg.MaxWindow = 64 // so that the log is read from the store
	c := newCluster(4, cfg)
	l := c.elect()
	for i := range 50 {
		require.NoError(t, c.propose(l, fmt.Sprintf("payload %d", i)))
	}
	c.settle()
	before := l.e.Status()
	for _, id := range c.ids {
		c.crash(id)
	}
	for _, id := range c.ids {
		c.start(id)
	}
	after := l.e.Status()
	require.Equal(t, before.Last, after.Last)
	require.GreaterOrEqual(t, after.Term, before.Term)
	require.False(t, after.Leading)
	require.NoError(t, c.propose(c.elect(), "more"))
	c.settle()
	c.ticks(10)
	c.ok(t)
	require.NoError(t, c.same())
	require.Len(t, c.payloads, 51)
}

func TestLaggingFollowerCatchesUpBySnapshot(t *testing.T) {
	c := newCluster(5, voters(1, 2, 3))
	l := c.elect()
	lag := l.id%3 + 1
	c.crash(lag)
	for i := range 100 {
		require.NoError(t, c.propose(l, fmt.Sprint(i)))
	}
	c.settle()
	require.NoError(t, c.compact(l, 10))
	require.Equal(t, l.e.Status().Applied-10+1, l.e.Status().First)
	c.start(lag)
	c.ticks(60)
	c.ok(t)
	require.NoError(t, c.same())
	require.Equal(t, 1, c.snaps)
}

func TestSnapshotStoredButNotInstalledIsDeliveredAgain(t *testing.T) {
	c := newCluster(5, voters(1, 2, 3))
	l := c.elect()
	lag := c.nodes[l.id%3+1]
	c.crash(lag.id)
	for i := range 100 {
		require.NoError(t, c.propose(l, fmt.Sprint(i)))
	}
	c.settle()
	require.NoError(t, c.compact(l, 0))
	c.start(lag.id)
	old := append([]byte(nil), lag.app.encode()...)
	c.ticks(60)
	require.Equal(t, 1, c.snaps)
	c.crash(lag.id)
	lag.disk.now[string(appKey)] = old // the application did not get to storing it
	c.start(lag.id)
	c.turn(lag.id)
	require.Equal(t, 2, c.snaps)
	c.ticks(30)
	c.ok(t)
	require.NoError(t, c.same())
}

func TestLostSnapshotIsSentAgain(t *testing.T) {
	c := newCluster(6, voters(1, 2, 3))
	l := c.elect()
	lag := l.id%3 + 1
	c.crash(lag)
	for i := range 20 {
		require.NoError(t, c.propose(l, fmt.Sprint(i)))
	}
	c.settle()
	require.NoError(t, c.compact(l, 0))
	c.start(lag)
	lost := 0
	for range 300 {
		for _, id := range c.ids {
			c.nodes[id].e.Tick()
			c.turn(id)
		}
		for len(c.net) > 0 {
			if p := c.net[0]; p.frame[1] == 7 && lost == 0 { // MsgSnap
				lost++
				c.net = c.net[1:]
				continue
			}
			c.deliver(0)
		}
	}
	c.ok(t)
	require.Equal(t, 1, lost)
	require.NoError(t, c.same())
}

func TestStoreThatWentBackInTimeIsRefused(t *testing.T) {
	c := newCluster(7, voters(1))
	c.nodes[1].e.Campaign()
	c.turn(1)
	require.NoError(t, c.propose(c.nodes[1], "a"))
	cfg := voters(1)
	cfg.ID, cfg.Store, cfg.Prefix, cfg.Applied = 1, c.nodes[1].disk, []byte("raft/"), 100
	_, err := order.Open(cfg)
	require.ErrorIs(t, err, icn.ErrCorrupt)
	cfg.ID, cfg.Applied = 0, 0
	_, err = order.Open(cfg)
	require.ErrorIs(t, err, icn.ErrInvalid)
}

func TestTooMuchUncommittedIsRefused(t *testing.T) {
	cfg := voters(1, 2, 3)
	cfg.MaxUncommitted = 100
	c := newCluster(8, cfg)
	l := c.elect()
	require.NoError(t, c.propose(l, string(make([]byte, 90))))
	require.ErrorIs(t, c.propose(l, string(make([]byte, 90))), icn.ErrUnavailable)
	c.settle()
	require.NoError(t, c.propose(l, string(make([]byte, 90))))
	require.ErrorIs(t, c.propose(l, ""), icn.ErrInvalid)
	require.NoError(t, l.e.Propose(nil))
}

func TestFailedBatchLeavesTheStoreAsItWas(t *testing.T) {
	c := newCluster(9, voters(1, 2, 3))
	l := c.elect()
	require.NoError(t, c.propose(l, "a"))
	c.settle()
	before := l.e.Status()
	l.disk.broken = true
	require.NoError(t, c.propose(l, "b"))
	require.Error(t, c.fail)
	c.fail, l.disk.broken = nil, false
	c.crash(l.id)
	c.start(l.id)
	require.Equal(t, before.Last, l.e.Status().Last)
	c.elect()
	c.ticks(30)
	c.ok(t)
	require.NoError(t, c.same())
}

func TestCompactRefusesWhatItCannotRecord(t *testing.T) {
	c := newCluster(10, voters(1))
	n := c.nodes[1]
	n.e.Campaign()
	c.turn(1)
	require.NoError(t, c.propose(n, "a", "b", "c"))
	b := &store.Batch{}
	at := n.app.applied
	require.ErrorIs(t, n.e.Compact(at+1, nil, 0, b), icn.ErrInvalid)
	require.ErrorIs(t, n.e.Compact(0, nil, 0, b), icn.ErrInvalid)
	require.ErrorIs(t, n.e.Compact(at, make([]byte, order.MaxSnapshot+1), 0, b), icn.ErrInvalid)
	require.NoError(t, n.e.Propose([][]byte{[]byte("d")}))
	r, ok := n.e.Ready()
	require.True(t, ok)
	_, again := n.e.Ready()
	require.False(t, again, "a round is out")
	require.ErrorIs(t, n.e.Compact(at, nil, 0, b), icn.ErrConflict)
	require.True(t, b.Empty())
	r.Write(b)
	require.NoError(t, n.disk.Apply(b))
	n.e.Advance(r)
	require.Panics(t, func() { n.e.Advance(r) })
	b = &store.Batch{}
	require.NoError(t, n.e.Compact(at, nil, 0, b))
	require.ErrorIs(t, n.e.Compact(at-1, nil, 0, b), icn.ErrInvalid, "older than the last")
}

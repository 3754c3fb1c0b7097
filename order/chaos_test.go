package order_test

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	mrand "math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/order"
)

// seedRaft makes raft's own randomness (crypto/rand.Reader) follow a seed.
func seedRaft(t testing.TB, seed uint64) {
	old := rand.Reader
	t.Cleanup(func() { rand.Reader = old })
	var k [32]byte
	binary.LittleEndian.PutUint64(k[:], seed)
	rand.Reader = mrand.NewChaCha8(k)
}

// wants is what the members shall become during a run; 101 takes the place of 1.
var wants = [][]uint64{{1, 2, 3}, {2, 3, 101}, {3, 101, 2, 102}, {101, 102, 3}}

// chaos runs a federation through loss, doubling, reordering, partitions, crashes
// anywhere in a round, compaction and changes of members, all drawn from the seed.
func chaos(t *testing.T, seed uint64, steps int) *cluster {
	seedRaft(t, seed)
	cfg := order.Config{
		Voters: []uint64{1, 2, 3}, ElectionTicks: 10, HeartbeatTicks: 2,
		MaxSizePerMsg: 512, MaxInflight: 8, MaxUncommitted: 16 << 10, MaxCommittedSizePerReady: 2048, MaxWindow: 1024,
	}
	c := newCluster(seed, cfg)
	c.crashIn = 200
	want := 0
	for i := 0; i < steps && c.fail == nil; i++ {
		if i%(steps/len(wants)) == 0 {
			want = min(i/(steps/len(wants)), len(wants)-1)
			for _, id := range wants[want] {
				if c.nodes[id] == nil {
					c.add(id)
				}
			}
		}
		c.act(i, wants[want])
	}
	c.heal(wants[len(wants)-1])
	return c
}

func (c *cluster) act(i int, want []uint64) {
	id := c.ids[c.r.IntN(len(c.ids))]
	n := c.nodes[id]
	switch k := c.r.IntN(1000); {
	case k < 600 && len(c.net) > 0:
		// Near the front, so that delays are bounded; sometimes lost or doubled.
		j := c.r.IntN(min(len(c.net), 12))
		switch {
		case c.r.IntN(20) == 0:
			c.net = append(c.net[:j], c.net[j+1:]...)
		case c.r.IntN(25) == 0:
			c.net = append(c.net, c.net[j])
			c.deliver(j)
		default:
			c.deliver(j)
		}
	case !n.up:
		if k%8 == 0 {
			c.start(id)
		}
	case k < 800:
		n.e.Tick()
		c.turn(id)
	case k < 940:
		payloads := make([]string, 1+c.r.IntN(5))
		for j := range payloads {
			payloads[j] = fmt.Sprintf("%d.%d.%s", i, j, make([]byte, c.r.IntN(60)))
		}
		_ = c.propose(n, payloads...) // refused unless it leads
	case k < 980:
		n.e.Reconcile(want, nil)
		c.turn(id)
	case k < 990:
		_ = c.compact(n, uint64(c.r.IntN(30))) // refused when there is nothing new
	case k < 993:
		c.crash(id)
	case k < 996:
		c.cut = map[uint64]bool{id: true}
	case k < 998:
		n.e.ForgetLeader()
		n.e.Campaign()
		c.turn(id)
	default:
		clear(c.cut)
	}
}

// heal ends all faults and waits for rest.
func (c *cluster) heal(want []uint64) {
	clear(c.cut)
	c.crashIn = 0
	for _, id := range c.ids {
		if !c.nodes[id].up {
			c.start(id)
		}
	}
	isWanted := map[uint64]bool{}
	for _, id := range want {
		isWanted[id] = true
	}
	var rest error
	for range 3000 {
		if c.fail != nil {
			return
		}
		c.ticks(1)
		if l := c.leader(); l != nil {
			if l.e.Reconcile(want, nil) {
				c.turn(l.id)
				continue
			}
			rest = c.alike(want)
			if rest == nil {
				return
			}
		}
	}
	c.bad("no rest: %v; %+v", rest, c.leader())
}

func (c *cluster) alike(want []uint64) error {
	all := c.ids
	c.ids = want
	defer func() { c.ids = all }()
	return c.same()
}

func TestNothingAcknowledgedIsLostInChaos(t *testing.T) {
	seeds := uint64(200)
	if testing.Short() {
		seeds = 30
	}
	var committed, snaps int
	for seed := range seeds {
		c := chaos(t, seed, 4000)
		require.NoError(t, c.fail, "seed %d", seed)
		committed += len(c.entries)
		snaps += c.snaps
	}
	t.Logf("%d seeds, %d entries committed, %d snapshots installed", seeds, committed, snaps)
	require.Greater(t, committed, int(seeds)*50)
	require.Greater(t, snaps, int(seeds)/10)
}

func TestSameSeedGivesTheSameFrames(t *testing.T) {
	trace := func() string {
		c := chaos(t, 42, 3000)
		require.NoError(t, c.fail)
		return fmt.Sprint(c.traced, c.high, c.nodes[3].app.hash)
	}
	require.Equal(t, trace(), trace())
}

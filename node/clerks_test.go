package node_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/memory"
)

// openLoop opens a loop whose frames go where the caller wants.
func openLoop(t *testing.T, pair key.Pair, genesis icn.Block, s store.Store, now int64, send func(icn.DID, []byte)) *node.Loop {
	t.Helper()
	l, err := node.NewLoop(node.LoopConfig{
		Signer: pair, Genesis: genesis, Store: node.NetworkStore(s, genesis.CID), Verify: key.Verify, VerifyBatch: verifyBatch,
		Send: func(to icn.DID, _ node.Kind, b []byte) { send(to, b) }, Stop: func(icn.CID, uint32) {}, Jitter: func(int64) int64 { return 0 },
		Log: slog.New(slog.DiscardHandler),
	}, icn.Time(now))
	require.NoError(t, err)
	return l
}

// Who the clerks were at an entry is known after a restart, too: words about a
// checkpoint count by that, not by who the clerks are now.
func TestClerksOfThePastAreKnownAfterARestart(t *testing.T) {
	s, pair := memory.New(), newPair(t)
	g := icn.Genesis{Name: "one", Created: 1, Rules: icn.DefaultRules(), Nodes: []icn.GenesisNode{{DID: pair.DID(), Name: "a"}}}
	open := func() *node.Loop { return openLoop(t, pair, g.Block(), s, 1000, func(icn.DID, []byte) {}) }
	l := open()
	for range 2 { // three nodes are three clerks, two are one
		_, err := l.SayOps([]icn.Op{icn.NodeAdmit{Node: newPair(t).DID()}}, 0, func(node.Answer) {})
		require.NoError(t, err)
		for range 5 {
			require.NoError(t, l.Turn(1000))
		}
	}
	var now []icn.DID
	var at uint64
	look := func(m *core.Machine) {
		now, at = nil, m.Head().Index
		for _, p := range m.Clerks() {
			now = append(now, p.DID)
		}
	}
	l.View(look)
	require.Len(t, now, 3)
	for range 2 {
		require.Equal(t, now, l.ClerksAt(at))
		require.Equal(t, []icn.DID{pair.DID()}, l.ClerksAt(at-1))
		require.Equal(t, []icn.DID{pair.DID()}, l.ClerksAt(0))
		l = open()
	}
}

// A node that has just started, and has not heard another's clock, does not let it
// lead: its clock would stamp the log.
func TestWhoseClockIsNotKnownDoesNotLead(t *testing.T) {
	pairs := []key.Pair{newPair(t), newPair(t), newPair(t)}
	g := icn.Genesis{Name: "three", Created: 1, Rules: icn.DefaultRules()}
	for _, p := range pairs {
		g.Nodes = append(g.Nodes, icn.GenesisNode{DID: p.DID(), Name: "n"})
	}
	const beacon = 5 // the tag of the frame that tells a clock
	type sent struct {
		to   int
		body []byte
	}
	var post [2][]sent // what each of the two has sent; the third is down
	loops := make([]*node.Loop, 2)
	now := [2]int64{10_000_000, 10_000_000 + 7_200_000}
	for i := range loops {
		loops[i] = openLoop(t, pairs[i], g.Block(), memory.New(), now[i], func(to icn.DID, b []byte) {
			if to == pairs[1-i].DID() {
				post[i] = append(post[i], sent{1 - i, b})
			}
		})
	}
	told := false // the second one's clock, to the first
	for range 2 {
		loops[0].Linked(pairs[1].DID())
		for range 1200 {
			for i := range loops {
				now[i] += 50
				require.NoError(t, loops[i].Turn(icn.Time(now[i])))
			}
			for i := range post {
				for _, f := range post[i] {
					if told || i == 0 || f.body[0] != beacon {
						require.NoError(t, loops[f.to].Frame(pairs[i].DID(), f.body))
					}
				}
				post[i] = nil
			}
		}
		var st node.Status
		loops[0].Status(&st)
		require.Equal(t, told, st.Leader != nil, "%+v", st.Order)
		now[0], told = now[1], true // the clocks agree now, and say so
	}
}

package node_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/store/memory"
)

// TestKilledNodeUsesNoNumberTwice: what a node said before it was killed may be
// under way to be ordered; with the same number it says nothing else.
func TestKilledNodeUsesNoNumberTwice(t *testing.T) {
	s, pair := memory.New(), newPair(t)
	g := icn.Genesis{Name: "three", Created: 1, Rules: icn.DefaultRules()}
	for _, d := range []icn.DID{pair.DID(), newPair(t).DID(), newPair(t).DID()} {
		g.Nodes = append(g.Nodes, icn.GenesisNode{DID: d, Name: "node"})
	}
	genesis := g.Block()
	used := map[uint64]bool{}
	live := func(burst bool, statements int) (last uint64) {
		l, err := node.NewLoop(node.LoopConfig{
			Signer: pair, Genesis: genesis, Store: node.NetworkStore(s, genesis.CID), Verify: key.Verify, VerifyBatch: verifyBatch,
			Send: func(icn.DID, node.Kind, []byte) {}, Stop: func(icn.CID, uint32) {}, Jitter: func(int64) int64 { return 0 },
			Log: slog.New(slog.DiscardHandler),
		}, 1)
		require.NoError(t, err)
		for i := range statements {
			said, err := l.SayOps([]icn.Op{icn.NodeAdmit{Node: newPair(t).DID(), Name: "late"}}, 0, func(node.Answer) {})
			require.NoError(t, err)
			require.False(t, used[said.Number] && said.Number < icn.Window/2, "number %d is used again", said.Number)
			used[said.Number], last = true, said.Number
			if !burst {
				require.NoError(t, l.Turn(icn.Time(2+i)))
			}
		}
		return last
	}
	live(false, 3)
	live(true, 3)
	live(true, 200) // in one turn
	live(false, 100)
	for range 40 { // without anything being ordered, its window does not run out
		require.LessOrEqual(t, live(true, 1), uint64(icn.Window))
	}
}

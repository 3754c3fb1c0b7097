package node_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/store/memory"
)

// door is a network on which one node opens, and nobody is ever linked.
type door struct {
	host    icn.DID
	welcome node.Welcome
	wanted  chan []string // where the host is, whenever the node says whom it wants
}

func (d door) Send(icn.DID, node.Kind, []byte) bool { return false }

func (d door) Call(context.Context, icn.DID, node.Kind, []byte) ([]byte, error) {
	return nil, icn.ErrUnavailable
}

func (d door) Knock(context.Context, string, []byte) ([]byte, icn.DID, error) {
	return d.welcome.Encode(), d.host, nil
}

func (d door) Want(peers map[icn.DID]node.Contact) {
	select {
	case d.wanted <- peers[d.host].Addrs:
	default:
	}
}

// TestNodeThatStopsRightAfterItJoinedKnowsWhoLetItIn: before there was any link, a
// restart has nothing but what was told at the door.
func TestNodeThatStopsRightAfterItJoinedKnowsWhoLetItIn(t *testing.T) {
	const there = "/ip4/203.0.113.7/tcp/7000/p2p/host"
	pair, s := key.FromSeed([32]byte{1}), memory.New()
	host := key.FromSeed([32]byte{2}).DID()
	g := icn.Genesis{Name: "two", Created: 1, Rules: icn.DefaultRules(), Nodes: []icn.GenesisNode{{DID: host, Name: "host"}}}
	d := door{host: host, wanted: make(chan []string, 1),
		welcome: node.Welcome{Genesis: g.Block().Data, RaftID: 2, Peers: []node.Peer{{DID: host, RaftID: 1}}}}
	live := func(bootstrap ...string) []string {
		blocks, err := dag.Open(s, dag.Options{})
		require.NoError(t, err)
		n := node.New(node.Config{Key: pair, Store: s, Blocks: blocks, Verify: key.Verify, VerifyBatch: verifyBatch,
			Network: d, Bootstrap: bootstrap, Rules: icn.DefaultRules(), Log: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }()
		addrs := <-d.wanted
		cancel()
		if err := <-ended; err != nil {
			require.True(t, errors.Is(err, context.Canceled), err)
		}
		return addrs
	}
	require.Equal(t, []string{there}, live(there))
	select {
	case <-d.wanted:
	default:
	}
	require.Equal(t, []string{there}, live())
}

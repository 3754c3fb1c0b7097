package node_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/store/memory"
)

// Whatever a node of the federation sends: it is refused or taken, and the node
// that hears it does not stop.
func FuzzHostileFrames(f *testing.F) {
	for tag := range byte(16) {
		f.Add([]byte{2, tag, 0x80})
		f.Add([]byte{5, tag, 0x83, 0x01, 0x02, 0x03})
	}
	pair, other := key.FromSeed([32]byte{1}), key.FromSeed([32]byte{2}).DID()
	g := icn.Genesis{Name: "two", Created: 1, Rules: icn.DefaultRules(), Nodes: []icn.GenesisNode{{DID: pair.DID(), Name: "a"}, {DID: other, Name: "b"}}}
	genesis := g.Block()
	f.Fuzz(func(t *testing.T, b []byte) {
		sent := 0
		l, err := node.NewLoop(node.LoopConfig{
			Signer: pair, Genesis: genesis, Store: node.NetworkStore(memory.New(), genesis.CID), Verify: key.Verify, VerifyBatch: verifyBatch,
			Send: func(icn.DID, node.Kind, []byte) { sent++ }, Stop: func(icn.CID, uint32) {}, Jitter: func(int64) int64 { return 0 },
			Log: slog.New(slog.DiscardHandler),
		}, 1)
		require.NoError(t, err)
		l.Linked(other)
		for turn := 0; len(b) > 0 && turn < 64; turn++ { // frames, each behind its length
			n := min(int(b[0]), len(b)-1)
			if err := l.Frame(other, b[1:1+n]); err != nil {
				require.NotErrorIs(t, err, node.ErrFatal)
			}
			b = b[1+n:]
			require.NoError(t, l.Turn(icn.Time(2+turn)))
		}
		require.Less(t, sent, 10_000)
	})
}

// Whatever a node asks for and whatever a stranger says at the door: there is an
// answer, or an error that says whose fault it is.
func FuzzHostileRequests(f *testing.F) {
	blocks, err := dag.Open(memory.New(), dag.Options{})
	require.NoError(f, err)
	n := node.New(node.Config{Key: key.FromSeed([32]byte{1}), Store: memory.New(), Blocks: blocks, Verify: key.Verify, VerifyBatch: verifyBatch,
		Network: door{wanted: make(chan []string, 1)}, Rules: icn.DefaultRules(), Log: slog.New(slog.DiscardHandler)})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	f.Cleanup(func() { stop(); <-ended })
	for n.State() != "running" {
		runtime.Gosched()
	}
	other := key.FromSeed([32]byte{2}).DID()
	for tag := range byte(8) {
		f.Add(byte(node.Live), []byte{tag})
		f.Add(byte(node.Live), append([]byte{tag}, other[:]...))
		f.Add(byte(node.Live), append([]byte{tag}, make([]byte, 16)...))
	}
	f.Add(byte(node.Block), icn.SumCID(icn.Raw, []byte("x")).Bytes())
	f.Add(byte(0), []byte{0x84, 0x61, 'a', 0x60, 0x80, 0x80})
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		var err error
		if kind == 0 {
			_, err = n.Knock(t.Context(), other, nil, b)
		} else {
			_, err = n.Serve(t.Context(), other, node.Kind(kind), b)
		}
		if err != nil {
			require.True(t, errors.Is(err, icn.ErrInvalid) || errors.Is(err, icn.ErrNotFound) || errors.Is(err, icn.ErrUnavailable) || errors.Is(err, icn.ErrDenied), "%v", err)
		}
	})
}

//go:build linux

package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/netns"
	"github.com/InterCooperative-Network/icn-core/node"
)

// TestNodesThatReachOnlyARelayWorkTogether: B and C reach A and not each other;
// as A relays they are linked all the same, and a job of B's runs on C.
func TestNodesThatReachOnlyARelayWorkTogether(t *testing.T) {
	netns.Run(t, func(t *testing.T) {
		n := netns.New(t)
		require.NoError(t, n.Isolate(1, 2))
		f := newFleetWith(t, 3, wires{n}, "[network]\nenable_relay = true\nrelay_service = true\n")
		a, b, c := f.nodes[0], f.nodes[1], f.nodes[2]
		f.until("B and C are linked through A", func() bool {
			return f.link(b, c).Relay == a.did && f.link(c, b).Relay == a.did
		})
		require.Zero(t, f.link(b, a).Relay)
		ran := map[icn.DID]bool{}
		f.until("a job of B's ran on C", func() bool {
			j := b.ended(b.offer(f.job()))
			require.Equal(t, node.JobCompleted, j.State)
			ran[j.Receipt.Executor] = true
			return ran[c.did]
		})
		f.level(f.nodes)
	})
}

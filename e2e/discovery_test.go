//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/internal/netns"
)

// TestNodesThatBothMovedFindEachOtherOnTheirNetwork: two nodes are killed and come
// back with other addresses, of which nobody tells either; what they say on the
// local network is all that brings them together.
func TestNodesThatBothMovedFindEachOtherOnTheirNetwork(t *testing.T) {
	netns.Run(t, func(t *testing.T) {
		n := netns.New(t)
		f := newFleetWith(t, 2, wires{n}, "[network]\nenable_mdns = true\n")
		for _, v := range f.nodes {
			v.kill()
		}
		for i, v := range f.nodes {
			v.listen = fmt.Sprintf("/ip4/%s/tcp/%d", n.Addr(i), 7100+i)
			v.start()
		}
		for _, v := range f.nodes {
			v.ready()
		}
		f.until("they are linked again", func() bool { return f.together(f.nodes) })
		require.Contains(t, strings.Join(f.link(f.nodes[0], f.nodes[1]).Addrs, " "), "/tcp/7101/")
		f.nodes[1].ended(f.nodes[0].offer(f.job()))
	})
}

// TestS1NodeThatKnowsOneGetsToKnowAll: whoever joins has one address, and is linked
// with every node of the federation in the end.
func TestS1NodeThatKnowsOneGetsToKnowAll(t *testing.T) {
	f := newFleet(t, 4, loopback{})
	f.join(f.nodes[3], 1)
	late := f.nodes[4]
	late.ready()
	f.until("it is linked with all others", func() bool { return f.together(f.nodes) })
	for _, v := range f.nodes[:4] {
		require.True(t, f.link(late, v).Connected)
	}
}

package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNodesThatMovedFindEachOtherByTheirBootstrapPeers: all nodes of a federation
// end and come back at other addresses, as pods do; what they know of each other is
// wrong, and the name of one, in the configuration, is right.
func TestNodesThatMovedFindEachOtherByTheirBootstrapPeers(t *testing.T) {
	f := newFleet(t, 3, loopback{})
	for _, v := range f.nodes {
		v.kill()
	}
	_, id, found := strings.Cut(f.nodes[0].p2p, "/p2p/")
	require.True(t, found)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	for i, v := range f.nodes {
		v.p2p, v.listen = "", fmt.Sprintf("/ip4/127.0.2.%d/tcp/0", i+1)
		if i == 0 {
			v.listen = fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port)
		}
		v.once = []string{"--bootstrap-peers", fmt.Sprintf("/dns4/localhost/tcp/%d/p2p/%s", port, id)}
		v.start()
	}
	for _, v := range f.nodes {
		v.ready()
	}
	f.until("all nodes are linked with each other again", func() bool { return f.together(f.nodes) })
	f.level(f.nodes)
}

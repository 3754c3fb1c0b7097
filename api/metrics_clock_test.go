package api

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/node"
)

func TestClockOffsetIsThatOfMostPeers(t *testing.T) {
	of := func(skews ...int64) float64 {
		s := node.Status{Peers: []node.PeerStatus{{SkewMS: 1_000_000}}} // not linked: it says nothing now
		for _, x := range skews {
			s.Peers = append(s.Peers, node.PeerStatus{Linked: true, SkewMS: x})
		}
		return clockOffset(s)
	}
	require.Zero(t, of())
	require.EqualValues(t, -7, of(-7000))
	require.EqualValues(t, 9, of(9000, 9500), "this machine's is wrong")
	require.EqualValues(t, .01, of(-60_000, 10), "one of two peers' is wrong")
	require.EqualValues(t, .01, of(10, 60_000), "the other one's is")
	require.EqualValues(t, .02, of(10, 20, 60_000))
}

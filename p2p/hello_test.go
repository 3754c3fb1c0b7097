package p2p

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

func TestNeighbouringReleasesAgreeOnTheOlderProtocol(t *testing.T) {
	for _, c := range []struct {
		mine, theirs span
		version      int
		refused      string
	}{
		{span{1, 1}, span{1, 1}, 1, ""},
		{span{1, 2}, span{1, 1}, 1, ""},
		{span{1, 1}, span{1, 2}, 1, ""},
		{span{3, 4}, span{2, 3}, 3, ""},
		{span{3, 4}, span{1, 1}, 0, "this node speaks protocols 3 to 4, the other protocol 1; only neighbouring releases understand each other: upgrade it, release by release"},
		{span{1, 1}, span{2, 3}, 0, "this node speaks protocol 1, the other protocols 2 to 3; only neighbouring releases understand each other: upgrade this node, release by release"},
		{span{1, 1}, span{0, 0}, 0, "not one of ours"},
		{span{1, 1}, span{2, 1}, 0, "not one of ours"},
	} {
		v, err := c.mine.agree(hello{Version: c.theirs.version, Min: c.theirs.min})
		if c.refused == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, c.refused)
		}
		require.Equal(t, c.version, v)
	}
}

func TestBuildWithoutAProtocolNumberDoesNotStart(t *testing.T) {
	was := protocolNumber
	t.Cleanup(func() { protocolNumber = was })
	protocolNumber = "two"
	_, err := New(Config{Key: testKey(t)}, &node{})
	require.ErrorIs(t, err, icn.ErrInvalid)
	require.ErrorContains(t, err, `protocol number "two"`)
}

// speaking is a node of another release.
func speaking(t *testing.T, number string) *node {
	t.Helper()
	was := protocolNumber
	protocolNumber = number
	defer func() { protocolNumber = was }()
	return newNode(t)
}

func TestReleaseIsLinkedWithItsNeighboursOnly(t *testing.T) {
	one, two, three := speaking(t, "1"), speaking(t, "2"), speaking(t, "3")
	for _, n := range []*node{one, two, three} {
		n.admit(one, two, three)
	}
	two.want(one, three)
	for range 2 {
		require.Equal(t, Linked, (<-two.Events()).Kind)
	}
	require.Equal(t, 1, peerOf(t, two, one.DID()).Version)
	require.Equal(t, 2, peerOf(t, two, three.DID()).Version)
	three.want(one)
	one.want(three)
	require.Eventually(t, func() bool {
		return strings.Contains(peerOf(t, three, one.DID()).LastError, "upgrade it, release by release") &&
			strings.Contains(peerOf(t, one, three.DID()).LastError, "upgrade this node, release by release")
	}, time.Minute, time.Millisecond)
	require.False(t, peerOf(t, three, one.DID()).Connected)
	_, _, err := three.Host.Knock(t.Context(), one.Addrs()[0], nil)
	require.ErrorIs(t, err, icn.ErrConflict)
	require.ErrorContains(t, err, "this node speaks protocol 1, the other protocols 2 to 3")
}

func TestHelloOfALaterReleaseMaySayMore(t *testing.T) {
	body := []byte(`{"version":2,"min":1,"capabilities":["old","new"],"mood":"good"}`)
	h, err := readHello(bufio.NewReader(bytes.NewReader(wire(frame{op: opHello, body: body}))))
	require.NoError(t, err)
	v, err := span{1, 1}.agree(h)
	require.NoError(t, err)
	require.Equal(t, 1, v)
	require.Equal(t, []string{"old"}, both([]string{"older", "old"}, h.Capabilities))
}

// A hello is refused or agreed on, and never more than its limits.
func FuzzHello(f *testing.F) {
	f.Add([]byte(`{"version":1,"min":1,"addrs":["/ip4/10.0.0.1/tcp/1"],"capabilities":["a"]}`))
	f.Add([]byte(`{"version":99,"min":-1}`))
	f.Add([]byte(`{"version":1,"min":1,"capabilities":["a","a","a"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := readHello(bufio.NewReader(bytes.NewReader(wire(frame{op: opHello, body: b}))))
		if err != nil {
			return
		}
		v, err := span{1, 2}.agree(h)
		if err != nil {
			require.Zero(t, v)
			return
		}
		require.True(t, v == 1 || v == 2)
		require.LessOrEqual(t, len(h.Addrs), addrsPerPeer)
		require.LessOrEqual(t, len(parseHints(h.Addrs, "")), addrsPerPeer)
		require.LessOrEqual(t, len(both([]string{"a"}, h.Capabilities)), 1)
		var out bytes.Buffer
		require.NoError(t, writeHello(&out, h))
		again, err := readHello(bufio.NewReader(&out))
		if err == nil { // a hello of ours is well under the limit; one that grew by escaping need not be
			x, _ := json.Marshal(h)
			y, _ := json.Marshal(again)
			require.Equal(t, x, y)
		}
	})
}

package p2p

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

const someID = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"

func TestBootstrapAddressSaysWhatIsWrong(t *testing.T) {
	for addr, why := range map[string]string{
		"/ip4/bootstrap-ip/tcp/7000/p2p/QmBootstrapPeerId":                                 "placeholder",
		"/ip4/10.0.1.100/tcp/7000/p2p/QmBootstrapPeer":                                     "placeholder",
		"/ip4/10.0.1.100/tcp/7000/p2p/QmaCpDMGvV2BGHeYERUEnRQAwe3N8SzbUtfsmvsqQLuvuJ":      "RSA",
		"/ip4/10.0.1.100/tcp/7000":                                                         "no /p2p/",
		"10.0.1.100:7000":                                                                  "no /p2p/",
		"/p2p/" + someID:                                                                   "all needed",
		"/ip4/300.0.0.1/tcp/7000/p2p/" + someID:                                            "invalid",
		"/ip4/10.0.0.1/tcp/7000/p2p/16Uiu2HAm3LcuP9bXZ8VHaGHpU7RkwmyTLzD1sXyfDvCHBZzwEXpr": "invalid",
		"/ip4/10.0.0.1/tcp/7000/p2p/" + someID + "x":                                       "invalid",
		"": "no /p2p/",
	} {
		err := ParseBootstrap(addr)
		require.ErrorIs(t, err, icn.ErrInvalid, addr)
		require.ErrorContains(t, err, why, addr)
	}
	for _, addr := range []string{
		"/ip4/10.0.1.100/tcp/7000/p2p/" + someID,
		"/dns4/node-a/tcp/7000/p2p/" + someID,
		"/ip6/::1/udp/7000/quic-v1/p2p/" + someID,
		someID + "@/ip4/10.0.1.100/tcp/7000",
	} {
		require.NoError(t, ParseBootstrap(addr))
		did, bare, err := ParseAddr(addr)
		require.NoError(t, err)
		id, err := peerID(did)
		require.NoError(t, err)
		require.Equal(t, someID, id.String())
		require.NotContains(t, bare, "p2p")
	}
}

func FuzzParseAddr(f *testing.F) {
	f.Add("/ip4/10.0.1.100/tcp/7000/p2p/" + someID)
	f.Add("x@/")
	f.Fuzz(func(t *testing.T, s string) {
		did, _, err := ParseAddr(s)
		if err != nil {
			require.ErrorIs(t, err, icn.ErrInvalid)
			return
		}
		id, err := peerID(did)
		require.NoError(t, err)
		back, err := didOf(id)
		require.NoError(t, err)
		require.Equal(t, did, back)
	})
}

func TestDefaultListenAddsQUICOnTheSamePort(t *testing.T) {
	require.Equal(t, []string{"/ip4/0.0.0.0/tcp/7000", "/ip4/0.0.0.0/udp/7000/quic-v1"}, DefaultListen("/ip4/0.0.0.0/tcp/7000"))
	require.Equal(t, []string{"/ip6/::/tcp/7000", "/ip6/::/udp/7000/quic-v1"}, DefaultListen("/ip6/::/tcp/7000"))
	require.Equal(t, []string{"nonsense"}, DefaultListen("nonsense"))
	require.Equal(t, []string{"/ip4/0.0.0.0/udp/7000/quic-v1"}, DefaultListen("/ip4/0.0.0.0/udp/7000/quic-v1"))
}

func TestNodesPortIsTriedAtTheAddressItWasSeenAt(t *testing.T) {
	said, err := parseOwn("", []string{"/ip4/172.18.0.5/tcp/7000", "/ip4/127.0.0.1/tcp/7000", "/ip6/::1/tcp/7000"})
	require.NoError(t, err)
	seen, err := parseOwn("", []string{"/ip4/203.0.113.7/tcp/50123"})
	require.NoError(t, err)
	var got []string
	for _, a := range reachable(said, seen[0]) {
		got = append(got, a.String())
	}
	require.Equal(t, []string{"/ip4/172.18.0.5/tcp/7000", "/ip4/203.0.113.7/tcp/7000"}, got)
}

func TestBackoffDoublesUpToItsMaximumWithJitter(t *testing.T) {
	b := Backoff{Initial: 100 * time.Millisecond, Max: 10 * time.Second}
	now := time.Unix(1000, 0)
	require.Zero(t, b.Wait(now))
	for i := range 100 {
		b.Failed(now)
		full := b.Max
		if i < 7 {
			full = b.Initial << i
		}
		w := b.Wait(now)
		require.LessOrEqual(t, w, full)
		require.GreaterOrEqual(t, w, full/2)
		require.Zero(t, b.Wait(now.Add(full)))
	}
	require.Equal(t, 100, b.Fails())
	b.Succeeded()
	require.Zero(t, b.Wait(now))
}

// S18: the breaker opens after failures in a row, rejects at once, lets one try, and
// closes when that one is answered.
func TestS18BreakerOpensAndLetsOneTry(t *testing.T) {
	b := Breaker{Failures: 3, OpenFor: 5 * time.Second}
	now := time.Unix(1000, 0)
	for range 3 {
		require.True(t, b.Allow(now))
		b.Failed(now)
	}
	require.False(t, b.Allow(now.Add(4*time.Second)))
	require.Equal(t, "open", b.State(now.Add(4*time.Second)))
	later := now.Add(5 * time.Second)
	require.Equal(t, "half-open", b.State(later))
	require.True(t, b.Allow(later))
	require.False(t, b.Allow(later)) // one at a time
	b.Succeeded()
	require.True(t, b.Allow(later))
	require.Equal(t, "closed", b.State(later))
}

// S18: the pauses between tries do not get shorter.
func TestS18PausesDoNotGetShorter(t *testing.T) {
	for range 200 {
		b, now, last := Backoff{Initial: 100 * time.Millisecond, Max: time.Second}, time.Unix(1000, 0), time.Duration(0)
		for range 4 {
			b.Failed(now)
			require.GreaterOrEqual(t, b.Wait(now), last)
			last = b.Wait(now)
		}
	}
}

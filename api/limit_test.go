package api

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStrangersHaveTheirShareAMinute(t *testing.T) {
	l := &strangers{perMinute: 6}
	a, b := whose(netip.MustParseAddr("192.0.2.1")), whose(netip.MustParseAddr("192.0.2.2"))
	now := time.Unix(1000, 0)
	for range 6 {
		require.Zero(t, l.wait(a, 6, now))
	}
	require.Equal(t, 10*time.Second, l.wait(a, 6, now))
	require.Zero(t, l.wait(b, 6, now), "another address has its own")
	require.Zero(t, l.wait(a, 6, now.Add(10*time.Second)))
	require.NotZero(t, l.wait(a, 6, now.Add(11*time.Second)))
	require.Equal(t, whose(netip.MustParseAddr("2001:db8::1")), whose(netip.MustParseAddr("2001:db8::ffff")), "one network")
	require.Equal(t, a, whose(netip.MustParseAddr("::ffff:192.0.2.1")))
}

func TestManyStrangersCostBoundedMemory(t *testing.T) {
	l := &strangers{perMinute: 60}
	now := time.Unix(1000, 0)
	for i := range 3 * mostStrangers {
		l.wait(whose(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})), 60, now)
	}
	require.LessOrEqual(t, len(l.seen), mostStrangers+1)
}

func TestNobodyIsAnsweredAtALimitOfZero(t *testing.T) {
	l := &strangers{perMinute: -1}
	r := httptest.NewRequest(http.MethodGet, "/info", nil)
	r.RemoteAddr = "192.0.2.1:5"
	require.Equal(t, http.StatusUnauthorized, l.check(r).Status)
	r.RemoteAddr = "127.0.0.1:5"
	require.Nil(t, l.check(r))
	r.RemoteAddr = "192.0.2.1:5"
	require.Nil(t, (&strangers{}).check(r))
}

func TestTheRulesLimitIsEachNodes(t *testing.T) {
	var rule uint64
	l := &strangers{perMinute: 2, rules: func() uint64 { return rule }}
	r := httptest.NewRequest(http.MethodGet, "/info", nil)
	r.RemoteAddr = "192.0.2.1:5"
	pass := func() (n int) {
		for l.check(r) == nil {
			n++
		}
		return n
	}
	require.Equal(t, 2, pass())
	rule = 5
	require.Equal(t, 5, pass(), "at once")
	rule = 0
	require.Equal(t, 2, pass(), "and the node's own again")
	rule, l.perMinute = 5, -1
	require.NotNil(t, l.check(r), "a node that answers no strangers is not made to")
}

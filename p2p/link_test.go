package p2p

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

func TestS14RestartOnTheSamePortIsTheSamePeer(t *testing.T) {
	a, b := linked(t)
	addrs, id := b.Addrs(), b.PeerID()
	listen := b.engine.ListenAddresses()[0].String()
	require.NoError(t, b.Close())
	a.await(Lost, b.DID())
	require.False(t, a.Send(b.DID(), Live, nil))
	_, err := a.Call(t.Context(), b.DID(), Live, nil)
	require.ErrorIs(t, err, icn.ErrUnavailable)

	again := newNode(t, func(c *Config) { c.Key, c.Listen = b.key, []string{listen} })
	again.admit(a)
	require.Equal(t, addrs, again.Addrs())
	require.Equal(t, id, again.PeerID())
	a.await(Linked, b.DID()) // a redials by itself
	again.await(Linked, a.DID())
	require.True(t, again.Send(a.DID(), Live, []byte("back")))
	require.Equal(t, "back", (<-a.frames).body)
}

func TestLostIsToldWhenTheConnectionEnds(t *testing.T) {
	a, b := linked(t)
	for _, c := range a.engine.Conns() {
		require.NoError(t, c.Close())
	}
	a.await(Lost, b.DID())
	b.await(Lost, a.DID())
	a.await(Linked, b.DID())
	b.await(Linked, a.DID())
}

func TestBothMayDialAtOnce(t *testing.T) {
	for range 10 {
		a, b := newNode(t), newNode(t)
		a.admit(b)
		b.admit(a)
		go a.want(b)
		b.want(a)
		a.await(Linked, b.DID())
		b.await(Linked, a.DID())
		for i := range 100 {
			require.True(t, a.Send(b.DID(), Live, fmt.Append(nil, i)))
			require.True(t, b.Send(a.DID(), Live, fmt.Append(nil, i)))
		}
		for i := range 100 {
			require.Equal(t, fmt.Sprint(i), (<-a.frames).body)
			require.Equal(t, fmt.Sprint(i), (<-b.frames).body)
		}
	}
}

func TestEndOfAdmissionCutsThePeer(t *testing.T) {
	a, b := newNode(t), newNode(t)
	_, _, err := a.Host.Knock(t.Context(), b.Addrs()[0], nil) // the link stands on a stranger's connection
	require.NoError(t, err)
	b.admit(a)
	a.want(b)
	a.await(Linked, b.DID())
	b.await(Linked, a.DID())
	b.mu.Lock()
	delete(b.friends, a.DID())
	b.mu.Unlock()
	b.Recheck()
	a.await(Lost, b.DID())
	b.await(Lost, a.DID())
	require.False(t, b.Send(a.DID(), Live, nil))
	b.admit(a) // and back again
	a.await(Linked, b.DID())
}

func TestPeerNoLongerWantedIsNotDialed(t *testing.T) {
	a, b := linked(t)
	a.Want(nil)
	require.True(t, a.Send(b.DID(), Live, []byte("the link stays"))) // still admitted
	require.Equal(t, "the link stays", (<-b.frames).body)
	require.NoError(t, b.Close())
	a.await(Lost, b.DID())
}

func TestPeerIsForgottenWhenNobodyWantsItAndNothingOfItIsHere(t *testing.T) {
	h := newNode(t).Host
	did := newNode(t).DID()
	id, err := peerID(did)
	require.NoError(t, err)
	r := newRemote(h, did, id)
	r.wanted, r.guests = true, 1
	h.mu.Lock()
	h.remotes[did] = r
	h.mu.Unlock()
	require.False(t, h.release(r))
	r.wanted = false
	require.False(t, h.release(r))
	h.farewell(r)
	require.True(t, h.release(r))
	require.Nil(t, h.find(did))
}

func TestQUICAloneIsEnough(t *testing.T) {
	a, b := linked(t, func(c *Config) { c.Listen = []string{"/ip4/127.0.0.1/udp/0/quic-v1"} })
	require.True(t, a.Send(b.DID(), Live, []byte("over udp")))
	require.Equal(t, "over udp", (<-b.frames).body)
	require.NoError(t, b.Close())
	a.await(Lost, b.DID())
}

func TestPeersAreDescribed(t *testing.T) {
	a, b := linked(t, func(c *Config) { c.Capabilities = []string{"cosign"} })
	d, err := a.Ping(t.Context(), b.DID())
	require.NoError(t, err)
	require.Positive(t, d)
	p := peerOf(t, a, b.DID())
	require.True(t, p.Connected)
	require.False(t, p.Inbound)
	require.Positive(t, p.RoundTrip)
	require.NotZero(t, p.BytesOut)
	require.Equal(t, []string{"cosign"}, p.Capabilities)
	q := peerOf(t, b, a.DID())
	require.True(t, q.Inbound)
	require.Equal(t, []string{"cosign"}, q.Capabilities)
	require.Contains(t, q.Addrs, a.Addrs()[0]) // by its hello
	require.Equal(t, b.PeerID(), p.ID)
	require.Contains(t, p.Addrs, b.Addrs()[0])
	_, err = a.Ping(t.Context(), icn.DID{1})
	require.ErrorIs(t, err, icn.ErrUnavailable)
}

func TestUnansweredCallsOpenTheBreaker(t *testing.T) {
	a, b := linked(t, func(c *Config) { c.BreakerFailures, c.BreakerOpen = 2, time.Hour })
	for range 2 {
		ctx, cancel := context.WithDeadline(t.Context(), time.Now())
		_, err := a.Call(ctx, b.DID(), Block, []byte("hold"))
		cancel()
		require.ErrorIs(t, err, icn.ErrUnavailable)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	_, err := a.Call(t.Context(), b.DID(), Block, []byte("x"))
	require.ErrorIs(t, err, icn.ErrUnavailable)
	require.ErrorContains(t, err, "did not answer lately")
}

// S18: the breaker of a peer that answers nothing opens, refuses at once without
// asking, lets one try after its time, and closes with the first answer.
func TestS18BreakerIsSeenToOpenHalfOpenAndClose(t *testing.T) {
	a, b := linked(t, func(c *Config) { c.BreakerFailures, c.BreakerOpen, c.RetryAttempts = 2, 300*time.Millisecond, 1 })
	unanswered := func() {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		_, err := a.Call(ctx, b.DID(), Block, []byte("hold"))
		require.ErrorIs(t, err, icn.ErrUnavailable)
	}
	served := func() int {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.served
	}
	unanswered()
	require.Equal(t, "closed", peerOf(t, a, b.DID()).Breaker)
	unanswered()
	open := peerOf(t, a, b.DID())
	require.Equal(t, "open", open.Breaker)
	require.Equal(t, 2, open.Failures)
	require.Positive(t, open.RetryIn)
	require.Eventually(t, func() bool { return served() == 2 }, time.Minute, time.Millisecond)
	for range 100 {
		_, err := a.Call(t.Context(), b.DID(), Block, []byte("x"))
		require.ErrorContains(t, err, "did not answer lately")
	}
	require.Equal(t, 2, served(), "it was asked all the same")
	require.Eventually(t, func() bool { return peerOf(t, a, b.DID()).Breaker == "half-open" }, time.Minute, time.Millisecond)
	unanswered() // the one that tries
	require.Equal(t, "open", peerOf(t, a, b.DID()).Breaker)
	require.Eventually(t, func() bool { return peerOf(t, a, b.DID()).Breaker == "half-open" }, time.Minute, time.Millisecond)
	_, err := a.Call(t.Context(), b.DID(), Block, []byte("x"))
	require.NoError(t, err)
	require.Equal(t, "closed", peerOf(t, a, b.DID()).Breaker)
	require.Zero(t, peerOf(t, a, b.DID()).Failures)
}

// S18: a request that is not answered is tried again, as often as was said, and
// then no more.
func TestS18UnansweredCallsAreTriedAgain(t *testing.T) {
	a, b := linked(t, func(c *Config) { c.BreakerFailures, c.RetryAttempts, c.RetryInitial = 100, 3, time.Millisecond })
	r := a.find(b.DID())
	r.outlet(Block).queue.close()
	_, err := a.Call(t.Context(), b.DID(), Block, []byte("x"))
	require.ErrorIs(t, err, icn.ErrUnavailable)
	r.mu.Lock()
	defer r.mu.Unlock()
	require.LessOrEqual(t, r.breaker.fails, 3)
	require.Positive(t, r.breaker.fails)
}

func TestCallerWhoGivesUpIsNotHeldAgainstThePeer(t *testing.T) {
	a, b := linked(t, func(c *Config) { c.BreakerFailures, c.BreakerOpen = 1, time.Hour })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := a.Call(ctx, b.DID(), Block, []byte("hold"))
	require.ErrorIs(t, err, context.Canceled)
	_, err = a.Call(t.Context(), b.DID(), Block, []byte("x"))
	require.NoError(t, err)
}

func TestCallsUnderWayEndWithTheLink(t *testing.T) {
	a, b := linked(t)
	fail := make(chan error, 1)
	go func() {
		_, err := a.Call(t.Context(), b.DID(), Bulk, []byte("hold"))
		fail <- err
	}()
	b.hold <- struct{}{} // it is being served: let it go, and hold the next
	require.NoError(t, <-fail)
	go func() {
		_, err := a.Call(t.Context(), b.DID(), Bulk, []byte("hold"))
		fail <- err
	}()
	require.NoError(t, b.Close())
	require.ErrorIs(t, <-fail, icn.ErrUnavailable)
}

func TestTakenPortIsNamed(t *testing.T) {
	a := newNode(t)
	listen := a.engine.ListenAddresses()[0].String()
	_, err := New(Config{Key: testKey(t), Listen: []string{listen}}, a)
	require.ErrorIs(t, err, icn.ErrUnavailable)
	require.ErrorContains(t, err, listen)
	_, err = New(Config{Key: testKey(t), Listen: []string{"0.0.0.0:7000"}, Announce: []string{"x"}}, a)
	require.ErrorIs(t, err, icn.ErrInvalid)
	require.ErrorContains(t, err, "0.0.0.0:7000")
	require.ErrorContains(t, err, `"x"`) // all at once
	_, err = New(Config{}, a)
	require.ErrorIs(t, err, icn.ErrInvalid)
}

func TestFoundPeerIsLinkedAndAnnounced(t *testing.T) {
	a, b := newNode(t), newNode(t)
	a.admit(b)
	b.admit(a)
	a.Want(map[icn.DID][]string{b.DID(): nil}) // no address known
	addr, err := ma.NewMultiaddr(b.Addrs()[0])
	require.NoError(t, err)
	info, err := peer.AddrInfoFromP2pAddr(addr)
	require.NoError(t, err)
	finder{a.Host}.HandlePeerFound(*info)
	ev := <-a.Events()
	require.Equal(t, PeerEvent{DID: b.DID(), Kind: Found, Addrs: b.Addrs()}, ev)
	a.await(Linked, b.DID())
}

func TestOwnAddressesComeBestFirst(t *testing.T) {
	n := newNode(t, func(c *Config) { c.Listen = []string{quicLoopback, "/ip4/127.0.0.1/tcp/0", quicLoopback} })
	require.Len(t, n.Addrs(), 2) // libp2p would panic at the second of the same
	require.Contains(t, n.Addrs()[0], "/tcp/")
}

func TestWhatOthersSayHidesNotWhereThePeerIs(t *testing.T) {
	a, b := linked(t)
	var stale []string
	for port := range addrsPerPeer {
		stale = append(stale, fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", 1+port))
	}
	a.Want(map[icn.DID][]string{b.DID(): stale})
	known := peerOf(t, a, b.DID()).Addrs
	require.Len(t, known, addrsPerPeer)
	require.Equal(t, b.Addrs()[0], known[0])
}

func TestNodeThatWasFoundBeforeItWasWantedIsLinked(t *testing.T) {
	a, b := newNode(t), newNode(t)
	a.admit(b)
	b.admit(a)
	finder{a.Host}.HandlePeerFound(peer.AddrInfo{ID: b.engine.id, Addrs: b.engine.ListenAddresses()})
	require.Equal(t, Found, (<-a.Events()).Kind)
	a.Want(map[icn.DID][]string{b.DID(): nil})
	a.await(Linked, b.DID())
}

func TestDialNamesWhoIsThere(t *testing.T) {
	a, b := newNode(t), newNode(t)
	did, err := a.Dial(t.Context(), b.Addrs()[0])
	require.NoError(t, err)
	require.Equal(t, b.DID(), did)
	_, err = a.Dial(t.Context(), a.Addrs()[0])
	require.ErrorIs(t, err, icn.ErrInvalid)
	c := newNode(t)
	wrong := b.engine.ListenAddresses()[0].String() + "/p2p/" + c.PeerID()
	_, err = newNode(t).Dial(t.Context(), wrong)
	require.ErrorIs(t, err, icn.ErrUnavailable)
}

// failures signals every "no link" that a host logs.
type failures struct {
	slog.Handler
	ch chan struct{}
}

func (f failures) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "no link" {
		f.ch <- struct{}{}
	}
	return nil
}

// impatient hosts say when the first dial has failed; the next is an hour away.
func impatient() (func(*Config), chan struct{}) {
	failed := make(chan struct{}, 16)
	return func(c *Config) {
		c.RetryInitial, c.RetryMax = time.Hour, time.Hour
		c.Log = slog.New(failures{slog.NewTextHandler(io.Discard, nil), failed})
	}, failed
}

func TestNewAddressIsTriedAtOnce(t *testing.T) {
	change, failed := impatient()
	a, b := newNode(t, change), newNode(t)
	a.admit(b)
	b.admit(a)
	a.Want(map[icn.DID][]string{b.DID(): {"/ip4/127.0.0.1/tcp/1"}})
	<-failed
	a.Want(map[icn.DID][]string{b.DID(): b.Addrs()})
	a.await(Linked, b.DID())
}

func TestPeerThatCameByItselfIsAnsweredAtOnce(t *testing.T) {
	change, failed := impatient()
	a, b := newNode(t, change), newNode(t)
	a.admit(b)
	b.admit(a)
	a.Want(map[icn.DID][]string{b.DID(): nil})
	<-failed
	b.want(a)
	a.await(Linked, b.DID())
}

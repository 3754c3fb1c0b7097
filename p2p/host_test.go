package p2p

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// node is a real host with a handler that answers by what is asked.
type node struct {
	t testing.TB
	*Host
	key Signer

	mu       sync.Mutex
	friends  map[icn.DID]bool
	served   int
	hold     chan struct{} // Serve "hold" waits for it
	stuck    chan struct{} // Live waits for it when not nil
	entered  chan struct{} // and tells when it does
	frames   chan got
	knockers chan []string
}

type got struct {
	from icn.DID
	kind Kind
	body string
}

func (n *node) Admitted(d icn.DID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.friends[d]
}

func (n *node) Live(from icn.DID, kind Kind, frame []byte) {
	n.mu.Lock()
	stuck := n.stuck
	n.mu.Unlock()
	if stuck != nil {
		select {
		case n.entered <- struct{}{}:
		default:
		}
		<-stuck
	}
	n.frames <- got{from, kind, string(frame)}
}

func (n *node) Serve(ctx context.Context, from icn.DID, kind Kind, request []byte) ([]byte, error) {
	n.mu.Lock()
	n.served++
	n.mu.Unlock()
	switch string(request) {
	case "missing":
		return nil, fmt.Errorf("block bafy: %w", icn.ErrNotFound)
	case "odd":
		return nil, errors.New("disk on fire")
	case "long":
		return make([]byte, 8<<20), nil
	case "hold":
		select {
		case <-n.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return append([]byte(kind.String()+":"), request...), nil
}

func (n *node) Knock(_ context.Context, from icn.DID, addrs []string, request []byte) ([]byte, error) {
	n.knockers <- addrs
	if string(request) == "no" {
		return nil, fmt.Errorf("join code: %w", icn.ErrDenied)
	}
	return append([]byte("hello "), request...), nil
}

// secret is a key that can be read.
type secret struct{ ed25519.PrivateKey }

func (s secret) Public() [32]byte {
	return [32]byte(s.PrivateKey.Public().(ed25519.PublicKey))
}
func (s secret) Sign(msg []byte) []byte { return ed25519.Sign(s.PrivateKey, msg) }

func testKey(t testing.TB) Signer {
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	return secret{key}
}

func newNode(t testing.TB, change ...func(*Config)) *node {
	n := &node{
		t: t, friends: map[icn.DID]bool{}, hold: make(chan struct{}), entered: make(chan struct{}, 16),
		frames: make(chan got, 1<<10), knockers: make(chan []string, 16),
	}
	cfg := Config{Key: testKey(t), Listen: []string{"/ip4/127.0.0.1/tcp/0"}, RetryInitial: 5 * time.Millisecond, RetryMax: 50 * time.Millisecond}
	if os.Getenv("P2P_LOG") != "" {
		cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	for _, c := range change {
		c(&cfg)
	}
	n.key = cfg.Key
	h, err := New(cfg, n)
	require.NoError(t, err)
	n.Host = h
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	return n
}

func (n *node) admit(others ...*node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, o := range others {
		n.friends[o.DID()] = true
	}
}

func (n *node) expel(who *node) {
	n.mu.Lock()
	delete(n.friends, who.DID())
	n.mu.Unlock()
	n.Recheck()
}

func (n *node) want(others ...*node) {
	n.admit(others...)
	peers := map[icn.DID][]string{}
	for _, o := range others {
		peers[o.DID()] = o.Addrs()
	}
	n.Want(peers)
}

func (n *node) await(kind EventKind, who icn.DID) {
	n.t.Helper()
	for ev := range n.Events() {
		if ev.Kind == kind && ev.DID == who {
			return
		}
	}
	n.t.Fatal("events ended")
}

func linked(t testing.TB, change ...func(*Config)) (a, b *node) {
	t.Helper()
	a, b = newNode(t, change...), newNode(t, change...)
	b.admit(a)
	a.want(b)
	a.await(Linked, b.DID())
	b.await(Linked, a.DID())
	return a, b
}

func TestFramesArriveInBothDirectionsInOrder(t *testing.T) {
	a, b := linked(t)
	for i := range 1000 {
		require.True(t, a.Send(b.DID(), Live, fmt.Appendf(nil, "a%d", i)))
		require.True(t, b.Send(a.DID(), Live, fmt.Appendf(nil, "b%d", i)))
	}
	for i := range 1000 {
		require.Equal(t, got{a.DID(), Live, fmt.Sprintf("a%d", i)}, <-b.frames)
		require.Equal(t, got{b.DID(), Live, fmt.Sprintf("b%d", i)}, <-a.frames)
	}
}

func TestS14CallIsAnswered(t *testing.T) {
	a, b := linked(t)
	for _, k := range []Kind{Live, Bulk, Block} {
		body, err := a.Call(t.Context(), b.DID(), k, []byte("x"))
		require.NoError(t, err)
		require.Equal(t, k.String()+":x", string(body))
		body, err = b.Call(t.Context(), a.DID(), k, []byte("y"))
		require.NoError(t, err)
		require.Equal(t, k.String()+":y", string(body))
	}
	body, err := a.Call(t.Context(), b.DID(), Bulk, []byte("long"))
	require.NoError(t, err)
	require.Len(t, body, 8<<20)
}

func TestErrorsKeepTheirSentinel(t *testing.T) {
	a, b := linked(t)
	_, err := a.Call(t.Context(), b.DID(), Block, []byte("missing"))
	require.ErrorIs(t, err, icn.ErrNotFound)
	require.Equal(t, "block bafy: not found", err.Error())
	_, err = a.Call(t.Context(), b.DID(), Block, []byte("odd"))
	require.ErrorIs(t, err, icn.ErrUnavailable)
	require.Equal(t, "disk on fire", err.Error())
	_, err = a.Call(t.Context(), b.DID(), Block, []byte("long"))
	require.ErrorIs(t, err, icn.ErrInvalid)
}

func TestStrangerMayKnockOnly(t *testing.T) {
	a, b := newNode(t), newNode(t)
	answer, from, err := a.Host.Knock(t.Context(), b.Addrs()[0], []byte("it's me"))
	require.NoError(t, err)
	require.Equal(t, "hello it's me", string(answer))
	require.Equal(t, b.DID(), from)
	require.Equal(t, a.Addrs(), <-b.knockers)

	_, _, err = a.Host.Knock(t.Context(), b.Addrs()[0], []byte("no"))
	require.ErrorIs(t, err, icn.ErrDenied)
	require.Equal(t, "join code: denied", err.Error())
	_, _, err = a.Host.Knock(t.Context(), b.Addrs()[0], make([]byte, KnockRequest+1))
	require.ErrorIs(t, err, icn.ErrInvalid)
}

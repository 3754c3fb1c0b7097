package p2p

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multistream"
	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// raw opens a stream to b over a's connection without a's manners.
func raw(t *testing.T, a, b *node, proto protocol.ID) (network.Stream, error) {
	t.Helper()
	_, err := a.Dial(t.Context(), b.Addrs()[0])
	require.NoError(t, err)
	s, err := a.openStream(t.Context(), b.engine.id)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Reset() })
	return s, multistream.SelectProtoOrFail(proto, s)
}

func wire(f frame) []byte { return append(appendHead(nil, f), f.body...) }

func peerOf(t *testing.T, n *node, who icn.DID) Peer {
	t.Helper()
	for _, p := range n.Peers() {
		if p.DID == who {
			return p
		}
	}
	t.Fatal("no such peer")
	return Peer{}
}

func TestStrangersFrameIsRefused(t *testing.T) {
	a, b := newNode(t), newNode(t)
	for k := range Kind(kinds) {
		_, err := raw(t, a, b, protocolOf(k))
		require.Error(t, err, k)
	}
	// One that writes on without waiting for the answer gets no further.
	s, err := a.openStream(t.Context(), b.engine.id)
	require.NoError(t, err)
	lazy := multistream.NewMSSelect(s, protocolOf(Live))
	_ = writeHello(lazy, a.hello(s.Conn())) // the reset may come before or after
	_, _ = lazy.Write(wire(frame{op: opFrame, body: []byte("vote for me")}))
	_, err = io.ReadAll(lazy)
	require.Error(t, err)
	require.Empty(t, b.frames)
	require.Empty(t, b.Peers())
}

func TestOversizeFrameResetsTheStreamAndIsCounted(t *testing.T) {
	a, b := newNode(t), newNode(t)
	b.admit(a) // a does not admit b: no streams but those the test opens
	b.Want(map[icn.DID][]string{a.DID(): nil})
	for k := range Kind(kinds) {
		s, err := raw(t, a, b, protocolOf(k))
		require.NoError(t, err)
		require.NoError(t, writeHello(s, a.hello(s.Conn())))
		br := bufio.NewReader(s)
		_, err = readHello(br)
		require.NoError(t, err)
		head := appendHead(nil, frame{op: opFrame})
		binary.BigEndian.PutUint32(head, uint32(b.cfg.Limits.Kind[k].Frame+1))
		_, err = s.Write(head)
		require.NoError(t, err)
		_, err = br.ReadByte()
		require.Error(t, err)
		require.EqualValues(t, k+1, peerOf(t, b, a.DID()).Refused)
	}
}

func TestOversizeIsNotSent(t *testing.T) {
	a, b := linked(t)
	require.False(t, a.Send(b.DID(), Live, make([]byte, a.cfg.Limits.Kind[Live].Frame+1)))
	_, err := a.Call(t.Context(), b.DID(), Block, make([]byte, a.cfg.Limits.Kind[Block].Frame+1))
	require.ErrorIs(t, err, icn.ErrInvalid)
}

func TestHostileBytesHarmNobody(t *testing.T) {
	a, b := linked(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, proto := range []protocol.ID{protocolOf(Live), protocolOf(Bulk), protocolOf(Block), protocolKnock} {
		for round := range 20 {
			s, err := raw(t, a, b, proto)
			require.NoError(t, err)
			if round%2 == 0 {
				require.NoError(t, writeHello(s, a.hello(s.Conn())))
			}
			junk := make([]byte, 1+rnd.IntN(4096))
			for i := range junk {
				junk[i] = byte(rnd.Uint32())
			}
			_, _ = s.Write(junk) // it may be reset already
			require.NoError(t, s.SetReadDeadline(time.Now().Add(time.Minute)))
			_ = s.CloseWrite()
			_, _ = io.Copy(io.Discard, s) // until b gives up on it
			_ = s.Reset()
		}
	}
	c := newNode(t)
	b.admit(c)
	c.want(b)
	c.await(Linked, b.DID())
	require.True(t, c.Send(b.DID(), Live, []byte("still there?")))
	for {
		if g := <-b.frames; g.from == c.DID() {
			require.Equal(t, "still there?", g.body)
			return
		}
	}
}

func TestOtherVersionIsToldOurs(t *testing.T) {
	a, b := linked(t)
	s, err := raw(t, a, b, protocolOf(Bulk))
	require.NoError(t, err)
	require.NoError(t, writeHello(s, hello{Version: 99, Min: 98}))
	br := bufio.NewReader(s)
	h, err := readHello(br)
	require.NoError(t, err)
	require.Equal(t, b.speaks.version, h.Version)
	_, err = br.ReadByte()
	require.Error(t, err)
	require.Contains(t, peerOf(t, b, a.DID()).LastError, "the other protocols 98 to 99")
}

func TestKnocksAreRateLimited(t *testing.T) {
	a := newNode(t)
	b := newNode(t, func(c *Config) { c.Limits.Knocks = 16 }) // two at once for one address
	for range 2 {
		_, _, err := a.Host.Knock(t.Context(), b.Addrs()[0], nil)
		require.NoError(t, err)
	}
	_, _, err := a.Host.Knock(t.Context(), b.Addrs()[0], nil)
	require.ErrorIs(t, err, icn.ErrUnavailable)
	require.ErrorContains(t, err, "too many knocks")
}

func TestLongKnockIsRefusedUnread(t *testing.T) {
	a, b := newNode(t), newNode(t)
	s, err := raw(t, a, b, protocolKnock)
	require.NoError(t, err)
	require.NoError(t, writeHello(s, a.hello(s.Conn())))
	_, _ = s.Write(wire(frame{op: opRequest, body: make([]byte, KnockRequest+1)})) // reset under way
	_, err = io.ReadAll(s)
	require.Error(t, err)
	require.Empty(t, b.knockers)
}

func TestStrangersConnectionsAreCounted(t *testing.T) {
	b := newNode(t, func(c *Config) { c.Limits.Strangers = 3 }) // two for one address
	for range 2 {
		a := newNode(t)
		_, _, err := a.Host.Knock(t.Context(), b.Addrs()[0], nil)
		require.NoError(t, err)
	}
	a := newNode(t)
	_, _, err := a.Host.Knock(t.Context(), b.Addrs()[0], nil)
	require.ErrorIs(t, err, icn.ErrUnavailable)
	b.admit(a)
	a.want(b)
	a.await(Linked, b.DID()) // members are not in that count
}

func TestWhoIsAdmittedLeavesTheStrangersPlace(t *testing.T) {
	b := newNode(t, func(c *Config) { c.Limits.Strangers = 3 }) // two for one address
	for range 5 {
		a := newNode(t)
		_, _, err := a.Host.Knock(t.Context(), b.Addrs()[0], nil)
		require.NoError(t, err)
		b.admit(a)
	}
}

func TestFloodIsSlowedDownAndNotLost(t *testing.T) {
	a, b := newNode(t), newNode(t, func(c *Config) { c.Limits.Frames = 500 })
	b.admit(a)
	a.want(b)
	a.await(Linked, b.DID())
	for i := range 600 {
		require.True(t, a.Send(b.DID(), Live, fmt.Append(nil, i)))
	}
	for i := range 600 {
		require.Equal(t, fmt.Sprint(i), (<-b.frames).body)
	}
	require.NotZero(t, peerOf(t, b, a.DID()).Throttled)
}

func TestStuckReadersQueueIsBoundedAndBlocksNobodyElse(t *testing.T) {
	small := func(c *Config) {
		c.Limits.Kind[Live] = KindLimit{QueueFrames: 64, QueueBytes: 1 << 20}
	}
	a, b, c := newNode(t, small), newNode(t), newNode(t)
	b.stuck = make(chan struct{})
	t.Cleanup(func() { close(b.stuck) })
	b.admit(a)
	c.admit(a)
	a.want(b, c)
	for range 2 {
		require.Equal(t, Linked, (<-a.Events()).Kind)
	}
	payload := make([]byte, 32<<10)
	taken := 0
	for ; a.Send(b.DID(), Live, payload); taken++ {
		require.Less(t, taken, 10_000, "the queue is not bounded")
	}
	require.NotZero(t, peerOf(t, a, b.DID()).Dropped)
	require.True(t, a.Send(c.DID(), Live, []byte("free")))
	require.Equal(t, "free", (<-c.frames).body)
	body, err := a.Call(t.Context(), b.DID(), Block, []byte("other kinds flow")) // own stream, own window
	require.NoError(t, err)
	require.Equal(t, "block:other kinds flow", string(body))
}

// member opens a stream to b as a peer that b admits, hello done.
func member(t *testing.T, a, b *node, kind Kind) (network.Stream, *bufio.Reader) {
	t.Helper()
	s, err := raw(t, a, b, protocolOf(kind))
	require.NoError(t, err)
	require.NoError(t, writeHello(s, a.hello(s.Conn())))
	br := bufio.NewReader(s)
	_, err = readHello(br)
	require.NoError(t, err)
	return s, br
}

func TestServingIsBoundedPerPeer(t *testing.T) {
	a, b := newNode(t), newNode(t, func(c *Config) { c.Limits.Kind[Bulk].Serving = 1 })
	b.admit(a)
	s, br := member(t, a, b, Bulk)
	for id := range uint64(2) {
		_, err := s.Write(wire(frame{op: opRequest, id: id, body: []byte("hold")}))
		require.NoError(t, err)
	}
	_, err := s.Write(wire(frame{op: opPing, id: 7}))
	require.NoError(t, err)

	other, obr := member(t, a, b, Block) // its own slots
	_, err = other.Write(wire(frame{op: opRequest, body: []byte("x")}))
	require.NoError(t, err)
	f, err := readFrame(obr, 100)
	require.NoError(t, err)
	require.Equal(t, "block:x", string(f.body))

	b.hold <- struct{}{}
	f, err = readFrame(br, 100)
	require.NoError(t, err)
	require.Equal(t, opReply, f.op) // the ping behind the second request was not read before
	b.hold <- struct{}{}
}

func TestNewerStreamReplacesTheOlderOneFrameByFrame(t *testing.T) {
	a, b := newNode(t), newNode(t)
	b.admit(a)
	b.stuck = make(chan struct{})
	s, br := member(t, a, b, Bulk)
	_, err := s.Write(wire(frame{op: opFrame, body: []byte("old")}))
	require.NoError(t, err)
	<-b.entered
	newer, err := raw(t, a, b, protocolOf(Bulk))
	require.NoError(t, err)
	require.NoError(t, writeHello(newer, a.hello(s.Conn())))
	_, err = newer.Write(wire(frame{op: opFrame, body: []byte("new")}))
	require.NoError(t, err)
	_, err = br.ReadByte()
	require.Error(t, err) // replaced
	require.Empty(t, b.entered)
	close(b.stuck)
	require.Equal(t, "old", (<-b.frames).body)
	require.Equal(t, "new", (<-b.frames).body)
}

package p2p

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

func TestAnnouncedLengthCostsNoMemory(t *testing.T) {
	head := appendHead(nil, frame{op: opFrame})
	binary.BigEndian.PutUint32(head, 64<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 16 {
		_, err := readFrame(bufio.NewReader(bytes.NewReader(append(head, "short"...))), 64<<20)
		require.Error(t, err)
	}
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20))
}

func TestLongFrameComesWhole(t *testing.T) {
	body := make([]byte, 3*grain+17)
	for i := range body {
		body[i] = byte(i * 7)
	}
	f, err := readFrame(bufio.NewReader(bytes.NewReader(wire(frame{op: opReply, id: 9, body: body}))), len(body))
	require.NoError(t, err)
	require.Equal(t, frame{op: opReply, id: 9, body: body}, f)
	_, err = readFrame(bufio.NewReader(bytes.NewReader(wire(frame{op: opReply, body: body}))), len(body)-1)
	require.ErrorIs(t, err, icn.ErrInvalid)
	require.ErrorIs(t, err, errTooLong)
}

func FuzzFrame(f *testing.F) {
	f.Add(wire(frame{op: opHello, body: []byte(`{"version":1,"min":1}`)}))
	f.Add(wire(frame{op: opRequest, id: 1 << 60, body: []byte("x")}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		br := bufio.NewReader(bytes.NewReader(b))
		var back []byte
		for {
			fr, err := readFrame(br, 1<<10)
			if err != nil {
				break
			}
			require.LessOrEqual(t, len(fr.body), 1<<10)
			back = append(back, wire(fr)...)
		}
		require.True(t, bytes.HasPrefix(b, back)) // what was read is what was there
		if h, err := readHello(bufio.NewReader(bytes.NewReader(b))); err == nil {
			_, _ = span{1, 2}.agree(h)
		}
		if len(b) > 0 {
			require.Error(t, decodeFailure(b))
		}
	})
}

func TestFailureSurvivesTheTrip(t *testing.T) {
	for _, s := range sentinels[1:] {
		err := decodeFailure(encodeFailure(fmt.Errorf("settle job bafy: %w", s)))
		require.ErrorIs(t, err, s)
		require.Equal(t, "settle job bafy: "+s.Error(), err.Error())
	}
	require.ErrorIs(t, decodeFailure(nil), icn.ErrUnavailable)
	require.ErrorIs(t, decodeFailure([]byte{200}), icn.ErrUnavailable)
	require.Len(t, encodeFailure(errors.New(string(make([]byte, 1<<20)))), 1+failureText)
}

func TestQueueIsBoundedByBytesUntilWritten(t *testing.T) {
	q := newQueue(KindLimit{QueueFrames: 10, QueueBytes: 100})
	require.True(t, q.offer(frame{body: make([]byte, 1000)})) // alone it may be longer
	require.False(t, q.offer(frame{body: nil}))
	require.Len(t, q.take(), 1)
	require.False(t, q.offer(frame{body: nil})) // not yet written
	q.written(1, 1000)
	for range 10 {
		require.True(t, q.offer(frame{body: make([]byte, 10)}))
	}
	require.False(t, q.offer(frame{}))
	q.close()
	require.False(t, q.put(frame{}))
	require.Nil(t, q.take())
}

func TestOldEventsGiveWayAndFoundOnesWait(t *testing.T) {
	e := newEvents()
	for range 2000 {
		e.emit(PeerEvent{Kind: Found})
	}
	require.Less(t, len(e.ch), cap(e.ch)) // the network cannot crowd out our own
	for range 2000 {
		e.emit(PeerEvent{Kind: Linked})
	}
	e.emit(PeerEvent{Kind: Lost})
	e.close()
	var last PeerEvent
	for ev := range e.ch {
		last = ev
	}
	require.Equal(t, Lost, last.Kind)
}

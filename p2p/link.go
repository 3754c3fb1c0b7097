package p2p

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/multiformats/go-multistream"

	"github.com/InterCooperative-Network/icn-core/icn"
)

var (
	errClosed   = errors.New("this node is shutting down")
	errReplaced = errors.New("replaced by a newer stream")
	errCut      = errors.New("no longer admitted")
	errSilent   = errors.New("silent for three heartbeats")
)

// link is the stream that this node opened to a peer for one kind: it sends
// frames and requests and reads the answers.
type link struct {
	*pipe
	did  icn.DID
	kind Kind

	next  atomic.Uint64
	mu    sync.Mutex
	calls map[uint64]chan frame
}

func (r *remote) newLink(kind Kind) *link {
	return &link{
		pipe: r.newPipe(kind),
		did:  r.did, kind: kind, calls: map[uint64]chan frame{},
	}
}

// dial opens a stream of a kind and shakes hands on it.
func (r *remote) dial(ctx context.Context, kind Kind) (network.Stream, *bufio.Reader, error) {
	ctx, cancel := context.WithTimeout(ctx, r.host.cfg.DialTimeout)
	defer cancel()
	s, err := r.host.openStream(ctx, r.id)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Reset() }) // unblocks the handshake
	br, err := r.greet(s, kind)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = s.Reset() // err says why
		return nil, nil, err
	}
	return s, br, nil
}

func (r *remote) greet(s network.Stream, kind Kind) (*bufio.Reader, error) {
	if err := s.SetProtocol(protocolOf(kind)); err != nil {
		return nil, err
	}
	if err := multistream.SelectProtoOrFail(protocolOf(kind), s); err != nil {
		return nil, fmt.Errorf("it does not hear us (are we admitted there?): %w", err)
	}
	if err := writeHello(s, r.host.hello(s.Conn())); err != nil {
		return nil, err
	}
	br := bufio.NewReaderSize(s, 8<<10)
	h, err := readHello(br)
	if err != nil {
		return nil, err
	}
	version, err := r.host.speaks.agree(h)
	if err != nil {
		r.refuseHello(err)
		return nil, err
	}
	r.learn(h, version, s.Conn())
	return br, nil
}

// start lets a link that has shaken hands work. The host owns its goroutines.
func (r *remote) start(l *link, s network.Stream, br *bufio.Reader) bool {
	if !l.attach(s) {
		return false
	}
	ok := r.host.spawn(l.write) && r.host.spawn(func() { l.kill(l.read(br)) })
	if !ok {
		l.kill(errClosed)
	}
	return ok
}

// read hands answers to those who wait for them, until the stream ends.
func (l *link) read(br *bufio.Reader) error {
	for {
		f, err := readFrame(br, l.queue.limit.Frame)
		if err != nil {
			return err
		}
		if f.op != opReply && f.op != opFail && f.op != opPong {
			return fmt.Errorf("frame type %d where answers go: %w", f.op, icn.ErrInvalid)
		}
		l.mu.Lock()
		ch := l.calls[f.id]
		delete(l.calls, f.id)
		l.mu.Unlock()
		if ch != nil {
			ch <- f // has room: each id is answered once
		}
	}
}

// ask sends a request and waits for its answer.
func (l *link) ask(ctx context.Context, op op, body []byte) (frame, error) {
	id, ch := l.next.Add(1), make(chan frame, 1)
	l.mu.Lock()
	crowded := len(l.calls) > 2*l.queue.limit.QueueFrames
	l.calls[id] = ch
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.calls, id)
		l.mu.Unlock()
	}()
	take := l.queue.offer
	if op == opPing {
		take = l.queue.press // a full queue must not look like a dead peer
	}
	if crowded || !take(frame{op: op, id: id, body: body}) {
		if l.ctx.Err() != nil {
			return frame{}, l.gone()
		}
		return frame{}, fmt.Errorf("p2p: %s queue to %s is full: %w", l.kind, l.did, icn.ErrUnavailable)
	}
	select {
	case f := <-ch:
		return f, nil
	case <-l.done():
		return frame{}, l.gone()
	case <-ctx.Done():
		return frame{}, fmt.Errorf("p2p: %s: %w: no %s answer: %w", l.did, icn.ErrUnavailable, l.kind, ctx.Err())
	}
}

func (l *link) gone() error {
	return fmt.Errorf("p2p: %s link to %s is gone: %w: %v", l.kind, l.did, icn.ErrUnavailable, l.cause())
}

// ping measures the round trip through both nodes' queues.
func (l *link) ping(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	_, err := l.ask(ctx, opPing, nil)
	return time.Since(start), err
}

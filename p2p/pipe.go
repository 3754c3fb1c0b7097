package p2p

import (
	"bufio"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"golang.org/x/time/rate"
)

// writeStall is how long a peer may take no byte before its stream is reset.
const writeStall = 30 * time.Second

// pipe is one stream with a queue and a writer in front of it. Either end of a
// link's stream is a pipe: the opener's sends frames and requests, the
// acceptor's sends answers.
type pipe struct {
	queue *queue
	sent  *atomic.Uint64 // bytes, counted at the peer
	pace  *rate.Limiter  // of what is sent, or nil

	ctx  context.Context // ends, with the cause, when the pipe is dead
	stop context.CancelCauseFunc

	mu     sync.Mutex
	stream network.Stream // nil until the handshake is over
}

// newPipe makes a pipe between this node and r.
func (r *remote) newPipe(kind Kind) *pipe {
	p := &pipe{queue: newQueue(r.host.cfg.Limits.Kind[kind]), sent: &r.sent}
	if kind != Live {
		p.pace = r.host.upload
	}
	p.ctx, p.stop = context.WithCancelCause(context.Background())
	return p
}

// attach gives the pipe its stream; false (and the stream is reset) when the
// pipe died meanwhile.
func (p *pipe) attach(s network.Stream) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		_ = s.Reset() // nobody is left to tell
		return false
	}
	p.stream = s
	return true
}

// mark declares the pipe dead, once: nothing more is queued and whoever waits
// on it wakes up. It does no I/O. The stream still has to be reset, by kill or
// with its connection. why is not nil.
func (p *pipe) mark(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() == nil {
		p.stop(why)
		p.queue.close()
	}
}

// kill marks the pipe dead and resets its stream. The reset can wait on a
// connection that takes nothing, so nobody is waited for with a lock held.
func (p *pipe) kill(why error) {
	p.mark(why)
	p.mu.Lock()
	s := p.stream
	p.mu.Unlock()
	if s != nil {
		_ = s.Reset() // a dead stream has nothing to report
	}
}

func (p *pipe) done() <-chan struct{} { return p.ctx.Done() }

// cause is why the pipe is dead.
func (p *pipe) cause() error { return context.Cause(p.ctx) }

// write sends what is queued until the pipe is dead. Frames that wait together
// leave in one flush.
func (p *pipe) write() {
	w := bufio.NewWriterSize(&stallWriter{p}, 8<<10)
	var head [frameHead]byte
	for {
		batch := p.queue.take()
		if batch == nil {
			return
		}
		bytes := 0
		for _, f := range batch {
			bytes += len(f.body)
			if _, err := w.Write(appendHead(head[:0], f)); err != nil {
				p.kill(err)
				return
			}
			if _, err := w.Write(f.body); err != nil {
				p.kill(err)
				return
			}
		}
		if err := w.Flush(); err != nil {
			p.kill(err)
			return
		}
		p.sent.Add(uint64(bytes + len(batch)*frameHead))
		p.queue.written(len(batch), bytes)
	}
}

// stallWriter writes in pieces, each with its own deadline, so that a long
// frame on a slow line is fine and a reader that stopped is not.
type stallWriter struct{ *pipe }

// piece is how much is written at once, in bytes.
const piece = 256 << 10

func (w *stallWriter) Write(b []byte) (int, error) {
	total := 0
	for len(b) > 0 {
		part := b[:min(len(b), piece)]
		if w.pace != nil {
			if err := w.pace.WaitN(w.ctx, len(part)); err != nil {
				return total, err
			}
		}
		if err := w.stream.SetWriteDeadline(time.Now().Add(writeStall)); err != nil {
			return total, err
		}
		n, err := w.stream.Write(part)
		total += n
		if err != nil {
			return total, err
		}
		b = b[n:]
	}
	return total, nil
}

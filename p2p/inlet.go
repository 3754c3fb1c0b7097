package p2p

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multistream"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// inlet is a stream that a peer opened here: its frames and requests come in,
// answers go out.
type inlet struct {
	*pipe
	remote *remote
	kind   Kind
	ended  chan struct{} // closed when no frame of it is being handled any more
}

// doors are the protocols a connection may ask for.
func doors(ids ...protocol.ID) *multistream.MultistreamMuxer[protocol.ID] {
	m := multistream.NewMultistreamMuxer[protocol.ID]()
	for _, id := range ids {
		m.AddHandler(id, nil)
	}
	return m
}

// accept takes a stream that somebody opened. Whoever is not admitted finds one
// door only.
func (h *Host) accept(s network.Stream) {
	err := h.answer(s)
	if err != nil {
		_ = s.Reset() // the stream's own error is the one to report
		h.cfg.Log.Debug("stream refused", "peer", s.Conn().RemotePeer(), "err", err)
	}
}

func (h *Host) answer(s network.Stream) error {
	did, err := didOf(s.Conn().RemotePeer())
	if err != nil {
		return err
	}
	door := h.strangerDoor
	if h.handler.Admitted(did) {
		door = h.memberDoors
	}
	if err := s.SetDeadline(time.Now().Add(h.cfg.DialTimeout)); err != nil {
		return err
	}
	proto, handle, err := door.Negotiate(s)
	if err != nil {
		return err
	}
	if err := s.SetProtocol(proto); err != nil {
		return err
	}
	for k := range Kind(kinds) {
		if proto == protocolOf(k) {
			return h.receive(s, did, k)
		}
	}
	if handle == nil {
		return h.answerKnock(s, did)
	}
	if err := s.SetDeadline(time.Time{}); err != nil { // it sets its own
		return err
	}
	return handle(proto, s)
}

// receive serves one stream of an admitted peer until it ends.
func (h *Host) receive(s network.Stream, did icn.DID, kind Kind) error {
	r, err := h.welcome(did)
	if err != nil {
		return err
	}
	defer h.farewell(r)
	br := bufio.NewReaderSize(s, 8<<10)
	hi, err := readHello(br)
	if err != nil {
		return err
	}
	if err := writeHello(s, h.hello(s.Conn())); err != nil {
		return err
	}
	version, err := h.speaks.agree(hi)
	if err != nil {
		r.refuseHello(err)
		return s.Close() // not reset: our hello tells it the version
	}
	if err := s.SetDeadline(time.Time{}); err != nil {
		return err
	}
	r.learn(hi, version, s.Conn())
	in := &inlet{pipe: r.newPipe(kind), remote: r, kind: kind, ended: make(chan struct{})}
	in.attach(s)
	r.install(in)
	defer r.remove(in)
	if kind == Live {
		r.nudge() // it is there: no need to wait with our own stream
	}
	if !h.spawn(in.write) {
		in.kill(errClosed)
	}
	_ = in.read(br) // the pipe keeps the cause
	return in.cause()
}

// install makes in the only inlet of its kind: the newest counts, and its
// frames wait until the older one's are handled.
func (r *remote) install(in *inlet) {
	r.mu.Lock()
	old := r.inlets[in.kind]
	r.inlets[in.kind] = in
	r.mu.Unlock()
	if old != nil {
		old.kill(errReplaced)
		<-old.ended
	}
	if !r.host.handler.Admitted(r.did) { // its admission ended while it came in
		in.kill(errCut)
	}
}

func (r *remote) remove(in *inlet) {
	close(in.ended)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inlets[in.kind] == in {
		r.inlets[in.kind] = nil
	}
}

// read handles what comes in, until the stream ends or breaks a rule. It
// returns after the last request is answered or given up.
func (in *inlet) read(br *bufio.Reader) (why error) {
	h, r := in.remote.host, in.remote
	slots := make(chan struct{}, in.queue.limit.Serving)
	defer func() {
		in.kill(why)
		for range cap(slots) { // all back: nothing of this stream runs any more
			slots <- struct{}{}
		}
	}()
	for {
		f, err := readFrame(br, in.queue.limit.Frame)
		if in.ctx.Err() != nil { // cut: what was buffered is not heard any more
			return in.cause()
		}
		if err != nil {
			if errors.Is(err, icn.ErrInvalid) {
				r.refused.Add(1)
				h.cfg.Log.Warn("stream reset", "peer", r.did, "kind", in.kind, "err", err)
			}
			return err
		}
		r.received.Add(uint64(frameHead + len(f.body)))
		if err := r.throttle(in.ctx, frameHead+len(f.body)); err != nil {
			return err
		}
		switch f.op {
		case opFrame:
			h.handler.Live(r.did, in.kind, f.body)
		case opPing:
			if !in.queue.offer(frame{op: opPong, id: f.id}) {
				r.dropped.Add(1)
			}
		case opRequest:
			select {
			case slots <- struct{}{}:
			case <-in.done():
				return in.cause()
			}
			go func() {
				defer func() { <-slots }()
				in.serve(f)
			}()
		default:
			r.refused.Add(1)
			return fmt.Errorf("frame type %d where requests go: %w", f.op, icn.ErrInvalid)
		}
	}
}

// serve answers one request. A peer that does not take its answers keeps its
// own slots busy, nobody else's.
func (in *inlet) serve(f frame) {
	h := in.remote.host
	ctx, cancel := context.WithTimeout(in.ctx, h.cfg.CallTimeout)
	defer cancel()
	body, err := h.handler.Serve(ctx, in.remote.did, in.kind, f.body)
	if err == nil && len(body) > in.queue.limit.Frame {
		err = fmt.Errorf("p2p: the answer of %d bytes is over the %s limit of %d: %w", len(body), in.kind, in.queue.limit.Frame, icn.ErrInvalid)
	}
	reply := frame{op: opReply, id: f.id, body: body}
	if err != nil {
		reply = frame{op: opFail, id: f.id, body: encodeFailure(err)}
	}
	in.queue.put(reply) // false: the caller is gone
}

package p2p

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Send queues a one-way frame and never blocks. It is false when there is no
// link, or its queue is full, or the frame is over the limit: the frame is
// gone, as it would be had the network lost it. The frame is not to be changed
// afterwards.
func (h *Host) Send(to icn.DID, kind Kind, payload []byte) bool {
	r := h.find(to)
	if r == nil || kind >= kinds {
		return false
	}
	l := r.outlet(kind)
	if l == nil {
		return false
	}
	if len(payload) > l.queue.limit.Frame || !l.queue.offer(frame{op: opFrame, body: payload}) {
		r.dropped.Add(1)
		return false
	}
	return true
}

// Call asks a peer and waits for its answer. Many calls may be under way at
// once. An error of the peer's handler comes back with its icn sentinel and its
// text; no link, no answer in time or an open breaker is icn.ErrUnavailable.
func (h *Host) Call(ctx context.Context, to icn.DID, kind Kind, request []byte) ([]byte, error) {
	if kind >= kinds || len(request) > h.cfg.Limits.Kind[kind].Frame {
		return nil, fmt.Errorf("p2p: %s request of %d bytes: %w: over the limit", kind, len(request), icn.ErrInvalid)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.cfg.CallTimeout)
		defer cancel()
	}
	pause := Backoff{Initial: h.cfg.RetryInitial, Max: h.cfg.RetryMax}
	for attempt := 1; ; attempt++ {
		f, answered, err := h.try(ctx, to, kind, request)
		switch {
		case err == nil && f.op == opFail:
			return nil, decodeFailure(f.body)
		case err == nil:
			return f.body, nil
		case answered || attempt >= h.cfg.RetryAttempts || ctx.Err() != nil:
			return nil, err
		}
		pause.Failed(time.Now())
		if !sleep(ctx, pause.Wait(time.Now())) {
			return nil, err
		}
	}
}

// try asks once. It is final when there is nobody who could be asked now.
func (h *Host) try(ctx context.Context, to icn.DID, kind Kind, request []byte) (f frame, final bool, err error) {
	r := h.find(to)
	if r == nil {
		return f, true, errNoLink(to)
	}
	if !r.mayCall(time.Now()) {
		return f, true, fmt.Errorf("p2p: %s: %w: it did not answer lately; trying again in a few seconds", to, icn.ErrUnavailable)
	}
	l := r.outlet(kind)
	if l == nil {
		return f, true, errNoLink(to)
	}
	f, err = l.ask(ctx, opRequest, request)
	r.called(err)
	return f, false, err
}

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Ping measures the round trip to a linked peer.
func (h *Host) Ping(ctx context.Context, to icn.DID) (time.Duration, error) {
	r := h.find(to)
	if r == nil {
		return 0, errNoLink(to)
	}
	l := r.outlet(Live)
	if l == nil {
		return 0, errNoLink(to)
	}
	d, err := l.ping(ctx)
	if err == nil {
		r.roundTrip.Store(int64(d))
	}
	return d, err
}

func errNoLink(to icn.DID) error {
	return fmt.Errorf("p2p: %s: %w: there is no link to it", to, icn.ErrUnavailable)
}

func (r *remote) mayCall(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.breaker.Allow(now)
}

// called tells the breaker how a call went. One that the caller gave up says
// nothing about the peer.
func (r *remote) called(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.breaker.Succeeded()
	case !errors.Is(err, context.Canceled):
		r.breaker.Failed(time.Now())
	}
}

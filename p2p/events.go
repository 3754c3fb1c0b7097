package p2p

import (
	"sync"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// EventKind says what happened to a peer.
type EventKind uint8

const (
	// Linked: frames can be sent to this peer.
	Linked EventKind = iota + 1
	// Lost: the link is gone, as of now.
	Lost
	// Found: mDNS saw this node at these addresses; it need not be admitted.
	Found
)

func (k EventKind) String() string {
	switch k {
	case Linked:
		return "linked"
	case Lost:
		return "lost"
	case Found:
		return "found"
	}
	return "?"
}

// PeerEvent is what Events delivers.
type PeerEvent struct {
	DID   icn.DID
	Kind  EventKind
	Addrs []string // Found only: dialable, with /p2p/
}

// events is a bounded channel that never holds up a link: when the reader is a
// thousand events behind, the oldest go; what the network at large can cause
// (Found) only ever takes up half of it.
type events struct {
	mu     sync.Mutex
	ch     chan PeerEvent
	closed bool
}

func newEvents() *events { return &events{ch: make(chan PeerEvent, 1024)} }

func (e *events) emit(ev PeerEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || ev.Kind == Found && len(e.ch) > cap(e.ch)/2 {
		return
	}
	for {
		select {
		case e.ch <- ev:
			return
		default:
		}
		select {
		case <-e.ch:
		default:
		}
	}
}

func (e *events) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.closed = true
		close(e.ch)
	}
}

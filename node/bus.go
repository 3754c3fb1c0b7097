package node

import (
	"slices"
	"sync"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// bus tells listeners about events as they are applied. A listener that does not
// keep up is told that it missed some, and reads them from the store.
type bus struct {
	mu   sync.Mutex
	subs map[*Subscription]struct{}
}

// Subscription is a listener's end of the bus.
type Subscription struct {
	C   chan []icn.Event // batches, in order; closed when the listener fell behind
	bus *bus
}

func (b *bus) init() { b.subs = map[*Subscription]struct{}{} }

// Subscribe listens to all events from now on. Close it when done.
func (n *Node) Subscribe() *Subscription {
	s := &Subscription{C: make(chan []icn.Event, 256), bus: &n.bus}
	n.bus.mu.Lock()
	n.bus.subs[s] = struct{}{}
	n.bus.mu.Unlock()
	return s
}

// Close stops listening.
func (s *Subscription) Close() {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	if _, ok := s.bus.subs[s]; ok {
		delete(s.bus.subs, s)
		close(s.C)
	}
}

func (b *bus) publish(events []icn.Event) {
	if len(events) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.subs { // order: each listener has its own channel
		select {
		case s.C <- events:
		default:
			delete(b.subs, s)
			close(s.C)
		}
	}
}

func sortedLinks(links []Link) []Link {
	slices.SortStableFunc(links, func(a, b Link) int { return int(a.RTTMicros - b.RTTMicros) })
	return links
}

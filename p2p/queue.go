package p2p

import "sync"

// queue holds the frames that wait for one stream's writer, bounded by count
// and bytes; what the writer has taken counts until it is written.
type queue struct {
	mu           sync.Mutex
	work, room   sync.Cond
	frames, away []frame
	count, bytes int
	limit        KindLimit
	closed       bool
}

func newQueue(limit KindLimit) *queue {
	q := &queue{limit: limit}
	q.work.L, q.room.L = &q.mu, &q.mu
	return q
}

func (q *queue) fits(f frame) bool {
	return q.count == 0 || q.count < q.limit.QueueFrames && q.bytes+len(f.body) <= q.limit.QueueBytes
}

func (q *queue) push(f frame) {
	q.frames = append(q.frames, f)
	q.count++
	q.bytes += len(f.body)
	if len(q.frames) == 1 {
		q.work.Signal()
	}
}

// offer takes f if there is room; it never waits.
func (q *queue) offer(f frame) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || !q.fits(f) {
		return false
	}
	q.push(f)
	return true
}

// press takes f even if there is no room: for the few that are counted
// elsewhere, such as this node's own pings.
func (q *queue) press(f frame) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.push(f)
	return true
}

// put waits for room; false when the queue was closed.
func (q *queue) put(f frame) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed && !q.fits(f) {
		q.room.Wait()
	}
	if q.closed {
		return false
	}
	q.push(f)
	return true
}

// take waits for frames and gives all there are; nil when the queue was
// closed. The slice is the queue's own until the next take.
func (q *queue) take() []frame {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed && len(q.frames) == 0 {
		q.work.Wait()
	}
	if q.closed {
		return nil
	}
	clear(q.away)
	q.frames, q.away = q.away[:0], q.frames
	return q.away
}

// written gives back the room of taken frames.
func (q *queue) written(frames, bytes int) {
	q.mu.Lock()
	q.count -= frames
	q.bytes -= bytes
	q.mu.Unlock()
	q.room.Broadcast()
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.frames, q.away = nil, nil
	q.mu.Unlock()
	q.work.Broadcast()
	q.room.Broadcast()
}

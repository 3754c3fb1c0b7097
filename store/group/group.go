// Package group lets batches that wait share one commit: what engines with a
// group commit of their own do by themselves.
//
// The invariant: Apply returns what the commit that its batch was part of
// returned; batches are committed in the order in which they came; after a
// final failure nothing is committed any more.
//
// It knows no engine: a driver hands it the function that commits.
//
//	w := group.New(func(batches []*store.Batch) error { … })
//	err := w.Apply(b)
//	err = w.Close()
package group

import (
	"errors"
	"sync"

	"github.com/InterCooperative-Network/icn-core/store"
)

// Bounds of one commit: batches, and about so many bytes.
const (
	queued   = 1024 // batches that wait at most, before callers do
	together = 512
	weight   = 4 << 20
)

// Writer is the one goroutine that commits.
type Writer struct {
	commit func([]*store.Batch) error
	queue  chan request
	ended  chan struct{}

	mu     sync.Mutex
	broken error
}

type request struct {
	batch *store.Batch
	done  chan error
}

// final marks an error after which nothing can be committed any more.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// Final marks what commit returns as the end: every later Apply gets it too.
func Final(err error) error { return final{err} }

// New starts a writer. commit is called by one goroutine, with at least one
// batch; it must do all of them or none.
func New(commit func([]*store.Batch) error) *Writer {
	w := &Writer{commit: commit, queue: make(chan request, queued), ended: make(chan struct{})}
	go w.run()
	return w
}

// Apply hands a batch over and waits for its commit. It must not be called after
// Close.
func (w *Writer) Apply(b *store.Batch) error {
	r := request{batch: b, done: make(chan error, 1)}
	w.queue <- r
	return <-r.done
}

// Failure is the final one, if it has happened.
func (w *Writer) Failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broken
}

// Break makes every later Apply fail with err, unless something else did before.
func (w *Writer) Break(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken == nil {
		w.broken = err
	}
}

// Close waits for what is under way.
func (w *Writer) Close() error {
	close(w.queue)
	<-w.ended
	return w.Failure()
}

func (w *Writer) run() {
	defer close(w.ended)
	var waiting []request
	var batches []*store.Batch
	for first := range w.queue {
		waiting = w.gather(append(waiting[:0], first))
		batches = batches[:0]
		for _, r := range waiting {
			batches = append(batches, r.batch)
		}
		err := w.try(batches)
		for _, r := range waiting {
			r.done <- err
		}
		clear(waiting)
		clear(batches)
	}
}

func (w *Writer) try(batches []*store.Batch) error {
	if err := w.Failure(); err != nil {
		return err
	}
	err := w.commit(batches)
	var end final
	if errors.As(err, &end) {
		w.Break(end.error)
		return end.error
	}
	return err
}

// gather takes along what else waits.
func (w *Writer) gather(waiting []request) []request {
	bytes := Size(waiting[0].batch)
	for len(waiting) < together && bytes < weight {
		select {
		case r, ok := <-w.queue:
			if !ok {
				return waiting
			}
			waiting = append(waiting, r)
			bytes += Size(r.batch)
		default:
			return waiting
		}
	}
	return waiting
}

// Size is the number of bytes that a batch writes.
func Size(b *store.Batch) (n int) {
	for _, x := range b.Writes {
		n += len(x.Key) + len(x.Value)
	}
	return n
}

// Relaxed says whether none of the batches needs to be durable at once.
func Relaxed(batches []*store.Batch) bool {
	for _, b := range batches {
		if !b.Relaxed {
			return false
		}
	}
	return true
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/InterCooperative-Network/icn-core/store"
)

// writer is the one connection that writes, and the goroutine that uses it.
type writer struct {
	path     string
	db       *sql.DB
	conn     *sql.Conn
	set, del *sql.Stmt
	relaxed  bool // the connection's synchronous mode

	queue chan *request
	ended chan struct{}

	mu     sync.Mutex
	broken error // of the first failed commit
}

// request is a batch on its way to disk.
type request struct {
	batch *store.Batch
	done  chan error
}

const (
	queued   = 1024    // batches that wait at most, before callers do
	together = 256     // batches of one transaction, at most
	weight   = 4 << 20 // and their bytes, about
)

func newWriter(path string) (w *writer, err error) {
	w = &writer{path: path, queue: make(chan *request, queued), ended: make(chan struct{})}
	if w.db, err = sql.Open("sqlite", address(path, writerPragmas)); err != nil {
		return nil, err
	}
	ctx := context.Background()
	defer func() {
		if err != nil {
			err = errors.Join(err, w.db.Close())
			w = nil
		}
	}()
	if w.conn, err = w.db.Conn(ctx); err != nil {
		return w, err
	}
	if err = w.schema(); err != nil {
		return w, err
	}
	if w.set, err = w.conn.PrepareContext(ctx, "INSERT INTO kv (k, v) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v"); err != nil {
		return w, err
	}
	if w.del, err = w.conn.PrepareContext(ctx, "DELETE FROM kv WHERE k = ?"); err != nil {
		return w, err
	}
	go w.run()
	return w, nil
}

// apply hands a batch to the writer and waits for it.
func (w *writer) apply(b *store.Batch) error {
	r := &request{batch: b, done: make(chan error, 1)}
	w.queue <- r
	return <-r.done
}

// run writes what waits, as one transaction a time.
func (w *writer) run() {
	defer close(w.ended)
	var group []*request
	for first := range w.queue {
		group = w.gather(append(group[:0], first))
		err := w.failure()
		if err == nil {
			err = w.commit(group)
		}
		for _, r := range group {
			r.done <- err
		}
	}
}

// gather takes along what else waits.
func (w *writer) gather(group []*request) []*request {
	bytes := size(group[0].batch)
	for len(group) < together && bytes < weight {
		select {
		case r, ok := <-w.queue:
			if !ok {
				return group
			}
			group = append(group, r)
			bytes += size(r.batch)
		default:
			return group
		}
	}
	return group
}

func size(b *store.Batch) (n int) {
	for _, x := range b.Writes {
		n += len(x.Key) + len(x.Value)
	}
	return n
}

// commit writes a group. When the disk is full nothing of it is there, and there
// may be room another time; any other failure is final.
func (w *writer) commit(group []*request) error {
	err := w.transaction(group)
	if err == nil {
		return nil
	}
	err = explain(w.path, "apply batch", err)
	if code(err) == sqlite3.SQLITE_FULL {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = err
	return err
}

func (w *writer) transaction(group []*request) error {
	relaxed := true
	for _, r := range group {
		relaxed = relaxed && r.batch.Relaxed
	}
	if err := w.sync(relaxed); err != nil {
		return err
	}
	ctx := context.Background()
	if err := exec(w.conn, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, r := range group {
		for _, x := range r.batch.Writes {
			var err error
			if x.Delete {
				_, err = w.del.ExecContext(ctx, some(x.Key))
			} else {
				_, err = w.set.ExecContext(ctx, some(x.Key), some(x.Value))
			}
			if err != nil {
				return w.rollback(err)
			}
		}
	}
	if err := exec(w.conn, "COMMIT"); err != nil {
		return w.rollback(err)
	}
	return nil
}

// rollback takes a transaction back; SQLite may have done so by itself.
func (w *writer) rollback(why error) error {
	_ = exec(w.conn, "ROLLBACK") // fails when there is none any more
	return why
}

// sync says whether commits from here on wait for the disk. A commit that does
// not is in the log before every later one all the same.
func (w *writer) sync(relaxed bool) error {
	if w.relaxed == relaxed {
		return nil
	}
	mode := "PRAGMA synchronous = FULL"
	if relaxed {
		mode = "PRAGMA synchronous = NORMAL"
	}
	w.relaxed = relaxed
	return exec(w.conn, mode)
}

func (w *writer) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broken
}

func (w *writer) close() error {
	close(w.queue)
	<-w.ended
	return errors.Join(w.set.Close(), w.del.Close(), w.conn.Close(), w.db.Close(), w.failure())
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/group"
)

// writer is the one connection that writes.
type writer struct {
	*group.Writer
	path     string
	db       *sql.DB
	conn     *sql.Conn
	set, del *sql.Stmt
	relaxed  bool // the connection's synchronous mode
}

func newWriter(path string) (w *writer, err error) {
	w = &writer{path: path}
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
	w.Writer = group.New(w.commit)
	return w, nil
}

// commit writes batches. When the disk is full nothing of them is there, and
// there may be room another time; any other failure is final.
func (w *writer) commit(batches []*store.Batch) error {
	err := w.transaction(batches)
	if err == nil {
		return nil
	}
	err = explain(w.path, "apply batch", err)
	if code(err) == sqlite3.SQLITE_FULL {
		return err
	}
	return group.Final(err)
}

func (w *writer) transaction(batches []*store.Batch) error {
	if err := w.sync(group.Relaxed(batches)); err != nil {
		return err
	}
	ctx := context.Background()
	if err := exec(w.conn, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, b := range batches {
		for _, x := range b.Writes {
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

func (w *writer) close() error {
	return errors.Join(w.Close(), w.set.Close(), w.del.Close(), w.conn.Close(), w.db.Close())
}

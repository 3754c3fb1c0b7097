// Package sqlite is the store of a node on one machine in one SQLite database:
// a single file that every SQL tool can open and copy.
//
// The invariant: what Apply acknowledges is in the database's log and synced,
// unless it was relaxed; then it is synced with the next batch that is not.
// After a commit that failed for another reason than a full disk, every call
// answers with that failure until the process starts again.
//
// All batches that wait are one transaction of the one writer; readers see
// snapshots beside it. It does not back up and does not read other schemas.
//
//	s, err := sqlite.Open("/var/lib/icn/node.sqlite")
//	if err != nil {
//		return err // names the file and what to do
//	}
//	defer s.Close()
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/door"
)

// Store implements store.Store.
type Store struct {
	path    string
	lock    *os.File
	readers *sql.DB
	get     *sql.Stmt
	writer  *writer
	door    door.Door
}

var _ store.Store = (*Store)(nil)

// Open opens the database in a file, and makes it if there is none. One process
// at a time can have it open.
func Open(path string) (s *Store, err error) {
	lock, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	s = &Store{path: path, lock: lock, door: door.Door{Name: path}}
	defer func() {
		if err != nil {
			err = errors.Join(explain(path, "open", err), s.release())
			s = nil
		}
	}()
	if s.writer, err = newWriter(path); err != nil {
		return s, err
	}
	if s.readers, err = sql.Open("sqlite", address(path, readerPragmas)); err != nil {
		return s, err
	}
	s.readers.SetMaxIdleConns(readConns)
	s.readers.SetMaxOpenConns(readConns)
	s.get, err = s.readers.Prepare("SELECT v FROM kv WHERE k = ?")
	return s, err
}

// readConns bounds how many reads go on at a time.
const readConns = 16

// enter lets a call in; it must end with s.door.Leave.
func (s *Store) enter(doing string) error {
	if err := s.writer.Failure(); err != nil {
		return err
	}
	return s.door.Enter(doing)
}

// Get implements store.Store.
func (s *Store) Get(key []byte) ([]byte, error) {
	if err := s.enter("get"); err != nil {
		return nil, err
	}
	defer s.door.Leave()
	var v []byte
	err := s.get.QueryRow(some(key)).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("get %q: %w", key, icn.ErrNotFound)
	}
	if err != nil {
		return nil, explain(s.path, "get", err)
	}
	return some(v), nil
}

// some keeps an empty value from being NULL.
func some(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Scan implements store.Store. One statement sees one snapshot.
func (s *Store) Scan(r store.Range, f func(key, value []byte) bool) (err error) {
	if err := s.enter("scan"); err != nil {
		return err
	}
	defer s.door.Leave()
	query, args := "SELECT k, v FROM kv WHERE k >= ?", []any{some(r.From)}
	if r.To != nil {
		query, args = query+" AND k < ?", append(args, r.To)
	}
	query += " ORDER BY k"
	if r.Reverse {
		query += " DESC"
	}
	rows, err := s.readers.Query(query, args...)
	if err != nil {
		return explain(s.path, "scan", err)
	}
	defer func() {
		if bad := errors.Join(err, rows.Close()); bad != nil {
			err = explain(s.path, "scan", bad)
		}
	}()
	var k, v sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&k, &v); err != nil {
			return err
		}
		if !f(k, v) {
			break
		}
	}
	return rows.Err()
}

// Apply implements store.Store.
func (s *Store) Apply(b *store.Batch) error {
	if err := s.enter("apply batch"); err != nil {
		return err
	}
	defer s.door.Leave()
	if b.Empty() {
		return nil
	}
	return s.writer.Apply(b)
}

// Close implements store.Store. It waits for the calls under way, and so must
// not be called from within a scan.
func (s *Store) Close() error {
	if !s.door.Shut() {
		return nil
	}
	if err := s.release(); err != nil {
		return explain(s.path, "close", err)
	}
	return nil
}

func (s *Store) release() error {
	var errs []error
	if s.get != nil {
		errs = append(errs, s.get.Close())
	}
	if s.readers != nil {
		errs = append(errs, s.readers.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close()) // last: it folds the log into the file
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

// exec runs statements on one connection.
func exec(c *sql.Conn, statements ...string) error {
	for _, q := range statements {
		if _, err := c.ExecContext(context.Background(), q); err != nil {
			return err
		}
	}
	return nil
}

package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// application marks our databases ("ICN1" as a number), version the schema.
const (
	application = 0x49434e31
	version     = 1
)

var (
	writerPragmas = []string{"journal_mode(WAL)", "synchronous(FULL)", "cache_size(-16384)", "wal_autocheckpoint(2000)", "busy_timeout(5000)", "trusted_schema(0)"}
	readerPragmas = []string{"query_only(1)", "cache_size(-2048)", "busy_timeout(5000)", "trusted_schema(0)"}
)

// address is the driver's name for a database with pragmas.
func address(path string, pragmas []string) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	u.RawQuery = url.Values{"_pragma": pragmas}.Encode()
	return u.String()
}

// schema makes the table, or refuses a database that is not ours.
func (w *writer) schema() error {
	var app, v, tables int
	for _, q := range []struct {
		query string
		to    *int
	}{
		{"PRAGMA application_id", &app}, {"PRAGMA user_version", &v},
		{"SELECT count(*) FROM sqlite_schema", &tables},
	} {
		if err := w.conn.QueryRowContext(context.Background(), q.query).Scan(q.to); err != nil {
			return err
		}
	}
	switch {
	case app == application && v == version:
		return nil
	case app == application:
		return fmt.Errorf("%w: its schema is of version %d; install a newer icn-node", icn.ErrInvalid, v)
	case app != 0 || tables > 0:
		return fmt.Errorf("%w: it is a database of another program; choose another --storage-path", icn.ErrInvalid)
	}
	return exec(w.conn, "BEGIN IMMEDIATE",
		"CREATE TABLE kv (k BLOB NOT NULL PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID, STRICT",
		fmt.Sprintf("PRAGMA application_id = %d", application), fmt.Sprintf("PRAGMA user_version = %d", version), "COMMIT")
}

// lockFile holds a lock beside the database for as long as this process lives:
// SQLite's own would let a second node in.
func lockFile(path string) (*os.File, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return nil, fmt.Errorf("store %s: %w: it is a folder; choose a file as --storage-path", path, icn.ErrInvalid)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, explain(path, "make the folder", err)
	}
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, explain(path, "lock", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		err = errors.Join(fmt.Errorf("store %s: %w: another icn-node uses it; stop it or choose another --storage-path", path, icn.ErrUnavailable), f.Close())
		return nil, err
	}
	return f, nil
}

// code is SQLite's primary result code of an error; 0 when it has none.
func code(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

// explain says what was wrong, where, and what to do next.
func explain(path, doing string, err error) error {
	wrap := func(kind error, advice string) error {
		return fmt.Errorf("store %s: %s: %w: %w; %s", path, doing, kind, err, advice)
	}
	var known bool
	for _, kind := range []error{icn.ErrInvalid, icn.ErrUnavailable, icn.ErrCorrupt, icn.ErrDenied} {
		known = known || errors.Is(err, kind)
	}
	switch c := code(err); {
	case known:
		return fmt.Errorf("store %s: %s: %w", path, doing, err)
	case c == sqlite3.SQLITE_CORRUPT || c == sqlite3.SQLITE_NOTADB:
		return wrap(icn.ErrCorrupt, "restore it from a backup, or let the node join again with an empty file")
	case c == sqlite3.SQLITE_FULL || errors.Is(err, syscall.ENOSPC):
		return wrap(icn.ErrUnavailable, "the disk, quota or file size limit is used up: make room and try again")
	case c == sqlite3.SQLITE_READONLY || c == sqlite3.SQLITE_CANTOPEN || c == sqlite3.SQLITE_PERM || errors.Is(err, fs.ErrPermission):
		return wrap(icn.ErrDenied, "give this user the file and its folder (chown), or choose another --storage-path")
	case errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrExist):
		return wrap(icn.ErrInvalid, "choose a file as --storage-path")
	}
	return wrap(icn.ErrUnavailable, "check the disk, then start again")
}

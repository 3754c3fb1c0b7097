// Package state holds what the folds know: typed tables that are journaled, so
// that a refused statement leaves no trace; hashed, so that two nodes can tell
// that they know the same; and written out whole, as a snapshot.
//
// The invariant: the root depends on the contents of the tables alone, never on
// the order in which they came about, and its cost follows what changed.
//
// It is pure: no clock, no I/O, no goroutine. It knows no domain.
//
//	db := state.NewDB()
//	accounts := state.NewTable(db, state.Spec[icn.DID, Account]{...})
//	db.Begin()
//	accounts.Put(did, a)
//	db.Rollback() // or db.Commit()
//	root := db.Root()
package state

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"sort"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// DB is a set of tables with one journal and one root.
type DB struct {
	tables []table
	undo   []func()
	inTx   bool
	dirty  map[dirtyKey]struct{}
	tree   tree
}

type dirtyKey struct {
	table int
	key   string
}

// table is what the DB needs of a Table whatever its types.
type table interface {
	name() string
	leaf(key string) ([]byte, bool)
	sortedKeys() []string
	load(key string, row []byte) error
}

// NewDB is an empty set of tables.
func NewDB() *DB { return &DB{dirty: map[dirtyKey]struct{}{}} }

// Begin starts a step that can be undone.
func (db *DB) Begin() {
	if db.inTx {
		panic("state: step within a step")
	}
	db.inTx = true
}

// Commit keeps what was done since Begin.
func (db *DB) Commit() {
	db.inTx = false
	clear(db.undo)
	db.undo = db.undo[:0]
}

// Rollback undoes what was done since Begin.
func (db *DB) Rollback() {
	for i := len(db.undo) - 1; i >= 0; i-- {
		db.undo[i]()
	}
	db.Commit()
}

// Try does something that is undone if it returns an error, or if it says that it
// was only to be seen: within a step, or on its own.
func (db *DB) Try(do func() (keep bool, err error)) error {
	own := !db.inTx
	if own {
		db.Begin()
	}
	from := len(db.undo)
	keep, err := do()
	if !keep || err != nil {
		for i := len(db.undo) - 1; i >= from; i-- {
			db.undo[i]()
		}
		clear(db.undo[from:])
		db.undo = db.undo[:from]
	}
	if own {
		db.Commit()
	}
	return err
}

// Root is the hash over all tables.
func (db *DB) Root() [32]byte {
	for d := range db.dirty { // order: the tree's shape does not depend on it
		t := db.tables[d.table]
		path := leafPath(t.name(), d.key)
		if v, ok := t.leaf(d.key); ok {
			db.tree.set(path, sha256.Sum256(v))
		} else {
			db.tree.remove(path)
		}
	}
	clear(db.dirty)
	return db.tree.root()
}

func leafPath(table, key string) [32]byte {
	b := make([]byte, 0, len(table)+1+len(key))
	b = append(append(append(b, table...), 0), key...)
	return sha256.Sum256(b)
}

// Snapshot appends all tables in canonical form.
func (db *DB) Snapshot(b []byte) []byte {
	b = icn.AppendArray(b, len(db.tables))
	for _, t := range db.tables {
		keys := t.sortedKeys()
		b = icn.AppendText(icn.AppendArray(b, 2), t.name())
		b = icn.AppendArray(b, 2*len(keys))
		for _, k := range keys {
			v, _ := t.leaf(k)
			b = icn.AppendBytes(icn.AppendBytes(b, []byte(k)), v)
		}
	}
	return b
}

// maxRows and maxRow bound what a snapshot may make a node allocate.
const (
	maxRows = 1 << 28
	maxRow  = 4 << 20
)

// Restore reads what Snapshot wrote into the empty tables of a new DB. It is
// strict: what it accepts, Snapshot writes again byte for byte.
func (db *DB) Restore(r *icn.Reader) error {
	r.Tuple(len(db.tables))
	for _, t := range db.tables {
		r.Tuple(2)
		if n := r.Text(64); r.Err() == nil && n != t.name() {
			r.Fail("table %q, want %q", n, t.name())
		}
		n := r.Array(maxRows)
		if n%2 != 0 {
			r.Fail("a key without its value")
		}
		var last []byte
		for i := 0; i < n && r.Err() == nil; i += 2 {
			k, v := r.Bytes(1024), r.Bytes(maxRow)
			if r.Err() != nil {
				break
			}
			if i > 0 && bytes.Compare(last, k) >= 0 {
				r.Fail("rows of %q out of order", t.name())
				break
			}
			last = k
			if err := t.load(string(k), v); err != nil {
				return fmt.Errorf("snapshot: table %q: %w", t.name(), err)
			}
		}
	}
	return r.Err()
}

// Spec tells how a table's keys and values look as bytes.
type Spec[K comparable, V any] struct {
	Name   string
	Key    func(K) string
	Parse  func(string) (K, error)
	Append func([]byte, V) []byte
	Read   func(*icn.Reader) V
}

// Table maps keys to values. Values are replaced, never changed in place:
// whoever holds one may go on reading it.
type Table[K comparable, V any] struct {
	db   *DB
	id   int
	spec Spec[K, V]
	rows map[K]V
}

// NewTable adds a table to db. The tables of a DB are always made in the same
// order, and no two have the same name: rows are hashed under it.
func NewTable[K comparable, V any](db *DB, spec Spec[K, V]) *Table[K, V] {
	for _, other := range db.tables {
		if other.name() == spec.Name {
			panic(fmt.Sprintf("state: two tables named %q", spec.Name))
		}
	}
	t := &Table[K, V]{db: db, id: len(db.tables), spec: spec, rows: map[K]V{}}
	db.tables = append(db.tables, t)
	return t
}

// Get returns a row.
func (t *Table[K, V]) Get(k K) (V, bool) {
	v, ok := t.rows[k]
	return v, ok
}

// Len is the number of rows.
func (t *Table[K, V]) Len() int { return len(t.rows) }

// Put sets a row.
func (t *Table[K, V]) Put(k K, v V) {
	t.journal(k)
	t.rows[k] = v
}

// Delete removes a row.
func (t *Table[K, V]) Delete(k K) {
	if _, ok := t.rows[k]; !ok {
		return
	}
	t.journal(k)
	delete(t.rows, k)
}

func (t *Table[K, V]) journal(k K) {
	at := dirtyKey{t.id, t.spec.Key(k)}
	t.db.dirty[at] = struct{}{}
	if !t.db.inTx {
		return
	}
	old, had := t.rows[k]
	t.db.undo = append(t.db.undo, func() {
		t.db.dirty[at] = struct{}{} // the root may have been asked for meanwhile
		if had {
			t.rows[k] = old
		} else {
			delete(t.rows, k)
		}
	})
}

// Each calls f for every row, in the order of the keys' bytes, until f returns
// false. It sorts: not for hot paths.
func (t *Table[K, V]) Each(f func(K, V) bool) {
	for _, s := range t.sortedKeys() {
		k, err := t.spec.Parse(s)
		if err != nil {
			panic(fmt.Sprintf("state: key of %s: %v", t.spec.Name, err))
		}
		if !f(k, t.rows[k]) {
			return
		}
	}
}

func (t *Table[K, V]) name() string { return t.spec.Name }

func (t *Table[K, V]) sortedKeys() []string {
	keys := make([]string, 0, len(t.rows))
	for k := range t.rows { // order: sorted below
		keys = append(keys, t.spec.Key(k))
	}
	sort.Strings(keys)
	return keys
}

func (t *Table[K, V]) leaf(key string) ([]byte, bool) {
	k, err := t.spec.Parse(key)
	if err != nil {
		panic(fmt.Sprintf("state: key of %s: %v", t.spec.Name, err))
	}
	v, ok := t.rows[k]
	if !ok {
		return nil, false
	}
	return t.spec.Append(nil, v), true
}

func (t *Table[K, V]) load(key string, row []byte) error {
	k, err := t.spec.Parse(key)
	if err != nil {
		return err
	}
	r := icn.NewReader(row)
	v := t.spec.Read(r)
	if err := r.Close(); err != nil {
		return err
	}
	// A value out of its type's range, cut to fit, would be another row than the
	// one that the snapshot shows.
	if t.spec.Key(k) != key || !bytes.Equal(t.spec.Append(nil, v), row) {
		return fmt.Errorf("row %x: %w: not in canonical form", key, icn.ErrInvalid)
	}
	t.rows[k] = v
	t.db.dirty[dirtyKey{t.id, key}] = struct{}{}
	return nil
}

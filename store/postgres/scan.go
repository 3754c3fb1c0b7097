package postgres

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/InterCooperative-Network/icn-core/store"
)

// A scan reads pages of rows, so that whoever stops early is not sent the rest.
const (
	firstPage   = 128
	largestPage = 1024
)

// Scan implements store.Store. It is not tried again once it has called f.
func (s *Store) Scan(r store.Range, f func(key, value []byte) bool) error {
	if err := s.enter("scan"); err != nil {
		return err
	}
	defer s.door.Leave()
	if r.To != nil && bytes.Compare(r.From, r.To) >= 0 {
		return nil
	}
	var late error
	err := s.again(func(ctx context.Context) error {
		c, err := s.pool.Acquire(ctx)
		if err != nil {
			return err
		}
		defer c.Release()
		x := scan{conn: c, from: some(r.From), to: r.To, reverse: r.Reverse, page: firstPage, f: f}
		err = x.run(ctx)
		if err != nil && x.begun {
			late, err = err, nil
		}
		return err
	})
	if err == nil {
		err = late
	}
	if err != nil {
		return explain(s.name, "scan", err)
	}
	return nil
}

// scan is one scan: a transaction that reads page after page of one snapshot.
type scan struct {
	conn     *pgxpool.Conn
	from, to []byte
	after    bool // from (or, in reverse, to) was seen already
	reverse  bool
	page     int
	f        func(key, value []byte) bool

	begun, stopped bool
}

func (x *scan) run(ctx context.Context) error {
	b := &pgx.Batch{}
	b.Queue("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	x.queue(b)
	for {
		br := x.conn.SendBatch(ctx, b)
		if !x.begun && b.Len() > 1 {
			if _, err := br.Exec(); err != nil {
				return x.end(ctx, br.Close())
			}
		}
		rows, err := br.Query()
		n := 0
		if err == nil {
			n, err = x.read(rows)
		}
		if bad := br.Close(); err == nil {
			err = bad
		}
		if err != nil || x.stopped || n < x.page {
			return x.end(ctx, err)
		}
		x.page = min(2*x.page, largestPage)
		b = &pgx.Batch{}
		x.queue(b)
	}
}

// end leaves the transaction; it has changed nothing.
func (x *scan) end(ctx context.Context, err error) error {
	if _, bad := x.conn.Exec(ctx, "ROLLBACK"); err == nil {
		err = bad
	}
	return err
}

func (x *scan) queue(b *pgx.Batch) {
	low, high, order := ">=", "<", ""
	switch {
	case x.reverse:
		order = " DESC" // to is excluded in any case
	case x.after:
		low = ">"
	}
	if x.to == nil {
		b.Queue(fmt.Sprintf("SELECT k, v FROM icn_kv WHERE k %s $1 ORDER BY k%s LIMIT %d", low, order, x.page), x.from)
		return
	}
	b.Queue(fmt.Sprintf("SELECT k, v FROM icn_kv WHERE k %s $1 AND k %s $2 ORDER BY k%s LIMIT %d", low, high, order, x.page), x.from, x.to)
}

// read hands a page on, and remembers where the next begins.
func (x *scan) read(rows pgx.Rows) (n int, err error) {
	defer rows.Close()
	var last []byte
	for rows.Next() {
		n++
		x.begun = true
		raw := rows.RawValues()
		if n == x.page {
			last = bytes.Clone(raw[0])
		}
		if !x.f(raw[0], raw[1]) {
			x.stopped = true
			break
		}
	}
	switch {
	case last == nil:
	case x.reverse:
		x.to = last
	default:
		x.from, x.after = last, true
	}
	rows.Close()
	return n, rows.Err()
}

package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/group"
)

// holdsTerm fails the transaction (division by zero) unless the term is still
// ours, and keeps it from being taken before the transaction ends.
const holdsTerm = "SELECT 1 / count(*) FROM (SELECT 1 FROM icn_seat WHERE id = 1 AND term = $1 FOR SHARE) AS held"

// commit writes batches in one transaction, which is one round trip. When the
// connection breaks nobody knows whether they are in; they say what shall be, not
// what shall change, so they are written again. Whoever took the term in the
// meantime is not written over: each try compares it.
func (s *Store) commit(batches []*store.Batch) error {
	p := changes(batches)
	relaxed := group.Relaxed(batches)
	err := s.again(func(ctx context.Context) error {
		err := s.transaction(ctx, p, relaxed)
		if err != nil && s.writes.Conn().IsClosed() {
			s.renew(ctx)
		}
		return err
	})
	switch {
	case err == nil:
		return nil
	case superseded(err):
		return group.Final(s.lose())
	case full(err):
		return explain(s.name, "apply batch", err)
	}
	return group.Final(explain(s.name, "apply batch", err))
}

// renew replaces the connection for writing.
func (s *Store) renew(ctx context.Context) {
	s.writes.Release()
	for {
		c, err := s.pool.Acquire(ctx)
		if err == nil {
			s.writes = c
			return
		}
		if !pause(ctx, 100*time.Millisecond) {
			return // the released one stays; using it fails, and that ends the store
		}
	}
}

// change is what a group of batches makes of the table.
type change struct{ keys, values, gone [][]byte }

// changes takes the last word on each key: a statement may name it once only.
func changes(batches []*store.Batch) (c change) {
	last := map[string]store.Write{}
	var order []string
	for _, b := range batches {
		for _, w := range b.Writes {
			if _, known := last[string(w.Key)]; !known {
				order = append(order, string(w.Key))
			}
			last[string(w.Key)] = w
		}
	}
	for _, k := range order {
		if w := last[k]; w.Delete {
			c.gone = append(c.gone, some(w.Key))
		} else {
			c.keys, c.values = append(c.keys, some(w.Key)), append(c.values, some(w.Value))
		}
	}
	return c
}

func (s *Store) transaction(ctx context.Context, c change, relaxed bool) error {
	b := &pgx.Batch{}
	b.Queue("BEGIN")
	if relaxed {
		b.Queue("SET LOCAL synchronous_commit = off")
	}
	b.Queue(holdsTerm, s.term)
	if len(c.gone) > 0 {
		b.Queue("DELETE FROM icn_kv WHERE k = ANY($1::bytea[])", c.gone)
	}
	if len(c.keys) > 0 {
		b.Queue("INSERT INTO icn_kv (k, v) SELECT * FROM unnest($1::bytea[], $2::bytea[]) ON CONFLICT (k) DO UPDATE SET v = excluded.v", c.keys, c.values)
	}
	b.Queue("COMMIT")
	conn := s.writes.Conn()
	err := conn.SendBatch(ctx, b).Close()
	if err != nil && !conn.IsClosed() {
		if _, bad := conn.Exec(ctx, "ROLLBACK"); bad != nil {
			_ = conn.Close(ctx) // a connection in an unknown state is of no use
		}
	}
	return err
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Held says that another process works in the database.
type Held struct {
	By    string    // what that process said of itself
	Until time.Time // by the database's clock, unless it goes on
	name  string
}

func (h *Held) Error() string {
	return fmt.Sprintf("store %s: %v: another icn-node uses it (%s)", h.name, icn.ErrUnavailable, h.By)
}

// Unwrap makes it icn.ErrUnavailable.
func (h *Held) Unwrap() error { return icn.ErrUnavailable }

// migrate makes the tables.
func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	for _, q := range []string{
		"CREATE TABLE IF NOT EXISTS icn_kv (k BYTEA PRIMARY KEY, v BYTEA NOT NULL)",
		`CREATE TABLE IF NOT EXISTS icn_seat (id INT PRIMARY KEY CHECK (id = 1), term BIGINT NOT NULL,
			holder TEXT NOT NULL, until TIMESTAMPTZ NOT NULL)`,
		"INSERT INTO icn_seat VALUES (1, 0, '', now()) ON CONFLICT (id) DO NOTHING",
	} {
		// Two processes that make the tables at once: one is told that they exist.
		if _, err := pool.Exec(ctx, q); err != nil && !duplicate(err) {
			return err
		}
	}
	return nil
}

// take raises the term, if nobody's lease is running.
func take(ctx context.Context, pool *pgxpool.Pool, name string, cfg Config) (term int64, err error) {
	err = pool.QueryRow(ctx, "UPDATE icn_seat SET term = term + 1, holder = $1, until = now() + $2 WHERE id = 1 AND until <= now() RETURNING term",
		cfg.Holder, cfg.Lease).Scan(&term)
	if err == nil {
		return term, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return 0, explain(name, "open", err)
	}
	h := &Held{name: name}
	if err := pool.QueryRow(ctx, "SELECT holder, until FROM icn_seat WHERE id = 1").Scan(&h.By, &h.Until); err != nil {
		return 0, explain(name, "open", err)
	}
	return 0, h
}

// keep renews the lease for as long as the store is open.
func (s *Store) keep(ctx context.Context) {
	for pause(ctx, s.cfg.Lease/4) {
		try, cancel := context.WithTimeout(ctx, s.cfg.Lease)
		tag, err := s.pool.Exec(try, "UPDATE icn_seat SET until = now() + $2 WHERE id = 1 AND term = $1", s.term, s.cfg.Lease)
		cancel()
		switch {
		case err == nil && tag.RowsAffected() == 0:
			s.writer.Break(s.lose())
			return
		case err != nil && ctx.Err() == nil:
			s.cfg.Log.Warn("the store's lease is not renewed", "store", s.name, "error", err)
		}
	}
}

// Announce changes what others are told of this process.
func (s *Store) Announce(ctx context.Context, holder string) error {
	tag, err := s.pool.Exec(ctx, "UPDATE icn_seat SET holder = $2 WHERE id = 1 AND term = $1", s.term, holder)
	if err != nil {
		return explain(s.name, "announce", err)
	}
	if tag.RowsAffected() == 0 {
		return s.lose()
	}
	return nil
}

// From is the address that this process's connections to the database come from;
// none, when they come through a socket of this machine.
func (s *Store) From(ctx context.Context) (at netip.Addr, err error) {
	err = s.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		if a, isTCP := c.Conn().PgConn().Conn().LocalAddr().(*net.TCPAddr); isTCP {
			at = a.AddrPort().Addr().Unmap()
		}
		return nil
	})
	if err != nil {
		return at, explain(s.name, "ask for an address", err)
	}
	return at, nil
}

// lose tells that another process has the term.
func (s *Store) lose() error {
	s.losing.Do(func() { close(s.lost) })
	return fmt.Errorf("store %s: %w: another icn-node has taken it over; this one ends", s.name, icn.ErrUnavailable)
}

// Wait tries to open the database until nobody else has it. told hears who has
// it, each time that changes.
func Wait(ctx context.Context, cfg Config, told func(*Held)) (*Store, error) {
	cfg = cfg.withDefaults()
	by, first := "", true
	for {
		s, err := Open(ctx, cfg)
		if err == nil {
			return s, nil
		}
		var held *Held
		switch {
		case errors.As(err, &held):
			if first || held.By != by {
				by, first = held.By, false
				told(held)
			}
		case passing(err) && ctx.Err() == nil: // the database is away for a while
		default:
			return nil, err
		}
		if !pause(ctx, cfg.Lease/4) {
			return nil, fmt.Errorf("wait for the store: %w: %w", icn.ErrUnavailable, context.Cause(ctx))
		}
	}
}

// pause waits; false when ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// connect makes the pool and tries one connection. name is the database's
// address without secrets.
func connect(ctx context.Context, cfg Config) (pool *pgxpool.Pool, name string, err error) {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil { // pgx masks the password in it
		return nil, "", fmt.Errorf("store: %w: %w; want postgresql://user:password@host:5432/database", icn.ErrInvalid, err)
	}
	c := pc.ConnConfig
	name = fmt.Sprintf("postgresql://%s@%s/%s", c.User, net.JoinHostPort(c.Host, fmt.Sprint(c.Port)), c.Database)
	if !strings.Contains(cfg.URL, "pool_max_conns") {
		pc.MaxConns = int32(max(cfg.MaxConnections, 3)) // one writes, one keeps the lease
	}
	if !strings.Contains(cfg.URL, "connect_timeout") {
		c.ConnectTimeout = cfg.ConnectTimeout
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "icn-node"
	}
	pc.AfterConnect = byIndex
	if pool, err = pgxpool.NewWithConfig(ctx, pc); err != nil {
		return nil, name, explain(name, "open", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, name, explain(name, "connect", err)
	}
	return pool, name, nil
}

// byIndex makes the planner walk the index, which is always right for a table that
// is read by its key alone: without statistics it would sort the table.
func byIndex(ctx context.Context, c *pgx.Conn) error {
	for _, name := range []string{"enable_seqscan", "enable_bitmapscan", "enable_sort"} {
		if _, err := c.Exec(ctx, "SET "+name+" = off"); err != nil && codeOf(err) != "42704" { // other databases do not know it
			return err
		}
	}
	return nil
}

// again tries something until it succeeds, fails for a reason that will not pass,
// or has been tried for as long as a connection may take.
func (s *Store) again(f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ConnectTimeout)
	defer cancel()
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := f(context.Background())
		if err == nil || !passing(err) || !pause(ctx, wait) {
			return err
		}
	}
}

// passing says whether the same could succeed in a moment: the connection broke,
// or the database starts, ends or asks to try again.
func passing(err error) bool {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch {
		case strings.HasPrefix(e.Code, "08"), strings.HasPrefix(e.Code, "57P"): // connection, shutdown
			return true
		case e.Code == "40001", e.Code == "40P01", e.Code == "53300": // serialisation, deadlock, too many connections
			return true
		}
		return false
	}
	var broken net.Error
	return errors.As(err, &broken) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		pgconn.SafeToRetry(err) || strings.Contains(err.Error(), "conn closed")
}

func codeOf(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func superseded(err error) bool { return codeOf(err) == "22012" } // see holdsTerm
func full(err error) bool       { return codeOf(err) == "53100" }
func duplicate(err error) bool {
	switch codeOf(err) {
	case "42P07", "23505", "42710": // table, row of a catalogue, type
		return true
	}
	return false
}

// explain says what was wrong, where, and what to do next.
func explain(name, doing string, err error) error {
	wrap := func(kind error, advice string) error {
		return fmt.Errorf("store %s: %s: %w: %w; %s", name, doing, kind, err, advice)
	}
	switch c := codeOf(err); {
	case c == "3D000":
		return wrap(icn.ErrNotFound, "make it first: createdb DATABASE")
	case strings.HasPrefix(c, "28"):
		return wrap(icn.ErrDenied, "check the user and password in --db-url and in pg_hba.conf")
	case c == "42501":
		return wrap(icn.ErrDenied, "let this user make tables: GRANT CREATE, USAGE ON SCHEMA public TO …")
	case strings.HasPrefix(c, "XX"):
		return wrap(icn.ErrCorrupt, "the database reports damage: see its own log, and restore from a backup")
	case full(err):
		return wrap(icn.ErrUnavailable, "the database's disk is full: make room and try again")
	case errors.Is(err, pgx.ErrTooManyRows):
		return wrap(icn.ErrCorrupt, "its tables were changed by hand")
	}
	return wrap(icn.ErrUnavailable, "check that the database runs and can be reached")
}

// Package postgres is the store of a node in a PostgreSQL database (or one that
// speaks its language, as CockroachDB does).
//
// The invariant: what Apply acknowledges was committed by the one process that
// holds the database's term. Every commit compares the term in the same
// transaction, so a process that was paused, or cut off, and meanwhile replaced,
// commits nothing, however late it wakes up.
//
// A process without the term can wait for it (see [Wait]): it is a standby. The
// store does not make databases or users.
//
//	s, err := postgres.Open(ctx, postgres.Config{URL: "postgresql://icn@db/icn", Holder: "http://10.0.0.5:7845"})
//	var held *postgres.Held
//	if errors.As(err, &held) { … } // another process works here: held.By
//	defer s.Close()
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/door"
	"github.com/InterCooperative-Network/icn-core/store/group"
)

// Config says where the database is and how to use it.
type Config struct {
	URL            string
	MaxConnections int           // 0: 20
	ConnectTimeout time.Duration // 0: 10 s. Also how long a commit is tried again when the connection breaks
	Lease          time.Duration // 0: 5 s. How long the term stays with a process that is silent
	Holder         string        // where others find this process
	Log            *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.MaxConnections == 0 {
		c.MaxConnections = 20
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 10 * time.Second
	}
	if c.Lease == 0 {
		c.Lease = 5 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Store implements store.Store.
type Store struct {
	cfg    Config
	name   string // of the database, without its password
	pool   *pgxpool.Pool
	term   int64
	writer *group.Writer
	writes *pgxpool.Conn

	lost    chan struct{} // closed when the term is another's
	losing  sync.Once
	stop    context.CancelFunc
	keeping sync.WaitGroup
	door    door.Door
}

var _ store.Store = (*Store)(nil)

// Open takes the database's term. When another process has it, the error is a
// [*Held].
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	pool, name, err := connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, name: name, pool: pool, lost: make(chan struct{}), door: door.Door{Name: name}}
	if err := s.begin(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) begin(ctx context.Context) (err error) {
	if err := migrate(ctx, s.pool); err != nil {
		return explain(s.name, "open", err)
	}
	if s.term, err = take(ctx, s.pool, s.name, s.cfg); err != nil {
		return err
	}
	if s.writes, err = s.pool.Acquire(ctx); err != nil {
		return explain(s.name, "open", err)
	}
	s.writer = group.New(s.commit)
	life, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.keeping.Go(func() { s.keep(life) })
	return nil
}

// enter lets a call in; it must end with s.door.Leave.
func (s *Store) enter(doing string) error {
	if err := s.writer.Failure(); err != nil {
		return err
	}
	return s.door.Enter(doing)
}

// Get implements store.Store.
func (s *Store) Get(key []byte) (v []byte, err error) {
	if err := s.enter("get"); err != nil {
		return nil, err
	}
	defer s.door.Leave()
	err = s.again(func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, "SELECT v FROM icn_kv WHERE k = $1", some(key)).Scan(&v)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("get %q: %w", key, icn.ErrNotFound)
	}
	if err != nil {
		return nil, explain(s.name, "get", err)
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

// Lost is closed when another process has taken the term: this one can only end.
func (s *Store) Lost() <-chan struct{} { return s.lost }

// Term counts the processes that have worked here; it never goes back.
func (s *Store) Term() int64 { return s.term }

// Close implements store.Store. It gives the term back, so that the next process
// need not wait for the lease to lapse.
func (s *Store) Close() error {
	if !s.door.Shut() {
		return nil
	}
	err := s.writer.Close()
	s.stop()
	s.keeping.Wait()
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ConnectTimeout)
		defer cancel()
		_, err = s.pool.Exec(ctx, "UPDATE icn_seat SET until = now() WHERE id = 1 AND term = $1", s.term)
		if err != nil {
			err = explain(s.name, "close", err)
		}
	}
	s.writes.Release()
	s.pool.Close()
	return err
}

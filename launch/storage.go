package launch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/dag/redis"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/p2p"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/memory"
	"github.com/InterCooperative-Network/icn-core/store/pebble"
	"github.com/InterCooperative-Network/icn-core/store/postgres"
	"github.com/InterCooperative-Network/icn-core/store/rocksdb"
	"github.com/InterCooperative-Network/icn-core/store/sqlite"
)

// OpenStore opens the store of a configuration. One in a database that another
// process works in is a [*postgres.Held].
func OpenStore(ctx context.Context, c config.Storage, log *slog.Logger) (store.Store, error) {
	return openStore(ctx, c, log)
}

func openStore(ctx context.Context, c config.Storage, log *slog.Logger, options ...pebble.Option) (store.Store, error) {
	if c.Backend == "postgresql" {
		return interfaced(postgres.Open(ctx, database(c, "", log)))
	}
	return openFile(c.Backend, c.Path, append(options, pebble.Log(log))...)
}

// openFile opens a store on this machine.
func openFile(backend, path string, options ...pebble.Option) (store.Store, error) {
	switch backend {
	case "memory":
		return memory.New(), nil
	case "pebble", "sled":
		return interfaced(pebble.Open(path, options...))
	case "sqlite":
		return interfaced(sqlite.Open(path))
	case "rocksdb":
		return interfaced(rocksdb.Open(path))
	}
	return nil, fmt.Errorf("storage backend %q: %w: there is none", backend, icn.ErrInvalid)
}

// interfaced keeps a nil store from becoming an interface that is not nil.
func interfaced[S store.Store](s S, err error) (store.Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

func database(c config.Storage, holder string, log *slog.Logger) postgres.Config {
	return postgres.Config{URL: c.ConnectionString, MaxConnections: c.MaxConnections, ConnectTimeout: time.Duration(c.ConnectionTimeout) * time.Second, Holder: holder, Log: log}
}

// claim opens the database, when the store is one. While another process of this
// node works in it, this one stands by.
func (r *Running) claim(ctx context.Context, standing func(addrs string)) error {
	if r.cfg.Storage.Backend != "postgresql" {
		return nil
	}
	s, err := postgres.Open(ctx, database(r.cfg.Storage, "", r.log))
	var held *postgres.Held
	if !errors.As(err, &held) {
		if err == nil {
			err = r.setStore(s)
		}
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	if err := r.fits(heard(held.By).Key); err != nil {
		return err
	}
	if r.socket, err = listen(r.cfg.Network.HTTPListenAddr); err != nil {
		return err
	}
	links, err := r.links()
	if err != nil {
		return err
	}
	if m := r.cfg.Monitoring; m.MetricsEnabled {
		if r.counters, err = listen(m.MetricsBindAddr); err != nil {
			return err
		}
	}
	by := standBy(doors{api: r.socket, tls: r.cfg.Security.TLSCertPath != "", counters: r.counters, p2p: links}, r.log)
	by.follow(held.By)
	if standing != nil {
		standing(r.Addrs())
	}
	s, err = postgres.Wait(ctx, database(r.cfg.Storage, "", r.log), func(h *postgres.Held) {
		by.follow(h.By)
		if err := r.fits(heard(h.By).Key); err != nil {
			end(err)
		}
	})
	by.end()
	if why := context.Cause(ctx); err != nil && why != nil && !errors.Is(why, context.Canceled) {
		return why
	}
	if err != nil {
		return err
	}
	r.log.Info("the database is this process's now", "term", s.Term())
	err = r.setStore(s)
	if r.counters != nil {
		err = errors.Join(err, reuse(r.counters))
	}
	return errors.Join(err, reuse(r.socket))
}

// links are the TCP addresses for P2P, which a standby relays.
func (r *Running) links() (out []net.Listener, err error) {
	if !r.cfg.Network.P2PEnabled {
		return nil, nil
	}
	var addrs []string
	for _, a := range r.cfg.Network.P2PListenAddr {
		addrs = append(addrs, p2p.DefaultListen(a)...)
	}
	for _, a := range dialable(addrs) {
		l, err := net.Listen("tcp", a)
		if err != nil {
			r.log.Warn("standing by without this P2P address", "addr", a, "error", err)
			continue
		}
		out = append(out, l)
	}
	return out, nil
}

func (r *Running) setStore(s *postgres.Store) error {
	r.store, r.database = s, s
	return r.choose(s)
}

// announce tells standbys where this process is, and ends it when it has been
// replaced.
func (r *Running) announce(ctx context.Context) {
	if r.database == nil {
		return
	}
	here := r.whereabouts(ctx)
	if err := r.database.Announce(ctx, here.String()); err != nil {
		r.log.Warn("standbys are not told where this process is", "error", err)
	}
	r.work.Go(func() { r.announceKey(ctx, here) })
	r.work.Go(func() {
		select {
		case <-r.database.Lost():
			r.ended <- fmt.Errorf("store: %w: another process of this node has taken the database over; this one ends", icn.ErrUnavailable)
		case <-ctx.Done():
		}
	})
}

// announceKey tells standbys the node's key as soon as the log has told which one that
// is: this process may have started with the one before, and start again.
func (r *Running) announceKey(ctx context.Context, here whereabouts) {
	tick := time.NewTicker(keyLook)
	defer tick.Stop()
	for {
		if k, err := r.node.Key(); err == nil && r.node.State() == "running" {
			if here.Key = icn.DID(r.rotation.pair.Public()); k != here.Key {
				return
			}
			if err := r.database.Announce(ctx, here.String()); err != nil {
				r.log.Warn("standbys are not told which key this process works with", "error", err)
			}
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

const keyLook = 100 * time.Millisecond

// keyLedger notes in the blocks' store that the log is in another one.
var keyLedger = []byte("m/ledger")

// openLedger opens the store of the log, when it is one of its own, and refuses a
// place that the log is not in.
func (r *Running) openLedger() error {
	c := r.cfg.Storage
	r.ledger = r.store
	elsewhere, err := r.store.Get(keyLedger)
	if err != nil && !errors.Is(err, icn.ErrNotFound) {
		return err
	}
	if c.LedgerPath == "" {
		if err == nil {
			return fmt.Errorf("store: %w: its log was put into %s; give that as --mana-ledger-path", icn.ErrInvalid, elsewhere)
		}
		return nil
	}
	if err != nil {
		if _, here := r.store.Get([]byte("m/network")); here == nil {
			return fmt.Errorf("store: %w: the log is in %s already; leave --mana-ledger-path out", icn.ErrInvalid, c.Path)
		}
	}
	backend := c.Backend
	if backend == "postgresql" {
		backend = "pebble"
	}
	s, err := openFile(backend, c.LedgerPath, pebble.Log(r.log))
	if err != nil {
		return err
	}
	r.ledger = s
	b := &store.Batch{}
	b.Put(keyLedger, []byte(filepath.Clean(c.LedgerPath)))
	return r.store.Apply(b)
}

// openBlocks opens the DAG, with the cache if there is one.
func (r *Running) openBlocks() (*dag.DAG, error) {
	var o dag.Options
	if r.cfg.Storage.CacheURL != "" {
		c, err := redis.Open(r.cfg.Storage.CacheURL, r.log)
		if err != nil {
			return nil, err
		}
		r.cache, o.Cache = c, c
	}
	return dag.Open(r.writes.Of(r.store), o)
}

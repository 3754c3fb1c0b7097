package launch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/pebble"
	"github.com/InterCooperative-Network/icn-core/store/transfer"
)

// Stores are those of one node.
type Stores struct {
	Blocks, Log store.Store // one and the same, unless the log has its own
	Name        string      // for people
}

// OpenStores opens the stores of a node that does not run.
func OpenStores(ctx context.Context, cfg config.Config, log *slog.Logger) (*Stores, error) {
	return openStores(ctx, cfg, log)
}

func openStores(ctx context.Context, cfg config.Config, log *slog.Logger, options ...pebble.Option) (*Stores, error) {
	if cfg.Storage.Backend == "memory" {
		return nil, fmt.Errorf("storage: %w: the memory store keeps nothing; give --storage-backend and --storage-path, or --config FILE", icn.ErrInvalid)
	}
	s, err := openStore(ctx, cfg.Storage, log, options...)
	if err != nil {
		return nil, err
	}
	r := &Running{cfg: cfg, log: log, store: s}
	if err := r.openLedger(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	name := cfg.Storage.Path
	if cfg.Storage.Backend == "postgresql" {
		name = Masked(cfg.Storage.ConnectionString)
	}
	return &Stores{Blocks: s, Log: r.ledger, Name: name}, nil
}

// Close closes them.
func (s *Stores) Close() error {
	var err error
	if s.Log != s.Blocks {
		err = s.Log.Close()
	}
	return errors.Join(err, s.Blocks.Close())
}

// Opened is a node that does not run.
type Opened struct {
	*Stores
	History node.History
	Blocks  *dag.DAG
	Key     key.Pair
	KeyPath string
	end     func() error
}

// Close closes the stores and the key.
func (o *Opened) Close() error { return errors.Join(o.end(), o.Stores.Close()) }

// OpenAtRest opens what a node that does not run holds, to look at it or to change
// a little.
func OpenAtRest(ctx context.Context, cfg config.Config, log *slog.Logger) (*Opened, error) {
	s, err := openStores(ctx, cfg, log, pebble.Still())
	if err != nil {
		return nil, err
	}
	o := &Opened{Stores: s, KeyPath: cfg.Identity.KeyPath}
	if o.History, err = node.ReadHistory(s.Log, key.Verify); err == nil {
		o.Blocks, err = dag.Open(s.Blocks, dag.Options{})
	}
	if err == nil {
		o.Key, o.end, err = keyAtRest(cfg.Identity)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return o, nil
}

// Checker tells good signatures.
func Checker() node.Checker { return node.Checker{Verify: key.Verify, VerifyBatch: verifyBatch} }

// Throwaway is a node in a folder that speaks to nobody.
func Throwaway(dir string) config.Config {
	c := config.Default()
	c.Storage.Path = filepath.Join(dir, "store")
	c.Identity.KeyPath = filepath.Join(dir, "key")
	c.Network.HTTPListenAddr = "127.0.0.1:0"
	return c
}

// History is what the node holds at the moment.
func (r *Running) History(ctx context.Context) (node.History, error) {
	for {
		h, err := r.node.History(ctx)
		if err == nil || !errors.Is(err, icn.ErrUnavailable) || r.node.State() == "stopped" {
			return h, err
		}
		select {
		case err := <-r.ended:
			return h, errors.Join(err, icn.ErrUnavailable)
		case <-ctx.Done():
			return h, ctx.Err()
		case <-time.After(5 * time.Millisecond): // it is starting
		}
	}
}

// OpenURL opens a store by its name: pebble:PATH, sled:PATH, sqlite:PATH,
// rocksdb:PATH or postgresql://….
func OpenURL(ctx context.Context, name string) (store.Store, error) {
	kind, path, ok := strings.Cut(name, ":")
	if !ok || path == "" {
		return nil, fmt.Errorf("store %s: %w: want KIND:PATH, for example sqlite:./icn_data/node.sqlite", Masked(name), icn.ErrInvalid)
	}
	c := config.Default().Storage
	switch kind {
	case "postgresql", "postgres":
		c.Backend, c.ConnectionString = "postgresql", name
	case "pebble", "sled", "sqlite", "rocksdb":
		c.Backend, c.Path = kind, strings.TrimPrefix(path, "//")
	default:
		return nil, fmt.Errorf("store %s: %w: there is no kind %q; use pebble, sled, sqlite, rocksdb or postgresql", Masked(name), icn.ErrInvalid, kind)
	}
	return OpenStore(ctx, c, slog.New(slog.DiscardHandler))
}

// Masked is a store's name without its password.
func Masked(name string) string {
	if u, err := url.Parse(name); err == nil {
		return u.Redacted()
	}
	return "of an address that cannot be read"
}

// Migrate copies a store into another one.
func Migrate(ctx context.Context, from, to string, progress func(rows, bytes int64)) (transfer.Sum, error) {
	a, err := OpenURL(ctx, from)
	if err != nil {
		return transfer.Sum{}, err
	}
	b, err := OpenURL(ctx, to)
	if err != nil {
		return transfer.Sum{}, errors.Join(err, a.Close())
	}
	sum, err := transfer.Copy(ctx, a, b, progress)
	return sum, errors.Join(err, b.Close(), a.Close())
}

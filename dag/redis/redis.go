// Package redis keeps copies of blocks in a Redis server, in front of a slower
// store that several nodes may use: a [dag.Cache].
//
// The invariant: Redis can cost time, never an answer. It is asked with a short
// limit; after it failed it is left alone for a while, longer each time. What it
// says is not believed: the DAG compares every block with its name.
//
//	c, err := redis.Open("redis://cache.internal:6379/0", log)
//	blocks, err := dag.Open(s, dag.Options{Cache: c})
//	defer c.Close()
package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// How long Redis is waited for, how long it is left alone after a failure, and how
// long it keeps a block that nobody asks for.
const (
	patience  = 100 * time.Millisecond
	firstRest = time.Second
	longRest  = time.Minute
	keep      = 24 * time.Hour
	prefix    = "icn/b/"
)

// Cache is a Redis server.
type Cache struct {
	client *redis.Client
	log    *slog.Logger
	puts   chan put
	done   sync.WaitGroup

	mu    sync.Mutex
	rest  time.Duration // 0: it works
	until time.Time

	hits, misses, failures atomic.Uint64
}

type put struct {
	key  string
	data []byte
}

// Open reads the address (redis://[user:password@]host:port/db, rediss:// for
// TLS). It does not connect: a server that is away is away.
func Open(url string, log *slog.Logger) (*Cache, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("cache: %w: %w; want redis://host:6379/0", icn.ErrInvalid, err)
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = patience, patience, patience, patience
	o.MaxRetries, o.ContextTimeoutEnabled = -1, true
	c := &Cache{client: redis.NewClient(o), log: log, puts: make(chan put, 256)}
	c.done.Go(c.write)
	return c, nil
}

// Get returns a copy of a block's content, or nothing.
func (c *Cache) Get(ctx context.Context, id icn.CID) ([]byte, bool) {
	if c.resting() {
		return nil, false
	}
	v, err := c.client.Get(ctx, prefix+id.KeyString()).Bytes()
	if errors.Is(err, redis.Nil) {
		c.misses.Add(1)
		c.works()
		return nil, false
	}
	if err != nil {
		if ctx.Err() == nil {
			c.failed(err)
		}
		return nil, false
	}
	c.hits.Add(1)
	c.works()
	return v, true
}

// Put leaves a copy there some time later; what is too much at a time is not kept.
func (c *Cache) Put(id icn.CID, data []byte) {
	if c.resting() {
		return
	}
	select {
	case c.puts <- put{prefix + id.KeyString(), data}:
	default:
	}
}

// Forget removes copies that turned out to be wrong.
func (c *Cache) Forget(ctx context.Context, id icn.CID) {
	if err := c.client.Del(ctx, prefix+id.KeyString()).Err(); err != nil {
		c.failed(err)
	}
}

func (c *Cache) write() {
	for p := range c.puts {
		if c.resting() {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*patience)
		if err := c.client.Set(ctx, p.key, p.data, keep).Err(); err != nil {
			c.failed(err)
		}
		cancel()
	}
}

func (c *Cache) resting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rest > 0 && time.Now().Before(c.until)
}

func (c *Cache) works() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rest > 0 {
		c.log.Info("the block cache works again")
		c.rest = 0
	}
}

func (c *Cache) failed(err error) {
	c.failures.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Before(c.until) {
		return // others failed at the same time
	}
	if c.rest == 0 {
		c.log.Warn("the block cache fails; blocks come from the store", "error", err)
	}
	c.rest = min(max(2*c.rest, firstRest), longRest)
	c.until = time.Now().Add(c.rest)
}

// Counts are hits, misses and failures so far.
func (c *Cache) Counts() (hits, misses, failures uint64) {
	return c.hits.Load(), c.misses.Load(), c.failures.Load()
}

// Close ends what is under way. Put must not be called any more.
func (c *Cache) Close() error {
	close(c.puts)
	c.done.Wait()
	return c.client.Close()
}

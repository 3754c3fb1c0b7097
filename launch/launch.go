// Package launch puts a whole node together from its configuration: store, key,
// blocks, sandbox, P2P host, node and API, and takes it apart again in order.
//
// The invariant: either Start returns a node whose API answers, or an error and
// nothing is left open; Close leaves a store that the next start goes on from.
//
// It is wiring: no decision of the network is made here.
//
//	n, err := launch.Start(ctx, cfg, launch.Options{Log: log})
//	fmt.Println(n.APIURL())
//	err = n.Wait(ctx)
//	err = errors.Join(err, n.Close())
package launch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/audit"
	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/dag/redis"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/meter"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/key/hsm"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/p2p"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/postgres"
	"github.com/InterCooperative-Network/icn-core/trace"
	"github.com/InterCooperative-Network/icn-core/wasm"
)

// Release is this program's version; a release build sets it with -ldflags -X.
var Release = "0.1.0-dev"

// Options are what the configuration does not say.
type Options struct {
	Log        *slog.Logger       // nil: nothing is logged
	Logs       *Logs              // what Log writes to, when it can be changed while the node runs; may be nil
	Again      Again              // how the configuration is read again; may be nil
	OtherKey   bool               // begin with the key that the node is about to rotate to; see [Running.OtherKey]
	StandingBy func(addrs string) // the database is another process's: this one answers at addrs, and waits
}

// Again reads the configuration again, and tells what it warns of.
type Again func() (config.Config, []string, error)

// Running is a node at work.
type Running struct {
	cfg         config.Config
	log         *slog.Logger
	store       store.Store
	ledger      store.Store     // of the log; the same one, unless it has its own
	database    *postgres.Store // the store, when it is one that others can take over
	cache       *redis.Cache    // nil without
	sandbox     *wasm.Runner
	jobs        *jobs
	tracer      *trace.Tracer // nil without
	host        *p2p.Host     // nil without P2P
	bridge      *bridge
	node        *node.Node
	api         *api.Server
	socket      net.Listener
	counters    net.Listener  // of the metrics; nil without
	certificate *certificate  // nil: no TLS
	audit       *audit.Log    // nil without
	anchored    atomic.Uint64 // lines of it that the federation's log has seen
	backups     *backups      // nil without a schedule
	writes      *meter.Writes // to the stores
	used        used
	logs        *Logs // nil: Log was given as it is
	read        Again // nil: the configuration came from nowhere
	reloading   reloading
	rotation    rotation
	token       *hsm.Key    // nil: the key lies in a file
	otherKey    atomic.Bool // to start again with
	outdated    atomic.Bool // the key that this node signs with was replaced
	keyFile     keyFile

	stopAPI, stopNode context.CancelFunc
	work              sync.WaitGroup
	ended             chan error // what ended by itself
	closing           sync.Once
	closed            error
}

// Start puts a node together and sets it to work. ctx bounds the start only.
func Start(ctx context.Context, cfg config.Config, o Options) (*Running, error) {
	if o.Log == nil && o.Logs != nil {
		o.Log = o.Logs.Logger
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Running{cfg: cfg, log: o.Log, logs: o.Logs, read: o.Again, bridge: &bridge{}, writes: meter.NewWrites(), ended: make(chan error, 3)}
	pair, err := r.nodeKey(o)
	if err != nil {
		return nil, err
	}
	if want := cfg.Identity.NodeDID; want != "" && want != pair.DID().String() {
		return nil, errors.Join(fmt.Errorf("node: %w: its key is that of %s, and identity.node_did wants %s", icn.ErrConflict, pair.DID(), want), r.release())
	}
	r.reloading.cfg = cfg
	r.rotation = rotation{me: pair.DID(), pair: pair, path: cfg.Identity.KeyPath, pass: cfg.Identity.Passphrase, early: o.OtherKey}
	r.rotation.spare = r.rotation.prepared()
	r.otherKey.Store(o.OtherKey)
	if err := r.claim(ctx, o.StandingBy); err != nil {
		return nil, errors.Join(err, r.release())
	}
	pair = r.rotation.pair
	if err := r.open(pair); err != nil {
		return nil, errors.Join(err, r.release())
	}
	if err := r.assemble(pair); err != nil {
		return nil, errors.Join(err, r.release())
	}
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(err, r.release())
	}
	r.run()
	return r, nil
}

// open opens what takes time or can be taken by others, all at once.
func (r *Running) open(pair key.Pair) error {
	steps := []func() error{
		func() (err error) {
			if r.store == nil {
				r.store, err = OpenStore(context.Background(), r.cfg.Storage, r.log)
			}
			if err == nil {
				err = r.openLedger()
			}
			return err
		},
		func() (err error) {
			r.sandbox, err = wasm.NewRunner(wasm.Config{CacheDir: cacheDir(r.cfg.Storage)})
			return err
		},
		func() (err error) {
			if r.socket == nil {
				r.socket, err = listen(r.cfg.Network.HTTPListenAddr)
			}
			return err
		},
		r.openAudit,
		func() (err error) { r.backups, err = newBackups(r.cfg); return err },
		func() (err error) { r.certificate, err = loadCertificate(r.cfg.Security, r.log); return err },
		func() (err error) { r.host, err = openHost(r.cfg.Network, pair, answer{r.bridge}, r.log); return err },
	}
	if m := r.cfg.Monitoring; m.MetricsEnabled && r.counters == nil {
		steps = append(steps, func() (err error) { r.counters, err = listen(m.MetricsBindAddr); return err })
	}
	errs := make([]error, len(steps))
	var wait sync.WaitGroup
	for i, step := range steps {
		wait.Go(func() { errs[i] = step() })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// cacheDir is where compiled programs are kept.
func cacheDir(c config.Storage) string {
	switch {
	case c.Backend == "memory":
		return ""
	case c.Path == "":
		return "./icn_data/node.cache"
	}
	return filepath.Clean(c.Path) + ".cache"
}

func listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("API address %s: %w: %v; choose another --http-listen-addr, or stop what uses this one", addr, icn.ErrUnavailable, err)
	}
	return l, nil
}

func openHost(c config.Network, pair key.Pair, h p2p.Handler, log *slog.Logger) (*p2p.Host, error) {
	if !c.P2PEnabled {
		return nil, nil
	}
	var listen []string
	for _, addr := range c.P2PListenAddr {
		listen = append(listen, p2p.DefaultListen(addr)...)
	}
	return p2p.New(p2p.Config{
		Key: pair, Listen: listen, MDNS: c.EnableMDNS, Relay: c.EnableRelay, RelayService: c.RelayService, HolePunching: c.EnableHolePunching, AutoNAT: c.EnableAutoNAT, Limits: peerLimits(c),
		RetryInitial: time.Duration(c.RetryInitialDelayMS) * time.Millisecond, RetryMax: time.Duration(c.RetryMaxDelayMS) * time.Millisecond,
		RetryAttempts: c.RetryMaxAttempts, BreakerFailures: c.FailureThreshold, BreakerOpen: time.Duration(c.OpenTimeoutSecs) * time.Second,
		DialTimeout: time.Duration(c.ConnectionTimeout) * time.Second, Log: log.With("part", "p2p"),
	}, h)
}

// peerLimits bound what peers can cost.
func peerLimits(c config.Network) p2p.Limits {
	return p2p.Limits{
		Peers: c.MaxPeers, Strangers: 2 * c.MaxPeersPerIP, StrangersPerHost: c.MaxPeersPerIP, Streams: c.MaxStreamsPerPeer,
		Bytes: c.PeerKiBPerSec << 10, Frames: c.PeerFramesPerSec, Upload: c.UploadKiBPerSec << 10,
	}
}

// assemble joins the parts that are open.
func (r *Running) assemble(pair key.Pair) error {
	blocks, err := r.openBlocks()
	if err != nil {
		return err
	}
	if err := r.openTraces(pair.DID()); err != nil {
		return err
	}
	r.jobs = &jobs{sandbox: r.sandbox, blocks: blocks, tracer: r.tracer}
	nc := node.Config{
		Key: pair, Name: r.cfg.Runtime.NodeName, Store: r.writes.Of(r.ledger), Blocks: blocks,
		Runner: r.jobs.run, Capable: r.jobs.capable, Verify: key.Verify, VerifyBatch: verifyBatch,
		JoinCode: r.cfg.Federation.JoinCode, Federation: r.cfg.Federation.Name, Rules: rules(r.cfg),
		Rotated: func(k icn.DID) { go r.rotated(k) },
		Release: Release, Log: r.log, Profile: profile(r.cfg),
		Tuning: node.Tuning{Slots: slots(r.cfg.Performance), Queue: r.cfg.Mesh.MaxJobQueueSize, MemoryMB: jobMemory(r.cfg.Mesh), Fed: r.cfg.Network.FedLearners},
	}
	if r.tracer != nil {
		nc.Tracer = r.tracer
	}
	ac := api.Config{Log: r.log.With("part", "api"), Host: r, Writes: r.writes, Traces: r.tracer}
	if ac.Access, err = accessOf(r.cfg.Security); err != nil {
		return err
	}
	if r.audit != nil {
		ac.Audit = r.audit.Add
	}
	if r.host != nil {
		r.bridge.host.Store(r.host)
		nc.Network, nc.Directory, ac.Directory = r.bridge, r.bridge, r.bridge
		nc.Bootstrap = r.usable(r.cfg.Network.BootstrapPeers)
		r.bridge.bootstrap = nc.Bootstrap
	}
	r.node = node.New(nc)
	r.jobs.node = r.node
	blocks.SetFetch(r.node.Fetch)
	r.api, err = api.New(r.node, ac)
	return err
}

// usable leaves out bootstrap peers that nobody can be reached by.
func (r *Running) usable(peers []string) []string {
	var out []string
	for _, addr := range peers {
		d, _, err := p2p.ParseAddr(addr)
		switch {
		case err != nil:
			r.log.Warn("a bootstrap peer is left out: its address cannot be used", "peer", addr, "error", err)
		case d == r.host.DID() || d == r.rotation.me:
			r.log.Info("a bootstrap peer is left out: it is this node itself", "peer", addr)
		default:
			out = append(out, addr)
		}
	}
	if len(peers) > 0 && len(out) == 0 {
		r.log.Warn("no bootstrap peer is left: unless it is in a federation already, this node founds one of its own; go over to another with: icn-cli federation join ADDRESS")
	}
	return out
}

func slots(c config.Performance) int {
	if c.MaxConcurrentJobs > 0 {
		return c.MaxConcurrentJobs
	}
	return runtime.GOMAXPROCS(0)
}

// run sets everything to work.
func (r *Running) run() {
	var apiCtx, nodeCtx context.Context
	apiCtx, r.stopAPI = context.WithCancel(context.Background())
	nodeCtx, r.stopNode = context.WithCancel(context.Background())
	r.bridge.node.Store(r.node)
	if r.host != nil {
		r.bridge.follow(r.host, r.node)
	}
	r.trace(nodeCtx)
	r.work.Go(func() { r.ended <- r.node.Run(nodeCtx) })
	door := r.secured(apiCtx)
	r.work.Go(func() { r.ended <- r.api.Serve(apiCtx, door) })
	r.metrics(apiCtx)
	r.upkeep(nodeCtx)
	r.anchor(nodeCtx)
	r.tryOtherKey(nodeCtx)
	r.schedule(nodeCtx)
	r.compareRules(nodeCtx)
	r.announce(nodeCtx)
}

// OtherKey says whether to start with the node's next key after ErrAgain.
func (r *Running) OtherKey() bool { return r.otherKey.Load() }

// Wait blocks until ctx ends, which is no error, or the node breaks.
func (r *Running) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-r.ended:
		if err == nil {
			err = fmt.Errorf("node: %w: it ended by itself", icn.ErrUnavailable)
		}
		return err
	}
}

// APIURL is where the API answers.
func (r *Running) APIURL() string {
	host, port, err := net.SplitHostPort(r.socket.Addr().String())
	scheme := "http://"
	if r.cfg.Security.TLSCertPath != "" {
		scheme = "https://"
	}
	if err != nil {
		return scheme + r.socket.Addr().String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + net.JoinHostPort(host, port)
}

// P2PAddrs are the multiaddrs that other nodes can use; none without P2P.
func (r *Running) P2PAddrs() []string {
	if r.host == nil {
		return nil
	}
	return r.host.Addrs()
}

// DID is the node's own.
func (r *Running) DID() icn.DID { return r.node.Me() }

// Node is what was set to work.
func (r *Running) Node() *node.Node { return r.node }

// Addrs are the addresses as lines: "API http://…", then "P2P /ip4/…".
func (r *Running) Addrs() string {
	lines := []string{"API " + r.APIURL()}
	for _, a := range r.P2PAddrs() {
		lines = append(lines, "P2P "+a)
	}
	return strings.Join(lines, "\n") + "\n"
}

// WriteAddrs writes what Addrs says to a file, whole or not at all.
func WriteAddrs(path, addrs string) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, []byte(addrs), 0o644); err != nil {
		return fmt.Errorf("address file: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("address file: %w", err)
	}
	return nil
}

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/pgtest"
	"github.com/InterCooperative-Network/icn-core/key"
)

// deployment is what Kubernetes makes of deploy/kubernetes/deployment, done with
// processes of this machine: three of one node on one database, of which those that
// are ready get requests.
type deployment struct {
	*testing.T
	dir    string
	db     string
	listen string
	tls    bool
	trust  *x509.CertPool
	secret *secret // where the key is, if it is mounted
	made   int

	mu   sync.Mutex
	pods []*pod // that are not told to stop

	retried, failed atomic.Int64 // requests that a pod did not answer; that nobody answered in the end
	worst           atomic.Int64 // how long the slowest took, in nanoseconds
}

// pod is one process.
type pod struct {
	name  string
	http  string // address that it asks for
	cmd   *exec.Cmd
	log   string
	addr  string // file
	api   *client.Client
	probe string // where it is probed
	ready atomic.Bool
}

// TestRolloutRestart does what `kubectl rollout restart deployment/icn-node` does,
// with maxUnavailable 0 and maxSurge 1: a new process must be ready before an old
// one is stopped, until all are new. Each time the one that works is stopped. All
// the while blocks and statements are written and read; nothing that was
// acknowledged is lost, no request that can be repeated fails, and it ends.
func TestRolloutRestart(t *testing.T) {
	t.Run("plain", func(t *testing.T) { rollout(t, "127.0.0.1", false) })
	t.Run("TLS, listening everywhere", func(t *testing.T) { rollout(t, "0.0.0.0", true) })
}

func rollout(t *testing.T, listen string, secure bool) {
	d := newDeployment(t, listen, secure)
	for range 3 {
		d.add()
	}
	for _, p := range slices.Clone(d.pods) {
		d.becomes(p)
	}
	require.Len(t, d.standing(), 2, "one works, two stand by, and all are ready")

	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	written := newWritten(d)
	for i := range 3 {
		work.Go(func() { written.blocks(ctx, i) })
	}
	work.Go(func() { written.statements(ctx) })
	work.Go(func() { written.reads(ctx) })

	old := slices.Clone(d.pods)
	for range old {
		d.replace(written, func() *pod { return d.next(old) })
	}
	for _, p := range old {
		require.NotContains(t, d.pods, p, "an old one runs still")
	}
	for range 2 { // as when the machine of the one that works is drained
		d.replace(written, func() *pod { return d.next(d.pods) })
	}
	for _, p := range d.pods {
		d.becomes(p)
	}
	require.Len(t, d.standing(), 2)
	stop()
	work.Wait()
	require.Zero(t, d.failed.Load(), "requests that can be repeated failed")
	written.check()
	t.Logf("%d writes acknowledged, none lost; %d requests went to another process, the slowest took %v",
		written.count(), d.retried.Load(), time.Duration(d.worst.Load()).Round(time.Millisecond))
}

// replace starts a process, waits until it is ready, and stops another.
func (d *deployment) replace(w *written, which func() *pod) {
	d.Helper()
	before := w.count()
	d.becomes(d.add())
	d.stop(which())
	d.until("work goes on", func() bool { return w.count() > before+20 })
}

func newDeployment(t *testing.T, listen string, secure bool) *deployment {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes a while")
	}
	if err := startDatabase(); errors.Is(err, pgtest.Missing) && os.Getenv("CI") == "" {
		t.Skip("PostgreSQL is not installed")
	}
	require.NoError(t, database.err)
	db, err := database.server.Database(t.Context(), fmt.Sprintf("rollout%d", database.count.Add(1)))
	require.NoError(t, err)
	d := &deployment{T: t, dir: t.TempDir(), db: db, listen: listen, tls: secure}
	if secure {
		require.NoError(t, makeCertificate(filepath.Join(d.dir, "api"), "api"))
		b, err := os.ReadFile(filepath.Join(d.dir, "api.crt"))
		require.NoError(t, err)
		d.trust = x509.NewCertPool()
		require.True(t, d.trust.AppendCertsFromPEM(b))
	}
	config := "[performance]\nmana_regeneration_rate = 1000000000\n"
	require.NoError(t, os.WriteFile(filepath.Join(d.dir, "config.toml"), []byte(config), 0o600))
	t.Cleanup(func() {
		for _, p := range d.pods {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait() // of a signal
		}
	})
	return d
}

// add starts a process, which gets requests when it is ready.
func (d *deployment) add() *pod {
	d.Helper()
	p := d.start()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pods = append(d.pods, p)
	return p
}

// start starts a process that gets no requests yet.
func (d *deployment) start() *pod {
	d.Helper()
	d.made++
	p := &pod{name: fmt.Sprintf("icn-node-%d", d.made), http: d.listen + ":0"}
	keyPath := filepath.Join(d.dir, "node.key")
	if d.secret != nil { // a process that starts again with another key is found where it was
		keyPath, p.http = d.secret.path("node.key"), fmt.Sprintf("%s:%d", d.listen, freePort(d.T))
	}
	p.log, p.addr = filepath.Join(d.dir, p.name+".log"), filepath.Join(d.dir, p.name+".addr")
	log, err := os.Create(p.log)
	require.NoError(d, err)
	defer log.Close() // the process has its own
	args := []string{"--config", filepath.Join(d.dir, "config.toml"), "--storage-backend", "postgresql", "--db-url", d.db,
		"--key-path", keyPath, "--storage-path", filepath.Join(d.dir, p.name), "--http-listen-addr", p.http,
		"--p2p-listen-addr", "/ip4/" + d.listen + "/tcp/0", "--metrics-bind-addr", "127.0.0.1:0", "--api-key", "rollout", "--addr-file", p.addr}
	if d.tls {
		args = append(args, "--tls-cert-path", filepath.Join(d.dir, "api.crt"), "--tls-key-path", filepath.Join(d.dir, "api.key"))
	}
	p.cmd = exec.Command(filepath.Join(built, "icn-node"), args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = d.dir, log, log, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir}
	if d.secret != nil {
		d.secret.mount(p.cmd)
	}
	require.NoError(d, p.cmd.Start())
	return p
}

// becomes waits until a process is ready, by the probe of the manifest.
func (d *deployment) becomes(p *pod) {
	d.Helper()
	d.until(p.name+" has said where it is", func() bool {
		b, err := os.ReadFile(p.addr)
		if err != nil {
			return false
		}
		first, _, _ := strings.Cut(string(b), "\n")
		url, found := strings.CutPrefix(first, "API ")
		require.True(d, found, first)
		require.Equal(d, d.tls, strings.HasPrefix(url, "https://"), url)
		o := client.Options{APIKey: "rollout", Timeout: 20 * time.Second}
		if d.tls {
			o.HTTP = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: d.trust, MinVersion: tls.VersionTLS13}, MaxIdleConnsPerHost: 8}}
		}
		if p.api == nil {
			p.api, err = client.New(url, o)
			require.NoError(d, err)
			p.probe = "http://" + url[strings.Index(url, "//")+2:]
		}
		return true
	})
	d.until(p.name+" is ready", func() bool {
		ready := answers200(p.probe+"/livez") && answers200(p.probe+"/ready")
		p.ready.Store(ready)
		return ready
	})
}

func answers200(url string) bool {
	c := http.Client{Timeout: 5 * time.Second}
	r, err := c.Get(url)
	if err != nil {
		return false
	}
	defer r.Body.Close()
	return r.StatusCode == http.StatusOK
}

// standing are the processes that relay.
func (d *deployment) standing() (out []*pod) {
	d.Helper()
	for _, p := range d.pods {
		r, err := http.Get(p.probe + "/ready")
		require.NoError(d, err)
		_ = r.Body.Close()
		if r.Header.Get("X-ICN-Relayed") != "" {
			out = append(out, p)
		}
	}
	return out
}

// next is the one of the old processes that works, or the first of those left.
func (d *deployment) next(old []*pod) *pod {
	d.Helper()
	var standing []*pod
	d.until("one works", func() bool { standing = d.standing(); return len(standing) < len(d.pods) })
	left := slices.DeleteFunc(slices.Clone(old), func(p *pod) bool { return !slices.Contains(d.pods, p) })
	for _, p := range left {
		if !slices.Contains(standing, p) {
			return p
		}
	}
	return left[0]
}

// stop takes a process out of those that get requests and ends it, as Kubernetes
// does both at once.
func (d *deployment) stop(p *pod) {
	d.Helper()
	d.mu.Lock()
	d.pods = slices.DeleteFunc(slices.Clone(d.pods), func(x *pod) bool { return x == p })
	d.mu.Unlock()
	began := time.Now()
	require.NoError(d, p.cmd.Process.Signal(syscall.SIGTERM))
	kill := time.AfterFunc(time.Minute, func() { _ = p.cmd.Process.Kill() }) // terminationGracePeriodSeconds
	err := p.cmd.Wait()
	kill.Stop()
	if err != nil {
		b, _ := os.ReadFile(p.log) // it tells what it can
		d.Fatalf("%s: %v\n%s", p.name, err, b)
	}
	b, err := os.ReadFile(p.log)
	require.NoError(d, err)
	worked := strings.Contains(string(b), "this process's now") || !strings.Contains(string(b), "standing by")
	d.Logf("%s ended after %v; it had worked: %t", p.name, time.Since(began).Round(time.Millisecond), worked)
	if d.listen == "0.0.0.0" && elsewhere() {
		require.NotContains(d, string(b), "active=https://127.0.0.1", "a standby on another machine would look for the active one at itself")
	}
}

// elsewhere says whether this machine has an address by which others mean it.
func elsewhere() bool {
	all, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(all, func(a net.Addr) bool {
		n, isNet := a.(*net.IPNet)
		return isNet && n.IP.IsGlobalUnicast()
	})
}

func (d *deployment) until(what string, ok func() bool) {
	d.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			for _, p := range d.pods {
				b, _ := os.ReadFile(p.log) // it tells what it can
				d.Logf("%s:\n%s", p.name, b[max(0, len(b)-2000):])
			}
			d.Fatalf("after %v it is not so that %s", patience, what)
		}
	}
}

// ask sends a request that can be repeated to one process after the other until
// one answers it, as a caller of the Service does.
func (d *deployment) ask(ctx context.Context, turn int, what func(*client.Client) error) bool {
	began := time.Now()
	var err error
	for end := began.Add(patience); time.Now().Before(end); turn++ {
		d.mu.Lock()
		pods := d.pods
		d.mu.Unlock()
		p := pods[turn%len(pods)]
		if !p.ready.Load() {
			continue
		}
		if err = what(p.api); err == nil {
			if took := int64(time.Since(began)); took > d.worst.Load() {
				d.worst.Store(took)
			}
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		d.retried.Add(1)
		if !errors.Is(err, icn.ErrUnavailable) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	d.failed.Add(1)
	d.Errorf("a request that can be repeated failed after %v: %v", time.Since(began), err)
	return false
}

// written is what was acknowledged.
type written struct {
	d       *deployment
	ada     *person
	mu      sync.Mutex
	content map[icn.CID]string
	said    map[icn.CID]uint64 // the entries of statements
	last    icn.CID
}

func newWritten(d *deployment) *written {
	d.Helper()
	pair, err := key.Generate()
	require.NoError(d, err)
	api := d.pods[0].api
	_, err = api.FederationMembers(d.Context(), wire.Member{DID: pair.DID(), Role: icn.RolePerson, Name: "Ada"})
	require.NoError(d, err)
	info, err := api.Info(d.Context())
	require.NoError(d, err)
	network, err := icn.ParseCID(info.Network)
	require.NoError(d, err)
	return &written{d: d, ada: &person{Pair: pair, network: network}, content: map[icn.CID]string{}, said: map[icn.CID]uint64{}}
}

func (w *written) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.content) + len(w.said)
}

func (w *written) blocks(ctx context.Context, who int) {
	for i := 0; ctx.Err() == nil; i++ {
		text := fmt.Sprintf("block %d of %d", i, who)
		var id icn.CID
		if w.d.ask(ctx, i, func(c *client.Client) (err error) { id, err = c.DagPut(ctx, []byte(text), client.Put{}); return err }) {
			w.mu.Lock()
			w.content[id], w.last = text, id
			w.mu.Unlock()
		}
	}
}

// statements spends a member's capacity, one statement after the other, each until
// it is applied.
func (w *written) statements(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		w.ada.said++
		s := icn.Statement{Network: w.ada.network, Author: w.ada.DID(), Number: w.ada.said, Ops: []icn.Op{icn.ManaSpend{Amount: 1, For: "room"}}}
		s.Sig = [64]byte(w.ada.Sign(s.SigningBytes()))
		var said wire.Said
		if w.d.ask(ctx, i, func(c *client.Client) (err error) {
			said, err = c.StatementSay(ctx, s.Encode())
			if err == nil && said.State != "applied" {
				err = fmt.Errorf("statement: %w: it waits", icn.ErrUnavailable)
			}
			return err
		}) {
			w.mu.Lock()
			w.said[said.Statement] = said.Index
			w.mu.Unlock()
		}
	}
}

func (w *written) reads(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		w.mu.Lock()
		id, want := w.last, w.content[w.last]
		w.mu.Unlock()
		if !id.Defined() {
			continue
		}
		w.d.ask(ctx, i, func(c *client.Client) error {
			b, err := c.DagGet(ctx, id)
			if err == nil && string(b) != want {
				err = fmt.Errorf("block %s: %w: %q", id, icn.ErrCorrupt, b)
			}
			return err
		})
	}
}

// check looks for everything that was acknowledged.
func (w *written) check() {
	d := w.d
	d.Helper()
	api := d.pods[len(d.pods)-1].api
	for id, want := range w.content { // order: each is by itself
		b, err := api.DagGet(d.Context(), id)
		require.NoError(d, err, "an acknowledged block is lost")
		require.Equal(d, want, string(b))
	}
	seen := map[uint64]bool{}
	for id, at := range w.said { // order: each is by itself
		require.NotZero(d, at)
		require.False(d, seen[at], "entry %d is two statements", at)
		seen[at] = true
		e, err := api.LogEntry(d.Context(), at)
		require.NoError(d, err)
		who := w.ada.DID()
		require.Contains(d, string(e.Bytes), string(who[:]), "entry %d is not what was acknowledged as %s", at, id)
	}
	v, err := api.AdminVerify(d.Context(), true)
	require.NoError(d, err)
	require.True(d, v.OK, "%v", v.Problems)
}

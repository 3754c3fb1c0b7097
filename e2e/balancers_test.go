package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// balancedKey is the API key of the nodes behind a balancer.
const balancedKey = "balanced"

// shore is the ground of nodes behind a balancer: their APIs speak TLS, each at an
// address that it keeps.
type shore struct {
	loopback
	trust *x509.CertPool
	port  int
}

func (s shore) http(i int) string { return fmt.Sprintf("127.0.3.%d:%d", i+1, s.port) }

func (s shore) client(_ int, url string) (*client.Client, error) { return s.to(url) }

func (s shore) to(url string) (*client.Client, error) {
	return client.New(url, client.Options{Timeout: patience, APIKey: balancedKey, Trust: s.trust})
}

// fresh makes a client that opens a connection for each request, and so repeats none
// by itself.
func (s shore) fresh(url string) (*client.Client, error) {
	t := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.trust, MinVersion: tls.VersionTLS13}, DisableKeepAlives: true}
	return client.New(url, client.Options{Timeout: patience, APIKey: balancedKey, HTTP: &http.Client{Transport: t}})
}

// newShore makes a certificate for everybody, BASE.crt and BASE.key.
func newShore(t *testing.T) (s shore, base string) {
	t.Helper()
	base = filepath.Join(t.TempDir(), "tls")
	require.NoError(t, makeCertificate(base, "icn.internal"))
	b, err := os.ReadFile(base + ".crt")
	require.NoError(t, err)
	s.trust = x509.NewCertPool()
	require.True(t, s.trust.AppendCertsFromPEM(b))
	s.port = freePort(t)
	return s, base
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// balancer is a running HAProxy or nginx.
type balancer struct {
	url   string // of the API
	stats string
}

// balancers are those that deploy/ has a configuration for.
var balancers = map[string]func(t *testing.T, base string, nodes [3]string) balancer{"haproxy": startHAProxy, "nginx": startNginx}

// installed skips a test, or fails it in CI, when a program is not here.
func installed(t *testing.T, name string) string {
	t.Helper()
	for _, at := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(at); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed; run scripts/servers.sh", name)
	}
	t.Skipf("%s is not installed; run scripts/servers.sh", name)
	return ""
}

// startHAProxy runs it with deploy/haproxy/haproxy.cfg as it is.
func startHAProxy(t *testing.T, base string, nodes [3]string) balancer {
	t.Helper()
	program := installed(t, "haproxy")
	pair := ""
	for _, ext := range []string{".crt", ".key"} {
		b, err := os.ReadFile(base + ext)
		require.NoError(t, err)
		pair += string(b)
	}
	require.NoError(t, os.WriteFile(base+".pem", []byte(pair), 0o600))
	listen, stats := fmt.Sprintf("127.0.0.1:%d", freePort(t)), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	cmd := exec.Command(program, "-db", "-f", "../deploy/haproxy/haproxy.cfg")
	cmd.Env = []string{"ICN_NODE_A=" + nodes[0], "ICN_NODE_B=" + nodes[1], "ICN_NODE_C=" + nodes[2], "ICN_LISTEN=" + listen, "ICN_STATS=" + stats,
		"ICN_TLS_PEM=" + base + ".pem", "ICN_NODES_CA=" + base + ".crt"}
	runBalancer(t, cmd, listen)
	return balancer{"https://" + listen, "http://" + stats + "/metrics"}
}

// startNginx runs it with deploy/nginx/icn.conf, in which only addresses and files
// are changed.
func startNginx(t *testing.T, base string, nodes [3]string) balancer {
	t.Helper()
	program := installed(t, "nginx")
	b, err := os.ReadFile("../deploy/nginx/icn.conf")
	require.NoError(t, err)
	listen, stats := fmt.Sprintf("127.0.0.1:%d", freePort(t)), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	text := string(b)
	for from, to := range map[string]string{ // order: none is within another
		"10.0.1.100:7845": nodes[0], "10.0.1.101:7845": nodes[1], "10.0.1.102:7845": nodes[2], "listen 443 ": "listen " + listen + " ",
		"listen 127.0.0.1:8404": "listen " + stats, "/etc/nginx/icn.crt": base + ".crt", "/etc/nginx/icn.key": base + ".key", "/etc/nginx/icn-nodes-ca.pem": base + ".crt",
	} {
		require.Contains(t, text, from)
		text = strings.ReplaceAll(text, from, to)
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "icn.conf"), []byte(text), 0o600))
	main := fmt.Sprintf("daemon off; pid %[1]s/pid; error_log stderr warn; worker_processes 2;\nevents {}\nhttp { access_log off;", dir)
	if os.Geteuid() == 0 {
		main = "user root;\n" + main // the folder is root's
	}
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		main += fmt.Sprintf(" %s_temp_path %s/%s;", kind, dir, kind)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(main+"\ninclude "+dir+"/icn.conf; }\n"), 0o600))
	runBalancer(t, exec.Command(program, "-p", dir, "-c", filepath.Join(dir, "nginx.conf")), listen)
	return balancer{"https://" + listen, "http://" + stats + "/status"}
}

// runBalancer runs a program until the test ends, and waits until it listens.
func runBalancer(t *testing.T, cmd *exec.Cmd, listen string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	log, err := os.Create(path)
	require.NoError(t, err)
	defer log.Close() // the process has its own
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
		}
		if b, err := os.ReadFile(path); err == nil && t.Failed() {
			t.Logf("the balancer's log:\n%s\n…\n%s", b[:min(len(b), 3000)], b[max(0, len(b)-3000):])
		}
	})
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", listen); err == nil {
			_ = c.Close()
			return
		}
		select {
		case err := <-ended:
			b, _ := os.ReadFile(path) // it tells what it can
			t.Fatalf("%s ended: %v: %s", cmd.Path, err, b)
		default:
		}
		require.True(t, time.Now().Before(end), "%s does not listen", cmd.Path)
	}
}

// TestBalancersLoseNoRequest: three nodes behind HAProxy, then behind nginx, with the
// configurations in deploy/. Under load one node after the other is killed and comes
// back. No request that can be repeated fails, and callers do nothing for that. Events
// come through while they happen, over HTTP and over a WebSocket.
func TestBalancersLoseNoRequest(t *testing.T) {
	ground, base := newShore(t)
	f := newFleetWith(t, 3, ground, fmt.Sprintf("[security]\napi_key = %q\ntls_cert_path = %q\ntls_key_path = %q\n", balancedKey, base+".crt", base+".key"))
	for _, name := range []string{"haproxy", "nginx"} {
		t.Run(name, func(t *testing.T) {
			g := *f
			g.T = t
			b := balancers[name](t, base, [3]string{ground.http(0), ground.http(1), ground.http(2)})
			api, err := ground.fresh(b.url)
			require.NoError(t, err)
			g.until("the balancer sends requests on", func() bool { _, err := api.Ready(t.Context()); return err == nil })
			r, err := http.Get(b.stats)
			require.NoError(t, err)
			require.NoError(t, r.Body.Close())
			require.Equal(t, http.StatusOK, r.StatusCode, "the balancer's own counters")

			g.hears("events", api, api.Events(t.Context(), wire.EventQuery{Type: "MemberAdmitted", Follow: true, Tail: 1}))
			g.hears("a socket", api, api.Socket(t.Context(), wire.EventQuery{Type: "MemberAdmitted", Tail: 1}))
			l := g.loadThrough(api)
			for _, v := range f.nodes {
				l.goesOn(100)
				v.kill()
				l.goesOn(300)
				v.start()
				v.ready()
				l.goesOn(100)
			}
			l.end()
			g.hears("events after all that", api, api.Events(t.Context(), wire.EventQuery{Type: "MemberAdmitted", Follow: true, Tail: 1}))
		})
	}
}

// hears admits members until a stream that stays open tells of one.
func (f *fleet) hears(what string, api *client.Client, stream iter.Seq2[wire.Event, error]) {
	f.Helper()
	var heard atomic.Int64
	var broken atomic.Value
	next, stop := iter.Pull2(stream)
	var work sync.WaitGroup
	defer work.Wait()
	over := make(chan struct{})
	work.Go(func() {
		defer stop()
		for {
			_, err, more := next()
			if err != nil || !more {
				broken.Store(fmt.Sprint(err))
				return
			}
			heard.Add(1)
			select {
			case <-over:
				return
			default:
			}
		}
	})
	first := int64(0)
	f.until(what+" come while they happen", func() bool {
		require.Nil(f, broken.Load(), "%s broke off", what)
		pair, err := key.Generate()
		require.NoError(f, err)
		_, err = api.FederationMembers(f.Context(), wire.Member{DID: pair.DID(), Role: icn.RolePerson, Name: "somebody"})
		require.NoError(f, err)
		if first == 0 {
			first = heard.Load()
			return false
		}
		return heard.Load() > first+2
	})
	close(over)
	pair, err := key.Generate() // one more, for which the reader wakes up and ends
	require.NoError(f, err)
	_, err = api.FederationMembers(f.Context(), wire.Member{DID: pair.DID(), Role: icn.RolePerson, Name: "somebody"})
	require.NoError(f, err)
}

// throughLoad are requests that can be repeated, each sent once, on and on.
type throughLoad struct {
	f      *fleet
	stop   context.CancelFunc
	work   sync.WaitGroup
	done   map[string]*atomic.Int64
	failed atomic.Int64
	worst  atomic.Int64
}

func (f *fleet) loadThrough(api *client.Client) *throughLoad {
	f.Helper()
	ctx, stop := context.WithCancel(f.Context())
	l := &throughLoad{f: f, stop: stop, done: map[string]*atomic.Int64{}}
	pair, err := key.Generate()
	require.NoError(f, err)
	_, err = api.FederationMembers(ctx, wire.Member{DID: pair.DID(), Role: icn.RolePerson, Name: "Ada"})
	require.NoError(f, err)
	info, err := api.Info(ctx)
	require.NoError(f, err)
	network, err := icn.ParseCID(info.Network)
	require.NoError(f, err)
	f.level(f.nodes)
	for name, once := range map[string]func(i int) error{ // order: they run at once
		"GET /info": func(int) error { _, err := api.Info(ctx); return err },
		"GET /dag":  func(int) error { _, err := api.DagGet(ctx, f.tiny); return err },
		"put": func(i int) error {
			_, err := api.DagPut(ctx, fmt.Appendf(nil, "block %d of %s", i, pair.DID()), client.Put{})
			return err
		},
		"statement": func(i int) error {
			s := icn.Statement{Network: network, Author: pair.DID(), Number: uint64(i), Ops: []icn.Op{icn.ManaSpend{Amount: 1, For: "room"}}}
			s.Sig = [64]byte(pair.Sign(s.SigningBytes()))
			_, err := api.StatementSay(ctx, s.Encode())
			return err
		},
	} {
		n := &atomic.Int64{}
		l.done[name] = n
		var turn atomic.Int64
		for range 4 {
			l.work.Go(func() { l.again(ctx, name, n, func() error { return once(int(turn.Add(1))) }) })
		}
	}
	return l
}

func (l *throughLoad) again(ctx context.Context, name string, n *atomic.Int64, once func() error) {
	for ctx.Err() == nil {
		began := time.Now()
		err := once()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			l.failed.Add(1)
			l.f.Errorf("%s failed after %v: %v", name, time.Since(began), err)
			continue
		}
		n.Add(1)
		if took := int64(time.Since(began)); took > l.worst.Load() {
			l.worst.Store(took)
		}
		time.Sleep(5 * time.Millisecond) // two balancers, three nodes and the load share a small machine
	}
}

func (l *throughLoad) count() (n int64) {
	for _, x := range l.done { // order: added up
		n += x.Load()
	}
	return n
}

func (l *throughLoad) goesOn(more int64) {
	l.f.Helper()
	want := l.count() + more
	l.f.until("requests are answered", func() bool { return l.count() >= want || l.failed.Load() > 0 })
}

func (l *throughLoad) end() {
	l.f.Helper()
	l.stop()
	l.work.Wait()
	require.Zero(l.f, l.failed.Load(), "requests failed")
	for name, n := range l.done { // order: each is by itself
		require.NotZero(l.f, n.Load(), "%s: none was answered", name)
	}
	l.f.Logf("%d requests while three nodes were killed and came back, none failed; the slowest took %v", l.count(), time.Duration(l.worst.Load()).Round(time.Millisecond))
}

// TestBalancersRepeatOnlyWhatCanBeRepeated: nodes that take requests and fall silent
// get a job from one caller once, and a block more than once. Callers without a
// credential are limited, and nobody collects metrics through a balancer.
func TestBalancersRepeatOnlyWhatCanBeRepeated(t *testing.T) {
	ground, base := newShore(t)
	pair, err := tls.LoadX509KeyPair(base+".crt", base+".key")
	require.NoError(t, err)
	var mu sync.Mutex
	asked := map[string]int{}
	var nodes [3]string
	for i := range nodes {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/ready" || r.URL.Path == "/info" {
				return
			}
			_, _ = io.Copy(io.Discard, r.Body) // whether it was whole is no matter
			mu.Lock()
			asked[r.Method+" "+r.URL.Path]++
			mu.Unlock()
			panic(http.ErrAbortHandler)
		}))
		s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}
		s.StartTLS()
		t.Cleanup(s.Close)
		nodes[i] = s.Listener.Addr().String()
	}
	for name, start := range balancers { // order: each is by itself
		t.Run(name, func(t *testing.T) {
			b := start(t, base, nodes)
			c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ground.trust}, DisableKeepAlives: true}, Timeout: patience} // it repeats nothing itself on a new connection
			ask := func(method, path, apiKey string) int {
				r, err := http.NewRequestWithContext(t.Context(), method, b.url+path, strings.NewReader("{}"))
				require.NoError(t, err)
				if apiKey != "" {
					r.Header.Set("X-Api-Key", apiKey)
				}
				resp, err := c.Do(r)
				require.NoError(t, err)
				defer resp.Body.Close()
				return resp.StatusCode
			}
			waitFor(t, "the nodes are ready", func() bool { return ask("GET", "/info", balancedKey) == 200 })
			for path, repeated := range map[string]bool{ // order: each is by itself
				"POST /mesh/submit": false, "POST /api/v1/governance/submit": false, "POST /federation/invite": false,
				"POST /dag/put": true, "POST /api/v1/statements": true, "POST /dag/get": true, "GET /status": true,
			} {
				method, at, _ := strings.Cut(path, " ")
				// once sends one request, and counts how often it arrives.
				once := func() int {
					mu.Lock()
					clear(asked)
					mu.Unlock()
					require.GreaterOrEqual(t, ask(method, at, balancedKey), 500)
					mu.Lock()
					defer mu.Unlock()
					return asked[path]
				}
				arrived := 0
				waitFor(t, path+" reaches as many nodes as it should", func() bool {
					arrived = once()
					return arrived > 1 || arrived == 1 && !repeated
				})
				if !repeated {
					require.Equal(t, 1, arrived, "%s was repeated", path)
				}
			}
			require.Equal(t, http.StatusForbidden, ask("GET", "/metrics", balancedKey))
			limited := 0
			for range 200 {
				if ask("GET", "/info", "") == http.StatusTooManyRequests {
					limited++
				}
			}
			require.Greater(t, limited, 50, "callers without a credential are limited")
			waitFor(t, "one with a credential is answered", func() bool { return ask("GET", "/info", balancedKey) == 200 })
			require.NotEqual(t, http.StatusTooManyRequests, ask("GET", "/ready", ""), "probes are not")
		})
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(errors.New("it is not so that " + what))
		}
	}
}

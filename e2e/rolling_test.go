package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// secured is loopback with TLS: each node has a certificate, and callers trust those
// that were made here, the old ones and the new.
type secured struct {
	loopback
	t     *testing.T
	dir   string
	mu    sync.Mutex
	trust *x509.CertPool
}

func (g *secured) file(i int, ext string) string {
	return filepath.Join(g.dir, string(rune('a'+i))+ext)
}

// certify gives node i a new certificate. Its key comes first, and both by renaming.
func (g *secured) certify(i int) *x509.Certificate {
	g.t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(g.t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "node"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(30 * 24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	require.NoError(g.t, err)
	c, err = x509.ParseCertificate(der)
	require.NoError(g.t, err)
	g.mu.Lock()
	pool := g.trust.Clone()
	pool.AddCert(c)
	g.trust = pool
	g.mu.Unlock()
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	require.NoError(g.t, err)
	for _, f := range []struct {
		ext string
		b   pem.Block
	}{{".tls.key", pem.Block{Type: "PRIVATE KEY", Bytes: secret}}, {".tls.crt", pem.Block{Type: "CERTIFICATE", Bytes: der}}} {
		require.NoError(g.t, os.WriteFile(g.file(i, f.ext)+".new", pem.EncodeToMemory(&f.b), 0o600))
		require.NoError(g.t, os.Rename(g.file(i, f.ext)+".new", g.file(i, f.ext)))
	}
	return c
}

func (g *secured) command(i int, program string, args ...string) (*exec.Cmd, func() error) {
	if _, err := os.Stat(g.file(i, ".tls.crt")); err != nil {
		g.certify(i)
	}
	return g.loopback.command(i, program, append(args, "--tls-cert-path", g.file(i, ".tls.crt"), "--tls-key-path", g.file(i, ".tls.key"))...)
}

func (g *secured) client(_ int, url string) (*client.Client, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return client.New(url, client.Options{Timeout: patience, Trust: g.trust})
}

// shows is the certificate that a node shows now.
func (v *vessel) shows() *x509.Certificate {
	addr := strings.TrimPrefix(v.api.Load().URL(), "https://")
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) // what it is, is what is asked
	if err != nil {
		return nil
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0]
}

// follower hears of every event, and goes to another node when one breaks off.
type follower struct {
	mu     sync.Mutex
	heard  []wire.Cursor
	breaks int
}

func (f *fleet) follow() (x *follower, stop func()) {
	x = &follower{}
	ctx, cancel := context.WithCancel(f.Context())
	var work sync.WaitGroup
	work.Go(func() {
		q := wire.EventQuery{Follow: true}
		for i := 0; ctx.Err() == nil; i++ {
			for ev, err := range f.nodes[i%len(f.nodes)].api.Load().Events(ctx, q) {
				if err != nil {
					time.Sleep(20 * time.Millisecond) // the next node
					break
				}
				q.After = ev.Cursor().String()
				x.mu.Lock()
				x.heard = append(x.heard, ev.Cursor())
				x.mu.Unlock()
			}
			x.mu.Lock()
			x.breaks++
			x.mu.Unlock()
		}
	})
	return x, func() { cancel(); work.Wait() }
}

func (x *follower) last() (c wire.Cursor) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n := len(x.heard); n > 0 {
		c = x.heard[n-1]
	}
	return c
}

// TestRollingChangesUnderLoad: while jobs are offered everywhere and somebody follows
// the events, every node in turn, the leader last, is brought to the next release, gets
// another certificate, and another key. No job fails, and no event is missed or told
// twice.
func TestRollingChangesUnderLoad(t *testing.T) {
	next := ""
	if !testing.Short() {
		next = release(t, "next-rolling", 2)
	}
	g := &secured{t: t, dir: t.TempDir(), trust: x509.NewCertPool()}
	f := newFleet(t, 3, g)
	l := newLedger()
	stop := f.storm(l, f.nodes)
	x, leave := f.follow()
	order := slices.Clone(f.nodes)
	s, err := f.nodes[0].api.Load().Status(t.Context())
	require.NoError(t, err)
	slices.SortStableFunc(order, func(a, b *vessel) int {
		leads := func(v *vessel) int {
			if v.did == *s.Leader {
				return 1
			}
			return 0
		}
		return leads(a) - leads(b)
	})
	keys := map[icn.DID]bool{}
	for _, v := range order {
		v.upgrade(next)
		f.until("all are linked again after the upgrade", func() bool { return f.together(f.nodes) })

		was := v.shows()
		fresh := g.certify(v.i)
		require.False(t, fresh.Equal(was))
		f.until("it shows the new certificate", func() bool { c := v.shows(); return c != nil && c.Equal(fresh) })
		v.answers() // by callers who trust it

		r, err := v.api.Load().AdminRotateKey(t.Context())
		require.NoError(t, err)
		require.Equal(t, v.did, r.DID)
		require.NotEqual(t, r.Was, r.Key)
		keys[r.Key] = true
		f.until("it has started again with the new key", func() bool {
			v.answers()
			k, err := v.api.Load().Keys(t.Context())
			return err == nil && k.PeerID == key.PeerID(r.Key)
		})
		v.ready()
		f.until("all are linked again after the change of the key", func() bool { return f.together(f.nodes) })
	}
	require.Len(t, keys, 3)
	time.Sleep(time.Second) // of load after it all
	stop()
	e := f.checkJobs(l)
	require.NotZero(t, l.count("applied"))
	require.Empty(t, e.rolledBack, "no job failed")
	require.Empty(t, e.cancelled)

	var all []wire.Cursor
	for ev, err := range f.nodes[0].api.Load().Events(t.Context(), wire.EventQuery{}) {
		require.NoError(t, err)
		all = append(all, ev.Cursor())
	}
	f.until("the follower has heard of the last event", func() bool { return x.last() == all[len(all)-1] })
	leave()
	require.Equal(t, all, x.heard[:len(all)], "every event, once, in its order")
	t.Logf("%d events, heard over %d connections", len(all), x.breaks)
}

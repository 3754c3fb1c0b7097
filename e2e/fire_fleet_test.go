package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/examples"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// ground is what nodes stand on: the loopback interface, or a network of their
// own that can be cut in two.
type ground interface {
	// command prepares to start a program as a node; up is called when it has
	// started, before the node itself begins.
	command(i int, program string, args ...string) (c *exec.Cmd, up func() error)
	// listen is where node i listens for its peers, with its port if it has a
	// fixed one.
	listen(i int) string
	// client is the way to the API of node i, which listens on loopback.
	client(i int, url string) (*client.Client, error)
}

// loopback gives each node a loopback address of its own, so that a port which
// it had is not taken by another's connection while the node is down.
type loopback struct{}

func (loopback) command(_ int, program string, args ...string) (*exec.Cmd, func() error) {
	return exec.Command(program, args...), func() error { return nil }
}

func (loopback) listen(i int) string { return fmt.Sprintf("/ip4/127.0.1.%d/tcp/0", i+1) }

func (loopback) client(_ int, url string) (*client.Client, error) {
	return client.New(url, client.Options{Timeout: patience})
}

// patience is how long a test waits for what must come in the end. It is no
// measure: on a machine that is busy with other things everything takes longer.
const patience = 90 * time.Second

// fleet is a federation of processes.
type fleet struct {
	*testing.T
	dir     string
	ground  ground
	program string // of nodes that are started for the first time
	nodes   []*vessel

	tiny, text, spin icn.CID
}

// vessel is a node of a fleet. It keeps its name, store and P2P address over
// restarts; its process and the address of its API are new each time.
type vessel struct {
	f       *fleet
	i       int
	name    string
	did     icn.DID
	listen  string
	http    string // where its API listens
	p2p     string
	program string
	cmd     *exec.Cmd
	api     atomic.Pointer[client.Client]
	once    []string // flags of the first start
}

// newFleet starts n nodes: the first founds a federation, the others join it.
func newFleet(t *testing.T, n int, g ground) *fleet {
	t.Helper()
	return newFleetWith(t, n, g, "")
}

// newFleetWith has something more in the nodes' configuration.
func newFleetWith(t *testing.T, n int, g ground, settings string) *fleet {
	t.Helper()
	return makeFleet(t, n, &fleet{T: t, ground: g, program: filepath.Join(built, "icn-node")}, settings)
}

// newFleetOf runs another program than this source's.
func newFleetOf(t *testing.T, n int, g ground, program string) *fleet {
	t.Helper()
	return makeFleet(t, n, &fleet{T: t, ground: g, program: program}, "")
}

func makeFleet(t *testing.T, n int, f *fleet, settings string) *fleet {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes a while")
	}
	f.dir = t.TempDir()
	t.Cleanup(f.end)
	began := time.Now()
	// Tests submit more than members would: no account may run out of mana.
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, "fleet.toml"), []byte("[performance]\nmana_regeneration_rate = 1000000000\n"+settings), 0o600))
	f.add().start()
	for len(f.nodes) < n {
		f.join(f.nodes[len(f.nodes)-1], min(n-len(f.nodes), 9)) // a node hears so many knocks of one address at once
	}
	for _, v := range f.nodes {
		v.ready()
	}
	f.until("all nodes are linked with each other", func() bool { return f.together(f.nodes) })
	f.Logf("%d nodes are one federation after %v", n, time.Since(began).Round(time.Millisecond))
	f.load()
	return f
}

// join starts so many nodes, which knock at one that runs.
func (f *fleet) join(at *vessel, n int) {
	f.Helper()
	at.ready()
	for range n {
		inv, err := f.nodes[0].api.Load().FederationInvite(f.Context(), icn.RoleNode, time.Hour)
		require.NoError(f, err)
		v := f.add()
		v.once = []string{"--bootstrap-peers", at.p2p, "--join-code", inv.Code}
		v.start()
	}
}

func (f *fleet) add() *vessel {
	i := len(f.nodes)
	v := &vessel{f: f, i: i, name: string(rune('a' + i)), listen: f.ground.listen(i), http: "127.0.0.1:0", program: f.program}
	if g, fixed := f.ground.(interface{ http(i int) string }); fixed {
		v.http = g.http(i)
	}
	f.nodes = append(f.nodes, v)
	return v
}

// load stores the programs at every node, as if they were known everywhere.
func (f *fleet) load() {
	f.Helper()
	spin, err := os.ReadFile(filepath.Join(built, "spin.wasm"))
	require.NoError(f, err)
	put := func(v *vessel, b []byte) icn.CID {
		a, err := v.api.Load().DagAdd(f.Context(), strings.NewReader(string(b)))
		require.NoError(f, err)
		return a.CID
	}
	for _, v := range f.nodes {
		f.tiny, f.text = put(v, examples.Tiny()), put(v, []byte("in capitals, please"))
	}
	f.spin = put(f.nodes[0], spin)
}

// together says whether these nodes follow one leader and are linked with each
// other.
func (f *fleet) together(nodes []*vessel) bool {
	for _, v := range nodes {
		s, err := v.api.Load().Status(f.Context())
		if err != nil || s.Leader == nil || s.Nodes != len(f.nodes) || s.Role == "catching up" {
			return false
		}
		linked := 0
		for _, p := range s.Peers {
			if p.Linked {
				linked++
			}
		}
		if linked < len(nodes)-1 {
			return false
		}
	}
	return true
}

// until waits for what must come in the end.
func (f *fleet) until(what string, ok func() bool) {
	f.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			f.fail("after %v it is not so that %s", patience, what)
		}
	}
}

// fail ends the test with what the nodes said last.
func (f *fleet) fail(format string, args ...any) {
	f.Helper()
	for _, v := range f.nodes {
		b, _ := os.ReadFile(v.log()) // it tells what it can
		f.Logf("%s (%s), the end of its log:\n%s", v.name, v.did, b[max(0, len(b)-1200):])
		ctx, stop := context.WithTimeout(f.Context(), time.Second)
		if s, err := v.api.Load().Status(ctx); err == nil {
			f.Logf("%s: %s, at %d, root %.8s, leader %v, %d open jobs, %d waiting, alarms %v", v.name, s.Role, s.Height, s.StateRoot, s.Leader, s.OpenJobs, len(s.Waiting), s.Alarms)
		}
		stop()
	}
	f.Fatalf(format, args...)
}

// end ends what still runs.
func (f *fleet) end() {
	var all sync.WaitGroup
	for _, v := range f.nodes {
		if v.cmd != nil {
			all.Go(v.kill)
		}
	}
	all.Wait()
}

func (v *vessel) log() string { return filepath.Join(v.f.dir, v.name+".log") }

// start starts the node's process, for the first time or again.
func (v *vessel) start() {
	v.f.Helper()
	addr := v.addrFile()
	_ = os.Remove(addr) // of a former life
	args := append([]string{"--config", filepath.Join(v.f.dir, "fleet.toml"), "--node-name", v.name, "--storage-path", filepath.Join(v.f.dir, v.name),
		"--http-listen-addr", v.http, "--p2p-listen-addr", v.listen, "--addr-file", addr, "--log-level", "info"}, v.once...)
	c, up := v.f.ground.command(v.i, v.program, args...)
	log, err := os.OpenFile(v.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(v.f, err)
	defer log.Close() // the process has its own
	c.Dir, c.Stdout, c.Stderr = v.f.dir, log, log
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + v.f.dir}
	require.NoError(v.f, c.Start())
	v.cmd, v.once = c, nil
	require.NoError(v.f, up())
}

func (v *vessel) addrFile() string { return filepath.Join(v.f.dir, v.name+".addr") }

// ready waits until the node answers and belongs, and learns where it is.
func (v *vessel) ready() {
	v.f.Helper()
	v.answers()
	v.f.until(v.name+" is ready", func() bool {
		_, err := v.api.Load().Ready(v.f.Context())
		return err == nil
	})
	if v.did == (icn.DID{}) {
		info, err := v.api.Load().Info(v.f.Context())
		require.NoError(v.f, err)
		v.did = info.DID
	}
}

// answers waits until the node's API answers.
func (v *vessel) answers() {
	v.f.Helper()
	v.f.until(v.name+" answers", func() bool {
		if v.cmd.Process.Signal(syscall.Signal(0)) != nil {
			v.f.fail("%s ended by itself", v.name)
		}
		b, err := os.ReadFile(v.addrFile())
		if err != nil {
			return false
		}
		for line := range strings.Lines(string(b)) {
			line = strings.TrimSpace(line)
			if a, ok := strings.CutPrefix(line, "P2P "); ok && strings.Contains(a, "/tcp/") && v.p2p == "" {
				v.p2p = a
				v.listen, _, _ = strings.Cut(a, "/p2p/")
			}
			if url, ok := strings.CutPrefix(line, "API "); ok {
				c, err := v.f.ground.client(v.i, url)
				require.NoError(v.f, err)
				v.api.Store(c)
			}
		}
		c := v.api.Load()
		if c == nil {
			return false
		}
		_, err = c.Livez(v.f.Context())
		return err == nil
	})
}

// kill ends the process as a power cut would.
func (v *vessel) kill() {
	_ = v.cmd.Process.Kill()
	_ = v.cmd.Wait() // of a signal
	v.cmd = nil
}

func (v *vessel) signal(s syscall.Signal) {
	v.f.Helper()
	require.NoError(v.f, v.cmd.Process.Signal(s))
}

// job is what the tests have run: text in capitals.
func (f *fleet) job() wire.Submit {
	return wire.Submit{Module: f.tiny, Inputs: []icn.CID{f.text}, Budget: 10}
}

// work is a job that computes for a while: millions of rounds.
func (f *fleet) work(millions int) wire.Submit {
	return wire.Submit{Module: f.spin, Args: []string{strconv.Itoa(millions)}, Budget: 20, Limits: icn.JobLimits{Gas: 100_000_000_000}}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

const (
	apiKey     = "bench-key"
	listenFlag = "--p2p-listen-addr"
)

// process is an icn-node under measurement.
type process struct {
	cmd        *exec.Cmd
	api        *client.Client
	url, p2p   string
	readyAfter time.Duration
}

// start starts a node and waits until it is ready.
func start(ctx context.Context, bin, dir string, extra []string) (*process, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	addrs := filepath.Join(dir, "addrs")
	os.Remove(addrs)
	// A bench submits more than members would: it must not run out of mana.
	conf := filepath.Join(dir, "bench.toml")
	if err := os.WriteFile(conf, []byte("[performance]\nmana_regeneration_rate = 1000000000\n"), 0o600); err != nil {
		return nil, err
	}
	args := append([]string{"--config", conf, "--storage-backend", "pebble", "--storage-path", filepath.Join(dir, "store"), "--http-listen-addr", "127.0.0.1:0",
		"--api-key", apiKey, "--addr-file", addrs, "--log-level", "error"}, extra...)
	if !slices.Contains(extra, listenFlag) {
		args = append(args, listenFlag, "/ip4/127.0.0.1/tcp/0")
	}
	p := &process{cmd: command(ctx, bin, args...)}
	p.cmd.Stderr = os.Stderr
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for deadline := began.Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if p.url == "" {
			p.readAddrs(addrs)
			continue
		}
		resp, err := http.Get(p.url + "/ready")
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK || len(extra) > 0 {
			p.readyAfter = time.Since(began)
			p.api, err = client.New(p.url, client.Options{APIKey: apiKey})
			return p, err
		}
	}
	return nil, errors.Join(fmt.Errorf("%s did not get ready", dir), p.stop())
}

func (p *process) readAddrs(file string) {
	b, _ := os.ReadFile(file)
	for line := range strings.Lines(string(b)) {
		if u, ok := strings.CutPrefix(strings.TrimSpace(line), "API "); ok {
			p.url = u
		}
		if a, ok := strings.CutPrefix(strings.TrimSpace(line), "P2P "); ok && p.p2p == "" {
			p.p2p = a
		}
	}
}

func (p *process) stop() error {
	_ = p.cmd.Process.Signal(os.Interrupt)
	return p.cmd.Wait()
}

// kill ends it as a power cut would.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	_ = p.cmd.Wait()
	return nil
}

// rss is the process's resident memory in bytes.
func (p *process) rss() (uint64, error) { return residentOf(p.cmd.Process.Pid) }

func residentOf(pid int) (uint64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseUint(strings.Fields(string(b))[1], 10, 64)
	return pages * uint64(os.Getpagesize()), err
}

// ownOf is what a process has resident without the pages of files.
func ownOf(pid int) (bytes uint64) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		if n, _ := fmt.Sscanf(line, "RssAnon: %d kB", &bytes); n == 1 {
			return bytes << 10
		}
	}
	return 0
}

// cpuOf is the processor time that a process has used.
func cpuOf(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond // clock ticks of 1/100 s
}

// nodes are a federation under measurement.
type nodes struct{ procs []*process }

type federationOptions struct {
	bin, dir string
	nodes    int
}

// federation starts nodes that join the first one.
func federation(ctx context.Context, o federationOptions) (*nodes, error) {
	f := &nodes{}
	for i := range o.nodes {
		var extra []string
		if i > 0 {
			inv, err := f.procs[0].api.FederationInvite(ctx, icn.RoleNode, time.Hour)
			if err != nil {
				return f, err
			}
			extra = []string{"--bootstrap-peers", f.procs[0].p2p, "--join-code", inv.Code}
		}
		p, err := start(ctx, o.bin, filepath.Join(o.dir, fmt.Sprint(i)), extra)
		if err != nil {
			return f, err
		}
		f.procs = append(f.procs, p)
	}
	return f, f.together(ctx)
}

// together waits until all nodes take part.
func (f *nodes) together(ctx context.Context) error {
	n := len(f.procs)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		settled := 0
		for _, p := range f.procs {
			s, err := p.api.Status(ctx)
			if err == nil && s.Nodes == n && s.Leader != nil && s.Role != "catching up" && len(s.Order.Voters) == (min(n, 7)-1)|1 && linked(s) == n-1 {
				settled++
			}
		}
		if settled == n {
			return nil
		}
	}
	return fmt.Errorf("%d nodes did not come together", n)
}

func linked(s wire.Status) (n int) {
	for _, p := range s.Peers {
		if p.Linked {
			n++
		}
	}
	return n
}

func (f *nodes) stop() {
	for _, p := range f.procs {
		_ = p.stop()
	}
}

func (f *nodes) cpu() time.Duration {
	var sum time.Duration
	for _, p := range f.procs {
		sum += cpuOf(p.cmd.Process.Pid)
	}
	return sum
}

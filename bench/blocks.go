package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// measureBlocks compares single durable puts and random gets of 1 KiB with Kubo,
// in turns: one round here, one at each peer, again and again. Kubo on Pebble is
// the fastest there is, but a put there is not on the disk when it answers; on
// flatfs it can be told to write as durably as we do.
func measureBlocks(ctx context.Context, bin, ipfs, dir string, each time.Duration) error {
	ours, err := start(ctx, bin, filepath.Join(dir, "blocks"), nil)
	if err != nil {
		return err
	}
	defer ours.stop()
	host := strings.TrimPrefix(ours.url, "http://")
	auth := " HTTP/1.1\r\nHost: icn\r\nx-api-key: " + apiKey + "\r\n"
	servers := []*blockBench{{name: "icn-node", addr: host, pid: ours.cmd.Process.Pid, put: func(w *socket, b []byte) (string, error) {
		status, body, err := w.do("POST /dag/put"+auth+"Content-Type: application/octet-stream\r\n", b)
		if err != nil || status != 201 {
			return "", fmt.Errorf("put: %d %s %v", status, body, err)
		}
		return strings.Trim(string(body), "\"\n"), nil
	}, get: func(w *socket, name string) error {
		return want1K(w.do("GET /dag/"+name+auth, nil))
	}}}
	for _, kind := range kuboKinds {
		k, err := startKubo(ctx, ipfs, filepath.Join(dir, "kubo-"+kind.profile), kind)
		if err != nil {
			return err
		}
		defer k.stop()
		servers = append(servers, &blockBench{name: kind.name, addr: k.addr, pid: k.cmd.Process.Pid, put: k.put, get: k.get})
	}
	for _, clients := range []int{1, 32} {
		for _, op := range []string{"put", "get"} {
			if err := compareBlocks(servers, op, clients, each/2); err != nil {
				return fmt.Errorf("%s: %w", op, err)
			}
		}
	}
	return nil
}

func compareBlocks(servers []*blockBench, op string, clients int, each time.Duration) error {
	const rounds = 5
	sums := make([]phase, len(servers))
	for range rounds {
		for i, s := range servers {
			sums[i].add(s.measure(op, clients, each))
		}
	}
	for i, s := range servers {
		if sums[i].err != nil {
			return fmt.Errorf("%s: %w", s.name, sums[i].err)
		}
	}
	fmt.Printf("%s 1 KiB, %d client(s): %.0f/s, durable, %v server CPU each\n", op, clients, sums[0].rate(), sums[0].each())
	for i, s := range servers[1:] {
		peer := sums[i+1]
		fmt.Printf("    %s: %.0f/s, %v; ratio %.2f\n", s.name, peer.rate(), peer.each(), sums[0].rate()/peer.rate())
	}
	return nil
}

// phase adds up rounds.
type phase struct {
	n    int
	over time.Duration
	cpu  time.Duration
	err  error
}

func (p *phase) add(q phase) {
	p.n, p.over, p.cpu = p.n+q.n, p.over+q.over, p.cpu+q.cpu
	p.err = errors.Join(p.err, q.err)
	if p.err == nil {
		p.err = q.err
	}
}
func (p phase) rate() float64 { return float64(p.n) / p.over.Seconds() }
func (p phase) each() time.Duration {
	return (p.cpu / time.Duration(max(p.n, 1))).Round(time.Microsecond)
}

func want1K(status int, body []byte, err error) error {
	if err != nil || status != 200 || len(body) != 1024 {
		return fmt.Errorf("get: %d, %d bytes, %v", status, len(body), err)
	}
	return nil
}

// blockBench is a server that blocks are put to and got from.
type blockBench struct {
	name  string
	addr  string
	put   func(*socket, []byte) (string, error)
	get   func(*socket, string) error
	pid   int
	names []string
	next  atomic.Uint64
}

func (s *blockBench) measure(op string, clients int, each time.Duration) phase {
	wires := make([]*socket, clients)
	for i := range wires {
		w, err := dialSocket(s.addr)
		if err != nil {
			return phase{err: err}
		}
		defer w.conn.Close()
		wires[i] = w
	}
	before := cpuOf(s.pid)
	names := make([][]string, clients)
	r := load(clients, each, func(w int) error {
		n := s.next.Add(1)
		if op == "get" {
			return s.get(wires[w], s.names[(n*2654435761)%uint64(len(s.names))])
		}
		b := make([]byte, 1024)
		binary.LittleEndian.PutUint64(b, n)
		binary.LittleEndian.PutUint64(b[512:], n*0x9e3779b97f4a7c15)
		name, err := s.put(wires[w], b)
		names[w] = append(names[w], name)
		return err
	})
	for _, some := range names {
		s.names = append(s.names, some...)
	}
	return phase{len(r.took), r.over, cpuOf(s.pid) - before, r.err}
}

// kubo is an IPFS daemon that keeps to itself.
type kubo struct {
	cmd  *exec.Cmd
	addr string
}

// kuboKind is a way to set Kubo's datastore up.
type kuboKind struct{ name, profile, spec string }

var kuboKinds = []kuboKind{
	{name: "Kubo pebbleds (does not sync each put)", profile: "pebbleds"},
	{name: "Kubo flatfs (syncs each put)", profile: "flatfs", spec: `{"type": "mount", "mounts": [
		{"mountpoint": "/blocks", "type": "flatfs", "path": "blocks", "prefix": "flatfs.datastore", "sync": true, "shardFunc": "/repo/flatfs/shard/v1/next-to-last/2"},
		{"mountpoint": "/", "type": "levelds", "path": "datastore", "prefix": "leveldb.datastore", "compression": "none"}]}`},
}

func startKubo(ctx context.Context, bin, dir string, kind kuboKind) (*kubo, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	env := append(os.Environ(), "IPFS_PATH="+dir)
	steps := [][]string{
		{"init", "--profile=test," + kind.profile},
		{"config", "Addresses.API", fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port)},
		{"config", "Addresses.Gateway", "/ip4/127.0.0.1/tcp/0"},
	}
	if kind.spec != "" {
		steps = append(steps, []string{"config", "--json", "Datastore.Spec", kind.spec})
	}
	for _, args := range steps {
		c := command(ctx, bin, args...)
		c.Env = env
		if out, err := c.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("ipfs %s: %w: %s", args[0], err, out)
		}
	}
	k := &kubo{cmd: command(ctx, bin, "daemon", "--offline"), addr: fmt.Sprintf("127.0.0.1:%d", port)}
	k.cmd.Env = env
	if err := k.cmd.Start(); err != nil {
		return nil, err
	}
	for range 300 {
		if resp, err := http.Post("http://"+k.addr+"/api/v0/version", "", nil); err == nil {
			resp.Body.Close()
			return k, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	k.stop()
	return nil, fmt.Errorf("the IPFS daemon did not start")
}

func (k *kubo) stop() {
	_ = k.cmd.Process.Signal(os.Interrupt)
	_ = k.cmd.Wait()
}

const boundary = "icn-bench-boundary"

func (k *kubo) put(w *socket, b []byte) (string, error) {
	body := append([]byte("--"+boundary+"\r\nContent-Disposition: form-data; name=\"data\"; filename=\"b\"\r\n\r\n"), b...)
	body = append(body, "\r\n--"+boundary+"--\r\n"...)
	status, answer, err := w.do("POST /api/v0/block/put?cid-codec=raw HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary="+boundary+"\r\n", body)
	var out struct{ Key string }
	if err == nil {
		err = json.Unmarshal(answer, &out)
	}
	if err != nil || out.Key == "" {
		return "", fmt.Errorf("block/put: %d %s %v", status, answer, err)
	}
	return out.Key, nil
}

func (k *kubo) get(w *socket, name string) error {
	return want1K(w.do("POST /api/v0/block/get?arg="+name+" HTTP/1.1\r\nHost: 127.0.0.1\r\n", nil))
}

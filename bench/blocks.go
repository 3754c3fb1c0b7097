package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// measureBlocks compares single durable puts and random gets of 1 KiB with Kubo
// on Pebble, in turns: one round here, one there, again and again.
func measureBlocks(ctx context.Context, bin, ipfs, dir string, each time.Duration) error {
	ours, err := start(ctx, bin, filepath.Join(dir, "blocks"), nil)
	if err != nil {
		return err
	}
	defer ours.stop()
	kubo, err := startKubo(ctx, ipfs, filepath.Join(dir, "kubo"))
	if err != nil {
		return err
	}
	defer kubo.stop()
	here := &blockBench{put: func(b []byte) (string, error) {
		c, err := ours.api.DagPut(ctx, b, client.Put{})
		return c.String(), err
	}, get: func(s string) error {
		c, err := icn.ParseCID(s)
		if err == nil {
			_, err = ours.api.DagBlock(ctx, c)
		}
		return err
	}, pid: ours.cmd.Process.Pid}
	there := &blockBench{put: kubo.put, get: kubo.get, pid: kubo.cmd.Process.Pid}
	for _, clients := range []int{1, 32} {
		for _, op := range []string{"put", "get"} {
			const rounds = 5
			var a, b phase
			for range rounds {
				a.add(here.measure(op, clients, each/2))
				b.add(there.measure(op, clients, each/2))
			}
			if a.err != nil || b.err != nil {
				return fmt.Errorf("%s: here %v, Kubo %v", op, a.err, b.err)
			}
			fmt.Printf("%s 1 KiB, %d client(s), durable: %.0f/s, %v server CPU each; Kubo pebbleds %.0f/s, %v; ratio %.2f\n",
				op, clients, a.rate(), a.each(), b.rate(), b.each(), a.rate()/b.rate())
		}
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
	if p.err == nil {
		p.err = q.err
	}
}
func (p phase) rate() float64 { return float64(p.n) / p.over.Seconds() }
func (p phase) each() time.Duration {
	return (p.cpu / time.Duration(max(p.n, 1))).Round(time.Microsecond)
}

// blockBench is a server that blocks are put to and got from.
type blockBench struct {
	put   func([]byte) (string, error)
	get   func(string) error
	pid   int
	names []string
	next  atomic.Uint64
}

func (s *blockBench) measure(op string, clients int, each time.Duration) phase {
	before := cpuOf(s.pid)
	names := make([][]string, clients)
	r := load(clients, each, func(w int) error {
		n := s.next.Add(1)
		if op == "get" {
			return s.get(s.names[(n*2654435761)%uint64(len(s.names))])
		}
		b := make([]byte, 1024)
		binary.LittleEndian.PutUint64(b, n)
		binary.LittleEndian.PutUint64(b[512:], n*0x9e3779b97f4a7c15)
		name, err := s.put(b)
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
	cmd *exec.Cmd
	url string
	http.Client
}

func startKubo(ctx context.Context, bin, dir string) (*kubo, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	env := append(os.Environ(), "IPFS_PATH="+dir)
	for _, args := range [][]string{
		{"init", "--profile=test,pebbleds"},
		{"config", "Addresses.API", fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port)},
		{"config", "Addresses.Gateway", "/ip4/127.0.0.1/tcp/0"},
	} {
		c := command(ctx, bin, args...)
		c.Env = env
		if out, err := c.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("ipfs %s: %w: %s", args[0], err, out)
		}
	}
	k := &kubo{cmd: command(ctx, bin, "daemon", "--offline"), url: fmt.Sprintf("http://127.0.0.1:%d/api/v0/", port)}
	k.Transport = &http.Transport{MaxIdleConnsPerHost: 64}
	k.cmd.Env = env
	if err := k.cmd.Start(); err != nil {
		return nil, err
	}
	for range 300 {
		if resp, err := k.Post(k.url+"version", "", nil); err == nil {
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

func (k *kubo) put(b []byte) (string, error) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	f, err := w.CreateFormFile("data", "block")
	if err != nil {
		return "", err
	}
	_, _ = f.Write(b)
	_ = w.Close()
	resp, err := k.Post(k.url+"block/put?cid-codec=raw", w.FormDataContentType(), &body)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var out struct{ Key string }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out.Key == "" {
		return "", fmt.Errorf("block/put: %s %v", resp.Status, err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return out.Key, nil
}

func (k *kubo) get(name string) error {
	resp, err := k.Post(k.url+"block/get?arg="+name, "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && n != 1024 {
		err = fmt.Errorf("block/get: %s, %d bytes", resp.Status, n)
	}
	return err
}

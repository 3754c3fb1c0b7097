package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
)

// batch measures how fast many blocks come in over HTTP: as batches, each of which
// is durable when it is answered, and as one CAR, beside what an IPFS daemon makes
// of that CAR. Every round is with new, empty servers.
func (b benches) batch(ctx context.Context, dir string) error {
	t, err := makeTree(ctx, filepath.Join(dir, "tree.car"), b.blocks)
	if err != nil {
		return err
	}
	bodies := bodiesOf(b.blocks)
	x := &batches{benches: b, ctx: ctx, dir: dir, tree: t}
	many := &row{what: fmt.Sprintf("%d blocks as batches of %d over HTTP, %d clients, durable", b.blocks, perBatch, batchClients)}
	car := &row{what: fmt.Sprintf("%d blocks as one CAR over HTTP, durable", t.blocks)}
	pinned := &row{what: "the same, and pinned"}
	steps := []step{
		{row: many, ours: func() (spent, error) { return x.node(func(p *process) error { return putBatches(p, bodies) }) }},
		{row: car, ours: func() (spent, error) { return x.node(x.load) }},
		{row: pinned, ours: func() (spent, error) { return x.node(x.loadAndPin) }},
	}
	if b.ipfs == "" {
		fmt.Fprintln(os.Stderr, "bench: warning: no -ipfs given, so batches are not compared")
	} else {
		steps[1].peer = func() (spent, error) { return x.daemon(false) }
		steps[2].peer = func() (spent, error) { return x.daemon(true) }
	}
	if err := interleave(b.rounds, steps); err != nil {
		return err
	}
	rate := func(n int, r rounds) float64 { return float64(n) / r.median().wall.Seconds() }
	each := func(n int, r rounds) time.Duration { return r.median().cpu / time.Duration(n) }
	fmt.Printf("    batches: %.0f blocks/s, %v server CPU each; CAR: %.0f blocks/s, %v; durable when answered\n",
		rate(b.blocks, many.ours), each(b.blocks, many.ours), rate(t.blocks, car.ours), each(t.blocks, car.ours))
	if b.ipfs == "" {
		return nil
	}
	for _, peer := range []struct {
		what string
		rounds
	}{{"as it does without being asked, which pins the root", pinned.peer}, {"without pinning", car.peer}} {
		r := rate(t.blocks, peer.rounds)
		fmt.Printf("    dag import of an IPFS daemon, pebbleds, %s: %.0f blocks/s, %v; ratio %.2f as batches, %.2f as CAR\n",
			peer.what, r, each(t.blocks, peer.rounds), rate(b.blocks, many.ours)/r, rate(t.blocks, car.ours)/r)
	}
	return nil
}

const (
	perBatch     = wire.MaxBatchBlocks
	batchClients = 4
)

// bodiesOf are requests with the leaves of a tree.
func bodiesOf(blocks int) (out [][]byte) {
	s := newSource(1)
	for n := 0; n < blocks; n += perBatch {
		var body []byte
		for range min(perBatch, blocks-n) {
			body = wire.AppendBlock(body, s.next())
		}
		out = append(out, body)
	}
	return out
}

type batches struct {
	benches
	ctx  context.Context
	dir  string
	tree tree
}

// node measures what is done with a new node.
func (b *batches) node(f func(*process) error) (s spent, err error) {
	dir := filepath.Join(b.dir, "node")
	p, err := start(b.ctx, b.benches.node, dir, nil)
	if err != nil {
		return s, err
	}
	settle()
	s, err = timed(p.cmd.Process.Pid, func() error { return f(p) })
	return s, errors.Join(err, p.stop(), os.RemoveAll(dir))
}

func (b *batches) load(p *process) error {
	f, err := os.Open(b.tree.path)
	if err != nil {
		return err
	}
	defer f.Close()
	in, err := p.api.DagImport(b.ctx, struct{ io.Reader }{f}) // a client closes what it can
	if err == nil && in.Blocks != b.tree.blocks {
		err = fmt.Errorf("%d blocks came in, want %d", in.Blocks, b.tree.blocks)
	}
	return err
}

func (b *batches) loadAndPin(p *process) error {
	if err := b.load(p); err != nil {
		return err
	}
	_, err := p.api.DagPin(b.ctx, b.tree.root, 0)
	return err
}

func putBatches(p *process, bodies [][]byte) error {
	var next atomic.Int64
	errs := make([]error, batchClients)
	var work sync.WaitGroup
	for i := range batchClients {
		work.Go(func() {
			w, err := dialSocket(strings.TrimPrefix(p.url, "http://"))
			if err != nil {
				errs[i] = err
				return
			}
			defer w.conn.Close()
			for n := next.Add(1) - 1; n < int64(len(bodies)) && errs[i] == nil; n = next.Add(1) - 1 {
				errs[i] = putBatch(w, bodies[n])
			}
		})
	}
	work.Wait()
	return errors.Join(errs...)
}

func putBatch(w *socket, body []byte) error {
	status, answer, err := w.do("POST /dag/put/batch HTTP/1.1\r\nHost: icn\r\nx-api-key: "+apiKey+"\r\nContent-Type: "+wire.BatchType+"\r\n", body)
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("put/batch: %d %.200s", status, answer)
	}
	return err
}

// daemon measures an import of a new IPFS daemon.
func (b *batches) daemon(pin bool) (s spent, err error) {
	dir := filepath.Join(b.dir, "kubo")
	k, err := startKubo(b.ctx, b.ipfs, dir, kuboKinds[0])
	if err != nil {
		return s, err
	}
	settle()
	s, err = timed(k.cmd.Process.Pid, func() error { return k.importCAR(b.tree.path, pin) })
	k.stop()
	return s, errors.Join(err, os.RemoveAll(dir))
}

func (k *kubo) importCAR(path string, pin bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	body := io.MultiReader(strings.NewReader("--"+boundary+"\r\nContent-Disposition: form-data; name=\"file\"; filename=\"tree.car\"\r\nContent-Type: application/octet-stream\r\n\r\n"),
		f, strings.NewReader("\r\n--"+boundary+"--\r\n"))
	resp, err := http.Post(fmt.Sprintf("http://%s/api/v0/dag/import?stats=true&pin-roots=%v", k.addr, pin), "multipart/form-data; boundary="+boundary, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !strings.Contains(string(answer), "BlockCount")) {
		err = fmt.Errorf("dag/import: %s %.500s", resp.Status, answer)
	}
	return err
}

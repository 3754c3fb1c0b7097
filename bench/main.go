// Bench measures nodes as their users meet them: real processes, real HTTP,
// durable stores. Where a peer is named, both are measured in turns within one
// run, and the ratio is what counts: machines are noisy.
//
//	go run ./bench -node bin/icn-node [-ipfs path/to/ipfs]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/examples"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

func main() {
	b := benches{}
	flag.StringVar(&b.node, "node", "bin/icn-node", "the icn-node to measure")
	flag.StringVar(&b.cli, "cli", "bin/icn-cli", "its icn-cli")
	flag.StringVar(&b.ipfs, "ipfs", "", "a Kubo binary to compare blocks and backups with")
	flag.StringVar(&b.gossip, "gossip", "", "bench/gossip, built, to compare delivery with")
	flag.DurationVar(&b.each, "each", 3*time.Second, "how long each measurement goes on")
	flag.IntVar(&b.blocks, "blocks", 100_000, "blocks in the backups")
	flag.IntVar(&b.many, "many", 1_000_000, "blocks in the backups of a large store")
	flag.IntVar(&b.rounds, "rounds", 3, "how often a backup is measured; the median counts")
	flag.IntVar(&b.jobCount, "job-count", 10_000, "jobs after which memory is measured")
	flag.IntVar(&b.kills, "kills", 20, "how often a leader is killed")
	flag.IntVar(&b.entries, "entries", 200_000, "entries that a joining node replays, at least")
	only := flag.String("only", "start,jobs,memory,capacity,votes,failover,replay,delivery,blocks,siege,backup,batch,million,postgres", "what to measure")
	echo := flag.String("echo", "", "be the server that ballots are compared with: plain, or verify")
	flag.Parse()
	if *echo != "" {
		fmt.Fprintln(os.Stderr, "bench:", serveEcho(*echo))
		os.Exit(1)
	}
	if err := b.run(strings.Split(*only, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type benches struct {
	node, cli, ipfs string
	gossip          string
	each            time.Duration
	blocks, many    int
	rounds          int
	jobCount, kills int
	entries         int
}

func (b benches) run(only []string) error {
	dir, err := os.MkdirTemp("", "icn-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	all := map[string]func(dir string) error{
		"start":    func(dir string) error { return measureStart(ctx, b.node, dir) },
		"jobs":     func(dir string) error { return b.jobs(ctx, dir) },
		"blocks":   func(dir string) error { return b.single(ctx, dir) },
		"siege":    func(dir string) error { return measureSiege(ctx, b.node, dir, b.each) },
		"backup":   func(dir string) error { return b.backup(ctx, dir) },
		"batch":    func(dir string) error { return b.batch(ctx, dir) },
		"million":  func(dir string) error { return b.million(ctx, dir) },
		"memory":   func(dir string) error { return measureMemory(ctx, b.node, dir, b.jobCount) },
		"failover": func(dir string) error { return measureFailover(ctx, b.node, dir, b.kills) },
		"replay":   func(dir string) error { return measureReplay(ctx, b.node, dir, b.entries) },
		"delivery": func(dir string) error { return measureDelivery(ctx, b.gossip, dir, b.each) },
		"capacity": func(dir string) error { return measureCapacity(ctx, b.node, dir, b.each) },
		"votes":    func(dir string) error { return measureVotes(ctx, b.node, dir, b.each) },
		"postgres": func(dir string) error { return measureDatabase(ctx, b.node, dir, b.each) },
	}
	for _, name := range only {
		f := all[name]
		if f == nil {
			return fmt.Errorf("there is no %q to measure", name)
		}
		where := filepath.Join(dir, name)
		if err := os.MkdirAll(where, 0o700); err != nil {
			return err
		}
		if err := f(where); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.RemoveAll(where); err != nil {
			return err
		}
	}
	return nil
}

func (b benches) jobs(ctx context.Context, dir string) error {
	goGuest, err := buildGuest(ctx, dir)
	if err != nil {
		return err
	}
	for _, n := range []int{1, 3} {
		if err := measureJobs(ctx, federationOptions{bin: b.node, dir: filepath.Join(dir, fmt.Sprint(n)), nodes: n}, goGuest, b.each); err != nil {
			return fmt.Errorf("%d nodes: %w", n, err)
		}
	}
	return nil
}

func (b benches) single(ctx context.Context, dir string) error {
	if b.ipfs == "" {
		fmt.Println("blocks: no -ipfs given, so they are not compared")
		return nil
	}
	return measureBlocks(ctx, b.node, b.ipfs, dir, b.each)
}

func buildGuest(ctx context.Context, dir string) ([]byte, error) {
	src := filepath.Join(dir, "guest")
	if err := os.MkdirAll(src, 0o700); err != nil {
		return nil, err
	}
	p, err := examples.Unpack("wordcount", src)
	if err != nil {
		return nil, err
	}
	path, err := p.Build(ctx, true)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// measureStart takes the time from exec to the first 200 of /ready, and the
// memory of an idle node with P2P.
func measureStart(ctx context.Context, bin, dir string) error {
	var took []time.Duration
	var rss uint64
	for range 9 {
		p, err := start(ctx, bin, dir, nil)
		if err != nil {
			return err
		}
		took = append(took, p.readyAfter)
		if len(took) == 9 {
			time.Sleep(3 * time.Second) // idle, as a user leaves it
			if rss, err = p.rss(); err != nil {
				return err
			}
		}
		if err := p.stop(); err != nil {
			return err
		}
	}
	slices.Sort(took)
	fmt.Printf("start to /ready, pebble, p2p on: p50 %v (min %v, max %v, 9 starts); idle RSS with p2p: %.1f MB\n",
		took[4].Round(100*time.Microsecond), took[0].Round(100*time.Microsecond), took[8].Round(100*time.Microsecond), float64(rss)/1e6)
	return nil
}

// measureJobs runs warm jobs over a federation: one at a time, then 8 clients.
func measureJobs(ctx context.Context, o federationOptions, goGuest []byte, each time.Duration) error {
	f, err := federation(ctx, o)
	if err != nil {
		return err
	}
	defer f.stop()
	for _, guest := range []struct {
		name string
		code []byte
	}{{"tiny (under 1 KB)", examples.Tiny()}, {fmt.Sprintf("Go guest (%.1f MB)", float64(len(goGuest))/1e6), goGuest}} {
		j, err := f.job(ctx, guest.code)
		if err != nil {
			return err
		}
		for range 10 * o.nodes { // every node has it compiled
			if _, err := j.run(ctx, f.procs[0].api); err != nil {
				return err
			}
		}
		one := load(1, each, func(int) error { _, err := j.run(ctx, f.procs[0].api); return err })
		cpu := f.cpu()
		many := load(8, each, func(w int) error { _, err := j.run(ctx, f.procs[w%len(f.procs)].api); return err })
		used := f.cpu() - cpu
		if err := firstError(one, many); err != nil {
			return err
		}
		fmt.Printf("jobs, %d node(s), durable, %s: 1 client p50 %v p99 %v; 8 clients %.0f jobs/s, p50 %v, CPU of all nodes per job %v\n",
			o.nodes, guest.name, one.at(.5), one.at(.99), many.rate(), many.at(.5), (used / time.Duration(max(len(many.took), 1))).Round(time.Microsecond))
	}
	return nil
}

// job is a program and its input, in place on the first node.
type job struct{ module, input icn.CID }

func (f *nodes) job(ctx context.Context, code []byte) (job, error) {
	a, err := f.procs[0].api.DagAdd(ctx, strings.NewReader(string(code)))
	if err != nil {
		return job{}, err
	}
	in, err := f.procs[0].api.DagPut(ctx, examples.Text, client.Put{})
	return job{a.CID, in}, err
}

func (j job) run(ctx context.Context, c *client.Client) (node.JobView, error) {
	s, err := c.MeshSubmit(ctx, wire.Submit{Module: j.module, Inputs: []icn.CID{j.input}, Budget: 20, Wait: wire.Duration(30 * time.Second)})
	if err != nil {
		return node.JobView{}, err
	}
	v := node.JobView{}
	if s.Job != nil {
		v = *s.Job
	} else {
		v, err = c.MeshJob(ctx, s.JobID, 30*time.Second)
	}
	if err == nil && v.State != node.JobCompleted {
		err = fmt.Errorf("job %s is %s: %+v", v.Job, v.State, v.Failures)
	}
	return v, err
}

// result is how long each of many calls took.
type result struct {
	took []time.Duration
	over time.Duration
	err  error
}

func (r result) at(q float64) time.Duration {
	if len(r.took) == 0 {
		return 0
	}
	slices.Sort(r.took)
	return r.took[int(q*float64(len(r.took)-1))].Round(10 * time.Microsecond)
}

func (r result) rate() float64 { return float64(len(r.took)) / r.over.Seconds() }

func firstError(rs ...result) error {
	for _, r := range rs {
		if r.err != nil {
			return r.err
		}
	}
	return nil
}

// load calls f from so many workers for a while.
func load(workers int, each time.Duration, f func(worker int) error) result {
	var mu sync.Mutex
	var out result
	var failed atomic.Bool
	began := time.Now()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			var mine []time.Duration
			for time.Since(began) < each && !failed.Load() {
				t := time.Now()
				if err := f(w); err != nil {
					failed.Store(true)
					mu.Lock()
					out.err = err
					mu.Unlock()
					return
				}
				mine = append(mine, time.Since(t))
			}
			mu.Lock()
			out.took = append(out.took, mine...)
			mu.Unlock()
		})
	}
	wg.Wait()
	out.over = time.Since(began)
	return out
}

func command(ctx context.Context, bin string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, bin, args...)
}

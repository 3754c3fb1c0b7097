package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/launch"
)

// measureDelivery takes the time from a statement's being ordered until every node
// of a federation has folded it, beside gossipsub's delivery of as many bytes to as
// many hosts; both in one process each, over loopback, in turns. All of the nodes'
// stores are durable and on one disk; the peer keeps nothing.
func measureDelivery(ctx context.Context, gossip, dir string, each time.Duration) error {
	if gossip == "" {
		fmt.Println("delivery: no -gossip given, so it is not compared")
		return nil
	}
	for _, n := range []int{10, 20} {
		if err := compareDelivery(ctx, gossip, filepath.Join(dir, fmt.Sprint(n)), n, each); err != nil {
			return err
		}
	}
	return nil
}

// delivered is what one side did, in microseconds, as bench/gossip tells it.
type delivered struct {
	P50, P99, Rate, CPU float64
	Lost                int
}

func compareDelivery(ctx context.Context, gossip, dir string, n int, each time.Duration) error {
	ours, err := newFleet(ctx, dir, n)
	if err != nil {
		return errors.Join(err, ours.stop())
	}
	defer ours.stop()
	peer, err := startGossip(ctx, gossip, n, len(ours.who[0].say(spending(1)...)))
	ours.who[0].number--
	if err != nil {
		return err
	}
	defer peer.stop()
	const rounds = 3
	var us, them [2][]delivered // latency, throughput
	for range rounds {
		for i, what := range []string{"latency", "throughput"} {
			d, err := ours.measure(ctx, each/2, []int{1, 256}[i])
			if err != nil {
				return err
			}
			us[i] = append(us[i], d)
			if d, err = peer.ask(what, each/2); err != nil {
				return err
			}
			them[i] = append(them[i], d)
		}
	}
	mid := func(ds []delivered, f func(delivered) float64) float64 {
		var all []float64
		for _, d := range ds {
			all = append(all, f(d))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	p50 := func(d delivered) float64 { return d.P50 }
	rate := func(d delivered) float64 { return d.Rate }
	cpu := func(d delivered) float64 { return d.CPU }
	fmt.Printf("delivery to %d nodes: ordered to folded on all p50 %.0f µs; gossipsub, published to delivered p50 %.0f µs; ratio %.2f\n",
		n, mid(us[0], p50), mid(them[0], p50), mid(us[0], p50)/mid(them[0], p50))
	fmt.Printf("    256 under way: %.0f/s folded on all, CPU of all %.0f µs each; gossipsub %.0f/s, %.0f µs; ratios %.1f and %.2f\n",
		mid(us[1], rate), mid(us[1], cpu), mid(them[1], rate), mid(them[1], cpu), mid(us[1], rate)/mid(them[1], rate), mid(us[1], cpu)/mid(them[1], cpu))
	return nil
}

// fleet is a federation within this process.
type fleet struct {
	nodes []*launch.Running
	who   []*author
	seen  chan sighting
}

// sighting is that a node has folded the entries up to one.
type sighting struct {
	node  int
	index uint64
	at    time.Time
}

func newFleet(ctx context.Context, dir string, n int) (*fleet, error) {
	f := &fleet{seen: make(chan sighting, 1<<16)}
	var api *client.Client
	for i := range n {
		c := launch.Throwaway(filepath.Join(dir, fmt.Sprint(i)))
		c.Network.P2PEnabled, c.Network.P2PListenAddr = true, []string{"/ip4/127.0.0.1/tcp/0"}
		c.Performance.ManaRegenerationRate = 1_000_000_000
		if i > 0 {
			inv, err := api.FederationInvite(ctx, icn.RoleNode, time.Hour)
			if err != nil {
				return f, err
			}
			c.Network.BootstrapPeers, c.Federation.JoinCode = f.nodes[0].P2PAddrs()[:1], inv.Code
		}
		if err := f.add(ctx, c); err != nil {
			return f, err
		}
		if i == 0 {
			var err error
			if api, err = client.New(f.nodes[0].APIURL(), client.Options{}); err != nil {
				return f, err
			}
		}
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		s, err := api.Status(ctx)
		if err == nil && s.Role == "leader" && s.Nodes == n && linked(s) == n-1 && len(s.Order.Voters) == (min(n, 7)-1)|1 {
			break
		}
		if time.Now().After(deadline) {
			return f, fmt.Errorf("%d nodes did not come together: %+v %v", n, s, err)
		}
	}
	var err error
	f.who, err = authors(ctx, api, 256)
	return f, err
}

// add starts a node, and notes what it folds.
func (f *fleet) add(ctx context.Context, c config.Config) error {
	r, err := launch.Start(ctx, c, launch.Options{})
	if err != nil {
		return err
	}
	at := len(f.nodes)
	f.nodes = append(f.nodes, r)
	for r.Node().State() != "running" {
		time.Sleep(10 * time.Millisecond)
	}
	go func() {
		sub := r.Node().Subscribe()
		for r.Node().State() == "running" {
			evs, ok := <-sub.C
			if ok {
				f.seen <- sighting{at, evs[0].Index, time.Now()}
				continue
			}
			sub = r.Node().Subscribe()                                                                      // it fell behind
			_ = r.Node().View(func(m *core.Machine) { f.seen <- sighting{at, m.Head().Index, time.Now()} }) // an error is a node that ended
		}
	}()
	return nil
}

func (f *fleet) stop() (err error) {
	for _, r := range f.nodes {
		err = errors.Join(err, r.Close())
	}
	return err
}

// measure keeps so many statements under way, and looks when each was folded first,
// and when everywhere.
func (f *fleet) measure(ctx context.Context, each time.Duration, window int) (d delivered, err error) {
	ops := spending(1)
	for _, a := range f.who[:window] {
		a.prepare(int(each.Seconds()*8000)/window, ops)
	}
	settle()
	var head uint64
	if err := f.nodes[0].Node().View(func(m *core.Machine) { head = m.Head().Index }); err != nil {
		return d, err
	}
	before, began := ownCPU(), time.Now()
	said := make(chan error, window)
	var wait sync.WaitGroup
	for i := range window {
		wait.Go(func() {
			for time.Since(began) < each {
				if s, err := f.nodes[0].Node().Say(ctx, f.who[i].next(ops)); err != nil || s.State != "applied" {
					said <- fmt.Errorf("%+v %w", s, err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wait.Wait(); close(done) }()
	w := watch{heads: make([]uint64, len(f.nodes)), open: map[uint64]*progress{}}
	for i := range w.heads {
		w.heads[i] = head
	}
	for ended := false; !ended || len(w.open) > 0; {
		select {
		case <-done:
			ended, done = true, nil
		case s := <-f.seen:
			w.see(s)
		case <-time.After(10 * time.Second):
			return d, fmt.Errorf("%d entries were not folded everywhere", len(w.open))
		}
	}
	if len(said) > 0 {
		return d, <-said
	}
	slices.Sort(w.took)
	n := float64(len(w.took))
	return delivered{P50: w.took[len(w.took)/2], P99: w.took[len(w.took)*99/100], Rate: n / w.last.Sub(began).Seconds(), CPU: float64((ownCPU() - before).Microseconds()) / n}, nil
}

// watch follows which entries are folded where.
type watch struct {
	heads []uint64
	open  map[uint64]*progress
	took  []float64 // microseconds from the first node to the last
	last  time.Time
}

type progress struct {
	first, last time.Time
	n           int
}

func (w *watch) see(s sighting) {
	for x := w.heads[s.node] + 1; x <= s.index; x++ {
		p := w.open[x]
		if p == nil {
			p = &progress{first: s.at}
			w.open[x] = p
		}
		if s.at.Before(p.first) {
			p.first = s.at
		}
		if s.at.After(p.last) {
			p.last = s.at
		}
		if p.n++; p.n == len(w.heads) {
			w.took, w.last = append(w.took, float64(p.last.Sub(p.first).Microseconds())), p.last
			delete(w.open, x)
		}
	}
	w.heads[s.node] = max(w.heads[s.node], s.index)
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail with these arguments
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// gossipsub is the peer's process.
type gossipsub struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startGossip(ctx context.Context, bin string, nodes, size int) (*gossipsub, error) {
	g := &gossipsub{cmd: command(ctx, bin, "-nodes", fmt.Sprint(nodes), "-size", fmt.Sprint(size))}
	in, err := g.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	g.in, g.out = in, bufio.NewReader(out)
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	_, err = g.read()
	return g, err
}

func (g *gossipsub) ask(what string, each time.Duration) (delivered, error) {
	if _, err := fmt.Fprintln(g.in, what, each.Seconds()); err != nil {
		return delivered{}, err
	}
	return g.read()
}

func (g *gossipsub) read() (d delivered, err error) {
	line, err := g.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &d)
	}
	return d, err
}

func (g *gossipsub) stop() {
	_ = g.in.Close()
	_ = g.cmd.Wait()
}

package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/examples"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// load is a run of many requests of one kind.
type load struct {
	kind     string
	count    int
	clients  int
	duration time.Duration
	size     int
	budget   uint64
	module   string
	html     string
}

// shot is one request of a load.
type shot struct {
	at, took time.Duration // since the beginning
	err      string        // empty: it went well
}

// LoadResult is what a load came to.
type LoadResult struct {
	Kind     string         `json:"kind"`
	Node     string         `json:"node"`
	Began    time.Time      `json:"began"`
	Clients  int            `json:"clients"`
	Done     int            `json:"done"`
	Failed   int            `json:"failed"`
	Seconds  float64        `json:"seconds"`
	Rate     float64        `json:"per_second"`
	P50      float64        `json:"p50_ms"`
	P95      float64        `json:"p95_ms"`
	P99      float64        `json:"p99_ms"`
	Max      float64        `json:"max_ms"`
	Failures map[string]int `json:"failures,omitempty"`

	shots []shot
}

func (a *app) loadCommand() *cobra.Command {
	var l load
	c := command("load KIND", "Offer a node much to do, and measure how it keeps up", 1, 1, func(c *cobra.Command, args []string) error {
		l.kind = args[0]
		return a.load(c.Context(), l)
	})
	c.Use = "load jobs|puts|events"
	c.ValidArgs = []string{"jobs", "puts", "events"}
	c.Long = "load sends many requests of one kind, several at once, and tells how long they took:\n\n" +
		"  jobs    offer a job, wait for its end; each costs this node's account what any job costs\n" +
		"  puts    store a block of random bytes; it goes when the node next removes what nobody keeps (dag prune)\n" +
		"  events  offer jobs, and measure when somebody who follows the events hears of each\n\n" +
		"It ends after --count requests or after --duration, whichever is first. Do this to a node of your own."
	c.Example = "  icn-cli load puts --count 5000 --clients 16\n  icn-cli load jobs --count 100 --html report.html"
	f := c.Flags()
	f.IntVar(&l.count, "count", 200, "requests, at most")
	f.IntVar(&l.clients, "clients", 8, "requests at the same time")
	f.DurationVar(&l.duration, "duration", 5*time.Minute, "begin no request after this time")
	f.IntVar(&l.size, "size", 1024, "bytes of a block (puts)")
	f.Uint64Var(&l.budget, "budget", 10, "capacity that a job may cost, at most (jobs, events)")
	f.StringVar(&l.module, "module", "", "a program to run (jobs, events); by default a tiny one that makes letters large")
	f.StringVar(&l.html, "html", "", "write a report with plots to this file")
	return c
}

func (l load) check() error {
	switch {
	case !slices.Contains([]string{"jobs", "puts", "events"}, l.kind):
		return usageError{fmt.Sprintf("there is no load called %q: jobs, puts or events", l.kind), "icn-cli load"}
	case l.count < 1 || l.clients < 1 || l.clients > 1024 || l.duration <= 0:
		return usageError{"--count, --clients (up to 1024) and --duration are at least 1", "icn-cli load"}
	case l.size < 8 || l.size > 1<<20:
		return usageError{"--size is between 8 and 1048576", "icn-cli load"}
	}
	return nil
}

func (a *app) load(ctx context.Context, l load) error {
	if err := l.check(); err != nil {
		return err
	}
	return a.with(func(c *client.Client) error {
		one, end, err := a.prepare(ctx, c, l)
		if err != nil {
			return err
		}
		r := l.fire(ctx, one, a.loadProgress(l))
		r.Node = c.URL()
		if err := end(); err != nil {
			return err
		}
		if l.html != "" {
			if err := writeReport(l.html, r); err != nil {
				return err
			}
			a.note("The report is in %s", l.html)
		}
		p := a.printer()
		if err := p.show(r, func() { showLoad(p, r) }); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.Failed > 0 {
			return fmt.Errorf("load: %d of %d requests failed", r.Failed, r.Done+r.Failed)
		}
		return nil
	})
}

// prepare makes the request that is sent again and again. It returns how long the
// request took, which for events is not the time of the call.
func (a *app) prepare(ctx context.Context, c *client.Client, l load) (one func(context.Context) (time.Duration, error), end func() error, err error) {
	end = func() error { return nil }
	if l.kind == "puts" {
		return func(ctx context.Context) (time.Duration, error) {
			data := make([]byte, l.size)
			if _, err := rand.Read(data); err != nil {
				return 0, err
			}
			began := time.Now()
			_, err := c.DagPut(ctx, data, client.Put{})
			return time.Since(began), err
		}, end, nil
	}
	code := examples.Tiny()
	if l.module != "" {
		if code, err = os.ReadFile(l.module); err != nil {
			return nil, end, err
		}
	}
	module, err := c.DagPut(ctx, code, client.Put{})
	if err != nil {
		return nil, end, err
	}
	var number atomic.Uint64
	job := func() wire.Submit {
		return wire.Submit{Module: module, Inline: fmt.Appendf(nil, "load %d", number.Add(1)), Budget: l.budget}
	}
	if l.kind == "jobs" {
		return func(ctx context.Context) (time.Duration, error) { return runJob(ctx, c, job()) }, end, nil
	}
	return a.listen(ctx, c, job)
}

// longJob is how long a job of a load may take.
const longJob = time.Minute

func runJob(ctx context.Context, c *client.Client, s wire.Submit) (time.Duration, error) {
	began := time.Now()
	sub, err := c.MeshSubmit(ctx, s)
	if err != nil {
		return time.Since(began), err
	}
	v, err := c.MeshJob(ctx, sub.JobID, longJob)
	if err == nil && v.State != node.JobCompleted {
		err = fmt.Errorf("a job was %s", strings.ReplaceAll(string(v.State), "_", " "))
		if n := len(v.Failures); n > 0 {
			err = fmt.Errorf("%w: %s", err, v.Failures[n-1].Reason)
		}
	}
	return time.Since(began), err
}

// listen follows the events, and tells for each job when it was heard of.
func (a *app) listen(ctx context.Context, c *client.Client, job func() wire.Submit) (one func(context.Context) (time.Duration, error), end func() error, err error) {
	following, stop := context.WithCancel(ctx)
	var mu sync.Mutex
	heard, waiting := map[icn.CID]time.Time{}, map[icn.CID]chan time.Time{}
	st, err := c.Status(ctx)
	if err != nil {
		stop()
		return nil, nil, err
	}
	var broken atomic.Pointer[error]
	var done sync.WaitGroup
	done.Go(func() {
		for ev, err := range c.Events(following, wire.EventQuery{Type: "JobPosted", Follow: true, After: fmt.Sprint(st.Height)}) {
			if err != nil {
				broken.Store(&err)
				return
			}
			var posted icn.JobPosted
			if err := wire.Unmarshal(ev.Body, &posted); err != nil {
				broken.Store(&err)
				return
			}
			mu.Lock()
			if ch := waiting[posted.Job]; ch != nil {
				ch <- time.Now()
				delete(waiting, posted.Job)
			} else {
				heard[posted.Job] = time.Now()
			}
			mu.Unlock()
		}
	})
	end = func() error {
		stop()
		done.Wait()
		if err := broken.Load(); err != nil && ctx.Err() == nil && !errors.Is(*err, context.Canceled) {
			return fmt.Errorf("the events broke off: %w", *err)
		}
		return nil
	}
	return func(ctx context.Context) (time.Duration, error) {
		began := time.Now()
		sub, err := c.MeshSubmit(ctx, job())
		if err != nil {
			return time.Since(began), err
		}
		ch := make(chan time.Time, 1)
		mu.Lock()
		if at, ok := heard[sub.JobID]; ok {
			delete(heard, sub.JobID)
			ch <- at
		} else {
			waiting[sub.JobID] = ch
		}
		mu.Unlock()
		select {
		case at := <-ch:
			return at.Sub(began), nil
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(longJob):
			return longJob, errors.New("nobody who follows the events heard of a job within a minute")
		}
	}, end, nil
}

// fire sends the requests.
func (l load) fire(ctx context.Context, one func(context.Context) (time.Duration, error), tell func([]shot, time.Duration)) LoadResult {
	began := time.Now()
	var mu sync.Mutex
	var shots []shot
	var next atomic.Int64
	var work sync.WaitGroup
	for range min(l.clients, l.count) {
		work.Go(func() {
			for ctx.Err() == nil && time.Since(began) < l.duration && next.Add(1) <= int64(l.count) {
				at := time.Since(began)
				took, err := one(ctx)
				if ctx.Err() != nil {
					return // it was not let finish
				}
				s := shot{at: at, took: took}
				if err != nil {
					s.err = oneLine(err.Error())
				}
				mu.Lock()
				shots = append(shots, s)
				mu.Unlock()
			}
		})
	}
	stop := make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		t := time.NewTicker(500 * time.Millisecond)
		defer t.Stop()
		for {
			select {
			case <-stop:
				return
			case <-t.C:
				mu.Lock()
				now := slices.Clone(shots)
				mu.Unlock()
				tell(now, time.Since(began))
			}
		}
	})
	work.Wait()
	close(stop)
	telling.Wait()
	return l.result(shots, began, time.Since(began))
}

// result counts what there is.
func (l load) result(shots []shot, began time.Time, took time.Duration) LoadResult {
	r := LoadResult{Kind: l.kind, Began: began, Clients: l.clients, Seconds: took.Seconds(), Failures: map[string]int{}, shots: shots}
	var times []time.Duration
	for _, s := range shots {
		if s.err != "" {
			r.Failed++
			r.Failures[s.err]++
			continue
		}
		times = append(times, s.took)
	}
	r.Done = len(times)
	r.Rate = float64(r.Done) / max(took.Seconds(), 1e-9)
	slices.Sort(times)
	for _, q := range []struct {
		to *float64
		of float64
	}{{&r.P50, .5}, {&r.P95, .95}, {&r.P99, .99}, {&r.Max, 1}} {
		*q.to = milliseconds(quantile(times, q.of))
	}
	return r
}

// quantile is the smallest time within which this share of the requests was done.
func quantile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	i := int(share * float64(len(sorted)))
	if float64(i) == share*float64(len(sorted)) {
		i--
	}
	return sorted[min(max(i, 0), len(sorted)-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// loadProgress tells on a terminal how far it is, in one line that is written anew.
func (a *app) loadProgress(l load) func([]shot, time.Duration) {
	if !a.terminal() {
		return func([]shot, time.Duration) {}
	}
	return func(shots []shot, took time.Duration) {
		r := l.result(shots, time.Time{}, took)
		fmt.Fprintf(a.Err, "\r\033[K%s %d of %d  %.0f/s  p50 %.1f ms  p95 %.1f ms  p99 %.1f ms  failed %d", l.kind, r.Done+r.Failed, l.count, r.Rate, r.P50, r.P95, r.P99, r.Failed)
		if len(shots) >= l.count {
			fmt.Fprint(a.Err, "\r\033[K")
		}
	}
}

func showLoad(p printer, r LoadResult) {
	p.fields([2]string{"Load", fmt.Sprintf("%s, %d at the same time, at %s", r.Kind, r.Clients, r.Node)},
		[2]string{"Done", fmt.Sprintf("%s in %.1f s: %.1f per second", number(uint64(r.Done)), r.Seconds, r.Rate)},
		[2]string{"Took", fmt.Sprintf("half within %.1f ms, 95 of 100 within %.1f ms, 99 of 100 within %.1f ms, the longest %.1f ms", r.P50, r.P95, r.P99, r.Max)},
		[2]string{"Failed", number(uint64(r.Failed))})
	for _, f := range r.commonFailures() {
		p.line("  %d × %s", f.Count, f.Why)
	}
}

type failure struct {
	Why   string
	Count int
}

// commonFailures are the most frequent ones, at most five.
func (r LoadResult) commonFailures() []failure {
	var out []failure
	for why, n := range r.Failures { // order: sorted below
		out = append(out, failure{why, n})
	}
	slices.SortFunc(out, func(a, b failure) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Why, b.Why)
	})
	return out[:min(len(out), 5)]
}

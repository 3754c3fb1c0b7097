package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// runs are the jobs that run on this node now.
type runs struct {
	mu     sync.Mutex
	cancel map[runKey]context.CancelFunc
	live   map[runKey]*Watched
	wait   sync.WaitGroup
	broken error
}

func (r *runs) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = errors.Join(r.broken, err)
}

func (r *runs) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.broken
}

func isFatal(err error) bool { return errors.Is(err, ErrFatal) }

// runner gives the loop the way to start a run, or nil if this node runs none.
func (n *Node) runner(ctx context.Context) func(Run) {
	if n.cfg.Runner == nil {
		return nil
	}
	return func(r Run) {
		ctx, cancel := context.WithCancel(ctx)
		k := runKey{r.ID, r.Attempt}
		n.runs.mu.Lock()
		n.runs.cancel[k] = cancel
		r.Watch = newWatched(func(at icn.CID) { n.tell(func(l *Loop) { l.Saved(r.ID, r.Attempt, at) }) })
		n.runs.live[k] = r.Watch
		n.runs.mu.Unlock()
		n.runs.wait.Go(func() {
			defer cancel()
			start := time.Now()
			res := n.run(ctx, r)
			took := time.Since(start)
			n.runs.mu.Lock()
			delete(n.runs.cancel, k)
			delete(n.runs.live, k)
			n.runs.mu.Unlock()
			r.Watch.end()
			if ctx.Err() == nil || res.Err == nil {
				n.countRun(res, took)
			}
			n.tell(func(l *Loop) { l.Ran(r.ID, r.Attempt, res) })
		})
	}
}

func (n *Node) stopRun(id icn.CID, attempt uint32) {
	n.runs.mu.Lock()
	defer n.runs.mu.Unlock()
	if cancel, ok := n.runs.cancel[runKey{id, attempt}]; ok {
		cancel()
	}
}

// run runs one job and stores its output.
func (n *Node) run(ctx context.Context, r Run) RunResult {
	out, err := n.cfg.Runner(ctx, r)
	if err != nil {
		return RunResult{Err: err, Declined: errors.Is(err, ErrNotRun)}
	}
	rc := out.Receipt
	n.stats.MemoryDenied.Add(uint64(rc.MemDenied))
	n.stats.TableDenied.Add(uint64(rc.TblDenied))
	if err := n.keepAll(ctx, out, &rc); err != nil {
		return RunResult{Err: err}
	}
	return RunResult{Receipt: rc}
}

// keepAll stores what a run left, and puts the names of it into the receipt.
func (n *Node) keepAll(ctx context.Context, out Output, rc *icn.JobReceipt) (err error) {
	if rc.Outcome.Fault == icn.FaultNone {
		if rc.Outcome.Output, err = n.keep(ctx, out.Stdout); err != nil {
			return fmt.Errorf("store the output: %w", err)
		}
		for _, x := range out.Outputs {
			c, err := n.keep(ctx, x.Data)
			if err != nil {
				return fmt.Errorf("store the output %q: %w", x.Name, err)
			}
			rc.Outcome.Outputs = append(rc.Outcome.Outputs, icn.NamedOutput{Name: x.Name, CID: c})
		}
	}
	if len(out.Stderr) > 0 {
		if rc.Log, err = n.keep(ctx, out.Stderr); err != nil {
			return fmt.Errorf("store the log: %w", err)
		}
	}
	if len(out.Transcript) > 0 {
		if rc.Outcome.Transcript, err = n.keep(ctx, out.Transcript); err != nil {
			return fmt.Errorf("store the transcript: %w", err)
		}
	}
	return nil
}

// ErrNotRun marks a runner's error that came before the program ran: a missing
// module or input, say. Another executor may have better luck.
var ErrNotRun = errors.New("not run")

func (n *Node) keep(ctx context.Context, data []byte) (icn.CID, error) {
	a, err := n.cfg.Blocks.Add(ctx, bytes.NewReader(data))
	return a.CID, err
}

// keepOutput fetches the result of a job that this node assigned, so that it is
// at hand, and stays for a while.
func (n *Node) keepOutput(b icn.JobSettled) {
	if b.Output == nil || n.State() != "running" {
		return
	}
	if b.Submitter != n.me || b.Executor == n.me {
		return
	}
	n.fetchOutput(*b.Output)
	for _, x := range b.Outputs {
		n.fetchOutput(x.CID)
	}
}

// fetchOutput brings what a run left here: its executor may go away.
func (n *Node) fetchOutput(out icn.CID) {
	if n.State() != "running" {
		return
	}
	n.runs.wait.Go(func() {
		ctx, cancel := context.WithTimeout(n.life, outputFetch)
		defer cancel()
		if err := n.cfg.Blocks.Pin(ctx, out, outputKept); err != nil {
			n.cfg.Log.Debug("result not fetched yet", "cid", out, "error", err)
		}
	})
}

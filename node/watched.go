package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// maxWatched is how much of a running program's output, and of its log, is kept
// for those who look on.
const maxWatched = 256 << 10

// Watched is what a run has shown so far. A nil one is looked at by nobody.
type Watched struct {
	mu       sync.Mutex
	began    time.Time
	out, log tail
	permille uint32
	stage    string
	ended    bool
	changed  chan struct{} // closed at the next change
	saved    func(icn.CID)
}

// tail is the end of something that grows.
type tail struct {
	from uint64 // where kept begins
	kept []byte
}

func (t *tail) add(p []byte) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - maxWatched; over > 0 {
		t.kept = slices.Delete(t.kept, 0, over)
		t.from += uint64(over)
	}
}

// after is what there is from a place on, and where it begins.
func (t *tail) after(at uint64) ([]byte, uint64) {
	at = min(max(at, t.from), t.from+uint64(len(t.kept)))
	return slices.Clone(t.kept[at-t.from:]), at
}

func newWatched(saved func(icn.CID)) *Watched {
	return &Watched{began: time.Now(), changed: make(chan struct{}), saved: saved}
}

func (w *Watched) change(f func()) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	close(w.changed)
	w.changed = make(chan struct{})
}

// Output takes what the program writes.
func (w *Watched) Output(p []byte) { w.change(func() { w.out.add(p) }) }

// Log takes what it writes to its log.
func (w *Watched) Log(p []byte) { w.change(func() { w.log.add(p) }) }

// Progress takes how far it says that it is.
func (w *Watched) Progress(permille uint32, stage string) {
	w.change(func() { w.permille, w.stage = min(permille, 1000), icn.Fit(stage, 200) })
}

// Saved tells that the program left a checkpoint, which is stored here.
func (w *Watched) Saved(at icn.CID) {
	if w != nil && w.saved != nil {
		w.saved(at)
	}
}

func (w *Watched) end() { w.change(func() { w.ended = true }) }

// Progress is how far a job is, and what it has written since one looked last.
type Progress struct {
	Job      icn.CID  `json:"job_id"`
	State    string   `json:"status"`
	Running  bool     `json:"is_running"`
	Executor *icn.DID `json:"executor_did,omitempty"`
	Attempt  uint32   `json:"attempt"`
	Stage    string   `json:"current_stage,omitempty"` // in the program's own words
	Percent  float64  `json:"progress_percent"`
	Elapsed  int64    `json:"elapsed_ms"`
	Output   []byte   `json:"output,omitempty"`
	OutputAt uint64   `json:"output_from"` // where Output begins; later than asked for, if older was let go
	Log      []byte   `json:"log,omitempty"`
	LogAt    uint64   `json:"log_from"`
	Saved    *icn.CID `json:"checkpoint,omitempty"`
}

// Look is what somebody has seen of a job.
type Look struct {
	Output, Log uint64        // bytes seen
	Percent     float64       // and how far it was
	Wait        time.Duration // for something new; not over a minute
}

// askProgress begins a request that asks an executor how far a run is.
const askProgress = 3

type progressRequest struct {
	Job     []byte `json:"job"`
	Attempt uint32 `json:"attempt"`
	Look    Look   `json:"look"`
}

func (n *Node) answerProgress(ctx context.Context, body []byte) ([]byte, error) {
	var q progressRequest
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, fmt.Errorf("progress: %w: %v", icn.ErrInvalid, err)
	}
	id, err := icn.CastCID(q.Job)
	if err != nil {
		return nil, err
	}
	p, err := n.ownProgress(ctx, runKey{id, q.Attempt}, q.Look)
	if err != nil {
		return nil, err
	}
	return json.Marshal(p)
}

// ownProgress is how far a run on this node is. It waits for news.
func (n *Node) ownProgress(ctx context.Context, k runKey, look Look) (Progress, error) {
	n.runs.mu.Lock()
	w := n.runs.live[k]
	n.runs.mu.Unlock()
	p := Progress{Job: k.id, Attempt: k.attempt}
	if w == nil {
		return p, nil // not begun, or over
	}
	timeout := time.NewTimer(min(look.Wait, time.Minute))
	defer timeout.Stop()
	for {
		w.mu.Lock()
		p.Running, p.Stage, p.Percent, p.Elapsed = !w.ended, w.stage, float64(w.permille)/10, time.Since(w.began).Milliseconds()
		p.Output, p.OutputAt = w.out.after(look.Output)
		p.Log, p.LogAt = w.log.after(look.Log)
		changed := w.changed
		w.mu.Unlock()
		if len(p.Output) > 0 || len(p.Log) > 0 || p.Percent != look.Percent || !p.Running {
			return p, nil
		}
		select {
		case <-changed:
		case <-timeout.C:
			return p, nil
		case <-ctx.Done():
			return p, nil
		}
	}
}

// Progress tells how far a job is, wherever it runs, and what it has written since
// the last look.
func (n *Node) Progress(ctx context.Context, id icn.CID, look Look) (Progress, error) {
	v, err := n.Job(id)
	if err != nil {
		return Progress{}, err
	}
	if !v.Open() {
		return n.endProgress(ctx, v, look)
	}
	p := Progress{Job: id, State: v.State, Executor: v.Executor, Attempt: v.Attempt, Saved: v.Saved, OutputAt: look.Output, LogAt: look.Log}
	if v.Executor == nil {
		n.waitEvent(ctx, id, min(look.Wait, time.Minute))
		return p, nil
	}
	got, err := n.askRun(ctx, *v.Executor, runKey{id, v.Attempt}, look)
	if err != nil {
		return p, err
	}
	got.Job, got.State, got.Executor, got.Attempt, got.Saved = id, v.State, v.Executor, v.Attempt, v.Saved
	if !got.Running {
		// Not begun, or over: its end is a matter of the log.
		n.waitEvent(ctx, id, min(look.Wait, 500*time.Millisecond))
		got.OutputAt, got.LogAt = max(got.OutputAt, look.Output), max(got.LogAt, look.Log)
	}
	return got, nil
}

// askRun asks whoever runs a job.
func (n *Node) askRun(ctx context.Context, who icn.DID, k runKey, look Look) (p Progress, err error) {
	if who == n.me {
		return n.ownProgress(ctx, k, look)
	}
	if n.cfg.Network == nil {
		return p, fmt.Errorf("progress: %w: this node speaks to nobody", icn.ErrUnavailable)
	}
	q, err := json.Marshal(progressRequest{Job: k.id.Bytes(), Attempt: k.attempt, Look: look})
	if err != nil {
		return p, err
	}
	ctx, cancel := context.WithTimeout(ctx, look.Wait+10*time.Second)
	defer cancel()
	b, err := n.cfg.Network.Call(ctx, who, Live, append([]byte{askProgress}, q...))
	if err != nil {
		return p, fmt.Errorf("progress at %s: %w", who.Short(), err)
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return p, fmt.Errorf("progress at %s: %w: %v", who.Short(), icn.ErrInvalid, err)
	}
	return p, nil
}

// waitEvent waits a little for something to happen to a job.
func (n *Node) waitEvent(ctx context.Context, id icn.CID, most time.Duration) {
	s := n.Subscribe()
	defer s.Close()
	timeout := time.NewTimer(most)
	defer timeout.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timeout.C:
			return
		case evs, ok := <-s.C:
			if !ok || slices.ContainsFunc(evs, func(e icn.Event) bool { job, _ := subjects(e.Body); return job == id }) {
				return
			}
		}
	}
}

// endProgress tells of a job that has ended: what it wrote is in the blocks.
func (n *Node) endProgress(ctx context.Context, v JobView, look Look) (Progress, error) {
	p := Progress{Job: v.Job, State: v.State, Attempt: v.Attempt, Executor: v.Executor, Saved: v.Saved, OutputAt: look.Output, LogAt: look.Log, Elapsed: int64(v.EndedAt - v.PostedAt)}
	if v.Receipt == nil {
		return p, nil
	}
	p.Percent, p.Elapsed = 100, int64(v.Receipt.Millis)
	for _, x := range []struct {
		c    *icn.CID
		from uint64
		to   *[]byte
	}{{v.Receipt.Output, look.Output, &p.Output}, {v.Receipt.Log, look.Log, &p.Log}} {
		if x.c == nil {
			continue
		}
		b, err := n.readFrom(ctx, *x.c, x.from)
		if err != nil {
			return p, err
		}
		*x.to = b
	}
	return p, nil
}

// readFrom reads a file from a place on, at most so much as is kept of a running
// program's.
func (n *Node) readFrom(ctx context.Context, c icn.CID, from uint64) ([]byte, error) {
	r, err := n.cfg.Blocks.Read(ctx, c)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if _, err := io.CopyN(io.Discard, r, int64(min(from, 1<<62))); err != nil {
		return nil, nil // it has all been seen
	}
	b, err := io.ReadAll(io.LimitReader(r, maxWatched))
	return b, err
}

package launch

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/dag"
)

// youngBlocks are kept by the upkeep, whoever needs them.
const youngBlocks = 24 * time.Hour

// upkeep does what is done again and again while the node runs.
func (r *Running) upkeep(ctx context.Context) {
	if n := r.cfg.Performance.GCInterval; n > 0 {
		r.every(ctx, time.Duration(n)*time.Second, func() { r.collect(ctx) })
	}
	if n := r.cfg.Monitoring.HealthCheckInterval; n > 0 {
		before := ""
		r.every(ctx, time.Duration(n)*time.Second, func() { before = r.watch(ctx, before) })
	}
}

func (r *Running) every(ctx context.Context, d time.Duration, f func()) {
	r.work.Go(func() {
		t := time.NewTicker(d)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				f()
			}
		}
	})
}

// collect removes blocks that nobody keeps.
func (r *Running) collect(ctx context.Context) {
	keep, err := r.node.OpenJobRoots()
	if err != nil {
		return // it does not run yet
	}
	p, err := r.node.Blocks().Prune(ctx, dag.PruneOptions{Keep: keep, Grace: youngBlocks})
	switch {
	case ctx.Err() != nil:
	case err != nil:
		r.log.Warn("blocks are not pruned", "error", err)
	case len(p.Removed) > 0:
		r.log.Info("blocks that nobody keeps are removed", "blocks", len(p.Removed), "bytes", p.Bytes)
	}
}

// watch logs changes of what the node's checks find, and returns what it saw.
func (r *Running) watch(ctx context.Context, before string) string {
	var wrong []string
	for _, c := range r.api.Checks(ctx) {
		if c.State.Bad() {
			wrong = append(wrong, c.Name+": "+c.Says)
		}
	}
	now := strings.Join(wrong, "; ")
	switch {
	case ctx.Err() != nil:
	case now != "" && now != before:
		r.log.Warn("this node is not as it should be", "checks", now)
	case now == "" && before != "":
		r.log.Info("this node is as it should be again")
	}
	return now
}

// metrics serves the counters on a listener of their own.
func (r *Running) metrics(ctx context.Context) {
	if r.counters == nil {
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", r.api.Metrics())
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(r.log.Handler(), slog.LevelDebug)}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	r.work.Go(func() {
		if err := s.Serve(r.counters); !errors.Is(err, http.ErrServerClosed) {
			r.log.Warn("metrics are not served any more", "error", err)
		}
	})
}

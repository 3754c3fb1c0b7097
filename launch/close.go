package launch

import (
	"context"
	"errors"
	"time"
)

// How long a stopping node waits for its running jobs, and how often it looks.
const (
	drainTime = 10 * time.Second
	drainLook = 20 * time.Millisecond
)

// Close ends the node. This is the one place that says in which order.
func (r *Running) Close() error {
	r.closing.Do(func() {
		r.jobs.closing.Store(true) // no new jobs
		r.drain()                  // running ones end, and their receipts are ordered
		r.lastAnchor()             // and what the audit log has come to
		r.stopAPI()                // no new requests; those under way get a few seconds
		r.stopNode()               // the loop ends; runs that are left are stopped
		r.work.Wait()
		r.closed = r.release()
	})
	return r.closed
}

// drain waits for jobs that run here, and for what this node has said.
func (r *Running) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	tick := time.NewTicker(drainLook)
	defer tick.Stop()
	for told := false; ; told = true {
		s, err := r.node.Status(ctx)
		if err != nil || s.State != "running" || s.Running == 0 && (len(s.Waiting) == 0 || s.Leader == nil) {
			return
		}
		if !told {
			r.log.Info("waiting for running jobs", "jobs", s.Running, "statements", len(s.Waiting), "at_most", drainTime)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.log.Warn("jobs were still running; they are taken up again at the next start, or by another node", "jobs", s.Running)
			return
		}
	}
}

// release closes what is open, the network first and the store last.
func (r *Running) release() error {
	var errs []error
	r.tracer.Close() // it still sends for a moment
	if r.socket != nil {
		_ = r.socket.Close() // the API has closed it, if it served
	}
	if r.host != nil {
		errs = append(errs, r.host.Close())
		r.bridge.done.Wait()
	}
	if r.sandbox != nil {
		errs = append(errs, r.sandbox.Close())
	}
	if r.token != nil {
		errs = append(errs, r.token.Close())
	}
	if r.audit != nil {
		errs = append(errs, r.audit.Close())
	}
	if r.counters != nil {
		_ = r.counters.Close() // its server has closed it, if it served
	}
	if r.cache != nil {
		errs = append(errs, r.cache.Close())
	}
	if r.ledger != nil && r.ledger != r.store {
		errs = append(errs, r.ledger.Close())
	}
	if r.store != nil {
		errs = append(errs, r.store.Close())
	}
	return errors.Join(errs...)
}

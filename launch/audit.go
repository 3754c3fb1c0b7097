package launch

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/InterCooperative-Network/icn-core/audit"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// anchorTime is the time between two heads of the audit log in the federation's.
const anchorTime = time.Hour

// openAudit opens the audit log, when there shall be one.
func (r *Running) openAudit() (err error) {
	if !r.cfg.Audit.Enabled {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(r.cfg.Audit.LogPath), 0o700); err != nil {
		return err
	}
	r.audit, err = audit.Open(r.cfg.Audit.LogPath)
	return err
}

// anchor puts the head of the audit log into the federation's log again and again.
func (r *Running) anchor(ctx context.Context) {
	if r.audit == nil {
		return
	}
	r.work.Go(func() {
		t := time.NewTimer(time.Minute) // the first lines soon: a start is worth remembering
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				r.anchorNow(ctx)
				t.Reset(anchorTime)
			}
		}
	})
}

// lastAnchor does so before the node ends, if somebody orders.
func (r *Running) lastAnchor() {
	if r.audit == nil || r.node == nil || r.outdated.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if s, err := r.node.Status(ctx); err == nil && s.Leader != nil {
		r.anchorNow(ctx)
	}
}

func (r *Running) anchorNow(ctx context.Context) {
	lines, head, err := r.audit.Head()
	if err == nil && lines != r.anchored.Load() {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if _, err = r.node.Do(ctx, icn.AuditHead{Lines: lines, Head: head}); err == nil {
			r.anchored.Store(lines)
		}
	}
	if err != nil && ctx.Err() == nil {
		r.log.Warn("the head of the audit log is not in the federation's log yet", "error", err)
	}
}

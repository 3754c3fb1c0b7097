package launch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/backup"
	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// backups are made on a schedule, into a folder.
type backups struct {
	cfg   config.Backup
	every time.Duration
	key   string // file of the node's key

	began time.Time

	mu      sync.Mutex
	last    time.Time // when the last whole one was made; zero: none
	name    string
	problem string

	failures uint64
	took     time.Duration
	bytes    int64
}

// newBackups looks for what is in the folder already; nil without a schedule.
func newBackups(c config.Config) (*backups, error) {
	every, err := c.Backup.Interval()
	if err != nil || every == 0 {
		return nil, err
	}
	b := &backups{cfg: c.Backup, every: every, key: c.Identity.KeyPath, began: time.Now()}
	if err := os.MkdirAll(b.cfg.Target, 0o700); err != nil {
		return nil, fmt.Errorf("backup.target: %w", err)
	}
	if err := backup.Sweep(b.cfg.Target); err != nil {
		return nil, fmt.Errorf("backup.target: %w", err)
	}
	chain, err := b.chain()
	if len(chain) > 0 && err == nil {
		m, err := backup.ManifestOf(chain[len(chain)-1], Checker())
		if err == nil {
			b.last, b.name = m.Made, chain[len(chain)-1].String()
		}
	}
	return b, nil
}

// chain is what the next backup can build on.
func (b *backups) chain() ([]backup.Source, error) {
	all, err := backup.Sources(b.cfg.Target)
	if err != nil {
		return nil, err
	}
	return backup.LastChain(all)
}

func (b *backups) status() wire.BackupStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := wire.BackupStatus{Name: b.name, Problem: b.problem, Every: b.every, Failures: b.failures, Took: b.took, Bytes: b.bytes}
	if !b.last.IsZero() {
		at := b.last
		s.Last, s.Age = &at, int64(time.Since(at).Seconds())
	}
	return s
}

// alarm is what the operator should look at.
func (b *backups) alarm(s wire.BackupStatus) string {
	switch {
	case s.Problem != "":
		return "the last backup failed: " + s.Problem
	case s.Last == nil && time.Since(b.began) > 2*b.every:
		return "there is no backup yet"
	case s.Last != nil && time.Since(*s.Last) > 2*b.every:
		return fmt.Sprintf("the last backup was made on %s", s.Last.Format(time.DateTime))
	}
	return ""
}

// schedule makes a backup whenever one is due.
func (r *Running) schedule(ctx context.Context) {
	b := r.backups
	if b == nil {
		return
	}
	r.work.Go(func() {
		for {
			wait := time.Until(b.last.Add(b.every)) // b.last is written here only
			select {
			case <-ctx.Done():
				return
			case <-time.After(max(wait, time.Second)):
			}
			err := r.backUp(ctx)
			b.mu.Lock()
			if err != nil {
				b.problem, b.failures = err.Error(), b.failures+1
			}
			b.mu.Unlock()
			if err == nil {
				continue
			}
			if ctx.Err() != nil {
				return
			}
			r.log.Error("the backup failed", "error", err)
			select { // and is tried again
			case <-ctx.Done():
				return
			case <-time.After(min(b.every, 10*time.Minute)):
			}
		}
	})
}

// backUp makes one backup, checks it, and lets old ones go.
func (r *Running) backUp(ctx context.Context) error {
	b, start := r.backups, time.Now()
	after, builds := b.after(r)
	to, err := backup.NewFolder(b.cfg.Target, time.Now())
	if err != nil {
		return err
	}
	h, err := r.node.History(ctx)
	if err != nil {
		return err
	}
	from := backup.From{History: h, Blocks: r.node.Blocks(), Signer: r.node.Signer(), After: after}
	if b.cfg.Keys {
		if from.Sealed, err = SealedKey(b.key); err != nil {
			r.log.Warn("the node's key is not in the backup", "error", err)
		}
	}
	m, err := backup.Make(ctx, from, to)
	if err != nil {
		return err
	}
	chain, err := b.chain()
	if err == nil && b.cfg.Verify {
		_, err = backup.Verify(ctx, chain, Checker(), nil)
	}
	if err != nil {
		return err
	}
	removed, err := backup.Keep(b.cfg.Target, b.cfg.Keep)
	if err != nil {
		r.log.Warn("older backups are not removed", "error", err)
	}
	name := chain[len(chain)-1].String()
	b.mu.Lock()
	b.last, b.name, b.problem = m.Made, name, ""
	b.took, b.bytes = time.Since(start), m.Bytes
	b.mu.Unlock()
	r.log.Info("backed up", "to", name, "builds_on_earlier", builds, "blocks", m.Blocks, "bytes", m.Bytes, "entries", m.Entries, "checked", b.cfg.Verify, "removed", len(removed))
	return nil
}

// after is what the next backup leaves out because an earlier one holds it.
func (b *backups) after(r *Running) (p backup.Point, builds bool) {
	chain, err := b.chain()
	if err != nil || len(chain) == 0 || len(chain) >= b.cfg.Full {
		return p, false
	}
	m, err := backup.ManifestOf(chain[len(chain)-1], Checker())
	if err != nil {
		r.log.Warn("the last backup cannot be read; this one is a full one", "backup", chain[len(chain)-1].String(), "error", err)
		return p, false
	}
	if stock, err := r.node.Blocks().Stock(); err != nil || stock != m.Stock || m.Node != r.node.Me() {
		return p, false // of another store
	}
	return m.Reaches, true
}

// SealedKey is the node's key file, if a thief of it could not use it.
func (r *Running) SealedKey() ([]byte, error) { return SealedKey(r.cfg.Identity.KeyPath) }

// SealedKey reads a key file that a thief of a backup could not use.
func SealedKey(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("backup of the key: %w: %v", icn.ErrNotFound, err)
	}
	if !key.IsSealed(b) {
		return nil, fmt.Errorf("backup of the key: %w: %s is not sealed; seal it with: icn-cli keys seal %s", icn.ErrDenied, filepath.Base(path), path)
	}
	return b, nil
}

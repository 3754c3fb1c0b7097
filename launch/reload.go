package launch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/audit"
	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// reloading is the configuration as it counts now.
type reloading struct {
	mu  sync.Mutex
	cfg config.Config
}

// Reload reads the configuration again and uses what can be changed while the node
// runs: all of it, or, when something is wrong anywhere, nothing.
func (r *Running) Reload(context.Context) (wire.Reloaded, error) {
	if r.read == nil {
		return wire.Reloaded{}, fmt.Errorf("reload: %w: this node was started without a configuration that can be read again", icn.ErrUnavailable)
	}
	r.reloading.mu.Lock()
	defer r.reloading.mu.Unlock()
	next, warnings, err := r.read()
	if err != nil {
		return wire.Reloaded{}, fmt.Errorf("reload: %w: nothing is changed: %v", icn.ErrInvalid, err)
	}
	was := r.reloading.cfg
	if (was.Security.TLSCertPath == "") != (next.Security.TLSCertPath == "") {
		next.Security.TLSCertPath, next.Security.TLSKeyPath, next.Security.TLSClientCA = was.Security.TLSCertPath, was.Security.TLSKeyPath, was.Security.TLSClientCA
		warnings = append(warnings, "TLS is turned on and off by a restart only")
	}
	who, err := accessOf(next.Security)
	if err != nil {
		return wire.Reloaded{}, fmt.Errorf("reload: nothing is changed: %w", err)
	}
	if r.certificate != nil {
		if err := r.certificate.replace(next.Security); err != nil {
			return wire.Reloaded{}, fmt.Errorf("reload: nothing is changed: %w", err)
		}
	}
	if err := r.api.SetAccess(who); err != nil {
		return wire.Reloaded{}, err
	}
	if r.logs != nil {
		r.logs.SetLevel(next.Logging.Level)
	}
	now, restart := config.Diff(was, next)
	if len(who.Keys) > 0 {
		now = append(now, "security.api_keys_path (its keys)")
	}
	r.reloading.cfg.Adopt(next)
	for _, w := range warnings {
		r.log.Warn(w)
	}
	r.log.Info("the configuration was read again", "changed", strings.Join(now, ", "), "restart_needed_for", strings.Join(restart, ", "))
	if r.audit != nil {
		r.audit.Add(audit.Record{Event: audit.Reloaded, Detail: strings.Join(slices.Concat(now, restart), ", ")})
	}
	return wire.Reloaded{Changed: orNone(now), Restart: orNone(restart)}, nil
}

func orNone(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// ReopenLogs goes on in new files, when the old ones were moved away.
func (r *Running) ReopenLogs() {
	if r.logs != nil {
		if err := r.logs.Reopen(); err != nil {
			r.log.Warn("the log file is not opened again", "error", err)
		}
	}
	if r.audit != nil {
		if err := r.audit.Reopen(); err != nil {
			r.log.Error("the audit log is not opened again", "error", err)
		}
	}
}

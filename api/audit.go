package api

import (
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/access"
	"github.com/InterCooperative-Network/icn-core/audit"
)

// users remembers which key was used from where, for an hour.
type users struct {
	mu   sync.Mutex
	seen map[[2]string]time.Time
}

const (
	userTime  = time.Hour
	mostUsers = 10_000
)

// first says whether a key is used from an address for the first time within an
// hour.
func (u *users) first(name, from string, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	k := [2]string{name, from}
	if at, ok := u.seen[k]; ok && now.Sub(at) < userTime {
		return false
	}
	if u.seen == nil || len(u.seen) >= mostUsers {
		u.seen = map[[2]string]time.Time{}
	}
	u.seen[k] = now
	return true
}

// tell writes down who used a route, when that is worth a line.
func (s *Server) tell(w *writer, rt route, who caller) {
	if s.cfg.Audit == nil {
		return
	}
	rec := audit.Record{Who: who.name, From: host(w.r.RemoteAddr), Method: w.r.Method, Path: w.r.URL.Path, Status: w.status, Correlation: w.Header().Get(correlation)}
	switch {
	case w.status == http.StatusUnauthorized || w.status == http.StatusTooManyRequests:
		rec.Event, rec.Detail = audit.Refused, w.detail
	case w.status == http.StatusForbidden:
		rec.Event, rec.Detail = audit.Denied, w.detail
	case rt.open:
		return
	case rt.scope == access.Admin:
		rec.Event = audit.Admin
	case who.name != "" && s.users.first(who.name, rec.From, time.Now()):
		rec.Event = audit.KeyUsed
	default:
		return
	}
	s.cfg.Audit(rec)
}

func host(addr string) string {
	h, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return h
}

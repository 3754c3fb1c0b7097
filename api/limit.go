package api

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/InterCooperative-Network/icn-core/api/wire"
)

// strangers limits callers who show no credential to a number of requests a
// minute, each address for itself. This machine's own are not limited.
type strangers struct {
	perMinute int

	mu   sync.Mutex
	seen map[netip.Prefix]*rate.Limiter
	last time.Time // of the last clearing
}

// mostStrangers bounds how many addresses are remembered.
const mostStrangers = 10_000

// check says why a caller without a credential may not pass.
func (l *strangers) check(r *http.Request) *wire.Problem {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err == nil && at.Addr().Unmap().IsLoopback() || l.perMinute == 0 {
		return nil
	}
	if l.perMinute < 0 {
		return denied("this node answers nobody who shows no credential (security.open_rate_limit is 0)")
	}
	if l.wait(whose(at.Addr()), time.Now()) <= 0 {
		return nil
	}
	return wire.NewProblem(http.StatusTooManyRequests, fmt.Sprintf("without a credential %d requests a minute are answered; wait, or send the API key", l.perMinute))
}

// whose is what counts as one caller: an address, or an IPv6 network.
func whose(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// wait counts a request, and says how long it is too early.
func (l *strangers) wait(who netip.Prefix, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil || len(l.seen) >= mostStrangers && now.Sub(l.last) > time.Minute {
		l.seen, l.last = map[netip.Prefix]*rate.Limiter{}, now
	}
	b := l.seen[who]
	if b == nil {
		if len(l.seen) >= mostStrangers {
			who = netip.Prefix{} // the rest share one
			if b = l.seen[who]; b == nil {
				b = rate.NewLimiter(rate.Every(time.Minute/time.Duration(l.perMinute)), l.perMinute)
				l.seen[who] = b
			}
		} else {
			b = rate.NewLimiter(rate.Every(time.Minute/time.Duration(l.perMinute)), l.perMinute)
			l.seen[who] = b
		}
	}
	res := b.ReserveN(now, 1)
	if d := res.DelayFrom(now); d > 0 {
		res.CancelAt(now)
		return d
	}
	return 0
}

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
	rules     func() uint64 // what the federation's rules say instead; 0: nothing

	mu   sync.Mutex
	seen map[netip.Prefix]*rate.Limiter
	last time.Time // of the last clearing

	counted int // the limit that seen is about
}

// mostStrangers bounds how many addresses are remembered.
const mostStrangers = 10_000

// check says why a caller without a credential may not pass.
func (l *strangers) check(r *http.Request) *wire.Problem {
	most := l.most()
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err == nil && at.Addr().Unmap().IsLoopback() || most == 0 {
		return nil
	}
	if most < 0 {
		return denied("this node answers nobody who shows no credential (security.open_rate_limit is 0)")
	}
	if l.wait(whose(at.Addr()), most, time.Now()) <= 0 {
		return nil
	}
	return wire.NewProblem(http.StatusTooManyRequests, fmt.Sprintf("without a credential %d requests a minute are answered; wait, or send the API key", most))
}

// most is how many requests a minute are answered: as the rules say, if they do. A
// node that answers no strangers at all is not made to.
func (l *strangers) most() int {
	if l.rules == nil || l.perMinute < 0 {
		return l.perMinute
	}
	if n := l.rules(); n > 0 {
		return int(min(n, 1_000_000))
	}
	return l.perMinute
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
func (l *strangers) wait(who netip.Prefix, most int, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counted != most { // another limit begins for everybody anew
		l.seen, l.counted = nil, most
	}
	if l.seen == nil || len(l.seen) >= mostStrangers && now.Sub(l.last) > time.Minute {
		l.seen, l.last = map[netip.Prefix]*rate.Limiter{}, now
	}
	b := l.seen[who]
	if b == nil {
		if len(l.seen) >= mostStrangers {
			who = netip.Prefix{} // the rest share one
			if b = l.seen[who]; b == nil {
				b = rate.NewLimiter(rate.Every(time.Minute/time.Duration(most)), most)
				l.seen[who] = b
			}
		} else {
			b = rate.NewLimiter(rate.Every(time.Minute/time.Duration(most)), most)
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

package launch

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// whereabouts is what the active process of a shared database tells standbys.
type whereabouts struct {
	API string   `json:"api"`
	P2P []string `json:"p2p"`          // host:port of TCP
	Key icn.DID  `json:"key,omitzero"` // that it signs with, once its log has told that it counts
}

// heard reads what the active process tells; nothing, when it tells nothing.
func heard(text string) (w whereabouts) {
	if json.Unmarshal([]byte(text), &w) != nil {
		return whereabouts{}
	}
	return w
}

func (w whereabouts) String() string {
	b, err := json.Marshal(w)
	if err != nil {
		return "" // strings cannot fail
	}
	return string(b)
}

// standby is a process that waits for the database which another one works in. It
// is ready all the same: what it is asked it relays to the active one, HTTP by
// requests and P2P by bytes (the links are encrypted from end to end, and the
// identity is the same). Where the API speaks TLS, that is relayed by bytes, too,
// so that callers and the active process see each other's certificates; only
// probes are then asked for without it.
type standby struct {
	log    *slog.Logger
	door   doors
	active atomic.Pointer[whereabouts]
	work   sync.WaitGroup
	stop   context.CancelFunc
	http   []*http.Server
}

// doors are what a standby listens on.
type doors struct {
	api      net.Listener // stays open when the standby has ended, for the node that follows
	tls      bool         // the API speaks TLS
	counters net.Listener // of the metrics, likewise; nil without
	p2p      []net.Listener
}

// standBy begins to answer.
func standBy(d doors, log *slog.Logger) *standby {
	ctx, stop := context.WithCancel(context.Background())
	s := &standby{log: log, stop: stop, door: d}
	s.active.Store(&whereabouts{})
	plain := net.Listener(borrowed{d.api})
	if d.tls {
		both := newSplit(plain)
		plain = half{both, both.plain}
		s.work.Go(func() { s.relay(ctx, half{both, both.secure}, func() []string { return hostsOf(s.active.Load().API) }) })
	}
	s.serve(plain, s.handler())
	if d.counters != nil {
		s.serve(borrowed{d.counters}, idle())
	}
	for _, l := range d.p2p {
		s.work.Go(func() { s.relay(ctx, l, func() []string { return s.active.Load().P2P }) })
	}
	return s
}

func (s *standby) serve(l net.Listener, h http.Handler) {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	s.http = append(s.http, srv)
	s.work.Go(func() { _ = srv.Serve(l) }) // it ends when it is told to
}

// idle answers who collects metrics: there is somebody, and nothing to count that
// the active process does not count.
func idle() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	})
	return mux
}

// follow learns where the active process is.
func (s *standby) follow(text string) {
	var w whereabouts
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		s.log.Warn("the active process does not say where it is", "holder", text)
	}
	if s.isHere(w.API) {
		s.log.Warn("the active process says that it is where this one is: nothing is relayed to it; give it an address of its own as --http-listen-addr", "active", w.API)
		w = whereabouts{}
	}
	s.active.Store(&w)
	s.log.Info("standing by: another process of this node works in the database", "active", w.API)
}

// isHere says whether this process itself listens at an API address: what is
// relayed there would come back for ever.
func (s *standby) isHere(api string) bool {
	at, err := netip.ParseAddrPort(strings.Join(hostsOf(api), ""))
	own, isTCP := s.door.api.Addr().(*net.TCPAddr)
	if err != nil || !isTCP || int(at.Port()) != own.Port {
		return false
	}
	if !own.IP.IsUnspecified() {
		return own.AddrPort().Addr().Unmap() == at.Addr().Unmap()
	}
	return at.Addr().IsLoopback() || slices.Contains(machine(), at.Addr().Unmap())
}

// machine is this machine's addresses.
func machine() (out []netip.Addr) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Addr().Unmap())
		}
	}
	return out
}

// whereabouts is where standbys, which may be on other machines, find this process:
// where it listens, or, if that is everywhere, the address that its connections to
// the database come from, which is in the network that all of them share.
func (r *Running) whereabouts(ctx context.Context) whereabouts {
	w := whereabouts{API: r.APIURL(), P2P: dialable(r.P2PAddrs())}
	own, isTCP := r.socket.Addr().(*net.TCPAddr)
	if !isTCP || !own.IP.IsUnspecified() {
		return w
	}
	from, err := r.database.From(ctx)
	if err != nil || from.IsLoopback() { // by a proxy on this machine, or a socket
		from = outward(machine())
	}
	if !from.IsValid() {
		return w
	}
	scheme, _, _ := strings.Cut(w.API, "://")
	w.API = scheme + "://" + netip.AddrPortFrom(from, uint16(own.Port)).String()
	there := func(addr string) bool {
		at, err := netip.ParseAddrPort(addr)
		return err == nil && at.Addr().Unmap() == from
	}
	if i := slices.IndexFunc(w.P2P, there); i >= 0 { // the others may be a standby's own, such as a bridge's
		w.P2P = w.P2P[i : i+1]
	}
	return w
}

// outward is the first address by which others can mean this machine.
func outward(all []netip.Addr) netip.Addr {
	for _, a := range all {
		if a.IsGlobalUnicast() {
			return a
		}
	}
	return netip.Addr{}
}

// hostsOf is the host:port of a URL.
func hostsOf(base string) []string {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return nil
	}
	return []string{u.Host}
}

// end stops answering.
func (s *standby) end() {
	s.stop()
	for _, l := range s.door.p2p {
		_ = l.Close() // nothing is lost by it
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for _, srv := range s.http {
		if srv.Shutdown(ctx) != nil {
			_ = srv.Close()
		}
	}
	s.work.Wait()
}

// relayed is the header by which an answer tells that a standby passed it on, and
// a request, too.
const relayed = "X-ICN-Relayed"

func (s *standby) handler() http.Handler {
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1, // event streams
		Rewrite: func(r *httputil.ProxyRequest) {
			u := &url.URL{Scheme: "http", Host: strings.Join(hostsOf(s.active.Load().API), "")} // the TLS port answers probes without it
			r.SetURL(u)
			r.SetXForwarded()
			r.Out.Host = r.In.Host
			r.Out.Header.Set(relayed, "standby")
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			refuse(w, "the active process of this node does not answer; this one takes over when its lease lapses")
		},
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	mux := http.NewServeMux()
	for _, prefix := range []string{"", "/api/v1"} {
		mux.HandleFunc("GET "+prefix+"/livez", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"status":"OK"}`+"\n") // whoever asked is gone
		})
	}
	mux.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.active.Load().API == "":
			refuse(w, "this process stands by, and the active one has not said yet where it is")
			return
		case r.Header.Get(relayed) != "":
			refuse(w, "this process stands by, and was asked by one that does, too; one of them takes over when the lease of the last active one lapses")
			return
		case s.door.tls && !isProbe(r):
			http.Error(w, onlyHTTPS, http.StatusBadRequest)
			return
		}
		w.Header().Set(relayed, "standby")
		proxy.ServeHTTP(w, r)
	}))
	return mux
}

func refuse(w http.ResponseWriter, why string) {
	p := wire.NewProblem(http.StatusServiceUnavailable, why)
	b, err := json.Marshal(p)
	if err != nil {
		b = []byte("{}")
	}
	w.Header().Set("Content-Type", wire.ProblemType)
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write(b) // whoever asked is gone
}

// mostRelayed bounds the connections that a standby carries for one listener.
const mostRelayed = 1024

// relay carries bytes between whoever dials here and the active process.
func (s *standby) relay(ctx context.Context, l net.Listener, to func() []string) {
	var open sync.WaitGroup
	defer open.Wait()
	slots := make(chan struct{}, mostRelayed)
	for {
		in, err := l.Accept()
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
				s.log.Warn("standing by: connections are not relayed any more", "error", err)
			}
			return
		}
		select {
		case slots <- struct{}{}:
		default:
			_ = in.Close()
			continue
		}
		open.Go(func() {
			defer func() { <-slots }()
			s.carry(ctx, in, to())
		})
	}
}

func (s *standby) carry(ctx context.Context, in net.Conn, to []string) {
	defer in.Close()
	var out net.Conn
	for _, addr := range to {
		d := net.Dialer{Timeout: 5 * time.Second}
		c, err := d.DialContext(ctx, "tcp", addr)
		if err == nil {
			out = c
			break
		}
	}
	if out == nil {
		return
	}
	defer out.Close()
	stop := context.AfterFunc(ctx, func() { _ = in.Close(); _ = out.Close() })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(out, in); _ = out.Close() }) // a link that breaks is made again by whoever wants it
	_, _ = io.Copy(in, out)
	_ = in.Close()
	both.Wait()
}

// borrowed is a listener that stays open when it is closed.
type borrowed struct{ net.Listener }

// Accept ends after Close.
func (b borrowed) Accept() (net.Conn, error) {
	c, err := b.Listener.Accept()
	var late interface{ Timeout() bool }
	if errors.As(err, &late) && late.Timeout() {
		return nil, net.ErrClosed
	}
	return c, err
}

// Close makes Accept return; [reuse] makes the listener whole again.
func (b borrowed) Close() error { return setDeadline(b.Listener, time.Now()) }

// reuse takes back what borrowed did.
func reuse(l net.Listener) error { return setDeadline(l, time.Time{}) }

func setDeadline(l net.Listener, t time.Time) error {
	d, ok := l.(interface{ SetDeadline(time.Time) error })
	if !ok {
		return errors.New("this listener has no deadline")
	}
	return d.SetDeadline(t)
}

// dialable turns multiaddrs of TCP into host:port.
func dialable(addrs []string) []string {
	var out []string
	for _, a := range addrs {
		f := strings.Split(a, "/")
		if len(f) >= 5 && f[3] == "tcp" && (f[1] == "ip4" || f[1] == "ip6" || strings.HasPrefix(f[1], "dns")) {
			out = append(out, net.JoinHostPort(f[2], f[4]))
		}
	}
	return out
}

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
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
)

// whereabouts is what the active process of a shared database tells standbys.
type whereabouts struct {
	API string   `json:"api"`
	P2P []string `json:"p2p"` // host:port of TCP
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
// identity is the same).
type standby struct {
	log    *slog.Logger
	active atomic.Pointer[whereabouts]
	work   sync.WaitGroup
	stop   context.CancelFunc
	http   *http.Server
	p2p    []net.Listener
}

// standBy begins to answer. The HTTP socket stays open when end has returned, for
// the node that follows.
func standBy(socket net.Listener, p2p []net.Listener, log *slog.Logger) *standby {
	ctx, stop := context.WithCancel(context.Background())
	s := &standby{log: log, stop: stop, p2p: p2p}
	s.active.Store(&whereabouts{})
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	s.work.Go(func() { _ = s.http.Serve(borrowed{socket}) }) // it ends when it is told to
	for _, l := range p2p {
		s.work.Go(func() { s.relay(ctx, l) })
	}
	return s
}

// follow learns where the active process is.
func (s *standby) follow(text string) {
	var w whereabouts
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		s.log.Warn("the active process does not say where it is", "holder", text)
	}
	s.active.Store(&w)
	s.log.Info("standing by: another process of this node works in the database", "active", w.API)
}

// end stops answering.
func (s *standby) end() {
	s.stop()
	for _, l := range s.p2p {
		_ = l.Close() // nothing is lost by it
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	s.work.Wait()
}

func (s *standby) handler() http.Handler {
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1, // event streams
		Rewrite: func(r *httputil.ProxyRequest) {
			u, err := url.Parse(s.active.Load().API)
			if err != nil {
				u = &url.URL{}
			}
			r.SetURL(u)
			r.SetXForwarded()
			r.Out.Host = r.In.Host
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
		if s.active.Load().API == "" {
			refuse(w, "this process stands by, and the active one has not said yet where it is")
			return
		}
		w.Header().Set("X-ICN-Relayed", "standby")
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

// relay carries bytes between whoever dials here and the active process.
func (s *standby) relay(ctx context.Context, l net.Listener) {
	var open sync.WaitGroup
	defer open.Wait()
	slots := make(chan struct{}, 256)
	for {
		in, err := l.Accept()
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
				s.log.Warn("standing by: links are not relayed any more", "error", err)
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
			s.carry(ctx, in)
		})
	}
}

func (s *standby) carry(ctx context.Context, in net.Conn) {
	defer in.Close()
	var out net.Conn
	for _, addr := range s.active.Load().P2P {
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

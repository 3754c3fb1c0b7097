package launch

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// certificate is the API's, read again when its file changes.
type certificate struct {
	log *slog.Logger

	mu      sync.Mutex
	from    config.Security
	current *tls.Config
	ends    time.Time
	looked  time.Time // when the file was last looked at
	stamp   time.Time // of the file
}

const lookAgain = 5 * time.Second

// loadCertificate reads the certificate; nil when there is none.
func loadCertificate(c config.Security, log *slog.Logger) (*certificate, error) {
	if c.TLSCertPath == "" {
		return nil, nil
	}
	x := &certificate{log: log}
	return x, x.replace(c)
}

// replace reads another certificate. What cannot be read leaves the old one in use.
func (x *certificate) replace(c config.Security) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.read(c)
}

// read reads the files; x.mu is held.
func (x *certificate) read(c config.Security) error {
	st, err := os.Stat(c.TLSCertPath)
	if err != nil {
		return fmt.Errorf("TLS certificate: %w: %v; check security.tls_cert_path", icn.ErrNotFound, err)
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCertPath, c.TLSKeyPath)
	if err != nil {
		return fmt.Errorf("TLS certificate %s with key %s: %w: %v", c.TLSCertPath, c.TLSKeyPath, icn.ErrInvalid, err)
	}
	next := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}
	if c.TLSClientCA != "" {
		pem, err := os.ReadFile(c.TLSClientCA)
		if err != nil {
			return fmt.Errorf("TLS client certificates: %w: %v; check security.tls_client_ca_path", icn.ErrNotFound, err)
		}
		next.ClientAuth, next.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		if !next.ClientCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("TLS client certificates: %w: %s holds no certificate in PEM", icn.ErrInvalid, c.TLSClientCA)
		}
	}
	x.from, x.current, x.ends, x.stamp, x.looked = c, next, pair.Leaf.NotAfter, st.ModTime(), time.Now()
	return nil
}

// get is how to shake hands now. A new certificate that cannot be read leaves the
// old one in use.
func (x *certificate) get(*tls.ClientHelloInfo) (*tls.Config, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if time.Since(x.looked) < lookAgain {
		return x.current, nil
	}
	x.looked = time.Now()
	st, err := os.Stat(x.from.TLSCertPath)
	if err == nil && st.ModTime().Equal(x.stamp) {
		return x.current, nil
	}
	if err == nil {
		err = x.read(x.from)
	}
	if err != nil {
		x.log.Warn("the TLS certificate has changed and cannot be read; the old one stays in use", "error", err)
	} else {
		x.log.Info("the TLS certificate was read again", "file", x.from.TLSCertPath)
	}
	return x.current, nil
}

// expires is when the certificate ends.
func (x *certificate) expires() time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.ends
}

// split is a listener of which TLS connections and others are told apart by their
// first byte: probes of container platforms speak plain HTTP.
type split struct {
	net.Listener
	secure, plain chan net.Conn
	done          chan struct{}
	closing       sync.Once
	err           error
}

func newSplit(l net.Listener) *split {
	s := &split{Listener: l, secure: make(chan net.Conn), plain: make(chan net.Conn), done: make(chan struct{})}
	go s.accept()
	return s
}

// firstByte is how long a caller may be silent.
const firstByte = 10 * time.Second

func (s *split) accept() {
	slots := make(chan struct{}, 1024) // callers who have not said anything yet
	for {
		c, err := s.Listener.Accept()
		if err != nil {
			s.end(err)
			return
		}
		select {
		case slots <- struct{}{}:
		default:
			_ = c.Close()
			continue
		}
		go func() {
			defer func() { <-slots }()
			s.sort(c)
		}()
	}
}

func (s *split) sort(c net.Conn) {
	_ = c.SetReadDeadline(time.Now().Add(firstByte)) // a connection without deadlines fails at the read
	p := &peeked{Conn: c, in: bufio.NewReaderSize(c, 4096)}
	b, err := p.in.Peek(1)
	if err != nil {
		_ = c.Close()
		return
	}
	_ = c.SetReadDeadline(time.Time{})
	to := s.plain
	if b[0] == 0x16 { // a TLS handshake (RFC 8446 section 5.1)
		to = s.secure
	}
	select {
	case to <- p:
	case <-s.done:
		_ = c.Close()
	}
}

func (s *split) end(err error) {
	s.closing.Do(func() {
		s.err = err
		close(s.done)
	})
}

// Close implements net.Listener.
func (s *split) Close() error {
	s.end(net.ErrClosed)
	return s.Listener.Close()
}

// half is one of the two listeners.
type half struct {
	*split
	from chan net.Conn
}

// Accept implements net.Listener.
func (h half) Accept() (net.Conn, error) {
	select {
	case c := <-h.from:
		return c, nil
	case <-h.done:
		return nil, h.err
	}
}

// peeked is a connection of which a byte was looked at.
type peeked struct {
	net.Conn
	in *bufio.Reader
}

// Read implements net.Conn.
func (p *peeked) Read(b []byte) (int, error) { return p.in.Read(b) }

// secured serves the API over TLS on the socket, and the probes without it.
func (r *Running) secured(ctx context.Context) net.Listener {
	if r.certificate == nil {
		return r.socket
	}
	s := newSplit(r.socket)
	probes := &http.Server{Handler: onlyProbes(r.api.Handler()), ReadHeaderTimeout: firstByte, ReadTimeout: firstByte, WriteTimeout: firstByte,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(r.log.Handler(), slog.LevelDebug)}
	r.work.Go(func() {
		if err := probes.Serve(half{s, s.plain}); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			r.log.Warn("probes are not answered any more", "error", err)
		}
	})
	context.AfterFunc(ctx, func() { _ = probes.Close() })
	return tls.NewListener(half{s, s.secure}, &tls.Config{MinVersion: tls.VersionTLS13, GetConfigForClient: r.certificate.get, NextProtos: []string{"h2", "http/1.1"}})
}

// onlyProbes answers what a platform asks about a process, and nothing else.
func onlyProbes(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isProbe(r) {
			h.ServeHTTP(w, r)
			return
		}
		http.Error(w, onlyHTTPS, http.StatusBadRequest)
	})
}

const onlyHTTPS = "this port speaks HTTPS; without it only /health, /ready and /livez are answered"

func isProbe(r *http.Request) bool {
	path := strings.TrimPrefix(r.URL.Path, "/api/v1")
	return r.Method == http.MethodGet && (path == "/health" || path == "/ready" || path == "/livez")
}

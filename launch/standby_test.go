package launch

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func loopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func TestStandbyRelaysAndThenLeavesItsSocket(t *testing.T) {
	active := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "active %s %s", r.Method, r.URL.Path)
	}))
	defer active.Close()
	echo := loopback(t)
	defer echo.Close()
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()

	socket, link := loopback(t), loopback(t)
	defer socket.Close()
	base := "http://" + socket.Addr().String()
	s := standBy(doors{api: socket, p2p: []net.Listener{link}}, slog.New(slog.DiscardHandler))
	if code, body := fetch(t, base+"/info"); code != 503 || !strings.Contains(body, "has not said yet") {
		t.Errorf("%d %s", code, body)
	}
	s.follow(whereabouts{API: active.URL, P2P: []string{echo.Addr().String()}}.String())
	for path, want := range map[string]string{"/info": "active GET /info", "/api/v1/ready": "active GET /api/v1/ready", "/livez": `{"status":"OK"}` + "\n"} {
		if code, body := fetch(t, base+path); code != 200 || body != want {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	c, err := net.Dial("tcp", link.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "hello\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "hello\n" {
		t.Errorf("%q %v", line, err)
	}
	active.Close()
	if code, body := fetch(t, base+"/info"); code != 503 || !strings.Contains(body, "does not answer") {
		t.Errorf("%d %s", code, body)
	}

	s.end()
	if err := reuse(socket); err != nil {
		t.Fatal(err)
	}
	next := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the node itself") })}
	go func() { _ = next.Serve(socket) }()
	defer next.Close()
	if _, body := fetch(t, base+"/info"); body != "the node itself" {
		t.Error(body)
	}
}

func TestTCPAddressesOfPeersAreFound(t *testing.T) {
	got := dialable([]string{"/ip4/127.0.0.1/tcp/4001/p2p/12D3", "/ip4/127.0.0.1/udp/4001/quic-v1/p2p/12D3", "/ip6/::1/tcp/4001", "/dns4/a.example/tcp/7000", "nonsense"})
	if want := "127.0.0.1:4001 [::1]:4001 a.example:7000"; strings.Join(got, " ") != want {
		t.Error(got)
	}
}

// TestStandbyDoesNotRelayToItself: an active process that listens everywhere once
// said that it is at 127.0.0.1, where the standby on another machine found itself.
func TestStandbyDoesNotRelayToItself(t *testing.T) {
	everywhere, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	here := loopback(t)
	for _, socket := range []net.Listener{everywhere, here} {
		defer socket.Close()
		_, port, err := net.SplitHostPort(socket.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		s := standBy(doors{api: socket}, slog.New(slog.DiscardHandler))
		defer s.end()
		base := "http://127.0.0.1:" + port
		s.follow(whereabouts{API: base}.String())
		if code, body := fetch(t, base+"/info"); code != 503 || !strings.Contains(body, "has not said yet") {
			t.Errorf("%d %s", code, body)
		}
	}
}

// TestTwoStandbysDoNotRelayInACircle: each believes the other to be active.
func TestTwoStandbysDoNotRelayInACircle(t *testing.T) {
	one, two := loopback(t), loopback(t)
	defer one.Close()
	defer two.Close()
	for at, to := range map[net.Listener]net.Listener{one: two, two: one} { // order: both are told
		s := standBy(doors{api: at}, slog.New(slog.DiscardHandler))
		defer s.end()
		s.follow(whereabouts{API: "http://" + to.Addr().String()}.String())
	}
	if code, body := fetch(t, "http://"+one.Addr().String()+"/ready"); code != 503 || !strings.Contains(body, "was asked by one that does, too") {
		t.Errorf("%d %s", code, body)
	}
}

func TestStandbyRelaysTLSUntouched(t *testing.T) {
	active := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "active %s, TLS %t", r.URL.Path, r.TLS != nil)
	}))
	socket, counters := loopback(t), loopback(t)
	defer socket.Close()
	defer counters.Close()
	s := standBy(doors{api: socket, tls: true, counters: counters}, slog.New(slog.DiscardHandler))
	both := newSplit(active.Listener)
	plain := &http.Server{Handler: onlyProbes(active.Config.Handler)}
	go func() { _ = plain.Serve(half{both, both.plain}) }()
	defer plain.Close()
	active.Listener = half{both, both.secure}
	active.StartTLS()
	defer active.Close()
	s.follow(whereabouts{API: active.URL}.String())

	r, err := active.Client().Get("https://" + socket.Addr().String() + "/info")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if b, err := io.ReadAll(r.Body); err != nil || string(b) != "active /info, TLS true" {
		t.Errorf("%s %v", b, err)
	}
	base := "http://" + socket.Addr().String()
	if code, body := fetch(t, base+"/ready"); code != 200 || body != "active /ready, TLS false" {
		t.Errorf("%d %s", code, body)
	}
	if code, body := fetch(t, base+"/info"); code != 400 || !strings.Contains(body, "HTTPS") {
		t.Errorf("%d %s", code, body)
	}
	if code, body := fetch(t, "http://"+counters.Addr().String()+"/metrics"); code != 200 || body != "" {
		t.Errorf("%d %s", code, body)
	}
	s.end()
	if err := reuse(socket); err != nil {
		t.Fatal(err)
	}
	next := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the node itself") })}
	go func() { _ = next.Serve(socket) }()
	defer next.Close()
	if _, body := fetch(t, base+"/info"); body != "the node itself" {
		t.Error(body)
	}
}

func TestOutwardAddressIsOneThatOthersCanMean(t *testing.T) {
	all := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"), netip.MustParseAddr("fe80::1"), netip.MustParseAddr("10.1.2.3")}
	if got := outward(all); got != all[3] {
		t.Error(got)
	}
	if got := outward(all[:3]); got.IsValid() {
		t.Error(got)
	}
}

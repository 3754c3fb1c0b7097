package launch

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
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
	s := standBy(socket, []net.Listener{link}, slog.New(slog.DiscardHandler))
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

// Package redistest starts a Redis server for tests: a real one, on loopback, that
// keeps nothing and ends with the test's process.
//
// It installs nothing; see scripts/servers.sh.
package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// Missing says that Redis is not installed.
var Missing = errors.New("Redis is not installed (Debian: apt-get install redis-server)")

// Server is a running server.
type Server struct {
	port int
	dir  string
	cmd  *exec.Cmd
}

// Start starts a server.
func Start() (*Server, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, Missing
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{port: l.Addr().(*net.TCPAddr).Port}
	if err := l.Close(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "icn-redis-"); err != nil {
		return nil, err
	}
	return s, s.Resume()
}

// Resume starts the server again after [Server.Crash].
func (s *Server) Resume() error {
	s.cmd = exec.Command("redis-server", "--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", s.dir)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	c := s.Client()
	defer c.Close()
	for range 200 {
		if c.Ping(context.Background()).Err() == nil {
			return nil
		}
		time.Sleep(25 * time.Millisecond)
	}
	return errors.New("Redis does not answer")
}

// Client speaks to the server as an operator would.
func (s *Server) Client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", s.port)})
}

// URL is the server's address.
func (s *Server) URL() string { return fmt.Sprintf("redis://127.0.0.1:%d/0", s.port) }

// Crash ends the server at once.
func (s *Server) Crash() error {
	err := s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
	return err
}

// Stop ends the server and removes its folder.
func (s *Server) Stop() error {
	var err error
	if s.cmd != nil {
		err = s.Crash()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

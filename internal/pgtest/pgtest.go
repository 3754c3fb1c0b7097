// Package pgtest starts a PostgreSQL server for tests: a real one, of its own
// folder, on loopback, ended with the test's process.
//
// It installs nothing: scripts/test.sh does, from Debian's packages. Without the
// programs it is [Missing], for which a test may be left out on a developer's
// machine, but never where CI is set.
//
//	s, err := pgtest.Start()
//	defer s.Stop()
//	url, err := s.Database(ctx, "one")
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Missing says that PostgreSQL is not installed.
var Missing = errors.New("PostgreSQL is not installed (Debian: apt-get install postgresql)")

// Server is a running server.
type Server struct {
	dir, bin string
	port     int
	cmd      *exec.Cmd
}

// Start makes a database cluster in a new folder and starts its server.
func Start() (s *Server, err error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s = &Server{bin: bin}
	if s.dir, err = os.MkdirTemp("", "icn-pg-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	if err := s.run("initdb", "-D", s.data(), "-U", "icn", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"); err != nil {
		return s, err
	}
	if s.port, err = freePort(); err != nil {
		return s, err
	}
	return s, s.Resume()
}

// CPU is the processor time that the server and all its processes have used.
func (s *Server) CPU() time.Duration {
	pid := strconv.Itoa(s.cmd.Process.Pid)
	ticks := int64(0)
	found, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range found {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended, and counts with its parent
		}
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		self := path == "/proc/"+pid+"/stat"
		if !self && f[1] != pid {
			continue
		}
		for i, x := range f[11:15] {
			if n, err := strconv.ParseInt(x, 10, 64); err == nil && (i < 2 || self) {
				ticks += n
			}
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond // clock ticks of 1/100 s
}

// Attach is the server that another process started.
func Attach(port int) *Server { return &Server{port: port} }

// Port is where the server listens on loopback.
func (s *Server) Port() int { return s.port }

// programs finds the newest installed version.
func programs() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", Missing
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// command runs as postgres when we are root, which PostgreSQL refuses to be.
func (s *Server) command(name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Geteuid() != 0 {
		return cmd, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return cmd, os.Chown(s.dir, uid, gid)
}

func (s *Server) run(name string, args ...string) error {
	cmd, err := s.command(name, args...)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

// Resume starts the server again after [Server.Crash].
func (s *Server) Resume() error {
	cmd, err := s.command("postgres", "-D", s.data(), "-p", strconv.Itoa(s.port), "-k", s.dir, "-c", "listen_addresses=127.0.0.1",
		"-c", "max_connections=200", "-c", "log_min_messages=fatal")
	if err != nil {
		return err
	}
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd = cmd
	for range 600 {
		c, err := pgx.Connect(context.Background(), s.URL("postgres"))
		if err == nil {
			return c.Close(context.Background())
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("PostgreSQL does not answer: %s", log.String())
}

// Crash ends the server as a power cut would.
func (s *Server) Crash() error {
	err := s.cmd.Process.Signal(syscall.SIGQUIT) // at once, without a checkpoint
	_ = s.cmd.Wait()
	s.cmd = nil
	return err
}

// URL is the address of a database.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgresql://icn@127.0.0.1:%d/%s", s.port, database)
}

// Database makes a database, unless there is one of this name, and returns its
// address.
func (s *Server) Database(ctx context.Context, name string) (string, error) {
	c, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return "", err
	}
	defer c.Close(ctx)
	var have bool
	if err := c.QueryRow(ctx, "SELECT count(*) > 0 FROM pg_database WHERE datname = $1", name).Scan(&have); err != nil || have {
		return s.URL(name), err
	}
	_, err = c.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	return s.URL(name), err
}

// Exec runs a statement in a database.
func (s *Server) Exec(ctx context.Context, database, sql string) error {
	c, err := pgx.Connect(ctx, s.URL(database))
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, sql)
	return errors.Join(err, c.Close(ctx))
}

// Stop ends the server and removes its folder.
func (s *Server) Stop() error {
	var err error
	if s.cmd != nil {
		err = s.Crash()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

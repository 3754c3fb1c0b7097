//go:build linux

// Package netns gives a test nodes that stand on networks of their own: each
// process has its own interfaces and address, and all hang on one switch that the
// test can cut in two. What is cut is silent, as when a line breaks: no
// connection is refused or reset.
//
// The invariant: nothing of the machine's own network is touched, and nothing
// stays behind. A test runs itself again inside a network namespace without a
// name ([Run]); the namespaces of its nodes are made there; the kernel takes all
// of it back when the processes have ended, however they end.
//
// It needs Linux, the programs ip and sh, and root or user namespaces. It shapes
// no traffic: no delays, no loss.
//
//	netns.Run(t, func(t *testing.T) {
//		net := netns.New(t)
//		cmd, up := net.Command(0, "icn-node", "--p2p-listen-addr", "/ip4/"+net.Addr(0)+"/tcp/7000")
//		err := errors.Join(cmd.Start(), up())
//		net.Cut(0) // and net.Heal()
//	})
package netns

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inside is set in the environment of a test that runs in its own namespace.
const inside = "ICN_TEST_NETNS"

// Run runs f in a network namespace, in a process of its own. Where the machine
// allows none the test is left out, but not where CI is set.
func Run(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	if os.Getenv(inside) == t.Name() {
		f(t)
		return
	}
	args := []string{"-test.run", "^" + t.Name() + "$", "-test.v"}
	if end, ok := t.Deadline(); ok {
		args = append(args, "-test.timeout", (time.Until(end) - 5*time.Second).String())
	}
	c := exec.CommandContext(t.Context(), os.Args[0], args...)
	c.Env = append(os.Environ(), inside+"="+t.Name())
	c.SysProcAttr = namespace()
	out, err := c.CombinedOutput()
	if c.Process == nil { // it was not even started
		leaveOut(t, fmt.Errorf("no network namespace: %w", err))
	}
	t.Logf("in its own network:\n%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

// namespace is what a process is started with to have a network of its own.
func namespace() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Geteuid() != 0 { // within a user namespace one is root enough
		a.Cloneflags |= syscall.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return a
}

func leaveOut(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// Net is a switch with nodes on it.
type Net struct {
	mu       sync.Mutex
	ports    map[int]port // the newest of each node
	plugs    int
	isolated map[int]bool
}

// port is where a node's cable is plugged in.
type port struct {
	name string
	pid  int
}

// The two halves of the switch: all are on the first until they are cut off.
const (
	whole = "whole"
	apart = "apart"
)

// New makes the switch. It may be called in a test that [Run] runs.
func New(t *testing.T) *Net {
	t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		leaveOut(t, fmt.Errorf("%w (Debian: iproute2)", err))
	}
	for _, half := range []string{whole, apart} {
		if err := ip("link", "add", half, "type", "bridge"); err != nil {
			leaveOut(t, err)
		}
		if err := ip("link", "set", half, "up"); err != nil {
			t.Fatal(err)
		}
	}
	return &Net{ports: map[int]port{}, isolated: map[int]bool{}}
}

// Addr is the address of node i, on the only network that it has besides its
// loopback.
func (n *Net) Addr(i int) string { return fmt.Sprintf("10.77.0.%d", i+1) }

// Command prepares to start a program as node i. Between its start and its first
// instruction the node is plugged in, by up. It may have its standard output and
// error set, but not its input.
func (n *Net) Command(i int, program string, args ...string) (c *exec.Cmd, up func() error) {
	const plugged = `read -r _ && ip link set lo up && ip addr add "$1/24" dev eth0 && ip link set eth0 up && shift && exec "$@"`
	c = exec.Command("sh", append([]string{"-c", plugged, "sh", n.Addr(i), program}, args...)...)
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	stdin, err := c.StdinPipe()
	return c, func() error {
		if err != nil {
			return err
		}
		if err := n.plug(i, c.Process.Pid); err != nil {
			return err
		}
		if _, err := stdin.Write([]byte("\n")); err != nil {
			return fmt.Errorf("node %d: %w", i, err)
		}
		return stdin.Close()
	}
}

// plug lays a cable between the switch and a process.
func (n *Net) plug(i, pid int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.plugs++
	p := port{name: fmt.Sprintf("port%d", n.plugs), pid: pid}
	if err := ip("link", "add", p.name, "type", "veth", "peer", "name", "eth0", "netns", strconv.Itoa(pid)); err != nil {
		return err
	}
	n.ports[i] = p
	if err := ip("link", "set", p.name, "master", whole); err != nil {
		return err
	}
	if n.isolated[i] {
		if err := isolate(p); err != nil {
			return err
		}
	}
	return ip("link", "set", p.name, "up")
}

// Isolate keeps these nodes from each other, now and whenever they are started:
// each still reaches all others.
func (n *Net) Isolate(nodes ...int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, i := range nodes {
		n.isolated[i] = true
		if p, ok := n.ports[i]; ok {
			if err := isolate(p); err != nil {
				return err
			}
		}
	}
	return nil
}

func isolate(p port) error {
	return ip("link", "set", p.name, "type", "bridge_slave", "isolated", "on")
}

// Cut parts these nodes from the others; among themselves they stay connected.
func (n *Net) Cut(nodes ...int) error { return n.move(apart, nodes) }

// Heal brings these nodes together with the others again.
func (n *Net) Heal(nodes ...int) error { return n.move(whole, nodes) }

func (n *Net) move(half string, nodes []int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, i := range nodes {
		if err := ip("link", "set", n.ports[i].name, "master", half); err != nil {
			return err
		}
	}
	return nil
}

// Dial opens a connection as if from node i itself: to its loopback, for one.
func (n *Net) Dial(ctx context.Context, i int, network, addr string) (net.Conn, error) {
	n.mu.Lock()
	pid := n.ports[i].pid
	n.mu.Unlock()
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	defer home.Close()
	there, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("network of node %d: %w", i, err)
	}
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
		runtime.UnlockOSThread() // else the thread ends with its goroutine
	}
	return c, err
}

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %v: %w: %s", args, err, out)
	}
	return nil
}

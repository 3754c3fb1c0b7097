package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// spent is what a program took.
type spent struct {
	wall, cpu time.Duration
	rss       int64 // at most, in bytes; 0: not known
}

func (s spent) String() string {
	out := fmt.Sprintf("%v (CPU %v", s.wall.Round(time.Millisecond), s.cpu.Round(time.Millisecond))
	if s.rss > 0 {
		out += fmt.Sprintf(", %d MB", s.rss/1e6)
	}
	return out + ")"
}

// program is a command to be measured.
type program struct {
	bin  string
	args []string
	env  []string
	out  io.Writer // of what it prints; nil: nobody
}

// run runs it to its end.
func (p program) run(ctx context.Context) (spent, error) {
	c := exec.CommandContext(ctx, p.bin, p.args...)
	c.Env = append(os.Environ(), p.env...)
	var said strings.Builder
	c.Stdout, c.Stderr = p.out, &said
	began := time.Now()
	err := c.Run()
	s := spent{wall: time.Since(began)}
	if err != nil {
		return s, fmt.Errorf("%s %s: %w: %s", p.bin, strings.Join(p.args, " "), err, said.String())
	}
	s.cpu = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	if u, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.rss = u.Maxrss << 10
	}
	return s, nil
}

// timed measures what is done with a server; its memory is the most that it had
// in the meantime.
func timed(pid int, f func() error) (s spent, err error) {
	forget(pid)
	cpu, began := cpuOf(pid), time.Now()
	err = f()
	s.wall, s.cpu, s.rss = time.Since(began), cpuOf(pid)-cpu, peakOf(pid)
	return s, err
}

// forget begins anew with the most memory that a process had.
func forget(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0) // without it the number is larger
}

func peakOf(pid int) int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	return 0
}

// settle brings to the disk what others have left to write, so that nobody pays
// for it who did not write it.
func settle() { syscall.Sync() }

// rounds collects what several runs of one thing took.
type rounds []spent

// median is that by time.
func (r rounds) median() spent {
	if len(r) == 0 {
		return spent{}
	}
	s := slices.Clone(r)
	slices.SortFunc(s, func(a, b spent) int { return int(a.wall - b.wall) })
	return s[len(s)/2]
}

func (r rounds) String() string {
	var all []string
	for _, s := range r {
		all = append(all, s.wall.Round(time.Millisecond).String())
	}
	return fmt.Sprintf("%v [%s]", r.median(), strings.Join(all, " "))
}

// row is one thing that was measured, here and at a peer.
type row struct {
	what       string
	ours, peer rounds
}

func (r row) print() {
	fmt.Printf("%s: %v\n", r.what, r.ours)
	if len(r.peer) > 0 {
		fmt.Printf("    peer: %v; ratio %.3f\n", r.peer, r.ours.median().wall.Seconds()/r.peer.median().wall.Seconds())
	}
}

// step is one thing to measure, again and again.
type step struct {
	*row
	ours, peer func() (spent, error)
}

// interleave measures all steps in turn, ours, then the peer's, round after round.
func interleave(n int, steps []step) error {
	for range n {
		for _, s := range steps {
			for _, side := range []struct {
				into *rounds
				f    func() (spent, error)
			}{{&s.row.ours, s.ours}, {&s.row.peer, s.peer}} {
				if side.f == nil {
					continue
				}
				settle()
				took, err := side.f()
				if err != nil {
					return fmt.Errorf("%s: %w", s.what, err)
				}
				*side.into = append(*side.into, took)
			}
		}
	}
	for _, s := range steps {
		s.row.print()
	}
	return nil
}

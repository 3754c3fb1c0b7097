package pebble_test

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/pebble"
)

// fill writes until the store refuses, and says on standard output what was
// acknowledged and how the store failed.
func fill(dir string, relaxed bool) {
	s, err := pebble.Open(dir, pebble.KeepFree(0))
	if err != nil {
		fmt.Println("open:", err)
		return
	}
	value := make([]byte, 20_000)
	for i := 0; i < 100_000; i++ {
		for j := range value {
			value[j] = byte(rand.Uint32())
		}
		b := &store.Batch{Relaxed: relaxed && i != 0}
		b.Put(fmt.Appendf(nil, "first %06d", i), value)
		b.Put(fmt.Appendf(nil, "second %06d", i), value)
		if err = s.Apply(b); err != nil {
			break
		}
		if !b.Relaxed {
			fmt.Println("stored", i)
		}
	}
	_, get := s.Get([]byte("first 000000"))
	fmt.Println("failed", errors.Is(err, icn.ErrUnavailable), err)
	fmt.Println("then", get, "|", put(s, "x", nil), "|", s.Close())
}

// judge reads what fill said, and wants all of it in the store.
func judge(t *testing.T, said, dir string) {
	require.Contains(t, said, "failed true store "+dir)
	require.Contains(t, said, "make room, then start again")
	_, then, _ := strings.Cut(said, "\nthen ")
	then, _, _ = strings.Cut(then, "\n")
	for _, answer := range strings.Split(then, " | ") {
		require.Contains(t, answer, "store "+dir, "after a failed commit nothing is answered as if it had not been")
	}
	s, err := pebble.Open(dir, pebble.KeepFree(0))
	require.NoError(t, err)
	stored := -1
	lines := bufio.NewScanner(strings.NewReader(said))
	for lines.Scan() {
		var i int
		if _, err := fmt.Sscanf(lines.Text(), "stored %d", &i); err == nil {
			stored = i
		}
	}
	require.GreaterOrEqual(t, stored, 0)
	var first, second int
	require.NoError(t, s.Scan(store.Prefix([]byte("first ")), func(_, _ []byte) bool { first++; return true }))
	require.NoError(t, s.Scan(store.Prefix([]byte("second ")), func(_, _ []byte) bool { second++; return true }))
	require.Equal(t, first, second, "half a batch is there")
	require.Greater(t, first, stored, "acknowledged batches are lost")
	require.NoError(t, put(s, "x", nil), "with room again, it goes on")
	require.NoError(t, s.Close())
}

// A limit on the size of files makes writes fail as a failing disk does.
func TestFailedWriteIsAnErrorAndNotTheEndOfTheProcess(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
		fill(dir, false)
		return
	}
	dir := t.TempDir()
	out, err := child(t, dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	judge(t, string(out), dir)
}

// A small file system, made in a user namespace, is filled with relaxed batches
// until it has no room left for bytes, or none for new files: there Pebble would
// break off in the middle of its own locks.
func TestFullDiskIsAnErrorAndNotTheEndOfTheProcess(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		if mount := os.Getenv(mountWith); mount != "" {
			onSmallDisk(t, dir, mount)
		} else {
			fill(dir, true)
		}
		return
	}
	for _, mount := range []string{"size=40m", "size=400m,nr_inodes=20"} {
		c := child(t, t.TempDir())
		c.Env = append(c.Env, mountWith+"="+mount)
		c.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
		out, err := c.CombinedOutput()
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.ENOSPC) || strings.Contains(string(out), "--- SKIP") {
			t.Skipf("this system lets nobody mount: %v %s", err, out)
		}
		require.NoError(t, err, "%s: %s", mount, out)
	}
}

// mountWith are the options of the file system for the process that mounts it.
const mountWith = "ICN_PEBBLE_TEST_MOUNT"

func onSmallDisk(t *testing.T, dir, options string) {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skip(err)
	}
	ballast, where := filepath.Join(dir, "ballast"), filepath.Join(dir, "store")
	require.NoError(t, os.Mkdir(ballast, 0o700))
	for i := range 8 {
		require.NoError(t, os.WriteFile(filepath.Join(ballast, fmt.Sprint(i)), make([]byte, 1<<20), 0o600))
	}
	c := child(t, where)
	c.Env = append(c.Env, mountWith+"=")
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, os.RemoveAll(ballast))
	judge(t, string(out), where)
}

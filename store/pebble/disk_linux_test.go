package pebble_test

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
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
		b := &store.Batch{Relaxed: relaxed && i%50 != 0}
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
	require.Positive(t, stored)
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

// A file system of 40 MiB, made in a user namespace, is filled to the last byte.
func TestFullDiskIsAnErrorAndNotTheEndOfTheProcess(t *testing.T) {
	if os.Getenv("ICN_PEBBLE_TEST_FILL") != "" {
		fill(os.Getenv(childDir), true)
		return
	}
	if dir := os.Getenv(childDir); dir != "" {
		onSmallDisk(t, dir)
		return
	}
	c := child(t, t.TempDir())
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := c.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.ENOSPC) || strings.Contains(string(out), "--- SKIP") {
		t.Skipf("this system lets nobody mount: %v %s", err, out)
	}
	require.NoError(t, err, "%s", out)
}

func onSmallDisk(t *testing.T, dir string) {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=40m"); err != nil {
		t.Skip(err)
	}
	ballast := filepath.Join(dir, "ballast")
	require.NoError(t, os.WriteFile(ballast, make([]byte, 8<<20), 0o600))
	where := filepath.Join(dir, "store")
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
	c.Env = append(os.Environ(), childDir+"="+where, "ICN_PEBBLE_TEST_FILL=1")
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, os.Remove(ballast))
	judge(t, string(out), where)
}

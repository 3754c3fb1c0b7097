package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/launch"
	"github.com/InterCooperative-Network/icn-core/node"
)

// listenAsManager is a service manager's ear; next is the next word that holds part.
func listenAsManager(t *testing.T, watchdog string) (next func(part string) string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", watchdog)
	t.Setenv("WATCHDOG_PID", "")
	buf := make([]byte, 4096)
	return func(part string) string {
		t.Helper()
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
		for {
			n, err := c.Read(buf)
			require.NoError(t, err, "waiting for %q", part)
			if s := string(buf[:n]); strings.Contains(s, part) {
				return s
			}
		}
	}
}

func quiet(t *testing.T) *launch.Logs {
	l := launch.OpenLogs(config.Default().Logging, &bytes.Buffer{})
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// TestAServiceManagerIsTold: a whole node, from its start to its end.
func TestAServiceManagerIsTold(t *testing.T) {
	next := listenAsManager(t, "300000")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := command()
	c.SetArgs([]string{"--test-mode", "--http-listen-addr", "127.0.0.1:0"})
	var out bytes.Buffer
	c.SetOut(&out)
	ended := make(chan error, 1)
	go func() { ended <- c.ExecuteContext(ctx) }()
	require.Contains(t, next("READY=1"), "STATUS=serving http://127.0.0.1:")
	require.Contains(t, next("WATCHDOG=1"), "STATUS=")
	require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGHUP))
	require.Contains(t, next("RELOADING=1"), "MONOTONIC_USEC=")
	next("READY=1")
	cancel()
	next("STOPPING=1")
	require.NoError(t, <-ended)
}

// TestAHungLoopIsNotSpokenFor: the watchdog hears nothing of it, until it answers again.
func TestAHungLoopIsNotSpokenFor(t *testing.T) {
	next := listenAsManager(t, "60000")
	m := newManager(quiet(t))
	defer m.end()
	var hung atomic.Bool
	hung.Store(true)
	m.asked.Store(&asked{status: func(ctx context.Context) (node.Status, error) {
		if hung.Load() {
			<-ctx.Done()
			return node.Status{}, ctx.Err()
		}
		return node.Status{State: "running", Role: "clerk", Federation: "north", Height: 7}, nil
	}})
	for range 3 {
		require.NotContains(t, next("does not answer"), "WATCHDOG=1")
	}
	hung.Store(false)
	require.Contains(t, next("WATCHDOG=1"), "clerk of north, entry 7")
}

// TestAStandbyIsReady: and it stays so for as long as it takes, while a node that does
// not come back between two starts is given up.
func TestAStandbyIsReady(t *testing.T) {
	next := listenAsManager(t, "60000")
	m := newManager(quiet(t))
	defer m.end()
	m.standsBy()
	require.Contains(t, next("READY=1"), "standing by")
	require.Contains(t, next("WATCHDOG=1"), "standing by")
	m.asked.Store(&asked{text: "gone", until: time.Now().Add(-time.Second)})
	require.NotContains(t, next("gone"), "WATCHDOG=1")
}

// TestWithoutAManagerNothingIsTold: nor is anything watched.
func TestWithoutAManagerNothingIsTold(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	m := newManager(quiet(t))
	m.asked.Store(&asked{status: func(context.Context) (node.Status, error) {
		t.Error("the loop was asked")
		return node.Status{}, errors.New("asked")
	}})
	m.end()
}

func TestVersionAsTextAndJSON(t *testing.T) {
	for output, want := range map[string]string{"text": "icn-node  " + launch.Release, "json": `"program": "icn-node"`} {
		var out bytes.Buffer
		c := command()
		c.SetArgs([]string{"version", "--output", output})
		c.SetOut(&out)
		require.NoError(t, c.Execute())
		require.Contains(t, out.String(), want)
	}
	c := command()
	c.SetArgs([]string{"version", "--output", "xml"})
	require.ErrorContains(t, c.Execute(), "text or json")
}

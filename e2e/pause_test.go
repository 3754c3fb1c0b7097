package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/pgtest"
	"github.com/InterCooperative-Network/icn-core/key"
)

// TestPausedProcessesCommitNothing: two processes of one node on one database. The
// active one is paused, replaced, and wakes up, again and again, while clients
// write through both addresses: nothing that was acknowledged is lost, and no entry
// is there twice.
func TestPausedProcessesCommitNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a while")
	}
	if err := startDatabase(); errors.Is(err, pgtest.Missing) && os.Getenv("CI") == "" {
		t.Skip("PostgreSQL is not installed")
	}
	require.NoError(t, database.err)
	url, err := database.server.Database(t.Context(), fmt.Sprintf("pause%d", database.count.Add(1)))
	require.NoError(t, err)
	y := newYard(t)
	args := []string{"--storage-backend", "postgresql", "--db-url", url, "--key-path", filepath.Join(y.dir, "key")}
	active := y.node(args...)
	standby := y.node(args...)
	var acked, entries sync.Map
	for range rounds(t, 2) {
		ctx, stop := context.WithCancel(t.Context())
		var work sync.WaitGroup
		for _, n := range []*running{active, standby} {
			work.Go(func() { write(ctx, n.api, &acked, &entries) })
		}
		before := length(&acked)
		for length(&acked) < before+20 && ctx.Err() == nil {
			require.NoError(t, alive(active), active.out)
		}
		require.NoError(t, active.cmd.Process.Signal(syscall.SIGSTOP))
		for !strings.Contains(standby.out.String(), "this process's now") {
			require.NoError(t, alive(standby), standby.out)
		}
		before = length(&acked)
		for length(&acked) < before+20 {
			require.NoError(t, alive(standby), standby.out)
		}
		require.NoError(t, active.cmd.Process.Signal(syscall.SIGCONT))
		err := active.cmd.Wait()
		require.Error(t, err)
		require.Regexp(t, "taken (it|the database) over", active.out.String(), "a process that was replaced says so")
		stop()
		work.Wait()
		active, standby = standby, y.node(args...)
	}
	s, err := active.api.Status(t.Context())
	require.NoError(t, err)
	acked.Range(func(c, content any) bool {
		b, err := active.api.DagGet(t.Context(), c.(icn.CID))
		require.NoError(t, err)
		require.Equal(t, content, string(b))
		return true
	})
	entries.Range(func(did, index any) bool {
		require.LessOrEqual(t, index.(uint64), s.Height)
		e, err := active.api.LogEntry(t.Context(), index.(uint64))
		require.NoError(t, err)
		who := did.(icn.DID)
		require.True(t, bytes.Contains(e.Bytes, who[:]), "entry %d is another one", index)
		return true
	})
	seen := map[icn.DID]bool{}
	for ev, err := range active.api.Events(t.Context(), wire.EventQuery{Type: "MemberAdmitted"}) {
		require.NoError(t, err)
		var body icn.MemberAdmitted
		require.NoError(t, wire.Unmarshal(ev.Body, &body))
		require.False(t, seen[body.Member], "%s was admitted twice", body.Member)
		seen[body.Member] = true
	}
	v, err := active.api.AdminVerify(t.Context(), true)
	require.NoError(t, err)
	require.True(t, v.OK, "%v", v.Problems)
	t.Logf("%d blocks and %d entries were acknowledged, and are there once", length(&acked), length(&entries))
	active.kill()
	standby.kill()
}

// write puts blocks and admits members until ctx ends, whatever goes wrong.
func write(ctx context.Context, api *client.Client, acked, entries *sync.Map) {
	for i := 0; ctx.Err() == nil; i++ {
		pair, err := key.Generate()
		if err != nil {
			return
		}
		content := pair.DID().String()
		if c, err := api.DagPut(ctx, []byte(content), client.Put{}); err == nil {
			acked.Store(c, content)
		}
		s, err := api.FederationMembers(ctx, wire.Member{DID: pair.DID(), Role: icn.RolePerson, Name: "somebody"})
		if err == nil && s.Index > 0 {
			entries.Store(pair.DID(), s.Index)
		}
	}
}

func length(m *sync.Map) (n int) {
	m.Range(func(any, any) bool { n++; return true })
	return n
}

// alive says whether a process runs, and lets others have a turn.
func alive(n *running) error {
	time.Sleep(5 * time.Millisecond) // the test as a whole is bounded
	return n.cmd.Process.Signal(syscall.Signal(0))
}

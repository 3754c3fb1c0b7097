package storetest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// writerDir is set for the process that writes until it is killed.
const writerDir = "ICN_STORETEST_WRITER_DIR"

const (
	crashRounds  = 5
	crashWriters = 4
	crashRows    = 8 // rows of a batch, besides the writer's head
)

// crashBatch is batch n (from 1) of a writer: some rows, of which some are
// large, the row of the batch before it deleted, and the writer's head moved.
// Two of three batches are relaxed; only durable ones are acknowledged.
func crashBatch(writer int, n uint64) *store.Batch {
	b := &store.Batch{Relaxed: n%3 != 0}
	for row := range crashRows {
		size := 16
		if row == 0 && n%7 == 0 {
			size = 100_000
		}
		b.Put(crashKey(writer, n, row), bytes.Repeat(number(n), size/8))
	}
	b.Put(crashNote(writer, n), nil)
	b.Delete(crashNote(writer, n-1))
	b.Put(crashHead(writer), number(n))
	return b
}

func crashKey(writer int, n uint64, row int) []byte {
	return fmt.Appendf(nil, "row/%d/%012d/%d", writer, n, row)
}
func crashNote(writer int, n uint64) []byte { return fmt.Appendf(nil, "note/%d/%012d", writer, n) }
func crashHead(writer int) []byte           { return fmt.Appendf(nil, "head/%d", writer) }

// head is the number of a writer's last batch, 0 when it has none.
func head(t testing.TB, s store.Store, writer int) uint64 {
	v, err := s.Get(crashHead(writer))
	if err != nil {
		require.ErrorIs(t, err, icn.ErrNotFound)
		return 0
	}
	return binary.BigEndian.Uint64(v)
}

// writeUntilKilled goes on where the last process was killed, and prints each
// durable batch once it is acknowledged.
func writeUntilKilled(t *testing.T, s store.Store) {
	var crowd sync.WaitGroup
	for w := range crashWriters {
		n := head(t, s, w)
		crowd.Go(func() {
			for {
				n++
				b := crashBatch(w, n)
				if err := s.Apply(b); err != nil {
					fmt.Printf("failed %v\n", err)
					return
				}
				if !b.Relaxed {
					fmt.Printf("stored %d %d\n", w, n) // one write(2), so never mixed
				}
			}
		})
	}
	crowd.Wait()
}

// killed starts this test again as a process that writes, kills it in the
// middle, and looks at what it left. Each round goes on in the same folder.
func killed(t *testing.T, open Opener) {
	dir := t.TempDir()
	acknowledged := make([]uint64, crashWriters)
	for round := range crashRounds {
		wanted := 20 + rand.IntN(150)
		killAfter(t, dir, wanted, acknowledged)
		s := open(t, dir)
		heads := make([]uint64, crashWriters)
		for w := range crashWriters {
			heads[w] = head(t, s, w)
			require.GreaterOrEqual(t, heads[w], acknowledged[w], "round %d: writer %d lost acknowledged batches", round, w)
		}
		wholeAfterCrash(t, s, heads)
		require.NoError(t, s.Close())
	}
}

// killAfter runs the writer, kills it once it has acknowledged so many batches,
// and notes the highest one of each writer, those included that it could still
// acknowledge before the signal came.
func killAfter(t *testing.T, dir string, wanted int, acknowledged []uint64) {
	name, _, _ := strings.Cut(t.Name(), "/")
	child := exec.Command(os.Args[0], "-test.run=^"+regexp.QuoteMeta(name)+"$", "-test.count=1")
	child.Env = append(os.Environ(), writerDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	lines, count := bufio.NewReader(out), 0
	for {
		line, err := lines.ReadString('\n') // the last one may be cut; then it does not count
		if err != nil {
			break
		}
		var w int
		var n uint64
		if _, err := fmt.Sscanf(line, "stored %d %d\n", &w, &n); err != nil {
			_ = child.Process.Kill()
			t.Errorf("the writer says: %s", line)
			continue
		}
		acknowledged[w] = max(acknowledged[w], n)
		if count++; count == wanted {
			require.NoError(t, child.Process.Kill()) // SIGKILL
		}
	}
	require.Error(t, child.Wait(), "the writer ended before it was killed")
	require.GreaterOrEqual(t, count, wanted)
}

// wholeAfterCrash wants exactly the batches up to each writer's head: all of
// their rows, and nothing else. Relaxed batches are not lost before later ones.
func wholeAfterCrash(t *testing.T, s store.Store, heads []uint64) {
	want := uint64(0)
	for w, last := range heads {
		want += last * crashRows
		if last > 0 {
			require.Equal(t, []string{string(crashNote(w, last)), ""}, pairs(t, s, store.Prefix(fmt.Appendf(nil, "note/%d/", w))))
		}
	}
	rows, bad := uint64(0), ""
	require.NoError(t, s.Scan(store.Prefix([]byte("row/")), func(k, v []byte) bool {
		var w, row int
		var n uint64
		_, err := fmt.Sscanf(string(k), "row/%d/%d/%d", &w, &n, &row)
		rows++
		if err != nil || n > heads[w] || !bytes.Equal(v, crashBatch(w, n).Writes[row].Value) {
			bad = string(k)
		}
		return bad == ""
	}))
	require.Empty(t, bad, "a row of a batch that is not whole, or of other bytes")
	require.Equal(t, want, rows, "rows are missing below the heads")
}

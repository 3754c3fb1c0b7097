package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/backup"
	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/store"
	"github.com/InterCooperative-Network/icn-core/store/memory"
	"github.com/InterCooperative-Network/icn-core/store/pebble"
	"github.com/InterCooperative-Network/icn-core/store/sqlite"
)

func verifyBatch(items []node.SigItem) []bool {
	in := make([]key.Item, len(items))
	for i, x := range items {
		in[i] = key.Item{Key: x.Key, Msg: x.Msg, Sig: x.Sig}
	}
	return key.VerifyBatch(in)
}

var checker = node.Checker{Verify: key.Verify, VerifyBatch: verifyBatch}

// coop is a node with something in it.
type coop struct {
	pair key.Pair
	st   store.Store
	dag  *dag.DAG
	node *node.Node
	stop func()
}

func start(t testing.TB, st store.Store, pair key.Pair) *coop {
	t.Helper()
	d, err := dag.Open(st, dag.Options{})
	require.NoError(t, err)
	n := node.New(node.Config{Key: pair, Store: st, Blocks: d, Verify: key.Verify, VerifyBatch: verifyBatch,
		Runner: func(_ context.Context, r node.Run) (node.Output, error) {
			return node.Output{Stdout: []byte(strings.Join(r.Job.Spec.Args, " ")), Receipt: icn.JobReceipt{Outcome: icn.Outcome{Gas: 1}, ABI: 1}}, nil
		},
		Rules: icn.DefaultRules(), Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() { _ = n.Run(ctx) })
	for n.State() != "running" {
		time.Sleep(time.Millisecond)
	}
	return &coop{pair, st, d, n, func() { cancel(); wait.Wait() }}
}

func newCoop(t testing.TB) *coop {
	t.Helper()
	pair, err := key.Generate()
	require.NoError(t, err)
	c := start(t, memory.New(), pair)
	for i := range 5 {
		c.job(t, fmt.Sprint(i))
	}
	c.add(t, 3_000_000, 1)
	return c
}

func (c *coop) job(t testing.TB, word string) {
	t.Helper()
	id, _, err := c.node.PostJob(t.Context(), icn.JobSpec{Module: icn.SumCID(icn.Raw, []byte("m")), Args: []string{word}}, 50)
	require.NoError(t, err)
	_, err = c.node.WaitJob(t.Context(), id)
	require.NoError(t, err)
}

// add stores and pins a file that does not shrink.
func (c *coop) add(t testing.TB, size int, seed uint64) icn.CID {
	t.Helper()
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = r.Read(b)
	a, err := c.dag.Add(t.Context(), bytes.NewReader(b))
	require.NoError(t, err)
	require.NoError(t, c.dag.Pin(t.Context(), a.CID, 0))
	return a.CID
}

func (c *coop) from(t testing.TB, after backup.Point) backup.From {
	t.Helper()
	h, err := c.node.History(t.Context())
	require.NoError(t, err)
	return backup.From{History: h, Blocks: c.dag, Signer: c.pair, After: after}
}

func (c *coop) toFile(t testing.TB, path string, after backup.Point) backup.Manifest {
	t.Helper()
	to, err := backup.NewFile(path)
	require.NoError(t, err)
	m, err := backup.Make(t.Context(), c.from(t, after), to)
	require.NoError(t, err)
	return m
}

func sources(t testing.TB, paths ...string) (out []backup.Source) {
	t.Helper()
	for _, p := range paths {
		s, err := backup.Sources(p)
		require.NoError(t, err)
		out = append(out, s...)
	}
	return out
}

// contents lists a store's blocks.
func contents(t testing.TB, s store.Store) map[icn.CID]string {
	t.Helper()
	d, err := dag.Open(s, dag.Options{})
	require.NoError(t, err)
	out := map[icn.CID]string{}
	require.NoError(t, d.Each(func(x dag.Stored) error { out[x.CID] = string(x.Data); return nil }))
	return out
}

func empty(t testing.TB, s store.Store) {
	t.Helper()
	require.NoError(t, s.Scan(store.Range{}, func(k, _ []byte) bool { t.Errorf("%q is left", k); return false }))
}

func TestBackupBringsEverythingBackIntoAnyStore(t *testing.T) {
	c := newCoop(t)
	path := filepath.Join(t.TempDir(), "b.tar.gz")
	m := c.toFile(t, path, backup.Point{})
	want := contents(t, c.st)
	require.EqualValues(t, len(want), m.Blocks)
	h, err := c.node.History(t.Context())
	require.NoError(t, err)
	c.stop()

	res, err := backup.Verify(t.Context(), sources(t, path), checker, nil)
	require.NoError(t, err)
	require.Equal(t, m.StateRoot, res.Manifest.StateRoot)
	dir := t.TempDir()
	for name, open := range map[string]func() (store.Store, error){
		"memory": func() (store.Store, error) { return memory.New(), nil },
		"pebble": func() (store.Store, error) { return pebble.Open(filepath.Join(dir, "pebble")) },
		"sqlite": func() (store.Store, error) { return sqlite.Open(filepath.Join(dir, "node.sqlite")) },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := open()
			require.NoError(t, err)
			_, err = backup.Restore(t.Context(), sources(t, path), backup.Into{Blocks: s, Checker: checker})
			require.NoError(t, err)
			require.Equal(t, want, contents(t, s))
			back, err := node.ReadHistory(s, key.Verify)
			require.NoError(t, err)
			require.NoError(t, back.Same(h))
			require.NoError(t, back.CheckDeep(t.Context(), checker))
			again := start(t, s, c.pair)
			again.job(t, "after the restore")
			pins, err := again.dag.Pins()
			require.NoError(t, err)
			require.Len(t, pins, 1)
			again.stop()
			_, err = backup.Restore(t.Context(), sources(t, path), backup.Into{Blocks: s, Checker: checker})
			require.ErrorIs(t, err, icn.ErrConflict, "into a store in use")
			require.NoError(t, s.Close())
		})
	}
}

func TestIncrementsFollowOneAnother(t *testing.T) {
	c := newCoop(t)
	dir := t.TempDir()
	at := func(i int) string { return filepath.Join(dir, fmt.Sprintf("%d.tar.gz", i)) }
	full := c.toFile(t, at(0), backup.Point{})
	c.job(t, "one")
	c.add(t, 300_000, 2)
	first := c.toFile(t, at(1), full.Reaches)
	require.Less(t, first.Blocks, full.Blocks)
	c.job(t, "two")
	c.add(t, 400_000, 3)
	second := c.toFile(t, at(2), first.Reaches)
	overlapping := c.toFile(t, at(3), full.Reaches)
	c.stop()
	want := contents(t, c.st)
	for _, chain := range [][]string{{at(0), at(1), at(2)}, {at(0), at(3)}, {at(0), at(1), at(3)}} {
		s := memory.New()
		res, err := backup.Restore(t.Context(), sources(t, chain...), backup.Into{Blocks: s, Checker: checker})
		require.NoError(t, err, "%v", chain)
		require.Equal(t, second.StateRoot, res.Manifest.StateRoot)
		require.Equal(t, want, contents(t, s))
	}
	require.Equal(t, overlapping.StateRoot, second.StateRoot)
	for _, chain := range [][]string{{at(1)}, {at(0), at(2)}, {at(0), at(0)}, {at(2), at(1)}} {
		s := memory.New()
		_, err := backup.Restore(t.Context(), sources(t, chain...), backup.Into{Blocks: s, Checker: checker})
		require.ErrorIs(t, err, icn.ErrInvalid, "%v", chain)
		empty(t, s)
	}
}

func TestFolderHoldsBackupsThatBelongTogether(t *testing.T) {
	c := newCoop(t)
	dir := t.TempDir()
	put := func(after backup.Point) backup.Manifest {
		to, err := backup.NewFolder(dir, time.Now())
		require.NoError(t, err)
		m, err := backup.Make(t.Context(), c.from(t, after), to)
		require.NoError(t, err)
		return m
	}
	full := put(backup.Point{})
	c.job(t, "later")
	put(full.Reaches)
	want := contents(t, c.st)
	c.stop()
	s := memory.New()
	_, err := backup.Restore(t.Context(), sources(t, dir), backup.Into{Blocks: s, Checker: checker})
	require.NoError(t, err)
	require.Equal(t, want, contents(t, s))
}

// TestEveryDamageIsFound: one byte changed, or cut off, anywhere.
func TestEveryDamageIsFound(t *testing.T) {
	c := newCoop(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "b.tar.gz")
	m := c.toFile(t, path, backup.Point{})
	c.stop()
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	bad := filepath.Join(dir, "bad.tar.gz")
	r := rand.New(rand.NewPCG(1, 2))
	harmless := 0
	for i := range 120 {
		b := bytes.Clone(whole)
		what := ""
		if i%4 == 0 {
			n := r.IntN(len(b))
			b, what = b[:n], fmt.Sprintf("cut off at %d", n)
		} else {
			n := r.IntN(len(b))
			if i%4 == 1 {
				n = len(b) - 1 - r.IntN(min(len(b), 4000)) // where the small members are
			}
			b[n] ^= 1 << r.IntN(8)
			what = fmt.Sprintf("byte %d changed", n)
		}
		require.NoError(t, os.WriteFile(bad, b, 0o600))
		s := memory.New()
		res, err := backup.Restore(t.Context(), sources(t, bad), backup.Into{Blocks: s, Checker: checker})
		if err == nil { // a byte of gzip's or tar's own that says nothing
			require.Equal(t, m.StateRoot, res.Manifest.StateRoot, what)
			require.Equal(t, m.Members, res.Manifest.Members, what)
			harmless++
			continue
		}
		require.ErrorIs(t, err, icn.ErrCorrupt, what)
		empty(t, s)
	}
	require.Less(t, harmless, 12)
}

// rewrite makes a folder backup, lets change work on it, and reads it again.
func rewrite(t *testing.T, c *coop, change func(dir string)) error {
	t.Helper()
	dir := t.TempDir()
	to, err := backup.NewFolder(dir, time.Now())
	require.NoError(t, err)
	_, err = backup.Make(t.Context(), c.from(t, backup.Point{}), to)
	require.NoError(t, err)
	found, err := filepath.Glob(filepath.Join(dir, "backup-*"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	change(found[0])
	s := memory.New()
	_, err = backup.Restore(t.Context(), sources(t, dir), backup.Into{Blocks: s, Checker: checker})
	if err != nil {
		empty(t, s)
	}
	return err
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	c := newCoop(t)
	defer c.stop()
	other := newCoop(t)
	defer other.stop()
	other.add(t, 100_000, 9)
	require.NoError(t, rewrite(t, c, func(string) {}))
	for name, x := range map[string]struct {
		change func(dir string)
		want   string
	}{
		"a missing member": {func(d string) { require.NoError(t, os.Remove(filepath.Join(d, "blocks/000001.car.gz"))) }, "blocks/000001.car is missing"},
		"a missing log":    {func(d string) { require.NoError(t, os.Remove(filepath.Join(d, "log/000001.entries.gz"))) }, "log/000001.entries is missing"},
		"no manifest":      {func(d string) { require.NoError(t, os.Remove(filepath.Join(d, "manifest.json.gz"))) }, "manifest.json: corrupt"},
		"a member too many": {func(d string) {
			copyFile(t, filepath.Join(d, "blocks/000001.car.gz"), filepath.Join(d, "blocks/000009.car.gz"))
		}, "blocks/000009.car does not belong to it"},
		"another's manifest": {func(d string) { swap(t, other, d, "manifest.json.gz") }, "manifest.json"},
		"another's log":      {func(d string) { swap(t, other, d, "log/000001.entries.gz") }, "log/000001.entries is not the one"},
		"another's pins":     {func(d string) { swap(t, other, d, "pins.json.gz") }, "pins.json is not the one"},
	} {
		err := rewrite(t, c, x.change)
		require.Error(t, err, name)
		require.ErrorContains(t, err, x.want, name)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, b, 0o600))
}

// swap puts another node's member in the place of ours.
func swap(t *testing.T, other *coop, dir, member string) {
	t.Helper()
	require.NoError(t, rewrite(t, other, func(d string) { copyFile(t, filepath.Join(d, member), filepath.Join(dir, member)) }))
}

// fails is a target whose disk is full after a while.
type fails struct {
	backup.Target
	left      int
	abandoned bool
}

var errFull = errors.New("no space left on device")

func (f *fails) Write(name string, b []byte) error {
	if f.left -= len(b); f.left < 0 {
		return errFull
	}
	return nil
}
func (f *fails) Abandon() error { f.abandoned = true; return nil }

func TestFailedBackupLeavesNothing(t *testing.T) {
	c := newCoop(t)
	defer c.stop()
	for _, room := range []int{0, 100, 2_000_000} {
		f := &fails{Target: backup.NewStream(nil), left: room}
		_, err := backup.Make(t.Context(), c.from(t, backup.Point{}), f)
		require.ErrorIs(t, err, errFull)
		require.True(t, f.abandoned)
	}
	dir := t.TempDir()
	to, err := backup.NewFile(filepath.Join(dir, "b.tar.gz"))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = backup.Make(ctx, c.from(t, backup.Point{}), to)
	require.ErrorIs(t, err, context.Canceled)
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestRottenBlockIsFoundWhenTheBackupIsMade(t *testing.T) {
	c := newCoop(t)
	defer c.stop()
	b := &store.Batch{}
	k := append([]byte("b/"), icn.SumCID(icn.Raw, []byte("good")).KeyString()...)
	b.Put(k, append(make([]byte, 16), "rotten"...))
	require.NoError(t, c.st.Apply(b))
	_, err := backup.Make(t.Context(), c.from(t, backup.Point{}), backup.NewStream(new(bytes.Buffer)))
	require.ErrorIs(t, err, icn.ErrCorrupt)
	require.ErrorContains(t, err, "verify --deep")
}

// TestOrdinaryToolsReadIt: tar and gzip as everybody has them.
func TestOrdinaryToolsReadIt(t *testing.T) {
	c := newCoop(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "b.tar.gz")
	m := c.toFile(t, path, backup.Point{})
	c.stop()
	out, err := exec.Command("tar", "-tzf", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	lines := strings.Fields(string(out))
	require.Len(t, lines, len(m.Members)+1)
	require.Equal(t, "head.json", lines[0])
	require.Equal(t, "manifest.json", lines[len(lines)-1])
	cmd := exec.Command("tar", "-xzf", path)
	cmd.Dir = dir
	out, err = cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	f, err := os.Open(filepath.Join(dir, "blocks/000001.car"))
	require.NoError(t, err)
	defer f.Close()
	d, err := dag.Open(memory.New(), dag.Options{})
	require.NoError(t, err)
	got, err := d.Import(t.Context(), f)
	require.NoError(t, err)
	require.EqualValues(t, m.Members[1].Items, got.Blocks)
}

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// rounds is how often something is cut off: few times, or ICN_ROUNDS times.
func rounds(t *testing.T, few int) int {
	t.Helper()
	if s := os.Getenv("ICN_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		require.NoError(t, err)
		return n
	}
	return few
}

// yard is a folder in which programs are started and cut off.
type yard struct {
	*testing.T
	dir  string
	rand *rand.Rand
}

func newYard(t *testing.T) *yard {
	if testing.Short() {
		t.Skip("it takes a while")
	}
	return &yard{t, t.TempDir(), rand.New(rand.NewPCG(seed(t), 1))}
}

// seed is what a test's choices follow from: ICN_SEED, or another one each time.
func seed(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("ICN_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("ICN_SEED=%d", seed)
	return seed
}

func (y *yard) command(name string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	var out bytes.Buffer
	c := exec.Command(filepath.Join(built, name), args...)
	c.Dir, c.Stdout, c.Stderr = y.dir, &out, &out
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + y.dir}
	return c, &out
}

// must runs a program that must end well.
func (y *yard) must(args ...string) string {
	y.Helper()
	c, out := y.command("icn-cli", args...)
	require.NoError(y, c.Run(), "%v: %s", args, out)
	return out.String()
}

// cut runs a program and cuts it off after a while, if it has not ended.
func (y *yard) cut(after time.Duration, args ...string) (ended bool, out string) {
	y.Helper()
	c, b := y.command("icn-cli", args...)
	require.NoError(y, c.Start())
	timer := time.AfterFunc(after, func() { _ = c.Process.Kill() }) // it may have ended
	err := c.Wait()
	timer.Stop()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != -1) {
		y.Fatalf("%v ended by itself: %v: %s", args, err, b)
	}
	return err == nil, b.String()
}

// running is a node of the yard.
type running struct {
	cmd *exec.Cmd
	out *bytes.Buffer
	api *client.Client
}

func (y *yard) node(args ...string) *running {
	y.Helper()
	addr := filepath.Join(y.dir, "addr")
	_ = os.Remove(addr) // of a former life
	c, out := y.command("icn-node", append(args, "--http-listen-addr", "127.0.0.1:0", "--addr-file", addr)...)
	require.NoError(y, c.Start())
	n := &running{cmd: c, out: out}
	for {
		b, err := os.ReadFile(addr)
		if url, ok := strings.CutPrefix(string(b), "API "); err == nil && ok {
			url, _, _ = strings.Cut(url, "\n")
			n.api, err = client.New(url, client.Options{})
			require.NoError(y, err)
			if _, err := n.api.Ready(context.Background()); err == nil {
				return n
			}
		}
		if n.cmd.ProcessState == nil && n.cmd.Process.Signal(nil) != nil && errors.Is(n.cmd.Process.Signal(nil), os.ErrProcessDone) {
			y.Fatalf("the node ended: %s", out)
		}
		time.Sleep(5 * time.Millisecond) // the test as a whole is bounded
	}
}

func (n *running) kill() {
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait() // of a signal
}

// TestPowerCutsWhileWriting: whatever a node has acknowledged is there after it
// was killed, in mid-write or not.
func TestPowerCutsWhileWriting(t *testing.T) {
	for _, backend := range []string{"pebble", "sqlite"} {
		t.Run(backend, func(t *testing.T) {
			y := newYard(t)
			args := []string{"--storage-backend", backend, "--storage-path", filepath.Join(y.dir, "store")}
			var acked sync.Map // CID → content
			var height uint64  // of the last statement that was acknowledged
			for round := range rounds(t, 3) {
				n := y.node(args...)
				acked.Range(func(c, content any) bool {
					b, err := n.api.DagGet(t.Context(), c.(icn.CID))
					require.NoError(t, err, "round %d: an acknowledged block is lost: %s", round, n.out)
					require.Equal(t, content, string(b))
					return true
				})
				s, err := n.api.Status(t.Context())
				require.NoError(t, err)
				require.GreaterOrEqual(t, s.Height, height, "round %d: an acknowledged statement is lost", round)
				ctx, stop := context.WithCancel(t.Context())
				var work sync.WaitGroup
				for w := range 4 {
					work.Go(func() {
						for i := 0; ctx.Err() == nil; i++ {
							content := fmt.Sprintf("%d %d %d %s", round, w, i, strings.Repeat("x", i%3000))
							c, err := n.api.DagPut(ctx, []byte(content), client.Put{})
							if err != nil {
								return
							}
							acked.Store(c, content)
						}
					})
				}
				work.Go(func() {
					for ctx.Err() == nil {
						pair, err := key.Generate()
						require.NoError(t, err)
						s, err := n.api.FederationMembers(ctx, wire.Member{DID: pair.DID(), Role: icn.RolePerson, Name: "somebody"})
						if err != nil {
							return
						}
						height = max(height, s.Index)
					}
				})
				time.Sleep(time.Duration(y.rand.IntN(400)) * time.Millisecond) // the moment of the cut
				n.kill()
				stop()
				work.Wait()
			}
			require.Contains(t, y.must(append([]string{"dag", "verify", "--deep", "--stopped"}, args...)...), "leads to the state")
			count := 0
			acked.Range(func(any, any) bool { count++; return true })
			t.Logf("%d blocks were acknowledged, and %d entries, and are there", count, height)
			require.Positive(t, count)
		})
	}
}

// full makes a store with so many bytes of content, and returns its place.
func (y *yard) full(backend string, size int) (args []string) {
	y.Helper()
	path := filepath.Join(y.dir, "full-"+backend)
	args = []string{"--storage-backend", backend, "--storage-path", path, "--key-path", filepath.Join(y.dir, "key")}
	n := y.node(args...)
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(content)
	a, err := n.api.DagAdd(y.Context(), bytes.NewReader(content))
	require.NoError(y, err)
	_, err = n.api.DagPin(y.Context(), a.CID, 0)
	require.NoError(y, err)
	require.NoError(y, n.cmd.Process.Signal(os.Interrupt))
	require.NoError(y, n.cmd.Wait(), n.out)
	return args
}

// times runs a program to its end, and cuts it off so many times at moments that
// are spread over as long as it takes.
func (y *yard) times(n int, again func(), args ...string) (cut int) {
	y.Helper()
	began := time.Now()
	y.must(args...)
	took := time.Since(began)
	for range n {
		again()
		if ended, _ := y.cut(time.Duration(y.rand.Int64N(int64(took))), args...); !ended {
			cut++
		}
	}
	return cut
}

var stateRoot = regexp.MustCompile(`State root +([0-9a-f]{64})`)

func (y *yard) root(out string) string {
	y.Helper()
	m := stateRoot.FindStringSubmatch(out)
	require.Len(y, m, 2, out)
	return m[1]
}

// TestPowerCutsWhileBackingUp: what has the name of a backup is one.
func TestPowerCutsWhileBackingUp(t *testing.T) {
	y := newYard(t)
	store := y.full("pebble", 40<<20)
	file, folder := filepath.Join(y.dir, "b.tar.gz"), filepath.Join(y.dir, "folder")
	for _, to := range [][]string{{"--output", file}, {"--path", folder}} {
		args := append(append([]string{"dag", "backup", "--stopped"}, store...), to...)
		check := func() {
			found, err := filepath.Glob(filepath.Join(folder, "backup-*"))
			require.NoError(t, err)
			if _, err := os.Stat(file); err == nil {
				found = append(found, file)
			}
			for _, b := range found {
				y.must("dag", "verify", "--input", b)
			}
			require.NoError(t, os.RemoveAll(to[1]))
		}
		cut := y.times(rounds(t, 4), check, args...)
		check()
		y.must(args...)
		check()
		t.Logf("%v: cut off %d times", to, cut)
	}
}

// TestPowerCutsWhileRestoring: a store that is half restored is no node's, and
// restoring again ends well.
func TestPowerCutsWhileRestoring(t *testing.T) {
	for _, backend := range []string{"pebble", "sqlite"} {
		t.Run(backend, func(t *testing.T) {
			y := newYard(t)
			file, into := filepath.Join(y.dir, "b.tar.gz"), filepath.Join(y.dir, "into")
			want := y.root(y.must(append([]string{"dag", "backup", "--output", file, "--stopped"}, y.full("pebble", 40<<20)...)...))
			target := []string{"--storage-backend", backend, "--storage-path", into, "--key-path", filepath.Join(y.dir, "key")}
			args := append([]string{"dag", "restore", "--input", file}, target...)
			first := true
			cut := y.times(rounds(t, 4), func() {
				y.halfOrWhole(target, want, !first)
				first = false
				y.clear(into)
			}, args...)
			y.halfOrWhole(target, want, true)
			if !y.whole(target) {
				y.must(args...) // over what the last cut has left
			}
			require.Equal(t, want, y.root(y.must(append([]string{"dag", "verify", "--deep", "--stopped"}, target...)...)))
			t.Logf("cut off %d times", cut)
		})
	}
}

func (y *yard) clear(into string) {
	y.Helper()
	left, err := filepath.Glob(into + "*")
	require.NoError(y, err)
	for _, p := range left {
		require.NoError(y, os.RemoveAll(p))
	}
}

func (y *yard) whole(target []string) bool {
	c, _ := y.command("icn-cli", append([]string{"dag", "verify", "--stopped"}, target...)...)
	return c.Run() == nil
}

// halfOrWhole looks at what a cut has left: everything, or something that no node
// starts from, which says what to do.
func (y *yard) halfOrWhole(target []string, want string, wasCut bool) {
	y.Helper()
	if y.whole(target) {
		require.Equal(y, want, y.root(y.must(append([]string{"dag", "verify", "--deep", "--stopped"}, target...)...)))
		return
	}
	require.True(y, wasCut)
	if _, err := os.Stat(target[3]); err != nil {
		return // it had not begun
	}
	c, out := y.command("icn-cli", append([]string{"dag", "verify", "--stopped"}, target...)...)
	require.Error(y, c.Run())
	require.Regexp(y, "was not finished|holds no federation", out.String(), "half a store")
}

// TestPowerCutsWhileMigrating: the same for a copy from store to store, which goes
// on where it was.
func TestPowerCutsWhileMigrating(t *testing.T) {
	for _, backend := range []string{"pebble", "sqlite"} {
		t.Run(backend, func(t *testing.T) {
			y := newYard(t)
			from := map[string]string{"pebble": "sqlite", "sqlite": "pebble"}[backend]
			store := y.full(from, 40<<20)
			want := y.root(y.must(append([]string{"dag", "verify", "--stopped"}, store...)...))
			into := filepath.Join(y.dir, "into")
			target := []string{"--storage-backend", backend, "--storage-path", into, "--key-path", filepath.Join(y.dir, "key")}
			args := []string{"storage", "migrate", "--from", from + ":" + store[3], "--to", backend + ":" + into}
			resumed := 0
			cut := y.times(rounds(t, 4), func() {
				y.halfOrWhole(target, want, true)
				if y.whole(target) || y.rand.IntN(2) == 0 {
					y.clear(into)
				} else {
					resumed++
				}
			}, args...)
			y.must(args...)
			require.Equal(t, want, y.root(y.must(append([]string{"dag", "verify", "--deep", "--stopped"}, target...)...)))
			t.Logf("cut off %d times, %d times gone on from there", cut, resumed)
		})
	}
}

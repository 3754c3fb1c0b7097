package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// release builds this source as another release, which speaks another protocol.
func release(t *testing.T, name string, protocol int) (dir string) {
	t.Helper()
	dir = filepath.Join(built, name)
	const module = "github.com/InterCooperative-Network/icn-core"
	set := fmt.Sprintf("-X %s/launch.Release=%s -X %s/p2p.protocolNumber=%d", module, name, module, protocol)
	require.NoError(t, build(nil, "-ldflags", set, "-o", dir+string(os.PathSeparator), "../cmd/icn-node"))
	return dir
}

// previousRelease is the commit of the release before this one, which nodes of this
// one must work with. It moves when a release is made.
const previousRelease = "testdata/previous-release.txt"

// previous builds the release before this one, from the history of this source.
func previous(t *testing.T) (dir string) {
	t.Helper()
	b, err := os.ReadFile(previousRelease)
	require.NoError(t, err)
	commit := strings.TrimSpace(string(b))
	src, dir := t.TempDir(), filepath.Join(built, "previous")
	tree := exec.Command("sh", "-c", `git -C .. archive "$1" | tar -x -C "$2"`, "sh", commit, src)
	if out, err := exec.Command("git", "-C", "..", "cat-file", "-e", commit+"^{commit}").CombinedOutput(); err != nil {
		const why = "the history of this source does not have %s, the release before this one: %v: %s"
		if os.Getenv("CI") != "" {
			t.Fatalf(why+" (a shallow clone? fetch all of it)", commit, err, out)
		}
		t.Skipf(why, commit, err, out)
	}
	out, err := tree.CombinedOutput()
	require.NoError(t, err, "%s", out)
	cmd := exec.Command("go", "build", "-o", dir+string(os.PathSeparator), "./cmd/icn-node")
	cmd.Dir, cmd.Env = src, append(os.Environ(), "CGO_ENABLED=0")
	out, err = cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return dir
}

// upgrade ends a node in order and starts it with another release's program.
func (v *vessel) upgrade(dir string) {
	v.f.Helper()
	require.NoError(v.f, v.cmd.Process.Signal(os.Interrupt))
	require.NoError(v.f, v.cmd.Wait())
	v.program = filepath.Join(dir, "icn-node")
	v.start()
	v.ready()
}

// TestNeighbouringReleasesAreOneFederation: nodes of a release and the next one
// work together, take a third one in, which becomes a clerk, and are upgraded one
// at a time while jobs run. The release after the next is refused, and both sides
// say what to do.
func TestNeighbouringReleasesAreOneFederation(t *testing.T) {
	next, afterNext := release(t, "next", 2), release(t, "after-next", 3)
	mixedReleases(t, built, next)
	t.Run("the one after the next is refused", func(t *testing.T) {
		f := newFleet(t, 2, loopback{})
		late := f.nodes[1]
		require.NoError(t, late.cmd.Process.Signal(os.Interrupt))
		require.NoError(t, late.cmd.Wait())
		late.program = filepath.Join(afterNext, "icn-node")
		late.start()
		late.answers()
		f.until("both say which release to upgrade", func() bool {
			return strings.Contains(f.link(f.nodes[0], late).Error, "upgrade this node, release by release") &&
				strings.Contains(f.link(late, f.nodes[0]).Error, "this node speaks protocols 2 to 3, the other protocol 1; only neighbouring releases understand each other: upgrade it")
		})
	})
}

// TestPreviousReleaseIsOneFederationWithThisOne is the same with the release before
// this one, built from its own source.
func TestPreviousReleaseIsOneFederationWithThisOne(t *testing.T) {
	mixedReleases(t, previous(t), built)
}

func mixedReleases(t *testing.T, old, new string) {
	f := newFleetOf(t, 2, loopback{}, filepath.Join(old, "icn-node"))
	a, b := f.nodes[0], f.nodes[1]
	b.upgrade(new)
	f.join(a, 1)
	c := f.nodes[2]
	c.ready()
	f.until("all three are clerks and linked", func() bool { return f.clerks() == 3 && f.together(f.nodes) })
	f.load()
	ran := map[icn.DID]bool{}
	f.until("a job of the old release's node ran on the new one's, and the other way round", func() bool {
		for _, v := range []*vessel{a, b} {
			if j := v.ended(v.offer(f.job())); j.Receipt != nil {
				ran[j.Receipt.Executor] = true
			}
		}
		return ran[a.did] && ran[b.did]
	})
	l := newLedger()
	stop := f.storm(l, f.nodes)
	for _, v := range []*vessel{c, a} {
		v.upgrade(new)
		f.until("all are linked again", func() bool { return f.together(f.nodes) })
	}
	stop()
	f.checkJobs(l)
	f.level(f.nodes)
	require.NotZero(t, l.count("applied"))
}

// clerks is how many there are, as the first node tells.
func (f *fleet) clerks() (n int) {
	f.Helper()
	fed, err := f.nodes[0].api.Load().FederationStatus(f.Context())
	require.NoError(f, err)
	for _, x := range fed.Nodes {
		if x.Clerk {
			n++
		}
	}
	return n
}

// link is what one node tells of another.
func (f *fleet) link(from, to *vessel) node.Link {
	f.Helper()
	links, err := from.api.Load().NetworkPeers(f.Context())
	require.NoError(f, err)
	for _, l := range links {
		if l.DID == to.did {
			return l
		}
	}
	f.Fatalf("%s knows nothing of %s", from.name, to.name)
	return node.Link{}
}

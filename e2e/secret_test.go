package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

const secretPassphrase = "of the Secret, sealed"

// secret is a folder as Kubernetes mounts a Secret: its files are links into one that
// is exchanged at once when the Secret is, and no process can write there.
type secret struct {
	*testing.T
	dir   string
	put   int
	files map[string][]byte
}

func (s *secret) path(name string) string { return filepath.Join(s.dir, name) }

// apply is what kubectl apply does: from here on the Secret holds these files.
func (s *secret) apply(files map[string][]byte) {
	s.Helper()
	require.NoError(s, os.Chmod(s.dir, 0o700))
	s.put++
	data := fmt.Sprintf("..%d", s.put)
	require.NoError(s, os.Mkdir(s.path(data), 0o700))
	for name, b := range files { // order: each is by itself
		require.NoError(s, os.WriteFile(s.path(data+"/"+name), b, 0o400))
		if s.files[name] == nil {
			require.NoError(s, os.Symlink("..data/"+name, s.path(name)))
		}
	}
	require.NoError(s, os.Symlink(data, s.path("..new")))
	require.NoError(s, os.Rename(s.path("..new"), s.path("..data")))
	for name := range s.files { // order: each is by itself
		if files[name] == nil {
			require.NoError(s, os.Remove(s.path(name)))
		}
	}
	require.NoError(s, os.Chmod(s.dir, 0o500))
	s.files = files
}

// mount has a process see the folder as one that cannot be written. Its mode does not
// keep root from writing; a mount of its own does.
func (s *secret) mount(cmd *exec.Cmd) {
	s.Helper()
	cmd.Env = append(cmd.Env, "ICN_KEY_PASSPHRASE="+secretPassphrase)
	if os.Geteuid() != 0 {
		return
	}
	unshare, err := exec.LookPath("unshare")
	require.NoError(s, err)
	cmd.Args = append([]string{unshare, "--mount", "--propagation", "private", "sh", "-ec",
		`mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"; exec "$@"`, s.dir, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = unshare
}

// run runs icn-cli on this side of the mount.
func (d *deployment) run(at *pod, args ...string) (out string, code int) {
	d.Helper()
	cmd := exec.Command(filepath.Join(built, "icn-cli"), args...)
	cmd.Env = []string{"HOME=" + d.dir, "ICN_KEY_PASSPHRASE=" + secretPassphrase, "ICN_API_URL=" + at.api.URL(), "ICN_API_KEY=rollout"}
	b, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		require.NoError(d, err)
	}
	d.Logf("icn-cli %s: exit code %d\n%s", strings.Join(args, " "), cmd.ProcessState.ExitCode(), b)
	return string(b), cmd.ProcessState.ExitCode()
}

// strange starts a process that must end by itself, and say what to do about its key.
func (d *deployment) strange() {
	d.Helper()
	p := d.start()
	d.Cleanup(func() { _ = p.cmd.Process.Kill() }) // if it does not end
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	d.until(p.name+" has ended", func() bool { return len(ended) > 0 })
	b, err := os.ReadFile(p.log)
	require.NoError(d, err)
	require.Equal(d, 1, p.cmd.ProcessState.ExitCode(), "%s", b)
	require.Contains(d, string(b), "was replaced by")
	require.Contains(d, string(b), "put it at "+d.secret.path("node.key")+" (on Kubernetes: into the Secret)")
	d.Logf("%s", b)
}

// restart is kubectl rollout restart.
func (d *deployment) restart(w *written) {
	d.Helper()
	old := slices.Clone(d.pods)
	for range old {
		d.replace(w, func() *pod { return d.next(old) })
	}
}

// TestKeyRotationWithAMountedSecret rotates the key of a Deployment, where the key is
// in a Secret that no process can write, the way that docs/kubernetes.md tells, under
// load: DID and writes stay, the old key is refused, and whoever is left with only the
// old Secret ends and says what to do.
func TestKeyRotationWithAMountedSecret(t *testing.T) {
	d := newDeployment(t, "127.0.0.1", false)
	d.secret = &secret{T: t, dir: filepath.Join(d.dir, "identity")}
	require.NoError(t, os.Mkdir(d.secret.dir, 0o700))
	t.Cleanup(func() { _ = os.Chmod(d.secret.dir, 0o700) }) // else it could not be taken away
	first, err := key.Generate()
	require.NoError(t, err)
	mine := filepath.Join(d.dir, "node.key") // the operator's own copy
	require.NoError(t, key.SaveSealed(mine, first, secretPassphrase))
	read := func(path string) []byte {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		return b
	}
	old := read(mine)
	d.secret.apply(map[string][]byte{"node.key": old})
	for range 3 {
		d.becomes(d.add())
	}
	before, err := d.pods[0].api.Keys(t.Context())
	require.NoError(t, err)
	require.Equal(t, first.DID(), before.DID)

	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	w := newWritten(d)
	work.Go(func() { w.blocks(ctx, 0) })
	work.Go(func() { w.statements(ctx) })
	work.Go(func() { w.reads(ctx) })

	// The node cannot make the key itself, and says who can.
	out, code := d.run(d.pods[1], "keys", "rotate")
	require.Equal(t, 7, code)
	require.Contains(t, out, "icn-cli keys prepare node.key")
	now, err := d.pods[2].api.Keys(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, now)

	// Both keys are mounted before anything is said.
	_, code = d.run(d.pods[0], "keys", "prepare", mine)
	require.Zero(t, code)
	d.secret.apply(map[string][]byte{"node.key": old, "node.key.next": read(mine + ".next")})
	d.restart(w)
	next, err := key.LoadSealed(mine+".next", secretPassphrase)
	require.NoError(t, err)
	require.Equal(t, first.DID(), next.DID())
	require.NotEqual(t, first.Public(), next.Public())

	_, code = d.run(d.pods[1], "health", "--wait", "60s")
	require.Zero(t, code)
	out, code = d.run(d.pods[1], "keys", "rotate")
	require.Zero(t, code)
	require.Contains(t, out, "goes on with its new key")
	require.Contains(t, out, d.secret.path("node.key.next"))
	for _, p := range d.pods {
		d.becomes(p)
	}
	d.goesOnWith(next, first)
	out, _ = d.run(d.pods[0], "doctor")
	require.Contains(t, out, "beside the old one")
	d.restart(w) // also before the Secret is put in order
	d.goesOnWith(next, first)

	// Whoever gets the old Secret is no standby, and the others go on.
	d.secret.apply(map[string][]byte{"node.key": old})
	d.strange()
	count := w.count()
	d.until("work goes on", func() bool { return w.count() > count+20 })

	// In order again.
	require.NoError(t, os.Rename(mine+".next", mine))
	d.secret.apply(map[string][]byte{"node.key": read(mine)})
	d.restart(w)
	d.goesOnWith(next, first)
	out, _ = d.run(d.pods[0], "doctor")
	require.NotContains(t, out, "beside the old one")
	require.NotContains(t, out, "not the one that this node works with")

	stop()
	work.Wait()
	require.Zero(t, d.failed.Load(), "requests that can be repeated failed")
	w.check()
	t.Logf("%d writes acknowledged, none lost; %d requests went to another process", w.count(), d.retried.Load())

	// Nor does one work alone with the old Secret.
	for len(d.pods) > 0 {
		d.stop(d.pods[0])
	}
	d.secret.apply(map[string][]byte{"node.key": old})
	d.strange()
	d.secret.apply(map[string][]byte{"node.key": read(mine)})
	d.becomes(d.add())
	d.goesOnWith(next, first)
}

// goesOnWith looks which key the node has, at each process, and that the one before it
// is good for nothing.
func (d *deployment) goesOnWith(now, before key.Pair) {
	d.Helper()
	for _, p := range d.pods {
		_, code := d.run(p, "health", "--wait", "90s") // another one may just take over
		require.Zero(d, code)
		d.until(p.name+" answers", func() bool {
			k, err := p.api.Keys(d.Context())
			if errors.Is(err, icn.ErrUnavailable) {
				return false
			}
			require.NoError(d, err)
			require.Equal(d, before.DID(), k.DID, "the DID stays")
			return key.PeerID(icn.DID(now.Public())) == k.PeerID
		})
	}
	i, err := d.pods[0].api.Info(d.Context())
	require.NoError(d, err)
	network, err := icn.ParseCID(i.Network)
	require.NoError(d, err)
	s := icn.Statement{Network: network, Author: before.DID(), Number: d.number(before.DID()), Ops: []icn.Op{icn.ManaSpend{Amount: 1, For: "room"}}}
	said := func(k key.Pair) error {
		s.Sig = [64]byte(k.Sign(s.SigningBytes()))
		_, err := d.pods[0].api.StatementSay(d.Context(), s.Encode())
		return err
	}
	refused := said(before)
	d.Logf("signed with the old key: %v", refused)
	require.ErrorIs(d, refused, icn.ErrDenied)
	if err := said(now); err != nil {
		require.NotEqual(d, refused.Error(), err.Error(), "it is not for its key that the old one's is refused")
	}
}

// number is one that an author has not used yet, some ahead of its last.
func (d *deployment) number(author icn.DID) uint64 {
	d.Helper()
	api := d.pods[0].api
	head, err := api.Status(d.Context())
	require.NoError(d, err)
	for at := head.Height; at > 0; at-- {
		e, err := api.LogEntry(d.Context(), at)
		require.NoError(d, err)
		if e.Statement != nil && e.Statement.Author == author {
			return e.Statement.Number + 500
		}
	}
	d.Fatal("it has said nothing")
	return 0
}

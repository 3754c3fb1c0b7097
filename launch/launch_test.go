package launch

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/examples"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
)

func alone(path string) config.Config {
	c := config.Default()
	c.Network.HTTPListenAddr = "127.0.0.1:0"
	c.Storage.Path, c.Identity.KeyPath = path, path+".key"
	return c
}

func inMemory() config.Config {
	c := config.TestMode()
	c.Network.HTTPListenAddr = "127.0.0.1:0"
	return c
}

// begin starts a node that is closed at the end of the test, and waits until it
// is ready.
func begin(t testing.TB, c config.Config) (*Running, *client.Client) {
	t.Helper()
	n, err := Start(t.Context(), c, Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	return n, reach(t, n)
}

func reach(t testing.TB, n *Running) *client.Client {
	t.Helper()
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	api, err := client.New(n.APIURL(), client.Options{HTTP: &http.Client{Transport: tr}})
	require.NoError(t, err)
	for {
		_, err = api.Ready(t.Context())
		if err == nil {
			return api
		}
		require.ErrorIs(t, err, icn.ErrUnavailable)
	}
}

func submit(t testing.TB, api *client.Client, module []byte, inputs ...[]byte) node.JobView {
	t.Helper()
	s := wire.Submit{Wait: wire.Duration(30 * time.Second)}
	var err error
	s.Module, err = api.DagPut(t.Context(), module, client.Put{})
	require.NoError(t, err)
	for _, in := range inputs {
		added, err := api.DagAdd(t.Context(), bytes.NewReader(in))
		require.NoError(t, err)
		s.Inputs = append(s.Inputs, added.CID)
	}
	sub, err := api.MeshSubmit(t.Context(), s)
	require.NoError(t, err)
	require.NotNil(t, sub.Job, "the job did not end in time")
	return *sub.Job
}

func TestInputsAreJoinedInOrderAndTheOutputIsStored(t *testing.T) {
	_, api := begin(t, inMemory())
	long := strings.Repeat("a longer text, over more than one chunk. ", 20_000)
	j := submit(t, api, examples.Tiny(), []byte("first, "), []byte(long), nil, []byte("last"))
	require.Equal(t, node.JobCompleted, j.State, "%+v", j.Failures)
	r, err := api.DagCat(t.Context(), *j.Receipt.Output)
	require.NoError(t, err)
	defer r.Close()
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, strings.ToUpper("first, "+long+"last"), string(got))
}

func TestWhatIsNoProgramIsTheJobsFault(t *testing.T) {
	n, api := begin(t, inMemory())
	id, err := api.DagPut(t.Context(), []byte("no program"), client.Put{})
	require.NoError(t, err)
	out, err := n.jobs.run(t.Context(), run(t, icn.JobSpec{Module: id}))
	require.NoError(t, err)
	require.Equal(t, icn.FaultModule, out.Receipt.Outcome.Fault)
	require.NotEmpty(t, out.Receipt.Message)
}

func TestAMissingBlockMeansNotRun(t *testing.T) {
	n, api := begin(t, inMemory())
	missing := icn.SumCID(icn.Raw, []byte("nobody has this"))
	_, err := n.jobs.run(t.Context(), run(t, icn.JobSpec{Module: missing}))
	require.ErrorIs(t, err, node.ErrNotRun)
	id, err := api.DagPut(t.Context(), examples.Tiny(), client.Put{})
	require.NoError(t, err)
	_, err = n.jobs.run(t.Context(), run(t, icn.JobSpec{Module: id, Inputs: []icn.CID{missing}}))
	require.ErrorIs(t, err, node.ErrNotRun)
	require.ErrorIs(t, err, icn.ErrNotFound)
}

func TestAStoppingNodeTakesNoJob(t *testing.T) {
	n, api := begin(t, inMemory())
	id, err := api.DagPut(t.Context(), examples.Tiny(), client.Put{})
	require.NoError(t, err)
	n.jobs.closing.Store(true)
	require.False(t, n.jobs.capable(icn.JobSpec{}))
	_, err = n.jobs.run(t.Context(), run(t, icn.JobSpec{Module: id}))
	require.ErrorIs(t, err, node.ErrNotRun)
}

// run is a job with the limits that the rules give.
func run(t *testing.T, s icn.JobSpec) node.Run {
	t.Helper()
	r := icn.DefaultRules()
	s.Limits = icn.JobLimits{Gas: r.JobGas, MemoryBytes: r.JobMemoryBytes, OutputBytes: r.JobOutputBytes, WallMillis: r.JobWallMillis, TableElements: 1000}
	out := node.Run{ID: icn.SumCID(icn.DagCBOR, []byte(t.Name())), Attempt: 1}
	out.Job.Spec = s
	return out
}

func TestTheSecondProcessIsToldWhoHasTheStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node")
	first, _ := begin(t, alone(path))
	_, err := Start(t.Context(), alone(path), Options{})
	require.ErrorIs(t, err, icn.ErrUnavailable)
	require.ErrorContains(t, err, "another icn-node uses it")
	require.NoError(t, first.Close())
	again, _ := begin(t, alone(path))
	require.Equal(t, first.DID(), again.DID())
}

func TestATakenAPIAddressIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	c := inMemory()
	c.Network.HTTPListenAddr = l.Addr().String()
	_, err = Start(t.Context(), c, Options{})
	require.ErrorContains(t, err, l.Addr().String())
	require.ErrorContains(t, err, "--http-listen-addr")
}

func TestStateKeyAndPeerIDSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	c := alone(filepath.Join(dir, "node"))
	c.Network.P2PEnabled, c.Network.P2PListenAddr = true, []string{"/ip4/127.0.0.1/tcp/0"}
	c.Federation.Name = "kept"
	n, api := begin(t, c)
	j := submit(t, api, examples.Tiny(), []byte("hello"))
	require.Equal(t, node.JobCompleted, j.State)
	before, err := api.Status(t.Context())
	require.NoError(t, err)
	peer := n.host.PeerID()
	require.NoError(t, n.Close())

	st, err := os.Stat(c.Identity.KeyPath)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), st.Mode().Perm())
	other, _ := begin(t, alone(filepath.Join(dir, "other")))
	require.NotEqual(t, n.DID(), other.DID(), "two nodes in one folder share a key")

	n, api = begin(t, c)
	after, err := api.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, peer, n.host.PeerID())
	require.Equal(t, before.Network, after.Network)
	require.GreaterOrEqual(t, after.Height, before.Height)
	require.Equal(t, before.Totals.Burnt, after.Totals.Burnt)
	kept, err := api.MeshJob(t.Context(), j.Job, 0)
	require.NoError(t, err)
	require.Equal(t, j.Receipt.Output, kept.Receipt.Output)
}

func TestAKeyThatIsToBeThereIsNotMade(t *testing.T) {
	c := alone(filepath.Join(t.TempDir(), "node"))
	c.Identity.GenerateNewKey = false
	_, err := Start(t.Context(), c, Options{})
	require.ErrorIs(t, err, icn.ErrNotFound)
	require.NoFileExists(t, c.Identity.KeyPath)
}

func TestAnUnusableBootstrapPeerIsAWarning(t *testing.T) {
	var log bytes.Buffer
	c := inMemory()
	c.Network.P2PEnabled, c.Network.P2PListenAddr = true, []string{"/ip4/127.0.0.1/tcp/0"}
	c.Network.BootstrapPeers = []string{"/ip4/10.0.1.100/tcp/7000/p2p/QmBootstrapPeerId"}
	n, err := Start(t.Context(), c, Options{Logs: OpenLogs(config.Logging{Level: "warn", Format: "json"}, &log)})
	require.NoError(t, err)
	reach(t, n)
	require.NoError(t, n.Close())
	require.Contains(t, log.String(), "QmBootstrapPeerId")
	require.Contains(t, log.String(), "founds one of its own")
}

func TestARunningJobEndsBeforeTheNodeStops(t *testing.T) {
	c := alone(filepath.Join(t.TempDir(), "node"))
	n, api := begin(t, c)
	long := bytes.Repeat([]byte("x"), 8<<20)
	input, err := api.DagAdd(t.Context(), bytes.NewReader(long))
	require.NoError(t, err)
	module, err := api.DagPut(t.Context(), examples.Tiny(), client.Put{})
	require.NoError(t, err)
	sub, err := api.MeshSubmit(t.Context(), wire.Submit{Module: module, Inputs: []icn.CID{input.CID}})
	require.NoError(t, err)
	for ev, err := range api.Events(t.Context(), wire.EventQuery{Job: &sub.JobID, Follow: true}) {
		require.NoError(t, err)
		if ev.Type == "JobAssigned" {
			break
		}
	}
	require.NoError(t, n.Close())
	_, api = begin(t, c)
	j, err := api.MeshJob(t.Context(), sub.JobID, 0)
	require.NoError(t, err)
	require.Equal(t, node.JobCompleted, j.State)
	require.Empty(t, j.Failures)
}

func TestSignaturesOfALargeBatchAreToldApart(t *testing.T) {
	pair, err := key.Generate()
	require.NoError(t, err)
	var items []node.SigItem
	var want []bool
	for i := range 101 {
		msg := []byte{byte(i)}
		sig := pair.Sign(msg)
		if good := i%17 != 3; !good {
			sig[5] ^= 1
		}
		items, want = append(items, node.SigItem{Key: pair.Public(), Msg: msg, Sig: sig}), append(want, i%17 != 3)
	}
	for _, n := range []int{0, 1, 15, 16, 33, 101} {
		require.Equal(t, want[:n], append([]bool{}, verifyBatch(items[:n])...), "%d signatures", n)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	before := goleak.IgnoreCurrent()
	c := alone(filepath.Join(t.TempDir(), "node"))
	c.Network.P2PEnabled, c.Network.P2PListenAddr = true, []string{"/ip4/127.0.0.1/tcp/0"}
	n, err := Start(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	require.NoError(t, n.Close())
	require.NoError(t, n.Close(), "closing twice")
	goleak.VerifyNone(t, before)
}

func TestWaitTellsWhatBroke(t *testing.T) {
	n, _ := begin(t, inMemory())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, n.Wait(ctx))
	require.NoError(t, n.socket.Close())
	require.Error(t, n.Wait(t.Context()))
}

func BenchmarkStartToReady(b *testing.B) {
	for _, p2p := range []bool{false, true} {
		b.Run(map[bool]string{false: "alone", true: "p2p"}[p2p], func(b *testing.B) {
			c := alone(filepath.Join(b.TempDir(), "node"))
			if p2p {
				c.Network.P2PEnabled, c.Network.P2PListenAddr = true, []string{"/ip4/127.0.0.1/tcp/0"}
			}
			for b.Loop() {
				n, err := Start(b.Context(), c, Options{})
				require.NoError(b, err)
				reach(b, n)
				b.StopTimer()
				require.NoError(b, n.Close())
				b.StartTimer()
			}
		})
	}
}

package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/key"
)

func devnetRun(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Main(t.Context(), append([]string{"devnet"}, args...), Streams{In: strings.NewReader(""), Out: &o, Err: &e, Getenv: func(string) string { return "" }})
	return code, o.String(), e.String()
}

// TestTheDevnetsComposeFileIsTheGeneratedOne: one template makes it for any number.
func TestTheDevnetsComposeFileIsTheGeneratedOne(t *testing.T) {
	committed, err := os.ReadFile(filepath.Join("..", "icn-devnet", "docker-compose.yml"))
	require.NoError(t, err)
	code, out, _ := devnetRun(t, "compose", "--nodes", "3")
	require.Zero(t, code)
	require.Equal(t, string(committed), out, "write it again: icn-cli devnet compose --nodes 3 > icn-devnet/docker-compose.yml")
	for _, want := range []string{`"127.0.0.1:5003:7845"`, `"127.0.0.1:4003:7000"`, "env_file: nodes/node-c.env"} {
		require.Contains(t, out, want)
	}
	_, out, _ = devnetRun(t, "compose", "--nodes", "20")
	require.Contains(t, out, "  icn-node-t:\n")
	require.Contains(t, out, `"127.0.0.1:5020:7845"`)
	require.NotContains(t, out, "icn-node-u")
	require.NotContains(t, out, "devnet-a-key", "a compose file holds no key")
}

// TestADevnetGrowsAndKeepsWhatItHas: generating again changes nothing but adds.
func TestADevnetGrowsAndKeepsWhatItHas(t *testing.T) {
	d := devnet{dir: t.TempDir(), Federation: "devnet", HTTPPort: 5001, P2PPort: 4001, MetricsPort: 9101}
	// No devnet of this machine may be asked for join codes.
	d.HTTPPort = 1
	require.NoError(t, d.generate(context.Background(), 1))
	was := d.Nodes[0]
	require.NoError(t, d.generate(context.Background(), 3))
	require.Len(t, d.Nodes, 3)
	require.Equal(t, was, d.Nodes[0])
	again, err := openDevnet(d.dir)
	require.NoError(t, err)
	require.Equal(t, d.Nodes, again.Nodes)
	codes := map[string]bool{}
	for i, n := range d.Nodes {
		p, err := key.Load(d.key(i))
		require.NoError(t, err)
		require.Equal(t, n.DID, p.DID())
		require.Equal(t, n.PeerID, key.PeerID(p.DID()))
		env, err := os.ReadFile(d.home(i) + ".env")
		require.NoError(t, err)
		require.Contains(t, string(env), "ICN_API_KEY=devnet-"+letter(i)+"-key\n")
		_, code, brings := strings.Cut(string(env), "ICN_JOIN_CODE=")
		require.Equal(t, i > 0, brings)
		codes[strings.SplitN(code, "\n", 2)[0]] = true
		if i > 0 {
			require.Contains(t, string(env), "/dns4/icn-node-a/tcp/7000/p2p/"+was.PeerID)
		}
	}
	require.Len(t, codes, 3, "each join code works once")
	targets, err := os.ReadFile(filepath.Join(d.dir, "prometheus", "targets", "nodes.json"))
	require.NoError(t, err)
	require.JSONEq(t, `[{"targets":["icn-node-a:9090"],"labels":{"node":"node-a","federation":"devnet"}},
		{"targets":["icn-node-b:9090"],"labels":{"node":"node-b","federation":"devnet"}},
		{"targets":["icn-node-c:9090"],"labels":{"node":"node-c","federation":"devnet"}}]`, string(targets))
}

// TestADevnetThatIsNotThereSaysHowToMakeIt: also one of too many nodes is refused.
func TestADevnetThatIsNotThereSaysHowToMakeIt(t *testing.T) {
	code, _, err := devnetRun(t, "list", "--to", t.TempDir())
	require.NotZero(t, code)
	require.Contains(t, err, "icn-cli devnet generate --nodes 3")
	code, _, err = devnetRun(t, "generate", "--nodes", "27", "--to", t.TempDir())
	require.Equal(t, 2, code)
	require.Contains(t, err, "from 1 to 26")
}

package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

func parse(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("icn-node", pflag.ContinueOnError)
	Flags(fs)
	require.NoError(t, fs.Parse(args))
	return fs
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func load(t *testing.T, env []string, args ...string) (Config, []string) {
	t.Helper()
	c, warnings, err := Load(Sources{Flags: parse(t, args...), Environ: env})
	require.NoError(t, err)
	return c, warnings
}

func problems(t *testing.T, env []string, args ...string) string {
	t.Helper()
	_, _, err := Load(Sources{Flags: parse(t, args...), Environ: env})
	require.ErrorIs(t, err, icn.ErrInvalid)
	return err.Error()
}

func TestFlagBeatsEnvironmentBeatsFileBeatsPreset(t *testing.T) {
	file := write(t, "c.toml", "[storage]\npath = \"from-file\"\n[network]\nmax_peers = 7\nconnection_timeout = 30\nhttp_listen_addr = \"127.0.0.1:1\"\n")
	c, _ := load(t, []string{"ICN_STORAGE_PATH=from-env", "ICN_HTTP_LISTEN_ADDR=127.0.0.1:2"}, "--config", file, "--http-listen-addr", "127.0.0.1:3")
	require.Equal(t, "127.0.0.1:3", c.Network.HTTPListenAddr)
	require.Equal(t, "from-env", c.Storage.Path)
	require.Equal(t, 7, c.Network.MaxPeers)
	require.Equal(t, 30, c.Network.ConnectionTimeout)
	require.Equal(t, 3, c.Mesh.JobRetryCount)
}

func TestAFlagThatWasNotGivenOverridesNothing(t *testing.T) {
	c, _ := load(t, nil, "--config", write(t, "c.toml", "[storage]\nbackend = \"memory\"\n[logging]\nlevel = \"debug\"\n"))
	require.Equal(t, "memory", c.Storage.Backend)
	require.Equal(t, "debug", c.Logging.Level)
}

func TestEnvironmentNamesWithUnderscoresInsideFindTheirKeys(t *testing.T) {
	c, w := load(t, []string{"ICN_NETWORK_FAILURE_THRESHOLD=9", "ICN_NETWORK_OPEN_TIMEOUT_SECS=8", "ICN_NETWORK_RETRY_INITIAL_DELAY_MS=7",
		"ICN_NETWORK_RETRY_MAX_DELAY_MS=600", "ICN_MESH_JOB_RETRY_COUNT=5"})
	require.Empty(t, w)
	require.Equal(t, []int{9, 8, 7, 600, 5}, []int{c.Network.FailureThreshold, c.Network.OpenTimeoutSecs, c.Network.RetryInitialDelayMS, c.Network.RetryMaxDelayMS, c.Mesh.JobRetryCount})
}

func TestEverythingWrongIsReportedAtOnceWithItsPlace(t *testing.T) {
	file := write(t, "c.toml", "[network]\nmax_peerz = 3\nhttp_listen_addr = 5\n[stoarge]\nbackend = \"memory\"\n")
	got := problems(t, []string{"ICN_NETWORK_FAILURE_THRESHOLD=many"}, "--config", file, "--log-level", "inof", "--storage-backend", "rocksd")
	for _, want := range []string{
		"unknown key network.max_peerz; did you mean network.max_peers?",
		"network.http_listen_addr", "want text in quotes, got 5",
		"unknown key stoarge.backend; did you mean storage.backend?",
		"environment ICN_NETWORK_FAILURE_THRESHOLD", "want a whole number, got many",
		`"inof" is none of debug, info, warn, error; did you mean info?`,
		`there is no "rocksd"`, "did you mean rocksdb?",
	} {
		require.Contains(t, got, want)
	}
}

func TestOneLayerThatSaysTwoThingsIsRefused(t *testing.T) {
	require.Contains(t, problems(t, []string{"ICN_API_KEY=a", "ICN_HTTP_API_KEY=b"}), "set twice, differently")
	load(t, []string{"ICN_API_KEY=a", "ICN_HTTP_API_KEY=a"})
	both := write(t, "c.toml", "[api]\nrequire_auth = true\napi_key = \"a\"\n[security]\nrequire_auth = false\n")
	require.Contains(t, problems(t, nil, "--config", both), "security.require_auth is set twice")
}

func TestSecretsComeFromFilesAndAreNeverPrinted(t *testing.T) {
	secret := write(t, "key", "s3cret\n")
	c, _ := load(t, []string{"ICN_API_KEY_FILE=" + secret, "ICN_JOIN_CODE_FILE=" + secret}, "--bootstrap-peers", "x")
	require.Equal(t, "s3cret", c.Security.APIKey)
	require.Equal(t, "s3cret", c.Federation.JoinCode)
	require.True(t, c.Security.RequireAuth)

	require.Contains(t, problems(t, []string{"ICN_API_KEY_FILE=/nowhere"}), "/nowhere")
	require.Contains(t, problems(t, []string{"ICN_API_KEY_FILE=" + write(t, "empty", " \n")}), "is empty")
	got := problems(t, []string{"ICN_API_KEY=hunter1", "ICN_API_KEY_FILE=" + secret})
	require.NotContains(t, got, "hunter1")
	require.NotContains(t, got, "s3cret")
}

func TestAPIKeyEnvNamesAVariable(t *testing.T) {
	file := write(t, "c.toml", "[security]\napi_key_env = \"MY_KEY\"\nrequire_auth = true\n")
	c, _ := load(t, []string{"MY_KEY=abc"}, "--config", file)
	require.Equal(t, "abc", c.Security.APIKey)
	c, _ = load(t, []string{"MY_KEY_FILE=" + write(t, "k", "def")}, "--config", file)
	require.Equal(t, "def", c.Security.APIKey)
	require.Contains(t, problems(t, nil, "--config", file), "names MY_KEY, which is not set")
}

func TestPassphraseIsFoundUnderItsName(t *testing.T) {
	file := write(t, "c.toml", "[identity]\nkey_passphrase_env = \"MY_PASS\"\n")
	c, _ := load(t, []string{"MY_PASS=abc"}, "--config", file)
	require.Equal(t, "abc", c.Identity.Passphrase)
	c, _ = load(t, []string{"MY_PASS_FILE=" + write(t, "p", "def\n")}, "--config", file)
	require.Equal(t, "def", c.Identity.Passphrase)
	c, _ = load(t, nil, "--config", file)
	require.Empty(t, c.Identity.Passphrase)
	c, _ = load(t, []string{"ICN_KEY_PASSPHRASE=ghi"})
	require.Equal(t, "ghi", c.Identity.Passphrase)
}

func TestVariablesStandInFiles(t *testing.T) {
	file := write(t, "c.toml", "[storage]\nbackend = \"postgresql\"\nconnection_string = \"postgresql://icn:${DB_PASSWORD}@db/$${x}\"\n[network]\nbootstrap_peers = [\"${PEER}\"]\n")
	c, _ := load(t, []string{"DB_PASSWORD=hush", "PEER=there"}, "--config", file)
	require.Equal(t, "postgresql://icn:hush@db/${x}", c.Storage.ConnectionString)
	require.Equal(t, []string{"there"}, c.Network.BootstrapPeers)
	c, _ = load(t, []string{"DB_PASSWORD_FILE=" + write(t, "pw", "from a file\n"), "PEER=there"}, "--config", file)
	require.Equal(t, "postgresql://icn:from a file@db/${x}", c.Storage.ConnectionString)
	got := problems(t, []string{"PEER=there"}, "--config", file)
	require.Contains(t, got, "storage.connection_string: ${DB_PASSWORD}: the variable is not set; set it, or DB_PASSWORD_FILE")
}

func TestStoresHaveTheirPlaces(t *testing.T) {
	for backend, want := range map[string]string{"pebble": "./icn_data/node", "sled": "./icn_data/node.sled", "sqlite": "./icn_data/node.sqlite", "rocksdb": "./icn_data/node.rocksdb"} {
		c, _ := load(t, nil, "--storage-backend", backend)
		require.Equal(t, want, c.Storage.Path)
		require.Equal(t, want+".key", c.Identity.KeyPath)
	}
	c, _ := load(t, nil, "--storage-backend", "postgres", "--db-url", "postgresql://localhost/icn")
	require.Equal(t, "postgresql", c.Storage.Backend)
	require.Equal(t, "./icn_data/node.key", c.Identity.KeyPath)
	require.Contains(t, problems(t, nil, "--storage-backend", "postgresql"), "there is no database")
	require.Contains(t, problems(t, nil, "--storage-path", "x", "--mana-ledger-path", "./x"), "it is storage.path")
}

func TestTestModeIsOnlyAPreset(t *testing.T) {
	c, w := load(t, nil, "--test-mode")
	require.Empty(t, w)
	require.Equal(t, "memory", c.Storage.Backend)
	require.False(t, c.Network.P2PEnabled)
	require.False(t, c.Security.RequireAuth)
	require.Empty(t, c.Identity.KeyPath)
	require.Equal(t, "127.0.0.1:7845", c.Network.HTTPListenAddr)

	dir := filepath.Join(t.TempDir(), "node")
	c, _ = load(t, []string{"ICN_TEST_MODE=true"}, "--storage-backend", "pebble", "--storage-path", dir, "--p2p-listen-addr", "/ip4/127.0.0.1/tcp/0", "--api-key", "k")
	require.Equal(t, "pebble", c.Storage.Backend)
	require.Equal(t, dir+".key", c.Identity.KeyPath)
	require.True(t, c.Network.P2PEnabled)
	require.True(t, c.Security.RequireAuth)
}

func TestTheDevelopmentFileOfTheGuideLoads(t *testing.T) {
	file := write(t, "development.toml", `
[runtime]
environment = "development"
test_mode = true
[network]
http_listen_addr = "127.0.0.1:7845"
p2p_enabled = false
[storage]
backend = "memory"
[identity]
generate_new_key = true
[api]
api_key = "dev-key-123"
require_auth = false
`)
	c, w := load(t, nil, "--config", file)
	require.Empty(t, w)
	require.Equal(t, "dev-key-123", c.Security.APIKey)
	require.False(t, c.Security.RequireAuth)
	require.False(t, c.Network.P2PEnabled)
}

func TestP2PIsOnWhenAnAddressIsGivenUnlessTheSameLayerSaysNo(t *testing.T) {
	off := write(t, "c.toml", "[network]\np2p_enabled = false\np2p_listen_addr = \"/ip4/127.0.0.1/tcp/7000\"\n")
	c, _ := load(t, nil, "--config", off)
	require.False(t, c.Network.P2PEnabled)
	c, _ = load(t, nil, "--config", off, "--bootstrap-peers", "a,b")
	require.True(t, c.Network.P2PEnabled)
	require.Equal(t, []string{"a", "b"}, c.Network.BootstrapPeers)
	c, _ = load(t, nil, "--bootstrap-peers", "a", "--enable-p2p=false")
	require.False(t, c.Network.P2PEnabled)
	c, _ = load(t, nil, "--enable-p2p")
	require.Equal(t, []string{"/ip4/0.0.0.0/tcp/0"}, c.Network.P2PListenAddr)
	c, _ = load(t, nil, "--listen-address", "/ip4/127.0.0.1/tcp/1", "--listen-address", "/ip4/127.0.0.1/tcp/2")
	require.Len(t, c.Network.P2PListenAddr, 2)
}

func TestSledHasThePathOfTheGuide(t *testing.T) {
	c, _ := load(t, nil, "--storage-backend", "sled")
	require.Equal(t, "./icn_data/node.sled", c.Storage.Path)
	require.Equal(t, "./icn_data/node.sled.key", c.Identity.KeyPath)
}

func TestWhatIsOpenOrUselessIsWarnedOf(t *testing.T) {
	_, w := load(t, []string{"ICN_REPUTATION_DB_PATH=./icn_data/mana.sled", "ICN_STORAGE_PAHT=x", "ICN_UNRELATED_THING=1"}, "--http-listen-addr", "0.0.0.0:7845", "--insecure", "--join-code", "c")
	all := strings.Join(w, "\n")
	require.Contains(t, all, "ICN_REPUTATION_DB_PATH is not needed")
	require.Contains(t, all, "did you mean ICN_STORAGE_PATH?")
	require.NotContains(t, all, "UNRELATED")
	require.Contains(t, all, "anybody who reaches 0.0.0.0:7845")
	require.Contains(t, all, "no bootstrap peer to bring it to")
}

func TestYAMLReadsLikeTOML(t *testing.T) {
	c, _ := load(t, nil, "--config", write(t, "c.yaml", "storage:\n  backend: memory\nnetwork:\n  max_peers: 9\n  bootstrap_peers: [a, b]\n"))
	require.Equal(t, "memory", c.Storage.Backend)
	require.Equal(t, 9, c.Network.MaxPeers)
	require.Len(t, c.Network.BootstrapPeers, 2)
	require.Contains(t, problems(t, nil, "--config", write(t, "c.ini", "")), "ends in .toml, .yaml or .yml")
	require.Contains(t, problems(t, nil, "--config", "/nowhere.toml"), "/nowhere.toml")
}

func TestEveryKeyIsDescribedAndReachableByOneName(t *testing.T) {
	flags, env := map[string]string{}, map[string]string{}
	for _, f := range fields {
		require.NotEmpty(t, f.Doc, f.Key)
		for _, name := range f.Flags {
			require.Empty(t, flags[name], name)
			flags[name] = f.Key
		}
		for _, name := range f.Env {
			require.Empty(t, env[name], "%s is %s and %s", name, env[name], f.Key)
			env[name] = f.Key
		}
		_, name := split(f.Key)
		require.Contains(t, Reference(), "| `"+name+"` |")
	}
}

func TestASharePassesThroughFilesAndVariables(t *testing.T) {
	path := write(t, "c.toml", "[governance.proposals]\nmin_quorum = 0.75\npassing_threshold = 1\n")
	c, _ := load(t, []string{"ICN_GOVERNANCE_PROPOSALS_MIN_QUORUM=0.8"}, "--config", path)
	require.Equal(t, [2]float64{.8, 1}, [2]float64{c.Governance.MinQuorum, c.Governance.PassingThreshold})
	again, _ := load(t, nil, "--config", write(t, "again.toml", c.String()))
	require.Equal(t, c, again)
	for text, want := range map[string]string{
		"min_quorum = 66":         "governance.proposals.min_quorum: a share from 0 to 1",
		"passing_threshold = 0.4": "from 0.5 to 1, not 0.4",
		"min_quorom = 0.5":        "did you mean governance.proposals.min_quorum?",
		"min_quorum = \"much\"":   "wrong.toml:2): want a number, got much",
	} {
		require.Contains(t, problems(t, nil, "--config", write(t, "wrong.toml", "[governance.proposals]\n"+text+"\n")), want)
	}
}

func FuzzFileNeverPanicsAndEveryRefusalIsInvalid(f *testing.F) {
	f.Add("[network]\nmax_peers = 3\n")
	f.Add("network = 3\n")
	f.Add("[api]\napi_key = [1]\n[security.api_key]\nx = 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "c.toml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, _, err := Load(Sources{Environ: []string{"ICN_CONFIG_FILE=" + path}})
		if err != nil && !errors.Is(err, icn.ErrInvalid) {
			t.Fatal(err)
		}
	})
}

// TestSamplesOfTheGuideLoad: the three files, as the guide writes them.
func TestSamplesOfTheGuideLoad(t *testing.T) {
	env := []string{"ICN_API_KEY=k", "ICN_AUTH_TOKEN=t", "ICN_KEY_PASSPHRASE=p", "DB_PASSWORD=hush"}
	c, _ := load(t, env, "--config", "../configs/development.toml")
	require.Equal(t, "memory", c.Storage.Backend)
	require.Equal(t, "k", c.Security.APIKey, "the environment wins")
	c, _ = load(t, nil, "--config", "../configs/development.toml")
	require.Equal(t, "dev-key-123", c.Security.APIKey)
	require.False(t, c.Security.RequireAuth)
	c, _ = load(t, env, "--config", "../configs/federation_node.toml")
	require.Equal(t, "postgresql", c.Storage.Backend)
	require.Len(t, c.Network.BootstrapPeers, 2)
	require.Equal(t, "p", c.Identity.Passphrase)
	c, _ = load(t, env, "--config", "../configs/production.toml")
	require.Equal(t, "postgresql://icn_prod_user:hush@postgres.internal:5432/icn_production", c.Storage.ConnectionString)
	require.Equal(t, []any{"k", "t", 0, true}, []any{c.Security.APIKey, c.Security.AuthToken, c.Security.OpenRateLimit, c.Security.RequireAuth})
	require.Equal(t, []any{"127.0.0.1:9090", true, 3600, 100, 10}, []any{c.Monitoring.MetricsBindAddr, c.Monitoring.MetricsEnabled, c.Performance.GCInterval,
		c.Performance.MaxConcurrentJobs, c.Storage.ConnectionTimeout})
	got := problems(t, []string{"DB_PASSWORD=hush"}, "--config", "../configs/production.toml")
	require.Contains(t, got, "there is no API key (security.api_key_env names ICN_API_KEY, which is not set)")
}

func TestOpenDoorToTheWorldIsRefused(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:7845", "[::]:7845", "192.0.2.1:7845", "node.example:7845", ":7845"} {
		require.Contains(t, problems(t, nil, "--http-listen-addr", addr), "say --insecure", addr)
		load(t, []string{"ICN_API_KEY=k"}, "--http-listen-addr", addr)
		load(t, []string{"ICN_AUTH_TOKEN=t"}, "--http-listen-addr", addr)
	}
	for _, addr := range []string{"127.0.0.1:7845", "[::1]:7845", "localhost:7845"} {
		load(t, nil, "--http-listen-addr", addr)
	}
}

func TestManualIsWhatTheFieldsSay(t *testing.T) {
	want, err := os.ReadFile("../docs/configuration.md")
	require.NoError(t, err)
	require.Equal(t, string(want), Reference(), "run: go run ./cmd/icn-node config reference > docs/configuration.md")
}

func TestProblemsNameTheirLine(t *testing.T) {
	file := write(t, "c.toml", "# a file\n[network]\nmax_peers = 3\n\nhttp_listen_adr = \"127.0.0.1:1\"\n[storage]\npath = 5\n")
	got := problems(t, nil, "--config", file)
	require.Contains(t, got, "c.toml:5: unknown key network.http_listen_adr; did you mean network.http_listen_addr?")
	require.Contains(t, got, "c.toml:7): want text in quotes, got 5")
	yaml := write(t, "c.yaml", "network:\n  max_peers: many\n")
	require.Contains(t, problems(t, nil, "--config", yaml), "c.yaml:2): want a whole number, got many")
	twice := write(t, "d.toml", "[network]\nmax_peers = 3\nmax_peers = 4\n")
	require.Contains(t, problems(t, nil, "--config", twice), "max_peers")
}

func TestEffectiveSettingsNameTheirOriginAndNoSecret(t *testing.T) {
	file := write(t, "c.toml", "[network]\nmax_peers = 3\n")
	src := FileOnly(file, []string{"ICN_API_KEY=hunter2", "ICN_LOG_LEVEL=debug"})
	all, err := Effective(src)
	require.NoError(t, err)
	seen := map[string]Shown{}
	for _, s := range all {
		seen[s.Key] = s
	}
	require.Equal(t, Shown{"network.max_peers", 3, file + ":2"}, seen["network.max_peers"])
	require.Equal(t, Shown{"security.api_key", "********", "environment ICN_API_KEY"}, seen["security.api_key"])
	require.Equal(t, Shown{"logging.level", "debug", "environment ICN_LOG_LEVEL"}, seen["logging.level"])
	require.Equal(t, Shown{"storage.backend", "pebble", "preset"}, seen["storage.backend"])
	require.Equal(t, Shown{"storage.path", "./icn_data/node", "follows from others"}, seen["storage.path"])
	require.Equal(t, Shown{"security.require_auth", true, "follows from others"}, seen["security.require_auth"])
}

func TestAFileThatCannotBeReadIsNamedWithTheLine(t *testing.T) {
	for name, c := range map[string][2]string{
		"twice.toml":   {"[network]\nmax_peers = 1\nmax_peers = 2\n", "twice.toml:3: column 1: toml: key max_peers is already defined"},
		"twice.yaml":   {"network:\n  max_peers: 1\n  max_peers: 2\n", `line 3: mapping key "max_peers" already defined at line 2`},
		"broken.toml":  {"[network]\nmax_peers =\n", "broken.toml:2: column"},
		"section.toml": {"[nonsense]\nx = 1\n", "there is no section [nonsense], but [runtime], [network]"},
		"one.toml":     {"[storage]\nbackend = \"postgresql\"\nconnection_string = \"postgresql://u:${NO_SUCH}@h/d\"\n", "one.toml:3: storage.connection_string: ${NO_SUCH}: the variable is not set"},
	} {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, []byte(c[0]), 0o600))
		_, _, err := Load(FileOnly(path, nil))
		require.ErrorIs(t, err, icn.ErrInvalid, name)
		require.ErrorContains(t, err, c[1], name)
		require.NotContains(t, err.Error(), "there is no database", "what follows from a mistake is not told as another")
	}
}

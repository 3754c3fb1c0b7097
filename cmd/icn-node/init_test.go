package main

import (
	"bytes"
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/config"
)

// answered runs init with answers, one a line.
func answered(t *testing.T, answers string, args ...string) (said string, err error) {
	t.Helper()
	c := command()
	var out bytes.Buffer
	c.SetIn(strings.NewReader(answers))
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs(append([]string{"init"}, args...))
	err = c.Execute()
	return out.String(), err
}

func loaded(t *testing.T, dir string) config.Config {
	t.Helper()
	env := []string{}
	b, err := os.ReadFile(filepath.Join(dir, "node.env"))
	require.NoError(t, err)
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			env = append(env, name+"="+strings.Trim(value, `"`))
		}
	}
	c, _, err := config.Load(config.FileOnly(filepath.Join(dir, "config.toml"), env))
	require.NoError(t, err)
	return c
}

// TestTheWizardAsksAndWritesWhatWasAnswered: it founds, and it joins.
func TestTheWizardAsksAndWritesWhatWasAnswered(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "oak")
	_, err := answered(t, dir+"\noak\nmaybe\nfound\nFood co-ops\n/ip4/0.0.0.0/tcp/7100\nsqlite\n0.0.0.0:7900\n12h\n")
	require.NoError(t, err)
	c := loaded(t, dir)
	require.Equal(t, "oak", c.Runtime.NodeName)
	require.Equal(t, "Food co-ops", c.Federation.Name)
	require.Equal(t, []string{"/ip4/0.0.0.0/tcp/7100"}, c.Network.P2PListenAddr)
	require.Equal(t, "sqlite", c.Storage.Backend)
	require.Equal(t, "12h", c.Backup.Every)
	require.True(t, c.Security.RequireAuth)
	require.Len(t, c.Security.APIKey, 64)
	require.Len(t, c.Identity.Passphrase, 64)
	_, err = tls.LoadX509KeyPair(c.Security.TLSCertPath, c.Security.TLSKeyPath)
	require.NoError(t, err, "the API answers others, so it speaks TLS")
	for _, name := range []string{"api-key", "key-passphrase", "key.pem"} {
		st, err := os.Stat(filepath.Join(dir, "secrets", name))
		require.NoError(t, err)
		require.EqualValues(t, 0o600, st.Mode().Perm(), name)
	}
	text, err := os.ReadFile(filepath.Join(dir, "config.toml"))
	require.NoError(t, err)
	require.NotContains(t, string(text), c.Security.APIKey)
	require.NotContains(t, string(text), c.Identity.Passphrase)

	dir = filepath.Join(t.TempDir(), "elm")
	peer := "/ip4/10.0.1.100/tcp/7000/p2p/12D3KooWKiMStcRnS3zLSZrCVMtmDdp81KiFSZ4SQEeo3ZJyqLRG"
	_, err = answered(t, dir+"\n\njoin\n"+peer+"\nicn-join-code\n\n\n\n\n")
	require.NoError(t, err)
	c = loaded(t, dir)
	require.Equal(t, []string{peer}, c.Network.BootstrapPeers)
	require.Equal(t, "icn-join-code", c.Federation.JoinCode)
	require.Empty(t, c.Federation.Name)
	require.Empty(t, c.Security.TLSCertPath, "the API answers this machine only")
}

// TestAWizardThatIsLeftWritesNothing, nor one that is told what cannot be.
func TestAWizardThatIsLeftWritesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "left")
	_, err := answered(t, dir+"\noak\n")
	require.ErrorContains(t, err, "nothing was written")
	require.NoDirExists(t, dir)
	_, err = answered(t, "", "--yes", "--dir", dir, "--storage-backend", "postgresql")
	require.ErrorContains(t, err, "--db-url")
	require.NoDirExists(t, dir)
	_, err = answered(t, "", "--yes", "--dir", dir, "--p2p-listen-addr", "no address")
	require.ErrorContains(t, err, "it looks like /ip4/0.0.0.0/tcp/7000")
}

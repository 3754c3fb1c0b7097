package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/config/templates"
	"github.com/InterCooperative-Network/icn-core/icn"
)

var allTemplates = map[string]config.Template{
	"ProductionServer": templates.ProductionServer, "LocalDevelopment": templates.LocalDevelopment, "IsolatedTesting": templates.IsolatedTesting,
	"HighPerformance": templates.HighPerformance, "MinimalResources": templates.MinimalResources,
}

// A template with a word wrong in it would only be noticed when it is used.
func TestEveryTemplateIsANodeThatStarts(t *testing.T) {
	t.Setenv("ICN_API_KEY", "key")
	for name, tpl := range allTemplates {
		cfg, err := config.NewRuntimeConfigBuilder().ApplyTemplate(tpl).Build()
		require.NoError(t, err, name)
		for other, more := range allTemplates {
			both, err := config.NewRuntimeConfigBuilder().ApplyTemplate(tpl).ApplyTemplate(more).Build()
			require.NoError(t, err, name+" under "+other)
			require.NotEqual(t, config.Default(), both)
		}
		require.NotEqual(t, config.Default(), cfg, name)
	}
}

// What is written leads to the same node when it is read.
func TestAFileLeadsToWhatWasBuilt(t *testing.T) {
	t.Setenv("ICN_API_KEY", "key")
	for name, tpl := range allTemplates {
		b := config.NewRuntimeConfigBuilder().ApplyTemplate(tpl).NodeName(`"Küche" \ ${HOME}`).BootstrapPeers("/ip4/192.0.2.1/tcp/4001/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp")
		want, err := b.Build()
		require.NoError(t, err, name)
		for kind, cfg := range map[string]config.Config{"built": want, "unchecked": b.BuildUnchecked()} {
			path := filepath.Join(t.TempDir(), "node.toml")
			require.NoError(t, cfg.ToFile(path))
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NotContains(t, string(text), `api_key = `, "a secret that a variable holds stays there")
			var environ []string // that of the node, which has what its file names
			if cfg.Security.APIKeyEnv != "" {
				environ = []string{"ICN_API_KEY=key"}
			}
			got, _, err := config.Load(config.FileOnly(path, environ))
			require.NoError(t, err, "%s, %s:\n%s", name, kind, text)
			require.Equal(t, want, got, "%s, %s:\n%s", name, kind, text)
			st, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, fs.FileMode(0o600), st.Mode().Perm())
		}
	}
}

func TestAFileIsNeverWrittenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.toml")
	require.NoError(t, os.WriteFile(path, []byte("mine"), 0o600))
	err := config.Default().ToFile(path)
	require.True(t, errors.Is(err, fs.ErrExist), err)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "mine", string(b))
	require.ErrorContains(t, config.Default().ToFile(filepath.Join(t.TempDir(), "node.conf")), ".toml")
}

func TestBuildTellsEverythingThatIsWrong(t *testing.T) {
	_, err := config.NewRuntimeConfigBuilder().NodeDID("did:key:z6MkProdNode01").StorageBackend("sledge").MaxPeers(0).Build()
	require.ErrorIs(t, err, icn.ErrInvalid)
	for _, want := range []string{"node_did", "sledge", "network.max_peers"} {
		require.ErrorContains(t, err, want)
	}
	_, err = config.NewRuntimeConfigBuilder().Set("network.max_pears", 1).Set("network.max_peers", "many").Build()
	require.ErrorContains(t, err, "did you mean network.max_peers")
	require.ErrorContains(t, err, "whole number")
}

func TestMergingTakesWhatTheOtherSays(t *testing.T) {
	other := config.NewRuntimeConfigBuilder().MaxPeers(7).LogLevel("warn").BuildUnchecked()
	got := config.NewRuntimeConfigBuilder().NodeName("mine").LogLevel("debug").MergeWith(other).BuildUnchecked()
	require.Equal(t, "mine", got.Runtime.NodeName)
	require.Equal(t, 7, got.Network.MaxPeers)
	require.Equal(t, "warn", got.Logging.Level)
}

func TestAFileCanBeBuiltUpon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.toml")
	require.NoError(t, config.NewRuntimeConfigBuilder().MaxPeers(7).BuildUnchecked().ToFile(path))
	cfg, err := config.BuilderFromFile(path).NodeName("mine").Build()
	require.NoError(t, err)
	require.Equal(t, 7, cfg.Network.MaxPeers)
	_, err = config.BuilderFromFile(path + ".no.toml").Build()
	require.Error(t, err)
}

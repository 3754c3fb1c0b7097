package launch

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/icn"
)

func TestThePresetsAreTheDefaultRules(t *testing.T) {
	require.Equal(t, icn.DefaultRules(), rules(config.Default()))
}

func TestAQuorumFileFillsTheRulesOfANewFederation(t *testing.T) {
	for name, want := range map[string][2]uint64{"majority": {660, 500}, "strict": {750, 600}, "supermajority": {800, 660}} {
		fs := pflag.NewFlagSet("icn-node", pflag.ContinueOnError)
		config.Flags(fs)
		require.NoError(t, fs.Parse([]string{"--config", "../configs/federation_quorum_" + name + ".toml"}))
		c, warnings, err := config.Load(config.Sources{Flags: fs})
		require.NoError(t, err)
		require.Empty(t, warnings)
		r := rules(c)
		require.Equal(t, want, [2]uint64{r.Quorum, r.Threshold}, name)
		require.NoError(t, r.Check())
		require.Empty(t, contraries(c, r))
		require.Equal(t, []contrary{{"min_quorum_permille", want[0], 200}}, contraries(c, icn.DefaultRules())[:1], "the federation's rules count")
	}
	require.Empty(t, contraries(config.Default(), icn.Rules{}), "what is not said is not asked for")
}

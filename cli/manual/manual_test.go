package manual

import (
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

func TestWhatIsShownIsDescribed(t *testing.T) {
	run := func(*cobra.Command, []string) {}
	root := &cobra.Command{Use: "p", Short: "A program"}
	root.PersistentFlags().BoolP("quiet", "q", false, "say less")
	sub := &cobra.Command{Use: "do THING", Short: "Do it", Long: "Do it well.", Example: "p do x", Run: run}
	sub.Flags().Int("times", 2, "how often")
	sub.Flags().Bool("secret", false, "nobody sees this")
	require.NoError(t, sub.Flags().MarkHidden("secret"))
	root.AddCommand(sub, &cobra.Command{Use: "gone", Hidden: true, Run: run}, Command(root))
	require.Equal(t, Entry{Use: "p", Short: "A program", Shared: []Flag{{"quiet", "q", "bool", "false", "true", "say less"}},
		Commands: []Entry{{Use: "do THING", Short: "Do it", Long: "Do it well.", Example: "p do x", Runs: true, Flags: []Flag{{"times", "", "int", "2", "", "how often"}}}},
	}, Describe(root))
}

package cli

import (
	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/launch"
)

// versionCommand tells what this program is; no node is asked.
func (a *app) versionCommand() *cobra.Command {
	return command("version", "What this program is: release, commit, platform, protocols (of a node: info)", 0, 0, func(*cobra.Command, []string) error {
		b, err := launch.BuildOf("icn-cli")
		if err != nil {
			return err
		}
		return b.Write(a.Out, a.output == "json")
	})
}

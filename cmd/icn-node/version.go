package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/launch"
)

// versionCommand tells what this program is.
func versionCommand() *cobra.Command {
	var output string
	c := &cobra.Command{Use: "version", Short: "Tell what this program is: release, commit, platform, protocols", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return usage{fmt.Errorf("--output is text or json, not %q", output)}
			}
			b, err := launch.BuildOf("icn-node")
			if err != nil {
				return err
			}
			return b.Write(c.OutOrStdout(), output == "json")
		}}
	c.Flags().StringVar(&output, "output", "text", "text or json")
	return c
}

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/config"
)

// configCommand looks at configurations; it starts nothing.
func configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Look at the configuration without starting a node"}
	check := &cobra.Command{Use: "check FILE", Short: "Find everything that is wrong with a file, with its places", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			_, warnings, err := config.Load(config.FileOnly(args[0], os.Environ()))
			for _, w := range warnings {
				_, _ = fmt.Fprintln(c.ErrOrStderr(), "warning: "+w)
			}
			if err != nil {
				return usage{err}
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), args[0]+" is in order")
			return err
		}}
	var asJSON bool
	show := &cobra.Command{Use: "show", Short: "Tell every setting as it counts, and where it came from; secrets are masked", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := config.Effective(config.Sources{Flags: c.Flags(), Environ: os.Environ()})
			if asJSON {
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				if werr := e.Encode(all); werr != nil {
					return werr
				}
			} else {
				w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
				for _, s := range all {
					_, _ = fmt.Fprintf(w, "%s\t%v\t%s\n", s.Key, s.Value, s.Origin)
				}
				if werr := w.Flush(); werr != nil {
					return werr
				}
			}
			if err != nil {
				return usage{err}
			}
			return nil
		}}
	config.Flags(show.Flags())
	show.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	for _, name := range []string{"effective", "origin"} { // what show always does
		show.Flags().Bool(name, true, "always so")
		_ = show.Flags().MarkHidden(name) // it was just added
	}
	reference := &cobra.Command{Use: "reference", Short: "Write the manual of all settings, in Markdown", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(c.OutOrStdout(), config.Reference())
			return err
		}}
	c.AddCommand(check, show, reference)
	return c
}

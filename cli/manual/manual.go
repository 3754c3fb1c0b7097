// Package manual describes a program's commands as data, from which its man pages
// are made (tools/manpages).
//
// The invariant: what a command's --help shows is in its description, and nothing
// else is. It renders nothing: binaries need not carry what pages are made with.
//
//	root.AddCommand(manual.Command(root))
//	// icn-cli describe | manpages --out DIR
package manual

import (
	"encoding/json"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Entry is one command.
type Entry struct {
	Use      string  `json:"use"`
	Short    string  `json:"short"`
	Long     string  `json:"long,omitempty"`
	Example  string  `json:"example,omitempty"`
	Runs     bool    `json:"runs"`             // by itself, not by its commands alone
	Flags    []Flag  `json:"flags,omitempty"`  // of this command
	Shared   []Flag  `json:"shared,omitempty"` // of this command and those below
	Commands []Entry `json:"commands,omitempty"`
}

// Flag is one flag. Bare is the value it has when none is given with it.
type Flag struct {
	Name    string `json:"name"`
	Short   string `json:"short,omitempty"`
	Type    string `json:"type"`
	Default string `json:"default,omitempty"`
	Bare    string `json:"bare,omitempty"`
	Usage   string `json:"usage"`
}

// Describe describes a command and all below it that are not hidden.
func Describe(c *cobra.Command) Entry {
	e := Entry{Use: c.Use, Short: c.Short, Long: c.Long, Example: c.Example, Runs: c.Runnable(),
		Flags: flags(c.LocalNonPersistentFlags()), Shared: flags(c.PersistentFlags())}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" && sub.Name() != "completion" {
			e.Commands = append(e.Commands, Describe(sub))
		}
	}
	return e
}

func flags(set *pflag.FlagSet) (out []Flag) {
	set.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Name != "help" && f.Name != "version" {
			out = append(out, Flag{f.Name, f.Shorthand, f.Value.Type(), f.DefValue, f.NoOptDefVal, f.Usage})
		}
	})
	return out
}

// Command is the hidden command that writes the description of root as JSON.
func Command(root *cobra.Command) *cobra.Command {
	return &cobra.Command{Use: "describe", Short: "Describe all commands as JSON; man pages are made from it", Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			e := json.NewEncoder(c.OutOrStdout())
			e.SetEscapeHTML(false)
			e.SetIndent("", " ")
			return e.Encode(Describe(root))
		}}
}

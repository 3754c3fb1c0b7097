package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/launch"
)

// atRest is the store of a node that does not run. Its place is read as icn-node
// reads it: from flags, the environment and the configuration file.
type atRest struct {
	use bool
	set *pflag.FlagSet
}

// flags adds --stopped and what says where the store is.
func (r *atRest) flags(c *cobra.Command) {
	c.Flags().BoolVar(&r.use, "stopped", false, "the node does not run: open its store here")
	r.storeFlags(c)
}

// storeFlags adds those of icn-node's flags that say where its store and key are.
func (r *atRest) storeFlags(c *cobra.Command) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.Flags(all)
	for _, name := range storeFlagNames {
		c.Flags().AddFlag(all.Lookup(name))
	}
	r.set = c.Flags()
}

// named says whether a flag tells where the store is.
func (r *atRest) named() bool {
	for _, name := range storeFlagNames {
		if r.set.Changed(name) {
			return true
		}
	}
	return false
}

var storeFlagNames = []string{"config", "storage-backend", "storage-path", "db-url", "mana-ledger-path", "key-path"}

func (r *atRest) config(a *app) (config.Config, error) {
	cfg, _, err := config.Load(config.Sources{Flags: storageOnly(r.set), Environ: os.Environ()})
	return cfg, err
}

// storageOnly leaves out flags that icn-cli has under the same names.
func storageOnly(set *pflag.FlagSet) *pflag.FlagSet {
	out := pflag.NewFlagSet("", pflag.ContinueOnError)
	set.VisitAll(func(f *pflag.Flag) {
		if f.Name != "api-key" {
			out.AddFlag(f)
		}
	})
	return out
}

// opened opens the store of a stopped node for f.
func (a *app) opened(ctx context.Context, r atRest, f func(*launch.Opened) error) error {
	cfg, err := r.config(a)
	if err != nil {
		return err
	}
	o, err := launch.OpenAtRest(ctx, cfg, a.logger(cfg))
	if err != nil {
		return err
	}
	return errors.Join(f(o), o.Close())
}

func (a *app) storageCommand() *cobra.Command {
	var from, to string
	migrate := command("migrate", "Copy a stopped node's store into another one, of whatever kind", 0, 0, func(c *cobra.Command, _ []string) error {
		if from == "" || to == "" {
			return usageError{"from where to where? give --from KIND:PATH --to KIND:PATH", c.CommandPath()}
		}
		bar := a.bar(-1, "copying")
		sum, err := launch.Migrate(c.Context(), from, to, func(_, n int64) { _ = bar.Add64(n) })
		_ = bar.Finish()
		if err != nil {
			return err
		}
		p := a.printer()
		return p.show(sum, func() {
			p.line("%s holds exactly what %s holds: %s rows, %s.", launch.Masked(to), launch.Masked(from), number(uint64(sum.Rows)), size(uint64(sum.Bytes)))
			p.line("SHA-256 of all of it: %x", sum.SHA256)
			p.line("Start the node with the new store; keep the old one until you have seen it work. The key file stays where it is (--key-path).")
		})
	})
	migrate.Long = "Copies row by row and compares at the end. When it is interrupted, run it again: it goes on where it stopped.\n" +
		"Stores are named pebble:PATH, sled:PATH, sqlite:PATH, rocksdb:PATH or postgresql://…"
	migrate.Flags().StringVar(&from, "from", "", "the store to copy")
	migrate.Flags().StringVar(&to, "to", "", "an empty store")
	return group("storage", "A node's store", migrate)
}

// logger tells what happens on stderr, wherever the node writes it.
func (a *app) logger(cfg config.Config) *slog.Logger {
	cfg.Logging.Output = ""
	return launch.OpenLogs(cfg.Logging, a.Err).Logger
}

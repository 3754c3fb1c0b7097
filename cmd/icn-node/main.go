// Command icn-node runs a node of a federation.
//
//	icn-node --test-mode
//	icn-node --config /etc/icn/config.toml
//
// It ends with exit code 0 after SIGINT or SIGTERM, 2 when the command line or
// the configuration is wrong, and 1 for everything else. A second signal ends it
// at once.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/cli/manual"
	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/launch"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from here on a signal does what it does by default
	if code, done := asCLI(ctx); done {
		os.Exit(code)
	}
	err := command().ExecuteContext(ctx)
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "icn-node: "+strings.TrimSpace(err.Error()))
	var wrong usage
	if errors.As(err, &wrong) {
		os.Exit(2)
	}
	os.Exit(1)
}

// usage marks a mistake of the command line or the configuration.
type usage struct{ error }

func (u usage) Unwrap() error { return u.error }

func command() *cobra.Command {
	c := &cobra.Command{
		Use: "icn-node", Short: "Run a node of a federation", Version: launch.Release,
		Long: "icn-node runs a node. Alone it is a federation of one; with --bootstrap-peers and no log of its own it\n" +
			"knocks there, and is taken in by 'icn-cli federation admit DID' or with its --join-code.\n\n" +
			"Every setting can be given as a flag, in the environment, or in a file; the first of these wins.",
		Example:       "  icn-node --test-mode\n  icn-node --storage-backend sled --p2p-listen-addr /ip4/0.0.0.0/tcp/7000 --api-key \"$(openssl rand -hex 32)\"",
		SilenceErrors: true, SilenceUsage: true,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage{fmt.Errorf("%q is no setting; run 'icn-node --help' for what there is", args[0])}
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return run(c) },
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return usage{fmt.Errorf("%w\nRun 'icn-node --help' for what there is", err)}
	})
	config.Flags(c.Flags())
	c.AddCommand(configCommand(), initCommand(), versionCommand(), manual.Command(c))
	return c
}

func run(c *cobra.Command) error {
	load := func() (config.Config, []string, error) {
		return config.Load(config.Sources{Flags: c.Flags(), Environ: os.Environ()})
	}
	cfg, warnings, err := load()
	if err != nil {
		return usage{err}
	}
	launch.Frugal(c.Context())
	log := launch.OpenLogs(cfg.Logging, os.Stderr)
	defer log.Close()
	for _, w := range warnings {
		log.Warn(w)
	}
	m := newManager(log)
	defer m.end()
	o := launch.Options{Logs: log, Again: load, StandingBy: func(addrs string) {
		m.standsBy()
		_, _ = fmt.Fprintf(c.OutOrStdout(), "icn-node %s, standing by\n%s", launch.Release, addrs)
		if cfg.Runtime.AddrFile != "" {
			if err := launch.WriteAddrs(cfg.Runtime.AddrFile, addrs); err != nil {
				log.Warn("the address file is not written", "error", err)
			}
		}
	}}
	for {
		o.OtherKey, err = serve(c, cfg, o, m)
		if !errors.Is(err, launch.ErrAgain) {
			return err
		}
	}
}

// serve runs the node until it is stopped, broken, or wants to start again.
func serve(c *cobra.Command, cfg config.Config, o launch.Options, m *manager) (otherKey bool, err error) {
	ctx := c.Context()
	n, err := launch.Start(ctx, cfg, o)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return false, nil // it was stopped while it stood by
	}
	if err != nil {
		return false, err
	}
	greet(c.OutOrStdout(), n)
	defer onSignals(n, o.Logs, m)()
	if cfg.Runtime.AddrFile != "" {
		err = launch.WriteAddrs(cfg.Runtime.AddrFile, n.Addrs())
	}
	if err == nil {
		m.serves(n)
		err = n.Wait(ctx)
	}
	m.between("ending; running jobs are waited for")
	if ctx.Err() != nil {
		m.tell(daemon.SdNotifyStopping)
		o.Logs.Info("stopping; once more Ctrl-C ends at once")
	}
	return n.OtherKey(), errors.Join(err, n.Close())
}

// onSignals reloads at SIGHUP, and opens the log files again at SIGUSR1.
func onSignals(n *launch.Running, log *launch.Logs, m *manager) (end func()) {
	ch := make(chan os.Signal, 4)
	signal.Notify(ch, syscall.SIGHUP, syscall.SIGUSR1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s := range ch {
			if s == syscall.SIGUSR1 {
				n.ReopenLogs()
				continue
			}
			m.reload(func() {
				if _, err := n.Reload(context.Background()); err != nil {
					log.Error("the configuration is not reloaded", "error", err)
				}
			})
		}
	}()
	return func() { signal.Stop(ch); close(ch); <-done }
}

// greet tells where the node can be reached.
func greet(out io.Writer, n *launch.Running) {
	_, _ = fmt.Fprintf(out, "icn-node %s\nDID %s\n%s", launch.Release, n.DID(), n.Addrs())
}

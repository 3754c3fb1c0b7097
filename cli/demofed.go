package cli

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/launch"
)

// patience is how long the demo waits for what should take a moment.
const patience = 30 * time.Second

// member is one node of the demo's federation.
type member struct {
	name string
	run  *launch.Running
	api  *client.Client
}

// federation is the demo's, in this process.
type federation struct{ nodes []member }

// start founds with the first node, and brings the others in with join codes.
func (f *federation) start(ctx context.Context, dir string, log *slog.Logger) error {
	for _, name := range []string{"north", "east", "west"} {
		cfg := config.Default()
		cfg.Runtime.NodeName = name
		cfg.Federation.Name = "demo federation"
		cfg.Storage.Path = filepath.Join(dir, name)
		cfg.Identity.KeyPath = cfg.Storage.Path + ".key"
		cfg.Network.HTTPListenAddr = "127.0.0.1:0"
		cfg.Network.P2PEnabled, cfg.Network.P2PListenAddr = true, []string{"/ip4/127.0.0.1/tcp/0"}
		if len(f.nodes) > 0 {
			inv, err := f.nodes[0].api.FederationInvite(ctx, icn.RoleNode, time.Hour)
			if err != nil {
				return err
			}
			cfg.Federation.JoinCode = inv.Code
			cfg.Network.BootstrapPeers = f.nodes[0].run.P2PAddrs()[:1]
		}
		if err := f.add(ctx, name, cfg, log); err != nil {
			return err
		}
	}
	return f.complete(ctx)
}

func (f *federation) add(ctx context.Context, name string, cfg config.Config, log *slog.Logger) error {
	run, err := launch.Start(ctx, cfg, launch.Options{Log: log.With("node", name)})
	if err != nil {
		return err
	}
	api, err := client.New(run.APIURL(), client.Options{})
	f.nodes = append(f.nodes, member{name, run, api})
	if err != nil {
		return err
	}
	return until(ctx, patience, func(ctx context.Context) error {
		_, err := api.Ready(ctx)
		return err
	})
}

// complete waits until every node is linked with every other.
func (f *federation) complete(ctx context.Context) error {
	for _, n := range f.nodes {
		err := until(ctx, patience, func(ctx context.Context) error {
			fed, err := n.api.FederationStatus(ctx)
			if err != nil {
				return err
			}
			st, err := n.api.Status(ctx)
			if err != nil {
				return err
			}
			return enough(fed, st, len(f.nodes))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *federation) close() error {
	var errs []error
	for _, n := range f.nodes {
		errs = append(errs, n.run.Close())
	}
	return errors.Join(errs...)
}

func (f *federation) nameOf(d icn.DID) string {
	for _, n := range f.nodes {
		if n.run.DID() == d {
			return n.name
		}
	}
	return d.String()
}

func (f *federation) names() string {
	names := make([]string, 0, len(f.nodes))
	for _, n := range f.nodes {
		names = append(names, n.name)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

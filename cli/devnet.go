package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// devnetMost is how many nodes have a letter of their own.
const devnetMost = 26

// devnet is a federation for trying things out, as devnet.json in its folder tells.
// Nothing in that folder is for production: keys are not sealed, API keys can be guessed.
type devnet struct {
	dir         string
	Federation  string       `json:"federation"`
	HTTPPort    int          `json:"http_port"`
	P2PPort     int          `json:"p2p_port"`
	MetricsPort int          `json:"metrics_port"`
	Nodes       []devnetNode `json:"nodes"`
}

// devnetNode is one of its nodes.
type devnetNode struct {
	Name    string  `json:"name"`
	DID     icn.DID `json:"did"`
	PeerID  string  `json:"peer_id"`
	APIKey  string  `json:"api_key"`
	APIURL  string  `json:"api_url"`
	P2P     string  `json:"p2p"`
	Metrics string  `json:"metrics"`
}

func (a *app) devnetCommand() *cobra.Command {
	return group("devnet", "A federation of several nodes on one machine, for trying things out",
		a.devnetGenerateCommand(), a.devnetComposeCommand(), a.devnetListCommand(), a.devnetWaitCommand())
}

func (a *app) devnetGenerateCommand() *cobra.Command {
	d := devnet{Federation: "devnet"}
	var nodes int
	c := command("generate", "Make keys, a founded store and join codes, so that the nodes become one federation when they start", 0, 0, func(c *cobra.Command, _ []string) error {
		if nodes < 1 || nodes > devnetMost {
			return usageError{fmt.Sprintf("--nodes is from 1 to %d, not %d", devnetMost, nodes), c.CommandPath()}
		}
		before := len(d.Nodes)
		if err := d.generate(c.Context(), nodes); err != nil {
			return err
		}
		a.showDevnet(d)
		switch added := len(d.Nodes) - before; {
		case added == 0:
			a.note("\nNothing had to be made.")
		default:
			a.note("\nMade for %s. Start them in containers with icn-devnet/launch_federation.sh, or as processes with its --local.", plural(added, "node"))
		}
		return nil
	})
	c.Long = c.Short + ".\n\nWhat is there already stays as it is; with a larger --nodes the missing ones are added, and the first node, if it\n" +
		"runs, gives their join codes."
	c.Example = "  icn-cli devnet generate --nodes 3 --to icn-devnet"
	c.Flags().IntVar(&nodes, "nodes", 3, "how many nodes, named node-a, node-b, …")
	c.Flags().StringVar(&d.dir, "to", "icn-devnet", "the folder")
	c.Flags().IntVar(&d.HTTPPort, "http-port", 5001, "port of the first node's API on this machine; the others follow")
	c.Flags().IntVar(&d.P2PPort, "p2p-port", 4001, "port of the first node for other nodes, likewise")
	c.Flags().IntVar(&d.MetricsPort, "metrics-port", 9101, "port of the first node's metrics when the nodes are processes, likewise")
	c.PreRunE = func(*cobra.Command, []string) error {
		was, err := openDevnet(d.dir)
		if errors.Is(err, icn.ErrNotFound) {
			return nil
		}
		d = was
		return err
	}
	return c
}

func (a *app) devnetComposeCommand() *cobra.Command {
	var nodes int
	c := command("compose", "Print the Compose file for so many nodes", 0, 0, func(c *cobra.Command, _ []string) error {
		if nodes < 1 || nodes > devnetMost {
			return usageError{fmt.Sprintf("--nodes is from 1 to %d, not %d", devnetMost, nodes), c.CommandPath()}
		}
		text, err := devnetCompose(nodes)
		if err == nil {
			_, err = a.Out.Write(text)
		}
		return err
	})
	c.Flags().IntVar(&nodes, "nodes", 3, "how many nodes")
	return c
}

func (a *app) devnetListCommand() *cobra.Command {
	var dir string
	c := command("list", "The nodes, with their addresses and keys", 0, 0, func(*cobra.Command, []string) error {
		d, err := openDevnet(dir)
		if err != nil {
			return err
		}
		return a.printer().show(d, func() { a.showDevnet(d) })
	})
	c.Flags().StringVar(&dir, "to", "icn-devnet", "the folder")
	return c
}

func (a *app) showDevnet(d devnet) {
	rows := make([][]string, 0, len(d.Nodes))
	for _, n := range d.Nodes {
		rows = append(rows, []string{n.Name, n.APIURL, n.APIKey, n.P2P})
	}
	a.printer().grid([]string{"node", "API", "API key", "other nodes"}, rows)
}

func (a *app) devnetWaitCommand() *cobra.Command {
	var dir string
	var wait time.Duration
	c := command("wait", "Wait until the nodes are one federation, equally far and of one state", 0, 0, func(c *cobra.Command, _ []string) error {
		d, err := openDevnet(dir)
		if err != nil {
			return err
		}
		return a.devnetWait(c.Context(), d, wait)
	})
	c.Flags().StringVar(&dir, "to", "icn-devnet", "the folder")
	c.Flags().DurationVar(&wait, "wait", 2*time.Minute, "how long to wait")
	return c
}

// devnetWait asks all nodes until they agree.
func (a *app) devnetWait(ctx context.Context, d devnet, wait time.Duration) error {
	type point struct {
		Nodes  int    `json:"nodes"`
		Height uint64 `json:"height"`
		State  string `json:"state_root"`
		Tree   string `json:"tree_root"`
	}
	var at point
	err := until(ctx, wait, func(ctx context.Context) error {
		for i, n := range d.Nodes {
			c, err := client.New(n.APIURL, client.Options{APIKey: n.APIKey})
			if err != nil {
				return err
			}
			f, err := c.FederationStatus(ctx)
			if err != nil {
				return errNotYet{fmt.Sprintf("%s does not answer at %s: %v", n.Name, n.APIURL, err)}
			}
			s, err := c.Status(ctx)
			if err != nil {
				return errNotYet{fmt.Sprintf("%s does not answer at %s: %v", n.Name, n.APIURL, err)}
			}
			if err := enough(f, s, len(d.Nodes)); err != nil {
				return errNotYet{n.Name + ": " + err.Error()}
			}
			here := point{len(d.Nodes), uint64(s.Height), fmt.Sprint(s.StateRoot), fmt.Sprint(s.TreeRoot)}
			switch {
			case i == 0:
				at = here
			case here.Height != at.Height:
				return errNotYet{fmt.Sprintf("%s is at entry %d, %s at %d", n.Name, here.Height, d.Nodes[0].Name, at.Height)}
			case here != at:
				return fmt.Errorf("%w: %s and %s differ at entry %d: tell the developers, and keep the folder", icn.ErrCorrupt, n.Name, d.Nodes[0].Name, at.Height)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	p := a.printer()
	return p.show(at, func() {
		p.line("%s are one federation: all at entry %s, with the state root %s", plural(at.Nodes, "node"), number(at.Height), at.State)
	})
}

// openDevnet reads what generate wrote.
func openDevnet(dir string) (devnet, error) {
	d := devnet{dir: dir}
	b, err := os.ReadFile(filepath.Join(dir, "devnet.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return d, advised{fmt.Errorf("%s: %w: no devnet was made there", dir, icn.ErrNotFound), "Make one with: icn-cli devnet generate --nodes 3 --to " + dir}
	}
	if err != nil {
		return d, fmt.Errorf("devnet: %w", err)
	}
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(&d); err != nil {
		return d, fmt.Errorf("%s: %w: %v; remove it with %s, and generate again", filepath.Join(dir, "devnet.json"), icn.ErrCorrupt, err, strings.Join(devnetFiles, ", "))
	}
	return d, nil
}

package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

func (a *app) federationCommand() *cobra.Command {
	return group("federation", "Who belongs, and who may come in",
		command("init", "Show the federation this node founded, and make a first join code for it", 0, 0, a.federationInit),
		a.inviteCommand(), a.joinCommand(), a.admitCommand(), a.statusCommand(),
		command("peers", "The other nodes of the federation", 0, 0, a.federationPeers),
		a.expelCommand(),
		command("accused", "Nodes that clerks want to expel, and evidence against clerks", 0, 0, a.federationAccused),
		command("leave", "Take this node out of its federation", 0, 0, a.federationLeave),
		a.memberCommand())
}

func (a *app) federationInit(c *cobra.Command, _ []string) error {
	return a.with(func(cl *client.Client) error {
		f, err := cl.FederationStatus(c.Context())
		if err != nil {
			return err
		}
		addr, err := bootstrapAddr(cl, c)
		if err != nil {
			return err
		}
		inv, err := cl.FederationInvite(c.Context(), icn.RoleNode, 0)
		if err != nil {
			return err
		}
		type initView struct {
			Network icn.CID      `json:"network"`
			Name    string       `json:"name"`
			Address string       `json:"address"`
			Invite  wire.Invited `json:"invite"`
		}
		p := a.printer()
		return p.show(initView{f.Network, f.Name, addr, inv}, func() {
			p.fields([2]string{"Federation", f.Name}, [2]string{"Network", f.Network.String()}, [2]string{"Nodes", fmt.Sprint(len(f.Nodes))},
				[2]string{"Address", addr}, [2]string{"Join code", inv.Code}, [2]string{"Good until", clock(inv.Expires)})
			a.note("\nOn the next machine:\n  icn-node --p2p-listen-addr /ip4/0.0.0.0/tcp/7000 --bootstrap-peers %s --join-code %s", addr, inv.Code)
		})
	})
}

func (a *app) joinCommand() *cobra.Command {
	var code string
	c := command("join ADDRESS", "Go over to the federation of a node, named by its multiaddr", 1, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error {
			j, err := cl.FederationJoin(c.Context(), args[0], code)
			if err != nil {
				return err
			}
			p := a.printer()
			return p.show(j, func() { p.line("%s", j.Message) })
		})
	})
	c.Flags().StringVar(&code, "code", "", "a join code of that federation")
	return c
}

func (a *app) admitCommand() *cobra.Command {
	var name string
	c := command("admit DID", "Let a node in that knocks", 1, 1, func(c *cobra.Command, args []string) error {
		d, err := icn.ParseDID(args[0])
		if err != nil {
			return err
		}
		return a.with(func(cl *client.Client) error {
			said, err := cl.FederationAdmit(c.Context(), d, name)
			if err != nil {
				return err
			}
			return a.said(said, fmt.Sprintf("%s is admitted", d))
		})
	})
	c.Flags().StringVar(&name, "name", "", "the name it gets; by default the one it knocked with")
	return c
}

// said prints what became of a statement.
func (a *app) said(s wire.Said, done string) error {
	p := a.printer()
	return p.show(s, func() {
		if s.State == "waiting" {
			p.line("Not ordered yet: too few clerks can be reached. The node keeps statement %d and hands it in later.", s.Number)
			return
		}
		p.line("%s (entry %s).", done, number(s.Index))
	})
}

// await is what federation status waits for.
type await struct {
	nodes, knocking int
	clerk           bool
	wait            time.Duration
}

func (a *app) statusCommand() *cobra.Command {
	var w await
	c := command("status", "Who belongs to the federation, and who knocks", 0, 0, func(c *cobra.Command, _ []string) error {
		return a.federationStatus(c.Context(), w)
	})
	c.Flags().IntVar(&w.nodes, "wait-nodes", 0, "wait until so many nodes belong and are linked to this one")
	c.Flags().IntVar(&w.knocking, "wait-knocking", 0, "wait until so many nodes knock here")
	c.Flags().BoolVar(&w.clerk, "wait-clerk", false, "wait until this node is a clerk: the order needs a majority of these")
	c.Flags().DurationVar(&w.wait, "wait", 30*time.Second, "how long to wait for them")
	return c
}

func (a *app) federationStatus(ctx context.Context, w await) error {
	var f wire.Federation
	if w.nodes == 0 && w.knocking == 0 && !w.clerk {
		w.wait = 0
	}
	err := until(ctx, w.wait, func(ctx context.Context) error {
		return a.with(func(c *client.Client) (err error) {
			if f, err = c.FederationStatus(ctx); err != nil {
				return err
			}
			if len(f.Knocking) < w.knocking {
				return errNotYet{fmt.Sprintf("%s of %d knock", plural(len(f.Knocking), "node"), w.knocking)}
			}
			if w.nodes == 0 && !w.clerk {
				return nil
			}
			s, err := c.Status(ctx)
			if err != nil {
				return err
			}
			if w.clerk && s.Role != "leader" && s.Role != "clerk" {
				return errNotYet{"the node is " + s.Role}
			}
			return enough(f, s, w.nodes)
		})
	})
	if err != nil {
		return err
	}
	p := a.printer()
	return p.show(f, func() { showFederation(p, f) })
}

// enough says whether so many nodes belong, and this one can reach them.
func enough(f wire.Federation, s wire.Status, nodes int) error {
	switch {
	case len(f.Nodes) < nodes:
		return errNotYet{fmt.Sprintf("%s of %d belong to the federation", plural(len(f.Nodes), "node"), nodes)}
	case s.PeerCount < nodes-1:
		return errNotYet{fmt.Sprintf("%d of %d other nodes are linked", s.PeerCount, nodes-1)}
	case !s.IsOnline:
		return errNotYet{"there is no leader"}
	case s.Role != "leader" && s.Role != "clerk" && s.Role != "learner":
		return errNotYet{"the node is " + s.Role}
	}
	return nil
}

func showFederation(p printer, f wire.Federation) {
	p.fields([2]string{"Federation", f.Name}, [2]string{"Network", f.Network.String()}, [2]string{"Founded", clock(f.Founded)},
		[2]string{"Members", fmt.Sprintf("%d, and %s", len(f.Members), plural(len(f.Nodes), "node"))})
	p.line("")
	showNodes(p, f.Nodes)
	if len(f.Members) > 0 {
		p.line("")
		rows := make([][]string, 0, len(f.Members))
		for _, m := range f.Members {
			rows = append(rows, []string{m.DID.String(), m.Name, m.Role.String(), number(m.Since), standing(m)})
		}
		p.grid([]string{"member", "name", "role", "since entry", "standing"}, rows, 4)
	}
	if len(f.Knocking) > 0 {
		p.line("")
		rows := make([][]string, 0, len(f.Knocking))
		for _, k := range f.Knocking {
			rows = append(rows, []string{k.DID.String(), k.Name, span(time.Since(k.Since)), "icn-cli federation admit " + k.DID.String()})
		}
		p.grid([]string{"knocking", "name", "for", "let it in"}, rows)
	}
}

func showNodes(p printer, nodes []node.NodeView) {
	rows := make([][]string, 0, len(nodes))
	for _, n := range nodes {
		role := "learner"
		if n.Clerk {
			role = "clerk"
		}
		rows = append(rows, []string{n.DID.String(), n.Name, role, number(n.Balance), number(n.Held)})
	}
	p.grid([]string{"node", "name", "role", "mana", "held"}, rows, 4, 5)
}

func (a *app) federationPeers(c *cobra.Command, _ []string) error {
	return a.with(func(cl *client.Client) error {
		peers, err := cl.FederationPeers(c.Context())
		if err != nil {
			return err
		}
		if peers == nil {
			peers = []node.NodeView{}
		}
		p := a.printer()
		return p.show(peers, func() {
			if len(peers) == 0 {
				a.note("This node is alone in its federation.")
				return
			}
			showNodes(p, peers)
		})
	})
}

func (a *app) federationLeave(c *cobra.Command, _ []string) error {
	return a.with(func(cl *client.Client) error {
		s, err := cl.FederationLeave(c.Context())
		if err != nil {
			return err
		}
		return a.said(s, "The node has left its federation")
	})
}

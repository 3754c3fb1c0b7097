package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

func (a *app) networkCommand() *cobra.Command {
	return group("network", "Links to other nodes",
		command("peers", "The nodes this one is linked to, or tries to reach", 0, 0, a.networkPeers),
		command("connect ADDRESS", "Have the node dial a multiaddr with /p2p/", 1, 1, a.networkConnect),
		command("local-peer-id", "The node's peer id and the addresses others can use", 0, 0, a.networkSelf),
		command("ping PEER", "Measure the way to a peer, named by its DID or peer id", 1, 1, a.networkPing))
}

func (a *app) networkPeers(c *cobra.Command, _ []string) error {
	return a.with(func(cl *client.Client) error {
		peers, err := cl.NetworkPeers(c.Context())
		if err != nil {
			return err
		}
		if peers == nil {
			peers = []node.Link{}
		}
		p := a.printer()
		return p.show(peers, func() {
			if len(peers) == 0 {
				a.note("No other node is known here.")
				return
			}
			rows := make([][]string, 0, len(peers))
			for _, x := range peers {
				link, addr := "no", "-"
				if x.Connected {
					link = span(time.Since(x.Since))
				}
				if len(x.Addrs) > 0 {
					addr = x.Addrs[0]
				}
				state := x.Breaker
				if x.RetryIn > 0 {
					state += ", again in " + span(time.Duration(x.RetryIn)*time.Millisecond)
				}
				rows = append(rows, []string{short(x.DID), link, span(time.Duration(x.RTTMicros) * time.Microsecond), size(x.BytesIn), size(x.BytesOut), state, addr})
			}
			p.grid([]string{"node", "linked for", "round trip", "in", "out", "breaker", "address"}, rows, 3, 4, 5)
		})
	})
}

func (a *app) networkConnect(c *cobra.Command, args []string) error {
	return a.with(func(cl *client.Client) error {
		r, err := cl.NetworkConnect(c.Context(), args[0])
		if err != nil {
			return err
		}
		p := a.printer()
		return p.show(r, func() { p.line("%s answers as %s", r.Connected, r.DID) })
	})
}

func (a *app) networkSelf(c *cobra.Command, _ []string) error {
	return a.with(func(cl *client.Client) error {
		id, err := cl.NetworkLocalPeerID(c.Context())
		if err != nil {
			return err
		}
		p := a.printer()
		return p.show(id, func() {
			p.line("%s", id.PeerID)
			for _, addr := range id.Addresses {
				p.line("%s", addr)
			}
		})
	})
}

func (a *app) networkPing(c *cobra.Command, args []string) error {
	return a.with(func(cl *client.Client) error {
		r, err := cl.NetworkPing(c.Context(), args[0])
		if err != nil {
			return err
		}
		p := a.printer()
		return p.show(r, func() { p.line("%s  %s", r.DID, span(time.Duration(r.RTTMicros)*time.Microsecond)) })
	})
}

// bootstrapAddr is the address that a newcomer on another machine would use.
func bootstrapAddr(c *client.Client, cmd *cobra.Command) (string, error) {
	id, err := c.NetworkLocalPeerID(cmd.Context())
	if err != nil {
		return "", err
	}
	if len(id.Addresses) == 0 {
		return "", fmt.Errorf("%w: this node has no P2P address; start it with --p2p-listen-addr", icn.ErrUnavailable)
	}
	return id.Addresses[0], nil
}

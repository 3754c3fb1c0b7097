package cli

import (
	"fmt"
	"strings"
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
		a.pingCommand())
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
			rows, linked := make([][]string, 0, len(peers)), 0
			for _, x := range peers {
				rows = append(rows, peerRow(x))
				if x.Connected {
					linked++
				}
			}
			p.grid([]string{"node", "linked for", "round trip", "in", "out", "held up", "breaker", "address"}, rows, 3, 4, 5, 6)
			for _, x := range peers {
				if !x.Connected && x.Error != "" {
					a.note("%s: %s", short(x.DID), oneLine(x.Error))
				}
			}
			a.note("%d of %d linked.", linked, len(peers))
		})
	})
}

// peerRow tells about a peer in the columns of networkPeers.
func peerRow(x node.Link) []string {
	link, trip, addr := "no", "-", "-"
	if x.Connected {
		link = span(time.Since(x.Since))
		if x.RTTMicros > 0 {
			trip = span(time.Duration(x.RTTMicros) * time.Microsecond)
		}
	}
	if len(x.Addrs) > 0 {
		addr, _, _ = strings.Cut(x.Addrs[0], "/p2p/")
	}
	if !x.Relay.IsZero() {
		addr = "through " + short(x.Relay)
	}
	state := x.Breaker
	if x.RetryIn > 0 {
		state += ", again in " + span(time.Duration(x.RetryIn)*time.Millisecond)
	}
	return []string{short(x.DID), link, trip, size(x.BytesIn), size(x.BytesOut), heldUp(x), state, addr}
}

// heldUp counts what did not flow as it was sent.
func heldUp(x node.Link) string {
	var out []string
	for _, n := range []struct {
		count uint64
		what  string
	}{{x.Throttled, "slowed"}, {x.Dropped, "dropped"}, {x.Refused, "refused"}} {
		if n.count > 0 {
			out = append(out, number(n.count)+" "+n.what)
		}
	}
	if len(out) == 0 {
		return "-"
	}
	return strings.Join(out, ", ")
}

// oneLine is the gist of an error that has several lines.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

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

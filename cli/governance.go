package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

func (a *app) governanceCommand() *cobra.Command {
	subs := slices.Concat(
		[]*cobra.Command{a.proposeCommand(), a.proposalsCommand(), a.proposalCommand()}, a.ballotCommands(), a.actCommands(),
		[]*cobra.Command{a.tallyCommand(), a.ballotsCommand(), a.executeCommand()}, a.mandateCommands(),
		[]*cobra.Command{a.rehearsalCommand(), a.voteReceiptCommand(), a.exportCommand(), a.rollCommand(), a.parametersCommand(), a.submitJSONCommand()})
	g := group("governance", "Proposals, votes, and what comes of them", subs...)
	g.Long = "Members propose, vote and delegate; what they say is signed here, with the identity in use (icn-cli id). Nodes have no\n" +
		"vote. A proposal is named by its CID, or by the end of it that lists show (4 characters or more)."
	return g
}

// shortID is enough of a proposal's CID to tell it apart.
func shortID(id icn.CID) string {
	s := id.String()
	return "…" + s[len(s)-8:]
}

// proposal finds a proposal by its CID, or by the beginning or the end of that.
func (a *app) proposal(ctx context.Context, c *client.Client, arg string) (node.ProposalView, error) {
	if id, err := icn.ParseCID(arg); err == nil {
		return c.GovernanceProposal(ctx, id, false)
	}
	part := strings.TrimSuffix(strings.TrimPrefix(arg, "…"), "…")
	if len(part) < 4 {
		return node.ProposalView{}, fmt.Errorf("%w: %q: name a proposal by its CID, or by 4 characters or more of its end", icn.ErrInvalid, arg)
	}
	var found []node.ProposalView
	err := eachProposal(ctx, c, wire.ProposalFilter{}, func(v node.ProposalView) bool {
		if s := v.ID.String(); strings.HasSuffix(s, part) || strings.HasPrefix(s, part) && len(part) > 8 {
			found = append(found, v)
		}
		return len(found) < 2
	})
	switch {
	case err != nil:
		return node.ProposalView{}, err
	case len(found) == 0:
		return node.ProposalView{}, fmt.Errorf("%w: no proposal whose CID ends in %q; see: icn-cli governance list", icn.ErrNotFound, part)
	case len(found) > 1:
		return node.ProposalView{}, fmt.Errorf("%w: %q can be “%s” (%s) or “%s” (%s); write more of it", icn.ErrInvalid, part, found[0].Title, found[0].ID, found[1].Title, found[1].ID)
	}
	return found[0], nil
}

// eachProposal calls fn for proposals, the newest first, until it has enough.
func eachProposal(ctx context.Context, c *client.Client, f wire.ProposalFilter, fn func(node.ProposalView) bool) error {
	for {
		page, err := c.GovernanceProposals(ctx, f)
		if err != nil {
			return err
		}
		for _, v := range page.Proposals {
			if !fn(v) {
				return nil
			}
		}
		if f.Before = page.Next; f.Before == 0 {
			return nil
		}
	}
}

// somebody is a DID, or the member or node of that name.
func (a *app) somebody(ctx context.Context, c *client.Client, s string) (icn.DID, error) {
	if strings.HasPrefix(s, "did:") {
		return icn.ParseDID(s)
	}
	f, err := c.FederationStatus(ctx)
	if err != nil {
		return icn.DID{}, err
	}
	var found []icn.DID
	for _, m := range f.Members {
		if strings.EqualFold(m.Name, s) {
			found = append(found, m.DID)
		}
	}
	for _, n := range f.Nodes {
		if strings.EqualFold(n.Name, s) {
			found = append(found, n.DID)
		}
	}
	switch len(found) {
	case 0:
		return icn.DID{}, fmt.Errorf("%w: nobody of this federation is called %q; see: icn-cli federation status", icn.ErrNotFound, s)
	case 1:
		return found[0], nil
	}
	return icn.DID{}, fmt.Errorf("%w: several are called %q; name the DID: %s or %s", icn.ErrInvalid, s, found[0], found[1])
}

// nameTags are the names of members, for people to read.
func nameTags(ctx context.Context, c *client.Client) func(icn.DID) string {
	names := map[icn.DID]string{}
	if f, err := c.FederationStatus(ctx); err == nil { // names are for comfort
		for _, m := range f.Members {
			names[m.DID] = m.Name
		}
		for _, n := range f.Nodes {
			names[n.DID] = n.Name
		}
	}
	return func(d icn.DID) string {
		if n := names[d]; n != "" {
			return n + " (" + short(d) + ")"
		}
		return d.String()
	}
}

// actCommands are what members say about a proposal, besides voting.
func (a *app) actCommands() []*cobra.Command {
	var reason string
	act := func(use, short string, op func(icn.CID) icn.Op) *cobra.Command {
		var w waitFor
		c := command(use+" PROPOSAL", short, 1, 1, func(c *cobra.Command, args []string) error {
			return a.with(func(cl *client.Client) error {
				v, err := a.proposal(c.Context(), cl, args[0])
				if err != nil {
					return err
				}
				s, err := a.say(c.Context(), cl, op(v.ID))
				if err != nil {
					return err
				}
				if err := a.confirmed(c.Context(), cl, s, w); err != nil || a.output == "json" || s.State == "waiting" {
					return err
				}
				return a.standing(c.Context(), cl, v.ID)
			})
		})
		w.flags(c)
		return c
	}
	veto := act("veto", "Stop what was accepted, as one of the veto group", func(id icn.CID) icn.Op { return icn.ProposalVeto{ID: id, Reason: reason} })
	veto.Flags().StringVar(&reason, "reason", "", "why; everybody sees it")
	return []*cobra.Command{
		act("sponsor", "Say that this shall be voted on", func(id icn.CID) icn.Op { return icn.ProposalSponsor{ID: id} }),
		act("open", "Put your draft forward, or open the vote on your proposal", func(id icn.CID) icn.Op { return icn.ProposalAdvance{ID: id} }),
		act("withdraw", "Take your proposal back, before the vote opens", func(id icn.CID) icn.Op { return icn.ProposalWithdraw{ID: id} }),
		veto,
		act("close", "End a vote early, if nothing that is outstanding can change its result", func(id icn.CID) icn.Op { return icn.ProposalClose{ID: id} }),
	}
}

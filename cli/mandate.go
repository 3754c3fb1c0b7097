package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// mandateFlags say how far a delegation goes.
type mandateFlags struct {
	scope, expires string
	proxy          bool
	wait           waitFor
}

func (a *app) mandateCommands() []*cobra.Command {
	var d, x mandateFlags
	delegate := command("delegate MEMBER", "Let another member's vote count for yours, where you do not vote yourself", 1, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error { return a.delegate(c.Context(), cl, args[0], d) })
	})
	delegate.Long = delegate.Short + ".\n\nIt goes on: if that member does not vote but delegates too, that one's vote counts. The narrowest scope that fits a\n" +
		"proposal counts. Your own ballot always counts more. A proxy may besides cast ballots in your name."
	proxy := command("proxy MEMBER", "Make another member your proxy: it may cast ballots in your name", 1, 1, func(c *cobra.Command, args []string) error {
		x.proxy = true
		return a.with(func(cl *client.Client) error { return a.delegate(c.Context(), cl, args[0], x) })
	})
	for _, p := range []struct {
		c *cobra.Command
		f *mandateFlags
	}{{delegate, &d}, {proxy, &x}} {
		p.c.Flags().StringVar(&p.f.scope, "scope", "", "for a kind of proposals ("+strings.Join(icn.MotionKinds(), ", ")+") or for a single one; by default for all")
		p.c.Flags().StringVar(&p.f.expires, "expires", "", "until when (2026-12-31, 90d); by default until you revoke it")
		p.f.wait.flags(p.c)
	}
	delegate.Flags().BoolVar(&d.proxy, "proxy", false, "it may also cast ballots in your name")

	var r mandateFlags
	revoke := command("revoke", "Take a delegation back", 0, 0, func(c *cobra.Command, _ []string) error {
		return a.with(func(cl *client.Client) error {
			scope, err := a.scope(c.Context(), cl, r.scope)
			if err != nil {
				return err
			}
			s, err := a.say(c.Context(), cl, icn.DelegationRevoke{Scope: scope})
			if err != nil {
				return err
			}
			return a.confirmed(c.Context(), cl, s, r.wait)
		})
	})
	revoke.Flags().StringVar(&r.scope, "scope", "", "the one with this scope; by default the one for all proposals")
	r.wait.flags(revoke)
	list := command("delegations [MEMBER]", "Who votes for whom: what a member has given and received; by default you", 0, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error { return a.delegations(c.Context(), cl, args) })
	})
	return []*cobra.Command{delegate, proxy, revoke, list}
}

// scope reads what a delegation is good for.
func (a *app) scope(ctx context.Context, c *client.Client, s string) (icn.Scope, error) {
	switch {
	case s == "" || s == "all":
		return icn.Scope{}, nil
	case slices.Contains(icn.MotionKinds(), s):
		return icn.Scope{Kind: s}, nil
	}
	v, err := a.proposal(ctx, c, s)
	if err != nil {
		return icn.Scope{}, fmt.Errorf("--scope: %w; or a kind: %s", err, strings.Join(icn.MotionKinds(), ", "))
	}
	return icn.Scope{Proposal: v.ID}, nil
}

func (a *app) delegate(ctx context.Context, c *client.Client, to string, f mandateFlags) error {
	op := icn.DelegationSet{Proxy: f.proxy}
	var err error
	if op.To, err = a.somebody(ctx, c, to); err != nil {
		return err
	}
	if op.Scope, err = a.scope(ctx, c, f.scope); err != nil {
		return err
	}
	if f.expires != "" {
		if op.Expires, err = readMoment(f.expires, time.Now()); err != nil {
			return fmt.Errorf("--expires: %w", err)
		}
	}
	s, err := a.say(ctx, c, op)
	if err != nil {
		return err
	}
	return a.confirmed(ctx, c, s, f.wait)
}

func (a *app) delegations(ctx context.Context, c *client.Client, args []string) error {
	var who icn.DID
	var err error
	if len(args) > 0 {
		who, err = a.somebody(ctx, c, args[0])
	} else {
		who, err = a.accountArg(ctx, c, nil)
	}
	if err != nil {
		return err
	}
	all, err := c.GovernanceDelegations(ctx, who)
	if err != nil {
		return err
	}
	p := a.printer()
	return p.show(all, func() {
		if len(all) == 0 {
			a.note("%s has given no vote to others, and received none.", who)
			return
		}
		printDelegations(p, all, nameTags(ctx, c))
	})
}

func printDelegations(p printer, all []node.DelegationView, name func(icn.DID) string) {
	rows := make([][]string, 0, len(all))
	for _, d := range all {
		how, until := "delegate", "revoked"
		if d.Proxy {
			how = "proxy"
		}
		if d.Expires > 0 {
			until = deadline(d.Expires, time.Now())
		}
		if d.Expired {
			until = "expired"
		}
		rows = append(rows, []string{name(d.From), name(d.To), how, d.For, until})
	}
	p.grid([]string{"member", "votes through", "as", "on", "until"}, rows)
}

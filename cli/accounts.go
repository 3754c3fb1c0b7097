package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
)

func (a *app) accountsCommand() *cobra.Command {
	return group("accounts", "Mana of members and nodes",
		a.balanceCommand(), a.historyCommand())
}

func (a *app) balanceCommand() *cobra.Command {
	var asOf string
	c := command("balance [DID]", "An account's mana; by default of the identity in use, or of the node", 0, 1, func(c *cobra.Command, args []string) error {
		return a.balance(c.Context(), asOf, args)
	})
	c.Flags().StringVar(&asOf, "as-of", "", "as of a day's end (2026-03-31, UTC) or a moment (2026-03-31T12:00:00Z)")
	return c
}

func (a *app) balance(ctx context.Context, asOf string, args []string) error {
	return a.with(func(c *client.Client) error {
		who, err := a.accountArg(ctx, c, args)
		if err != nil {
			return err
		}
		v, err := c.AccountMana(ctx, who, asOf)
		if err != nil {
			return err
		}
		p := a.printer()
		return p.show(v, func() {
			p.fields([2]string{"Account", v.DID.String()}, [2]string{"Mana", number(v.Balance)}, [2]string{"Held", number(v.Held)},
				[2]string{"Grows by", growth(v)}, [2]string{"As of", clock(v.AsOf) + ", entry " + number(v.Index)})
		})
	})
}

// growth says how an account grows, in words.
func growth(v node.AccountView) string {
	s := number(v.PerHour) + " an hour, up to " + number(v.Cap)
	if v.Tier != icn.TierNormal {
		s += fmt.Sprintf(" (%s tier, by its reputation)", v.Tier)
	}
	return s
}

func (a *app) historyCommand() *cobra.Command {
	var asOf string
	var limit int
	c := command("history [DID]", "Every change of an account, with the entry that caused it", 0, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error {
			who, err := a.accountArg(c.Context(), cl, args)
			if err != nil {
				return err
			}
			v, err := cl.AccountHistory(c.Context(), who, asOf, limit)
			if err != nil {
				return err
			}
			p := a.printer()
			return p.show(v, func() { a.showHistory(p, v) })
		})
	})
	c.Flags().StringVar(&asOf, "as-of", "", "changes until a day's end (2026-03-31, UTC) or a moment (2026-03-31T12:00:00Z)")
	c.Flags().IntVar(&limit, "limit", 100, "at most so many, the last ones")
	return c
}

// causes are the everyday words for what changes an account.
var causes = map[string]string{"AccountOpened": "opened", "JobPosted": "job posted", "JobSettled": "job settled", "JobRolledBack": "rolled back",
	"JobCancelled": "job cancelled", "Refunded": "refund", "ManaSpent": "spent", "TierChanged": "tier",
	"BudgetGranted": "budget", "ProposerThanked": "thanks"}

func (a *app) showHistory(p printer, v node.Statement) {
	rows := make([][]string, 0, len(v.Lines))
	signed := func(sign string, n uint64) string {
		if n == 0 {
			return ""
		}
		return sign + number(n)
	}
	for _, l := range v.Lines {
		why := causes[l.Cause]
		if l.Job != nil {
			why += " …" + l.Job.String()[len(l.Job.String())-8:]
		}
		if l.Cause == "TierChanged" {
			why += " " + l.Tier.String()
		}
		rows = append(rows, []string{number(l.Index), clock(l.Time), why, signed("+", l.Regenerated), signed("+", l.Minted-l.Lost), signed("−", l.Burnt), signed("−", l.Held), signed("+", l.Released),
			number(l.Balance), number(l.HeldNow)})
	}
	p.grid([]string{"entry", "time", "cause", "regrown", "gained", "burnt", "held", "released", "balance", "on hold"}, rows, 1, 4, 5, 6, 7, 8, 9, 10)
	p.line("")
	p.fields([2]string{"Account", v.DID.String()}, [2]string{"As of", clock(v.AsOf)}, [2]string{"Mana", number(v.Balance)}, [2]string{"Held", number(v.Held)}, [2]string{"Grows by", growth(v.AccountView)})
	if v.More {
		a.note("There are older changes: give --limit, or --as-of.")
	}
	if !v.Agree {
		a.note("These changes do not add up to what the node's state holds: run icn-cli dag verify --deep.")
	}
}

func (a *app) reputationCommand() *cobra.Command {
	var why bool
	var limit int
	c := command("get [DID]", "Somebody's reputation, of 100; by default of the node", 0, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error {
			who, err := a.accountArg(c.Context(), cl, args)
			if err != nil {
				return err
			}
			if !why {
				limit = 0
			}
			r, err := cl.Reputation(c.Context(), who, limit)
			if err != nil {
				return err
			}
			p := a.printer()
			return p.show(r, func() { a.showReputation(p, r, why) })
		})
	})
	c.Flags().BoolVar(&why, "why", false, "tell the changes, with their reasons")
	c.Flags().IntVar(&limit, "limit", 50, "at most so many changes, the last ones")
	return group("reputation", "What nodes have earned by running jobs", c)
}

func (a *app) showReputation(p printer, r node.Reputation, why bool) {
	p.fields([2]string{"Who", r.DID.String()}, [2]string{"Reputation", fmt.Sprintf("%.1f of 100", r.Points)}, [2]string{"Tier", r.Tier.String()})
	if !why {
		return
	}
	p.line("")
	if len(r.Why) == 0 {
		p.line("Nothing has changed it yet: everybody begins at 50.")
		return
	}
	rows := make([][]string, 0, len(r.Why))
	for _, l := range r.Why {
		job := ""
		if l.Job != nil {
			job = "…" + l.Job.String()[len(l.Job.String())-8:]
		}
		rows = append(rows, []string{number(l.Index), clock(l.Time), fmt.Sprintf("%+.1f", float64(l.By)/1000), fmt.Sprintf("%.1f", float64(l.Value)/1000), l.Reason, job})
	}
	p.grid([]string{"entry", "time", "change", "then", "because", "job"}, rows, 1, 3, 4)
	if r.More {
		a.note("There are older changes: give --limit.")
	}
	if !r.Agree {
		a.note("These changes do not add up to the number: run icn-cli dag verify --deep.")
	}
}

// accountArg is the account that was named, or whoever speaks here.
func (a *app) accountArg(ctx context.Context, c *client.Client, args []string) (icn.DID, error) {
	if len(args) > 0 {
		return icn.ParseDID(args[0])
	}
	id, used, err := a.identity()
	if err != nil {
		return icn.DID{}, err
	}
	if used {
		return id.DID, nil
	}
	i, err := c.Info(ctx)
	return i.DID, err
}

func (a *app) keysCommand() *cobra.Command {
	show := command("show", "The node's public key in its forms", 0, 0, func(c *cobra.Command, _ []string) error {
		return a.with(func(cl *client.Client) error {
			k, err := cl.Keys(c.Context())
			if err != nil {
				return err
			}
			p := a.printer()
			return p.show(k, func() {
				p.fields([2]string{"DID", k.DID.String()}, [2]string{"Public key", k.PublicKey}, [2]string{"Peer id", k.PeerID})
			})
		})
	})
	rotate := command("rotate", "Give the node another key; its DID, account and standing stay", 0, 0, func(c *cobra.Command, _ []string) error { return a.rotateKey(c.Context()) })
	rotate.Long = "The node makes a new key, says so in a statement that both keys sign, and starts again with it as soon as that is\n" +
		"in the federation's log. The new key is sealed as the old one was. The old file stays beside it, and is good for nothing.\n" +
		"Where the node cannot write beside its key (a mounted Secret), make the new key with 'keys prepare' first, and put it there."
	return group("keys", "The node's key, and key files", append([]*cobra.Command{show, rotate}, a.keyFileCommands()...)...)
}

// rotateWait is how long the node may take to answer with its new key.
const rotateWait = time.Minute

func (a *app) rotateKey(ctx context.Context) error {
	var r wire.Rotated
	err := a.with(func(c *client.Client) (err error) {
		r, err = c.AdminRotateKey(ctx)
		return err
	})
	if err != nil {
		return err
	}
	p := a.printer()
	if r.State != "applied" {
		return p.show(r, func() {
			p.line("The change waits until enough clerks can be reached; the node then goes over to its new key by itself.")
			p.fields([2]string{"DID", r.DID.String()}, [2]string{"New key", r.Key.String()})
			a.tellPlace(r)
		})
	}
	var now wire.Keys
	err = until(ctx, rotateWait, func(ctx context.Context) error {
		return a.with(func(c *client.Client) (err error) {
			if now, err = c.Keys(ctx); err == nil && now.PeerID != key.PeerID(r.Key) {
				return errNotYet{"the node does not answer with its new key yet"}
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	return p.show(r, func() {
		p.line("The node goes on with its new key.")
		p.fields([2]string{"DID", r.DID.String() + " (as before)"}, [2]string{"Peer id", now.PeerID}, [2]string{"Entry", number(r.Index)})
		a.tellPlace(r)
	})
}

// tellPlace says what is left to do where the node could not put its key in its place.
func (a *app) tellPlace(r wire.Rotated) {
	if r.File != "" {
		a.note("The node reads its new key from %s, and cannot put it in the place of the old one itself.\nWhen the new key counts, do that where the key files come from (docs/kubernetes.md: Another key); until then keep both there.", r.File)
	}
}

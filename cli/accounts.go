package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

func (a *app) accountsCommand() *cobra.Command {
	return group("accounts", "Mana of members and nodes",
		command("balance [DID]", "An account's mana; by default of the identity in use, or of the node", 0, 1, func(c *cobra.Command, args []string) error {
			return a.balance(c.Context(), args)
		}))
}

func (a *app) balance(ctx context.Context, args []string) error {
	return a.with(func(c *client.Client) error {
		who, err := a.accountArg(ctx, c, args)
		if err != nil {
			return err
		}
		v, err := c.AccountMana(ctx, who)
		if err != nil {
			return err
		}
		p := a.printer()
		return p.show(v, func() {
			p.fields([2]string{"Account", v.DID.String()}, [2]string{"Mana", number(v.Balance)}, [2]string{"Held", number(v.Held)},
				[2]string{"As of", clock(v.AsOf) + ", entry " + number(v.Index)})
		})
	})
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
		return id.Pair.DID(), nil
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
		"in the federation's log. The new key is sealed as the old one was. The old file stays beside it, and is good for nothing."
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
	})
}

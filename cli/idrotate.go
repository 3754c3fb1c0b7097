package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

func (a *app) idRotateCommand() *cobra.Command {
	c := command("rotate [NAME]", "Give an identity another key; its DID, account and standing stay", 0, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error { return a.idRotate(c.Context(), cl, args) })
	})
	c.Long = "A new key is made here and written down, sealed as the old one is. Then the federation is told, in a statement that\n" +
		"both keys sign. As soon as that is in its log, the new key takes the place of the old one, which is kept beside it and\n" +
		"is good for nothing: ballots that were signed with it and not handed in before do not count any more.\n\n" +
		"If this is interrupted, nothing is lost: the next command that signs, or this one again, asks the node which key\n" +
		"counts, and goes on from there. Copies made with 'id export' hold the old key: make new ones."
	return c
}

// settle asks which key counts, and puts it in its place.
func (a *app) settle(ctx context.Context, c *client.Client, w *key.Wallet, id key.Identity) (key.Identity, error) {
	account, err := c.AccountMana(ctx, id.DID, "")
	if err != nil {
		return id, err
	}
	now, err := w.Settle(id.Name, account.Key)
	if err == nil && now.Key != id.Key {
		a.note("The new key of %s is in its place now. Copies made with 'id export' hold the old one: make new ones.", id.Name)
	}
	return now, err
}

func (a *app) idRotate(ctx context.Context, c *client.Client, args []string) error {
	w, err := a.wallet()
	if err != nil {
		return err
	}
	id, err := a.named(w, args)
	if err != nil {
		return err
	}
	was := id.Key
	if id, err = a.settle(ctx, c, w, id); err != nil {
		return notMember(id.DID, err)
	}
	if id.Key != was {
		return a.showRotated(id) // this is what was interrupted
	}
	said, err := a.sayRotation(ctx, c, w, id)
	if err != nil {
		return err
	}
	p := a.printer()
	if said.State == "waiting" {
		return p.show(viewID(id), func() {
			p.line("Not ordered yet: too few clerks can be reached. The next command that signs as %s, or icn-cli id rotate %s,\nputs the new key in its place when it counts.", id.Name, id.Name)
		})
	}
	if id, err = a.settle(ctx, c, w, id); err != nil {
		return err
	}
	return a.showRotated(id)
}

// sayRotation tells the federation of the key that is to count. The key is on disk
// before; it is given up only if the node says that it takes no such statement.
func (a *app) sayRotation(ctx context.Context, c *client.Client, w *key.Wallet, id key.Identity) (said wire.Said, err error) {
	now, pass, err := a.open(w, id)
	if err != nil {
		return said, err
	}
	info, err := c.Info(ctx)
	if err != nil {
		return said, err
	}
	network, err := icn.ParseCID(info.Network)
	if err != nil {
		return said, err
	}
	next, err := w.Next(id.Name, pass)
	if err != nil {
		return said, err
	}
	key := icn.DID(next.Public())
	proof := next.Sign(icn.RotationBytes(network, id.DID, key))
	said, err = say(ctx, c, now, icn.KeyRotate{Key: key, Proof: [64]byte(proof)})
	if errors.Is(err, icn.ErrDenied) || errors.Is(err, icn.ErrInvalid) {
		// One that was said before, and waited, may have been ordered meanwhile.
		if account, aerr := c.AccountMana(ctx, id.DID, ""); aerr == nil && account.Key == key {
			return said, nil
		}
		err = errors.Join(err, w.GiveUp(id.Name))
	}
	return said, err
}

func (a *app) showRotated(id key.Identity) error {
	p := a.printer()
	return p.show(viewID(id), func() {
		p.line("%s signs with its new key.", id.Name)
		p.fields([2]string{"DID", id.DID.String() + " (as before)"}, [2]string{"Public key", id.Key.String()}, [2]string{"Kept", protection(id)})
	})
}

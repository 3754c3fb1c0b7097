package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// recoveryRequest is what a member with a new key gives to its guardians.
type recoveryRequest struct {
	Form    string  `json:"icn"` // recoveryForm
	Network icn.CID `json:"network"`
	Member  icn.DID `json:"member"`
	Key     icn.DID `json:"key"`
	Proof   []byte  `json:"proof"` // the key's signature: it agrees
}

const (
	recoveryForm     = "recovery/v1"
	recoveryFileMost = 16 << 10
)

func (a *app) recoveryCommands() []*cobra.Command {
	return []*cobra.Command{a.guardiansCommand(), a.idRecoverCommand(), a.supportCommand(), a.vetoCommand()}
}

func (a *app) guardiansCommand() *cobra.Command {
	var needed int
	var none bool
	var w waitFor
	set := command("set [MEMBER...]", "Say who can give you a new key together, should you lose yours", 0, icn.MaxGuardians, func(c *cobra.Command, args []string) error {
		if (len(args) == 0) != none {
			return usageError{"name the guardians, or say --none", c.CommandPath()}
		}
		if needed == 0 && !none {
			needed = len(args)/2 + 1
		}
		return a.with(func(cl *client.Client) error {
			op := icn.GuardiansSet{Needed: uint64(needed)}
			for _, arg := range args {
				d, err := a.somebody(c.Context(), cl, arg)
				if err != nil {
					return err
				}
				op.Guardians = append(op.Guardians, d)
			}
			s, err := a.say(c.Context(), cl, op)
			if err != nil {
				return err
			}
			return a.confirmed(c.Context(), cl, s, w)
		})
	})
	set.Flags().IntVar(&needed, "needed", 0, "so many of them together; by default more than half")
	set.Flags().BoolVar(&none, "none", false, "nobody, from now on")
	w.flags(set)
	g := group("guardians", "Who can give you a new key together, should you lose yours", set,
		command("show [MEMBER]", "A member's guardians; by default yours", 0, 1, a.guardiansShow))
	g.Long = g.Short + ".\n\nThey need no secret of yours: each says with its own key that yours is another from now on. When enough have said\n" +
		"so, it changes after the rules' delay (recovery_delay_ms), in which you can stop it: icn-cli id veto."
	return g
}

func (a *app) guardiansShow(c *cobra.Command, args []string) error {
	return a.with(func(cl *client.Client) error {
		var d icn.DID
		var err error
		if len(args) > 0 {
			d, err = a.somebody(c.Context(), cl, args[0])
		} else {
			var w *key.Wallet
			var id key.Identity
			if w, err = a.wallet(); err == nil {
				id, err = a.named(w, nil)
			}
			d = id.DID
		}
		if err != nil {
			return err
		}
		m, err := cl.FederationMember(c.Context(), d)
		if err != nil {
			return err
		}
		p := a.printer()
		return p.show(m, func() {
			if m.Guardians == nil {
				a.note("%s has no guardians. To name some: icn-cli id guardians set MEMBER...", m.Name)
				return
			}
			showMember(c.Context(), cl, p, m)
		})
	})
}

func (a *app) idRecoverCommand() *cobra.Command {
	var member, to string
	var open bool
	c := command("recover NAME", "Make a new key for a member who has lost its own, and a request for its guardians", 1, 1, func(c *cobra.Command, args []string) error {
		return a.with(func(cl *client.Client) error { return a.idRecover(c.Context(), cl, args[0], member, to, open) })
	})
	c.Flags().StringVar(&member, "member", "", "the member's DID or name")
	c.Flags().StringVar(&to, "to", "", "write the request into this file, which must not exist; by default to stdout")
	noPassphrase(c, &open)
	_ = c.MarkFlagRequired("member") // the flag was just defined
	c.Long = c.Short + ".\n\nThe key stays here, under NAME. The request holds nothing secret: give it to the guardians, and tell them the end of\n" +
		"the new key by voice, so that they know it is yours. Each says: icn-cli id support FILE."
	return c
}

func (a *app) idRecover(ctx context.Context, c *client.Client, name, who, to string, open bool) error {
	w, err := a.wallet()
	if err != nil {
		return err
	}
	d, err := a.somebody(ctx, c, who)
	if err != nil {
		return err
	}
	m, err := c.FederationMember(ctx, d)
	if err != nil {
		return err
	}
	if m.Guardians == nil {
		return fmt.Errorf("%w: %s has named no guardians, so nobody can give it a new key; a clerk or a vote can take a new identity in", icn.ErrConflict, m.Name)
	}
	network, err := networkOf(ctx, c)
	if err != nil {
		return err
	}
	id, pair, err := a.newKeyFor(w, name, d, open)
	if err != nil {
		return err
	}
	req := recoveryRequest{recoveryForm, network, d, id.Key, pair.Sign(icn.RotationBytes(network, d, id.Key))}
	text, err := json.MarshalIndent(req, "", "  ")
	if err != nil {
		return err
	}
	if text = append(text, '\n'); to == "" {
		_, err = a.Out.Write(text)
	} else {
		err = key.SaveFile(to, text)
	}
	if err != nil {
		return err
	}
	a.note("%d of the guardians of %s must say: icn-cli id support FILE. Tell them that the new key ends in %s.\nUntil it counts nothing can be said as %s here. To see how far it is: icn-cli id guardians show %s", m.Guardians.Needed, m.Name, id.Key.Short(), name, d)
	return nil
}

// newKeyFor keeps a new key of a member's under a name. The key that was made for it
// before, and does not count yet, is used again.
func (a *app) newKeyFor(w *key.Wallet, name string, d icn.DID, open bool) (key.Identity, key.Pair, error) {
	if old, err := w.Get(name); err == nil && old.DID == d && old.Key != d {
		pair, _, err := a.open(w, old)
		return old, pair, err
	}
	pass, err := a.passphraseForNew(w, name, open)
	if err != nil {
		return key.Identity{}, key.Pair{}, err
	}
	pair, err := key.Generate()
	if err != nil {
		return key.Identity{}, pair, err
	}
	pair = pair.Of(d)
	id, err := w.Add(name, pair, pass)
	return id, pair, err
}

func (a *app) supportCommand() *cobra.Command {
	var w waitFor
	c := command("support FILE", "Say as a guardian that a member has the key of this request from now on; - is stdin", 1, 1, func(c *cobra.Command, args []string) error {
		text, err := a.readInput(args[0], recoveryFileMost)
		if err != nil {
			return err
		}
		return a.with(func(cl *client.Client) error { return a.support(c.Context(), cl, text, w) })
	})
	w.flags(c)
	c.Long = c.Short + ".\n\nBefore you say it, hear from the member itself, by voice, that it has lost its key, and how the new one ends: whoever\n" +
		"has enough guardians' words speaks as that member."
	return c
}

func (a *app) support(ctx context.Context, c *client.Client, text []byte, w waitFor) error {
	req, err := readRecovery(text)
	if err != nil {
		return err
	}
	network, err := networkOf(ctx, c)
	if err != nil {
		return err
	}
	if network != req.Network {
		return fmt.Errorf("%w: the request is for the federation %s, and this node belongs to %s", icn.ErrInvalid, req.Network, network)
	}
	a.note("%s shall sign with the key that ends in %s.", nameTags(ctx, c)(req.Member), req.Key.Short())
	s, err := a.say(ctx, c, icn.RecoverySupport{Member: req.Member, Key: req.Key, Proof: [64]byte(req.Proof)})
	if err != nil {
		return err
	}
	return a.confirmed(ctx, c, s, w)
}

func readRecovery(text []byte) (req recoveryRequest, err error) {
	if err := json.Unmarshal(text, &req); err != nil || req.Form != recoveryForm {
		return req, fmt.Errorf("%w: this is no request for a new key, as icn-cli id recover writes it", icn.ErrInvalid)
	}
	if len(req.Proof) != 64 || !key.Verify(req.Key, icn.RotationBytes(req.Network, req.Member, req.Key), req.Proof) {
		return req, fmt.Errorf("%w: the request was changed: the new key has not agreed to it", icn.ErrDenied)
	}
	return req, nil
}

func (a *app) vetoCommand() *cobra.Command {
	var w waitFor
	c := command("veto", "Stop your guardians from giving you another key: you have not lost yours", 0, 0, func(c *cobra.Command, _ []string) error {
		return a.with(func(cl *client.Client) error {
			s, err := a.say(c.Context(), cl, icn.RecoveryVeto{})
			if err != nil {
				return err
			}
			return a.confirmed(c.Context(), cl, s, w)
		})
	})
	w.flags(c)
	return c
}

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// idView is an identity without its secret.
type idView struct {
	Name     string  `json:"name"`
	DID      icn.DID `json:"did"`
	Key      icn.DID `json:"key"`
	Sealed   bool    `json:"sealed"`
	Rotating bool    `json:"rotating,omitempty"`
	Current  bool    `json:"in_use"`
}

func viewID(i key.Identity) idView { return idView(i) }

func (a *app) idCommand() *cobra.Command {
	var open, asQR bool
	create := command("new NAME", "Make an identity; the first one is used from then on", 1, 1, func(_ *cobra.Command, args []string) error { return a.idNew(args[0], open) })
	noPassphrase(create, &open)
	show := command("show [NAME]", "Show an identity's DID; by default of the one in use", 0, 1, func(_ *cobra.Command, args []string) error { return a.idShow(args, asQR) })
	show.Flags().BoolVar(&asQR, "qr", false, "the DID as a QR code, for who shall take you in")
	id := group("id", "Your own identities: their keys stay on this machine", append(a.recoveryCommands(),
		create,
		command("list", "List identities", 0, 0, a.idList),
		command("use [NAME]", "Sign with this identity; without a name, let the node sign", 0, 1, a.idUse),
		show, a.idSealCommand(), a.idExportCommand(), a.idImportCommand(), a.idRotateCommand())...)
	id.Long = "Identities are Ed25519 keys in $ICN_HOME/keys (by default ~/.icn/keys), sealed with a passphrase. What you say while\n" +
		"one is in use is signed here and handed to the node; the key is never sent. With none in use the node speaks for itself.\n\n" +
		"The passphrase is asked for when something is signed, or taken from " + idPassphrase + " or from the file that\n" +
		idPassphrase + "_FILE names."
	return id
}

func noPassphrase(c *cobra.Command, open *bool) {
	c.Flags().BoolVar(open, "no-passphrase", false, "leave the key open: whoever can read the file can speak as this member")
}

// identity is the one in use; false when there is none.
func (a *app) identity() (key.Identity, bool, error) {
	w, err := a.wallet()
	if err != nil {
		return key.Identity{}, false, err
	}
	return w.Current()
}

// author is who speaks here: an identity whose key is open.
type author struct {
	wallet *key.Wallet
	id     key.Identity
	pair   key.Pair
}

// speaker opens the identity in use, to sign with. A rotation that was interrupted is
// finished first, if there is a node to ask and the federation has heard of it.
func (a *app) speaker(ctx context.Context, c *client.Client) (m author, err error) {
	if m.wallet, err = a.wallet(); err != nil {
		return m, err
	}
	var used bool
	m.id, used, err = m.wallet.Current()
	if err == nil && !used {
		err = fmt.Errorf("%w: no identity is in use; choose one with: icn-cli id use NAME, or make one: icn-cli id new NAME", icn.ErrNotFound)
	}
	if err != nil {
		return m, err
	}
	if m.id.Rotating && c != nil {
		if m.id, err = a.settle(ctx, c, m.wallet, m.id); err != nil {
			return m, err
		}
	}
	m.pair, _, err = a.open(m.wallet, m.id)
	return m, err
}

func (a *app) idNew(name string, open bool) error {
	w, err := a.wallet()
	if err != nil {
		return err
	}
	pass, err := a.passphraseForNew(w, name, open)
	if err != nil {
		return err
	}
	i, err := w.New(name, pass)
	if err != nil {
		return err
	}
	return a.showNew(i)
}

// passphraseForNew is what a new identity is sealed with; nothing, if it shall be
// open. Whether the name can be had is found out before anybody types.
func (a *app) passphraseForNew(w *key.Wallet, name string, open bool) (string, error) {
	if err := w.Free(name); err != nil || open {
		return "", err
	}
	pass, err := a.newIDPassphraseFor(name, idPassphrase)
	if err != nil && a.Getenv(idPassphrase) == "" {
		err = fmt.Errorf("%w\nOr leave it open: --no-passphrase", err)
	}
	return pass, err
}

func (a *app) showNew(i key.Identity) error {
	p := a.printer()
	return p.show(viewID(i), func() {
		p.line("%s", i.DID)
		if !i.Sealed {
			a.note("%s has no passphrase: whoever can read its file can speak as this member. To seal it: icn-cli id seal %s", i.Name, i.Name)
		}
		if i.Current {
			a.note("%s is in use now. To belong to a federation: icn-cli federation member add %s --role person --name %q", i.Name, i.DID, i.Name)
		}
	})
}

func (a *app) idList(*cobra.Command, []string) error {
	w, err := a.wallet()
	if err != nil {
		return err
	}
	ids, listErr := w.List()
	views := make([]idView, 0, len(ids))
	rows := make([][]string, 0, len(ids))
	for _, i := range ids {
		views = append(views, viewID(i))
		used := ""
		if i.Current {
			used = "in use"
		}
		rows = append(rows, []string{i.Name, i.DID.String(), protection(i), used})
	}
	p := a.printer()
	err = p.show(views, func() {
		if len(rows) == 0 && listErr == nil {
			a.note("There is no identity yet. Make one with: icn-cli id new NAME")
			return
		}
		if len(rows) > 0 {
			p.grid([]string{"name", "did", "key", ""}, rows)
		}
	})
	if listErr != nil {
		return listErr
	}
	return err
}

// protection says in a word or two how an identity's key is kept.
func protection(i key.Identity) string {
	s := "open"
	if i.Sealed {
		s = "sealed"
	}
	if i.Rotating {
		s += ", being replaced"
	}
	return s
}

func (a *app) idUse(_ *cobra.Command, args []string) error {
	w, err := a.wallet()
	if err != nil {
		return err
	}
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	if err := w.Use(name); err != nil {
		return err
	}
	if name == "" {
		a.note("No identity is in use: the node speaks for itself.")
		return nil
	}
	a.note("%s is in use.", name)
	return nil
}

// named is the identity of a command's argument; by default the one in use.
func (a *app) named(w *key.Wallet, args []string) (key.Identity, error) {
	if len(args) > 0 {
		return w.Get(args[0])
	}
	i, used, err := w.Current()
	if err == nil && !used {
		err = fmt.Errorf("%w: no identity is in use; choose one with: icn-cli id use NAME", icn.ErrNotFound)
	}
	return i, err
}

func (a *app) idShow(args []string, asQR bool) error {
	w, err := a.wallet()
	if err != nil {
		return err
	}
	i, err := a.named(w, args)
	if err != nil {
		return err
	}
	if asQR && a.output != "json" {
		if err := a.showQR(i.DID.String()); err != nil {
			return err
		}
	}
	p := a.printer()
	return p.show(viewID(i), func() {
		rotated := ""
		if i.Key != i.DID {
			rotated = i.Key.String()
		}
		p.fields([2]string{"Name", i.Name}, [2]string{"DID", i.DID.String()}, [2]string{"Public key", rotated}, [2]string{"Kept", protection(i)})
		if i.Rotating {
			a.note("Another key waits to take its place; to go on with that: icn-cli id rotate %s", i.Name)
		}
	})
}

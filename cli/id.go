package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// idView is an identity without its secret.
type idView struct {
	Name    string  `json:"name"`
	DID     icn.DID `json:"did"`
	Current bool    `json:"in_use"`
}

func viewID(i key.Identity) idView { return idView{i.Name, i.Pair.DID(), i.Current} }

func (a *app) idCommand() *cobra.Command {
	id := group("id", "Your own identities: their keys stay on this machine",
		command("new NAME", "Make an identity; the first one is used from then on", 1, 1, a.idNew),
		command("list", "List identities", 0, 0, a.idList),
		command("use [NAME]", "Sign with this identity; without a name, let the node sign", 0, 1, a.idUse),
		command("show [NAME]", "Show an identity's DID; by default of the one in use", 0, 1, a.idShow))
	id.Long = "Identities are Ed25519 keys in $ICN_HOME/keys (by default ~/.icn/keys). What you say while one is in use\n" +
		"is signed here and handed to the node; the key is never sent. With none in use the node speaks for itself."
	return id
}

// identity is the one in use; false when there is none.
func (a *app) identity() (key.Identity, bool, error) {
	w, err := a.wallet()
	if err != nil {
		return key.Identity{}, false, err
	}
	return w.Current()
}

func (a *app) idNew(_ *cobra.Command, args []string) error {
	w, err := a.wallet()
	if err != nil {
		return err
	}
	i, err := w.New(args[0])
	if err != nil {
		return err
	}
	p := a.printer()
	return p.show(viewID(i), func() {
		p.line("%s", i.Pair.DID())
		if i.Current {
			a.note("%s is in use now. To belong to a federation: icn-cli federation member add %s --role person --name %q", i.Name, i.Pair.DID(), i.Name)
		}
	})
}

func (a *app) idList(*cobra.Command, []string) error {
	w, err := a.wallet()
	if err != nil {
		return err
	}
	ids, err := w.List()
	if err != nil {
		return err
	}
	views := make([]idView, 0, len(ids))
	rows := make([][]string, 0, len(ids))
	for _, i := range ids {
		views = append(views, viewID(i))
		used := ""
		if i.Current {
			used = "in use"
		}
		rows = append(rows, []string{i.Name, i.Pair.DID().String(), used})
	}
	p := a.printer()
	return p.show(views, func() {
		if len(rows) == 0 {
			a.note("There is no identity yet. Make one with: icn-cli id new NAME")
			return
		}
		p.grid([]string{"name", "did", ""}, rows)
	})
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

func (a *app) idShow(_ *cobra.Command, args []string) error {
	w, err := a.wallet()
	if err != nil {
		return err
	}
	var i key.Identity
	if len(args) > 0 {
		i, err = w.Get(args[0])
	} else {
		var used bool
		if i, used, err = w.Current(); err == nil && !used {
			err = fmt.Errorf("%w: no identity is in use; choose one with: icn-cli id use NAME", icn.ErrNotFound)
		}
	}
	if err != nil {
		return err
	}
	p := a.printer()
	return p.show(viewID(i), func() { p.fields([2]string{"Name", i.Name}, [2]string{"DID", i.Pair.DID().String()}) })
}

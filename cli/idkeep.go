package cli

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

func (a *app) idSealCommand() *cobra.Command {
	c := command("seal NAME", "Seal an open identity with a passphrase, or give a sealed one another", 1, 1, func(_ *cobra.Command, args []string) error { return a.idSeal(args[0]) })
	c.Long = c.Short + ".\n\nAn open identity gets the passphrase of " + idPassphrase + ". A sealed one is opened with that, and gets the one of\n" +
		newIDPassphrase + ". Both can be in files (…_FILE), or are asked for. Copies that were made before, in backups too,\n" +
		"stay as they are."
	return c
}

func (a *app) idSeal(name string) error {
	w, err := a.wallet()
	if err != nil {
		return err
	}
	id, err := w.Get(name)
	if err != nil {
		return err
	}
	_, was, err := a.open(w, id) // a wrong one is told before a new one is asked for
	if err != nil {
		return err
	}
	variable := idPassphrase
	if id.Sealed {
		variable = newIDPassphrase
	}
	pass, err := a.newIDPassphraseFor(name, variable)
	if err != nil {
		return err
	}
	now, err := w.Seal(name, was, pass)
	if err != nil {
		return err
	}
	p := a.printer()
	return p.show(viewID(now), func() {
		if id.Sealed {
			p.line("%s has another passphrase now. Copies that were made before open with the old one.", name)
			return
		}
		p.line("%s is sealed. Copies of the open file, in backups too, are as good as the key.", name)
	})
}

func (a *app) idExportCommand() *cobra.Command {
	var to string
	c := command("export NAME", "Write a sealed copy of an identity as text, for a safe place or for paper", 1, 1, func(_ *cobra.Command, args []string) error { return a.idExport(args[0], to) })
	c.Flags().StringVar(&to, "to", "", "into this file, which must not exist; by default to stdout")
	c.Long = c.Short + ".\n\nIt opens with the passphrase that the identity has now; one that is open gets one for the copy. It comes back with\n" +
		"'icn-cli id import'. The part between the lines BEGIN and END is an age file, which 'age -d' opens, too."
	return c
}

func (a *app) idExport(name, to string) error {
	w, err := a.wallet()
	if err != nil {
		return err
	}
	id, err := w.Get(name)
	if err != nil {
		return err
	}
	var text []byte
	if id.Sealed {
		text, err = w.Export(name)
	} else {
		text, err = a.sealedCopy(w, id)
	}
	if err != nil {
		return err
	}
	if id.Rotating {
		a.note("Another key waits to take the place of this one: export it again when it has (icn-cli id rotate %s).", name)
	}
	if to == "" {
		_, err = a.Out.Write(text)
		return err
	}
	if err := key.SaveFile(to, text); err != nil {
		return err
	}
	a.note("%s is written to %s. It comes back with: icn-cli id import %s", id.DID, to, to)
	return nil
}

// sealedCopy is the text of an open identity, under a passphrase of its own.
func (a *app) sealedCopy(w *key.Wallet, id key.Identity) ([]byte, error) {
	p, err := w.Open(id.Name, "")
	if err != nil {
		return nil, err
	}
	pass, err := a.newIDPassphraseFor("the copy of "+id.Name, idPassphrase)
	if err != nil {
		return nil, err
	}
	s, err := key.SealText(id.Name, p, pass)
	return s.Text(), err
}

func (a *app) idImportCommand() *cobra.Command {
	var name string
	var open bool
	c := command("import FILE", "Bring an identity in: what id export wrote, or a key file; - is stdin", 1, 1, func(_ *cobra.Command, args []string) error {
		return a.idImport(args[0], name, open)
	})
	c.Flags().StringVar(&name, "name", "", "what to call it here; by default as the file does")
	noPassphrase(c, &open)
	c.Long = c.Short + ".\n\nIt keeps its passphrase; a key that is open gets one. No name is given twice, and no identity is kept twice."
	return c
}

// keyFileMost is more than any file with a key has.
const keyFileMost = 64 << 10

func (a *app) idImport(file, name string, open bool) error {
	w, err := a.wallet()
	if err != nil {
		return err
	}
	var data []byte
	if file == "-" {
		data, err = io.ReadAll(io.LimitReader(a.In, keyFileMost))
	} else {
		data, err = readFile(file, keyFileMost)
	}
	if err != nil {
		return err
	}
	p, called, pass, err := key.ReadKey(data, func() (string, error) { return a.passphrase(file) })
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if name == "" {
		name = nameFor(called, file)
	}
	if has, ok := w.Holds(p.DID()); ok {
		return fmt.Errorf("%w: this identity is in the wallet already, as %s", icn.ErrConflict, has.Name)
	}
	if err := w.Free(name); err != nil {
		if errors.Is(err, icn.ErrConflict) || errors.Is(err, icn.ErrInvalid) {
			err = fmt.Errorf("%w; give it a name: --name NAME", err)
		}
		return err
	}
	if open {
		pass = ""
	} else if pass == "" {
		if pass, err = a.newIDPassphraseFor(name, idPassphrase); err != nil {
			return err
		}
	}
	i, err := w.Add(name, p, pass)
	if err != nil {
		return err
	}
	pr := a.printer()
	return pr.show(viewID(i), func() {
		pr.line("%s is in the wallet as %s (%s).", i.DID, i.Name, protection(i))
	})
}

var noName = regexp.MustCompile(`[^a-z0-9._-]+`)

// nameFor is what an identity is called that comes from a file.
func nameFor(called, file string) string {
	if called != "" {
		return called
	}
	base := strings.ToLower(filepath.Base(file))
	base = strings.TrimSuffix(strings.TrimSuffix(base, ".txt"), ".key")
	return strings.Trim(noName.ReplaceAllString(base, "-"), "-")
}

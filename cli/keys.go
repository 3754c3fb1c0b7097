package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// keyFileCommands work on key files; no node is asked.
func (a *app) keyFileCommands() []*cobra.Command {
	var open bool
	generate := command("generate FILE", "Make a new key, sealed with a passphrase", 1, 1, func(c *cobra.Command, args []string) error {
		p, err := key.Generate()
		if err != nil {
			return err
		}
		return a.writeKey(args[0], p, open)
	})
	seal := command("seal FILE", "Seal an open key file where it is", 1, 1, func(c *cobra.Command, args []string) error { return a.seal(args[0]) })
	export := command("export FILE TO", "Write a sealed copy of a key, for a safe place", 2, 2, func(c *cobra.Command, args []string) error {
		p, err := a.readKey(args[0])
		if err != nil {
			return err
		}
		return a.writeKey(args[1], p, false)
	})
	bring := command("import FROM FILE", "Bring a key in: open, sealed, or as the original ICN node kept it", 2, 2, func(c *cobra.Command, args []string) error {
		p, err := a.readKey(args[0])
		if err != nil {
			return err
		}
		return a.writeKey(args[1], p, open)
	})
	prepare := command("prepare FILE [TO]", "Make the key that the node of a key file is to rotate to", 1, 2, func(_ *cobra.Command, args []string) error {
		return a.prepareKey(args[0], append(args, key.Next(args[0]))[1])
	})
	for _, c := range []*cobra.Command{generate, bring} {
		c.Flags().BoolVar(&open, "open", false, "without a passphrase: only the file's mode protects it")
	}
	all := []*cobra.Command{generate, seal, export, bring, prepare}
	for _, c := range all {
		c.Long = c.Short + ".\n\nThe passphrase is taken from ICN_KEY_PASSPHRASE, from the file that ICN_KEY_PASSPHRASE_FILE names, or asked for.\n" +
			"A sealed file is an age file; 'age -d' opens it too. icn-node reads it with the same variables."
	}
	prepare.Long += "\n\nBy default the new key is written beside FILE, as FILE.next, sealed with the same passphrase, or open if FILE is.\n" +
		"It is for nodes that cannot write beside their key: put both files there, then run 'icn-cli keys rotate'. When that is\n" +
		"done, put the new one in the place of FILE. Other nodes need none of this: they make their next key themselves."
	return all
}

// prepareKey makes the next key of a node that cannot do so itself. Its file names
// the node whose key it shall become.
func (a *app) prepareKey(path, to string) error {
	now, pass, err := a.openKey(path)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("key file %s: %w", path, err)
	}
	next, err := key.Generate()
	if err != nil {
		return err
	}
	next = next.Of(now.DID())
	if key.IsSealed(data) {
		if err := key.SaveSealed(to, next, pass); err != nil {
			return err
		}
		return a.showKeyFile(to, next, "sealed with the passphrase of "+path)
	}
	if err := key.Save(to, next); err != nil {
		return err
	}
	return a.showKeyFile(to, next, "open, as "+path+": keep others from reading it")
}

func (a *app) readKey(path string) (key.Pair, error) {
	p, _, err := a.openKey(path)
	return p, err
}

// openKey reads a key file, and tells the passphrase that opened it.
func (a *app) openKey(path string) (key.Pair, string, error) {
	pass := a.givenPassphrase()
	p, err := key.LoadSealed(path, pass)
	if !errors.Is(err, icn.ErrDenied) || pass != "" {
		return p, pass, err
	}
	pass, asked := a.ask("Passphrase of " + path + ": ")
	if !asked {
		return p, "", err
	}
	p, err = key.LoadSealed(path, pass)
	return p, pass, err
}

func (a *app) writeKey(path string, p key.Pair, open bool) error {
	if open {
		if err := key.Save(path, p); err != nil {
			return err
		}
		return a.showKeyFile(path, p, "open: keep others from reading it")
	}
	pass, err := a.newPassphrase(path)
	if err != nil {
		return err
	}
	if err := key.SaveSealed(path, p, pass); err != nil {
		return err
	}
	return a.showKeyFile(path, p, "sealed")
}

// seal replaces an open file by a sealed one, which is there before the open one
// goes.
func (a *app) seal(path string) error {
	p, err := key.Load(path)
	if err != nil {
		return err
	}
	pass, err := a.newPassphrase(path)
	if err != nil {
		return err
	}
	next := path + ".sealed"
	if err := key.SaveSealed(next, p, pass); err != nil {
		return err
	}
	if _, err := key.LoadSealed(next, pass); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return err
	}
	return a.showKeyFile(path, p, "sealed; copies of the open file, in backups too, are as good as the key")
}

func (a *app) showKeyFile(path string, k key.Pair, how string) error {
	p := a.printer()
	v := struct {
		File string  `json:"file"`
		DID  icn.DID `json:"did"`
		Peer string  `json:"peer_id"`
	}{path, k.DID(), key.PeerID(icn.DID(k.Public()))}
	return p.show(v, func() {
		p.fields([2]string{"File", path + " (" + how + ")"}, [2]string{"DID", v.DID.String()}, [2]string{"Peer id", v.Peer})
	})
}

// givenPassphrase is the one of the environment.
func (a *app) givenPassphrase() string {
	if s := a.Getenv("ICN_KEY_PASSPHRASE"); s != "" {
		return s
	}
	if path := a.Getenv("ICN_KEY_PASSPHRASE_FILE"); path != "" {
		if b, err := os.ReadFile(path); err == nil {
			return strings.TrimSpace(string(b))
		}
	}
	return ""
}

// ask reads a line that is not shown, if somebody is there to type it.
func (a *app) ask(what string) (string, bool) {
	f, ok := a.In.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", false
	}
	_, _ = fmt.Fprint(a.Err, what)
	b, err := term.ReadPassword(int(f.Fd()))
	_, _ = fmt.Fprintln(a.Err)
	return string(b), err == nil
}

func (a *app) newPassphrase(path string) (string, error) {
	if s := a.givenPassphrase(); s != "" {
		return s, nil
	}
	first, ok := a.ask("New passphrase for " + path + ": ")
	if !ok {
		return "", advised{fmt.Errorf("key: %w: a passphrase is needed", icn.ErrInvalid), "Set ICN_KEY_PASSPHRASE or ICN_KEY_PASSPHRASE_FILE, or run this in a terminal."}
	}
	again, _ := a.ask("Once more: ")
	switch {
	case first != again:
		return "", fmt.Errorf("key: %w: the two are not the same", icn.ErrInvalid)
	case len(first) < 8:
		return "", fmt.Errorf("key: %w: a passphrase has at least 8 characters", icn.ErrInvalid)
	}
	return first, nil
}

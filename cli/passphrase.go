package cli

import (
	"fmt"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// Where the passphrase of a member's key comes from when nobody types it: the
// variable, or a file that NAME_FILE names.
const (
	idPassphrase    = "ICN_ID_PASSPHRASE"
	newIDPassphrase = "ICN_ID_NEW_PASSPHRASE"
)

// shortest is how many bytes a new passphrase has.
const shortest = 8

// secret is the value of a variable, or what is in the file that NAME_FILE names.
func (a *app) secret(variable string) (string, error) {
	if s := a.Getenv(variable); s != "" {
		return s, nil
	}
	path := a.Getenv(variable + "_FILE")
	if path == "" {
		return "", nil
	}
	b, err := readFile(path, 4096)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w: %v", variable, icn.ErrNotFound, err)
	}
	s := strings.TrimRight(string(b), "\r\n")
	if s == "" {
		return "", fmt.Errorf("%s_FILE: %w: %s is empty", variable, icn.ErrInvalid, path)
	}
	return s, nil
}

// passphrase is what opens something that is sealed.
func (a *app) passphrase(of string) (string, error) {
	s, err := a.secret(idPassphrase)
	if s != "" || err != nil {
		return s, err
	}
	if s, asked := a.ask("Passphrase of " + of + ": "); asked {
		return s, nil
	}
	return "", advised{fmt.Errorf("%w: %s is sealed with a passphrase", icn.ErrDenied, of),
		"Set " + idPassphrase + " or " + idPassphrase + "_FILE, or run this in a terminal."}
}

// newIDPassphraseFor is what a key shall be sealed with: asked for twice, or from the
// variables.
func (a *app) newIDPassphraseFor(name string, variable string) (string, error) {
	s, err := a.secret(variable)
	if err != nil {
		return "", err
	}
	if s == "" {
		first, asked := a.ask("New passphrase for " + name + ": ")
		if !asked {
			return "", advised{fmt.Errorf("identity %q: %w: a passphrase is needed to seal it", name, icn.ErrInvalid),
				"Set " + variable + " or " + variable + "_FILE, or run this in a terminal."}
		}
		if again, _ := a.ask("Once more: "); again != first {
			return "", fmt.Errorf("identity %q: %w: the two passphrases are not the same; nothing was changed", name, icn.ErrInvalid)
		}
		s = first
	}
	if len(s) < shortest {
		return "", fmt.Errorf("identity %q: %w: a passphrase has at least %d characters; four words that have nothing to do with each other are a good one", name, icn.ErrInvalid, shortest)
	}
	return s, nil
}

// open is the key of an identity; its passphrase is asked for if it is sealed.
func (a *app) open(w *key.Wallet, id key.Identity) (p key.Pair, passphrase string, err error) {
	if id.Sealed {
		if passphrase, err = a.passphrase(id.Name); err != nil {
			return p, "", err
		}
	}
	p, err = w.Open(id.Name, passphrase)
	return p, passphrase, err
}

package key

import (
	"errors"
	"fmt"
	"os"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Open is the key of an identity, to sign with. An open one needs no passphrase.
func (w *Wallet) Open(name, passphrase string) (Pair, error) {
	path, err := w.path(name)
	if err != nil {
		return Pair{}, err
	}
	return openKept(path, name, passphrase)
}

func openKept(path, name, passphrase string) (Pair, error) {
	s, open, err := readKept(path)
	if err == nil && open != nil {
		return *open, nil
	}
	var p Pair
	if err == nil {
		p, err = s.Open(passphrase)
	}
	if err != nil {
		return Pair{}, fmt.Errorf("identity %q: %w", name, err)
	}
	return p, nil
}

// Seal puts an identity under a passphrase, or under another one. The old file is
// gone only when the new one is on disk and has been opened.
func (w *Wallet) Seal(name, was, passphrase string) (Identity, error) {
	id, err := w.Get(name)
	if err != nil {
		return id, err
	}
	if id.Rotating {
		return id, fmt.Errorf("identity %q: %w: another key waits to take its place; finish that first: icn-cli id rotate %s", name, icn.ErrConflict, name)
	}
	path, err := w.path(name)
	if err != nil {
		return id, err
	}
	p, err := openKept(path, name, was)
	if err != nil {
		return id, err
	}
	s, err := SealText(name, p, passphrase)
	if err != nil {
		return id, err
	}
	tmp, err := writeTemp(w.dir, string(s.Text()))
	if err != nil {
		return id, walletError(w.dir, err)
	}
	if _, err := openKept(tmp, name, passphrase); err != nil {
		return id, errors.Join(err, os.Remove(tmp))
	}
	if err := os.Rename(tmp, path); err != nil {
		return id, walletError(w.dir, errors.Join(err, os.Remove(tmp)))
	}
	if err := syncDir(w.dir); err != nil {
		return id, walletError(w.dir, err)
	}
	id.Sealed = true
	return id, nil
}

// Export is a sealed identity as a text file, under the passphrase that it has.
func (w *Wallet) Export(name string) ([]byte, error) {
	path, err := w.path(name)
	if err != nil {
		return nil, err
	}
	s, open, err := readKept(path)
	if err != nil {
		return nil, fmt.Errorf("identity %q: %w", name, err)
	}
	if open != nil {
		return nil, fmt.Errorf("identity %q: %w: it is open, and leaves the wallet only sealed", name, icn.ErrInvalid)
	}
	s.Name = name
	return s.Text(), nil
}

// ReadKey reads a file of any form that a key is kept in: a text of a sealed key, an
// age file, the original node's form, or an open one. The passphrase is asked for if
// it is needed; which one it was is told. The name is the one that the file gives, if it
// gives one.
func ReadKey(data []byte, passphrase func() (string, error)) (p Pair, name, used string, err error) {
	if len(data) > textMost {
		return p, "", "", fmt.Errorf("key file: %w: over %d bytes", icn.ErrInvalid, textMost)
	}
	text := IsSealedText(data)
	if !text && !IsSealed(data) {
		p, err = parse(string(data))
		return p, "", "", err
	}
	var s Sealed
	if text {
		if s, err = ReadSealed(data); err != nil {
			return p, "", "", err
		}
	}
	if used, err = passphrase(); err != nil {
		return p, s.Name, "", err
	}
	if text {
		p, err = s.Open(used)
	} else {
		p, err = Unseal(data, used)
	}
	return p, s.Name, used, err
}

// Holds is the identity with a DID; false when there is none that can be read.
func (w *Wallet) Holds(d icn.DID) (Identity, bool) {
	all, _ := w.List() // a damaged one is none: a copy of it may come in
	for _, id := range all {
		if id.DID == d {
			return id, true
		}
	}
	return Identity{}, false
}

package key

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

const (
	nextSuffix   = ".next"
	unusedSuffix = ".unused"
)

// Next is the key that is to take an identity's place: the one that waits already,
// or a new one. It is on disk, sealed with the identity's passphrase, when this
// returns, so that a federation that has heard of it is never ahead of the wallet.
func (w *Wallet) Next(name, passphrase string) (Pair, error) {
	path, err := w.path(name)
	if err != nil {
		return Pair{}, err
	}
	now, err := openKept(path, name, passphrase)
	if err != nil {
		return Pair{}, err
	}
	id, err := w.Get(name)
	if err != nil {
		return Pair{}, err
	}
	if id.Rotating {
		return openKept(path+nextSuffix, name, passphrase)
	}
	next, err := Generate()
	if err != nil {
		return Pair{}, err
	}
	next = next.Of(now.DID())
	if !id.Sealed {
		passphrase = ""
	}
	return next, saveAs(path+nextSuffix, name, next, passphrase)
}

// Settle ends a rotation, by the key that the federation's log has for the identity:
// if that is the one which waits, it takes the place of the old one, which is kept
// beside it. If it is the old one, the new one goes on waiting: whether it is never
// going to count, the log does not say. No key is ever thrown away.
func (w *Wallet) Settle(name string, counts icn.DID) (Identity, error) {
	id, err := w.Get(name)
	if err != nil || id.Key == counts {
		return id, err
	}
	path, err := w.path(name)
	if err != nil {
		return id, err
	}
	kept, err := filepath.Glob(globQuote(path) + ".*")
	if err != nil {
		return id, walletError(w.dir, err)
	}
	for _, file := range kept {
		if strings.HasSuffix(file, keySuffix) {
			continue // another identity
		}
		s, open, err := readKept(file)
		if err != nil {
			continue // no key, or a damaged one: another may be the one
		}
		if open != nil {
			s.DID, s.Key = open.DID(), icn.DID(open.Public())
		}
		if s.DID != id.DID || s.Key != counts {
			continue
		}
		if err := Replace(path, file); err != nil {
			return id, err
		}
		return w.Get(name)
	}
	return id, fmt.Errorf("identity %q: %w: the federation has another key for it, which is not in this wallet; bring in a newer copy: icn-cli id import FILE", name, icn.ErrDenied)
}

// GiveUp takes back a key that waits, when it is known that it does not count. It is
// kept beside the other, for the case that this was not true.
func (w *Wallet) GiveUp(name string) error {
	path, err := w.path(name)
	if err != nil {
		return err
	}
	next := path + nextSuffix
	data, err := readFile(next, textMost)
	if err != nil {
		return err
	}
	unused := path + unusedSuffix
	if other, err := os.ReadFile(unused); err == nil && !bytes.Equal(other, data) {
		st, err := os.Stat(next)
		if err != nil {
			return walletError(w.dir, err)
		}
		unused = fmt.Sprintf("%s-%d", unused, st.ModTime().UnixNano())
	}
	if err := errors.Join(os.Rename(next, unused), syncDir(w.dir)); err != nil {
		return walletError(w.dir, err)
	}
	return nil
}

// globQuote keeps a path's own characters from being patterns.
func globQuote(path string) string {
	var out []rune
	for _, r := range path {
		if r == '*' || r == '?' || r == '[' || r == '\\' && os.PathSeparator != '\\' {
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}

package key

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// fileTag begins a key file, which is one line: "icn-key-v1 <did> <base64 seed>",
// and behind that the DID whose key it has become, if it was rotated to. The first
// DID is that of the key, and is there so that damage to either shows.
const fileTag = "icn-key-v1"

// fileMost is more than a key file can have.
const fileMost = 1024

// Load reads a key file that nobody but its owner can read.
func Load(path string) (Pair, error) {
	// Asked before opening, which would wait for ever on a pipe.
	st, err := os.Stat(path)
	if err != nil {
		return Pair{}, fileError(path, err)
	}
	if !st.Mode().IsRegular() {
		return Pair{}, fmt.Errorf("key file %s: %w: not a file", path, icn.ErrInvalid)
	}
	f, err := os.Open(path)
	if err != nil {
		return Pair{}, fileError(path, err)
	}
	defer f.Close()
	if st, err = f.Stat(); err != nil {
		return Pair{}, fileError(path, err)
	}
	if mode := st.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return Pair{}, fmt.Errorf("key file %s: %w: others may read or change it (mode %04o); run: chmod 600 %s (for a mounted secret, set its mode to 0400)",
			path, icn.ErrDenied, mode, path)
	}
	b, err := io.ReadAll(io.LimitReader(f, fileMost+1))
	if err != nil {
		return Pair{}, fileError(path, err)
	}
	if IsSealed(b) {
		return Pair{}, fmt.Errorf("key file %s: %w: it is sealed; its passphrase is needed", path, icn.ErrDenied)
	}
	p, err := parse(string(b))
	if err != nil {
		return Pair{}, fmt.Errorf("key file %s: %w; put it back from a backup (it is never replaced by itself)", path, err)
	}
	return p, nil
}

func line(p Pair) string {
	seed := p.Seed()
	text := fmt.Sprintf("%s %s %s", fileTag, icn.DID(p.Public()), base64.StdEncoding.EncodeToString(seed[:]))
	if !p.owner.IsZero() {
		text += " " + p.owner.String()
	}
	return text + "\n"
}

// parse reads what line made. Editors may have touched the end of the line.
func parse(s string) (Pair, error) {
	damaged := func(what string) (Pair, error) { return Pair{}, fmt.Errorf("%w: %s", icn.ErrCorrupt, what) }
	f := strings.Split(strings.TrimRight(s, "\r\n"), " ")
	if len(s) == 0 {
		return damaged("the file is empty")
	}
	if len(s) > fileMost || len(f) < 3 || len(f) > 4 || f[0] != fileTag {
		return damaged("not a key file of the form " + fileTag)
	}
	seed, err := base64.StdEncoding.Strict().DecodeString(f[2])
	if err != nil || len(seed) != 32 || strings.ContainsAny(f[2], "\r\n") {
		return damaged("the secret is damaged")
	}
	p := FromSeed([32]byte(seed))
	if p.DID().String() != f[1] {
		return damaged("the secret does not belong to the DID beside it")
	}
	if len(f) == 4 {
		owner, err := icn.ParseDID(f[3])
		if err != nil {
			return damaged("the DID whose key it is cannot be read")
		}
		p = p.Of(owner)
	}
	return p, nil
}

// LoadOrCreate reads a key file, or makes a new one if there is none: sealed, if
// there is a passphrase. Whoever calls it at the same time gets the same key.
func LoadOrCreate(path, passphrase string) (p Pair, created bool, err error) {
	p, err = LoadSealed(path, passphrase)
	if !errors.Is(err, icn.ErrNotFound) {
		return p, false, err
	}
	if p, err = Generate(); err != nil {
		return Pair{}, false, err
	}
	if passphrase == "" {
		err = Save(path, p)
	} else {
		err = SaveSealed(path, p, passphrase)
	}
	if errors.Is(err, icn.ErrConflict) { // another process was faster
		p, err = LoadSealed(path, passphrase)
		return p, false, err
	}
	if err != nil {
		return Pair{}, false, err
	}
	return p, true, nil
}

// Save writes a new key file, whole and on disk, or fails: an existing file is
// never replaced (icn.ErrConflict).
func Save(path string, p Pair) error {
	if p.IsHeld() {
		return fmt.Errorf("key file %s: %w: the key lies where it cannot be read", path, icn.ErrInvalid)
	}
	return save(path, line(p))
}

// Replace puts the key file at next in the place of the one at path, which is kept
// beside it.
func Replace(path, next string) error {
	st, err := os.Stat(path)
	if err == nil {
		err = os.Link(path, fmt.Sprintf("%s.replaced-%d", path, st.ModTime().Unix()))
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fileError(path, err)
	}
	if err := errors.Join(os.Rename(next, path), syncDir(filepath.Dir(path))); err != nil {
		return fileError(path, err)
	}
	return nil
}

// Next is where the key waits that the one at path is to be replaced by.
func Next(path string) string { return path + ".next" }

// SaveFile writes what is a key file already, as Save does.
func SaveFile(path string, text []byte) error { return save(path, string(text)) }

func save(path, text string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fileError(path, err)
	}
	tmp, err := writeTemp(dir, text)
	if err != nil {
		return fileError(path, err)
	}
	defer os.Remove(tmp)
	if err := publish(tmp, path); err != nil {
		return fileError(path, err)
	}
	// The folder may be new too, so its own name must reach the disk as well.
	if err := errors.Join(syncDir(dir), syncDir(filepath.Dir(dir))); err != nil {
		return fileError(path, err)
	}
	return nil
}

// writeTemp makes a file of mode 0600 in dir that is on disk.
func writeTemp(dir, text string) (path string, err error) {
	tmp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return "", err
	}
	_, err = tmp.WriteString(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return "", errors.Join(err, os.Remove(tmp.Name()))
	}
	return tmp.Name(), nil
}

// publish gives the file its name, if that is free. A second name (a hard link)
// fails where the name is taken, which a rename does not. A file system without
// hard links has the name taken by an empty file first.
func publish(tmp, path string) error {
	err := os.Link(tmp, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	claim, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(claim.Close(), os.Rename(tmp, path)); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrPermission) || runtime.GOOS == "windows" {
		return nil // a parent that we may not open existed before
	}
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// fileError says what is to be done about path.
func fileError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("key file %s: %w", path, icn.ErrNotFound)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("key file %s: %w: it exists, and is not replaced", path, icn.ErrConflict)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("key file %s: %w: %w; give this user the file and its folder (chown)", path, icn.ErrDenied, err)
	}
	return fmt.Errorf("key file %s: %w: %w", path, icn.ErrUnavailable, err)
}

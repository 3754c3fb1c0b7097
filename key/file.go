package key

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// fileTag begins a key file: "icn-key-v1 <did> <base64 seed>".
const fileTag = "icn-key-v1"

// Load reads a key file.
func Load(path string) (Pair, error) {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Pair{}, fmt.Errorf("key file %s: %w", path, icn.ErrNotFound)
	}
	if err != nil {
		return Pair{}, fmt.Errorf("key file: %w", err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return Pair{}, fmt.Errorf("key file %s: %w: others can read it (mode %04o); run: chmod 600 %s", path, icn.ErrDenied, st.Mode().Perm(), path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Pair{}, fmt.Errorf("key file: %w", err)
	}
	p, err := parse(string(b))
	if err != nil {
		return Pair{}, fmt.Errorf("key file %s: %w", path, err)
	}
	return p, nil
}

func parse(s string) (Pair, error) {
	damaged := func(what string) (Pair, error) {
		return Pair{}, fmt.Errorf("%w: %s; put the file back from a backup", icn.ErrCorrupt, what)
	}
	f := strings.Fields(s)
	if len(s) > 1024 || len(f) != 3 || f[0] != fileTag {
		return damaged("not a key file of this program")
	}
	seed, err := base64.StdEncoding.Strict().DecodeString(f[2])
	if err != nil || len(seed) != 32 {
		return damaged("the secret is damaged")
	}
	p := FromSeed([32]byte(seed))
	if p.DID().String() != f[1] {
		return damaged("the secret does not belong to the DID beside it")
	}
	return p, nil
}

// LoadOrCreate reads a key file, or makes a new one if there is none.
func LoadOrCreate(path string) (p Pair, created bool, err error) {
	p, err = Load(path)
	if !errors.Is(err, icn.ErrNotFound) {
		return p, false, err
	}
	if p, err = Generate(); err != nil {
		return p, false, err
	}
	err = Save(path, p)
	if errors.Is(err, icn.ErrConflict) { // another process was faster
		p, err = Load(path)
		return p, false, err
	}
	return p, err == nil, err
}

// Save writes a new key file, whole and on disk, or fails: an existing file is
// never replaced (icn.ErrConflict).
func Save(path string, p Pair) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	tmp, err := os.CreateTemp(dir, ".key-*")
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	defer os.Remove(tmp.Name())
	seed := p.Seed()
	_, err = fmt.Fprintf(tmp, "%s %s %s\n", fileTag, p.DID(), base64.StdEncoding.EncodeToString(seed[:]))
	if err = errors.Join(err, tmp.Chmod(0o600), tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	if err := os.Link(tmp.Name(), path); err != nil { // fails if it exists, unlike a rename
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("key file %s: %w: it exists", path, icn.ErrConflict)
		}
		return fmt.Errorf("key file: %w", err)
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}

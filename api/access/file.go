package access

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// maxFile bounds a file of keys: ten thousand lines.
const maxFile = 1 << 20

// Load reads a file of keys.
func Load(path string) (Keys, error) {
	b, err := read(path)
	if err != nil {
		return nil, err
	}
	ks, err := Parse(string(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ks, nil
}

func read(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("API keys %s: %w; make it with: icn-cli apikey create NAME --file %s", path, icn.ErrNotFound, path)
	}
	if err != nil {
		return nil, fmt.Errorf("API keys: %w", err)
	}
	if st.Size() > maxFile {
		return nil, fmt.Errorf("API keys %s: %w: %d bytes, at most %d", path, icn.ErrInvalid, st.Size(), maxFile)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("API keys: %w", err)
	}
	return b, nil
}

const header = "# Keys to the API: name, scope (read, operate, admin), expiry, SHA-256 of the key.\n"

// Add puts a key into a file, which is made if it is not there.
func Add(path string, k Key) error {
	b, err := read(path)
	if errors.Is(err, icn.ErrNotFound) {
		b, err = []byte(header), nil
	}
	if err != nil {
		return err
	}
	text := string(b)
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	ks, err := Parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if slices.ContainsFunc(ks, func(x Key) bool { return x.Name == k.Name }) {
		return fmt.Errorf("API keys %s: %w: there is a %q already; revoke it first, or choose another name", path, icn.ErrConflict, k.Name)
	}
	return replace(path, text+k.String()+"\n")
}

// Remove takes a key out of a file. Comments stay.
func Remove(path, name string) error {
	ks, err := Load(path)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(ks, func(k Key) bool { return k.Name == name }) {
		return fmt.Errorf("API keys %s: %w: there is no %q", path, icn.ErrNotFound, name)
	}
	b, err := read(path)
	if err != nil {
		return err
	}
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 0 || f[0] != name {
			out.WriteString(line)
		}
	}
	return replace(path, out.String())
}

// replace writes a file whole or not at all.
func replace(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("API keys: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".api-keys-*") // mode 0600
	if err != nil {
		return fmt.Errorf("API keys: %w", err)
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if st, serr := os.Stat(path); err == nil && serr == nil {
		err = os.Chmod(f.Name(), st.Mode().Perm())
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error that counts is on its way
		return fmt.Errorf("API keys: %w", err)
	}
	return nil
}

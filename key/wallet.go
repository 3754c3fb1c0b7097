package key

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Wallet is a folder of members' keys. No node ever sees them.
type Wallet struct{ dir string }

// Identity is a named key of a wallet.
type Identity struct {
	Name    string
	Pair    Pair
	Current bool
}

// DefaultWalletDir is where the CLI keeps keys: $ICN_HOME or ~/.icn, and there
// "keys".
func DefaultWalletDir() (string, error) {
	if h := os.Getenv("ICN_HOME"); h != "" {
		return filepath.Join(h, "keys"), nil
	}
	h, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("wallet: %w; set ICN_HOME to a folder of your own", err)
	}
	return filepath.Join(h, ".icn", "keys"), nil
}

// OpenWallet uses a folder, which need not exist yet.
func OpenWallet(dir string) *Wallet { return &Wallet{dir} }

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

func (w *Wallet) path(name string) (string, error) {
	if !validName.MatchString(name) || name == "current" {
		return "", fmt.Errorf("identity %q: %w: a name is made of a-z, 0-9, dot, dash and underscore", name, icn.ErrInvalid)
	}
	return filepath.Join(w.dir, name+".key"), nil
}

// New makes an identity. The first one of a wallet is used from then on.
func (w *Wallet) New(name string) (Identity, error) {
	path, err := w.path(name)
	if err != nil {
		return Identity{}, err
	}
	p, err := Generate()
	if err != nil {
		return Identity{}, err
	}
	if err := Save(path, p); err != nil {
		if errors.Is(err, icn.ErrConflict) {
			return Identity{}, fmt.Errorf("identity %q: %w: it exists; choose another name, or: icn-cli id use %s", name, icn.ErrConflict, name)
		}
		return Identity{}, err
	}
	if _, used, err := w.Current(); err == nil && !used {
		err = w.Use(name)
		return Identity{name, p, true}, err
	}
	return Identity{Name: name, Pair: p}, nil
}

// Get reads an identity.
func (w *Wallet) Get(name string) (Identity, error) {
	path, err := w.path(name)
	if err != nil {
		return Identity{}, err
	}
	p, err := Load(path)
	if errors.Is(err, icn.ErrNotFound) {
		return Identity{}, fmt.Errorf("identity %q: %w; make it with: icn-cli id new %s", name, icn.ErrNotFound, name)
	}
	return Identity{Name: name, Pair: p}, err
}

// List reads all identities, by name.
func (w *Wallet) List() ([]Identity, error) {
	files, err := os.ReadDir(w.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("wallet: %w", err)
	}
	current := w.currentName()
	var out []Identity
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), ".key")
		if !ok || !validName.MatchString(name) {
			continue
		}
		id, err := w.Get(name)
		if err != nil {
			return nil, err
		}
		id.Current = name == current
		out = append(out, id)
	}
	slices.SortFunc(out, func(a, b Identity) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Use makes an identity the one that statements are signed by. The empty name
// means none: then the node speaks for itself.
func (w *Wallet) Use(name string) error {
	if name != "" {
		if _, err := w.Get(name); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		return fmt.Errorf("wallet: %w", err)
	}
	tmp := filepath.Join(w.dir, ".current")
	if err := os.WriteFile(tmp, []byte(name+"\n"), 0o600); err != nil {
		return fmt.Errorf("wallet: %w", err)
	}
	if err := os.Rename(tmp, filepath.Join(w.dir, "current")); err != nil {
		return fmt.Errorf("wallet: %w", err)
	}
	return nil
}

func (w *Wallet) currentName() string {
	b, err := os.ReadFile(filepath.Join(w.dir, "current"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// Current is the identity in use; false when there is none.
func (w *Wallet) Current() (Identity, bool, error) {
	name := w.currentName()
	if name == "" {
		return Identity{}, false, nil
	}
	id, err := w.Get(name)
	id.Current = true
	return id, err == nil, err
}

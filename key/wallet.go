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

// Wallet is a folder of members' keys: NAME.key for each, sealed with a passphrase
// or open, and in the file "current" the name of the one in use. No node ever sees
// them. A key that is to take the place of another waits in NAME.key.next.
type Wallet struct{ dir string }

// Identity is a named key of a wallet, without its secret: see [Wallet.Open].
type Identity struct {
	Name     string
	DID      icn.DID
	Key      icn.DID // its public key: the DID, until it rotates
	Sealed   bool    // opening it takes a passphrase
	Rotating bool    // another key waits to take its place
	Current  bool    // the one that is used when none is named
}

// DefaultWalletDir is where the CLI keeps keys: $ICN_HOME or ~/.icn, and there
// "keys".
func DefaultWalletDir() (string, error) {
	if h := os.Getenv("ICN_HOME"); h != "" {
		return filepath.Join(h, "keys"), nil
	}
	h, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("wallet: %w: %w; set ICN_HOME to a folder of your own", icn.ErrNotFound, err)
	}
	return filepath.Join(h, ".icn", "keys"), nil
}

// OpenWallet uses a folder, which need not exist yet.
func OpenWallet(dir string) *Wallet { return &Wallet{dir} }

var validName = regexp.MustCompile(`^[a-z0-9._-]{1,64}$`)

const keySuffix = ".key"

func (w *Wallet) path(name string) (string, error) {
	if !validName.MatchString(name) {
		return "", fmt.Errorf("identity %q: %w: a name has 1 to 64 characters: a-z, 0-9, dot, dash and underscore", name, icn.ErrInvalid)
	}
	return filepath.Join(w.dir, name+keySuffix), nil
}

// Free says whether a name is a good one, and nobody has it.
func (w *Wallet) Free(name string) error {
	path, err := w.path(name)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return taken(name)
	}
	return nil
}

func taken(name string) error {
	return fmt.Errorf("identity %q: %w: it exists; choose another name, or: icn-cli id use %s", name, icn.ErrConflict, name)
}

// New makes an identity, sealed if there is a passphrase. The first one of a wallet
// is used from then on.
func (w *Wallet) New(name, passphrase string) (Identity, error) {
	p, err := Generate()
	if err != nil {
		return Identity{}, err
	}
	return w.Add(name, p, passphrase)
}

// Add keeps a key under a new name, sealed if there is a passphrase. The first one of
// a wallet is used from then on.
func (w *Wallet) Add(name string, p Pair, passphrase string) (Identity, error) {
	path, err := w.path(name)
	if err != nil {
		return Identity{}, err
	}
	current, err := w.currentName()
	if err != nil {
		return Identity{}, err
	}
	if err := saveAs(path, name, p, passphrase); err != nil {
		if errors.Is(err, icn.ErrConflict) {
			return Identity{}, taken(name)
		}
		return Identity{}, err
	}
	if current == "" {
		if err := w.Use(name); err != nil {
			return Identity{}, err
		}
		current = name
	}
	return w.get(name, current)
}

// saveAs writes a new file with a key.
func saveAs(path, name string, p Pair, passphrase string) error {
	if passphrase == "" {
		return Save(path, p)
	}
	s, err := SealText(name, p, passphrase)
	if err != nil {
		return err
	}
	return save(path, string(s.Text()))
}

// Get reads an identity.
func (w *Wallet) Get(name string) (Identity, error) {
	current, err := w.currentName()
	if err != nil {
		return Identity{}, err
	}
	return w.get(name, current)
}

func (w *Wallet) get(name, current string) (Identity, error) {
	path, err := w.path(name)
	if err != nil {
		return Identity{}, err
	}
	id := Identity{Name: name, Current: name == current}
	s, open, err := readKept(path)
	switch {
	case errors.Is(err, icn.ErrNotFound):
		return Identity{}, fmt.Errorf("identity %q: %w in %s; see: icn-cli id list, or make it: icn-cli id new %s", name, icn.ErrNotFound, w.dir, name)
	case err != nil:
		return Identity{}, fmt.Errorf("identity %q: %w", name, err)
	case open != nil:
		id.DID, id.Key = open.DID(), icn.DID(open.Public())
	default:
		id.DID, id.Key, id.Sealed = s.DID, s.Key, true
	}
	_, err = os.Stat(path + nextSuffix)
	id.Rotating = err == nil
	return id, nil
}

// readKept reads a file of a wallet: what is sealed stays so.
func readKept(path string) (s Sealed, open *Pair, err error) {
	data, err := readFile(path, textMost)
	if err != nil {
		return s, nil, err
	}
	if IsSealedText(data) {
		s, err = ReadSealed(data)
		return s, nil, err
	}
	if IsSealed(data) {
		return s, nil, fmt.Errorf("key file %s: %w: it is sealed, and does not say whose key it is; move it away, then: icn-cli id import FILE", path, icn.ErrInvalid)
	}
	p, err := Load(path)
	return s, &p, err
}

// List reads all identities, by name. With some that cannot be read it returns
// the others, and an error that names each of those.
func (w *Wallet) List() ([]Identity, error) {
	files, err := os.ReadDir(w.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, walletError(w.dir, err)
	}
	current, err := w.currentName()
	if err != nil {
		return nil, err
	}
	var out []Identity
	var bad []error
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), keySuffix)
		if !ok || !validName.MatchString(name) {
			continue
		}
		id, err := w.get(name, current)
		if err != nil {
			bad = append(bad, err)
			continue
		}
		out = append(out, id)
	}
	slices.SortFunc(out, func(a, b Identity) int { return strings.Compare(a.Name, b.Name) })
	return out, errors.Join(bad...)
}

// Use makes an identity the one that statements are signed by. The empty name
// means none: then the node speaks for itself.
func (w *Wallet) Use(name string) error {
	if name != "" {
		if _, err := w.get(name, name); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		return walletError(w.dir, err)
	}
	tmp, err := writeTemp(w.dir, name+"\n")
	if err != nil {
		return walletError(w.dir, err)
	}
	if err := os.Rename(tmp, filepath.Join(w.dir, "current")); err != nil {
		return walletError(w.dir, errors.Join(err, os.Remove(tmp)))
	}
	if err := syncDir(w.dir); err != nil {
		return walletError(w.dir, err)
	}
	return nil
}

// currentName is empty when none is in use.
func (w *Wallet) currentName() (string, error) {
	b, err := os.ReadFile(filepath.Join(w.dir, "current"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", walletError(w.dir, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// Current is the identity in use; false when there is none.
func (w *Wallet) Current() (Identity, bool, error) {
	name, err := w.currentName()
	if err != nil || name == "" {
		return Identity{}, false, err
	}
	id, err := w.get(name, name)
	if err != nil {
		return Identity{}, false, fmt.Errorf("the identity in use: %w, or choose another: icn-cli id use NAME", err)
	}
	return id, true, nil
}

func walletError(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("wallet %s: %w: %w; give this user the folder (chown), or set ICN_HOME to another one", dir, icn.ErrDenied, err)
	}
	return fmt.Errorf("wallet %s: %w: %w", dir, icn.ErrUnavailable, err)
}

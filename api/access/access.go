// Package access knows the named keys to a node's API: what each may do, until
// when, and by which hash it is recognised.
//
// The invariant: a key itself is nowhere but with whoever it was made for; a file
// of keys holds hashes, and reading it is of no use to a thief.
//
// It serves nothing and logs nothing.
//
//	k, secret, err := access.New("dashboard", access.Read, time.Now().AddDate(0, 3, 0))
//	err = access.Add("api-keys", k)
//	keys, err := access.Load("api-keys")
//	k, err = keys.Find(secret, time.Now())
package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Scope is how much a key lets its holder do. A greater one includes the lesser.
type Scope uint8

// The scopes.
const (
	Read    Scope = 1 // look
	Operate Scope = 2 // offer jobs, store content, hand in statements
	Admin   Scope = 3 // look after the node and its federation
)

var scopeNames = [...]string{Read: "read", Operate: "operate", Admin: "admin"}

// String is the scope's word.
func (s Scope) String() string {
	if s < Read || s > Admin {
		return fmt.Sprintf("scope %d", uint8(s))
	}
	return scopeNames[s]
}

// ParseScope reads the word.
func ParseScope(word string) (Scope, error) {
	for s := Read; s <= Admin; s++ {
		if scopeNames[s] == word {
			return s, nil
		}
	}
	return 0, fmt.Errorf("scope %q: %w: read, operate or admin", word, icn.ErrInvalid)
}

// Key is one key, as it is recognised.
type Key struct {
	Name    string
	Scope   Scope
	Expires time.Time // zero: never
	Hash    [32]byte  // SHA-256 of the key
}

// prefix makes keys easy to find where they should not be.
const prefix = "icn_"

// New makes a key; secret is given to its holder and kept nowhere.
func New(name string, scope Scope, expires time.Time) (k Key, secret string, err error) {
	if err := checkName(name); err != nil {
		return k, "", err
	}
	// 32 characters of 5 bits: nobody guesses it, so a plain hash hides it.
	secret = prefix + strings.ToLower(rand.Text() + rand.Text())[:32]
	return Key{name, scope, expires.UTC().Truncate(time.Second), sha256.Sum256([]byte(secret))}, secret, nil
}

func checkName(name string) error {
	fit := name != "" && len(name) <= 64 && !strings.HasPrefix(name, "#")
	for _, c := range name {
		fit = fit && c > ' ' && c < 0x7f
	}
	if !fit {
		return fmt.Errorf("key name %.70q: %w: 1 to 64 characters of ASCII without spaces", name, icn.ErrInvalid)
	}
	return nil
}

// Of is the key that a configuration gives as it is: it may do everything, for
// ever. Its name is what logs call it.
func Of(name, secret string) Key {
	return Key{Name: name, Scope: Admin, Hash: sha256.Sum256([]byte(secret))}
}

// Expired says whether the key is good no longer.
func (k Key) Expired(now time.Time) bool { return !k.Expires.IsZero() && !now.Before(k.Expires) }

// String is the key's line in a file.
func (k Key) String() string {
	until := "never"
	if !k.Expires.IsZero() {
		until = k.Expires.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%s %s %s %s", k.Name, k.Scope, until, hex.EncodeToString(k.Hash[:]))
}

// Keys are the keys of a node.
type Keys []Key

// Find recognises what a caller sent. The time it takes tells nothing about the
// keys but their number.
func (ks Keys) Find(sent string, now time.Time) (Key, error) {
	h := sha256.Sum256([]byte(sent))
	found := -1
	for i := range ks {
		if subtle.ConstantTimeCompare(h[:], ks[i].Hash[:]) == 1 {
			found = i
		}
	}
	switch {
	case found < 0:
		return Key{}, fmt.Errorf("%w: wrong API key", icn.ErrDenied)
	case ks[found].Expired(now):
		return ks[found], fmt.Errorf("%w: the API key %q was good until %s", icn.ErrDenied, ks[found].Name, ks[found].Expires.Format(time.RFC3339))
	}
	return ks[found], nil
}

// Parse reads a file's text: a line for each key, "NAME SCOPE EXPIRES HASH", and
// comments behind #. All that is wrong is told at once.
func Parse(text string) (Keys, error) {
	var out Keys
	var wrong []string
	seen := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		k, err := parseLine(line)
		if err == nil && seen[k.Name] {
			err = fmt.Errorf("%q is there twice", k.Name)
		}
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("line %d: %v", i+1, err))
			continue
		}
		seen[k.Name] = true
		out = append(out, k)
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("API keys: %w: %s", icn.ErrInvalid, strings.Join(wrong, "; "))
	}
	return out, nil
}

func parseLine(line string) (k Key, err error) {
	parts := strings.Fields(line)
	if len(parts) != 4 {
		return k, fmt.Errorf("%d words; want NAME SCOPE EXPIRES HASH, as icn-cli apikey create writes it", len(parts))
	}
	k.Name = parts[0]
	if err := checkName(k.Name); err != nil {
		return k, err
	}
	if k.Scope, err = ParseScope(parts[1]); err != nil {
		return k, err
	}
	if parts[2] != "never" {
		if k.Expires, err = time.Parse(time.RFC3339, parts[2]); err != nil {
			return k, fmt.Errorf("%q is neither a time (2027-01-31T00:00:00Z) nor never", parts[2])
		}
	}
	h, err := hex.DecodeString(parts[3])
	if err != nil || len(h) != len(k.Hash) {
		return k, fmt.Errorf("the hash is not 64 hexadecimal digits; a key itself does not belong here")
	}
	k.Hash = [32]byte(h)
	return k, nil
}

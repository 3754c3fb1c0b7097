package key

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// A sealed key file is an age file (https://age-encryption.org/v1) for one
// passphrase, around the line that an open key file is: `age -d` opens it too.
const sealedTag = "age-encryption.org/v1\n"

// workFactor makes a guess cost about an eighth of a second and 32 MiB.
const workFactor = 15

// mostWork is what a file may ask for: 4 GiB of memory and a minute.
const mostWork = 22

// IsSealed says whether the content of a key file needs a passphrase.
func IsSealed(data []byte) bool {
	return bytes.HasPrefix(data, []byte(sealedTag)) || len(data) == upstreamBytes && !bytes.HasPrefix(data, []byte(fileTag))
}

// Seal encrypts a key with a passphrase.
func Seal(p Pair, passphrase string) ([]byte, error) {
	if passphrase == "" {
		return nil, fmt.Errorf("seal key: %w: the passphrase is empty", icn.ErrInvalid)
	}
	r, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	r.SetWorkFactor(workFactor)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, r)
	if err == nil {
		_, err = io.WriteString(w, line(p))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	return out.Bytes(), nil
}

// errPassphrase says nothing of how wrong it is.
var errPassphrase = fmt.Errorf("%w: wrong passphrase", icn.ErrDenied)

// Unseal opens what Seal made, or the 76 bytes of the original ICN node.
func Unseal(data []byte, passphrase string) (Pair, error) {
	if passphrase == "" {
		return Pair{}, fmt.Errorf("%w: the key is sealed; give its passphrase in ICN_KEY_PASSPHRASE or ICN_KEY_PASSPHRASE_FILE, or name a variable in identity.key_passphrase_env", icn.ErrDenied)
	}
	if !bytes.HasPrefix(data, []byte(sealedTag)) {
		return unsealUpstream(data, passphrase)
	}
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return Pair{}, fmt.Errorf("%w: %v", icn.ErrInvalid, err)
	}
	id.SetMaxWorkFactor(mostWork)
	r, err := age.Decrypt(bytes.NewReader(data), id)
	var no *age.NoIdentityMatchError
	if errors.As(err, &no) {
		return Pair{}, errPassphrase
	}
	if err != nil {
		return Pair{}, fmt.Errorf("%w: %v", icn.ErrCorrupt, err)
	}
	text, err := io.ReadAll(io.LimitReader(r, fileMost+1))
	if err != nil {
		return Pair{}, fmt.Errorf("%w: %v", icn.ErrCorrupt, err)
	}
	return parse(string(text))
}

// The original node's form: salt 16 ‖ nonce 12 ‖ AES-256-GCM of the seed, its key
// by PBKDF2-HMAC-SHA256 with 100,000 rounds. It is read, and never written.
const (
	upstreamBytes  = 16 + 12 + 32 + 16
	upstreamRounds = 100_000
)

func unsealUpstream(data []byte, passphrase string) (Pair, error) {
	if len(data) != upstreamBytes {
		return Pair{}, fmt.Errorf("%w: %d bytes are no sealed key", icn.ErrCorrupt, len(data))
	}
	k, err := pbkdf2.Key(sha256.New, passphrase, data[:16], upstreamRounds, 32)
	if err != nil {
		return Pair{}, err
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return Pair{}, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return Pair{}, err
	}
	seed, err := gcm.Open(nil, data[16:28], data[28:], nil)
	if err != nil {
		return Pair{}, errPassphrase
	}
	return FromSeed([32]byte(seed)), nil
}

// LoadSealed reads a key file, sealed or open.
func LoadSealed(path, passphrase string) (Pair, error) {
	data, err := readFile(path, fileMost)
	if err != nil {
		return Pair{}, err
	}
	if !IsSealed(data) {
		return Load(path)
	}
	p, err := Unseal(data, passphrase)
	if err != nil {
		return p, fmt.Errorf("key file %s: %w", path, err)
	}
	return p, nil
}

// readFile reads a key file, whoever may read it: what is sealed need not be
// hidden.
func readFile(path string, most int64) ([]byte, error) {
	st, err := os.Stat(path) // before opening, which would wait for ever on a pipe
	if err != nil {
		return nil, fileError(path, err)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("key file %s: %w: not a file", path, icn.ErrInvalid)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fileError(path, err)
	}
	return data, nil
}

// SaveSealed writes a new sealed key file, as Save does.
func SaveSealed(path string, p Pair, passphrase string) error {
	if p.IsHeld() {
		return fmt.Errorf("key file %s: %w: the key lies where it cannot be read", path, icn.ErrInvalid)
	}
	data, err := Seal(p, passphrase)
	if err != nil {
		return err
	}
	return save(path, string(data))
}

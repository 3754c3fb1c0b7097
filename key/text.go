package key

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"filippo.io/age/armor"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Sealed is a member's key, sealed with a passphrase, as a text that says what it
// is: the wallet keeps it in this form, and it can be exported, mailed and printed.
// Whose key it is stands beside the secret, so that nobody has to open it to know.
//
//	ICN IDENTITY, SEALED WITH A PASSPHRASE
//	(what to do with it)
//	Name: ann
//	DID: did:key:z6Mk…
//	Key: did:key:z6Mk…    (only where the identity has rotated to another key)
//	-----BEGIN AGE ENCRYPTED FILE-----
//
// What stands beside the secret is a label, and is not trusted: opening compares.
type Sealed struct {
	Name string
	DID  icn.DID // the identity
	Key  icn.DID // its public key
	box  []byte  // an age file, as Seal makes it
}

const (
	sealedTitle = "ICN IDENTITY, SEALED WITH A PASSPHRASE"
	sealedHelp  = "This is a member's secret key. It opens with the passphrase that it was sealed with;\n" +
		"whoever has both can speak and vote as this member. Bring it back into a wallet with:\n" +
		"  icn-cli id import THIS-FILE"
	armorBegin = "-----BEGIN AGE ENCRYPTED FILE-----"
	armorLine  = 64
)

// textMost is more than a text of a sealed key can have.
const textMost = 16 << 10

// SealText seals a key under a name.
func SealText(name string, p Pair, passphrase string) (Sealed, error) {
	box, err := Seal(p, passphrase)
	return Sealed{Name: name, DID: p.DID(), Key: icn.DID(p.Public()), box: box}, err
}

// Text is the file.
func (s Sealed) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n\n%s\n\nName: %s\nDID: %s\n", sealedTitle, sealedHelp, s.Name, s.DID)
	if s.Key != s.DID {
		fmt.Fprintf(&b, "Key: %s\n", s.Key)
	}
	fmt.Fprintf(&b, "\n%s\n", armorBegin)
	text := base64.StdEncoding.EncodeToString(s.box)
	for len(text) > armorLine {
		b.WriteString(text[:armorLine] + "\n")
		text = text[armorLine:]
	}
	b.WriteString(text + "\n-----END AGE ENCRYPTED FILE-----\n")
	return b.Bytes()
}

// IsSealedText says whether a file is a sealed key as a text.
func IsSealedText(data []byte) bool {
	return strings.HasPrefix(strings.TrimLeft(string(data[:min(len(data), 256)]), "\ufeff \t\r\n"), sealedTitle)
}

// ReadSealed reads the text, also one that was typed in from paper or went through
// a mail program: blanks around lines do not matter.
func ReadSealed(data []byte) (Sealed, error) {
	var s Sealed
	bad := func(what string) (Sealed, error) {
		return s, fmt.Errorf("sealed key: %w: %s", icn.ErrCorrupt, what)
	}
	if !IsSealedText(data) || len(data) > textMost {
		return bad("it is no text that begins with " + sealedTitle)
	}
	head, secret, found := strings.Cut(string(data), armorBegin)
	if !found {
		return bad("the sealed part is missing; it begins with " + armorBegin)
	}
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		var err error
		switch name {
		case "Name":
			s.Name = value
		case "DID":
			s.DID, err = icn.ParseDID(value)
		case "Key":
			s.Key, err = icn.ParseDID(value)
		}
		if err != nil {
			return bad("the line " + name + " cannot be read")
		}
	}
	if s.DID.IsZero() {
		return bad("the line DID is missing")
	}
	if s.Key.IsZero() {
		s.Key = s.DID
	}
	tidy := armorBegin + "\n"
	for line := range strings.Lines(secret) {
		if line = strings.TrimSpace(line); line != "" {
			tidy += line + "\n"
		}
	}
	box, err := io.ReadAll(armor.NewReader(strings.NewReader(tidy)))
	if err != nil {
		return bad("the sealed part is damaged: " + strings.TrimPrefix(err.Error(), "invalid armor: "))
	}
	s.box = box
	return s, nil
}

// Open opens it. What stands beside the secret must be true.
func (s Sealed) Open(passphrase string) (Pair, error) {
	if passphrase == "" {
		return Pair{}, fmt.Errorf("%w: the key is sealed; its passphrase is needed", icn.ErrDenied)
	}
	p, err := Unseal(s.box, passphrase)
	if err != nil {
		return Pair{}, err
	}
	if p.DID() != s.DID || icn.DID(p.Public()) != s.Key {
		return Pair{}, fmt.Errorf("%w: the key inside is not that of the DID which stands beside it", icn.ErrCorrupt)
	}
	return p, nil
}

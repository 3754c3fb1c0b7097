package icn

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkpointOrigin begins the first line of every checkpoint; it is the domain
// tag of its signatures.
const checkpointOrigin = "icn/checkpoint/v1/"

// Checkpoint is what clerks sign: how long the log is, the root of its Merkle
// tree (RFC 6962), and the root of the state that follows from it.
type Checkpoint struct {
	Network CID
	Size    uint64
	Tree    [32]byte
	State   [32]byte
}

// Text is the signed text, a C2SP checkpoint (https://c2sp.org/tlog-checkpoint):
// origin, size, root hash, and one extension line with the state root.
func (c Checkpoint) Text() string {
	b := base64.StdEncoding
	return checkpointOrigin + c.Network.String() + "\n" + strconv.FormatUint(c.Size, 10) + "\n" +
		b.EncodeToString(c.Tree[:]) + "\nstate " + b.EncodeToString(c.State[:]) + "\n"
}

// NoteSig is one signature line of a note.
type NoteSig struct {
	Signer DID
	Sig    [64]byte
}

// noteKeyHash is the key id of a C2SP signed note: the first four bytes of
// SHA-256(name ‖ "\n" ‖ 0x01 ‖ public key). The name is the DID.
func noteKeyHash(d DID) [4]byte {
	h := sha256.Sum256(slices.Concat([]byte(d.String()), []byte{'\n', 1}, d[:]))
	return [4]byte(h[:4])
}

// Note is a signed checkpoint as text (https://c2sp.org/signed-note).
func (c Checkpoint) Note(sigs []NoteSig) string {
	var b strings.Builder
	b.WriteString(c.Text())
	b.WriteByte('\n')
	for _, s := range sigs {
		h := noteKeyHash(s.Signer)
		b.WriteString("— " + s.Signer.String() + " " + base64.StdEncoding.EncodeToString(append(h[:], s.Sig[:]...)) + "\n")
	}
	return b.String()
}

// What ParseNote looks at, at most. The number of lines is that of
// golang.org/x/mod/sumdb/note.
const (
	maxNote     = 64 << 10
	maxNoteSigs = 100
)

// ParseNote reads a signed checkpoint. It does not check signatures. As C2SP
// wants it, well-formed lines of keys of other kinds (a witness, say) are passed
// over, and of several lines of one key the first counts: so the signers that it
// returns are at least one, and all different.
func ParseNote(note string) (Checkpoint, []NoteSig, error) {
	if len(note) > maxNote {
		return Checkpoint{}, nil, fmt.Errorf("checkpoint: %w: %d bytes, at most %d", ErrInvalid, len(note), maxNote)
	}
	text, lines, ok := strings.Cut(note, "\n\n")
	if !ok {
		return Checkpoint{}, nil, fmt.Errorf("checkpoint: %w: no signatures", ErrInvalid)
	}
	c, err := ParseCheckpoint(text + "\n")
	if err != nil {
		return Checkpoint{}, nil, err
	}
	sigs, err := parseSigs(lines)
	if err != nil {
		return Checkpoint{}, nil, fmt.Errorf("checkpoint: %w", err)
	}
	return c, sigs, nil
}

func parseSigs(lines string) ([]NoteSig, error) {
	var sigs []NoteSig
	count := 0
	for line := range strings.Lines(lines) {
		if count++; count > maxNoteSigs {
			return nil, fmt.Errorf("%w: over %d signature lines", ErrInvalid, maxNoteSigs)
		}
		s, ours, err := parseSig(line)
		if err != nil {
			return nil, err
		}
		if ours && !slices.ContainsFunc(sigs, func(x NoteSig) bool { return x.Signer == s.Signer }) {
			sigs = append(sigs, s)
		}
	}
	if len(sigs) == 0 {
		return nil, fmt.Errorf("%w: no signature by an Ed25519 did:key", ErrInvalid)
	}
	return sigs, nil
}

// parseSig reads a signature line: em dash, key name, and the base64 of key id
// and signature. Ours is a line whose name is a DID and whose key id is that of
// its Ed25519 key.
func parseSig(line string) (s NoteSig, ours bool, err error) {
	bad := func() (NoteSig, bool, error) {
		return NoteSig{}, false, fmt.Errorf("%w: signature line %q", ErrInvalid, clip(line))
	}
	rest, dash := strings.CutPrefix(line, "— ")
	rest, end := strings.CutSuffix(rest, "\n")
	name, b64, _ := strings.Cut(rest, " ")
	// Go's base64 passes over line breaks, so the text is compared as well.
	raw, err := base64.StdEncoding.DecodeString(b64)
	if !dash || !end || !isKeyName(name) || err != nil || len(raw) < 5 || base64.StdEncoding.EncodeToString(raw) != b64 {
		return bad()
	}
	d, err := ParseDID(name)
	if err != nil || noteKeyHash(d) != [4]byte(raw[:4]) {
		return NoteSig{}, false, nil
	}
	if len(raw) != 68 {
		return bad()
	}
	return NoteSig{Signer: d, Sig: [64]byte(raw[4:])}, true, nil
}

// isKeyName says whether a signed note may name a key so.
func isKeyName(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r < 0x20 || r == '+' || unicode.IsSpace(r)
	})
}

// ParseCheckpoint reads the signed text strictly.
func ParseCheckpoint(text string) (c Checkpoint, err error) {
	bad := func(what string) (Checkpoint, error) {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w: %s", ErrInvalid, what)
	}
	f := strings.Split(text, "\n")
	if len(f) != 5 || f[4] != "" {
		return bad("want four lines")
	}
	name, ok := strings.CutPrefix(f[0], checkpointOrigin)
	if !ok {
		return bad("origin")
	}
	if c.Network, err = ParseCID(name); err != nil {
		return bad("network")
	}
	if c.Size, err = strconv.ParseUint(f[1], 10, 63); err != nil {
		return bad("size")
	}
	state, ok := strings.CutPrefix(f[3], "state ")
	if !ok || !hash64(f[2], &c.Tree) || !hash64(state, &c.State) {
		return bad("hash")
	}
	if c.Text() != text {
		return bad("not in canonical form")
	}
	return c, nil
}

func hash64(s string, h *[32]byte) bool {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 32 {
		return false
	}
	copy(h[:], b)
	return true
}

package icn

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
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

// maxNote bounds what ParseNote looks at.
const maxNote = 64 << 10

// ParseNote reads a signed checkpoint strictly. It does not check signatures.
func ParseNote(note string) (Checkpoint, []NoteSig, error) {
	var c Checkpoint
	if len(note) > maxNote {
		return c, nil, fmt.Errorf("checkpoint: %w: %d bytes, at most %d", ErrInvalid, len(note), maxNote)
	}
	text, lines, ok := strings.Cut(note, "\n\n")
	if !ok {
		return c, nil, fmt.Errorf("checkpoint: %w: no signatures", ErrInvalid)
	}
	c, err := ParseCheckpoint(text + "\n")
	if err != nil {
		return c, nil, err
	}
	var sigs []NoteSig
	for line := range strings.Lines(lines) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(f) != 3 || f[0] != "—" || !strings.HasSuffix(line, "\n") {
			return c, nil, fmt.Errorf("checkpoint: %w: signature line %q", ErrInvalid, clip(line))
		}
		d, err := ParseDID(f[1])
		if err != nil {
			return c, nil, fmt.Errorf("checkpoint: %w", err)
		}
		raw, err := base64.StdEncoding.Strict().DecodeString(f[2])
		if h := noteKeyHash(d); err != nil || len(raw) != 68 || [4]byte(raw[:4]) != h {
			return c, nil, fmt.Errorf("checkpoint: %w: signature of %s", ErrInvalid, d)
		}
		sigs = append(sigs, NoteSig{Signer: d, Sig: [64]byte(raw[4:])})
	}
	return c, sigs, nil
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
	if c.Size, err = strconv.ParseUint(f[1], 10, 63); err != nil || strconv.FormatUint(c.Size, 10) != f[1] {
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

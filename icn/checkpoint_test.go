package icn_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/multiformats/go-multibase"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/InterCooperative-Network/icn-core/icn"
)

func sampleCheckpoint() icn.Checkpoint {
	return icn.Checkpoint{Network: sampleGenesis().Block().CID, Size: 1000, Tree: sha256.Sum256([]byte("tree")), State: sha256.Sum256([]byte("state"))}
}

func signCheckpoint(c icn.Checkpoint, key byte) icn.NoteSig {
	return icn.NoteSig{Signer: who(key), Sig: [64]byte(ed25519.Sign(secret(key), []byte(c.Text())))}
}

// sampleNote is signed by the keys of the seeds 3 and 4.
func sampleNote() string {
	c := sampleCheckpoint()
	return c.Note([]icn.NoteSig{signCheckpoint(c, 3), signCheckpoint(c, 4)})
}

func signers(sigs []icn.NoteSig) []icn.DID {
	var out []icn.DID
	for _, s := range sigs {
		out = append(out, s.Signer)
	}
	return out
}

// opened is what a verifier that knows some keys makes of a note: its text and
// whose signatures are good; or nothing, as one of a known key is not, or none is.
type opened struct {
	text string
	by   []string
}

func openOurs(text string, known ...icn.DID) opened {
	c, sigs, err := icn.ParseNote(text)
	if err != nil {
		return opened{}
	}
	o := opened{text: c.Text()}
	for _, s := range sigs {
		switch {
		case !slices.Contains(known, s.Signer):
		case !ed25519.Verify(s.Signer[:], []byte(c.Text()), s.Sig[:]):
			return opened{}
		default:
			o.by = append(o.by, s.Signer.String())
		}
	}
	if o.by == nil {
		return opened{}
	}
	return o
}

func openTheirs(text string, known ...icn.DID) opened {
	var verifiers []note.Verifier
	for _, d := range known {
		vkey, err := note.NewEd25519VerifierKey(d.String(), d[:])
		if err != nil {
			panic(err) // the key has 32 bytes
		}
		v, err := note.NewVerifier(vkey)
		if err != nil {
			panic(fmt.Sprintf("%s is no verifier's key: %v", vkey, err))
		}
		verifiers = append(verifiers, v)
	}
	n, err := note.Open([]byte(text), note.VerifierList(verifiers...))
	if err != nil {
		return opened{}
	}
	o := opened{text: n.Text}
	for _, s := range n.Sigs {
		o.by = append(o.by, s.Name)
	}
	return o
}

// sigLine is a signature line as C2SP writes it, of any name and key id.
func sigLine(name string, id uint32, sig []byte) string {
	return "— " + name + " " + base64.StdEncoding.EncodeToString(append(binary.BigEndian.AppendUint32(nil, id), sig...)) + "\n"
}

// noteCase is a note and who of the keys 3, 4 and 5 signed it: nobody if it is to
// be refused.
type noteCase struct {
	about string
	note  string
	by    []icn.DID
}

func notes() []noteCase {
	c := sampleCheckpoint()
	text := c.Text() + "\n"
	line := func(key byte) string {
		return strings.TrimPrefix(c.Note([]icn.NoteSig{signCheckpoint(c, key)}), text)
	}
	l3, l4 := line(3), line(4)
	name, b64, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(l3, "— "), "\n"), " ")
	raw, _ := base64.StdEncoding.DecodeString(b64)
	id := binary.BigEndian.Uint32(raw)
	witness := sigLine("witness.example/w1", 0x01020304, make([]byte, 72)) // a timestamp and a signature: cosignature/v1
	swapped := strings.Replace(l3, name, who(4).String(), 1)
	wrong := sigLine(name, id, make([]byte, 64))
	both, one := []icn.DID{who(3), who(4)}, []icn.DID{who(3)}
	return []noteCase{
		{"two signatures", text + l3 + l4, both},
		{"one", text + l3, one},
		{"in the other order", text + l4 + l3, []icn.DID{who(4), who(3)}},
		{"one of a key that nobody knows", text + l3 + line(9), one},
		{"a witness first", text + witness + l3, one},
		{"a witness last", text + l3 + witness, one},
		{"a witness twice", text + witness + witness + l3, one},
		{"a short signature of a stranger", text + sigLine("x", 1, []byte{0}) + l3, one},
		{"another kind of key under a clerk's name", text + sigLine(name, id+1, make([]byte, 72)) + l3, one},
		{"another network's clerk by a domain name", text + sigLine("example.org", id, raw[4:]) + l3, one},
		{"a DID of another curve", text + sigLine("did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc", id, raw[4:]) + l3, one},
		{"another's name over a signature", text + swapped + l3, one},
		{"a signature twice", text + l3 + l3, one},
		{"a wrong signature after the right one", text + l3 + wrong, one},
		{"a hundred lines", text + strings.Repeat(witness, 99) + l3, one},

		{"nothing", "", nil},
		{"no signature", text, nil},
		{"no blank line", c.Text() + l3, nil},
		{"two blank lines", text + "\n" + l3, nil},
		{"a witness alone", text + witness, nil},
		{"a key that nobody knows alone", text + line(9), nil},
		{"another's name alone", text + swapped, nil},
		{"a wrong signature", text + wrong, nil},
		{"a wrong signature before the right one", text + wrong + l3, nil},
		{"a signature that is too short", text + sigLine(name, id, raw[4:67]), nil},
		{"a signature that is too long", text + sigLine(name, id, append(slices.Clone(raw[4:]), 0)), nil},
		{"a signature of another text", strings.Replace(text, "\n1000\n", "\n1001\n", 1) + l3, nil},
		{"no end of line", text + strings.TrimSuffix(l3, "\n"), nil},
		{"an empty line at the end", text + l3 + "\n", nil},
		{"a hyphen for the dash", text + strings.Replace(l3, "—", "-", 1), nil},
		{"a tab", text + strings.Replace(l3, " ", "\t", 1), nil},
		{"a blank more", text + strings.Replace(l3, " ", "  ", 1), nil},
		{"a blank at the end", text + strings.Replace(l3, "\n", " \n", 1), nil},
		{"a carriage return at the end", text + strings.Replace(l3, "\n", "\r\n", 1), nil},
		{"a carriage return in the base64", text + l3[:len(l3)-9] + "\r" + l3[len(l3)-9:], nil},
		{"a name with a plus", text + sigLine("a+b", 1, make([]byte, 64)) + l3, nil},
		{"a name with a wide space", text + sigLine("a\u2003b", 1, make([]byte, 64)) + l3, nil},
		{"a name with a control character", text + sigLine("a\x01b", 1, make([]byte, 64)) + l3, nil},
		{"a name that is no UTF-8", text + sigLine("a\xff", 1, make([]byte, 64)) + l3, nil},
		{"no name", text + sigLine("", 1, make([]byte, 64)) + l3, nil},
		{"a line of a name alone", text + "— name\n" + l3, nil},
		{"a key id alone", text + sigLine("name", 1, nil) + l3, nil},
		{"base64 for URLs", text + "— name -_-_-_-_\n" + l3, nil},
		{"base64 without its end", text + strings.Replace(l3, "=", "", 1), nil},
		{"too many lines", text + strings.Repeat(witness, 100) + l3, nil},
	}
}

func TestNotesAreReadAsTheGoProjectReadsThem(t *testing.T) {
	known := []icn.DID{who(3), who(4), who(5)}
	for _, x := range notes() {
		want := opened{}
		if x.by != nil {
			want.text = sampleCheckpoint().Text()
		}
		for _, d := range x.by {
			want.by = append(want.by, d.String())
		}
		require.Equal(t, want, openTheirs(x.note, known...), "theirs: %s", x.about)
		require.Equal(t, want, openOurs(x.note, known...), "ours: %s", x.about)
	}
}

// TestNotesHaveASigner: whoever reads a note need not ask whether there is one.
func TestNotesHaveASigner(t *testing.T) {
	text := sampleCheckpoint().Text() + "\n"
	for _, lines := range []string{"", sigLine("witness.example/w1", 1, make([]byte, 72)), sigLine(who(3).String(), 1, make([]byte, 64))} {
		_, sigs, err := icn.ParseNote(text + lines)
		require.ErrorIs(t, err, icn.ErrInvalid, lines)
		require.Nil(t, sigs)
	}
}

func TestNotesWrittenByTheGoProjectAreRead(t *testing.T) {
	c := sampleCheckpoint()
	name := who(3).String()
	vkey, err := note.NewEd25519VerifierKey(name, secret(3).Public().(ed25519.PublicKey))
	require.NoError(t, err)
	_, rest, _ := strings.Cut(vkey, "+")
	id, _, _ := strings.Cut(rest, "+")
	signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + id + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, secret(3).Seed()...)))
	require.NoError(t, err)
	theirs, err := note.Sign(&note.Note{Text: c.Text()}, signer)
	require.NoError(t, err)
	require.Equal(t, string(theirs), c.Note([]icn.NoteSig{signCheckpoint(c, 3)}))
	back, sigs, err := icn.ParseNote(string(theirs))
	require.NoError(t, err)
	require.Equal(t, c, back)
	require.Equal(t, []icn.NoteSig{signCheckpoint(c, 3)}, sigs)
}

func TestNotesAreAsPublished(t *testing.T) {
	const path = "testdata/checkpoint.golden"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(sampleNote()), 0o644))
	}
	published, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(published), sampleNote(), "a byte of a published format changed")
	c, sigs, err := icn.ParseNote(string(published))
	require.NoError(t, err)
	require.Equal(t, sampleCheckpoint(), c)
	require.Equal(t, []icn.DID{who(3), who(4)}, signers(sigs))
}

// TestChangedNotesAreNotTheSameWord: after any change of a byte a note says
// something else, or less, or nothing; it never says the same in other bytes.
func TestChangedNotesAreNotTheSameWord(t *testing.T) {
	good := sampleNote()
	c, sigs, err := icn.ParseNote(good)
	require.NoError(t, err)
	for i := range good {
		for _, x := range []byte{1, 2, 4, 8, 16, 32, 64, 128} {
			changed := []byte(good)
			changed[i] ^= x
			c2, sigs2, err := icn.ParseNote(string(changed))
			require.False(t, err == nil && c2 == c && slices.Equal(sigs2, sigs), "byte %d, bit %d", i, x)
		}
		c2, sigs2, err := icn.ParseNote(good[:i])
		require.False(t, err == nil && c2 == c && slices.Equal(sigs2, sigs), "cut to %d bytes", i)
		for _, x := range []string{"\n", "\r", " ", "=", "0"} {
			c2, sigs2, err := icn.ParseNote(good[:i] + x + good[i:])
			require.False(t, err == nil && c2 == c && slices.Equal(sigs2, sigs), "%q before byte %d", x, i)
		}
	}
}

func TestOtherCheckpointTextsAreRefused(t *testing.T) {
	c := sampleCheckpoint()
	good := c.Text()
	tree := base64.StdEncoding.EncodeToString(c.Tree[:])
	_, err := icn.ParseCheckpoint(good)
	require.NoError(t, err)
	base58, err := c.Network.StringOfBase(multibase.Base58BTC)
	require.NoError(t, err)
	replace := func(old, new string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, new, 1)
	}
	for name, text := range map[string]string{
		"nothing":                   "",
		"a line less":               good[:strings.Index(good, "state ")],
		"a line more":               good + "more\n",
		"no end of line":            strings.TrimSuffix(good, "\n"),
		"carriage returns":          strings.ReplaceAll(good, "\n", "\r\n"),
		"another origin":            replace("icn/checkpoint/v1/", "icn/checkpoint/v2/"),
		"an origin without network": replace(c.Network.String(), ""),
		"the network in capitals":   replace(c.Network.String(), strings.ToUpper(c.Network.String())),
		"the network in base58":     replace(c.Network.String(), base58),
		"no size":                   replace("\n1000\n", "\n\n"),
		"a leading zero":            replace("\n1000\n", "\n01000\n"),
		"a plus":                    replace("\n1000\n", "\n+1000\n"),
		"a negative size":           replace("\n1000\n", "\n-1000\n"),
		"an underscore":             replace("\n1000\n", "\n1_000\n"),
		"a hexadecimal size":        replace("\n1000\n", "\n0x3e8\n"),
		"a size over 2^63":          replace("\n1000\n", "\n9223372036854775808\n"),
		"a size over 2^64":          replace("\n1000\n", "\n18446744073709551616\n"),
		"a hash of 31 bytes":        replace(tree, base64.StdEncoding.EncodeToString(c.Tree[1:])),
		"a hash of 33 bytes":        replace(tree, base64.StdEncoding.EncodeToString(append(c.Tree[:], 0))),
		"a hash in hexadecimal":     replace(tree, fmt.Sprintf("%x", c.Tree)),
		"a hash without padding":    replace(tree, strings.TrimRight(tree, "=")),
		"a hash in two lines":       replace(tree, tree[:20]+"\r"+tree[20:]),
		"another extension":         replace("state ", "estate "),
		"no blank":                  replace("state ", "state"),
		"two blanks":                replace("state ", "state  "),
	} {
		_, err := icn.ParseCheckpoint(text)
		require.ErrorIs(t, err, icn.ErrInvalid, name)
		_, sigs, err := icn.ParseNote(text + "\n" + sigLine("x", 1, make([]byte, 64)))
		require.ErrorIs(t, err, icn.ErrInvalid, name)
		require.Nil(t, sigs)
	}
	long := sampleNote() + strings.Repeat(sigLine(letters(4000), 1, make([]byte, 64)), 16)
	require.Greater(t, len(long), 64<<10)
	_, _, err = icn.ParseNote(long)
	require.ErrorIs(t, err, icn.ErrInvalid, "notes have at most 64 KiB")
}

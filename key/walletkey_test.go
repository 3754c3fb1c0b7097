package key_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

const pass = "correct horse"

func TestSealedIdentitySaysWhoseItIsUnopened(t *testing.T) {
	dir := t.TempDir()
	w := key.OpenWallet(dir)
	ann, err := w.New("ann", pass)
	require.NoError(t, err)
	require.True(t, ann.Sealed)
	require.True(t, ann.Current)
	got, err := w.Get("ann")
	require.NoError(t, err)
	require.Equal(t, ann, got)

	p, err := w.Open("ann", pass)
	require.NoError(t, err)
	require.Equal(t, ann.DID, p.DID())
	file, err := os.ReadFile(filepath.Join(dir, "ann.key"))
	require.NoError(t, err)
	require.NotContains(t, string(file), "icn-key-v1")

	for _, wrong := range []string{"", "incorrect"} {
		_, err = w.Open("ann", wrong)
		require.ErrorIs(t, err, icn.ErrDenied, "%q", wrong)
	}
	now, err := os.ReadFile(filepath.Join(dir, "ann.key"))
	require.NoError(t, err)
	require.Equal(t, file, now)
}

func TestSealingKeepsTheKey(t *testing.T) {
	w := key.OpenWallet(t.TempDir())
	ann, err := w.New("ann", "")
	require.NoError(t, err)
	open, err := w.Open("ann", "not looked at")
	require.NoError(t, err)

	sealed, err := w.Seal("ann", "", pass)
	require.NoError(t, err)
	require.True(t, sealed.Sealed)
	_, err = w.Seal("ann", "wrong", "something else")
	require.ErrorIs(t, err, icn.ErrDenied)
	_, err = w.Seal("ann", pass, "")
	require.ErrorIs(t, err, icn.ErrInvalid)
	_, err = w.Open("ann", pass)
	require.NoError(t, err, "nothing has changed")

	_, err = w.Seal("ann", pass, "another one")
	require.NoError(t, err)
	_, err = w.Open("ann", pass)
	require.ErrorIs(t, err, icn.ErrDenied)
	p, err := w.Open("ann", "another one")
	require.NoError(t, err)
	require.Equal(t, open, p)
	require.Equal(t, ann.DID, p.DID())
}

func TestExportedIdentityComesBack(t *testing.T) {
	w := key.OpenWallet(t.TempDir())
	_, err := w.New("open", "")
	require.NoError(t, err)
	_, err = w.Export("open")
	require.ErrorIs(t, err, icn.ErrInvalid)

	ann, err := w.New("ann", pass)
	require.NoError(t, err)
	text, err := w.Export("ann")
	require.NoError(t, err)
	require.Contains(t, string(text), ann.DID.String())
	require.Contains(t, string(text), "icn-cli id import")
	for line := range strings.Lines(string(text)) {
		require.LessOrEqual(t, len(line), 100, "it can be printed")
	}

	give := func() (string, error) { return pass, nil }
	typed := strings.ReplaceAll("  \n"+string(text), "\n", "  \r\n  ")
	for what, data := range map[string]string{"as it was": string(text), "as mail and paper leave it": typed} {
		p, name, used, err := key.ReadKey([]byte(data), give)
		require.NoError(t, err, what)
		require.Equal(t, ann.DID, p.DID(), what)
		require.Equal(t, []string{"ann", pass}, []string{name, used}, what)
	}
	asked := errors.New("nobody is there")
	_, _, _, err = key.ReadKey(text, func() (string, error) { return "", asked })
	require.ErrorIs(t, err, asked)
}

func TestDamagedExportIsFoundOut(t *testing.T) {
	w := key.OpenWallet(t.TempDir())
	ann, err := w.New("ann", pass)
	require.NoError(t, err)
	bob, err := w.New("bob", pass)
	require.NoError(t, err)
	b, err := w.Export("ann")
	require.NoError(t, err)
	text := string(b)
	body := strings.Index(text, "-----BEGIN AGE")
	flipped := []byte(text)
	at := len(text) - 60
	flipped[at] ^= 1
	for what, bad := range map[string]string{
		"another's DID":   strings.Replace(text, ann.DID.String(), bob.DID.String(), 1),
		"no DID":          strings.Replace(text, "DID: ", "", 1),
		"a DID cut short": strings.Replace(text, ann.DID.String(), ann.DID.String()[:20], 1),
		"no secret":       text[:body],
		"half a secret":   text[:body+200],
		"a flipped bit":   string(flipped),
		"too long":        text + strings.Repeat(" ", 20<<10),
	} {
		_, _, _, err := key.ReadKey([]byte(bad), func() (string, error) { return pass, nil })
		require.Error(t, err, what)
		require.True(t, errors.Is(err, icn.ErrCorrupt) || errors.Is(err, icn.ErrInvalid), "%s: %v", what, err)
	}
}

func TestEveryFormOfAKeyCanBeBroughtIn(t *testing.T) {
	p, err := key.Generate()
	require.NoError(t, err)
	rotated := p.Of(icn.DID{7})
	box, err := key.Seal(rotated, pass)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, key.Save(filepath.Join(dir, "k"), rotated))
	open, err := os.ReadFile(filepath.Join(dir, "k"))
	require.NoError(t, err)
	for what, data := range map[string][]byte{"age": box, "open": open} {
		got, _, _, err := key.ReadKey(data, func() (string, error) { return pass, nil })
		require.NoError(t, err, what)
		require.Equal(t, rotated, got, what)
	}
}

func TestRotationSurvivesACrashAnywhere(t *testing.T) {
	for _, passphrase := range []string{"", pass} {
		dir := t.TempDir()
		w := key.OpenWallet(dir)
		ann, err := w.New("ann", passphrase)
		require.NoError(t, err)
		old, err := w.Open("ann", passphrase)
		require.NoError(t, err)

		if passphrase != "" {
			_, err = w.Next("ann", "wrong")
			require.ErrorIs(t, err, icn.ErrDenied)
			id, err := w.Get("ann")
			require.NoError(t, err)
			require.False(t, id.Rotating)
		}
		next, err := w.Next("ann", passphrase)
		require.NoError(t, err)
		require.Equal(t, ann.DID, next.DID())
		require.NotEqual(t, old.Public(), next.Public())

		// It crashed here: the new key is on disk, and the same one is gone on with.
		w = key.OpenWallet(dir)
		id, err := w.Get("ann")
		require.NoError(t, err)
		require.True(t, id.Rotating)
		again, err := w.Next("ann", passphrase)
		require.NoError(t, err)
		require.Equal(t, next, again)
		_, err = w.Seal("ann", passphrase, "another passphrase")
		require.ErrorIs(t, err, icn.ErrConflict, "the two keys have one passphrase")

		id, err = w.Settle("ann", icn.DID(old.Public()))
		require.NoError(t, err)
		require.True(t, id.Rotating, "the statement may still be under way")
		now, err := w.Open("ann", passphrase)
		require.NoError(t, err)
		require.Equal(t, old, now)

		_, err = w.Settle("ann", icn.DID{9})
		require.ErrorIs(t, err, icn.ErrDenied)

		// It crashed here: the log has the new key, the wallet the old one.
		id, err = w.Settle("ann", icn.DID(next.Public()))
		require.NoError(t, err)
		require.False(t, id.Rotating)
		require.Equal(t, icn.DID(next.Public()), id.Key)
		require.Equal(t, ann.DID, id.DID)
		require.True(t, id.Current)
		now, err = w.Open("ann", passphrase)
		require.NoError(t, err)
		require.Equal(t, next, now)
		all, err := w.List()
		require.NoError(t, err)
		require.Len(t, all, 1, "the old key is no identity of its own")
	}
}

func TestGivenUpKeyIsFoundWhenItCountsAfterAll(t *testing.T) {
	w := key.OpenWallet(t.TempDir())
	_, err := w.New("ann", pass)
	require.NoError(t, err)
	var keys []key.Pair
	for range 3 {
		next, err := w.Next("ann", pass)
		require.NoError(t, err)
		require.NoError(t, w.GiveUp("ann"))
		keys = append(keys, next)
	}
	for _, k := range keys {
		id, err := w.Settle("ann", icn.DID(k.Public()))
		require.NoError(t, err)
		require.False(t, id.Rotating)
		got, err := w.Open("ann", pass)
		require.NoError(t, err)
		require.Equal(t, k, got)
	}
}

func TestNumbersOnlyRise(t *testing.T) {
	dir := t.TempDir()
	w := key.OpenWallet(dir)
	_, err := w.New("ann", "")
	require.NoError(t, err)
	one, two := icn.SumCID(icn.DagCBOR, []byte("1")), icn.SumCID(icn.DagCBOR, []byte("2"))
	all, err := w.Numbers("ann")
	require.NoError(t, err)
	require.Empty(t, all)
	for _, n := range []uint64{5, 3, 6, 6} {
		require.NoError(t, w.UseNumber("ann", one, n))
	}
	require.NoError(t, w.UseNumber("ann", two, 1))
	all, err = key.OpenWallet(dir).Numbers("ann")
	require.NoError(t, err)
	require.Equal(t, map[icn.CID]uint64{one: 6, two: 1}, all)
	list, err := w.List()
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ann.numbers"), []byte("nonsense\n"), 0o600))
	_, err = w.Numbers("ann")
	require.ErrorIs(t, err, icn.ErrCorrupt)
}

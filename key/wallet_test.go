package key_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

func TestWalletKeepsIdentities(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home", "keys")
	w := key.OpenWallet(dir)
	list, err := w.List()
	require.NoError(t, err)
	require.Empty(t, list)
	_, used, err := w.Current()
	require.NoError(t, err)
	require.False(t, used)

	zoe, err := w.New("zoe", "")
	require.NoError(t, err)
	require.True(t, zoe.Current, "the first one is used")
	amy, err := w.New("amy.k-2_b", "")
	require.NoError(t, err)
	require.False(t, amy.Current)

	w = key.OpenWallet(dir) // as another process would
	list, err = w.List()
	require.NoError(t, err)
	require.Equal(t, []key.Identity{amy, zoe}, list)
	now, used, err := w.Current()
	require.NoError(t, err)
	require.True(t, used)
	require.Equal(t, zoe, now)

	require.NoError(t, w.Use("amy.k-2_b"))
	now, used, err = w.Current()
	require.NoError(t, err)
	require.True(t, used)
	require.Equal(t, amy.DID, now.DID)
	require.True(t, now.Current)
	got, err := w.Get("zoe")
	require.NoError(t, err)
	require.Equal(t, key.Identity{Name: "zoe", DID: zoe.DID, Key: zoe.DID}, got)

	require.NoError(t, w.Use(""))
	_, used, err = w.Current()
	require.NoError(t, err)
	require.False(t, used)

	p, err := key.Load(filepath.Join(dir, "zoe.key"))
	require.NoError(t, err, "the same file format as a node's key")
	require.Equal(t, zoe.DID, p.DID())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 3, "two keys and what is current")
}

func TestWalletSaysWhatToDoNext(t *testing.T) {
	dir := t.TempDir()
	w := key.OpenWallet(dir)
	first, err := w.New("ann", "")
	require.NoError(t, err)

	_, err = w.New("ann", "")
	require.ErrorIs(t, err, icn.ErrConflict)
	require.ErrorContains(t, err, "icn-cli id use ann")
	still, err := w.Get("ann")
	require.NoError(t, err)
	require.Equal(t, first.DID, still.DID)

	_, err = w.Get("bob")
	require.ErrorIs(t, err, icn.ErrNotFound)
	require.ErrorContains(t, err, "icn-cli id new bob")
	require.ErrorIs(t, w.Use("bob"), icn.ErrNotFound)
	now, _, err := w.Current()
	require.NoError(t, err)
	require.Equal(t, "ann", now.Name, "a failed choice changes nothing")

	require.NoError(t, os.Remove(filepath.Join(dir, "ann.key")))
	_, used, err := w.Current()
	require.ErrorIs(t, err, icn.ErrNotFound)
	require.ErrorContains(t, err, "icn-cli id use NAME")
	require.False(t, used)
}

func TestNamesThatAreNoNamesAreInvalid(t *testing.T) {
	dir := t.TempDir()
	w := key.OpenWallet(filepath.Join(dir, "keys"))
	for _, name := range []string{"", "A", "ä", "a b", "a/b", "../a", "/a", "a\n", "a\x00", strings.Repeat("a", 65)} {
		_, err := w.New(name, "")
		require.ErrorIs(t, err, icn.ErrInvalid, "%q", name)
		_, err = w.Get(name)
		require.ErrorIs(t, err, icn.ErrInvalid, "%q", name)
		if name != "" {
			require.ErrorIs(t, w.Use(name), icn.ErrInvalid, "%q", name)
		}
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)
	for _, name := range []string{"a", "..", "current", "-x", strings.Repeat("z", 64)} {
		_, err := w.New(name, "")
		require.NoError(t, err, "%q", name)
	}
	list, err := w.List()
	require.NoError(t, err)
	require.Len(t, list, 5)
}

func TestDamagedIdentityHidesNoOther(t *testing.T) {
	dir := t.TempDir()
	w := key.OpenWallet(dir)
	for _, name := range []string{"a", "b", "c"} {
		_, err := w.New(name, "")
		require.NoError(t, err)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b.key"), []byte("damaged"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("mine"), 0o600))
	list, err := w.List()
	require.ErrorIs(t, err, icn.ErrCorrupt)
	require.ErrorContains(t, err, `identity "b"`)
	require.Len(t, list, 2)
	_, err = w.New("b", "")
	require.ErrorIs(t, err, icn.ErrConflict, "a damaged key is not replaced")
}

func TestWalletIsInTheHomeOfICN(t *testing.T) {
	t.Setenv("ICN_HOME", filepath.Join("some", "where"))
	dir, err := key.DefaultWalletDir()
	require.NoError(t, err)
	require.Equal(t, filepath.Join("some", "where", "keys"), dir)
	t.Setenv("ICN_HOME", "")
	t.Setenv("HOME", filepath.Join("the", "home"))
	t.Setenv("USERPROFILE", filepath.Join("the", "home"))
	dir, err = key.DefaultWalletDir()
	require.NoError(t, err)
	require.Equal(t, filepath.Join("the", "home", ".icn", "keys"), dir)
}

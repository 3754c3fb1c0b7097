package access_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api/access"
	"github.com/InterCooperative-Network/icn-core/icn"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func TestAKeyIsFoundUntilItExpires(t *testing.T) {
	k, secret, err := access.New("dashboard", access.Read, now.Add(time.Hour))
	require.NoError(t, err)
	other, otherSecret, err := access.New("till", access.Operate, time.Time{})
	require.NoError(t, err)
	ks := access.Keys{k, other}

	got, err := ks.Find(secret, now)
	require.NoError(t, err)
	require.Equal(t, k, got)
	got, err = ks.Find(otherSecret, now.AddDate(100, 0, 0))
	require.NoError(t, err)
	require.Equal(t, "till", got.Name)

	got, err = ks.Find(secret, now.Add(time.Hour))
	require.ErrorIs(t, err, icn.ErrDenied)
	require.Equal(t, "dashboard", got.Name, "who it was is told to the audit log")
	for _, wrong := range []string{"", secret[:len(secret)-1], secret + "x", "icn_"} {
		_, err = ks.Find(wrong, now)
		require.ErrorIs(t, err, icn.ErrDenied, wrong)
	}
}

func TestAFileHoldsNoKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	k, secret, err := access.New("dashboard", access.Read, now)
	require.NoError(t, err)
	require.NoError(t, access.Add(path, k))
	k2, _, err := access.New("till", access.Admin, time.Time{})
	require.NoError(t, err)
	require.NoError(t, access.Add(path, k2))
	require.ErrorIs(t, access.Add(path, k), icn.ErrConflict)

	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(b), secret)
	st, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), st.Mode().Perm())
	ks, err := access.Load(path)
	require.NoError(t, err)
	require.Equal(t, access.Keys{k, k2}, ks)

	require.NoError(t, access.Remove(path, "dashboard"))
	require.ErrorIs(t, access.Remove(path, "dashboard"), icn.ErrNotFound)
	ks, err = access.Load(path)
	require.NoError(t, err)
	require.Equal(t, access.Keys{k2}, ks)
}

func TestEverythingWrongWithAFileIsToldWithItsLine(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	_, err := access.Parse("# fine\na read never " + hash + "\nb write never " + hash + "\nc read soon " + hash + "\n\nd read never icn_secret\na read never " + hash + "\ne\n")
	require.ErrorIs(t, err, icn.ErrInvalid)
	for _, want := range []string{"line 3", `"write"`, "line 4", `"soon"`, "line 6", "does not belong here", "line 7", "twice", "line 8"} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "icn_secret")
}

func TestAMissingFileSaysHowToMakeOne(t *testing.T) {
	_, err := access.Load(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, icn.ErrNotFound)
	require.ErrorContains(t, err, "apikey create")
}

func TestANameIsOneWord(t *testing.T) {
	for _, name := range []string{"", "two words", "#x", "é", strings.Repeat("n", 65)} {
		_, _, err := access.New(name, access.Read, now)
		require.ErrorIs(t, err, icn.ErrInvalid, name)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a read never " + strings.Repeat("ab", 32))
	f.Add("a admin 2027-01-31T00:00:00Z " + strings.Repeat("ab", 32) + "\n# x")
	f.Fuzz(func(t *testing.T, text string) {
		ks, err := access.Parse(text)
		if err != nil {
			return
		}
		var b strings.Builder
		for _, k := range ks {
			b.WriteString(k.String() + "\n")
		}
		again, err := access.Parse(b.String())
		require.NoError(t, err)
		require.Equal(t, b.String(), join(again))
	})
}

func join(ks access.Keys) string {
	var b strings.Builder
	for _, k := range ks {
		b.WriteString(k.String() + "\n")
	}
	return b.String()
}

//go:build pkcs11

package hsm_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/key/hsm"
)

// token makes a token of SoftHSM in a folder of its own.
func token(t *testing.T) hsm.Config {
	t.Helper()
	module := ""
	for _, p := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so"} {
		if _, err := os.Stat(p); err == nil {
			module = p
			break
		}
	}
	require.NotEmpty(t, module, "SoftHSM is not installed (Debian: softhsm2)")
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "tokens"), 0o700))
	conf := filepath.Join(dir, "softhsm2.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, "directories.tokendir = %s/tokens\nobjectstore.backend = file\n", dir), 0o600))
	t.Setenv("SOFTHSM2_CONF", conf)
	out, err := exec.Command("softhsm2-util", "--init-token", "--free", "--label", "icn", "--pin", "1234", "--so-pin", "12345678").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return hsm.Config{Module: module, Token: "icn", Label: "node", PIN: "1234"}
}

func TestAKeyStaysInItsToken(t *testing.T) {
	c := token(t)
	_, err := hsm.Open(c)
	require.ErrorIs(t, err, icn.ErrNotFound)
	require.ErrorContains(t, err, "generate_new_key")

	c.Generate = true
	k, err := hsm.Open(c)
	require.NoError(t, err)
	pair := k.Pair(func(err error) { t.Error(err) })
	did := pair.DID()
	msg := []byte("what the node says")
	sig := pair.Sign(msg)
	require.True(t, key.Verify(pair.Public(), msg, sig))
	require.Equal(t, sig, pair.Sign(msg), "a signature is the same each time")
	require.False(t, key.Verify(pair.Public(), []byte("something else"), sig))
	require.NoError(t, k.Close())

	k, err = hsm.Open(c) // found, and not made again
	require.NoError(t, err)
	require.Equal(t, did, k.Pair(nil).DID())
	require.NoError(t, k.Close())
}

func TestManySignAtOnce(t *testing.T) {
	c := token(t)
	c.Generate = true
	k, err := hsm.Open(c)
	require.NoError(t, err)
	defer func() { require.NoError(t, k.Close()) }()
	pair := k.Pair(func(err error) { t.Error(err) })
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			for j := range 20 {
				msg := fmt.Appendf(nil, "%d %d", i, j)
				if !key.Verify(pair.Public(), msg, pair.Sign(msg)) {
					t.Errorf("%s is not signed", msg)
				}
			}
		})
	}
	work.Wait()
}

func TestWhatIsWrongWithATokenIsNamed(t *testing.T) {
	c := token(t)
	c.Generate = true
	k, err := hsm.Open(c)
	require.NoError(t, err)
	require.NoError(t, k.Close())
	for name, x := range map[string]struct {
		change func(*hsm.Config)
		is     error
		want   string
	}{
		"a wrong PIN":      {func(c *hsm.Config) { c.PIN = "4321" }, icn.ErrDenied, "wrong PIN"},
		"another token":    {func(c *hsm.Config) { c.Token = "icm" }, icn.ErrNotFound, `there are ["icn"]`},
		"another label":    {func(c *hsm.Config) { c.Label = "knot"; c.Generate = false }, icn.ErrNotFound, "no Ed25519 key with the label knot"},
		"no such module":   {func(c *hsm.Config) { c.Module = "/no/such.so" }, icn.ErrNotFound, "pkcs11_module"},
		"not a PIN at all": {func(c *hsm.Config) { c.PIN = "" }, icn.ErrDenied, "wrong PIN"},
	} {
		bad := c
		x.change(&bad)
		_, err := hsm.Open(bad)
		require.ErrorIs(t, err, x.is, name)
		require.ErrorContains(t, err, x.want, name)
	}
}

func TestATokenThatIsGoneIsTold(t *testing.T) {
	c := token(t)
	c.Generate = true
	k, err := hsm.Open(c)
	require.NoError(t, err)
	var told error
	pair := k.Pair(func(err error) { told = err })
	require.True(t, key.Verify(pair.Public(), []byte("x"), pair.Sign([]byte("x"))))
	require.NoError(t, k.Close())
	require.False(t, key.Verify(pair.Public(), []byte("x"), pair.Sign([]byte("x"))))
	require.ErrorIs(t, told, icn.ErrUnavailable)
}

//go:build pkcs11

package launch

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// A node whose key lies in a token is the same node after a restart, speaks with
// others, and says what is wrong when the token does not let it in.
func TestANodeWithItsKeyInAToken(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "tokens"), 0o700))
	conf := filepath.Join(dir, "softhsm2.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, "directories.tokendir = %s/tokens\n", dir), 0o600))
	t.Setenv("SOFTHSM2_CONF", conf)
	out, err := exec.Command("softhsm2-util", "--init-token", "--free", "--label", "icn", "--pin", "1234", "--so-pin", "12345678").CombinedOutput()
	require.NoError(t, err, "%s", out)

	c := alone(filepath.Join(dir, "node"))
	c.Identity.KeyPath = ""
	c.Identity.PKCS11Module, c.Identity.PKCS11Token, c.Identity.PKCS11Label, c.Identity.PKCS11PIN = "/usr/lib/softhsm/libsofthsm2.so", "icn", "node", "1234"
	c.Network.P2PEnabled, c.Network.P2PListenAddr = true, []string{"/ip4/127.0.0.1/tcp/0"}
	n, err := Start(t.Context(), c, Options{})
	require.NoError(t, err)
	did := n.DID()
	_, err = reach(t, n).FederationInvite(t.Context(), icn.RoleNode, 3600e9)
	require.NoError(t, err)

	// Another node comes in: the handshake is signed in the token.
	other := alone(filepath.Join(dir, "other"))
	other.Network.P2PEnabled, other.Network.P2PListenAddr = true, []string{"/ip4/127.0.0.1/tcp/0"}
	other.Network.BootstrapPeers = n.P2PAddrs()[:1]
	invited, err := reach(t, n).FederationInvite(t.Context(), icn.RoleNode, 3600e9)
	require.NoError(t, err)
	other.Federation.JoinCode = invited.Code
	o, err := Start(t.Context(), other, Options{})
	require.NoError(t, err)
	reach(t, o)
	require.NoError(t, o.Close())
	_, err = n.Rotate(t.Context())
	require.ErrorIs(t, err, icn.ErrUnavailable, "its key is in no file")
	require.NoError(t, n.Close())

	r, err := OpenAtRest(t.Context(), c, n.log)
	require.NoError(t, err)
	require.Equal(t, did, r.Key.DID())
	require.NoError(t, r.Close())
	n, err = Start(t.Context(), c, Options{})
	require.NoError(t, err)
	require.Equal(t, did, n.DID())
	require.NoError(t, n.Close())

	c.Identity.PKCS11PIN = "0000"
	_, err = Start(t.Context(), c, Options{})
	require.ErrorIs(t, err, icn.ErrDenied)
	require.ErrorContains(t, err, "wrong PIN")
}

package launch

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
)

// TestAStoreAtRestTellsWhichKeyCounts: a process that takes a database over begins with
// that one. It is in the network's part of the store, where it was once not looked for.
func TestAStoreAtRestTellsWhichKeyCounts(t *testing.T) {
	c := alone(t.TempDir() + "/node")
	n, err := Start(t.Context(), c, Options{})
	require.NoError(t, err)
	reach(t, n)
	me := n.DID()
	r, err := n.Rotate(t.Context())
	require.NoError(t, err)
	require.ErrorIs(t, n.Wait(t.Context()), ErrAgain)
	require.NoError(t, n.Close())
	require.NotEqual(t, me, r.Key)

	s, err := OpenStore(t.Context(), c.Storage, n.log)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	k, err := node.KeyIn(s, me)
	require.NoError(t, err)
	require.Equal(t, r.Key, k)
	other, err := key.Generate()
	require.NoError(t, err)
	k, err = node.KeyIn(s, other.DID())
	require.NoError(t, err)
	require.Equal(t, other.DID(), k)

	// With the old key in hand the next one is found, in either place.
	old, err := key.LoadSealed(c.Identity.KeyPath, "")
	require.NoError(t, err)
	require.Equal(t, r.Key, icn.DID(old.Public()), "it is in its place")
	x := &Running{log: n.log, rotation: rotation{me: me, pair: other, path: c.Identity.KeyPath}}
	require.NoError(t, x.choose(s))
	require.Equal(t, r.Key, icn.DID(x.rotation.pair.Public()))
	require.Equal(t, me, x.rotation.pair.DID())
	require.NoError(t, x.fits(r.Key))
	require.ErrorContains(t, x.fits(other.DID()), "put it at "+c.Identity.KeyPath)
	x.rotation.spare = &other // it was beside the old one at the start
	require.NoError(t, x.fits(other.DID()))
}

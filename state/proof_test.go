package state_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/state"
)

// drawTables are tables with some rows, and the rows' bytes.
func drawTables(t *rapid.T) (*tables, map[[2]string][]byte) {
	db, rows := newTables(), map[[2]string][]byte{}
	for range rapid.IntRange(0, 30).Draw(t, "rows") {
		switch n := rapid.Uint64Range(0, 100).Draw(t, "value"); rapid.IntRange(0, 4).Draw(t, "table") {
		case 0:
			db.one.Put(state.One{}, n)
			rows[[2]string{"one", ""}] = icn.AppendUint(nil, n)
		case 1, 2:
			d := icn.DID{rapid.Byte().Draw(t, "did")}
			db.dids.Put(d, n)
			rows[[2]string{"dids", string(d[:])}] = icn.AppendUint(nil, n)
		default:
			k := rapid.StringN(0, 3, 8).Draw(t, "key")
			db.texts.Put(k, pair{n, k})
			rows[[2]string{"texts", k}] = appendPair(nil, pair{n, k})
		}
		if rapid.IntRange(0, 5).Draw(t, "look") == 0 {
			db.db.Root() // so that later changes are on top of hashes that are there
		}
	}
	return db, rows
}

func TestEveryRowProves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		db, rows := drawTables(t)
		root := db.db.Root()
		for at, want := range rows { // order: each is checked by itself
			row, p, ok := db.db.Prove(at[0], at[1])
			require.True(t, ok)
			require.Equal(t, want, row)
			require.NoError(t, state.VerifyRow(root, at[0], at[1], row, p))
			r := icn.NewReader(p.Append(nil))
			require.Equal(t, p, state.ReadProof(r))
			require.NoError(t, r.Close())
		}
		require.Equal(t, root, db.db.Root(), "proving changes nothing")
	})
}

// Any byte that is changed, in the proof, the row, its name or the root, is found.
func TestAChangedByteBreaksAProof(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		db, rows := drawTables(t)
		if len(rows) == 0 {
			return
		}
		var names [][2]string
		for at := range rows { // order: sorted below
			names = append(names, at)
		}
		slices.SortFunc(names, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
		at := rapid.SampledFrom(names).Draw(t, "row")
		row, p, _ := db.db.Prove(at[0], at[1])
		root := db.db.Root()
		proof := p.Append(nil)
		flip := func(b []byte) []byte {
			b = bytes.Clone(b)
			b[rapid.IntRange(0, len(b)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			return b
		}
		check := func(root [32]byte, table, key string, row, proof []byte) bool {
			r := icn.NewReader(proof)
			p := state.ReadProof(r)
			return r.Close() == nil && state.VerifyRow(root, table, key, row, p) == nil
		}
		require.True(t, check(root, at[0], at[1], row, proof))
		require.False(t, check([32]byte(flip(root[:])), at[0], at[1], row, proof))
		require.False(t, check(root, string(flip([]byte(at[0]))), at[1], row, proof))
		require.False(t, check(root, at[0], at[1]+"x", row, proof))
		require.False(t, check(root, at[0], at[1], flip(row), proof))
		require.False(t, check(root, at[0], at[1], row, flip(proof)))
		if len(p) > 0 {
			require.False(t, check(root, at[0], at[1], row, p[1:].Append(nil)))
			require.False(t, check(root, at[0], at[1], row, p[:len(p)-1].Append(nil)))
		}
		require.False(t, check(root, at[0], at[1], row, append(slices.Clone(p), state.Sibling{}).Append(nil)))
	})
}

// A row that is not there has no proof, and those of its neighbours do not do for it.
func TestAMissingRowHasNoProof(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		db, rows := drawTables(t)
		name := [2]string{"texts", rapid.StringN(0, 3, 8).Draw(t, "missing")}
		delete(rows, name)
		db.texts.Delete(name[1])
		_, _, ok := db.db.Prove(name[0], name[1])
		require.False(t, ok)
		_, _, ok = db.db.Prove("no such table", "")
		require.False(t, ok)
		root := db.db.Root()
		for at := range rows { // order: each is checked by itself
			row, p, _ := db.db.Prove(at[0], at[1])
			require.ErrorIs(t, state.VerifyRow(root, name[0], name[1], row, p), icn.ErrCorrupt)
		}
		require.Error(t, state.VerifyRow(root, name[0], name[1], nil, nil))
	})
}

// What was undone proves no longer.
func TestProofsFollowARollback(t *testing.T) {
	db := newTables()
	db.texts.Put("a", pair{1, ""})
	db.db.Begin()
	db.texts.Put("b", pair{2, ""})
	_, _, ok := db.db.Prove("texts", "b")
	require.True(t, ok)
	db.db.Rollback()
	_, _, ok = db.db.Prove("texts", "b")
	require.False(t, ok)
}

// A proof deeper than any tree is refused before it is hashed.
func TestAProofWithoutEndIsRefused(t *testing.T) {
	require.ErrorIs(t, state.VerifyRow([32]byte{}, "texts", "a", nil, make(state.Proof, 257)), icn.ErrInvalid)
}

// FuzzProof: bytes that are made up never prove a row that is not there, and what is
// read as a proof is written again byte for byte.
func FuzzProof(f *testing.F) {
	db := newTables()
	for _, k := range []string{"a", "b", "c"} {
		db.texts.Put(k, pair{1, k})
	}
	root := db.db.Root()
	row, p, _ := db.db.Prove("texts", "b")
	f.Add("texts", "b", row, p.Append(nil))
	f.Add("texts", "d", row, p.Append(nil))
	f.Add("one", "", []byte{}, state.Proof{}.Append(nil))
	f.Fuzz(func(t *testing.T, table, key string, row, proof []byte) {
		r := icn.NewReader(proof)
		p := state.ReadProof(r)
		if r.Close() != nil {
			return
		}
		require.Equal(t, proof, p.Append(nil))
		if state.VerifyRow(root, table, key, row, p) == nil {
			real, _, ok := db.db.Prove(table, key)
			require.True(t, ok)
			require.Equal(t, real, row)
		}
	})
}

package state_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/state"
)

// pair is a value whose wire form is a tuple.
type pair struct {
	n    uint64
	text string
}

func appendPair(b []byte, p pair) []byte {
	return icn.AppendText(icn.AppendUint(icn.AppendArray(b, 2), p.n), p.text)
}

func readPair(r *icn.Reader) pair {
	r.Tuple(2)
	return pair{r.Uint(), r.Text(64)}
}

// tables are the real thing: one table of each kind of key.
type tables struct {
	db    *state.DB
	texts *state.Table[string, pair]
	dids  *state.Table[icn.DID, uint64]
	one   *state.Table[state.One, uint64]
}

func newTables() *tables {
	db := state.NewDB()
	uint := func(r *icn.Reader) uint64 { return r.Uint() }
	return &tables{
		db: db,
		texts: state.NewTable(db, state.Spec[string, pair]{
			Name: "texts", Key: state.TextKey, Parse: state.ParseTextKey, Append: appendPair, Read: readPair}),
		dids: state.NewTable(db, state.Spec[icn.DID, uint64]{
			Name: "dids", Key: state.DIDKey, Parse: state.ParseDIDKey, Append: icn.AppendUint, Read: uint}),
		one: state.NewTable(db, state.Spec[state.One, uint64]{
			Name: "one", Key: state.OneKey, Parse: state.ParseOneKey, Append: icn.AppendUint, Read: uint}),
	}
}

// model is the plain map that the tables must be like.
type model struct {
	texts map[string]pair
	dids  map[icn.DID]uint64
	one   map[state.One]uint64
}

func newModel() model {
	return model{map[string]pair{}, map[icn.DID]uint64{}, map[state.One]uint64{}}
}

func (m model) clone() model {
	return model{maps.Clone(m.texts), maps.Clone(m.dids), maps.Clone(m.one)}
}

// root hashes the model's rows in the plainest way, sharing no code with the tables.
func (m model) root() [32]byte {
	var leaves []leaf
	add := func(table, key string, value []byte) {
		leaves = append(leaves, leaf{sha256.Sum256([]byte(table + "\x00" + key)), sha256.Sum256(value)})
	}
	for k, v := range m.texts { // order: sorted by plainRoot
		add("texts", k, appendPair(nil, v))
	}
	for k, v := range m.dids { // order: sorted by plainRoot
		add("dids", string(k[:]), icn.AppendUint(nil, v))
	}
	for _, v := range m.one { // order: at most one row
		add("one", "", icn.AppendUint(nil, v))
	}
	return plainRoot(leaves)
}

type leaf struct{ path, value [32]byte }

// plainRoot splits the sorted leaves bit by bit.
func plainRoot(leaves []leaf) [32]byte {
	slices.SortFunc(leaves, func(a, b leaf) int { return slices.Compare(a.path[:], b.path[:]) })
	return plainTree(leaves, 0)
}

func plainTree(l []leaf, bit int) [32]byte {
	switch len(l) {
	case 0:
		return [32]byte{}
	case 1:
		return sha256.Sum256(slices.Concat([]byte{0}, l[0].path[:], l[0].value[:]))
	}
	split := slices.IndexFunc(l, func(x leaf) bool { return x.path[bit/8]>>(7-bit%8)&1 == 1 })
	if split <= 0 { // all on one side: this bit does not branch
		return plainTree(l, bit+1)
	}
	left, right := plainTree(l[:split], bit+1), plainTree(l[split:], bit+1)
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

// Few keys, so that they meet; text keys may hold any byte.
var (
	textKeys = rapid.StringOfN(rapid.SampledFrom([]rune{0, 'a', 'b', 0x10ffff}), 0, 2, -1)
	didKeys  = rapid.Custom(func(t *rapid.T) icn.DID {
		return icn.DID{rapid.ByteRange(0, 9).Draw(t, "first byte"), 31: rapid.ByteRange(0, 1).Draw(t, "last byte")}
	})
	pairs = rapid.Custom(func(t *rapid.T) pair {
		return pair{rapid.Uint64().Draw(t, "n"), rapid.StringN(0, 8, -1).Draw(t, "text")}
	})
)

func TestTablesAreLikePlainMaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		real, plain := newTables(), newModel()
		var before *model // what a rollback goes back to
		t.Repeat(map[string]func(*rapid.T){
			"put a text": func(t *rapid.T) {
				k, v := textKeys.Draw(t, "key"), pairs.Draw(t, "value")
				real.texts.Put(k, v)
				plain.texts[k] = v
			},
			"delete a text": func(t *rapid.T) {
				k := textKeys.Draw(t, "key")
				real.texts.Delete(k)
				delete(plain.texts, k)
			},
			"put a DID": func(t *rapid.T) {
				k, v := didKeys.Draw(t, "key"), rapid.Uint64Range(0, 3).Draw(t, "value")
				real.dids.Put(k, v)
				plain.dids[k] = v
			},
			"delete a DID": func(t *rapid.T) {
				k := didKeys.Draw(t, "key")
				real.dids.Delete(k)
				delete(plain.dids, k)
			},
			"put the one": func(t *rapid.T) {
				v := rapid.Uint64().Draw(t, "value")
				real.one.Put(state.One{}, v)
				plain.one[state.One{}] = v
			},
			"begin": func(t *rapid.T) {
				if before != nil {
					t.Skip("within a step")
				}
				real.db.Begin()
				b := plain.clone()
				before = &b
			},
			"commit": func(*rapid.T) {
				real.db.Commit()
				before = nil
			},
			"rollback": func(*rapid.T) {
				real.db.Rollback()
				if before != nil {
					plain, before = *before, nil
				}
			},
			// The root is asked for now and then only, so that changes of several steps
			// meet in it, also within a step.
			"root": func(t *rapid.T) {
				if real.db.Root() != plain.root() {
					t.Fatalf("the root is not that of %v", plain)
				}
			},
			"restore": func(t *rapid.T) {
				if before != nil {
					t.Skip("within a step")
				}
				snapshot, again := real.db.Snapshot(nil), newTables()
				require.NoError(t, again.restore(snapshot))
				require.Equal(t, snapshot, again.db.Snapshot(nil))
				require.Equal(t, plain.root(), again.db.Root())
				real = again
			},
			"": func(t *rapid.T) { same(t, real, plain) },
		})
		real.db.Rollback()
		if before != nil {
			plain = *before
		}
		same(t, real, plain)
		require.Equal(t, plain.root(), real.db.Root())
	})
}

// same compares all rows, one by one and in order.
func same(t *rapid.T, real *tables, plain model) {
	sameRows(t, real.texts, plain.texts, state.TextKey)
	sameRows(t, real.dids, plain.dids, state.DIDKey)
	sameRows(t, real.one, plain.one, state.OneKey)
}

func sameRows[K comparable, V comparable](t *rapid.T, real *state.Table[K, V], plain map[K]V, key func(K) string) {
	if real.Len() != len(plain) {
		t.Fatalf("%d rows, want %d", real.Len(), len(plain))
	}
	last := ""
	seen := 0
	real.Each(func(k K, v V) bool {
		got, ok := real.Get(k)
		want, known := plain[k]
		if !ok || !known || got != want || v != want {
			t.Fatalf("row %v is %v and %v, want %v", k, v, got, want)
		}
		if seen > 0 && key(k) <= last {
			t.Fatalf("row %v comes after %q", k, last)
		}
		last = key(k)
		seen++
		return true
	})
	if seen != len(plain) {
		t.Fatalf("%d rows seen, want %d", seen, len(plain))
	}
}

func TestEqualContentsHaveEqualRoots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.MapOfN(textKeys, pairs, 0, 12).Draw(t, "rows")
		keys := slices.Sorted(maps.Keys(rows))
		write := func(label string) [32]byte {
			x := newTables()
			for _, k := range rapid.Permutation(keys).Draw(t, label) {
				if rapid.Bool().Draw(t, "by a detour") {
					x.texts.Put(k+"x", pair{})
					x.texts.Put(k, pair{n: 7})
					x.db.Root()
					x.texts.Delete(k + "x")
				}
				if rapid.Bool().Draw(t, "ask") {
					x.db.Root()
				}
				x.texts.Put(k, rows[k])
			}
			for _, k := range keys { // a detour may have removed another row's key
				x.texts.Put(k, rows[k])
			}
			return x.db.Root()
		}
		require.Equal(t, write("first order"), write("second order"))
	})
}

func TestEachDifferenceChangesTheRoot(t *testing.T) {
	roots := map[[32]byte]string{}
	for name, write := range map[string]func(*tables){ // order: each case stands alone
		"nothing":            func(*tables) {},
		"a row":              func(x *tables) { x.texts.Put("a", pair{1, "x"}) },
		"another value":      func(x *tables) { x.texts.Put("a", pair{2, "x"}) },
		"another key":        func(x *tables) { x.texts.Put("b", pair{1, "x"}) },
		"an empty key":       func(x *tables) { x.texts.Put("", pair{1, "x"}) },
		"zero":               func(x *tables) { x.one.Put(state.One{}, 0) },
		"zero of a DID":      func(x *tables) { x.dids.Put(icn.DID{}, 0) },
		"zero of another":    func(x *tables) { x.dids.Put(icn.DID{1}, 0) },
		"two rows":           func(x *tables) { x.texts.Put("a", pair{1, "x"}); x.texts.Put("b", pair{1, "x"}) },
		"two rows, swapped":  func(x *tables) { x.texts.Put("a", pair{1, "y"}); x.texts.Put("b", pair{1, "x"}) },
		"two rows, swapped2": func(x *tables) { x.texts.Put("a", pair{1, "x"}); x.texts.Put("b", pair{1, "y"}) },
	} {
		x := newTables()
		write(x)
		root := x.db.Root()
		require.Empty(t, roots[root], "%s has the root of this", name)
		roots[root] = name
	}
}

func TestEachStopsWhenToldTo(t *testing.T) {
	x := newTables()
	for i := range 5 {
		x.texts.Put(fmt.Sprint(i), pair{})
	}
	seen := 0
	x.texts.Each(func(string, pair) bool { seen++; return seen < 2 })
	require.Equal(t, 2, seen)
}

func TestAStepWithinAStepIsABug(t *testing.T) {
	x := newTables()
	x.db.Begin()
	require.Panics(t, x.db.Begin)
}

func TestTwoTablesOfOneNameAreABug(t *testing.T) {
	x := newTables()
	require.Panics(t, func() {
		state.NewTable(x.db, state.Spec[string, uint64]{Name: "dids"})
	})
}

package state_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/state"
)

func (x *tables) restore(snapshot []byte) error {
	r := icn.NewReader(snapshot)
	if err := x.db.Restore(r); err != nil {
		return err
	}
	return r.Close()
}

func sample() *tables {
	x := newTables()
	for i := range 20 {
		x.texts.Put(fmt.Sprintf("key %d", i), pair{uint64(i), "value"})
		x.dids.Put(icn.DID{byte(i)}, uint64(i)*1000)
	}
	x.one.Put(state.One{}, 7)
	return x
}

func TestARestoredSnapshotHasTheSameRoot(t *testing.T) {
	x := sample()
	snapshot := x.db.Snapshot(nil)
	again := newTables()
	require.NoError(t, again.restore(snapshot))
	require.Equal(t, x.db.Root(), again.db.Root())
	require.Equal(t, snapshot, again.db.Snapshot(nil))
	for _, y := range []*tables{x, again} {
		y.texts.Put("later", pair{1, "x"})
		y.dids.Delete(icn.DID{3})
	}
	require.Equal(t, x.db.Root(), again.db.Root(), "both go on alike")
}

func TestASnapshotIsAppendedToWhatIsThere(t *testing.T) {
	x := sample()
	require.Equal(t, append([]byte("before"), x.db.Snapshot(nil)...), x.db.Snapshot([]byte("before")))
}

// snapshotOf writes a snapshot of the tables by hand: rows of texts, of dids and
// of one, each as key and value.
func snapshotOf(names [3]string, rows [3][][2][]byte) []byte {
	b := icn.AppendArray(nil, 3)
	for i, name := range names {
		b = icn.AppendText(icn.AppendArray(b, 2), name)
		b = icn.AppendArray(b, 2*len(rows[i]))
		for _, kv := range rows[i] {
			b = icn.AppendBytes(icn.AppendBytes(b, kv[0]), kv[1])
		}
	}
	return b
}

func TestAFalseSnapshotIsRefused(t *testing.T) {
	names := [3]string{"texts", "dids", "one"}
	row := func(key string, value []byte) [2][]byte { return [2][]byte{[]byte(key), value} }
	value := appendPair(nil, pair{1, "x"})
	did := string(make([]byte, 32))
	good := [3][][2][]byte{{row("a", value), row("b", value)}, {row(did, []byte{1})}, {row("", []byte{1})}}
	require.NoError(t, newTables().restore(snapshotOf(names, good)))

	// The last table says that it has one item, and has two.
	odd := snapshotOf(names, [3][][2][]byte{})
	odd = append(odd[:len(odd)-1], icn.AppendArray(nil, 1)...)
	odd = icn.AppendBytes(icn.AppendBytes(odd, nil), []byte{1})
	full := snapshotOf(names, good)
	for name, b := range map[string][]byte{ // order: each case stands alone
		"nothing":               {},
		"a table short":         icn.AppendArray(nil, 2),
		"another table's name":  snapshotOf([3]string{"texts", "other", "one"}, good),
		"tables in other order": snapshotOf([3]string{"dids", "texts", "one"}, [3][][2][]byte{good[1], good[0], good[2]}),
		"rows out of order":     snapshotOf(names, [3][][2][]byte{{row("b", value), row("a", value)}}),
		"a row twice":           snapshotOf(names, [3][][2][]byte{{row("a", value), row("a", value)}}),
		"a key without value":   odd,
		"a value cut short":     snapshotOf(names, [3][][2][]byte{{row("a", value[:2])}}),
		"a value too long":      snapshotOf(names, [3][][2][]byte{{row("a", append([]byte{}, append(value, 0)...))}}),
		"a key of wrong length": snapshotOf(names, [3][][2][]byte{{}, {row("short", []byte{1})}}),
		"a second only row":     snapshotOf(names, [3][][2][]byte{{}, {}, {row("", []byte{1}), row("x", []byte{1})}}),
		"a long number":         snapshotOf(names, [3][][2][]byte{{}, {row(did, []byte{0x18, 1})}}),
		"a trailing byte":       append(append([]byte{}, full...), 0),
		"a huge count":          append(icn.AppendText(icn.AppendArray(icn.AppendArray(nil, 3), 2), "texts"), 0x9a, 0x0f, 0xff, 0xff, 0xfe),
	} {
		err := newTables().restore(b)
		require.ErrorIs(t, err, icn.ErrInvalid, name)
	}
	for n := range full {
		require.Error(t, newTables().restore(full[:n]), "cut to %d bytes", n)
	}
}

// small is a table whose values are cut to a byte when they are read.
func small() (*state.DB, *state.Table[string, uint8]) {
	db := state.NewDB()
	return db, state.NewTable(db, state.Spec[string, uint8]{
		Name: "small", Key: state.TextKey, Parse: state.ParseTextKey,
		Append: func(b []byte, v uint8) []byte { return icn.AppendUint(b, uint64(v)) },
		Read:   func(r *icn.Reader) uint8 { return uint8(r.Uint()) },
	})
}

func TestAValueBeyondItsTypeIsRefused(t *testing.T) {
	b := icn.AppendText(icn.AppendArray(icn.AppendArray(nil, 1), 2), "small")
	b = icn.AppendBytes(icn.AppendBytes(icn.AppendArray(b, 2), []byte("a")), icn.AppendUint(nil, 256+5))
	db, _ := small()
	require.ErrorIs(t, db.Restore(icn.NewReader(b)), icn.ErrInvalid, "it would be read as 5")
}

func TestKeysThatAreNoneAreRefused(t *testing.T) {
	_, err := state.ParseDIDKey("short")
	require.ErrorIs(t, err, icn.ErrInvalid)
	_, err = state.ParseCIDKey("no CID")
	require.ErrorIs(t, err, icn.ErrInvalid)
	_, err = state.ParseOneKey("x")
	require.ErrorIs(t, err, icn.ErrInvalid)
	id := icn.SumCID(icn.Raw, []byte("x"))
	back, err := state.ParseCIDKey(state.CIDKey(id))
	require.NoError(t, err)
	require.Equal(t, id, back)
}

func FuzzRestore(f *testing.F) {
	f.Add(sample().db.Snapshot(nil))
	f.Add(newTables().db.Snapshot(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		x := newTables()
		if x.restore(b) != nil {
			return
		}
		require.Equal(t, b, x.db.Snapshot(nil), "what is accepted is written again byte for byte")
		again := newTables()
		require.NoError(t, again.restore(b))
		require.Equal(t, x.db.Root(), again.db.Root())
	})
}

package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

func scanOrder(t *testing.T, s store.Store) {
	b := &store.Batch{}
	var want []string
	for i := range 500 {
		n := i * 177 % 500 // every number once, in no order
		b.Put(fmt.Appendf(nil, "%04d", n), fmt.Appendf(nil, "v%d", n))
		want = append(want, fmt.Sprintf("%04d", i))
	}
	require.NoError(t, s.Apply(b))
	var up, down []string
	require.NoError(t, s.Scan(store.Range{}, func(k, v []byte) bool { up = append(up, string(k)); return true }))
	require.NoError(t, s.Scan(store.Range{Reverse: true}, func(k, v []byte) bool { down = append(down, string(k)); return true }))
	require.Equal(t, want, up)
	slices.Reverse(want)
	require.Equal(t, want, down)
}

func scanBounds(t *testing.T, s store.Store) {
	put(t, s, "b", "1", "d", "2", "f", "3")
	for _, c := range []struct{ from, to, want string }{
		{"", "", "b1d2f3"},
		{"b", "", "b1d2f3"},
		{"b\x00", "", "d2f3"},
		{"c", "", "d2f3"},
		{"g", "", ""},
		{"a", "b", ""},
		{"a", "b\x00", "b1"},
		{"b", "f", "b1d2"},
		{"b", "d", "b1"},
		{"c", "e", "d2"},
		{"d", "d", ""},
		{"f", "b", ""},
		{"f", "z", "f3"},
	} {
		r := store.Range{From: []byte(c.from), To: []byte(c.to)}
		if c.to == "" {
			r.To = nil
		}
		up := pairs(t, s, r)
		require.Equal(t, c.want, joined(up), "%q to %q", c.from, c.to)
		r.Reverse = true
		down := pairs(t, s, r)
		for i := 0; i+1 < len(down); i += 2 {
			down[i], down[i+1] = down[i+1], down[i]
		}
		slices.Reverse(down)
		require.Equal(t, c.want, joined(down), "%q to %q in reverse", c.from, c.to)
	}
	// An upper bound that is empty, but there, is below every key.
	require.Empty(t, pairs(t, s, store.Range{To: []byte{}}))
	require.Empty(t, pairs(t, s, store.Range{To: []byte{}, Reverse: true}))
}

func joined(s []string) (all string) {
	for _, x := range s {
		all += x
	}
	return all
}

func scanStops(t *testing.T, s store.Store) {
	put(t, s, "a", "1", "b", "2", "c", "3")
	for _, reverse := range []bool{false, true} {
		calls := 0
		require.NoError(t, s.Scan(store.Range{Reverse: reverse}, func(k, v []byte) bool {
			calls++
			return calls < 2
		}))
		require.Equal(t, 2, calls)
	}
}

// scanSnapshot writes from inside the scan, which is allowed, and expects the
// scan not to see it, and everyone else to see it at once.
func scanSnapshot(t *testing.T, s store.Store) {
	before := &store.Batch{}
	for i := range 300 {
		before.Put(fmt.Appendf(nil, "%03d", i), []byte("old"))
	}
	require.NoError(t, s.Apply(before))
	for _, reverse := range []bool{false, true} {
		want := pairs(t, s, store.Range{Reverse: reverse})
		got, wrote := []string{}, false
		require.NoError(t, s.Scan(store.Range{Reverse: reverse}, func(k, v []byte) bool {
			if !wrote {
				wrote = true
				rewrite(t, s, fmt.Sprint("new", reverse))
			}
			got = append(got, string(k), string(v))
			return true
		}))
		require.Equal(t, want, got)
		require.NotEqual(t, want, pairs(t, s, store.Range{Reverse: reverse}))
	}
}

// rewrite changes, removes and adds keys on both sides of the middle.
func rewrite(t *testing.T, s store.Store, value string) {
	b := &store.Batch{}
	for i := range 600 {
		key := fmt.Appendf(nil, "%03d", i/2)
		switch i % 4 {
		case 0:
			b.Put(key, []byte(value))
		case 1:
			b.Put(append(key, value...), []byte("added"))
		case 2:
			b.Delete(key)
		}
	}
	require.NoError(t, s.Apply(b))
	v, err := s.Get([]byte("000"))
	require.NoError(t, err)
	require.Equal(t, value, string(v))
	_, err = s.Get([]byte("001"))
	require.ErrorIs(t, err, icn.ErrNotFound)
}

func scanPrefix(t *testing.T, s store.Store) {
	put(t, s, "a", "1", "b", "2", "b\x00", "3", "bz", "4", "b\xff\xff", "5", "c", "6", "\xff", "7", "\xff\xff", "8", "\xff\xffx", "9")
	for prefix, want := range map[string]string{"b": "2345", "b\xff": "5", "\xff": "789", "\xff\xff": "89", "": "123456789", "x": ""} {
		got := ""
		require.NoError(t, s.Scan(store.Prefix([]byte(prefix)), func(k, v []byte) bool { got += string(v); return true }))
		require.Equal(t, want, sorted(got), "prefix %q", prefix)
	}
}

func sorted(s string) string {
	b := []byte(s)
	slices.Sort(b)
	return string(b)
}

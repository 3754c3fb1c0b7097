package storetest

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// likeAMap does the same random things to the store and to a map. Keys are
// short and made of few bytes, so that they meet.
func likeAMap(t *testing.T, s store.Store) {
	key := rapid.SliceOfN(rapid.SampledFrom([]byte{0x00, 0x01, 'a', 0xfe, 0xff}), 0, 3)
	value := rapid.SliceOfN(rapid.Byte(), 0, 8)
	rapid.Check(t, func(t *rapid.T) {
		model := map[string]string{}
		clear := &store.Batch{Relaxed: true}
		noError(t, s.Scan(store.Range{}, func(k, _ []byte) bool { clear.Delete(bytes.Clone(k)); return true }))
		noError(t, s.Apply(clear))
		t.Repeat(map[string]func(*rapid.T){
			"apply": func(t *rapid.T) {
				b := &store.Batch{Relaxed: rapid.IntRange(0, 9).Draw(t, "durable in ten") > 0}
				for range rapid.IntRange(0, 12).Draw(t, "writes") {
					k := key.Draw(t, "key")
					if rapid.IntRange(0, 2).Draw(t, "delete in three") == 0 {
						b.Delete(k)
						delete(model, string(k))
						continue
					}
					v := value.Draw(t, "value")
					b.Put(k, v)
					model[string(k)] = string(v)
				}
				noError(t, s.Apply(b))
			},
			"get": func(t *rapid.T) {
				k := key.Draw(t, "key")
				v, err := s.Get(k)
				want, ok := model[string(k)]
				if ok != (err == nil) || string(v) != want || (err != nil && !errors.Is(err, icn.ErrNotFound)) {
					t.Fatalf("get %q: got %q, %v; want %q, %v", k, v, err, want, ok)
				}
			},
			"scan": func(t *rapid.T) {
				r := store.Range{From: key.Draw(t, "from"), Reverse: rapid.Bool().Draw(t, "reverse")}
				if rapid.Bool().Draw(t, "bounded") {
					r.To = append([]byte{}, key.Draw(t, "to")...)
				}
				limit := rapid.IntRange(1, 30).Draw(t, "limit")
				sameScan(t, s, model, r, limit)
			},
			"": func(t *rapid.T) { sameScan(t, s, model, store.Range{}, 1<<30) },
		})
	})
}

func sameScan(t *rapid.T, s store.Store, model map[string]string, r store.Range, limit int) {
	var want, got []string
	keys := slices.Sorted(maps.Keys(model))
	if r.Reverse {
		slices.Reverse(keys)
	}
	for _, k := range keys {
		if len(want) < limit && strings.Compare(k, string(r.From)) >= 0 && (r.To == nil || k < string(r.To)) {
			want = append(want, k+"="+model[k])
		}
	}
	noError(t, s.Scan(r, func(k, v []byte) bool {
		got = append(got, string(k)+"="+string(v))
		return len(got) < limit
	}))
	if !slices.Equal(want, got) {
		t.Fatalf("scan %q to %q (reverse %v, at most %d): got %q, want %q", r.From, r.To, r.Reverse, limit, got, want)
	}
}

func noError(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

// reopened closes and opens the same folder again and again; each time all that
// was ever written is there, durable or relaxed.
func reopened(t *testing.T, open Opener) {
	dir := t.TempDir()
	large := strings.Repeat("x", 2<<20)
	want := []string{}
	for round := range 4 {
		s := open(t, dir)
		require.Equal(t, want, pairs(t, s, store.Range{}))
		k := string(rune('a' + round))
		put(t, s, k, large, k+"gone", "1")
		b := &store.Batch{Relaxed: true}
		b.Put([]byte(k+"relaxed"), nil)
		b.Delete([]byte(k + "gone"))
		require.NoError(t, s.Apply(b))
		want = append(want, k, large, k+"relaxed", "")
		require.NoError(t, s.Close())
	}
}

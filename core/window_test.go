package core

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// TestNumbersAreUsedOnceAndWithinTheWindow compares the window with a plain set.
func TestNumbersAreUsedOnceAndWithinTheWindow(t *testing.T) {
	step := rapid.OneOf(rapid.SampledFrom([]int64{-1025, -1024, -1023, -65, -64, -63, -1, 0, 1, 2, 63, 64, 65, 1023, 1024, 1025}), rapid.Int64Range(-1100, 1100))
	rapid.Check(t, func(t *rapid.T) {
		var w window
		used := map[uint64]bool{0: true}
		var high uint64
		for range rapid.IntRange(1, 200).Draw(t, "statements") {
			n := uint64(max(0, int64(high)+step.Draw(t, "from the highest")))
			fits := !used[n] && n+icn.Window > high && n <= high+icn.Window
			require.Equal(t, fits, w.free(n) == nil, "%d when the highest is %d: %v", n, high, w.free(n))
			require.Equal(t, used[n] || n+icn.Window <= high, w.used(n))
			if !fits {
				continue
			}
			w, used[n], high = w.use(n), true, max(high, n)
			require.Equal(t, high, w.high)
			r := icn.NewReader(appendWindow(nil, w))
			require.Equal(t, w, readWindow(r))
			require.NoError(t, r.Close())
		}
		for n := range high + 3 {
			require.Equal(t, used[n] || n+icn.Window <= high, w.used(n), "number %d", n)
		}
	})
}

func TestTheFirstNumberIsWithinTheWindow(t *testing.T) {
	var w window
	require.ErrorIs(t, w.free(0), icn.ErrConflict)
	require.NoError(t, w.free(1))
	require.NoError(t, w.free(1024))
	require.ErrorIs(t, w.free(1025), icn.ErrInvalid)
	require.ErrorIs(t, w.free(1<<64-1), icn.ErrInvalid)
}

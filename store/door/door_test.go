package door_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store/door"
)

func TestShutWaitsForThoseInsideAndLetsNobodyIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door.Door{Name: "s"}
		require.NoError(t, d.Enter("get"))
		shut := false
		go func() {
			require.True(t, d.Shut())
			shut = true
		}()
		synctest.Wait()
		require.False(t, shut)
		require.ErrorIs(t, d.Enter("get"), icn.ErrUnavailable)
		d.Leave()
		synctest.Wait()
		require.True(t, shut)
		require.False(t, d.Shut())
	})
}

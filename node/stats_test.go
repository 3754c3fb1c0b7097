package node

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
)

func TestWhatWasOrderedBeforeTheStartIsNotCounted(t *testing.T) {
	n := &Node{started: time.Now()}
	n.stats.init()
	out := core.Outcome{Events: []icn.Event{{Body: icn.JobRolledBack{}}, {Body: icn.AttemptFailed{Cause: icn.CauseGone}}, {Body: icn.CheckEnded{Result: "mismatch"}}}}
	gone := func() (x uint64) {
		n.stats.Attempts.Each(func(why icn.Cause, count uint64) {
			if why == icn.CauseGone {
				x = count
			} else {
				require.Zero(t, count, why)
			}
		})
		return x
	}
	n.count(icn.Entry{Time: icn.Time(n.started.UnixMilli()) - 1}, out)
	require.Equal(t, []uint64{1, 0, 0, 0}, []uint64{n.stats.Entries.Load(), n.stats.RolledBack.Load(), gone(), n.stats.Checks.Mismatch.Load()})
	n.count(icn.Entry{Time: icn.Time(n.started.UnixMilli())}, out)
	require.Equal(t, []uint64{2, 1, 1, 1}, []uint64{n.stats.Entries.Load(), n.stats.RolledBack.Load(), gone(), n.stats.Checks.Mismatch.Load()})
}

func TestRunsAreCountedByHowTheyEnded(t *testing.T) {
	n := &Node{}
	n.stats.init()
	n.countRun(RunResult{Receipt: icn.JobReceipt{Outcome: icn.Outcome{Gas: 7}}}, time.Second)
	n.countRun(RunResult{Err: ErrNotRun, Declined: true}, time.Second)
	n.countRun(RunResult{Err: icn.ErrUnavailable}, time.Second)
	runs, sum, _ := n.stats.Running.Read()
	require.Equal(t, []uint64{3, 1, 1, 7, 1}, []uint64{n.stats.Executed.Load(), n.stats.NotRun.Load(), n.stats.Broken.Load(), n.stats.Gas.Load(), runs})
	require.InDelta(t, 1, sum, 1e-9)
}

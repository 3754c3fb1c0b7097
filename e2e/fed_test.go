package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// TestLearnersBeyondThoseOfTheLeaderAreFedByOthers runs ten processes: seven clerks,
// one learner that the leader feeds, and two that it does not. A job handed in at
// one of these runs and settles, its result arrives, and when the process that
// feeds it is killed, it goes on with another.
func TestLearnersBeyondThoseOfTheLeaderAreFedByOthers(t *testing.T) {
	f := newFleetWith(t, 10, loopback{}, "[network]\nfed_learners = 1\n")
	var outer []*vessel
	for _, v := range f.nodes {
		if s, err := v.api.Load().Status(t.Context()); err == nil && s.Role == "learner" {
			outer = append(outer, v)
		}
	}
	require.Len(t, outer, 3, "learners")
	fed := func(v *vessel) *icn.DID {
		s, err := v.api.Load().Status(t.Context())
		require.NoError(t, err)
		return s.FedBy
	}
	f.until("two learners are fed by others", func() bool {
		n := 0
		for _, v := range outer {
			if fed(v) != nil {
				n++
			}
		}
		return n == 2
	})
	at := outer[0]
	for _, v := range outer {
		if fed(v) != nil {
			at = v
		}
	}
	runs := func(when string) node.JobView {
		j, err := at.api.Load().MeshSubmit(t.Context(), f.job())
		require.NoError(t, err, when)
		var got node.JobView
		f.until("a job handed in at a learner that others feed is settled, "+when, func() bool {
			got, err = at.api.Load().MeshJob(t.Context(), j.JobID, 0)
			return err == nil && got.State == node.JobCompleted
		})
		return got
	}
	got := runs("with all nodes up")
	require.NotNil(t, got.Receipt)
	_, err := at.api.Load().DagGet(t.Context(), *got.Receipt.Output)
	require.NoError(t, err, "the result is at hand where the job was handed in")

	by := *fed(at)
	for _, v := range f.nodes {
		if v.did == by {
			t.Logf("%s is fed by %s, which is killed", at.name, v.name)
			v.kill()
			defer v.start()
		}
	}
	f.until("another node feeds it", func() bool { d := fed(at); return d != nil && *d != by })
	runs("after its feeder was killed")
	f.until("it is as far as the leader", func() bool {
		here, err := at.api.Load().Status(t.Context())
		require.NoError(t, err)
		for _, v := range f.nodes {
			if v.did == *here.Leader {
				there, err := v.api.Load().Status(t.Context())
				return err == nil && there.Height == here.Height && there.StateRoot == here.StateRoot
			}
		}
		return false
	})
}

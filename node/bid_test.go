package node_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/mesh"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/store/memory"
)

// frameBid is the tag of the frame in which a bid travels.
const frameBid = 4

// TestS3OnlyABidOfItsExecutorsOwnCounts: of those that reach the node that assigns,
// forged and changed ones are refused, and the right one gets the job.
func TestS3OnlyABidOfItsExecutorsOwnCounts(t *testing.T) {
	me, other, thief := newPair(t), newPair(t), newPair(t)
	g := icn.Genesis{Name: "two", Created: 1, Rules: icn.DefaultRules(), Nodes: []icn.GenesisNode{{DID: me.DID(), Name: "a"}, {DID: other.DID(), Name: "b"}}}
	genesis := g.Block()
	l, err := node.NewLoop(node.LoopConfig{
		Signer: me, Genesis: genesis, Store: node.NetworkStore(memory.New(), genesis.CID), Verify: key.Verify, VerifyBatch: verifyBatch,
		Send: func(icn.DID, node.Kind, []byte) {}, Stop: func(icn.CID, uint32) {}, Jitter: func(int64) int64 { return 0 },
		Log: slog.New(slog.DiscardHandler),
	}, 1)
	require.NoError(t, err)
	l.Linked(other.DID())
	_, err = l.SayOps([]icn.Op{icn.JobPost{Via: me.DID(), Budget: 50, Spec: icn.JobSpec{Kind: icn.JobEcho, Inline: []byte("hello")}}}, 0, func(node.Answer) {})
	require.NoError(t, err)
	turn := func(at icn.Time) {
		t.Helper()
		for range 5 {
			require.NoError(t, l.Turn(at))
		}
	}
	turn(2)
	var job icn.CID
	assigned := func() (to []icn.DID) {
		l.View(func(m *core.Machine) {
			if j, ok := m.Job(job); ok {
				for _, r := range j.Runs {
					to = append(to, r.Executor)
				}
			}
		})
		return to
	}
	var st node.Status
	l.Status(&st)
	require.Equal(t, 1, st.OpenJobs)
	l.View(func(m *core.Machine) { job = theJob(m) })
	bid := func(change func(*icn.Bid), signer key.Pair, after func(*icn.Bid)) []byte {
		b := &icn.Bid{Network: genesis.CID, Job: job, Attempt: 1, Executor: other.DID(), Price: 9, FreeSlots: 4, FreeMB: 4096}
		change(b)
		b.Sig = [64]byte(signer.Sign(b.SigningBytes()))
		after(b)
		return append([]byte{frameBid}, b.Encode()...)
	}
	same := func(*icn.Bid) {}
	for name, frame := range map[string][]byte{ // order: each stands alone
		"signed with another's key":    bid(same, thief, same),
		"cheaper than it was signed":   bid(same, other, func(b *icn.Bid) { b.Price = 1 }),
		"in the name of somebody else": bid(func(b *icn.Bid) { b.Executor = thief.DID() }, thief, same),
		"said to another federation":   bid(func(b *icn.Bid) { b.Network = job }, other, same),
	} {
		require.ErrorIs(t, l.Frame(other.DID(), frame), icn.ErrDenied, name)
		turn(3)
		require.Empty(t, assigned(), name)
	}
	require.NoError(t, l.Frame(other.DID(), bid(same, other, same)))
	turn(4)
	require.Equal(t, []icn.DID{other.DID()}, assigned())
}

// theJob is the one open job.
func theJob(m *core.Machine) (id icn.CID) {
	m.Jobs(func(c icn.CID, _ mesh.Job) bool { id = c; return true })
	return id
}

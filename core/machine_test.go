package core_test

import (
	"crypto/sha256"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/mesh"
)

func TestAGapInTheLogStopsTheMachine(t *testing.T) {
	f := newFederation(t, founding())
	f.tick(5)
	before := f.m.Snapshot()
	for _, e := range []icn.Entry{{Index: 1, Time: f.now}, {Index: 3, Time: f.now}, {Index: 0, Time: f.now}, {Index: 2, Time: f.now - 1}} {
		_, err := f.m.Apply(e, core.Checked{})
		require.ErrorIs(t, err, icn.ErrCorrupt)
	}
	require.Equal(t, before, f.m.Snapshot())
	f.tick(0) // log time may stand still
}

func TestAFalseGenesisIsRefused(t *testing.T) {
	twice := founding()
	twice.Nodes = append(twice.Nodes, twice.Nodes[0])
	_, err := core.New(twice.Block(), key.Verify)
	require.Error(t, err)
	other := founding().Block()
	other.Data = append(slices.Clone(other.Data), 0)
	_, err = core.New(other, key.Verify)
	require.ErrorIs(t, err, icn.ErrCorrupt)
	_, err = core.New(icn.NewBlock(icn.DagCBOR, []byte{0x80}), key.Verify)
	require.ErrorIs(t, err, icn.ErrInvalid)
}

// TestWhatWasNeverSaidChangesNothing: a statement that fails before it is looked
// at leaves the log longer, and nothing else.
func TestWhatWasNeverSaidChangesNothing(t *testing.T) {
	f := newFederation(t, founding())
	f.say("ann", post("n1", 5))
	said := f.last
	good := func() *icn.Statement {
		return &icn.Statement{Network: f.genesis.CID, Author: did("ann"), Number: 9, Ops: []icn.Op{post("n1", 10)}}
	}
	forged := f.signed("ann", good())
	forged.Sig[63] ^= 0x80
	another := f.signed("n1", good())
	changed := f.signed("ann", good())
	changed.Ops = []icn.Op{post("n1", 11)}
	network, late, stranger, far, zero := good(), good(), good(), good(), good()
	network.Network = block("another")
	late.Until = f.now - 1
	stranger.Author = did("eve")
	far.Number = 1026
	zero.Number = 0
	for name, s := range map[string]*icn.Statement{ // order: each leaves things as they were
		"forged": forged, "signed by another": another, "changed after signing": changed, "said again": said,
		"said elsewhere": f.signed("ann", network), "too late": f.signed("ann", late), "a stranger's": f.signed("eve", stranger),
		"far ahead": f.signed("ann", far), "without number": f.signed("ann", zero),
	} {
		before := f.m.Snapshot()
		out := f.enter(s)
		require.Error(t, out.Refused, name)
		require.False(t, out.Spent, name)
		require.Equal(t, []string{"Refused"}, types(out), name)
		require.Equal(t, map[string]bool{"head/": true}, changes(t, before, f.m.Snapshot()), name)
	}
	require.NoError(t, f.enter(f.signed("ann", good())).Refused, "its number is still free")
}

// TestARefusedStatementUsesItsNumberAndNothingElse: also when the first
// operations of it went well, and touched everything.
func TestARefusedStatementUsesItsNumberAndNothingElse(t *testing.T) {
	f := newFederation(t, founding())
	f.say("n1", icn.InviteCreate{CodeHash: sha256.Sum256([]byte("code")), Role: icn.RoleNode, Expires: f.now + 1000})
	f.say("n1", post("n2", 100))
	id := f.job(0)
	f.say("n2", assign(id, 1, "n1"))
	f.say("n1", post("n1", 50))
	before, nodes := f.m.Snapshot(), f.m.Nodes()
	s := f.statement("n1",
		icn.NodeAdmit{Node: did("n5"), Code: []byte("code")}, icn.MemberAdmit{Member: did("bob"), Role: icn.RolePerson},
		icn.InviteCreate{CodeHash: sha256.Sum256([]byte("two")), Role: icn.RoleNode, Expires: f.now + 1000},
		f.receipt(id, 1), icn.JobCancel{Job: f.job(0)}, post("n1", 70), icn.NodeRejoin{}, icn.NodeLeave{}, icn.JobCancel{Job: id})
	out := f.refused(s, icn.ErrNotFound, "cancel")
	require.True(t, out.Spent)
	require.Equal(t, []string{"Refused"}, types(out))
	r := out.Events[0].Body.(icn.Refused)
	require.Equal(t, icn.Refused{Statement: s.ID(), Number: s.Number, Reason: out.Refused.Error()}, r)
	n1 := did("n1")
	require.Equal(t, map[string]bool{"head/": true, "number/" + string(n1[:]): true}, changes(t, before, f.m.Snapshot()))
	require.Equal(t, nodes, f.m.Nodes())
	require.True(t, f.m.Said(did("n1"), s.Number))
	f.refused(s, icn.ErrConflict, "used before")
	f.tick(10_000) // the cancelled and rolled back job's timer is still set
	require.EqualValues(t, 2, f.m.OpenJobs())
}

func TestAnEventTellsWhereItComesFrom(t *testing.T) {
	f := newFederation(t, founding())
	out := f.say("ann", post("n1", 5), post("n1", 6))
	for i, ev := range out.Events {
		require.EqualValues(t, i, ev.Number)
		require.Equal(t, f.m.Head().Index, ev.Index)
		require.Equal(t, f.now, ev.Time)
		require.Equal(t, did("ann"), *ev.Author)
	}
	require.Equal(t, []icn.CID{f.job(0), f.job(1)}, out.Touched)
	for _, ev := range f.tick(10_000).Events {
		require.Nil(t, ev.Author, "nobody said it")
	}
}

// TestACheckedSignatureIsOfItsAuthor: what was verified before is believed only
// of the key that the statement names.
func TestACheckedSignatureIsOfItsAuthor(t *testing.T) {
	f := newFederation(t, founding())
	s := f.statement("ann", post("n1", 5))
	s.Sig[0] ^= 1
	e := icn.Entry{Index: 1, Time: f.now, Statement: s, Wire: s.Encode()}
	for _, sig := range []core.Checked{{}, {Key: did("ann")}, {Key: did("bob"), OK: true}} {
		m, err := core.New(f.genesis, key.Verify)
		require.NoError(t, err)
		out, err := m.Apply(e, sig)
		require.NoError(t, err)
		require.ErrorIs(t, out.Refused, icn.ErrDenied)
	}
	out, err := f.m.Apply(e, core.Checked{Key: did("ann"), OK: true})
	require.NoError(t, err)
	require.NoError(t, out.Refused)
}

func TestCheckSaysInAdvanceWhatWouldBeRefused(t *testing.T) {
	f := newFederation(t, founding())
	f.say("ann", post("n1", 5))
	require.ErrorIs(t, f.m.Check(f.last), icn.ErrConflict)
	require.NoError(t, f.m.Check(f.statement("ann", post("n1", 5))))
	require.ErrorIs(t, f.m.Check(f.statement("eve", post("n1", 5))), icn.ErrDenied)
	require.EqualValues(t, 2, f.m.NextNumber(did("ann")))
	require.EqualValues(t, 1, f.m.NextNumber(did("bob")))
}

func TestTimersFireOnceAndInOrder(t *testing.T) {
	f := newFederation(t, founding())
	due := map[icn.CID]icn.Time{}
	for i := range 20 {
		f.now += icn.Time(i * 37 % 100)
		f.say("n4", post("n1", 5), post("n2", 5))
		due[f.job(0)], due[f.job(1)] = f.now+10_000, f.now+10_000
	}
	first, ok := f.m.NextTimer()
	require.True(t, ok)
	require.Less(t, first, f.now+10_000)
	f.now += 10_000 - 200 // some are due, not all
	fired := map[icn.CID]int{}
	for range 2 {
		var last icn.Time
		name := ""
		for _, ev := range f.enter(nil).Events {
			b, ok := ev.Body.(icn.AttemptFailed)
			if !ok {
				continue
			}
			at, id := due[b.Job], mesh.TimerPrefix+b.Job.KeyString()
			require.LessOrEqual(t, at, f.now)
			require.True(t, at > last || at == last && id > name, "in order of deadlines, then of names")
			last, name = at, id
			fired[b.Job]++
		}
		require.NotEmpty(t, fired)
		require.Less(t, len(fired), 41)
		f.now += 200
	}
	require.Len(t, fired, 40)
	for id, n := range fired { // order: each stands alone
		require.Equal(t, 1, n, "job %s", id)
	}
}

func TestATickDoesNothingBeforeATimerIsDue(t *testing.T) {
	f := newFederation(t, founding())
	_, set := f.m.NextTimer()
	require.False(t, set, "nothing happened yet")
	f.say("ann", post("n1", 5))
	at, set := f.m.NextTimer()
	require.True(t, set)
	require.Equal(t, f.now+2000, at, "the checkpoint's")
	before := f.m.Snapshot()
	require.Empty(t, f.tick(1999).Events)
	require.Equal(t, map[string]bool{"head/": true}, changes(t, before, f.m.Snapshot()))
	out := f.tick(1)
	require.Equal(t, icn.CheckpointDue{Size: f.m.Head().Index}, out.Events[0].Body)
	require.Zero(t, f.m.Head().Changed)
	at, _ = f.m.NextTimer()
	require.Equal(t, f.now+8000, at, "the job's")
	require.Empty(t, f.tick(7999).Events)
	require.Equal(t, []string{"AttemptFailed"}, types(f.tick(1)))
}

func TestTimersFireBeforeTheStatementIsLookedAt(t *testing.T) {
	f := newFederation(t, founding())
	f.say("ann", post("n1", 5))
	id := f.job(0)
	f.now += 10_000
	out := f.refused(f.statement("n1", assign(id, 1, "n2", offer("n2", 5))), icn.ErrConflict, "attempt 2")
	require.Equal(t, []string{"CheckpointDue", "AttemptFailed", "Refused"}, types(out), "what timers did stays done")
	require.EqualValues(t, 2, mustJob(f, id).Attempt)
}

func mustJob(f *federation, id icn.CID) mesh.Job {
	f.Helper()
	j, ok := f.m.Job(id)
	require.True(f, ok)
	return j
}

func TestAtTheEndOfTimeNothingLoopsAndTheStateCanBeTold(t *testing.T) {
	g := founding()
	g.Rules.CheckpointMillis, g.Rules.JobAssignMillis, g.Rules.JobMaxWallMillis = 1<<53, 1<<53, 1<<53
	f := newFederation(t, g)
	f.say("ann", post("n1", 5))
	for _, now := range []icn.Time{1<<53 - 1, 1 << 53, 1 << 53} {
		f.now = now
		f.enter(nil)
		again, err := core.Restore(f.genesis, key.Verify, f.m.Snapshot())
		require.NoError(t, err)
		require.Equal(t, f.m.Root(), again.Root())
	}
	require.Zero(t, f.m.OpenJobs())
	f.say("ann", post("n1", 5))
	f.tick(0)
	require.Zero(t, f.m.OpenJobs(), "its deadline is the end of time, which is now")
}

// TestTheTreeIsThatOfTheLog: the hashes that are handed out are those of RFC 6962
// over the entries, computed from the start.
func TestTheTreeIsThatOfTheLog(t *testing.T) {
	f := newFederation(t, founding())
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(ix []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(ix))
		for i, x := range ix {
			out[i] = stored[x]
		}
		return out, nil
	})
	f.seen = func(e icn.Entry, out core.Outcome) {
		require.EqualValues(t, len(stored), out.Stored)
		for _, h := range out.Hashes {
			stored = append(stored, h)
		}
		size, root := f.m.Tree()
		require.Equal(t, bits.OnesCount64(size), core.EdgeOf(f.m), "no more than the tree's right edge is kept")
		want, err := tlog.TreeHash(int64(size), reader)
		require.NoError(t, err)
		require.Equal(t, want, tlog.Hash(root))
		p, err := tlog.ProveRecord(int64(size), int64(size)-1, reader)
		require.NoError(t, err)
		require.NoError(t, tlog.CheckRecord(p, int64(size), want, int64(size)-1, tlog.RecordHash(e.Encode())))
	}
	play(f)
}

func TestDutiesFollowFromTheState(t *testing.T) {
	f := newFederation(t, founding())
	tasks := func(id icn.CID) string {
		var b strings.Builder
		for _, n := range []string{"n1", "n2", "n3", "n4", "ann", "eve"} {
			for _, d := range f.m.DutiesOf(did(n), id) {
				require.Equal(t, id, d.ID)
				if d.Task != core.TaskCheck {
					require.Equal(t, mustJob(f, id).Attempt, d.Attempt)
				}
				fmt.Fprintf(&b, "%s:%s ", n, []string{"", "bid", "assign", "run", "watch", "check"}[d.Task])
			}
		}
		return strings.TrimSpace(b.String())
	}
	f.say("ann", post("n1", 100))
	id := f.job(0)
	require.Equal(t, "n1:assign n2:bid n3:bid n4:bid", tasks(id))
	f.say("n1", assign(id, 1, "n3"))
	require.Equal(t, "n1:watch n3:run", tasks(id))
	f.say("n3", icn.JobFail{Job: id, Attempt: 1, Executor: did("n3")})
	require.Equal(t, "n1:assign n2:bid n3:bid n4:bid", tasks(id))
	f.now += 1000
	f.say("n1", assign(id, 2, "n1"))
	require.Equal(t, "n1:run n1:watch", tasks(id))
	f.say("n1", f.receipt(id, 2))
	require.Empty(t, tasks(id))

	f.say("ann", post("n1", 100))
	id = f.job(0)
	f.say("n1", assign(id, 1, "n3"))
	f.say("n3", f.receipt(id, 1))
	require.Empty(t, tasks(id))
	f.say("ann", icn.JobCheck{Job: id})
	require.Regexp(t, "^n[24]:check$", tasks(id))
}

// TestClearedTimersDoNotPileUp: a machine that ran long has no more in memory
// than one that was restored.
func TestClearedTimersDoNotPileUp(t *testing.T) {
	f := newFederation(t, founding())
	for range 200 {
		f.say("ann", post("n1", 5))
		f.say("ann", icn.JobCancel{Job: f.job(0)})
	}
	require.Less(t, core.HeapOf(f.m), 70)
	f.say("ann", post("n1", 5))
	id := f.job(0)
	f.tick(10_000)
	require.EqualValues(t, 2, mustJob(f, id).Attempt)
}

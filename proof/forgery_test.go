package proof_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key/signature"
	"github.com/InterCooperative-Network/icn-core/proof"
)

// TestForgeriesAreNamed is the matrix: what somebody could do to a vote's file, and the
// sentence that the verifier has for it.
func TestForgeriesAreNamed(t *testing.T) {
	w, id, v := rich(t)
	elsewhere := newWorld(t, append(named(20), "one more")...)
	other := w.propose("member-00", icn.Proposal{Title: "Another"})
	w.vote(other, "member-02", icn.Yes)
	otherCast := w.export(other, nil).Casts[0]
	point, _, err := icn.ParseNote(v.Note)
	require.NoError(t, err)
	cast := func(s *icn.Statement, entry uint64) proof.Cast {
		return proof.Cast{Entry: entry, Key: s.Author, Wire: s.Encode()}
	}
	last := v.Casts[len(v.Casts)-1]
	for name, c := range map[string]struct {
		change func(v *proof.Vote)
		want   proof.Expect
		why    string
	}{
		"a dropped ballot": {change: func(v *proof.Vote) { v.Casts = slices.Delete(v.Casts, 3, 4) },
			why: "ballots: corrupt: the federation took in 13, the file holds 12: 1 are missing"},
		"a dropped batch": {change: func(v *proof.Vote) {
			v.Casts = slices.DeleteFunc(v.Casts, func(c proof.Cast) bool { return len(c.Wire) > 300 })
		}, why: "the federation took in 13, the file holds 10: 3 are missing"},
		"an added ballot": {change: func(v *proof.Vote) {
			v.Casts = append(v.Casts, cast(w.signed("member-16", icn.BallotCast{Proposal: id, Choice: []uint64{icn.No}}), last.Entry+1))
		}, why: "the federation took in 13, the file holds 14: 1 were added"},
		"a ballot in place of another": {change: func(v *proof.Vote) {
			v.Casts[2] = cast(w.signed("member-16", icn.BallotCast{Proposal: id, Choice: []uint64{icn.No}}), v.Casts[2].Entry)
		}, why: "they are as many as the federation took in, but not the same"},
		"an added ballot that somebody else has signed": {change: func(v *proof.Vote) {
			s := w.signed("member-16", icn.BallotCast{Proposal: id, Choice: []uint64{icn.No}})
			s.Author = did("member-17")
			v.Casts = append(v.Casts, cast(s, last.Entry+1))
		}, why: "by member-17 (" + did("member-17").String() + "): corrupt: the signature does not verify"},
		"a changed choice": {change: func(v *proof.Vote) {
			s, err := icn.DecodeStatement(bytes.Clone(v.Casts[0].Wire))
			require.NoError(t, err)
			s.Ops = []icn.Op{icn.BallotCast{Proposal: id, Choice: []uint64{icn.No}}}
			v.Casts[0].Wire = s.Encode()
		}, why: "by member-00 (" + did("member-00").String() + "): corrupt: the signature does not verify"},
		"a ballot replayed": {change: func(v *proof.Vote) { v.Casts = slices.Insert(v.Casts, 2, v.Casts[1]) },
			why: "it is there twice, or in the wrong place"},
		"a ballot replayed as another entry": {change: func(v *proof.Vote) {
			again := v.Casts[1]
			again.Entry = last.Entry + 1
			v.Casts = append(v.Casts, again)
		}, why: "1 were added"},
		"an old ballot in place of the later one": {change: func(v *proof.Vote) { v.Casts[2].Wire = v.Casts[1].Wire },
			why: "not the same"},
		"a ballot of another vote": {change: func(v *proof.Vote) {
			v.Casts = append(v.Casts, proof.Cast{Entry: last.Entry + 1, Key: otherCast.Key, Wire: otherCast.Wire})
		}, why: "it is no ballot on this proposal"},
		"a ballot of another federation": {change: func(v *proof.Vote) {
			v.Casts = append(v.Casts, cast(elsewhere.signed("member-16", icn.BallotCast{Proposal: id, Choice: []uint64{icn.No}}), last.Entry+1))
		}, why: "it was cast in another federation"},
		"a ballot before the vote opened": {change: func(v *proof.Vote) { v.Casts[0].Entry = 0 }, why: "it is there twice, or in the wrong place"},
		"a ballot after it closed": {change: func(v *proof.Vote) { v.Casts[len(v.Casts)-1].Entry += 1000 },
			why: "the vote was open from entry"},
		"ballots in another order": {change: func(v *proof.Vote) { v.Casts[0].Wire, v.Casts[1].Wire = v.Casts[1].Wire, v.Casts[0].Wire }, why: "the signature does not verify"},
		"a forged roll entry": {change: func(v *proof.Vote) { v.Roll[4].Name = "somebody else" },
			why: "roll: corrupt: it is not the one on which the vote was opened"},
		"somebody added to the roll": {change: func(v *proof.Vote) {
			v.Roll = append(v.Roll, icn.Voter{Member: icn.DID{0xff}, Role: icn.RolePerson, Name: "Zed"})
		}, why: "roll: corrupt"},
		"somebody left out of the roll": {change: func(v *proof.Vote) { v.Roll = v.Roll[1:] }, why: "roll: corrupt"},
		"a delegation left out":         {change: func(v *proof.Vote) { v.Mandates = v.Mandates[1:] }, why: "delegations: corrupt"},
		"a delegation to another":       {change: func(v *proof.Vote) { v.Mandates[0].To = did("member-03") }, why: "delegations: corrupt"},
		"a proxy made up":               {change: func(v *proof.Vote) { v.Mandates[2].Proxy = !v.Mandates[2].Proxy }, why: "delegations: corrupt"},
		"another result": {change: func(v *proof.Vote) {
			p, _ := w.m.Proposal(id)
			v.Row = bytes.Replace(v.Row, p.Count.Tally.Bytes(), icn.Tally{Roll: 21, Turnout: 21, No: 21}.Bytes(), 1)
		}, why: "result: corrupt: it is not what the clerks signed"},
		"the result of another proposal": {change: func(v *proof.Vote) { v.Row, v.Proof, _ = w.m.ProveProposal(other) },
			why: "result: corrupt: it is not what the clerks signed"},
		"a checkpoint with a false root": {change: func(v *proof.Vote) {
			c := point
			c.State[0] ^= 1
			_, sigs, _ := icn.ParseNote(v.Note)
			v.Note = c.Note(sigs)
		}, why: "it does not say what " + did("n1").String() + " has signed"},
		"a false root that one clerk has signed": {change: func(v *proof.Vote) {
			c := point
			c.State[0] ^= 1
			v.Note = w.sign(c, "n1")
		}, why: "1 of 3 clerks have signed it, 2 are needed"},
		"a false root that a majority has signed": {change: func(v *proof.Vote) {
			c := point
			c.State[0] ^= 1
			v.Note = w.sign(c, "n1", "n2")
		}, why: "result: corrupt: it is not what the clerks signed"},
		"a checkpoint signed by who is no clerk": {change: func(v *proof.Vote) { v.Note = w.sign(point, "n1", "n2", "member-00") }, why: "who is no clerk"},
		"a checkpoint of another network":        {change: func(v *proof.Vote) { v.Note = elsewhere.sign(elsewhere.point(), "n1", "n2") }, why: "genesis: corrupt"},
		"two checkpoints of one size": {want: proof.Expect{Notes: []string{w.sign(contrary(point), "n2", "n3")}},
			why: "two checkpoints of " + number(point.Size) + " entries: corrupt: with different state roots; [" + did("n2").String() + "] signed both"},
		"another genesis":   {change: func(v *proof.Vote) { v.Genesis = elsewhere.genesis.Data }, why: "genesis: corrupt: the file's checkpoint is of the network"},
		"the wrong network": {want: proof.Expect{Network: elsewhere.genesis.CID}, why: "network: invalid: the file is of the network " + w.genesis.CID.String() + ", not of"},
		"an enactment of other than was rehearsed": {change: func(v *proof.Vote) { v.Change = bytes.Replace(v.Change, []byte("1200"), []byte("9999"), 1) },
			why: "enactment: corrupt: what it changed differs from the rehearsal"},
	} {
		t.Run(name, func(t *testing.T) {
			forged := again(t, v)
			if c.change != nil {
				c.change(&forged)
			}
			got, err := again(t, forged).Verify(c.want)
			require.ErrorContains(t, err, c.why)
			require.NotContains(t, err.Error(), "\n")
			require.Less(t, len(got.Checked), 7, "what is wrong does not stand among what is in order")
		})
	}
}

func contrary(c icn.Checkpoint) icn.Checkpoint {
	c.State[5] ^= 0x10
	return c
}

// Any bit that is changed anywhere in the file makes it another, and it does not pass.
func TestAChangedBitAnywhereIsFound(t *testing.T) {
	_, _, v := rich(t)
	file := v.Encode()
	step := 1
	if testing.Short() {
		step = 37
	}
	for at := 0; at < len(file); at += step {
		forged := bytes.Clone(file)
		forged[at] ^= 1 << (at % 8)
		back, err := proof.DecodeVote(forged)
		if err == nil {
			_, err = back.Verify(proof.Expect{})
		}
		require.Error(t, err, "byte %d of %d", at, len(file))
	}
	for _, n := range []int{0, 1, 100, len(file) - 1} {
		_, err := proof.DecodeVote(file[:n])
		require.Error(t, err)
	}
	_, err := proof.DecodeVote(append(bytes.Clone(file), 0))
	require.Error(t, err)
}

// Where what would change is no longer what was rehearsed when the vote opened,
// nothing is enacted, and the vote's file says so.
func TestWhatIsNoLongerAsRehearsedIsNotEnacted(t *testing.T) {
	w := newWorld(t, named(4)...)
	set := func(name string, value uint64) icn.Motion {
		return icn.SetRules{Settings: []icn.Setting{{Name: name, Value: value}}}
	}
	slow := w.propose("member-00", icn.Proposal{Motion: set("mana_issue", 700), VotingMillis: 3_600_000})
	quick := w.propose("member-00", icn.Proposal{Motion: set("mana_issue", 900), VotingMillis: 60_000})
	for _, m := range named(4) {
		w.vote(slow, m, icn.Yes)
		w.vote(quick, m, icn.Yes)
	}
	w.close(quick)
	mandates := w.close(slow)
	require.EqualValues(t, 900, w.m.Rules().ManaIssue)
	got, err := again(t, w.export(slow, mandates)).Verify(proof.Expect{})
	require.NoError(t, err)
	require.Equal(t, icn.StageFailed, got.Stage)
	require.True(t, got.Recount.Accepted)
}

// A ballot that was never accepted, or not at all, cannot be put into a log either:
// the federation refuses what the file's forger would need.
func TestAReplayedBallotIsRefusedByTheFederation(t *testing.T) {
	w := newWorld(t, named(4)...)
	id := w.propose("member-00", icn.Proposal{})
	w.vote(id, "member-01", icn.No)
	old := w.last
	w.vote(id, "member-01", icn.Yes)
	require.ErrorIs(t, w.enter(old).Refused, icn.ErrConflict)
	m, err := core.New(newWorld(t, "member-01").genesis, signature.Verify)
	require.NoError(t, err)
	out, err := m.Apply(icn.Entry{Index: 1, Time: w.now, Statement: old, Wire: old.Encode()}, core.Checked{})
	require.NoError(t, err)
	require.Error(t, out.Refused, "in another network")
}

package proof_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/proof"
	"github.com/InterCooperative-Network/icn-core/state"
)

// told is a vote's file of which a majority of the clerks has signed another row, and
// whatever else belongs to it: what they can make up, and what they cannot.
func (w *world) told(v proof.Vote, change func(v *proof.Vote, p *governance.Proposal)) proof.Vote {
	p := governance.ReadProposal(icn.NewReader(v.Row))
	change(&v, &p)
	p.Vote.Ballots, p.Vote.Chain = 0, [32]byte{}
	for _, c := range v.Casts {
		s, err := icn.DecodeStatement(c.Wire)
		require.NoError(w, err)
		for i, op := range s.Ops {
			if b, ok := op.(icn.BallotCast); ok && b.Proposal == v.Proposal {
				p.Vote.Chain = icn.ChainBallot(p.Vote.Chain, c.Entry, s.ID(), i, c.Key)
				p.Vote.Ballots++
			}
		}
	}
	p.Vote.Roll, p.Vote.RollHash, p.Count.Mandates = uint64(len(v.Roll)), icn.RollHash(v.Roll), icn.MandatesHash(v.Mandates)
	v.Row = governance.AppendProposal(nil, p)
	v.Proof, v.Note = w.underRoot(v)
	return v
}

// underRoot signs a state that holds the row, and another one beside it.
func (w *world) underRoot(v proof.Vote) (state.Proof, string) {
	db := state.NewDB()
	t := state.NewTable(db, state.Spec[string, []byte]{Name: governance.ProposalTable, Key: state.TextKey, Parse: state.ParseTextKey,
		Append: func(b, row []byte) []byte { return append(b, row...) }, Read: func(*icn.Reader) []byte { return nil }})
	t.Put(state.CIDKey(v.Proposal), v.Row)
	t.Put("another", []byte{1})
	_, p, ok := db.Prove(governance.ProposalTable, state.CIDKey(v.Proposal))
	require.True(w, ok)
	c := w.point()
	c.State = db.Root()
	return p, w.sign(c, "n1", "n2")
}

// TestClerksCannotMakeUpAResult: also where a majority of the clerks lies, the members'
// own signatures and the rules decide.
func TestClerksCannotMakeUpAResult(t *testing.T) {
	w, id, v := rich(t)
	cast := func(who string, op icn.BallotCast) proof.Cast {
		op.Proposal = id
		s := w.signed(who, op)
		return proof.Cast{Entry: v.Casts[len(v.Casts)-1].Entry + 1, Key: s.Author, Wire: s.Encode()}
	}
	got, err := again(t, w.told(v, func(*proof.Vote, *governance.Proposal) {})).Verify(proof.Expect{})
	require.NoError(t, err, "the truth passes")
	require.True(t, got.Recount.Accepted)
	for name, c := range map[string]struct {
		change func(v *proof.Vote, p *governance.Proposal)
		why    string
	}{
		"more no": {func(_ *proof.Vote, p *governance.Proposal) { p.Count.Tally.No += 9 }, "tally: corrupt: no: the federation counted 11, the recount gives 2"},
		"other words": {func(_ *proof.Vote, p *governance.Proposal) { p.Count.Tally.Reason = "everybody was for it" },
			`tally: corrupt: the federation says "everybody was for it", the recount "yes 9, no 2`},
		"accepted, and called rejected": {func(_ *proof.Vote, p *governance.Proposal) { p.Stage = icn.StageRejected },
			"result: corrupt: the proposal is at Rejected, and the recount says: yes 9, no 2"},
		"a lower quorum than the proposal's":    {func(_ *proof.Vote, p *governance.Proposal) { p.QuorumPermille = 900 }, "less was needed than the proposal asked for"},
		"a lower threshold than the proposal's": {func(_ *proof.Vote, p *governance.Proposal) { p.ThresholdPermille = 900 }, "less was needed than the proposal asked for"},
		"a lower quorum, with numbers":          {func(_ *proof.Vote, p *governance.Proposal) { p.Vote.Needed, p.QuorumCount = 1, 15 }, "turnout 1 of 15"},
		"who may not vote on the roll": {func(v *proof.Vote, p *governance.Proposal) { p.Electorate = icn.Persons },
			"roll: corrupt: " + did("Bakery").String() + " stands on it as organisation, and the vote is for persons"},
		"a voter who is on the roll twice": {func(v *proof.Vote, _ *governance.Proposal) { v.Roll = slices.Insert(v.Roll, 3, v.Roll[3]) }, "stands in the wrong place, or twice"},
		"a delegation of who is not on the roll": {func(v *proof.Vote, _ *governance.Proposal) {
			v.Mandates = slices.Insert(v.Mandates, 0, icn.Mandate{From: icn.DID{}, To: did("member-01")})
		}, "or is of nobody on the roll"},
		"a delegation twice": {func(v *proof.Vote, _ *governance.Proposal) { v.Mandates = slices.Insert(v.Mandates, 0, v.Mandates[0]) }, "stands in the wrong place"},
		"a stranger's ballot": {func(v *proof.Vote, _ *governance.Proposal) {
			v.Casts = append(v.Casts, cast("stranger", icn.BallotCast{Choice: []uint64{icn.Yes}}))
		}, "it is cast for " + did("stranger").String() + ", who is not on the roll"},
		"a ballot that says what is not allowed": {func(v *proof.Vote, _ *governance.Proposal) {
			v.Casts = append(v.Casts, cast("member-17", icn.BallotCast{Choice: []uint64{3}}))
		}, "say yes, no or abstain"},
		"a proxy's ballot over the voter's own": {func(v *proof.Vote, _ *governance.Proposal) {
			v.Casts = append(v.Casts, cast("member-05", icn.BallotCast{For: did("member-00"), Choice: []uint64{icn.No}}))
		}, "a proxy's ballot for member-00 (" + did("member-00").String() + "), who had voted itself"},
		"an added ballot": {func(v *proof.Vote, _ *governance.Proposal) {
			v.Casts = append(v.Casts, cast("member-17", icn.BallotCast{Choice: []uint64{icn.No}}))
		}, "direct votes: the federation counted 8, the recount gives 9"},
		"no count at all": {func(_ *proof.Vote, p *governance.Proposal) { p.Count = governance.Count{} }, "the vote was not counted"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := again(t, w.told(again(t, v), c.change)).Verify(proof.Expect{})
			require.ErrorContains(t, err, c.why)
		})
	}
}

// A ballot by who is nobody's proxy when the vote closes is left out of the count, as
// the fold does it.
func TestABallotOfNobodysProxyIsLeftOut(t *testing.T) {
	w, id, v := rich(t)
	s := w.signed("member-05", icn.BallotCast{Proposal: id, For: did("member-18"), Choice: []uint64{icn.No}})
	lie := w.told(v, func(v *proof.Vote, _ *governance.Proposal) {
		v.Casts = append(v.Casts, proof.Cast{Entry: v.Casts[len(v.Casts)-1].Entry + 1, Key: s.Author, Wire: s.Encode()})
	})
	_, err := again(t, lie).Verify(proof.Expect{})
	require.NoError(t, err)
}

// What the clerks sign must be in order itself, whoever of them has signed it.
func TestCheckpointsMustBeInOrder(t *testing.T) {
	w, _, v := rich(t)
	point := w.point()
	later := point
	later.Size++
	for name, c := range map[string]struct {
		change func(v *proof.Vote)
		why    string
	}{
		"a witness's line": {func(v *proof.Vote) { v.Note += "— witness.example " + strings.Repeat("A", 96) + "\n" }, "not in canonical form"},
		"a line twice":     {func(v *proof.Vote) { v.Note += v.Note[strings.LastIndex(v.Note, "— "):] }, "not in canonical form"},
		"a hand-over after it": {func(v *proof.Vote) {
			v.Handovers = []proof.Handover{w.lyingHandover(later, []identity.Clerk{{DID: did("n1"), Key: did("n1")}})}
		}, "after one of"},
		"a hand-over beside it": {func(v *proof.Vote) {
			v.Handovers = []proof.Handover{w.lyingHandover(point, []identity.Clerk{{DID: did("n1"), Key: did("n1")}})}
		}, "two checkpoints of"},
		"a hand-over to nobody":   {func(v *proof.Vote) { v.Handovers = []proof.Handover{w.lyingHandover(point, nil)} }, "it names nobody"},
		"a row that is not there": {func(v *proof.Vote) { h := w.handover("n1", "n2"); h.Proof = nil; v.Handovers = []proof.Handover{h} }, "does not lead to this root"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := again(t, v)
			c.change(&bad)
			_, err := again(t, bad).Verify(proof.Expect{})
			require.ErrorContains(t, err, c.why)
		})
	}
}

// lyingHandover is one that a majority has signed: a state that names these clerks.
func (w *world) lyingHandover(c icn.Checkpoint, clerks []identity.Clerk) proof.Handover {
	row := icn.AppendArray(nil, len(clerks))
	for _, k := range clerks {
		row = icn.AppendDID(icn.AppendDID(icn.AppendArray(row, 2), k.DID), k.Key)
	}
	db := state.NewDB()
	state.NewTable(db, state.Spec[string, []byte]{Name: identity.ClerksTable, Key: state.TextKey, Parse: state.ParseTextKey,
		Append: func(b, row []byte) []byte { return append(b, row...) }, Read: func(*icn.Reader) []byte { return nil }}).Put("", row)
	c.State = db.Root()
	return proof.Handover{Note: w.sign(c, "n1", "n2"), Row: row}
}

// What was refused is in the log, too: a receipt of what was said to another federation
// shows nothing.
func TestAReceiptOfWhatWasSaidElsewhereShowsNothing(t *testing.T) {
	w, elsewhere := newWorld(t, named(4)...), newWorld(t, "member-00")
	require.Error(t, w.enter(elsewhere.signed("member-00", icn.MemberLeave{})).Refused)
	_, err := receipt(t, w.receipt(1, 0)).Verify(proof.Expect{})
	require.ErrorContains(t, err, "what it holds was said to another federation")
}

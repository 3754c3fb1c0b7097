package proof_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/proof"
)

// rich is a vote with whatever a vote can have: two proxies, an organisation's ballot,
// a changed ballot and an overtaken one, a batch, chains and a circle of delegations,
// a rotated key, who abstains and who stays away.
func rich(t testing.TB) (*world, icn.CID, proof.Vote) {
	w := newWorld(t, named(20)...)
	m := named(20)
	id := w.propose(m[0], icn.Proposal{Title: "Raise the issue", Electorate: icn.Members,
		Motion: icn.SetRules{Settings: []icn.Setting{{Name: "mana_issue", Value: 1200}}}})
	change := w.m.Rules().ManaIssue
	require.EqualValues(t, 1000, change)
	rehearsal, err := w.m.Rehearse(icn.SetRules{Settings: []icn.Setting{{Name: "mana_issue", Value: 1200}}}, nil)
	require.NoError(t, err)
	text, err := icn.DifferenceText(rehearsal.Events)
	require.NoError(t, err)

	w.vote(id, m[0], icn.Yes)
	w.vote(id, m[1], icn.No)
	w.vote(id, m[1], icn.Yes) // changed
	w.vote(id, m[2], icn.No)
	w.vote(id, m[3], icn.Abstain)
	w.say(m[4], icn.DelegationSet{To: did(m[5]), Proxy: true})
	w.say(m[6], icn.DelegationSet{To: did(m[5]), Proxy: true})
	w.say(m[5], icn.BallotCast{Proposal: id, Choice: []uint64{icn.Yes}}, icn.BallotCast{Proposal: id, For: did(m[4]), Choice: []uint64{icn.No}},
		icn.BallotCast{Proposal: id, For: did(m[6]), Choice: []uint64{icn.Yes}})
	w.vote(id, "Bakery", icn.Yes)
	w.say(m[7], icn.DelegationSet{To: did(m[8])})
	w.say(m[8], icn.DelegationSet{To: did(m[0])})
	w.say(m[9], icn.DelegationSet{To: did(m[10])})
	w.say(m[10], icn.DelegationSet{To: did(m[9])}) // a circle
	w.say(m[11], icn.DelegationSet{To: did(m[19])})
	w.rotate(m[12], "twelve's second key")
	w.vote(id, m[12], icn.Yes)
	// The ballot with the higher number overtakes the other.
	first, second := w.signed(m[13], icn.BallotCast{Proposal: id, Choice: []uint64{icn.No}}), w.signed(m[13], icn.BallotCast{Proposal: id, Choice: []uint64{icn.Yes}})
	require.NoError(t, w.enter(second).Refused)
	require.NoError(t, w.enter(first).Refused)
	// A proxy that no longer is one when the vote closes.
	w.say(m[14], icn.DelegationSet{To: did(m[0]), Proxy: true})
	w.say(m[0], icn.BallotCast{Proposal: id, For: did(m[14]), Choice: []uint64{icn.No}})
	w.say(m[14], icn.DelegationRevoke{})
	// Refused ones are in the log and do not count.
	require.Error(t, w.enter(w.signed("n1", icn.BallotCast{Proposal: id, Choice: []uint64{icn.No}})).Refused)
	require.Error(t, w.enter(w.signed(m[15], icn.BallotCast{Proposal: id, Choice: []uint64{7}})).Refused)
	mandates := w.close(id)
	v := w.export(id, mandates)
	v.Change = text
	return w, id, again(t, v)
}

func TestAVoteIsRecountedFromItsFile(t *testing.T) {
	w, id, v := rich(t)
	got, err := v.Verify(proof.Expect{Network: w.genesis.CID})
	require.NoError(t, err)
	p, _ := w.m.Proposal(id)
	require.Equal(t, p.Count.Tally, got.Recount)
	require.Equal(t, icn.StageExecuted, got.Stage)
	require.Equal(t, icn.Tally{Roll: 21, Direct: 8, Proxied: 2, Delegated: 4, Turnout: 14, Needed: 5, Yes: 9, No: 2, Abstain: 3, Accepted: true,
		Reason: "yes 9, no 2: more than half; 14 of 21 took part, 5 were needed"}, got.Recount)
	require.EqualValues(t, 13, got.Ballots)
	require.Equal(t, []icn.DID{did("n1"), did("n2")}, got.Signed)
	require.Len(t, got.Clerks, 3)
	require.Zero(t, got.Vouched)
	require.Equal(t, []string{
		"2 of 3 clerks signed the checkpoint of " + number(got.Entries) + " entries",
		`what became of "Raise the issue" stands in the state that they signed: Executed`,
		"the roll of 21 is the one that the vote was opened on",
		"the 7 delegations are those that counted when it closed",
		"the 13 ballots are all that were taken in, each signed by who cast it",
		"the recount gives the same tally: yes 9, no 2: more than half; 14 of 21 took part, 5 were needed",
		"what it changes is what was rehearsed when the vote opened",
	}, got.Checked)
	_, err = json.Marshal(got)
	require.NoError(t, err)
	require.Equal(t, "vote", proof.Kind(v.Encode()))
}

func number(n uint64) string { b, _ := json.Marshal(n); return string(b) }

// Without the statement by which a voter got another key, the clerks vouch for it,
// and the report says so.
func TestAKeyThatNobodyShowsIsVouchedForByTheClerks(t *testing.T) {
	_, _, v := rich(t)
	v.Rotations = nil
	got, err := v.Verify(proof.Expect{})
	require.NoError(t, err)
	require.EqualValues(t, 1, got.Vouched)
	require.Contains(t, got.Checked, "1 of them are signed with keys that their voters got later; the clerks vouch for these")
}

func TestEveryMethodIsRecounted(t *testing.T) {
	for method, choices := range map[icn.Method][][]uint64{
		icn.Ranked:    {{1, 2}, {2, 3}, {3}, {3, 1}, {}, {2}},
		icn.Approval:  {{1, 2}, {2, 3}, {}, {3}},
		icn.Weighted:  {{50, 25, 25}, {0, 100, 0}, {}, {1, 1, 1}},
		icn.Quadratic: {{10, 0, 0}, {6, 8, 0}, {}, {5, 5, 5}},
	} {
		t.Run(method.String(), func(t *testing.T) {
			w := newWorld(t, named(8)...)
			id := w.propose("member-00", icn.Proposal{Method: method, Options: []string{"bread", "milk", "eggs"}, Electorate: icn.Persons})
			for i, c := range choices {
				w.vote(id, named(8)[i], c...)
			}
			w.say("member-07", icn.DelegationSet{To: did("member-01")})
			v := again(t, w.export(id, w.close(id)))
			got, err := v.Verify(proof.Expect{})
			require.NoError(t, err)
			require.True(t, got.Recount.Accepted)
			require.NotZero(t, got.Recount.Winner)
			require.EqualValues(t, len(choices)+1, got.Recount.Turnout)
		})
	}
}

func TestAVoteThatFailedIsRecountedToo(t *testing.T) {
	w := newWorld(t, named(8)...)
	id := w.propose("member-00", icn.Proposal{})
	w.vote(id, "member-01", icn.No)
	v := again(t, w.export(id, w.close(id)))
	got, err := v.Verify(proof.Expect{})
	require.NoError(t, err)
	require.Equal(t, icn.StageRejected, got.Stage)
	require.False(t, got.Recount.Accepted)
}

func TestAVoteThatIsStillOpenIsNotRecounted(t *testing.T) {
	w := newWorld(t, named(8)...)
	id := w.propose("member-00", icn.Proposal{})
	w.vote(id, "member-01", icn.No)
	_, err := w.export(id, nil).Verify(proof.Expect{})
	require.ErrorIs(t, err, icn.ErrInvalid)
	require.ErrorContains(t, err, "the vote was not counted, the proposal is at VotingOpen")
}

// Clerks change: the file shows who followed whom, each time signed by a majority of
// those before.
func TestClerksThatChangedAreFollowed(t *testing.T) {
	w := newWorld(t, named(8)...)
	id := w.propose("member-00", icn.Proposal{})
	w.vote(id, "member-01", icn.Yes)
	w.vote(id, "member-02", icn.Yes)
	w.say("n1", icn.NodeAdmit{Node: did("n4"), Name: "n4"})
	w.say("n1", icn.NodeAdmit{Node: did("n5"), Name: "n5"}) // now five are clerks
	five := w.handover("n1", "n3", "n5")
	w.say("n1", icn.NodeLeave{})
	w.say("n2", icn.NodeLeave{}) // and now n3, n4 and n5
	three := w.handover("n3", "n4", "n5")
	w.rotate("n4", "n4's second key")
	mandates := w.close(id)
	v := w.export(id, mandates)
	v.Note = w.sign(w.point(), "n3", "n4")
	v.Handovers = []proof.Handover{five, three}
	got, err := again(t, v).Verify(proof.Expect{})
	require.NoError(t, err)
	require.Equal(t, []icn.DID{did("n3"), did("n4"), did("n5")}, got.Clerks)
	require.Contains(t, got.Checked[0], "2 of 3 clerks signed the checkpoint")
	require.Contains(t, got.Checked[0], "clerks changed 2 times")

	for name, c := range map[string]struct {
		change func(*proof.Vote)
		why    string
	}{
		"a step left out":              {func(v *proof.Vote) { v.Handovers = []proof.Handover{three} }, "change of clerks 1: checkpoint of 7 entries: denied: 1 of 3 clerks"},
		"no steps":                     {func(v *proof.Vote) { v.Handovers = nil }, "who is no clerk"},
		"the wrong way round":          {func(v *proof.Vote) { v.Handovers = []proof.Handover{three, five} }, "change of clerks 1"},
		"too few of those before":      {func(v *proof.Vote) { v.Handovers = []proof.Handover{w.handoverOf(five, "n1", "n5"), three} }, "1 of 3 clerks have signed it, 2 are needed"},
		"a row of other clerks":        {func(v *proof.Vote) { v.Handovers[1].Row = five.Row }, "change of clerks 2"},
		"a key that nobody has shown":  {func(v *proof.Vote) { v.Rotations = nil }, "it does not say what"},
		"signed by one of three alone": {func(v *proof.Vote) { v.Note = w.sign(w.point(), "n3") }, "1 of 3 clerks have signed it, 2 are needed"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := again(t, v)
			c.change(&bad)
			_, err := again(t, bad).Verify(proof.Expect{})
			require.ErrorContains(t, err, c.why)
		})
	}
}

// A clerk that has taken another key may have signed once more with the one before,
// when others had not heard of it.
func TestAClerksFormerKeyIsStillItsOwn(t *testing.T) {
	w := newWorld(t, named(8)...)
	id := w.propose("member-00", icn.Proposal{})
	w.say("n1", icn.NodeAdmit{Node: did("n4"), Name: "n4"})
	w.say("n1", icn.NodeAdmit{Node: did("n5"), Name: "n5"})
	w.rotate("n5", "n5's second key")
	delete(w.keys, "n5")
	five := w.handover("n1", "n2", "n5")
	v := w.export(id, w.close(id))
	v.Note = w.sign(w.point(), "n1", "n2", "n3")
	v.Handovers = []proof.Handover{five}
	_, err := again(t, v).Verify(proof.Expect{})
	require.NoError(t, err)
}

// handoverOf is a change of clerks whose checkpoint others have signed.
func (w *world) handoverOf(h proof.Handover, nodes ...string) proof.Handover {
	c, _, err := icn.ParseNote(h.Note)
	require.NoError(w, err)
	h.Note = w.sign(c, nodes...)
	return h
}

package cli

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
)

func TestChoicesAreReadAsPeopleSayThem(t *testing.T) {
	colours := []string{"Red", "Green", "Greenish blue", "3"}
	for _, x := range []struct {
		what    string
		m       icn.Method
		options []string
		say     []string
		choice  []uint64
		wrong   string
	}{
		{"yes", icn.YesNo, nil, []string{"YES"}, []uint64{icn.Yes}, ""},
		{"abstain", icn.YesNo, nil, []string{"abstain"}, []uint64{icn.Abstain}, ""},
		{"maybe", icn.YesNo, nil, []string{"maybe"}, nil, "yes, no or abstain"},
		{"twice", icn.YesNo, nil, []string{"yes", "no"}, nil, "yes, no or abstain"},
		{"an order", icn.Ranked, colours, []string{"green", "1"}, []uint64{2, 1}, ""},
		{"with commas", icn.Ranked, colours, []string{"2,1"}, []uint64{2, 1}, ""},
		{"a beginning", icn.Ranked, colours, []string{"r"}, []uint64{1}, ""},
		{"an unclear beginning", icn.Ranked, colours, []string{"gree"}, nil, "“Green” or “Greenish blue”"},
		{"words before places", icn.Ranked, colours, []string{"3"}, []uint64{4}, ""},
		{"nothing of it", icn.Ranked, colours, []string{"violet"}, nil, "1. Red, 2. Green"},
		{"twice the same", icn.Ranked, colours, []string{"red", "1"}, nil, "twice"},
		{"approved in any order", icn.Approval, colours, []string{"green", "red"}, []uint64{1, 2}, ""},
		{"abstained", icn.Approval, colours, []string{"abstain"}, nil, ""},
		{"points", icn.Weighted, colours, []string{"green=60", "1=40"}, []uint64{40, 60, 0, 0}, ""},
		{"too many points", icn.Weighted, colours, []string{"green=60", "1=41"}, nil, "101 of 100"},
		{"squares", icn.Quadratic, colours, []string{"green=8", "1=6"}, []uint64{6, 8, 0, 0}, ""},
		{"points for one twice", icn.Weighted, colours, []string{"green=6", "2=1"}, nil, "twice"},
		{"no points", icn.Weighted, colours, []string{"green"}, nil, "OPTION=POINTS"},
	} {
		m, read := x.m, map[icn.Method]reader{icn.YesNo: readYesNo, icn.Ranked: readRanking, icn.Approval: readApproval, icn.Weighted: readWeights, icn.Quadratic: readWeights}[x.m]
		if m == icn.Quadratic {
			m = icn.Weighted // one command for both
		}
		got, err := choose(node.ProposalView{Method: x.m, Options: x.options}, m, read, x.say)
		if x.wrong != "" {
			require.ErrorIs(t, err, icn.ErrInvalid, x.what)
			require.ErrorContains(t, err, x.wrong, x.what)
			continue
		}
		require.NoError(t, err, x.what)
		require.Equal(t, x.choice, got, x.what)
	}
	_, err := choose(node.ProposalView{Method: icn.Ranked, Options: colours}, icn.YesNo, readYesNo, []string{"yes"})
	require.ErrorContains(t, err, "icn-cli governance rank")
}

func TestOfflineBallotsHaveRisingNumbers(t *testing.T) {
	h := newHere(t)
	h.does("id", "new", "ann", "--no-passphrase")
	id := icn.SumCID(icn.DagCBOR, []byte("a proposal")).String()
	dir := t.TempDir()
	vote := func(file string, more ...string) int {
		return h.run(append([]string{"governance", "vote", id, "yes", "--offline", filepath.Join(dir, file)}, more...)...)
	}
	read := func(file string) *icn.Statement {
		b, err := os.ReadFile(filepath.Join(dir, file))
		require.NoError(t, err)
		s, err := readStatement(b)
		require.NoError(t, err)
		require.True(t, key.Verify(s.Author, s.SigningBytes(), s.Sig[:]))
		return s
	}
	require.Equal(t, 6, vote("0"))
	require.Contains(t, h.errs, "--network")
	network := h.network.String()
	require.Equal(t, 6, vote("0", "--network", network))
	require.Contains(t, h.errs, "--number")
	require.NoFileExists(t, filepath.Join(dir, "0"))

	require.Zero(t, vote("1", "--network", network, "--number", "7"), h.errs)
	require.Equal(t, uint64(7), read("1").Number)
	require.Zero(t, vote("2"), h.errs)
	s := read("2")
	require.Equal(t, uint64(8), s.Number, "above all that was signed here")
	require.Equal(t, h.network, s.Network)
	require.Zero(t, s.Until)
	require.Equal(t, []icn.Op{icn.BallotCast{Proposal: icn.SumCID(icn.DagCBOR, []byte("a proposal")), Choice: []uint64{icn.Yes}}}, s.Ops)
	require.Equal(t, 7, vote("2"), "no file is replaced")
	require.Zero(t, vote("3", "--until", "3d"), h.errs)
	require.InDelta(t, time.Now().Add(72*time.Hour).UnixMilli(), int64(read("3").Until), 60_000)
	require.Zero(t, vote("4", "--number", "3"), h.errs)
	require.Zero(t, vote("5"), h.errs)
	require.Greater(t, read("5").Number, read("3").Number, "a lower one by hand changes nothing")

	require.Contains(t, h.does("statement", "show", filepath.Join(dir, "2")), "by the author's first key")
	require.Contains(t, h.does("governance", "vote", id, "no", "--qr"), "▄")
	require.Contains(t, h.does("governance", "rank", id, "3", "1", "--offline", "-"), ": 3, 1")
	require.Equal(t, 6, h.run("governance", "rank", id, "red", "--offline", "-"), "with no node, options have no names")
	require.Equal(t, 6, h.run("governance", "weigh", id, "1=60", "3=40", "--offline", "-"), "nor is it known how many there are")
	require.Contains(t, h.does("governance", "weigh", id, "1=60", "2=0", "3=40", "--offline", "-"), ": 60, 0, 40")
	require.Equal(t, 6, h.run("governance", "vote", "…abcdefgh", "yes", "--offline", "-"))
}

func TestMotionsAreMadeOfWords(t *testing.T) {
	who := icn.DID(key.FromSeed([32]byte{3}).Public())
	cred := icn.SumCID(icn.Raw, []byte("c"))
	args := motionArgs{role: "person", name: "Zoe", reason: "why", purpose: "roof", lapse: "30d", who: func(s string) (icn.DID, error) {
		if s == "Ann" {
			return who, nil
		}
		return icn.ParseDID(s)
	}}
	for _, x := range []struct {
		kind string
		args []string
		want icn.Motion
	}{
		{"text", []string{"We share."}, icn.Declare{Text: "We share."}},
		{"parameters", []string{"voting_ms=3d", "min_quorum_permille=40%", "vote_cost=2"}, icn.SetRules{Settings: []icn.Setting{{Name: "voting_ms", Value: 259_200_000}, {Name: "min_quorum_permille", Value: 400}, {Name: "vote_cost", Value: 2}}}},
		{"admit", []string{who.String()}, icn.AdmitMember{Member: who, Role: icn.RolePerson, Name: "Zoe"}},
		{"remove", []string{"Ann"}, icn.RemoveMember{Member: who, Reason: "why"}},
		{"suspend", []string{"Ann"}, icn.SuspendMember{Member: who, Millis: 30 * 86_400_000, Reason: "why"}},
		{"reinstate", []string{"Ann"}, icn.ReinstateMember{Member: who}},
		{"budget", []string{"Ann", "50"}, icn.GrantBudget{To: who, Amount: 50, Purpose: "roof"}},
		{"upgrade", []string{"1.2"}, icn.NoticeUpgrade{Version: "1.2"}},
		{"resolution", []string{"pause-credential=" + cred.String(), "freeze-reputation=Ann"}, icn.Resolve{Actions: []icn.Action{{Do: icn.PauseCredential, Credential: cred}, {Do: icn.FreezeReputation, Who: who}}}},
		{"clerks", []string{"Ann"}, icn.SetClerks{Nodes: []icn.DID{who}}},
		{"expel", []string{"Ann"}, icn.ExpelNode{Node: who, Reason: "why"}},
		{"veto-group", nil, icn.SetVetoGroup{}},
	} {
		m := args
		m.args = x.args
		got, err := readMotion(x.kind, m)
		require.NoError(t, err, x.kind)
		require.Equal(t, x.want, got, x.kind)
	}
	require.Len(t, motionKinds, len(icn.MotionKinds()), "each kind can be proposed")
	for _, bad := range [][]string{{"text"}, {"nothing"}, {"parameters", "voting_ms"}, {"parameters", "votes=3"}, {"parameters", "voting_ms=soon"}, {"parameters", "vote_cost=3d"},
		{"budget", "Ann", "-5"}, {"resolution", "do=it"}, {"resolution", "pause-credential=it"}, {"clerks", "Bob"}, {"text", "a", "b"}} {
		m := args
		m.args = bad[1:]
		_, err := readMotion(bad[0], m)
		require.Error(t, err, "%v", bad)
	}
}

func TestMomentsAndSpansOfPeople(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Time{
		"2026-12-31":           time.Date(2026, 12, 31, 23, 59, 59, 999e6, time.UTC),
		"2026-12-31 18:00":     time.Date(2026, 12, 31, 18, 0, 0, 0, time.UTC),
		"2026-12-31T18:00:05Z": time.Date(2026, 12, 31, 18, 0, 5, 0, time.UTC),
		"3d":                   now.Add(72 * time.Hour), "90m": now.Add(90 * time.Minute), "1.5d": now.Add(36 * time.Hour),
	} {
		got, err := readMoment(s, now)
		require.NoError(t, err, s)
		require.Equal(t, want.UnixMilli(), int64(got), s)
	}
	for _, bad := range []string{"", "soon", "-3d", "3", "d", "3dd", "2026-13-01"} {
		_, err := readMoment(bad, now)
		require.ErrorIs(t, err, icn.ErrInvalid, bad)
	}
	for d, want := range map[time.Duration]string{3 * 24 * time.Hour: "in 3 days", 47 * time.Hour: "in 2 days", 26 * time.Hour: "in 26 hours", 100 * time.Minute: "in 2 hours",
		50 * time.Minute: "in 50 minutes", 70 * time.Second: "in 70 seconds", 0: "now", -5 * time.Second: "5 seconds ago", -time.Minute: "60 seconds ago", -400 * 24 * time.Hour: "400 days ago"} {
		require.Equal(t, want, howFar(icn.Time(now.Add(d).UnixMilli()), now), "%s", d)
	}
}

package sim_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// planted are bugs that the simulator must find: each is an edit of the real
// source, compiled into a test binary of its own. An edit that no longer fits
// the source fails the test, so that the list stays true.
var planted = []struct {
	name, file, was, is string
}{
	{"a receipt settles a job without ending it", "mesh/settle.go",
		"	r := f.end(id, j)\n	told := icn.JobSettled", "	r := Result{}\n	told := icn.JobSettled"},
	{"an executor is paid more than it asked", "mesh/settle.go",
		"Held: p.Price, Price: p.Price})", "Held: j.Budget, Price: j.Budget})"},
	{"whoever disagrees first is convicted", "mesh/check.go",
		"return best, most >= 2 && most > second", "return best, len(c.Verdicts) > 0"},
	{"checks convict nobody", "mesh/check.go",
		"	if c.Outcome != truth {\n", "	if c.Outcome == truth {\n"},
	{"a ban is forgotten", "mesh/choose.go",
		"	case st.Banned(s.Time):\n", "	case st.Banned(s.Time + 1<<40):\n"},
	{"what a program spent is given back, too", "mesh/settle.go",
		"j.Held() - told.Burnt - out.Spent;", "j.Held() - told.Burnt;"},
	{"a failed attempt's executor keeps its place", "mesh/assign.go",
		"	f.leave(j)\n	r := f.wait(s, id, j)\n", "	r := f.wait(s, id, j)\n"},
	{"a statement is taken again", "core/admit.go",
		"return w.bits[d/64]>>(d%64)&1 == 1", "return w.bits[d/64]>>(d%64)&1 == 2"},
	{"a job's timer fires twice", "core/machine.go",
		"	res, err := r.m.mesh.Fire(", "	r.m.mesh.Fire(r.meshStep(icn.DID{}, icn.CID{}), name)\n	res, err := r.m.mesh.Fire("},
	{"answers are sent before they are durable", "node/loop.go",
		"	l.sendOrder(r.Early)\n", "	l.sendOrder(r.Early)\n	l.sendOrder(r.Late)\n	r.Late = nil\n"},
	{"a rolled back job keeps its hold", "mesh/assign.go",
		"	r.Effects = append(r.Effects, icn.Release{Account: j.Submitter, Amount: j.Held()})\n	r.Events = []icn.EventBody{failed, back}",
		"	r.Events = []icn.EventBody{failed, back}"},
	{"a stranger is heard", "core/admit.go",
		"if !m.identity.Belongs(s.Author) {", "if s.Author.IsZero() {"},
	{"the state root leaves a fold out", "state/state.go",
		"		t := db.tables[d.table]\n", "		t := db.tables[d.table]\n		if t.name() == \"account\" {\n			continue\n		}\n"},
	{"a restored store votes with its old seat", "node/seat.go",
		"return boot < m.boot || term < m.term || last < m.commit", "return m.boot == ^uint64(0)"},
	{"log time runs on a follower's own clock", "node/apply.go",
		"Time: max(h.Time, it.time)", "Time: max(h.Time, it.time, l.now)"},
	{"a leader that leaves out statements is never left", "node/leftout.go",
		"if waited >= l.tune.LeftOutMillis && l.isClerk()", "if waited < 0 && l.isClerk()"},
	{"false roots of a clerk are not noticed", "node/evidence.go",
		"	if known && (old.Other", "	if true || known && (old.Other"},
	{"one clerk alone expels a node", "identity/expel.go",
		"Needed: uint64(len(f.Clerks(s.Rules))/2 + 1)", "Needed: 1"},
	{"who has left is a peer again by hearsay", "node/peers.go",
		"!active && h.RaftID > n.RaftID", "!active && h.RaftID > 0*n.RaftID"},
	{"a refused statement leaves its first half behind", "core/machine.go",
		"			m.db.Rollback()\n", "			m.db.Commit()\n"},
	{"a node does not compare what it is fed with what clerks certify", "node/points.go",
		"			if against[s.c] >= need {\n", "			if against[s.c] > len(clerks) {\n"},
	{"an answer rests on a feeder's word", "node/assure.go",
		"	if l.certain(at) {\n", "	if true {\n"},
	{"a clerk takes what it is fed", "node/fed.go",
		" && !l.isVoter() && l.seated() && !l.eng.Votes()\n", " && l.seated()\n"},
	{"a false log is read on from where it was left", "node/doubt.go",
		"	return l.reopen()\n", "	l.fed.wrong, l.fed.doubt = \"\", nil\n	return nil\n"},
	{"a late ballot is taken", "governance/vote.go",
		"f.get(o.Proposal, \"vote on\", icn.StageVoting)", "f.get(o.Proposal, \"vote on\", icn.StageVoting, icn.StageTimelock)"},
	{"a ballot that was replaced counts too", "governance/vote.go",
		"	if !Outdone(old, voted, s.Author, s.Number) {\n",
		"	if voted {\n		f.ballots.Put(ballotKey{o.Proposal, p.Proposer}, Ballot{By: p.Proposer, Number: old.Number, Choice: old.Choice})\n	}\n	if !Outdone(old, voted, s.Author, s.Number) {\n"},
	{"who was removed stays on the roll for a while", "identity/member.go",
		"		m.Spans[n-1].To = at\n", "		m.Spans[n-1].To = at + 100\n"},
	{"a tie passes", "tally/tally.go",
		"turnout >= v.Needed && yes > no && v.reaches(yes, no)", "turnout >= v.Needed && yes > 0 && yes >= no && v.reaches(yes, no)"},
	{"a delegation that is over counts", "governance/delegation.go",
		"		case d.Expires != 0 && now > d.Expires:\n", "		case d.Expires != 0 && now > d.Expires+1<<40:\n"},
	{"a proxy outvotes who has voted itself", "governance/vote.go",
		"if voted && old.By == voter {", "if voted && old.By == voter && s.Index == 0 {"},
	{"who leads ends delegations by waiting", "governance/governance.go",
		"return min(now, v.Deadline) }", "return now }"},
	{"a restored machine forgets what was voted on", "core/view.go",
		"	m.timers.refresh()\n	if err := m.checkParts()", "	m.timers.refresh()\n	m.Suppose(m.genesis.Rules)\n	if err := m.checkParts()"},
	{"a vote is closed while others could turn it", "governance/close.go",
		"v.Decided(); !done {", "v.Decided(); !done && len(v.Ballots) < 2 {"},
	{"an enactment that differs from its rehearsal is carried out", "core/enact.go",
		"diff != p.Vote.Difference {", "diff != p.Vote.Difference && r.head.Index == 0 {"},
	{"a new rate counts for the time before it", "core/enact.go",
		"CatchUp(mana.Step{Time: r.head.Time, Rules: was})", "CatchUp(mana.Step{Rules: was})"},
	{"who was voted out while it was away is not told", "node/fed.go",
		"b.RaftID == p.RaftID && b.Votes == 1 {", "b.RaftID == p.RaftID && b.Votes > 1 {"},
}

// TestPlantedBugsAreCaught shows that the simulator can fail.
func TestPlantedBugsAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a test binary for each bug; the full test run does it")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, bug := range planted {
		t.Run(bug.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(root, bug.file)
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(src), bug.was); n != 1 {
				t.Fatalf("the edit fits %s %d times", bug.file, n)
			}
			edited := filepath.Join(dir, "edited.go")
			if err := os.WriteFile(edited, []byte(strings.Replace(string(src), bug.was, bug.is, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			overlay, _ := json.Marshal(map[string]any{"Replace": map[string]string{path: edited}})
			list := filepath.Join(dir, "overlay.json")
			if err := os.WriteFile(list, overlay, 0o600); err != nil {
				t.Fatal(err)
			}
			bin := filepath.Join(dir, "sim.test")
			if out, err := exec.Command("go", "test", "-c", "-overlay", list, "-o", bin, ".").CombinedOutput(); err != nil {
				t.Fatalf("does not compile: %v\n%s", err, out)
			}
			cmd := exec.Command(bin, "-test.run", "^TestFederationsComeToRest$", "-sim.seeds", "400", "-sim.stop")
			cmd.Env = append(os.Environ(), "GOMEMLIMIT=1GiB")
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("400 seeds did not notice it:\n%s", out)
			}
			_, why, found := strings.Cut(string(out), "seed ")
			if !found {
				t.Fatalf("the binary failed otherwise: %v\n%s", err, out)
			}
			line, _, _ := strings.Cut(why, "\n")
			t.Logf("caught by seed %s", line)
		})
	}
}

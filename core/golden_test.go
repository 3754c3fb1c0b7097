package core_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

var update = flag.Bool("update", false, "write the golden log anew")

const goldenLog = "testdata/log.golden"

// play is the golden log: every operation and every way to be refused, said by
// fixed keys at fixed times.
func play(f *federation) {
	f.tick(0)
	f.say("n1", icn.MemberAdmit{Member: did("bob"), Role: icn.RoleOrg, Name: "Bob's"})
	f.say("n2", icn.InviteCreate{CodeHash: [32]byte(block("welcome").Hash()[2:]), Role: icn.RoleNode, Expires: f.now + 60_000})
	f.say("n4", icn.NodeAdmit{Node: did("n5"), Name: "n5", Code: []byte("welcome"), Addrs: []string{"/ip4/192.0.2.5/tcp/7000"}})
	f.refused(f.statement("n4", icn.NodeAdmit{Node: did("n6"), Code: []byte("welcome")}), icn.ErrDenied, "used")
	f.tick(2000) // a checkpoint

	// A job that goes well, and what comes too often.
	f.say("ann", post("n1", 100))
	good, posted := f.job(0), f.last
	f.say("n1", assign(good, 1, "n2", offer("n2", 30), offer("n3", 40), offer("n1", 1)))
	f.now += 40
	done := f.receipt(good, 1)
	f.say("n2", done)
	f.refused(f.statement("n2", done), icn.ErrNotFound, "ended")
	f.refused(posted, icn.ErrConflict, "used before")

	// A job that goes wrong in all ways.
	f.refused(f.statement("ann", post("n2", 5000)), icn.ErrInsufficient, "hold 5000")
	f.say("ann", post("n2", 200))
	bad := f.job(0)
	f.refused(f.statement("n2", assign(bad, 1, "n4", offer("n4", 50), offer("n3", 40))), icn.ErrInvalid, "do not make")
	f.say("n2", assign(bad, 1, "n3", offer("n4", 50), offer("n3", 40)))
	f.refused(f.statement("n1", f.receipt(bad, 1)), icn.ErrDenied, "attempt 1")
	f.say("n3", icn.JobFail{Job: bad, Attempt: 1, Executor: did("n3"), Declined: true, Reason: "full"}) // n4 is the next best
	f.say("n4", icn.JobSave{Job: bad, Attempt: 2, State: block("half")})
	f.say("n4", icn.JobFail{Job: bad, Attempt: 2, Executor: did("n4"), Reason: "disk"})
	f.tick(11_000) // nobody is assigned
	f.tick(1000)
	f.say("n2", assign(bad, 4, "n4"))
	fault := f.receipt(bad, 4)
	fault.Outcome = icn.Outcome{Fault: icn.FaultExit, ExitCode: 3}
	f.say("n4", fault)

	// A job that is run again by others, and one that several run.
	f.say("n3", icn.NodeProfile{Capabilities: []string{"gpu"}, Federations: []string{"coop"}, Trust: "region", CPUCores: 4, MemoryMB: 4096, StorageMB: 100})
	f.say("ann", post("n1", 60))
	lie := f.job(0)
	f.say("n1", assign(lie, 1, "n2"))
	f.say("n2", f.receipt(lie, 1))
	f.say("ann", icn.JobCheck{Job: lie})
	for range 2 {
		c, _ := f.m.Settled(lie)
		for _, n := range []string{"n3", "n4", "n5"} {
			if c.Pending(did(n)) {
				f.say(n, icn.JobVerdict{Job: lie, Outcome: icn.Outcome{Output: block("truth")}, ABI: 1})
				break
			}
		}
	}
	f.refused(f.statement("ann", icn.BanLift{Executor: did("n2")}), icn.ErrDenied, "only a clerk")
	f.say("n1", icn.BanLift{Executor: did("n2")})
	f.say("ann", icn.ManaSpend{Amount: 2, For: "a room"}, icn.ManaSpend{Amount: 3}, post("n1", 1), icn.ManaSpend{Amount: 1})
	f.refused(f.statement("ann", icn.ManaSpend{Amount: 1}, icn.ManaSpend{Amount: 1 << 40}), icn.ErrInsufficient, "spend 1099511627776")
	several := post("n1", 90)
	several.Spec.Copies = icn.JobCopies{Of: 3, Agree: 2}
	several.Spec.Outputs, several.Spec.Grants = []string{"a"}, icn.JobGrants{Spend: 5}
	f.say("ann", several)
	three3 := f.job(0)
	f.say("n1", assign(three3, 1, "n3", offer("n3", 10), offer("n4", 20), offer("n5", 30)))
	for _, n := range []string{"n5", "n4"} {
		r := f.receipt(three3, 1)
		r.Outcome.Outputs = []icn.NamedOutput{{Name: "a", CID: block("a")}}
		r.Outcome.Spent = 2
		f.say(n, r)
	}
	f.say("n3", icn.JobFail{Job: three3, Attempt: 1, Executor: did("n3"), Reason: "disk"})
	parent := post("n1", 30)
	parent.Spec.Grants = icn.JobGrants{Submit: 20}
	f.say("ann", parent)
	id := f.job(0)
	f.say("n1", assign(id, 1, "n4"))
	r := f.receipt(id, 1)
	r.Outcome.Submits = []icn.Submitted{{Budget: 15, Spec: post("n1", 0).Spec}, {Budget: 5, Spec: icn.JobSpec{Kind: icn.JobEcho, Inline: []byte("hello")}}}
	f.say("n4", r)

	// Batches: all or none.
	f.say("bob", post("n1", 300), post("n3", 200))
	one, two := f.job(0), f.job(1)
	f.refused(f.statement("bob", icn.JobCancel{Job: one}, post("n1", 10), icn.JobCancel{Job: good}), icn.ErrNotFound, "not open")
	f.say("bob", icn.JobCancel{Job: one}, post("n1", 10))
	three := f.job(1)
	f.say("n3", assign(two, 1, "n5"))
	f.tick(10_000) // the third job finds nobody
	f.now += 1000
	f.say("n1", assign(three, 2, "n2", offer("n2", 10)))
	f.tick(30_000) // the second job's executor does not answer
	f.refused(f.statement("n5", f.receipt(two, 1)), icn.ErrConflict, "attempt 2")
	f.tick(9_999)
	f.tick(1) // two deadlines at once
	f.tick(365 * 24 * 3600 * 1000)
	f.tick(10_000)

	// Nodes come and go.
	f.say("n5", icn.NodeLeave{})
	f.refused(f.statement("n5", icn.NodeRejoin{Reason: "gone"}), icn.ErrDenied, "does not belong")
	f.say("n1", icn.NodeAdmit{Node: did("n5"), Name: "n5 again"})
	f.say("n3", icn.NodeRejoin{Reason: "restored from a backup"})

	// Words that nobody may say.
	f.refused(f.statement("eve", icn.NodeLeave{}), icn.ErrDenied, "does not belong")
	forged := f.statement("ann", post("n1", 1))
	forged.Sig[7] ^= 1
	f.refused(forged, icn.ErrDenied, "signature")
	f.numbers["ann"]--
	other := f.signed("ann", &icn.Statement{Network: block("another network"), Author: did("ann"), Number: 90, Ops: []icn.Op{icn.NodeLeave{}}})
	f.refused(other, icn.ErrInvalid, "said to network")
	late := f.signed("ann", &icn.Statement{Network: f.genesis.CID, Author: did("ann"), Number: 90, Until: f.now - 1, Ops: []icn.Op{icn.NodeLeave{}}})
	f.refused(late, icn.ErrConflict, "good until")
	ahead := f.signed("ann", &icn.Statement{Network: f.genesis.CID, Author: did("ann"), Number: f.numbers["ann"] + 1025, Ops: []icn.Op{post("n1", 1)}})
	f.refused(ahead, icn.ErrInvalid, "ahead")
	over := f.signed("ann", &icn.Statement{Network: f.genesis.CID, Author: did("ann"), Number: f.numbers["ann"] + 1024, Until: f.now, Ops: []icn.Op{post("n1", 1)}})
	f.enter(over) // overtakes
	f.say("ann", icn.JobCancel{Job: f.job(0)})

	// Keys change, identities stay.
	f.say("ann", f.rotate("ann", "ann's second key"))
	f.refused(f.statement("ann", post("n1", 1)), icn.ErrDenied, "signature")
	f.numbers["ann"]--
	f.keys["ann"] = "ann's second key"
	f.say("ann", post("n1", 20))
	f.say("n1", icn.AuditHead{Lines: 12, Head: [32]byte{1, 2, 3}})

	// Members bring others, and help each other to a new key.
	f.say("ann", icn.InviteCreate{CodeHash: [32]byte(block("friend").Hash()[2:]), Role: icn.RolePerson, Expires: f.now + 60_000})
	f.say("bob", icn.MemberAdmit{Member: did("eve"), Role: icn.RolePerson, Name: "Eve", Code: []byte("friend")})
	f.say("eve", icn.GuardiansSet{Guardians: []icn.DID{did("ann"), did("bob"), did("n1")}, Needed: 2})
	f.say("ann", f.recover("eve", "eve's second key"))
	f.say("n1", f.recover("eve", "eve's second key"))
	f.say("eve", icn.RecoveryVeto{})
	f.refused(f.statement("n2", f.recover("eve", "eve's second key")), icn.ErrDenied, "not a guardian")
	f.say("ann", f.recover("eve", "eve's second key"))
	f.say("bob", f.recover("eve", "eve's third key"))
	f.say("n1", f.recover("eve", "eve's second key"))
	f.tick(3 * 24 * 3_600_000)
	f.refused(f.statement("eve", icn.MemberLeave{}), icn.ErrDenied, "signature")
	f.numbers["eve"]--
	f.keys["eve"] = "eve's second key"
	f.say("eve", icn.MemberLeave{})
	f.refused(f.statement("eve", icn.MemberLeave{}), icn.ErrDenied, "does not belong")
	decide(f)
	f.tick(1 << 40)
}

// decide is what members do together.
func decide(f *federation) {
	person := func(name string) icn.Op { return icn.MemberAdmit{Member: did(name), Role: icn.RolePerson, Name: name} }
	f.say("n1", person("cyd"), person("dan"), person("fay"))
	f.say("cyd", icn.InviteCreate{CodeHash: sha256.Sum256([]byte("come")), Role: icn.RolePerson, Expires: f.now + 60_000})
	f.say("n4", icn.MemberAdmit{Member: did("gil"), Role: icn.RolePerson, Name: "Gil", Code: []byte("come")})
	draft := icn.Proposal{Title: "Tea", Body: block("why"), Motion: icn.Declare{Text: "What do we drink?"}, Method: icn.Ranked, Options: []string{"tea", "coffee", "water"}, Electorate: icn.Persons}
	f.say("cyd", icn.ProposalCreate{Draft: true, Proposal: draft})
	tea := f.job(0)
	draft.VotingMillis = 90_000
	f.say("cyd", icn.ProposalAmend{ID: tea, Proposal: draft})
	f.refused(f.statement("dan", icn.ProposalAdvance{ID: tea}), icn.ErrDenied, "only who proposed it")
	f.say("cyd", icn.ProposalAdvance{ID: tea})
	f.say("cyd", icn.BallotCast{Proposal: tea, Choice: []uint64{3, 1}})
	f.say("dan", icn.DelegationSet{To: did("cyd"), Scope: icn.Scope{Kind: "text"}, Expires: f.now + 10_000_000})
	f.say("fay", icn.DelegationSet{To: did("gil"), Scope: icn.Scope{Proposal: tea}, Proxy: true})
	f.say("gil", icn.BallotCast{Proposal: tea, Choice: []uint64{1}}, icn.BallotCast{Proposal: tea, For: did("fay"), Choice: []uint64{2, 1}})
	f.refused(f.statement("bob", icn.BallotCast{Proposal: tea, Choice: []uint64{1}}), icn.ErrDenied, "not on its roll")
	f.refused(f.statement("cyd", icn.BallotCast{Proposal: tea, Choice: []uint64{4}}), icn.ErrInvalid, "")
	f.say("cyd", icn.BallotCast{Proposal: tea, Choice: []uint64{3}})
	f.tick(90_000)
	f.say("dan", icn.DelegationRevoke{Scope: icn.Scope{Kind: "text"}})

	settings := icn.SetRules{Settings: []icn.Setting{{Name: "min_sponsors", Value: 2}, {Name: "veto_ms", Value: 1000}, {Name: "min_deliberation_ms", Value: 500}, {Name: "recovery_delay_ms", Value: 700}}}
	for _, m := range []icn.Motion{settings, icn.SetVetoGroup{Members: []icn.DID{did("fay")}}, icn.SetClerks{Nodes: []icn.DID{did("n4")}}, icn.NoticeUpgrade{Version: "2"},
		icn.GrantBudget{To: did("n2"), Amount: 3, Purpose: "a disk"}, icn.AdmitMember{Member: did("hal"), Role: icn.RolePerson, Name: "Hal"},
		icn.Resolve{Actions: []icn.Action{{Do: icn.FreezeReputation, Who: did("n3")}, {Do: icn.PauseCredential, Credential: block("a paper")}}},
		icn.SuspendMember{Member: did("hal"), Millis: 60_000, Reason: "unpaid"}, icn.ReinstateMember{Member: did("hal")}, icn.RemoveMember{Member: did("hal"), Reason: "gone"}, icn.ExpelNode{Node: did("n3"), Reason: "lost"}} {
		id := f.propose("cyd", m)
		if f.m.Rules().Sponsors > 1 {
			f.say("gil", icn.ProposalSponsor{ID: id})
			f.tick(500)
		}
		f.votes(id, icn.Yes, "cyd", "gil", "fay", "dan")
		f.say("gil", icn.ProposalClose{ID: id})
		f.tick(1000)
	}
	id := f.propose("cyd", icn.GrantBudget{To: did("bob"), Amount: 50, Purpose: "an oven"})
	f.say("gil", icn.ProposalSponsor{ID: id})
	f.tick(500)
	f.votes(id, icn.Yes, "cyd", "gil")
	f.votes(id, icn.No, "dan")
	f.refused(f.statement("cyd", icn.ProposalClose{ID: id}), icn.ErrConflict, "deadline")
	f.closes(id)
	f.say("fay", icn.ProposalVeto{ID: id, Reason: "Not now."})
	back := f.propose("dan", icn.NoticeUpgrade{Version: "9"})
	f.say("dan", icn.ProposalWithdraw{ID: back})

	f.say("gil", icn.GuardiansSet{Guardians: []icn.DID{did("cyd"), did("fay")}, Needed: 1})
	recovered := icn.RecoverySupport{Member: did("gil"), Key: did("gil's new key"), Proof: f.rotate("gil", "gil's new key").Proof}
	f.say("cyd", recovered)
	f.say("gil", icn.RecoveryVeto{})
	f.say("fay", recovered)
	f.tick(700)
	f.say("dan", icn.MemberLeave{})
}

func TestTheGoldenLogIsWhatWasPublished(t *testing.T) {
	f := newFederation(t, founding())
	var b strings.Builder
	b.WriteString("; A federation's log: each entry with its events and the roots after it.\n; The genesis, then the entries, in their wire form as base64.\n")
	fmt.Fprintf(&b, "genesis %s\n", base64.StdEncoding.EncodeToString(f.genesis.Data))
	root := f.m.Root()
	fmt.Fprintf(&b, "state %x\n", root)
	f.seen = func(e icn.Entry, out core.Outcome) { b.WriteString(entryText(t, f.m, e, out)) }
	play(f)
	require.Greater(t, len(f.log), 40)
	if *update {
		require.NoError(t, os.WriteFile(goldenLog, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(goldenLog)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String(), "what follows from a published log changed: that takes a new fold version")
}

// link is the object form of a CID in JSON; the golden log has it as plain text.
var link = regexp.MustCompile(`\{"/":("[a-z0-9]+")\}`)

// entryText is an entry in the golden log.
func entryText(t testing.TB, m *core.Machine, e icn.Entry, out core.Outcome) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nentry %s\n; %d at +%d ms: ", base64.StdEncoding.EncodeToString(out.Leaf), e.Index, e.Time-epoch)
	if s := e.Statement; s == nil {
		b.WriteString("tick\n")
	} else {
		fmt.Fprintf(&b, "%s, number %d:", nameOf(s.Author), s.Number)
		for _, op := range s.Ops {
			b.WriteString(" " + op.Kind())
		}
		b.WriteString("\n")
	}
	for _, ev := range out.Events {
		body, err := json.Marshal(ev.Body)
		require.NoError(t, err)
		fmt.Fprintf(&b, "%s %s\n", ev.Type, link.ReplaceAll(body, []byte("$1")))
	}
	root := m.Root()
	size, tree := m.Tree()
	require.Equal(t, e.Index, size)
	fmt.Fprintf(&b, "state %x\ntree %x\n", root, tree)
	return b.String()
}

func nameOf(d icn.DID) string {
	for _, n := range []string{"n1", "n2", "n3", "n4", "n5", "n6", "ann", "bob", "eve"} {
		if did(n) == d {
			return n
		}
	}
	return d.String()
}

// readGolden takes the genesis and the entries out of the golden log.
func readGolden(t testing.TB) (icn.Block, []icn.Entry) {
	text, err := os.ReadFile(goldenLog)
	require.NoError(t, err)
	var genesis icn.Block
	var entries []icn.Entry
	for line := range strings.Lines(string(text)) {
		kind, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if kind != "genesis" && kind != "entry" {
			continue
		}
		b, err := base64.StdEncoding.DecodeString(value)
		require.NoError(t, err)
		if kind == "genesis" {
			genesis = icn.NewBlock(icn.DagCBOR, b)
			continue
		}
		e, err := icn.DecodeEntry(b)
		require.NoError(t, err)
		entries = append(entries, *e)
	}
	require.Greater(t, len(entries), 40)
	return genesis, entries
}

// TestAnySnapshotGoesOnAlike replays the published log: from its bytes, and from
// a snapshot after each of its entries, everything that follows is the same.
func TestAnySnapshotGoesOnAlike(t *testing.T) {
	golden, err := os.ReadFile(goldenLog)
	require.NoError(t, err)
	genesis, entries := readGolden(t)
	m, err := core.New(genesis, key.Verify)
	require.NoError(t, err)
	for at := 0; ; at++ {
		again, err := core.Restore(genesis, key.Verify, m.Snapshot())
		require.NoError(t, err, "after entry %d", at)
		require.Equal(t, m.Snapshot(), again.Snapshot())
		require.Equal(t, m.Root(), again.Root())
		for _, e := range entries[at:] {
			out, err := again.Apply(e, core.Checked{})
			require.NoError(t, err)
			require.Contains(t, string(golden), entryText(t, again, e, out), "restored after entry %d", at)
		}
		if at == len(entries) {
			return
		}
		out, err := m.Apply(entries[at], core.Checked{})
		require.NoError(t, err)
		require.Contains(t, string(golden), entryText(t, m, entries[at], out))
	}
}

// TestTheGoldenLogHasEverything: each operation is applied in it once at least,
// and each event happens.
func TestTheGoldenLogHasEverything(t *testing.T) {
	f := newFederation(t, founding())
	kinds, events := map[string]bool{}, map[string]bool{}
	f.seen = func(e icn.Entry, out core.Outcome) {
		if e.Statement != nil && out.Refused == nil {
			for _, op := range e.Statement.Ops {
				kinds[op.Kind()] = true
			}
		}
		for _, ev := range out.Events {
			events[ev.Type] = true
		}
	}
	play(f)
	require.Len(t, kinds, 32, "%v", kinds)
	require.Len(t, events, 50, "%v", events)
}

package icn_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"

	"pgregory.net/rapid"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// secret is the Ed25519 key of the seed that repeats n.
func secret(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, 32))
}

// who is that key's DID.
func who(n byte) icn.DID { return icn.DID(secret(n).Public().(ed25519.PublicKey)) }

func rawCID(s string) icn.CID { return icn.SumCID(icn.Raw, []byte(s)) }

const sampleTime = 1_700_000_000_000 // 2023-11-14T22:13:20Z

func sampleGenesis() *icn.Genesis {
	return &icn.Genesis{
		Name: "riverside", Created: sampleTime,
		Members: []icn.GenesisMember{{DID: who(1), Role: icn.RolePerson, Name: "Ada"}, {DID: who(2), Role: icn.RoleOrg, Name: "Bakery"}},
		Nodes:   []icn.GenesisNode{{DID: who(3), Name: "north"}, {DID: who(4), Name: "south"}},
		Rules:   icn.DefaultRules(),
	}
}

func sampleSpec() icn.JobSpec {
	return icn.JobSpec{
		Module: rawCID("module"), Inputs: []icn.CID{rawCID("input"), icn.SumCID(icn.DagCBOR, []byte{0x80})},
		Args: []string{"-n", "3"}, Env: []string{"LANG=C"},
		Limits:   icn.JobLimits{Gas: 1_000_000, MemoryBytes: 64 << 20, OutputBytes: 1 << 16, WallMillis: 5000, TableElements: 100},
		Requires: icn.JobRequirements{Capabilities: []string{"wasi"}, CPUCores: 2, MemoryMB: 64, StorageMB: 10},
	}
}

func sampleOutcome() icn.Outcome {
	return icn.Outcome{Output: rawCID("hello world"), Outputs: []icn.NamedOutput{{Name: "table", CID: rawCID("1,2")}}, Gas: 123_456, Spent: 3,
		Submits: []icn.Submitted{{Budget: 5, Spec: icn.JobSpec{Kind: icn.JobEcho, Inline: []byte("again")}}}, Transcript: rawCID("asked")}
}

// sampleOps holds an operation of each kind.
func sampleOps() []icn.Op {
	job := icn.JobID(icn.SumCID(icn.DagCBOR, []byte("a statement")), 0)
	return []icn.Op{
		icn.NodeAdmit{Node: who(5), Name: "west", Code: []byte("once"), Addrs: []string{"/ip4/192.0.2.1/tcp/4001"}},
		icn.NodeRejoin{Reason: "restored from a backup"},
		icn.NodeLeave{},
		icn.InviteCreate{CodeHash: sha256.Sum256([]byte("once")), Role: icn.RoleNode, Expires: sampleTime + 86_400_000},
		icn.MemberAdmit{Member: who(6), Role: icn.RolePerson, Name: "Grace", Code: []byte("once")},
		icn.JobPost{Via: who(3), Budget: 50, Spec: sampleSpec()},
		icn.JobAssign{Job: job, Attempt: 1, Executor: who(4), Offers: []icn.Offer{
			{Bid: rawCID("bid 1"), Executor: who(4), Price: 9, FreeSlots: 4, FreeMB: 2048, RTTMicros: 1500},
			{Bid: rawCID("bid 2"), Executor: who(5), Price: 12, FreeSlots: 1, FreeMB: 512, RTTMicros: 800},
		}},
		icn.JobReceipt{Job: job, Attempt: 1, Spec: sampleSpec().CID(), Outcome: sampleOutcome(), Log: rawCID("log"), Millis: 17, ABI: 1, MemDenied: 2, TblDenied: 3},
		icn.JobFail{Job: job, Attempt: 2, Executor: who(4), Declined: true, Reason: "no free slot"},
		icn.JobCancel{Job: job},
		icn.JobSave{Job: job, Attempt: 1, State: rawCID("half")},
		icn.JobCheck{Job: job},
		icn.JobVerdict{Job: job, Outcome: sampleOutcome(), ABI: 1},
		icn.NodeProfile{Capabilities: []string{"gpu"}, Federations: []string{"coops"}, Trust: "region", CPUCores: 4, MemoryMB: 2048, StorageMB: 100_000},
		icn.BanLift{Executor: who(4)},
		icn.ManaSpend{Amount: 3, For: "room 4"},
		icn.KeyRotate{Key: who(7), Proof: [64]byte(ed25519.Sign(secret(7), icn.RotationBytes(sampleGenesis().Block().CID, who(1), who(7))))},
		icn.AuditHead{Lines: 1234, Head: sha256.Sum256([]byte("a line"))},
		icn.NodeExpel{Node: who(5), Reason: "it signed two checkpoints of one size"},
		icn.MemberLeave{},
		icn.GuardiansSet{Guardians: []icn.DID{who(2), who(6), who(8)}, Needed: 2},
		icn.RecoverySupport{Member: who(6), Key: who(7), Proof: [64]byte(ed25519.Sign(secret(7), icn.RotationBytes(sampleGenesis().Block().CID, who(6), who(7))))},
		icn.RecoveryVeto{},
		icn.ProposalCreate{Draft: true, Proposal: sampleProposal()},
		icn.ProposalAmend{ID: sampleProposalID(), Proposal: sampleQuestion()},
		icn.ProposalAdvance{ID: sampleProposalID()},
		icn.ProposalSponsor{ID: sampleProposalID()},
		icn.ProposalWithdraw{ID: sampleProposalID()},
		icn.ProposalVeto{ID: sampleProposalID(), Reason: "it was not said what it costs"},
		icn.ProposalClose{ID: sampleProposalID()},
		icn.BallotCast{Proposal: sampleProposalID(), For: who(2), Choice: []uint64{icn.Yes}},
		icn.DelegationSet{To: who(6), Scope: icn.Scope{Kind: "budget"}, Expires: sampleTime + 86_400_000, Proxy: true},
		icn.DelegationRevoke{Scope: icn.Scope{Proposal: sampleProposalID()}},
	}
}

func sampleProposalID() icn.CID {
	return icn.ProposalID(icn.SumCID(icn.DagCBOR, []byte("a statement")), 0)
}

func sampleProposal() icn.Proposal {
	return icn.Proposal{
		Title: "A longer vote", Body: rawCID("why"), Motion: sampleMotions()[0], Method: icn.YesNo, Electorate: icn.Members,
		QuorumPermille: 300, QuorumCount: 5, ThresholdPermille: 667, DeliberationMillis: 86_400_000, VotingMillis: 604_800_000, TimelockMillis: 3_600_000,
	}
}

func sampleQuestion() icn.Proposal {
	return icn.Proposal{Title: "Where shall we meet?", Motion: icn.Declare{Text: "A place for the summer."}, Method: icn.Ranked,
		Options: []string{"the bakery", "the river"}, Electorate: icn.Persons}
}

// sampleMotions holds a motion of each kind.
func sampleMotions() []icn.Motion {
	return []icn.Motion{
		icn.SetRules{Settings: []icn.Setting{{Name: "voting_ms", Value: 1_209_600_000}, {Name: "min_quorum_permille", Value: 250}}},
		icn.AdmitMember{Member: who(6), Role: icn.RoleOrg, Name: "Grain mill"},
		icn.RemoveMember{Member: who(6), Reason: "nobody has heard of it for two years"},
		icn.SuspendMember{Member: who(6), Millis: 2_592_000_000, Reason: "until the books are open"},
		icn.ReinstateMember{Member: who(6)},
		icn.GrantBudget{To: who(2), Amount: 500, Purpose: "the summer fair"},
		icn.NoticeUpgrade{Version: "v0.5.0"},
		icn.Declare{Text: "We meet in May."},
		icn.Resolve{Actions: []icn.Action{{Do: icn.PauseCredential, Credential: rawCID("credential")}, {Do: icn.FreezeReputation, Who: who(5)}}},
		icn.SetClerks{Nodes: []icn.DID{who(4), who(3)}},
		icn.ExpelNode{Node: who(5), Reason: "it signed two checkpoints of one size"},
		icn.SetVetoGroup{Members: []icn.DID{who(1), who(2)}},
	}
}

func sampleTally() icn.Tally {
	return icn.Tally{Roll: 40, Direct: 20, Proxied: 2, Delegated: 6, Turnout: 28, Needed: 8, Yes: 15, No: 10, Abstain: 3, Scores: []uint64{12, 9, 7},
		Rounds: []icn.Round{{Counts: []uint64{12, 9, 7}, Out: []uint64{3}}, {Counts: []uint64{15, 11, 0}, Exhausted: 2}}, Winner: 1, Accepted: true, Reason: "15 of 28"}
}

func signed(s icn.Statement, key byte) *icn.Statement {
	s.Author = who(key)
	s.Sig = [64]byte(ed25519.Sign(secret(key), s.SigningBytes()))
	return &s
}

func sampleStatement(ops ...icn.Op) *icn.Statement {
	return signed(icn.Statement{Network: sampleGenesis().Block().CID, Number: 7, Until: sampleTime + 60_000, Ops: ops}, 1)
}

func sampleBid() *icn.Bid {
	b := &icn.Bid{Network: sampleGenesis().Block().CID, Job: icn.JobID(sampleStatement(sampleOps()[5]).ID(), 0), Attempt: 1, Executor: who(4), Price: 9, FreeSlots: 4}
	b.Sig = [64]byte(ed25519.Sign(secret(4), b.SigningBytes()))
	return b
}

// Generators of arbitrary values within the limits.

func anyDID(t *rapid.T, name string) (d icn.DID) {
	copy(d[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, name))
	return d
}

func anyHash(t *rapid.T, name string) (h [32]byte) {
	copy(h[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, name))
	return h
}

func anyCID(t *rapid.T, name string) icn.CID {
	codec := rapid.SampledFrom([]uint64{icn.Raw, icn.DagCBOR, 0x70, 0x0129, 1<<63 - 1}).Draw(t, name+" codec")
	return icn.CIDOf(codec, anyHash(t, name))
}

// maybeCID is sometimes undefined.
func maybeCID(t *rapid.T, name string) icn.CID {
	if rapid.Bool().Draw(t, name+" absent") {
		return icn.CID{}
	}
	return anyCID(t, name)
}

func text(t *rapid.T, max int, name string) string {
	return rapid.StringN(0, min(max, 40), max).Draw(t, name)
}

// texts is nil when empty: the form that decoding gives.
func texts(t *rapid.T, n, max int, name string) []string {
	s := rapid.SliceOfN(rapid.StringN(0, min(max, 20), max), 0, min(n, 5)).Draw(t, name)
	if len(s) == 0 {
		return nil
	}
	return s
}

func anyTime(t *rapid.T, name string) icn.Time {
	return icn.Time(rapid.Int64Range(0, 1<<53).Draw(t, name))
}

func number(t *rapid.T, name string) uint64 { return rapid.Uint64().Draw(t, name) }

func anySpec(t *rapid.T) icn.JobSpec {
	s := icn.JobSpec{Module: anyCID(t, "module"), Args: texts(t, icn.MaxArgs, icn.MaxText, "args"), Env: texts(t, icn.MaxArgs, icn.MaxText, "env")}
	for range rapid.IntRange(0, 4).Draw(t, "inputs") {
		s.Inputs = append(s.Inputs, anyCID(t, "input"))
	}
	s.Limits = icn.JobLimits{Gas: number(t, "gas"), MemoryBytes: number(t, "memory"), OutputBytes: number(t, "output"), WallMillis: number(t, "wall"), TableElements: number(t, "table")}
	s.Kind, s.Resume, s.Outputs = icn.JobKind(rapid.IntRange(0, 1).Draw(t, "kind of job")), maybeCID(t, "resume"), texts(t, icn.MaxOutputs, icn.MaxName, "outputs")
	if in := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "inline"); len(in) > 0 {
		s.Inline = in
	}
	s.Grants = icn.JobGrants{Read: rapid.Bool().Draw(t, "read"), Store: rapid.Bool().Draw(t, "store"), Submit: number(t, "submit"), Spend: number(t, "spend")}
	s.Copies = icn.JobCopies{Of: number(t, "of"), Agree: number(t, "agree")}
	s.Requires = icn.JobRequirements{Capabilities: texts(t, 32, 64, "capabilities"), Federations: texts(t, 32, 64, "federations"), Trust: text(t, 64, "trust"), Reputation: number(t, "reputation"), CPUCores: number(t, "cores"), MemoryMB: number(t, "mb"), StorageMB: number(t, "storage")}
	return s
}

func anyOutcome(t *rapid.T) icn.Outcome {
	o := icn.Outcome{Fault: icn.Fault(text(t, 32, "fault")), ExitCode: rapid.Uint32().Draw(t, "exit"), Output: maybeCID(t, "output"), Gas: number(t, "gas"), Spent: number(t, "spent")}
	for range rapid.IntRange(0, 2).Draw(t, "named") {
		o.Outputs = append(o.Outputs, icn.NamedOutput{Name: text(t, icn.MaxName, "name"), CID: anyCID(t, "named output")})
	}
	for range rapid.IntRange(0, 2).Draw(t, "submitted") {
		o.Submits = append(o.Submits, icn.Submitted{Budget: number(t, "budget"), Spec: anySpec(t)})
	}
	o.Transcript = maybeCID(t, "transcript")
	return o
}

func anyOp(t *rapid.T) icn.Op {
	u32 := func(name string) uint32 { return rapid.Uint32().Draw(t, name) }
	switch kind := rapid.SampledFrom(icn.Kinds()).Draw(t, "kind"); kind {
	case "node.admit":
		return icn.NodeAdmit{Node: anyDID(t, "node"), Name: text(t, 64, "name"), Code: rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "code"), Addrs: texts(t, 16, 256, "addrs")}
	case "node.rejoin":
		return icn.NodeRejoin{Reason: text(t, 256, "reason")}
	case "node.leave":
		return icn.NodeLeave{}
	case "node.expel":
		return icn.NodeExpel{Node: anyDID(t, "node"), Reason: text(t, icn.MaxReason, "reason"), Withdrawn: rapid.Bool().Draw(t, "withdrawn")}
	case "invite.create":
		return icn.InviteCreate{CodeHash: anyHash(t, "code"), Role: icn.Role(rapid.IntRange(1, 3).Draw(t, "role")), Expires: anyTime(t, "expires")}
	case "member.admit":
		return icn.MemberAdmit{Member: anyDID(t, "member"), Role: icn.Role(rapid.IntRange(2, 3).Draw(t, "role")), Name: text(t, 128, "name"), Code: rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "code")}
	case "job.post":
		return icn.JobPost{Via: anyDID(t, "via"), Budget: number(t, "budget"), Spec: anySpec(t)}
	case "job.assign":
		a := icn.JobAssign{Job: anyCID(t, "job"), Attempt: u32("attempt"), Executor: anyDID(t, "executor")}
		for range rapid.IntRange(0, 3).Draw(t, "offers") {
			a.Offers = append(a.Offers, icn.Offer{Bid: anyCID(t, "bid"), Executor: anyDID(t, "bidder"), Price: number(t, "price"), FreeSlots: number(t, "slots"), FreeMB: number(t, "free mb"), RTTMicros: number(t, "rtt")})
		}
		return a
	case "job.receipt":
		return icn.JobReceipt{Job: anyCID(t, "job"), Attempt: u32("attempt"), Spec: anyCID(t, "spec"), Outcome: anyOutcome(t), Message: text(t, icn.MaxText, "message"),
			Log: maybeCID(t, "log"), Millis: number(t, "millis"), ABI: u32("abi"), MemDenied: u32("memory"), TblDenied: u32("table")}
	case "job.fail":
		return icn.JobFail{Job: anyCID(t, "job"), Attempt: u32("attempt"), Executor: anyDID(t, "executor"), Declined: rapid.Bool().Draw(t, "declined"), Reason: text(t, icn.MaxText, "reason")}
	case "key.rotate":
		return icn.KeyRotate{Key: anyDID(t, "key"), Proof: [64]byte(rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "proof"))}
	case "audit.head":
		return icn.AuditHead{Lines: number(t, "lines"), Head: anyHash(t, "head")}
	case "job.cancel":
		return icn.JobCancel{Job: anyCID(t, "job")}
	case "job.save":
		return icn.JobSave{Job: anyCID(t, "job"), Attempt: u32("attempt"), State: anyCID(t, "state")}
	case "job.check":
		return icn.JobCheck{Job: anyCID(t, "job")}
	case "job.verdict":
		return icn.JobVerdict{Job: anyCID(t, "job"), Outcome: anyOutcome(t), ABI: u32("abi"), Unable: text(t, icn.MaxText, "unable")}
	case "node.profile":
		return icn.NodeProfile{Capabilities: texts(t, 32, 64, "capabilities"), Federations: texts(t, 32, 64, "federations"), Trust: text(t, 64, "trust"),
			CPUCores: number(t, "cores"), MemoryMB: number(t, "mb"), StorageMB: number(t, "storage")}
	case "mana.spend":
		return icn.ManaSpend{Amount: max(number(t, "amount"), 1), For: text(t, 64, "for")}
	case "ban.lift":
		return icn.BanLift{Executor: anyDID(t, "executor")}
	case "member.leave":
		return icn.MemberLeave{}
	case "guardians.set":
		return icn.GuardiansSet{Guardians: anyDIDs(t, icn.MaxGuardians, "guardians"), Needed: number(t, "needed")}
	case "recovery.support":
		return icn.RecoverySupport{Member: anyDID(t, "member"), Key: anyDID(t, "key"), Proof: [64]byte(rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "proof"))}
	case "recovery.veto":
		return icn.RecoveryVeto{}
	case "proposal.create":
		return icn.ProposalCreate{Draft: rapid.Bool().Draw(t, "draft"), Proposal: anyProposal(t)}
	case "proposal.amend":
		return icn.ProposalAmend{ID: anyCID(t, "proposal"), Proposal: anyProposal(t)}
	case "proposal.advance":
		return icn.ProposalAdvance{ID: anyCID(t, "proposal")}
	case "proposal.sponsor":
		return icn.ProposalSponsor{ID: anyCID(t, "proposal")}
	case "proposal.withdraw":
		return icn.ProposalWithdraw{ID: anyCID(t, "proposal")}
	case "proposal.veto":
		return icn.ProposalVeto{ID: anyCID(t, "proposal"), Reason: text(t, icn.MaxReason, "reason")}
	case "proposal.close":
		return icn.ProposalClose{ID: anyCID(t, "proposal")}
	case "ballot.cast":
		b := icn.BallotCast{Proposal: anyCID(t, "proposal"), Choice: anyChoice(t, "choice")}
		if rapid.Bool().Draw(t, "for another") {
			b.For = anyDID(t, "for")
		}
		return b
	case "delegation.set":
		return icn.DelegationSet{To: anyDID(t, "to"), Scope: anyScope(t), Expires: anyTime(t, "expires"), Proxy: rapid.Bool().Draw(t, "proxy")}
	case "delegation.revoke":
		return icn.DelegationRevoke{Scope: anyScope(t)}
	default:
		t.Fatalf("no generator for %s", kind)
		return nil
	}
}

// anyDIDs is nil when empty: the form that decoding gives.
func anyDIDs(t *rapid.T, n int, name string) (out []icn.DID) {
	for range rapid.IntRange(0, min(n, 3)).Draw(t, name) {
		out = append(out, anyDID(t, name))
	}
	return out
}

func anyChoice(t *rapid.T, name string) (out []uint64) {
	for range rapid.IntRange(0, 4).Draw(t, name) {
		out = append(out, number(t, name))
	}
	return out
}

func anyScope(t *rapid.T) icn.Scope {
	switch rapid.IntRange(0, 2).Draw(t, "scope") {
	case 0:
		return icn.Scope{Kind: rapid.SampledFrom(icn.MotionKinds()).Draw(t, "scope's kind")}
	case 1:
		return icn.Scope{Proposal: anyCID(t, "scope's proposal")}
	}
	return icn.Scope{}
}

func anyProposal(t *rapid.T) icn.Proposal {
	p := icn.Proposal{Title: text(t, icn.MaxTitle, "title"), Body: maybeCID(t, "body"), Motion: anyMotion(t),
		Method: icn.Method(rapid.IntRange(1, 5).Draw(t, "method")), Options: texts(t, icn.MaxOptions, icn.MaxOption, "options"),
		Electorate: icn.Electorate(rapid.IntRange(1, 3).Draw(t, "electorate"))}
	for _, n := range []*uint64{&p.QuorumPermille, &p.QuorumCount, &p.ThresholdPermille, &p.DeliberationMillis, &p.VotingMillis, &p.TimelockMillis} {
		*n = number(t, "number")
	}
	return p
}

func anyMotion(t *rapid.T) icn.Motion {
	reason := func() string { return text(t, icn.MaxReason, "reason") }
	switch kind := rapid.SampledFrom(icn.MotionKinds()).Draw(t, "motion"); kind {
	case "parameters":
		var m icn.SetRules
		for range rapid.IntRange(0, 3).Draw(t, "settings") {
			m.Settings = append(m.Settings, icn.Setting{Name: text(t, 64, "parameter"), Value: number(t, "value")})
		}
		return m
	case "admit":
		return icn.AdmitMember{Member: anyDID(t, "member"), Role: icn.Role(rapid.IntRange(2, 3).Draw(t, "role")), Name: text(t, 128, "name")}
	case "remove":
		return icn.RemoveMember{Member: anyDID(t, "member"), Reason: reason()}
	case "suspend":
		return icn.SuspendMember{Member: anyDID(t, "member"), Millis: number(t, "millis"), Reason: reason()}
	case "reinstate":
		return icn.ReinstateMember{Member: anyDID(t, "member")}
	case "budget":
		return icn.GrantBudget{To: anyDID(t, "to"), Amount: number(t, "amount"), Purpose: reason()}
	case "upgrade":
		return icn.NoticeUpgrade{Version: text(t, 64, "version")}
	case "text":
		return icn.Declare{Text: text(t, icn.MaxText, "text")}
	case "resolution":
		var m icn.Resolve
		for range rapid.IntRange(0, 3).Draw(t, "actions") {
			a := icn.Action{Do: rapid.SampledFrom([]string{icn.PauseCredential, icn.ResumeCredential, icn.FreezeReputation, icn.ThawReputation}).Draw(t, "do")}
			if a.Do == icn.PauseCredential || a.Do == icn.ResumeCredential {
				a.Credential = anyCID(t, "credential")
			} else {
				a.Who = anyDID(t, "who")
			}
			m.Actions = append(m.Actions, a)
		}
		return m
	case "clerks":
		return icn.SetClerks{Nodes: anyDIDs(t, 64, "nodes")}
	case "expel":
		return icn.ExpelNode{Node: anyDID(t, "node"), Reason: reason()}
	case "veto-group":
		return icn.SetVetoGroup{Members: anyDIDs(t, 64, "members")}
	default:
		t.Fatalf("no generator for the motion %s", kind)
		return nil
	}
}

func anyStatement(t *rapid.T) *icn.Statement {
	s := &icn.Statement{Network: anyCID(t, "network"), Author: anyDID(t, "author"), Number: number(t, "number"), Until: anyTime(t, "until")}
	for range rapid.IntRange(1, 4).Draw(t, "ops") {
		s.Ops = append(s.Ops, anyOp(t))
	}
	copy(s.Sig[:], rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "signature"))
	return s
}

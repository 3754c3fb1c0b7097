package icn_test

import (
	"crypto/sha256"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
)

func letters(n int) string { return strings.Repeat("x", n) }

func list(n int, s string) []string { return slices.Repeat([]string{s}, n) }

// TestLimitsOfOperations: at the limit is read, one more is refused.
func TestLimitsOfOperations(t *testing.T) {
	post := func(change func(*icn.JobSpec)) icn.Op {
		s := sampleSpec()
		change(&s)
		return icn.JobPost{Via: who(3), Spec: s}
	}
	for name, x := range map[string]struct {
		limit int
		op    func(n int) icn.Op
	}{
		"a node's name":      {64, func(n int) icn.Op { return icn.NodeAdmit{Name: letters(n)} }},
		"a join code":        {64, func(n int) icn.Op { return icn.NodeAdmit{Code: []byte(letters(n))} }},
		"addresses":          {16, func(n int) icn.Op { return icn.NodeAdmit{Addrs: list(n, "a")} }},
		"an address":         {256, func(n int) icn.Op { return icn.NodeAdmit{Addrs: list(2, letters(n))} }},
		"a rejoin's reason":  {256, func(n int) icn.Op { return icn.NodeRejoin{Reason: letters(n)} }},
		"an invite's role":   {3, func(n int) icn.Op { return icn.InviteCreate{Role: icn.Role(n)} }},
		"an invite's expiry": {1 << 53, func(n int) icn.Op { return icn.InviteCreate{Role: 1, Expires: icn.Time(n)} }},
		"a member's name":    {128, func(n int) icn.Op { return icn.MemberAdmit{Role: 2, Name: letters(n)} }},
		"a member's role":    {3, func(n int) icn.Op { return icn.MemberAdmit{Role: icn.Role(n)} }},
		"inputs": {icn.MaxInputs, func(n int) icn.Op {
			return post(func(s *icn.JobSpec) { s.Inputs = slices.Repeat([]icn.CID{s.Module}, n) })
		}},
		"arguments":    {icn.MaxArgs, func(n int) icn.Op { return post(func(s *icn.JobSpec) { s.Args = list(n, "") }) }},
		"an argument":  {icn.MaxText, func(n int) icn.Op { return post(func(s *icn.JobSpec) { s.Args = list(1, letters(n)) }) }},
		"environment":  {icn.MaxArgs, func(n int) icn.Op { return post(func(s *icn.JobSpec) { s.Env = list(n, "") }) }},
		"a variable":   {icn.MaxText, func(n int) icn.Op { return post(func(s *icn.JobSpec) { s.Env = list(1, letters(n)) }) }},
		"capabilities": {32, func(n int) icn.Op { return post(func(s *icn.JobSpec) { s.Requires.Capabilities = list(n, "") }) }},
		"a capability": {64, func(n int) icn.Op {
			return post(func(s *icn.JobSpec) { s.Requires.Capabilities = list(1, letters(n)) })
		}},
		"offers": {icn.MaxOffers, func(n int) icn.Op {
			return icn.JobAssign{Job: rawCID("job"), Offers: slices.Repeat([]icn.Offer{{Bid: rawCID("bid")}}, n)}
		}},
		"a fault": {32, func(n int) icn.Op {
			return icn.JobReceipt{Job: rawCID("job"), Spec: rawCID("spec"), Outcome: icn.Outcome{Fault: icn.Fault(letters(n))}}
		}},
		"a receipt's message": {icn.MaxText, func(n int) icn.Op {
			return icn.JobReceipt{Job: rawCID("job"), Spec: rawCID("spec"), Message: letters(n)}
		}},
		"a failure's reason": {icn.MaxText, func(n int) icn.Op { return icn.JobFail{Job: rawCID("job"), Reason: letters(n)} }},
	} {
		s := sampleStatement(x.op(x.limit))
		back, err := icn.DecodeStatement(s.Encode())
		require.NoError(t, err, name)
		require.Equal(t, s.Encode(), back.Encode(), name)
		_, err = icn.DecodeStatement(sampleStatement(x.op(x.limit + 1)).Encode())
		require.ErrorIs(t, err, icn.ErrInvalid, name)
		require.NotErrorIs(t, err, icn.ErrUnknownKind, name)
	}
}

func TestWhatAnOperationMustNotHold(t *testing.T) {
	job := rawCID("job")
	for name, op := range map[string]icn.Op{
		"a name that is no UTF-8":     icn.NodeAdmit{Name: "\xff"},
		"half of a character":         icn.NodeRejoin{Reason: "\xc3"},
		"a surrogate":                 icn.NodeRejoin{Reason: "\xed\xa0\x80"},
		"a character in a long form":  icn.NodeRejoin{Reason: "\xc0\xaf"},
		"an address no UTF-8":         icn.NodeAdmit{Addrs: []string{"\xfe"}},
		"a fault that is no UTF-8":    icn.JobReceipt{Job: job, Spec: job, Outcome: icn.Outcome{Fault: "\x80"}},
		"an argument that is no text": icn.JobPost{Spec: icn.JobSpec{Module: job, Args: []string{"\xff"}}},
		"an invite of no role":        icn.InviteCreate{},
		"a member of no role":         icn.MemberAdmit{},
		"a member that is a node":     icn.MemberAdmit{Role: icn.RoleNode},
		"an input that is none":       icn.JobPost{Spec: icn.JobSpec{Module: job, Inputs: []icn.CID{{}}}},
		"an assignment of no job":     icn.JobAssign{},
		"an offer without bid":        icn.JobAssign{Job: job, Offers: []icn.Offer{{}}},
		"a receipt of no job":         icn.JobReceipt{Spec: job},
		"a receipt of no spec":        icn.JobReceipt{Job: job},
		"a failure of no job":         icn.JobFail{},
		"a cancelled nothing":         icn.JobCancel{},
	} {
		_, err := icn.DecodeStatement(sampleStatement(op).Encode())
		require.ErrorIs(t, err, icn.ErrInvalid, name)
	}
	s := sampleStatement(icn.JobReceipt{Job: job, Spec: job})
	back, err := icn.DecodeStatement(s.Encode())
	require.NoError(t, err, "a receipt need not have output and log")
	require.False(t, back.Ops[0].(icn.JobReceipt).Outcome.Output.Defined())
}

func TestOperationsHaveTheirFields(t *testing.T) {
	for _, op := range sampleOps() {
		b := icn.AppendOp(nil, op)
		for n := range 25 {
			changed := append([]byte{0x80 | byte(n)}, b[1:]...)
			if n >= 24 {
				changed = append([]byte{0x98, byte(n)}, b[1:]...)
			}
			_, err := opAgain(changed)
			require.Equal(t, changed[0] == b[0], err == nil, "%s of %d items", op.Kind(), n)
		}
	}
	fail := icn.AppendOp(nil, icn.JobFail{Job: rawCID("job"), Attempt: 1})
	at := len(fail) - 2                                  // declined, before the empty reason
	require.Equal(t, []byte{0, 0xf4, 0x60}, fail[at-1:]) // behind the last byte of nobody's key
	for x := range 256 {
		fail[at] = byte(x)
		_, err := opAgain(fail)
		require.Equal(t, x == 0xf4 || x == 0xf5, err == nil, "declined is %02x", x)
	}
	attempt := slices.Concat(fail[:at-1], icn.AppendUint(nil, 1<<32), []byte{0xf4, 0x60})
	_, err := opAgain(attempt)
	require.ErrorIs(t, err, icn.ErrInvalid, "attempts have 32 bits")
	for _, n := range []int{0, 31, 33} {
		b := icn.AppendBytes(icn.AppendText([]byte{0x84}, "invite.create"), make([]byte, n))
		_, err := opAgain(append(b, 1, 1))
		require.ErrorIs(t, err, icn.ErrInvalid, "a hash of %d bytes", n)
	}
}

// filled is a statement of exactly size bytes.
func filled(size int) *icn.Statement {
	s := sampleStatement(icn.JobFail{Job: rawCID("job"), Reason: letters(1000)})
	full := icn.JobFail{Job: rawCID("job"), Reason: letters(4000)}
	for len(s.Encode())+4300 < size {
		s.Ops = append(s.Ops, full)
	}
	s.Ops = append(s.Ops, icn.JobFail{Job: rawCID("job"), Reason: letters(256)})
	last := len(s.Ops) - 1
	s.Ops[last] = icn.JobFail{Job: rawCID("job"), Reason: letters(256 + size - len(s.Encode()))}
	return s
}

func TestStatementsEndAtTheirLimit(t *testing.T) {
	full := filled(icn.MaxStatement)
	wire := full.Encode()
	require.Len(t, wire, icn.MaxStatement)
	_, err := icn.DecodeStatement(wire)
	require.NoError(t, err)
	for _, e := range []icn.Entry{{Index: 1, Time: 1, Wire: wire}, {Index: 1<<64 - 1, Time: 1 << 53, Wire: wire}} {
		_, err = icn.DecodeEntry(e.Encode())
		require.NoError(t, err)
	}
	over := filled(icn.MaxStatement + 1).Encode()
	require.Len(t, over, icn.MaxStatement+1)
	_, err = icn.DecodeStatement(over)
	require.ErrorIs(t, err, icn.ErrInvalid)
	for _, e := range []icn.Entry{{Index: 1, Time: 1, Wire: over}, {Index: 1<<64 - 1, Time: 1 << 53, Wire: over}} {
		_, err = icn.DecodeEntry(e.Encode())
		require.ErrorIs(t, err, icn.ErrInvalid)
	}
}

func TestStatementsHaveAtMost4096Operations(t *testing.T) {
	s := sampleStatement(slices.Repeat([]icn.Op{icn.NodeLeave{}}, icn.MaxOps)...)
	_, err := icn.DecodeStatement(s.Encode())
	require.NoError(t, err)
	s.Ops = append(s.Ops, icn.NodeLeave{})
	require.Less(t, len(s.Encode()), icn.MaxStatement)
	_, err = icn.DecodeStatement(s.Encode())
	require.ErrorIs(t, err, icn.ErrInvalid)
}

func TestGenesesThatCannotBegin(t *testing.T) {
	for name, change := range map[string]func(*icn.Genesis){
		"no node":                  func(g *icn.Genesis) { g.Nodes = nil },
		"a node twice":             func(g *icn.Genesis) { g.Nodes = append(g.Nodes, g.Nodes[0]) },
		"a member twice":           func(g *icn.Genesis) { g.Members = append(g.Members, g.Members[0]) },
		"a member that is a node":  func(g *icn.Genesis) { g.Members[0].Role = icn.RoleNode },
		"a member with its key":    func(g *icn.Genesis) { g.Members[0].DID = g.Nodes[0].DID },
		"a member of no role":      func(g *icn.Genesis) { g.Members[0].Role = 0 },
		"a name that is too long":  func(g *icn.Genesis) { g.Name = letters(129) },
		"a member's long name":     func(g *icn.Genesis) { g.Members[0].Name = letters(129) },
		"a node's long name":       func(g *icn.Genesis) { g.Nodes[0].Name = letters(65) },
		"a name that is no UTF-8":  func(g *icn.Genesis) { g.Name = "\xff" },
		"an even number of clerks": func(g *icn.Genesis) { g.Rules.Clerks = 4 },
		"no clerk":                 func(g *icn.Genesis) { g.Rules.Clerks = 0 },
		"no attempt":               func(g *icn.Genesis) { g.Rules.JobAttempts = 0 },
		"a limit of zero":          func(g *icn.Genesis) { g.Rules.JobGas = 0 },
		"a limit over 2^53":        func(g *icn.Genesis) { g.Rules.JobMaxGas = 1<<53 + 1 },
		"more issued than the cap": func(g *icn.Genesis) { g.Rules.ManaIssue = g.Rules.ManaCap + 1 },
	} {
		g := sampleGenesis()
		change(g)
		_, err := icn.DecodeGenesis(g.Block().Data)
		require.ErrorIs(t, err, icn.ErrInvalid, name)
	}
	g := sampleGenesis()
	g.Rules.Version++
	_, err := icn.DecodeGenesis(g.Block().Data)
	require.ErrorIs(t, err, icn.ErrUnavailable, "a newer release can begin it")

	g = sampleGenesis()
	for i := range 50_000 {
		d := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		g.Members = append(g.Members, icn.GenesisMember{DID: d, Role: icn.RolePerson, Name: "somebody"})
	}
	require.Greater(t, len(g.Block().Data), icn.MaxBlock)
	_, err = icn.DecodeGenesis(g.Block().Data)
	require.ErrorIs(t, err, icn.ErrInvalid, "no block holds it")
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestClaimsAreNotAllocated: a head that tells of more than there is costs about
// what the bytes cost, not what they claim.
func TestClaimsAreNotAllocated(t *testing.T) {
	heads := [][]byte{
		{0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x9a, 0xff, 0xff, 0xff, 0xff},
		{0x9a, 0, 1, 0x86, 0xa0}, {0x99, 0xff, 0xff}, {0x99, 0x10, 0}, {0x99, 3, 0xe8}, {0x99, 1, 0}, {0x98, 64}, {0x98, 32},
		{0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x5a, 0x7f, 0xff, 0xff, 0xff},
		{0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x7a, 0x7f, 0xff, 0xff, 0xff}, {0x79, 0x10, 0},
	}
	for _, g := range goldens() {
		if g.name == "statement-batch" || g.name == "statement-post" {
			continue // what they hold stands alone in others
		}
		for i := range g.bytes {
			for _, head := range heads {
				b := append(slices.Clip(g.bytes[:i]), head...)
				n := allocated(func() { _, _ = g.again(b) })
				require.Less(t, n, uint64(8<<10+8*len(b)), "%s up to byte %d, then %x", g.name, i, head)
			}
		}
	}
}

// TestLongTextsAreRefusedUnread: base58 takes time that grows with the square of
// its length.
func TestLongTextsAreRefusedUnread(t *testing.T) {
	for _, n := range []int{401, 64 << 10} {
		text := "z" + strings.Repeat("2", n)
		did := "did:key:" + text
		require.Less(t, allocated(func() {
			_, err := icn.ParseCID(text)
			require.ErrorIs(t, err, icn.ErrInvalid)
			_, err = icn.ParseDID(did)
			require.ErrorIs(t, err, icn.ErrInvalid)
		}), uint64(4<<10), "%d characters", n)
	}
}

func TestLongEntriesAreRefusedUnread(t *testing.T) {
	long := sampleStatement(slices.Repeat([]icn.Op{icn.JobFail{Job: rawCID("job"), Reason: letters(4000)}}, 1000)...).Encode()
	leaf := (&icn.Entry{Index: 1, Time: 1, Wire: long}).Encode()
	require.Less(t, allocated(func() {
		_, err := icn.DecodeEntry(leaf)
		require.ErrorIs(t, err, icn.ErrInvalid)
	}), uint64(4<<10))
}

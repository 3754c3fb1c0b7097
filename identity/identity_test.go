package identity_test

import (
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/state"
)

const day = 24 * 3600 * 1000

// did makes an identity from a name.
func did(name string) icn.DID { return icn.DID(sha256.Sum256([]byte(name))) }

// federation is a fold and the journal that core would keep around it.
type federation struct {
	*testing.T
	f     *identity.Fold
	db    *state.DB
	rules icn.Rules
	now   icn.Time
	index uint64
}

// found makes a federation of these nodes, and of the member ann.
func found(t *testing.T, nodes ...string) *federation {
	db := state.NewDB()
	x := &federation{T: t, f: identity.New(db), db: db, rules: icn.DefaultRules(), now: 1000}
	g := &icn.Genesis{Name: "test", Members: []icn.GenesisMember{{DID: did("ann"), Role: icn.RolePerson, Name: "Ann"}}, Rules: x.rules}
	for _, n := range nodes {
		g.Nodes = append(g.Nodes, icn.GenesisNode{DID: did(n), Name: n})
	}
	effects := x.f.Found(g)
	require.Len(t, effects, len(nodes)+1)
	return x
}

// do applies one operation, all or none.
func (x *federation) do(author string, op icn.Op) ([]icn.Effect, []icn.EventBody, error) {
	x.index++
	x.db.Begin()
	effects, events, err := x.f.Apply(identity.Step{Author: did(author), Index: x.index, Time: x.now, Rules: x.rules}, op)
	if err != nil {
		x.db.Rollback()
		x.f.Refresh()
	} else {
		x.db.Commit()
	}
	return effects, events, err
}

func (x *federation) must(author string, op icn.Op) ([]icn.Effect, []icn.EventBody) {
	x.Helper()
	effects, events, err := x.do(author, op)
	require.NoError(x, err)
	return effects, events
}

// refused says that an operation fails as it should and leaves no trace.
func (x *federation) refused(author string, op icn.Op, why error, words string) {
	x.Helper()
	root, nodes := x.db.Root(), x.f.Nodes()
	effects, events, err := x.do(author, op)
	require.ErrorIs(x, err, why)
	require.ErrorContains(x, err, words)
	require.Empty(x, effects)
	require.Empty(x, events)
	require.Equal(x, root, x.db.Root())
	require.Equal(x, nodes, x.f.Nodes())
}

func (x *federation) peers(names ...any) []identity.Peer {
	out := []identity.Peer{}
	for i := 0; i < len(names); i += 2 {
		out = append(out, identity.Peer{DID: did(names[i].(string)), RaftID: uint64(names[i+1].(int))})
	}
	return out
}

func admit(name string, code string) icn.NodeAdmit {
	return icn.NodeAdmit{Node: did(name), Name: name, Code: []byte(code), Addrs: []string{"/ip4/10.0.0.1/tcp/1"}}
}

func (x *federation) invite(code string, role icn.Role) icn.InviteCreate {
	return icn.InviteCreate{CodeHash: sha256.Sum256([]byte(code)), Role: role, Expires: x.now + day}
}

func TestTheGenesisSaysWhoBelongs(t *testing.T) {
	x := found(t, "n1", "n2")
	require.Equal(t, x.peers("n1", 1, "n2", 2), x.f.Nodes())
	for _, name := range []string{"n1", "n2", "ann"} {
		require.True(t, x.f.Belongs(did(name)), name)
	}
	require.False(t, x.f.Belongs(did("stranger")))
	m, ok := x.f.Member(did("ann"))
	require.True(t, ok)
	require.Equal(t, identity.Member{Role: icn.RolePerson, Name: "Ann", Spans: []identity.Span{{}}}, m)
	_, ok = x.f.Member(did("n1"))
	require.False(t, ok, "a node is no member")
	_, ok = x.f.Node(did("ann"))
	require.False(t, ok, "a member is no node")
}

func TestClerksAreTheOldestAndAnOddNumber(t *testing.T) {
	names := []string{"n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"}
	for n, want := range []int{0, 1, 1, 3, 3, 5, 5, 7, 7, 7} {
		if n == 0 {
			continue
		}
		x := found(t, names[:n]...)
		require.Equal(t, x.f.Nodes()[:want], x.f.Clerks(x.rules), "%d nodes", n)
		for i, name := range names[:n] {
			require.Equal(t, i < want, x.f.IsClerk(did(name), x.rules), "%s of %d", name, n)
		}
	}
	x := found(t, names...)
	x.rules.Clerks = 3
	require.Equal(t, x.peers("n1", 1, "n2", 2, "n3", 3), x.f.Clerks(x.rules))
}

func TestAClerkThatLeavesIsReplacedByTheNextOldest(t *testing.T) {
	x := found(t, "n1", "n2", "n3", "n4")
	require.Equal(t, x.peers("n1", 1, "n2", 2, "n3", 3), x.f.Clerks(x.rules))
	x.must("n2", icn.NodeLeave{})
	require.Equal(t, x.peers("n1", 1, "n3", 3, "n4", 4), x.f.Clerks(x.rules))
	x.must("n1", icn.NodeLeave{})
	require.Equal(t, x.peers("n3", 3), x.f.Clerks(x.rules))
}

func TestAClerkAdmitsByItsWord(t *testing.T) {
	x := found(t, "n1", "n2")
	effects, events := x.must("n1", admit("n3", ""))
	require.Equal(t, []icn.Effect{icn.OpenAccount{Account: did("n3")}}, effects)
	require.Equal(t, []icn.EventBody{icn.NodeAdmitted{Node: did("n3"), Name: "n3", RaftID: 3}}, events)
	require.Equal(t, x.peers("n1", 1, "n2", 2, "n3", 3), x.f.Nodes())
	x.refused("n1", admit("n3", ""), icn.ErrConflict, "belongs already")
	x.refused("n1", icn.NodeAdmit{Name: "nobody"}, icn.ErrInvalid, "zero DID")
}

func TestWhoIsNoClerkAdmitsNobodyByItsWord(t *testing.T) {
	x := found(t, "n1", "n2")
	for _, who := range []string{"n2", "ann", "stranger"} {
		x.refused(who, admit("n3", ""), icn.ErrDenied, "only a clerk")
		x.refused(who, icn.MemberAdmit{Member: did("bob"), Role: icn.RolePerson}, icn.ErrDenied, "only a clerk")
		x.refused(who, x.invite("code", icn.RoleNode), icn.ErrDenied, "only a clerk")
	}
}

func TestAJoinCodeWorksOnce(t *testing.T) {
	x := found(t, "n1", "n2")
	_, events := x.must("n1", x.invite("code", icn.RoleNode))
	require.Equal(t, []icn.EventBody{icn.InviteCreated{Role: icn.RoleNode, Expires: x.now + day}}, events)
	x.refused("n1", x.invite("code", icn.RoleNode), icn.ErrConflict, "exists")
	x.refused("n2", admit("n3", "another"), icn.ErrDenied, "unknown or used")
	x.must("n2", admit("n3", "code"))
	x.refused("n2", admit("n4", "code"), icn.ErrDenied, "unknown or used")
	x.refused("n1", admit("n4", "code"), icn.ErrDenied, "unknown or used") // not even a clerk
}

func TestARefusedAdmissionDoesNotUseUpItsCode(t *testing.T) {
	x := found(t, "n1", "n2")
	x.must("n1", x.invite("code", icn.RoleNode))
	x.refused("n2", admit("n1", "code"), icn.ErrConflict, "belongs already")
	x.must("n2", admit("n3", "code"))
}

func TestAJoinCodeExpires(t *testing.T) {
	x := found(t, "n1", "n2")
	x.must("n1", x.invite("code", icn.RoleNode))
	x.must("n1", x.invite("later", icn.RoleNode))
	x.now += day
	x.must("n2", admit("n3", "code")) // at the very last moment
	x.now++
	x.refused("n2", admit("n4", "later"), icn.ErrDenied, "expired")
}

func TestAJoinCodeIsForOneRole(t *testing.T) {
	x := found(t, "n1", "n2")
	x.must("n1", x.invite("person", icn.RolePerson))
	x.refused("n2", admit("n3", "person"), icn.ErrDenied, "for the role person")
	x.must("n1", x.invite("org", icn.RoleOrg))
	x.refused("n2", admit("n3", "org"), icn.ErrDenied, "for the role organisation")
}

func TestAJoinCodeLivesAtMostNinetyDays(t *testing.T) {
	x := found(t, "n1")
	for _, life := range []icn.Time{0, -1, 90*day + 1, 1 << 52} {
		o := x.invite("code", icn.RoleNode)
		o.Expires = x.now + life
		x.refused("n1", o, icn.ErrInvalid, "90 days")
	}
	o := x.invite("code", icn.RoleNode)
	o.Expires = x.now + 90*day
	x.must("n1", o)
}

func TestOpenJoinCodesAreLimited(t *testing.T) {
	x := found(t, "n1")
	name := func(i int) string { return string(rune('a' + i)) }
	for i := range 1000 {
		x.must("n1", x.invite(name(i), icn.RoleNode))
	}
	x.now += day
	x.refused("n1", x.invite("more", icn.RoleNode), icn.ErrConflict, "1000 join codes")
	x.now++ // all have expired, and make room
	x.must("n1", x.invite("more", icn.RoleNode))
	x.refused("n1", admit("n2", name(3)), icn.ErrDenied, "unknown or used")
	x.must("n1", admit("n2", "more"))
}

func TestANodeThatLeftIsAStranger(t *testing.T) {
	x := found(t, "n1", "n2")
	_, events := x.must("n2", icn.NodeLeave{})
	require.Equal(t, []icn.EventBody{icn.NodeLeft{Node: did("n2")}}, events)
	require.False(t, x.f.Belongs(did("n2")))
	require.Equal(t, x.peers("n1", 1), x.f.Nodes())
	x.refused("n2", icn.NodeLeave{}, icn.ErrDenied, "not a node")
	x.refused("n2", icn.NodeRejoin{}, icn.ErrDenied, "not a node")
}

func TestTheLastNodeCannotLeave(t *testing.T) {
	x := found(t, "n1", "n2")
	x.must("n1", icn.NodeLeave{})
	x.refused("n2", icn.NodeLeave{}, icn.ErrConflict, "last node")
}

func TestWhoComesBackHasANewPlaceAndNoNewCapacity(t *testing.T) {
	x := found(t, "n1", "n2", "n3")
	x.must("n2", icn.NodeLeave{})
	effects, events := x.must("n1", admit("n2", ""))
	require.Empty(t, effects, "its account is still there")
	require.Equal(t, []icn.EventBody{icn.NodeAdmitted{Node: did("n2"), Name: "n2", RaftID: 4}}, events)
	require.Equal(t, x.peers("n1", 1, "n3", 3, "n2", 4), x.f.Nodes())
}

func TestARejoinedNodeKeepsItsRankAndNotItsPlace(t *testing.T) {
	x := found(t, "n1", "n2", "n3")
	_, events := x.must("n2", icn.NodeRejoin{Reason: "restored"})
	require.Equal(t, []icn.EventBody{icn.NodeRejoined{Node: did("n2"), RaftID: 4, Was: 2, Reason: "restored"}}, events)
	require.Equal(t, x.peers("n1", 1, "n2", 4, "n3", 3), x.f.Nodes())
	x.refused("ann", icn.NodeRejoin{}, icn.ErrDenied, "not a node")
	x.must("n1", admit("n4", ""))
	require.Equal(t, x.peers("n1", 1, "n2", 4, "n3", 3, "n4", 5), x.f.Nodes())
}

func TestAMemberIsAdmittedOnceAndHasOneAccount(t *testing.T) {
	x := found(t, "n1", "n2")
	bob := icn.MemberAdmit{Member: did("bob"), Role: icn.RoleOrg, Name: "Bob's"}
	effects, events := x.must("n1", bob)
	require.Equal(t, []icn.Effect{icn.OpenAccount{Account: did("bob")}}, effects)
	require.Equal(t, []icn.EventBody{icn.MemberAdmitted{Member: did("bob"), Role: icn.RoleOrg, Name: "Bob's"}}, events)
	m, _ := x.f.Member(did("bob"))
	require.Equal(t, identity.Member{Role: icn.RoleOrg, Name: "Bob's", Since: x.index, Spans: []identity.Span{{From: x.index}}}, m)
	x.refused("n1", bob, icn.ErrConflict, "belongs already")
	x.refused("n1", icn.MemberAdmit{Role: icn.RolePerson}, icn.ErrInvalid, "zero DID")

	effects, _ = x.must("n1", icn.MemberAdmit{Member: did("n2"), Role: icn.RoleOrg})
	require.Empty(t, effects, "a node that becomes a member has an account")
	effects, _ = x.must("n1", admit("bob", ""))
	require.Empty(t, effects, "a member that becomes a node has one too")
	x.must("n2", icn.NodeLeave{})
	require.True(t, x.f.Belongs(did("n2")), "it is still a member")
}

func TestWhatIsNoOperationOnIdentitiesIsRefused(t *testing.T) {
	x := found(t, "n1")
	x.refused("n1", icn.JobCancel{}, icn.ErrInvalid, "job.cancel")
}

func TestRowsReadBackAsWritten(t *testing.T) {
	x := found(t, "n1", "n2", "n3")
	x.must("n1", x.invite("code", icn.RolePerson))
	x.must("n1", icn.MemberAdmit{Member: did("bob"), Role: icn.RoleOrg, Name: "Bob's"})
	x.must("n1", admit("n4", ""))
	x.must("n2", icn.NodeLeave{})
	x.must("n3", icn.NodeRejoin{})
	db := state.NewDB()
	f := identity.New(db)
	require.NoError(t, db.Restore(icn.NewReader(x.db.Snapshot(nil))))
	f.Refresh()
	require.Equal(t, x.db.Root(), db.Root())
	require.Equal(t, x.f.Nodes(), f.Nodes())
	names := []string{}
	f.Members(func(_ icn.DID, m identity.Member) bool { names = append(names, m.Name); return true })
	require.ElementsMatch(t, []string{"Ann", "Bob's"}, names)
	n, ok := f.Node(did("n4"))
	require.True(t, ok)
	require.Equal(t, identity.Node{Name: "n4", RaftID: 4, Seq: 4, Active: true, Addrs: []string{"/ip4/10.0.0.1/tcp/1"}}, n)
}

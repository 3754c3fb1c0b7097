package identity_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/state"
)

// enact carries out a motion at the next entry, or says why not.
func (x *federation) enact(m icn.Motion) ([]icn.Effect, []icn.EventBody, error) {
	x.index++
	x.db.Begin()
	effects, events, err := x.f.Enact(identity.Step{Index: x.index, Time: x.now, Rules: x.rules}, m)
	if err != nil {
		x.db.Rollback()
		x.f.Refresh()
		return effects, events, err
	}
	x.db.Commit()
	x.sound()
	return effects, events, nil
}

func (x *federation) mustEnact(m icn.Motion) ([]icn.Effect, []icn.EventBody) {
	x.Helper()
	effects, events, err := x.enact(m)
	require.NoError(x, err)
	return effects, events
}

// stopped says that a motion cannot be carried out, and leaves no trace.
func (x *federation) stopped(m icn.Motion, why error, words string) {
	x.Helper()
	root, nodes := x.db.Root(), x.f.Nodes()
	effects, events, err := x.enact(m)
	require.ErrorIs(x, err, why)
	require.ErrorContains(x, err, words)
	require.Empty(x, effects)
	require.Empty(x, events)
	require.Equal(x, root, x.db.Root())
	require.Equal(x, nodes, x.f.Nodes())
}

// sound says that the tables know the same of each other.
func (x *federation) sound() {
	x.Helper()
	require.NoError(x, x.f.Check())
}

// fire lets the only timer fire that was set.
func (x *federation) fire(name string) []icn.EventBody {
	x.index++
	effects, events := x.f.Fire(identity.Step{Index: x.index, Time: x.now, Rules: x.rules}, name)
	require.Empty(x, effects)
	x.sound()
	return events
}

func (x *federation) timers() map[string]icn.Time {
	out := map[string]icn.Time{}
	x.f.Timers(func(name string, due icn.Time) { out[name] = due })
	return out
}

func (x *federation) onRoll(name string, index uint64) bool {
	_, ok := x.f.OnRoll(did(name), index)
	return ok
}

func admitted(name string) icn.AdmitMember {
	return icn.AdmitMember{Member: did(name), Role: icn.RolePerson, Name: name}
}

func TestAMemberIsOnTheRollAsOfTheEntryThatAdmitsIt(t *testing.T) {
	x := found(t, "n1")
	x.index = 9
	effects, events := x.mustEnact(admitted("bob")) // entry 10
	require.Equal(t, []icn.Effect{icn.OpenAccount{Account: did("bob")}}, effects)
	require.Equal(t, []icn.EventBody{icn.MemberAdmitted{Member: did("bob"), Role: icn.RolePerson, Name: "bob"}}, events)
	require.False(t, x.onRoll("bob", 9))
	require.True(t, x.onRoll("bob", 10))
	require.True(t, x.onRoll("bob", 1000))
	require.True(t, x.onRoll("ann", 0), "founders from the beginning")
	require.False(t, x.onRoll("n1", 10), "a node is no member")
	x.stopped(admitted("bob"), icn.ErrConflict, "belongs already")
	x.stopped(icn.AdmitMember{Member: did("new"), Role: icn.RoleNode}, icn.ErrInvalid, "not a node")
	x.stopped(icn.AdmitMember{Role: icn.RolePerson}, icn.ErrInvalid, "zero DID")
}

// Scenarios 9 and 12: whoever was removed is on no later roll.
func TestARemovedMemberIsOffTheRollAsOfThatEntry(t *testing.T) {
	x := found(t, "n1")
	x.index = 9
	_, events := x.mustEnact(icn.RemoveMember{Member: did("ann"), Reason: "gone"})
	require.Equal(t, []icn.EventBody{icn.MemberLeft{Member: did("ann"), Reason: "gone"}}, events)
	require.True(t, x.onRoll("ann", 9))
	require.False(t, x.onRoll("ann", 10))
	require.False(t, x.f.Belongs(did("ann")))
	m, ok := x.f.Member(did("ann"))
	require.True(t, ok, "nobody is forgotten")
	require.Equal(t, identity.Member{Role: icn.RolePerson, Name: "Ann", Standing: identity.Left, Spans: []identity.Span{{From: 0, To: 10}}}, m)
	x.stopped(icn.RemoveMember{Member: did("ann")}, icn.ErrConflict, "has left")
	x.stopped(icn.RemoveMember{Member: did("eve")}, icn.ErrNotFound, "not a member")
	x.refused("ann", icn.MemberLeave{}, icn.ErrDenied, "not a member")
}

// Scenario 21: admission and removal, end to end, and back again.
func TestWhoComesBackHasItsAccountAndARollOfBefore(t *testing.T) {
	x := found(t, "n1")
	_, left := x.must("ann", icn.MemberLeave{}) // 1
	require.Equal(t, []icn.EventBody{icn.MemberLeft{Member: did("ann")}}, left)
	x.stopped(icn.AdmitMember{Member: did("ann"), Role: icn.RoleOrg}, icn.ErrConflict, "was here as a person")
	x.index = 4
	effects, events := x.mustEnact(icn.AdmitMember{Member: did("ann"), Role: icn.RolePerson, Name: "Anna"}) // 5
	require.Empty(t, effects, "its account is still there")
	require.Equal(t, []icn.EventBody{icn.MemberAdmitted{Member: did("ann"), Role: icn.RolePerson, Name: "Ann"}}, events, "and the name that old rolls have")
	for index, want := range []bool{true, false, false, false, false, true, true} {
		require.Equal(t, want, x.onRoll("ann", uint64(index)), "entry %d", index)
	}
	m, _ := x.f.Member(did("ann"))
	require.Equal(t, identity.Member{Role: icn.RolePerson, Name: "Ann", Since: 5, Spans: []identity.Span{{From: 0, To: 1}, {From: 5}}}, m)
	require.Equal(t, []icn.Voter{{Member: did("ann"), Role: icn.RolePerson, Name: "Ann"}}, x.f.Roll(5, icn.Persons))
}

func TestASuspensionEndsByItselfOrByAVote(t *testing.T) {
	x := found(t, "n1")
	effects, events := x.mustEnact(icn.SuspendMember{Member: did("ann"), Millis: day, Reason: "books"}) // 1
	name := "identity/suspended/" + did("ann").String()
	require.Equal(t, []icn.Effect{icn.SetTimer{Name: name, Due: x.now + day}}, effects)
	require.Equal(t, []icn.EventBody{icn.MemberSuspended{Member: did("ann"), Until: x.now + day, Reason: "books"}}, events)
	require.Equal(t, map[string]icn.Time{name: x.now + day}, x.timers())
	require.True(t, x.f.Suspended(did("ann")) && x.f.Belongs(did("ann")) && !x.f.InGoodStanding(did("ann")))
	require.False(t, x.onRoll("ann", 1))
	x.stopped(icn.SuspendMember{Member: did("ann")}, icn.ErrConflict, "suspended already")
	x.stopped(admitted("ann"), icn.ErrConflict, "reinstate it")
	x.index = 9
	x.now += day
	require.Equal(t, []icn.EventBody{icn.MemberReinstated{Member: did("ann")}}, x.fire(name)) // 10
	require.Empty(t, x.timers())
	require.True(t, x.onRoll("ann", 10) && !x.onRoll("ann", 9))
	x.stopped(icn.ReinstateMember{Member: did("ann")}, icn.ErrConflict, "not suspended")

	effects, events = x.mustEnact(icn.SuspendMember{Member: did("ann")}) // 12
	require.Empty(t, effects, "without an end")
	require.Equal(t, []icn.EventBody{icn.MemberSuspended{Member: did("ann")}}, events)
	effects, events = x.mustEnact(icn.ReinstateMember{Member: did("ann")}) // 13
	require.Empty(t, effects)
	require.Equal(t, []icn.EventBody{icn.MemberReinstated{Member: did("ann")}}, events)
	x.mustEnact(icn.SuspendMember{Member: did("ann"), Millis: 1 << 63}) // 14: as long as there is time
	require.Equal(t, map[string]icn.Time{name: 1 << 53}, x.timers())
	effects, _ = x.must("ann", icn.MemberLeave{})
	require.Equal(t, []icn.Effect{icn.ClearTimer{Name: name}}, effects)
	require.Empty(t, x.fire(name), "who has left stays away")
	require.False(t, x.f.Belongs(did("ann")))
}

func TestWithinOneEntryTheLastWordCounts(t *testing.T) {
	x := found(t, "n1")
	at := identity.Step{Index: 7, Time: x.now, Rules: x.rules}
	do := func(m icn.Motion) {
		_, _, err := x.f.Enact(at, m)
		require.NoError(t, err)
		x.sound()
	}
	do(icn.SuspendMember{Member: did("ann")})
	do(icn.ReinstateMember{Member: did("ann")})
	m, _ := x.f.Member(did("ann"))
	require.Equal(t, []identity.Span{{}}, m.Spans)
	do(admitted("bob"))
	do(icn.RemoveMember{Member: did("bob")})
	require.False(t, x.onRoll("bob", 7))
	m, _ = x.f.Member(did("bob"))
	require.Empty(t, m.Spans)
}

func TestARollHasTheElectorateInTheOrderOfDIDs(t *testing.T) {
	x := found(t, "n1")
	for _, n := range []string{"bob", "cat", "dan"} {
		x.mustEnact(admitted(n))
	}
	x.mustEnact(icn.AdmitMember{Member: did("shop"), Role: icn.RoleOrg, Name: "shop"})
	for e, want := range map[icn.Electorate]int{icn.Persons: 4, icn.Organisations: 1, icn.Members: 5} {
		roll := x.f.Roll(x.index, e)
		require.Len(t, roll, want)
		for i := range roll[1:] {
			require.Negative(t, bytes.Compare(roll[i].Member[:], roll[i+1].Member[:]))
		}
	}
	require.Len(t, x.f.Roll(0, icn.Members), 1)
}

func TestOnlySixtyFourTimesOnTheRollAreKept(t *testing.T) {
	x := found(t, "n1")
	for range 100 {
		x.must("ann", icn.MemberLeave{})
		x.mustEnact(admitted("ann"))
	}
	m, _ := x.f.Member(did("ann"))
	require.Len(t, m.Spans, 64)
	require.True(t, x.onRoll("ann", x.index))
	require.False(t, x.onRoll("ann", 0), "forgotten")
}

// TestOldRollsAreThoseOfTheTime: whatever happens, the roll as of an entry is what
// the fold had after that entry.
func TestOldRollsAreThoseOfTheTime(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		x := found(t, "n1")
		type at struct{ everybody, persons []icn.Voter }
		roll := func(index uint64) at {
			return at{x.f.Roll(index, icn.Members), x.f.Roll(index, icn.Persons)}
		}
		was := []at{roll(0)}
		names := []string{"ann", "bob", "cat", "shop"}
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			name := rapid.SampledFrom(names).Draw(r, "who")
			role := icn.RolePerson
			if name == "shop" {
				role = icn.RoleOrg
			}
			// Some steps share an entry with the one before.
			if rapid.IntRange(0, 3).Draw(r, "same entry") == 0 && x.index > 0 {
				x.index--
				was = was[:len(was)-1]
			}
			switch rapid.IntRange(0, 4).Draw(r, "what") {
			case 0:
				_, _, _ = x.enact(icn.AdmitMember{Member: did(name), Role: role, Name: name})
			case 1:
				_, _, _ = x.enact(icn.RemoveMember{Member: did(name)})
			case 2:
				_, _, _ = x.enact(icn.SuspendMember{Member: did(name)})
			case 3:
				_, _, _ = x.enact(icn.ReinstateMember{Member: did(name)})
			default:
				_, _, _ = x.do(name, icn.MemberLeave{})
			}
			// The roll now, by who stands well now.
			now := []icn.Voter{}
			x.f.Members(func(d icn.DID, m identity.Member) bool {
				if m.Standing == identity.Good {
					now = append(now, icn.Voter{Member: d, Role: m.Role, Name: m.Name})
				}
				return true
			})
			require.Equal(r, now, x.f.Roll(x.index, icn.Members))
			was = append(was, roll(x.index))
		}
		for i, want := range was {
			require.Equal(r, want, roll(uint64(i)), "entry %d", i)
		}
	})
}

func TestClerksAdmitMembersOnlyWhileTheRulesLetThem(t *testing.T) {
	x := found(t, "n1")
	x.must("n1", icn.MemberAdmit{Member: did("bob"), Role: icn.RolePerson})
	x.rules.ClerksAdmit = 0
	x.refused("n1", icn.MemberAdmit{Member: did("cat"), Role: icn.RolePerson}, icn.ErrDenied, "join code or a vote")
	x.must("n1", admit("n2", "")) // nodes are another matter
	x.must("n1", x.invite("shop", icn.RoleOrg))
	x.must("bob", icn.MemberAdmit{Member: did("shop"), Role: icn.RoleOrg, Code: []byte("shop")})
}

func TestMembersInviteAFewPersons(t *testing.T) {
	x := found(t, "n1", "n2")
	x.rules.InvitesPerMember = 2
	x.refused("ann", x.invite("org", icn.RoleOrg), icn.ErrDenied, "only a clerk")
	x.refused("n2", x.invite("a", icn.RolePerson), icn.ErrDenied, "member in good standing")
	x.must("ann", x.invite("a", icn.RolePerson))
	x.must("ann", x.invite("b", icn.RolePerson))
	x.refused("ann", x.invite("c", icn.RolePerson), icn.ErrConflict, "2 join codes are open")
	_, events := x.must("n2", icn.MemberAdmit{Member: did("bob"), Role: icn.RolePerson, Name: "Bob", Code: []byte("a")})
	require.Equal(t, []icn.EventBody{icn.MemberAdmitted{Member: did("bob"), Role: icn.RolePerson, Name: "Bob"}}, events)
	x.refused("n2", icn.MemberAdmit{Member: did("cat"), Role: icn.RolePerson, Code: []byte("a")}, icn.ErrDenied, "unknown or used")
	x.must("ann", x.invite("c", icn.RolePerson)) // one was used
	x.must("bob", x.invite("d", icn.RolePerson)) // another's quota is another's
	x.now += day + 1
	x.must("ann", x.invite("e", icn.RolePerson)) // all have expired
	x.rules.InvitesPerMember = 0
	x.refused("bob", x.invite("f", icn.RolePerson), icn.ErrConflict, "join codes are open")
}

func TestTheInvitesOfWhoIsGoneDoNotWork(t *testing.T) {
	x := found(t, "n1", "n2", "n3")
	x.must("ann", x.invite("a", icn.RolePerson))
	x.must("n2", x.invite("b", icn.RolePerson))
	x.mustEnact(icn.SuspendMember{Member: did("ann")})
	x.refused("ann", x.invite("c", icn.RolePerson), icn.ErrDenied, "good standing")
	bob := icn.MemberAdmit{Member: did("bob"), Role: icn.RolePerson, Code: []byte("a")}
	x.refused("n1", bob, icn.ErrDenied, "has left or is suspended")
	x.mustEnact(icn.ReinstateMember{Member: did("ann")})
	x.must("n1", bob)
	x.must("n2", icn.NodeLeave{})
	x.refused("bob", icn.MemberAdmit{Member: did("cat"), Role: icn.RolePerson, Code: []byte("b")}, icn.ErrDenied, "has left or is suspended")
}

func TestARefusedInviteLeavesTheQuotaAlone(t *testing.T) {
	x := found(t, "n1")
	x.rules.InvitesPerMember = 1
	x.must("ann", x.invite("a", icn.RolePerson))
	x.must("ann", icn.MemberLeave{})
	x.mustEnact(admitted("ann"))
	x.refused("ann", x.invite("b", icn.RolePerson), icn.ErrConflict, "1 join codes")
	db := state.NewDB()
	f := identity.New(db)
	require.NoError(t, db.Restore(icn.NewReader(x.db.Snapshot(nil))))
	f.Refresh()
	_, _, err := f.Apply(identity.Step{Author: did("ann"), Index: 9, Time: x.now, Rules: x.rules}, x.invite("b", icn.RolePerson))
	require.ErrorIs(t, err, icn.ErrConflict, "a restored fold knows the same")
}

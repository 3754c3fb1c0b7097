package governance_test

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/state"
)

func did(name string) icn.DID { return sha256.Sum256([]byte(name)) }

// assembly is a fold with members around it, and the timers it asked for.
type assembly struct {
	t       *testing.T
	f       *governance.Fold
	db      *state.DB
	rules   icn.Rules
	index   uint64
	now     icn.Time
	number  map[string]uint64
	roles   map[icn.DID]icn.Role
	names   map[icn.DID]string
	since   map[icn.DID]uint64
	left    map[icn.DID]uint64
	balance map[icn.DID]uint64
	timers  map[string]icn.Time
	events  []icn.EventBody // of the last step
	charged map[icn.DID]uint64
	enacted []icn.Motion
	broken  error   // what enacting leads to
	diff    icn.CID // what enacting would change
}

const purse = 1000

func newAssembly(t *testing.T, persons ...string) *assembly {
	a := &assembly{t: t, db: state.NewDB(), rules: icn.DefaultRules(), index: 1, now: 1_000_000,
		number: map[string]uint64{}, roles: map[icn.DID]icn.Role{}, names: map[icn.DID]string{}, since: map[icn.DID]uint64{}, left: map[icn.DID]uint64{},
		balance: map[icn.DID]uint64{}, timers: map[string]icn.Time{}, charged: map[icn.DID]uint64{}, diff: icn.SumCID(icn.Raw, []byte("a difference"))}
	a.f = governance.New(a.db)
	for _, name := range persons {
		a.join(name, icn.RolePerson)
	}
	return a
}

func (a *assembly) join(name string, role icn.Role) {
	d := did(name)
	a.roles[d], a.names[d], a.since[d], a.balance[d] = role, name, a.index, purse
	a.index++
}

func (a *assembly) leave(name string) { a.left[did(name)] = a.index; a.index++ }

func (a *assembly) onRoll(d icn.DID, entry uint64) (icn.Role, bool) {
	role, ok := a.roles[d]
	left, gone := a.left[d]
	return role, ok && a.since[d] <= entry && (!gone || left > entry)
}

func (a *assembly) step(name string) governance.Step {
	s := governance.Step{Index: a.index, Time: a.now, Rules: a.rules, Statement: icn.SumCID(icn.DagCBOR, fmt.Append(nil, a.index)),
		Member: func(d icn.DID) bool { _, ok := a.roles[d]; return ok && a.left[d] == 0 },
		OnRoll: a.onRoll,
		Roll: func(entry uint64, e icn.Electorate) (out []icn.Voter) {
			for d, role := range a.roles { // order: sorted below
				if _, ok := a.onRoll(d, entry); ok && e.Has(role) {
					out = append(out, icn.Voter{Member: d, Role: role, Name: a.names[d]})
				}
			}
			slices.SortFunc(out, func(x, y icn.Voter) int { return cmp.Compare(string(x.Member[:]), string(y.Member[:])) })
			return out
		},
		Balance:  func(d icn.DID) uint64 { return a.balance[d] },
		Rehearse: func(icn.Motion) (icn.CID, error) { return a.diff, a.broken },
	}
	if name != "" {
		s.Author, s.Key, s.Number = did(name), did(name), a.number[name]
	}
	return s
}

// say is one statement of one operation.
func (a *assembly) say(name string, op icn.Op) error {
	a.number[name]++
	return a.sayAs(name, a.number[name], op)
}

func (a *assembly) sayAs(name string, number uint64, op icn.Op) error {
	a.events = nil
	s := a.step(name)
	s.Number = number
	a.db.Begin()
	res, err := a.f.Apply(s, 0, op)
	if err != nil {
		a.db.Rollback()
		a.index++
		return err
	}
	a.db.Commit()
	a.follow(res)
	a.index++
	return nil
}

func (a *assembly) follow(res governance.Result) {
	a.events = append(a.events, res.Events...)
	for _, e := range res.Effects {
		switch e := e.(type) {
		case icn.SetTimer:
			a.timers[e.Name] = e.Due
		case icn.ClearTimer:
			delete(a.timers, e.Name)
		case icn.Spend:
			require.LessOrEqual(a.t, e.Amount, a.balance[e.Account])
			a.charged[e.Account] += e.Amount
			a.balance[e.Account] -= e.Amount
		case icn.Grant:
			a.balance[e.Account] += e.Amount
		case icn.Enact:
			if a.broken == nil {
				a.enacted = append(a.enacted, e.Motion)
			}
			a.follow(a.f.Enacted(a.step(""), e.Proposal, a.broken))
		}
	}
}

// pass lets time go on, and timers fire.
func (a *assembly) pass(ms uint64) {
	a.events = nil
	a.now += icn.Time(ms)
	for {
		due := ""
		for name, at := range a.timers { // order: the earliest, ties by name
			if at <= a.now && (due == "" || at < a.timers[due] || at == a.timers[due] && name < due) {
				due = name
			}
		}
		if due == "" {
			break
		}
		delete(a.timers, due)
		res, err := a.f.Fire(a.step(""), due)
		require.NoError(a.t, err)
		a.follow(res)
	}
	a.index++
}

func (a *assembly) must(name string, op icn.Op) {
	a.t.Helper()
	require.NoError(a.t, a.say(name, op))
}

func (a *assembly) refused(name string, op icn.Op, want error, words string) {
	a.t.Helper()
	before := a.db.Root()
	err := a.say(name, op)
	require.ErrorIs(a.t, err, want)
	require.ErrorContains(a.t, err, words)
	require.Equal(a.t, before, a.db.Root(), "what is refused leaves nothing behind")
}

// motion is a proposal that is voted on with yes and no.
func motion(change ...func(*icn.Proposal)) icn.Proposal {
	p := icn.Proposal{Title: "A thing", Motion: icn.Declare{Text: "Let us do it."}, Method: icn.YesNo, Electorate: icn.Members}
	for _, c := range change {
		c(&p)
	}
	return p
}

// propose puts a proposal forward and returns its name.
func (a *assembly) propose(name string, p icn.Proposal) icn.CID {
	a.t.Helper()
	id := icn.ProposalID(a.step(name).Statement, 0)
	a.must(name, icn.ProposalCreate{Proposal: p})
	return id
}

func (a *assembly) vote(id icn.CID, choice uint64, names ...string) {
	a.t.Helper()
	for _, n := range names {
		a.must(n, icn.BallotCast{Proposal: id, Choice: []uint64{choice}})
	}
}

func (a *assembly) get(id icn.CID) governance.Proposal {
	a.t.Helper()
	p, ok := a.f.Proposal(id)
	require.True(a.t, ok)
	return p
}

func (a *assembly) stage(id icn.CID) icn.Stage { a.t.Helper(); return a.get(id).Stage }

// counts are yes, no and abstain.
func (a *assembly) counts(id icn.CID) [3]uint64 {
	a.t.Helper()
	t := a.get(id).Count.Tally
	return [3]uint64{t.Yes, t.No, t.Abstain}
}

// end lets the vote's deadline come.
func (a *assembly) end(id icn.CID) {
	a.t.Helper()
	a.pass(uint64(a.get(id).Vote.Deadline - a.now))
}

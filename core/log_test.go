package core_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// epoch is when the tests' federation is founded.
const epoch icn.Time = 1_767_225_600_000

// pairOf is the fixed key of a name.
func pairOf(name string) key.Pair {
	var seed [32]byte
	copy(seed[:], name)
	return key.FromSeed(seed)
}

func did(name string) icn.DID { return pairOf(name).DID() }

func block(name string) icn.CID { return icn.SumCID(icn.Raw, []byte(name)) }

// founding has four nodes, three of them clerks, and the member ann.
func founding() *icn.Genesis {
	g := &icn.Genesis{Name: "test", Created: epoch, Rules: icn.DefaultRules(),
		Members: []icn.GenesisMember{{DID: did("ann"), Role: icn.RolePerson, Name: "Ann"}}}
	for _, n := range []string{"n1", "n2", "n3", "n4"} {
		g.Nodes = append(g.Nodes, icn.GenesisNode{DID: did(n), Name: n})
	}
	return g
}

// federation is a machine and those who speak to it, with real signatures.
type federation struct {
	testing.TB
	genesis icn.Block
	m       *core.Machine
	now     icn.Time
	numbers map[string]uint64
	keys    map[string]string // of those who have another than their first, its name
	last    *icn.Statement
	log     []icn.Entry
	seen    func(icn.Entry, core.Outcome) // is told of each entry
}

func newFederation(t testing.TB, g *icn.Genesis) *federation {
	f := &federation{TB: t, genesis: g.Block(), now: g.Created, numbers: map[string]uint64{}, keys: map[string]string{}}
	var err error
	f.m, err = core.New(f.genesis, key.Verify)
	require.NoError(t, err)
	return f
}

// statement is the next one of an author, signed.
func (f *federation) statement(author string, ops ...icn.Op) *icn.Statement {
	f.numbers[author]++
	return f.signed(author, &icn.Statement{Network: f.genesis.CID, Author: did(author), Number: f.numbers[author], Ops: ops})
}

func (f *federation) signed(author string, s *icn.Statement) *icn.Statement {
	if k := f.keys[author]; k != "" {
		author = k
	}
	copy(s.Sig[:], pairOf(author).Sign(s.SigningBytes()))
	return s
}

// enter applies a statement (nil = a tick) as the next entry, decoded from its
// wire form, and checks the accounts.
func (f *federation) enter(s *icn.Statement) core.Outcome {
	f.Helper()
	e := icn.Entry{Index: f.m.Head().Index + 1, Time: f.now}
	if s != nil {
		var err error
		e.Wire = s.Encode()
		e.Statement, err = icn.DecodeStatement(e.Wire)
		require.NoError(f, err)
	}
	f.last = s
	f.log = append(f.log, e)
	out, err := f.m.Apply(e, core.Checked{})
	require.NoError(f, err)
	require.NoError(f, f.m.CheckAccounts())
	if f.seen != nil {
		f.seen(e, out)
	}
	return out
}

// say enters operations that must be applied.
func (f *federation) say(author string, ops ...icn.Op) core.Outcome {
	f.Helper()
	out := f.enter(f.statement(author, ops...))
	require.NoError(f, out.Refused)
	return out
}

// refused enters a statement that must be refused.
func (f *federation) refused(s *icn.Statement, why error, words string) core.Outcome {
	f.Helper()
	out := f.enter(s)
	require.ErrorIs(f, out.Refused, why)
	require.ErrorContains(f, out.Refused, words)
	return out
}

// tick lets time pass and enters nothing.
func (f *federation) tick(millis icn.Time) core.Outcome {
	f.Helper()
	f.now += millis
	return f.enter(nil)
}

// rotate is the operation by which an author takes the key of this name.
func (f *federation) rotate(author, key string) icn.KeyRotate {
	return icn.KeyRotate{Key: did(key), Proof: [64]byte(pairOf(key).Sign(icn.RotationBytes(f.genesis.CID, did(author), did(key))))}
}

// recover is a guardian's word that a member has the key of this name.
func (f *federation) recover(member, key string) icn.RecoverySupport {
	r := f.rotate(member, key)
	return icn.RecoverySupport{Member: did(member), Key: r.Key, Proof: r.Proof}
}

// job is the name of the job that operation op of the last statement posted.
func (f *federation) job(op int) icn.CID { return icn.JobID(f.last.ID(), op) }

func post(via string, budget uint64) icn.JobPost {
	return icn.JobPost{Via: did(via), Budget: budget, Spec: icn.JobSpec{Module: block("program"), Inputs: []icn.CID{block("input")}, Args: []string{"-v"}}}
}

func offer(executor string, price uint64) icn.Offer {
	return icn.Offer{Bid: block("bid of " + executor), Executor: did(executor), Price: price, FreeSlots: 4, FreeMB: 4096, RTTMicros: 1000}
}

func assign(id icn.CID, attempt uint32, executor string, offers ...icn.Offer) icn.JobAssign {
	if offers == nil {
		offers = []icn.Offer{offer(executor, 30)}
	}
	return icn.JobAssign{Job: id, Attempt: attempt, Executor: did(executor), Offers: offers}
}

// receipt is what an executor says of a job's attempt.
func (f *federation) receipt(id icn.CID, attempt uint32) icn.JobReceipt {
	r := icn.JobReceipt{Job: id, Attempt: attempt, Spec: block("unknown"), Outcome: icn.Outcome{Output: block("output"), Gas: 1234}, Log: block("log"), Millis: 5, ABI: 1}
	if j, ok := f.m.Job(id); ok {
		r.Spec = j.Spec.CID()
	}
	return r
}

// types are the events of an outcome in short.
func types(out core.Outcome) []string {
	names := []string{}
	for _, e := range out.Events {
		names = append(names, e.Type)
	}
	return names
}

// rows reads a snapshot into tables of rows, to see what changed.
func rows(t testing.TB, snapshot []byte) map[string]map[string]string {
	r := icn.NewReader(snapshot)
	r.Tuple(5)
	r.Text(32)
	r.CID()
	r.Uint()
	r.Tuple(2)
	r.Uint()
	for range r.Array(64) {
		r.Hash()
	}
	tables := map[string]map[string]string{}
	for range r.Array(64) {
		r.Tuple(2)
		rows := map[string]string{}
		tables[r.Text(64)] = rows
		for n := r.Array(1 << 20); n > 0 && r.Err() == nil; n -= 2 {
			k := string(r.Bytes(1024))
			rows[k] = string(r.Bytes(1 << 20))
		}
	}
	require.NoError(t, r.Close())
	return tables
}

// changes names the rows in which two snapshots differ, as table/key.
func changes(t testing.TB, a, b []byte) map[string]bool {
	x, y := rows(t, a), rows(t, b)
	out := map[string]bool{}
	for _, pair := range [][2]map[string]map[string]string{{x, y}, {y, x}} {
		for table, rows := range pair[0] { // order: a set
			for k, v := range rows { // order: a set
				if w, ok := pair[1][table][k]; !ok || w != v {
					out[fmt.Sprintf("%s/%s", table, k)] = true
				}
			}
		}
	}
	return out
}

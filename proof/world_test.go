package proof_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/key/signature"
	"github.com/InterCooperative-Network/icn-core/proof"
	"github.com/InterCooperative-Network/icn-core/tally"
)

// world is a federation with its log, said by people with keys of their own.
type world struct {
	testing.TB
	genesis icn.Block
	m       *core.Machine
	now     icn.Time
	numbers map[string]uint64
	keys    map[string]string // of those who have another key than their first: its name
	turned  [][]byte          // the statements by which they got them
	log     []logged
	hashes  []tlog.Hash
	last    *icn.Statement
}

// logged is an entry that was applied, and with which key it was signed.
type logged struct {
	icn.Entry
	key [32]byte
	ok  bool
}

func pairOf(name string) key.Pair {
	var seed [32]byte
	copy(seed[:], name)
	return key.FromSeed(seed)
}

func did(name string) icn.DID { return pairOf(name).DID() }

// newWorld has nodes n1 to n3, who are its clerks, the members and an organisation.
func newWorld(t testing.TB, members ...string) *world {
	g := &icn.Genesis{Name: "Food co-operative", Created: 1_767_225_600_000, Rules: icn.DefaultRules()}
	for _, n := range []string{"n1", "n2", "n3"} {
		g.Nodes = append(g.Nodes, icn.GenesisNode{DID: did(n), Name: n})
	}
	for _, m := range members {
		g.Members = append(g.Members, icn.GenesisMember{DID: did(m), Role: icn.RolePerson, Name: m})
	}
	g.Members = append(g.Members, icn.GenesisMember{DID: did("Bakery"), Role: icn.RoleOrg, Name: "Bakery"})
	w := &world{TB: t, genesis: g.Block(), now: g.Created, numbers: map[string]uint64{}, keys: map[string]string{}}
	var err error
	w.m, err = core.New(w.genesis, signature.Verify)
	require.NoError(t, err)
	return w
}

// signed is the next statement of an author.
func (w *world) signed(author string, ops ...icn.Op) *icn.Statement {
	w.numbers[author]++
	s := &icn.Statement{Network: w.genesis.CID, Author: did(author), Number: w.numbers[author], Ops: ops}
	copy(s.Sig[:], w.pair(author).Sign(s.SigningBytes()))
	return s
}

func (w *world) pair(author string) key.Pair {
	if k := w.keys[author]; k != "" {
		return pairOf(k)
	}
	return pairOf(author)
}

func (w *world) enter(s *icn.Statement) core.Outcome {
	w.Helper()
	e := icn.Entry{Index: w.m.Head().Index + 1, Time: w.now, Statement: s}
	var by [32]byte
	if s != nil {
		e.Wire = s.Encode()
		by = w.m.KeyOf(s.Author)
	}
	out, err := w.m.Apply(e, core.Checked{})
	require.NoError(w, err)
	w.last = s
	w.log = append(w.log, logged{e, by, out.Refused == nil})
	for _, h := range out.Hashes {
		w.hashes = append(w.hashes, h)
	}
	return out
}

func (w *world) say(author string, ops ...icn.Op) {
	w.Helper()
	require.NoError(w, w.enter(w.signed(author, ops...)).Refused)
}

// rotate gives an author another key.
func (w *world) rotate(author, name string) {
	w.Helper()
	w.say(author, icn.KeyRotate{Key: did(name), Proof: [64]byte(pairOf(name).Sign(icn.RotationBytes(w.genesis.CID, did(author), did(name))))})
	w.keys[author] = name
	w.turned = append(w.turned, w.last.Encode())
}

func (w *world) tick(millis icn.Time) {
	w.Helper()
	w.now += millis
	w.enter(nil)
}

// propose opens a vote.
func (w *world) propose(author string, p icn.Proposal) icn.CID {
	w.Helper()
	if p.Title == "" {
		p.Title = "Shall we?"
	}
	if p.Motion == nil {
		p.Motion = icn.Declare{Text: "We shall."}
	}
	if p.Method == 0 {
		p.Method = icn.YesNo
	}
	if p.Electorate == 0 {
		p.Electorate = icn.Members
	}
	w.say(author, icn.ProposalCreate{Proposal: p})
	return icn.ProposalID(w.last.ID(), 0)
}

func (w *world) vote(id icn.CID, author string, choice ...uint64) {
	w.Helper()
	w.say(author, icn.BallotCast{Proposal: id, Choice: choice})
}

// close lets the deadline come and tells the delegations that counted.
func (w *world) close(id icn.CID) []icn.Mandate {
	w.Helper()
	p, ok := w.m.Proposal(id)
	require.True(w, ok)
	mandates := w.m.Mandates(id)
	w.tick(p.Vote.Deadline - w.now)
	p, _ = w.m.Proposal(id)
	require.NotZero(w, p.Count.Closed)
	return mandates
}

// point is the checkpoint of now.
func (w *world) point() icn.Checkpoint {
	size, tree := w.m.Tree()
	return icn.Checkpoint{Network: w.genesis.CID, Size: size, Tree: tree, State: w.m.Root()}
}

// sign makes a checkpoint's note, signed by nodes.
func (w *world) sign(c icn.Checkpoint, nodes ...string) string {
	var sigs []icn.NoteSig
	for _, n := range nodes {
		sigs = append(sigs, icn.NoteSig{Signer: did(n), Sig: [64]byte(w.pair(n).Sign([]byte(c.Text())))})
	}
	return c.Note(sigs)
}

func (w *world) anchor(nodes ...string) proof.Anchor {
	return proof.Anchor{Genesis: w.genesis.Data, Rotations: w.turned, Note: w.sign(w.point(), nodes...)}
}

// handover shows who the clerks are now, signed by some of those before.
func (w *world) handover(nodes ...string) proof.Handover {
	row, p, ok := w.m.ProveClerks()
	require.True(w, ok)
	return proof.Handover{Note: w.sign(w.point(), nodes...), Row: row, Proof: p}
}

// export is a vote's file as of now.
func (w *world) export(id icn.CID, mandates []icn.Mandate) proof.Vote {
	w.Helper()
	p, ok := w.m.Proposal(id)
	require.True(w, ok)
	v := proof.Vote{Anchor: w.anchor("n1", "n2"), Proposal: id, Mandates: mandates, Roll: w.m.Roll(p.Vote.RollAt(), p.Electorate)}
	v.Row, v.Proof, ok = w.m.ProveProposal(id)
	require.True(w, ok)
	for _, e := range w.log {
		if e.Statement == nil || !e.ok {
			continue
		}
		for _, op := range e.Statement.Ops {
			if b, ok := op.(icn.BallotCast); ok && b.Proposal == id {
				v.Casts = append(v.Casts, proof.Cast{Entry: e.Index, Key: e.key, Wire: e.Wire})
				break
			}
		}
	}
	return v
}

// receipt is that of an operation of an entry.
func (w *world) receipt(entry uint64, op uint64) proof.Receipt {
	x := proof.Receipt{Anchor: w.anchor("n2", "n3"), Entry: w.log[entry-1].Encode(), Op: op}
	read := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, err error) {
		for _, i := range at {
			out = append(out, w.hashes[i])
		}
		return out, nil
	})
	path, err := tlog.ProveRecord(int64(len(w.log)), int64(entry-1), read)
	require.NoError(w, err)
	for _, h := range path {
		x.Hashes = append(x.Hashes, h[:])
	}
	return x
}

// again is a file read back from its bytes.
func again(t testing.TB, v proof.Vote) proof.Vote {
	file := v.Encode()
	back, err := proof.DecodeVote(file)
	require.NoError(t, err)
	require.Equal(t, file, back.Encode())
	return back
}

func named(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("member-%02d", i))
	}
	return out
}

func sortVoters(all []icn.Voter) {
	slices.SortFunc(all, func(a, b icn.Voter) int { return slices.Compare(a.Member[:], b.Member[:]) })
}

func sortBallots(all []tally.Ballot) {
	slices.SortFunc(all, func(a, b tally.Ballot) int { return slices.Compare(a.Voter[:], b.Voter[:]) })
}

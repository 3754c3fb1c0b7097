//go:build !js

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/key/signature"
	"github.com/InterCooperative-Network/icn-core/proof"
)

func pairOf(name string) key.Pair {
	var seed [32]byte
	copy(seed[:], name)
	return key.FromSeed(seed)
}

// voted is the file of a ranked vote of a federation of one node and four people, its
// network, and a checkpoint of the same size that says something else.
func voted(t *testing.T) (file []byte, network icn.CID, contrary string) {
	g := &icn.Genesis{Name: "Food co-operative", Created: 1_767_225_600_000, Rules: icn.DefaultRules(),
		Nodes: []icn.GenesisNode{{DID: pairOf("n1").DID(), Name: "n1"}}}
	people := []string{"Ann", "Bob", "Cyd", "Dan"}
	for _, p := range people {
		g.Members = append(g.Members, icn.GenesisMember{DID: pairOf(p).DID(), Role: icn.RolePerson, Name: p})
	}
	genesis := g.Block()
	m, err := core.New(genesis, signature.Verify)
	require.NoError(t, err)
	now, numbers := g.Created, map[string]uint64{}
	v := proof.Vote{}
	enter := func(s *icn.Statement) {
		e := icn.Entry{Index: m.Head().Index + 1, Time: now, Statement: s}
		if s != nil {
			e.Wire = s.Encode()
		}
		out, err := m.Apply(e, core.Checked{})
		require.NoError(t, err)
		require.NoError(t, out.Refused)
	}
	say := func(who string, op icn.Op) *icn.Statement {
		numbers[who]++
		s := &icn.Statement{Network: genesis.CID, Author: pairOf(who).DID(), Number: numbers[who], Ops: []icn.Op{op}}
		copy(s.Sig[:], pairOf(who).Sign(s.SigningBytes()))
		enter(s)
		return s
	}
	s := say("Ann", icn.ProposalCreate{Proposal: icn.Proposal{Title: "What shall we \x1b[31mbake?", Motion: icn.Declare{Text: "One of them."},
		Method: icn.Ranked, Options: []string{"rye", "wheat", "spelt"}, Electorate: icn.Persons}})
	v.Proposal = icn.ProposalID(s.ID(), 0)
	for i, choice := range [][]uint64{{1}, {2, 1}, {3, 2}, {2}} {
		s := say(people[i], icn.BallotCast{Proposal: v.Proposal, Choice: choice})
		v.Casts = append(v.Casts, proof.Cast{Entry: m.Head().Index, Key: s.Author, Wire: s.Encode()})
	}
	p, _ := m.Proposal(v.Proposal)
	v.Roll, now = m.Roll(p.Vote.RollAt(), p.Electorate), p.Vote.Deadline
	enter(nil)
	v.Row, v.Proof, _ = m.ProveProposal(v.Proposal)
	size, tree := m.Tree()
	sign := func(c icn.Checkpoint) string {
		return c.Note([]icn.NoteSig{{Signer: pairOf("n1").DID(), Sig: [64]byte(pairOf("n1").Sign([]byte(c.Text())))}})
	}
	c := icn.Checkpoint{Network: genesis.CID, Size: size, Tree: tree, State: m.Root()}
	v.Genesis, v.Note = genesis.Data, sign(c)
	c.Tree[0] ^= 1
	return v.Encode(), genesis.CID, sign(c)
}

func write(t *testing.T, name string, b []byte) string {
	name = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(name, b, 0o600))
	return name
}

const recounted = `
  ✓ 1 of 1 clerks signed the checkpoint of 6 entries
`

func TestTheProgramRecountsAVote(t *testing.T) {
	file, network, _ := voted(t)
	var out, errs bytes.Buffer
	require.Equal(t, 0, run([]string{write(t, "vote", file), "--network", network.String()}, &out, &errs), errs.String())
	for _, words := range []string{
		"Federation   Food co-operative\n", "Network      " + network.String() + "\n", "Title        What shall we \uFFFD[31mbake?\n",
		"Took part    4 of 4: 4 themselves, 0 by proxy, 0 by delegation; 1 needed\n",
		"  * wheat          2 ████████████████████████████████████████\n", "    spelt          1 ████████████████████\n",
		"Recount      accepted: option 2 has ", "Stage        Executed\n", recounted, "\nThis file holds, if its network is the one you know.\n",
	} {
		require.Contains(t, out.String(), words)
	}
	require.NotContains(t, out.String(), "\x1b")
	require.Empty(t, errs.String())

	out.Reset()
	require.Equal(t, 0, run([]string{"--output", "json", write(t, "vote", file)}, &out, &errs))
	var r struct {
		Holds bool
		Vote  struct {
			Network, Proposal string
			Recount           icn.Tally
		}
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	require.True(t, r.Holds)
	require.EqualValues(t, 2, r.Vote.Recount.Winner)
	require.Equal(t, network.String(), r.Vote.Network, "a CID is plain text")
}

func TestTheProgramNamesWhatIsWrong(t *testing.T) {
	file, network, contrary := voted(t)
	genesis, roll := bytes.Clone(file), bytes.Clone(file)
	genesis[bytes.Index(file, []byte("Dan"))] = 'J'
	roll[bytes.LastIndex(file, []byte("Dan"))] = 'J'
	elsewhere := icn.SumCID(icn.DagCBOR, nil)
	for name, c := range map[string]struct {
		args []string
		code int
		out  string
		errs string
	}{
		"a forged genesis": {[]string{write(t, "vote", genesis)}, 1, "  ✗ genesis: corrupt: the file's checkpoint is of the network " + network.String(), ""},
		"a forged roll":    {[]string{write(t, "vote", roll)}, 1, "  ✗ roll: corrupt: it is not the one on which the vote was opened", ""},
		"another network":  {[]string{write(t, "vote", file), "--network", elsewhere.String()}, 1, "not of " + elsewhere.String(), ""},
		"a contradiction":  {[]string{write(t, "vote", file), "--checkpoint", write(t, "note", []byte(contrary))}, 1, "two checkpoints of 6 entries: corrupt: with different logs", ""},
		"not such a file":  {[]string{write(t, "letter", []byte("Dear all"))}, 1, "neither a vote", ""},
		"an empty file":    {[]string{write(t, "empty", nil)}, 1, "neither a vote", ""},
		"half a file":      {[]string{write(t, "half", file[:len(file)/2])}, 1, "truncated", ""},
		"no file":          {[]string{}, 2, "", "icn-verify FILE"},
		"two files":        {[]string{"a", "b"}, 2, "", "icn-verify FILE"},
		"a missing file":   {[]string{"does not exist"}, 2, "", "no such file"},
		"a missing note":   {[]string{"a", "--checkpoint", "does not exist"}, 2, "", "no such file"},
		"no CID":           {[]string{"a", "--network", "bafy"}, 2, "", "CID"},
		"an unknown form":  {[]string{"a", "--output", "xml"}, 2, "", "icn-verify FILE"},
		"an unknown flag":  {[]string{"a", "--colour"}, 2, "", "colour"},
		"a call for help":  {[]string{"--help"}, 0, "", "Exit code 0"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			require.Equal(t, c.code, run(c.args, &out, &errs))
			require.Contains(t, out.String(), c.out)
			require.Contains(t, errs.String(), c.errs)
			require.Equal(t, c.code == 1, strings.Contains(out.String(), "This file does not hold."))
		})
	}
}

package proof_test

import (
	"encoding/binary"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/proof"
	"github.com/InterCooperative-Network/icn-core/state"
	"github.com/InterCooperative-Network/icn-core/tally"
)

// large is the file of a vote of n, each with a key of its own and a ballot. Its state
// holds the proposal alone.
func large(t testing.TB, n int) []byte {
	clerk := pairOf("n1")
	g := &icn.Genesis{Name: "large", Created: 1, Rules: icn.DefaultRules(), Nodes: []icn.GenesisNode{{DID: clerk.DID(), Name: "n1"}}}
	genesis := g.Block()
	id := icn.ProposalID(genesis.CID, 0)
	p := governance.Proposal{Stage: icn.StageExecuted,
		Proposal: icn.Proposal{Title: "Large", Motion: icn.Declare{Text: "Large."}, Method: icn.YesNo, Electorate: icn.Persons}}
	v := proof.Vote{Proposal: id}
	seed := func(i int) (s [32]byte) { binary.BigEndian.PutUint64(s[:], uint64(i)); return s }
	vote := tally.Vote{Method: icn.YesNo, Needed: 1, Threshold: 500}
	for i := range n {
		pair := key.FromSeed(seed(i))
		v.Roll = append(v.Roll, icn.Voter{Member: pair.DID(), Role: icn.RolePerson, Name: "A member with a name"})
		s := &icn.Statement{Network: genesis.CID, Author: pair.DID(), Number: 1, Ops: []icn.Op{icn.BallotCast{Proposal: id, Choice: []uint64{uint64(i % 3)}}}}
		copy(s.Sig[:], pair.Sign(s.SigningBytes()))
		v.Casts = append(v.Casts, proof.Cast{Entry: uint64(i + 2), Key: pair.Public(), Wire: s.Encode()})
		p.Vote.Chain = icn.ChainBallot(p.Vote.Chain, uint64(i+2), s.ID(), 0, pair.Public())
		vote.Ballots = append(vote.Ballots, tally.Ballot{Voter: pair.DID(), Choice: s.Ops[0].(icn.BallotCast).Choice})
	}
	sortVoters(v.Roll)
	sortBallots(vote.Ballots)
	for _, x := range v.Roll {
		vote.Roll = append(vote.Roll, x.Member)
	}
	p.Vote.Opened, p.Vote.Roll, p.Vote.RollHash, p.Vote.Ballots, p.Vote.Needed, p.Vote.Threshold = 1, uint64(n), icn.RollHash(v.Roll), uint64(n), 1, 500
	p.Count = governance.Count{Closed: uint64(n + 2), Mandates: icn.MandatesHash(nil), Tally: vote.Count()}
	if !p.Count.Tally.Accepted {
		p.Stage = icn.StageRejected
	}
	db := state.NewDB()
	state.NewTable(db, state.Spec[icn.CID, governance.Proposal]{Name: governance.ProposalTable, Key: state.CIDKey, Parse: state.ParseCIDKey,
		Append: governance.AppendProposal, Read: governance.ReadProposal}).Put(id, p)
	v.Row, v.Proof, _ = db.Prove(governance.ProposalTable, state.CIDKey(id))
	c := icn.Checkpoint{Network: genesis.CID, Size: uint64(n + 2), State: db.Root()}
	v.Genesis, v.Note = genesis.Data, c.Note([]icn.NoteSig{{Signer: clerk.DID(), Sig: [64]byte(clerk.Sign([]byte(c.Text())))}})
	return v.Encode()
}

// BenchmarkVerify100k reads, checks and recounts a vote of a hundred thousand, each
// ballot signed by another key. It reports the most memory that was in use, the file
// of 30 MB included.
func BenchmarkVerify100k(b *testing.B) {
	file := large(b, 100_000)
	b.SetBytes(int64(len(file)))
	debug.FreeOSMemory()
	var peak uint64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse+m.StackInuse)
			}
		}
	}()
	for b.Loop() {
		v, err := proof.DecodeVote(file)
		require.NoError(b, err)
		got, err := v.Verify(proof.Expect{})
		require.NoError(b, err)
		require.EqualValues(b, 100_000, got.Recount.Turnout)
	}
	close(stop)
	<-done
	b.ReportMetric(float64(peak)/1e6, "MB")
	b.ReportMetric(float64(len(file))/1e6, "MB-file")
}

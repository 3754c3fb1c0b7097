package core_test

import (
	"fmt"
	"testing"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// BenchmarkBallot folds ballots of 64 members, whose signatures were checked.
func BenchmarkBallot(b *testing.B) {
	f := newFederation(b, founding())
	var ops []icn.Op
	for i := range 64 {
		ops = append(ops, icn.MemberAdmit{Member: did(fmt.Sprint("m", i)), Role: icn.RolePerson, Name: fmt.Sprint("m", i)})
	}
	f.say("n1", ops...)
	f.say("m0", icn.ProposalCreate{Proposal: icn.Proposal{Title: "It", Motion: icn.Declare{Text: "It."}, Method: icn.YesNo, Electorate: icn.Members}})
	id := f.job(0)
	entries := make([]icn.Entry, b.N)
	h := f.m.Head()
	for i := range entries {
		s := f.statement(fmt.Sprint("m", i%64), icn.BallotCast{Proposal: id, Choice: []uint64{icn.Yes}})
		entries[i] = icn.Entry{Index: h.Index + 1 + uint64(i), Time: h.Time, Statement: s, Wire: s.Encode()}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, e := range entries {
		out, err := f.m.Apply(e, core.Checked{Key: e.Statement.Author, OK: true})
		if err != nil || out.Refused != nil {
			b.Fatal(err, out.Refused)
		}
	}
}

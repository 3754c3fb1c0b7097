package icn_test

import (
	"testing"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// benchStatements are a small statement, one that posts a job, and a batch.
func benchStatements() map[string]*icn.Statement {
	batch := make([]icn.Op, 100)
	for i := range batch {
		batch[i] = icn.JobCancel{Job: rawCID("job")}
	}
	return map[string]*icn.Statement{
		"cancel": sampleStatement(icn.JobCancel{Job: rawCID("job")}), "post": sampleStatement(sampleOps()[5]), "batch-of-100": sampleStatement(batch...),
	}
}

func BenchmarkStatementEncode(b *testing.B) {
	for name, s := range benchStatements() { // order: each stands alone
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(s.Encode())))
			for b.Loop() {
				s.Encode()
			}
		})
	}
}

func BenchmarkStatementDecode(b *testing.B) {
	for name, s := range benchStatements() { // order: each stands alone
		b.Run(name, func(b *testing.B) {
			wire := s.Encode()
			b.ReportAllocs()
			b.SetBytes(int64(len(wire)))
			for b.Loop() {
				if _, err := icn.DecodeStatement(wire); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package proof_test

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/proof"
)

var update = flag.Bool("update", false, "write the files in testdata anew")

// TestFilesOfOldHold: a file that was written once is read, and holds, in every later
// release.
func TestFilesOfOldHold(t *testing.T) {
	if *update {
		w, id, v := rich(t)
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile("testdata/vote.icn", v.Encode(), 0o644))
		at := v.Casts[0].Entry
		require.NoError(t, os.WriteFile("testdata/receipt.icn", w.receipt(at, 0).Encode(), 0o644))
		t.Log(id)
	}
	for name, words := range map[string]string{"vote": "yes 9, no 2: more than half; 14 of 21 took part, 5 were needed", "receipt": "signed it: ballot.cast"} {
		file, err := os.ReadFile("testdata/" + name + ".icn")
		require.NoError(t, err)
		r := proof.Check(file, proof.Expect{})
		require.True(t, r.Holds, r.Wrong)
		if r.Vote != nil {
			require.Equal(t, words, r.Vote.Recount.Reason)
			require.Equal(t, icn.StageExecuted, r.Vote.Stage)
		} else {
			require.Contains(t, r.Receipt.Checked[2], words)
		}
	}
}

package launch

import (
	"runtime"
	"sync"

	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
)

// batchSplit is the number of signatures from which a second processor pays.
const batchSplit = 16

// verifyBatch checks signatures on as many processors as there are.
func verifyBatch(sigs []node.SigItem) []bool {
	if len(sigs) == 0 {
		return nil
	}
	items := make([]key.Item, len(sigs))
	for i, s := range sigs {
		items[i] = key.Item(s)
	}
	parts := min(runtime.GOMAXPROCS(0), (len(items)+batchSplit-1)/batchSplit)
	if parts < 2 {
		return key.VerifyBatch(items)
	}
	out := make([]bool, len(items))
	size := (len(items) + parts - 1) / parts
	var done sync.WaitGroup
	for from := 0; from < len(items); from += size {
		to := min(from+size, len(items))
		done.Go(func() { copy(out[from:to], key.VerifyBatch(items[from:to])) })
	}
	done.Wait()
	return out
}

package wire

import (
	"encoding/csv"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// RollColumns are the columns of a roll as CSV, as it is written and as a list of
// members is read.
var RollColumns = []string{"did", "name", "role"}

// RollCSV writes a roll as CSV, with a line that names the columns.
func RollCSV(roll []icn.Voter) []byte {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(RollColumns) // into memory
	for _, v := range roll {
		_ = w.Write([]string{v.Member.String(), v.Name, v.Role.String()})
	}
	w.Flush()
	return []byte(b.String())
}

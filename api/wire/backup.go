package wire

import (
	"fmt"
	"time"

	"github.com/InterCooperative-Network/icn-core/backup"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// Verified is what a check of everything found.
type Verified struct {
	OK        bool     `json:"ok"`
	Deep      bool     `json:"deep"`
	Entries   uint64   `json:"entries"`
	Blocks    int64    `json:"blocks"`
	Bytes     int64    `json:"bytes"`
	TreeRoot  string   `json:"tree_root"`
	StateRoot string   `json:"state_root"`
	Problems  []string `json:"problems"`
}

// VerifiedOf is what people are told of an inspection.
func VerifiedOf(v backup.Inspected) Verified {
	out := Verified{OK: len(v.Problems) == 0, Deep: v.Deep, Entries: v.Entries, Blocks: v.Blocks, Bytes: v.Bytes,
		TreeRoot: fmt.Sprintf("%x", v.Tree), StateRoot: fmt.Sprintf("%x", v.State), Problems: []string{}}
	for _, err := range v.Problems {
		out.Problems = append(out.Problems, err.Error())
	}
	return out
}

// ParseMoment reads 2024-01-31 (midnight here), 2024-01-31T15:04:05Z and the like.
func ParseMoment(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q: want a date such as 2024-01-31, or a time such as 2024-01-31T15:04:05Z", s)
}

// Restored says what a running node took of a backup.
type Restored struct {
	Made    time.Time `json:"made" doc:"When the backup was made."`
	Node    icn.DID   `json:"node" doc:"Whose it is."`
	Blocks  int64     `json:"blocks" doc:"Blocks in it."`
	Added   int64     `json:"added" doc:"Blocks that were missing here."`
	Entries int64     `json:"entries" doc:"Entries of the log that were compared with this node's own."`
}

package icn

import (
	"maps"
	"slices"
)

// Kinds lists the operations this release knows.
func Kinds() []string { return slices.Sorted(maps.Keys(decoders)) }

// AppendOp and ReadOp show one operation without its statement.
var (
	AppendOp = appendOp
	ReadOp   = readOp
)

// AppendMotion and ReadMotion show one motion without its proposal.
var (
	AppendMotion = appendMotion
	ReadMotion   = readMotion
)

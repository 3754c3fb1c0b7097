package wire

import (
	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// Cite names a block.
type Cite struct {
	CID icn.CID `json:"cid"`
}

// Put is a block as JSON. (The other way is the block itself as the body, of
// type application/octet-stream.)
type Put struct {
	Data  Bytes  `json:"data" doc:"The block's bytes: base64, or a list of numbers."`
	Codec string `json:"codec,omitempty" doc:"raw (the default), dag-cbor or dag-pb."`
	Pin   bool   `json:"pin,omitempty" doc:"Keep it for ever."`
}

// Batch is what became of many blocks put in one commit.
type Batch struct {
	CIDs  []icn.CID `json:"cids"`
	Bytes int64     `json:"bytes"`
}

// Limits of a batch: it is one commit.
const (
	MaxBatchBlocks = 4096
	MaxBatchBytes  = 32 << 20
)

// Stored says whether a block is stored at this node.
type Stored struct {
	CID icn.CID `json:"cid"`
	Has bool    `json:"has"`
}

// Pin keeps a tree of blocks.
type Pin struct {
	CID icn.CID  `json:"cid"`
	TTL Duration `json:"ttl,omitempty" doc:"How long: seconds, or as in 36h; absent: for ever."`
}

// Pins are the kept trees.
type Pins struct {
	Pins []dag.PinInfo `json:"pins"`
}

// Prune removes blocks that no pin and no open job reaches.
type Prune struct {
	Grace  Duration `json:"grace,omitempty" doc:"Blocks younger than this stay: seconds, or as in 24h."`
	DryRun bool     `json:"dry_run,omitempty" doc:"Only tell what would go."`
}

// Folder is the content of a UnixFS folder.
type Folder struct {
	Entries []dag.Entry `json:"entries"`
}

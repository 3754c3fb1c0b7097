package order

import pb "go.etcd.io/raft/v3/raftpb"

// EncodeFrame and DecodeFrame let tests speak as another node would.
var (
	EncodeFrame func(*pb.Message) []byte          = encodeFrame
	DecodeFrame func([]byte) (*pb.Message, error) = decodeFrame
)

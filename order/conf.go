package order

import (
	"fmt"
	"slices"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// conf is a configuration and the index of the entry that brought it about.
// Both lists are sorted, disjoint and without duplicates; voters is not empty.
//
// A configuration can be newer than the application's state: after a restart,
// because it is stored with the round that hands its entry out, and after a
// snapshot, see [log.Snapshot]. It is in force all the same, and entries up to its
// index that come by once more change nothing.
type conf struct {
	index            uint64
	voters, learners []uint64
}

func (c conf) state() *pb.ConfState {
	return &pb.ConfState{Voters: slices.Clone(c.voters), Learners: slices.Clone(c.learners), AutoLeave: new(false)}
}

func (c conf) check() error {
	if len(c.voters) == 0 {
		return fmt.Errorf("configuration: %w: no voters", icn.ErrInvalid)
	}
	if len(c.voters)+len(c.learners) > MaxMembers {
		return fmt.Errorf("configuration: %w: %d members, at most %d", icn.ErrInvalid, len(c.voters)+len(c.learners), MaxMembers)
	}
	for _, ids := range [][]uint64{c.voters, c.learners} {
		for i, id := range ids {
			if !validID(id) || i > 0 && ids[i-1] >= id {
				return fmt.Errorf("configuration: %w: id %d is out of order or not allowed", icn.ErrInvalid, id)
			}
		}
	}
	for _, id := range c.learners {
		if _, both := slices.BinarySearch(c.voters, id); both {
			return fmt.Errorf("configuration: %w: %d is voter and learner", icn.ErrInvalid, id)
		}
	}
	return nil
}

// after is the configuration that a change entry leads to, or false for one that
// is refused. Refusal depends on the log alone, so every node refuses alike; raft
// itself would panic on some of what is refused here.
func (c conf) after(entry *pb.Entry) (conf, *pb.ConfChangeV2, bool) {
	cc := &pb.ConfChangeV2{}
	if entry.GetType() != pb.EntryConfChangeV2 || proto.Unmarshal(entry.GetData(), cc) != nil {
		return c, nil, false
	}
	if cc.GetTransition() != pb.ConfChangeTransitionAuto || len(cc.GetChanges()) != 1 || !validID(cc.GetChanges()[0].GetNodeId()) {
		return c, nil, false
	}
	id := cc.GetChanges()[0].GetNodeId()
	next := conf{index: entry.GetIndex(), voters: without(c.voters, id), learners: without(c.learners, id)}
	switch cc.GetChanges()[0].GetType() {
	case pb.ConfChangeAddNode:
		next.voters = with(next.voters, id)
	case pb.ConfChangeAddLearnerNode:
		next.learners = with(next.learners, id)
	case pb.ConfChangeRemoveNode:
	default:
		return c, nil, false
	}
	return next, cc, next.check() == nil
}

func with(ids []uint64, id uint64) []uint64 {
	if k, found := slices.BinarySearch(ids, id); !found {
		return slices.Insert(ids, k, id)
	}
	return ids
}

func without(ids []uint64, id uint64) []uint64 {
	return slices.DeleteFunc(slices.Clone(ids), func(x uint64) bool { return x == id })
}

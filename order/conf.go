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
type conf struct {
	index            uint64
	voters, learners []uint64
}

// confs is the history of configurations, oldest first: as much of it as the log
// that is left can need.
type confs []conf

func (h confs) newest() conf { return h[len(h)-1] }

// upTo is the history as it was at an index. After a snapshot the oldest
// configuration known may be newer than the state (see [log.Snapshot]); it is
// then in force at once, and entries up to its index change nothing.
func (h confs) upTo(index uint64) confs {
	k := len(h)
	for k > 1 && h[k-1].index > index {
		k--
	}
	return slices.Clip(h[:k])
}

// outlived is how many of the oldest configurations nobody can ask for any more
// once the log begins after base.
func (h confs) outlived(base uint64) int {
	k := 0
	for k+1 < len(h) && h[k+1].index <= base {
		k++
	}
	return k
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

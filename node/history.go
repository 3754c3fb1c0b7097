package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mana"
	"github.com/InterCooperative-Network/icn-core/store"
)

// History is a federation's log as a store holds it, and what follows from it.
type History struct {
	Network   icn.CID
	Genesis   []byte
	Name      string
	Entries   uint64 // the log's length
	Time      icn.Time
	Tree      [32]byte // of its Merkle tree
	State     [32]byte
	Totals    mana.Totals
	Certified string // the last checkpoint that a majority of the clerks signed, as a note; "" when there is none
	Seat      Seat   // of this node in the order
	Peers     []Peer
	First     uint64 // entries before this one are not here yet, if it is above 1
	store     store.Store
}

// Seat is a place in the order, and how often it was taken.
type Seat struct {
	RaftID uint64 `json:"raft_id"`
	Boot   uint64 `json:"boot"`
}

// Log calls f for each entry from one index to another, both included, in the
// form of Merkle leaves; the slice is only valid during the call. A missing entry
// is icn.ErrCorrupt.
func (h History) Log(from, to uint64, f func(index uint64, leaf []byte) error) error {
	next := from
	var bad error
	err := h.store.Scan(store.Range{From: EntryKey(from), To: EntryKey(to + 1)}, func(k, v []byte) bool {
		if n := binary.BigEndian.Uint64(k[len(k)-8:]); n != next {
			return false
		}
		bad = f(next, v)
		next++
		return bad == nil
	})
	if err = errors.Join(err, bad); err != nil {
		return err
	}
	if next != to+1 {
		return fmt.Errorf("entry %d: %w: it is missing", next, icn.ErrCorrupt)
	}
	return nil
}

// Before is the last entry with a log time before t; 0 when there is none.
func (h History) Before(t icn.Time) (uint64, error) {
	var bad error
	n := sort.Search(int(h.Entries), func(i int) bool {
		v, err := h.store.Get(EntryKey(uint64(i) + 1))
		var e *icn.Entry
		if err == nil {
			e, err = icn.DecodeEntry(v)
		}
		if err != nil {
			bad = fmt.Errorf("entry %d: %w", i+1, err)
			return true
		}
		return e.Time >= t
	})
	return uint64(n), bad
}

// Signer is the node's key.
func (n *Node) Signer() Signer { return n.cfg.Key }

// Checker tells good signatures, as this node does.
func (n *Node) Checker() Checker { return Checker{n.cfg.Verify, n.cfg.VerifyBatch} }

// History is what this node holds at the moment.
func (n *Node) History(ctx context.Context) (h History, err error) {
	err = n.ask(ctx, func(l *Loop) {
		l.mu.Lock() // the root is brought up to date
		h = historyOf(l.m)
		l.mu.Unlock()
		h.Genesis, h.store = l.cfg.Genesis.Data, l.st
		_, h.Certified = l.Certified()
		h.Seat = Seat{l.seat.raftID, l.seat.boot}
		h.Peers = l.Welcome(l.me).Peers
		if l.gap.shadow != nil {
			h.First = l.gap.end + 1
		}
	})
	return h, err
}

func historyOf(m *core.Machine) History {
	head := m.Head()
	_, tree := m.Tree()
	return History{Network: m.Network(), Name: m.Genesis().Name, Entries: head.Index, Time: head.Time, Tree: tree, State: m.Root(), Totals: m.Totals(), First: 1}
}

// ReadHistory is what a store at rest holds: that of the federation which its node
// works in.
func ReadHistory(s store.Store, verify core.Verify) (h History, err error) {
	if err := checkWhole(s); err != nil {
		return h, err
	}
	v, err := s.Get(keyNetwork)
	if err != nil {
		return h, fmt.Errorf("store: %w: it holds no federation", err)
	}
	network, err := icn.CastCID(v)
	if err != nil {
		return h, fmt.Errorf("store: %w: network: %v", icn.ErrCorrupt, err)
	}
	st := NetworkStore(s, network)
	genesis, err := st.Get([]byte(keyGenesis))
	if err != nil {
		return h, fmt.Errorf("store: genesis: %w", err)
	}
	block := icn.NewBlock(icn.DagCBOR, genesis)
	if block.CID != network {
		return h, fmt.Errorf("store: %w: the genesis is not that of %s", icn.ErrCorrupt, network)
	}
	now, err := openState(st, block, verify)
	if err != nil {
		return h, err
	}
	h = historyOf(now.m)
	h.Genesis, h.store = genesis, st
	for key, take := range map[string]func([]byte) error{ // order: each fills another field
		keyCert: func(v []byte) error { h.Certified = string(v); return nil },
		keySeat: func(v []byte) error {
			n, err := decodeUints(v, 2)
			if err == nil {
				h.Seat = Seat{n[0], n[1]}
			}
			return err
		},
		keyGap: func(v []byte) error {
			n, err := decodeUints(v, 2)
			if err == nil {
				h.First = n[1] + 1
			}
			return err
		},
	} {
		v, err := st.Get([]byte(key))
		if errors.Is(err, icn.ErrNotFound) {
			continue
		}
		if err == nil {
			err = take(v)
		}
		if err != nil {
			return h, fmt.Errorf("store: %s: %w", key, err)
		}
	}
	for _, p := range now.m.Nodes() {
		x, _ := now.m.Node(p.DID)
		known := Peer{DID: p.DID, RaftID: p.RaftID, Addrs: x.Addrs}
		if now.m.KeyOf(p.DID) != p.DID {
			if known.Rotations, err = rotations(st, []icn.DID{p.DID}); err != nil {
				return h, err
			}
		}
		h.Peers = append(h.Peers, known)
	}
	return h, nil
}

// chain is what a store's records lead to.
type chain struct {
	m      *core.Machine
	folded uint64 // the last entry whose records are stored
	raftAt uint64 // the snapshot's place in the order
	snapAt uint64 // the snapshot's entry
	skip   uint64 // entries beyond that place that came from a feeder or the records

	skipTime icn.Time // of the last entry before those
}

// openState folds what a network's part of a store holds: the last snapshot, and
// the records beyond it. All of it was committed once, so a node knows what it
// knew before others can be reached.
func openState(st store.Store, genesis icn.Block, verify core.Verify) (s chain, err error) {
	if s.folded, err = getUint(st, []byte(keyFolded)); err != nil {
		return s, err
	}
	snap, err := st.Get([]byte(keySnapshot))
	switch {
	case err == nil:
		kept, err := decodeSnapshot(snap)
		if err != nil {
			return s, err
		}
		s.raftAt, s.skip, s.skipTime = kept.raftAt, kept.skip, kept.skipTime
		if s.m, err = core.Restore(genesis, verify, kept.data); err != nil {
			return s, fmt.Errorf("snapshot at raft index %d: %w", s.raftAt, err)
		}
	case errors.Is(err, icn.ErrNotFound):
		if s.m, err = core.New(genesis, verify); err != nil {
			return s, err
		}
	default:
		return s, fmt.Errorf("open: %w", err)
	}
	from := s.m.Head().Index
	if s.snapAt = from; s.skip == 0 {
		s.skipTime = s.m.Head().Time
	}
	if s.folded > from {
		h := History{store: st}
		err = h.Log(from+1, s.folded, func(index uint64, leaf []byte) error {
			return known(st, s.m, index, slices.Clone(leaf))
		})
	}
	s.skip += s.m.Head().Index - from
	return s, err
}

// snapshot is a state as it is kept for the next start.
type snapshot struct {
	raftAt   uint64   // its place in the order,
	skip     uint64   // or how many entries beyond that it is,
	skipTime icn.Time // and the time of the last entry before those
	data     []byte
}

func (s snapshot) encode() []byte {
	v := icn.AppendUint(icn.AppendUint(icn.AppendArray(make([]byte, 0, len(s.data)+32), 4), s.raftAt), s.skip)
	return icn.AppendBytes(icn.AppendTime(v, s.skipTime), s.data)
}

func decodeSnapshot(v []byte) (snapshot, error) {
	r := icn.NewReader(v)
	r.Tuple(4)
	s := snapshot{raftAt: r.Uint(), skip: r.Uint(), skipTime: r.Time(), data: r.Bytes(len(v))}
	if err := r.Close(); err != nil {
		return s, fmt.Errorf("snapshot: %w: %v", icn.ErrCorrupt, err)
	}
	return s, nil
}

// known folds an entry that was checked when it was stored.
func known(st store.Store, m *core.Machine, index uint64, leaf []byte) error {
	e, err := icn.DecodeEntry(leaf)
	if err != nil {
		return fmt.Errorf("record of entry %d: %w: %v", index, icn.ErrCorrupt, err)
	}
	if _, err := m.Apply(*e, trusted(st, m, *e)); err != nil {
		return fmt.Errorf("record of entry %d: %w: %v", index, icn.ErrCorrupt, err)
	}
	return nil
}

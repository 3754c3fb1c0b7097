package node

import (
	"errors"
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// seat is this node's place in the order. Before it takes part after a restart,
// other clerks compare what it says about itself with what they remember of the
// seat: a restored or copied store is told so, and never votes.
type seat struct {
	raftID    uint64
	boot      uint64
	confirmed bool
	since     icn.Time
	acks      map[icn.DID]bool
	stale     bool     // told that this seat is over
	asked     icn.Time // when a new seat was last asked for
	number    uint64   // a statement number that is surely free
}

// memory is what a node remembers of a seat, its own or another's: what it said
// last about its boot number, its term, and how far it knew the order committed.
type memory struct{ boot, term, commit uint64 }

// outlived says whether a seat that now shows these values has lost something
// that it once told.
func (m memory) outlived(boot, term, last uint64) bool {
	return boot < m.boot || term < m.term || last < m.commit
}

func (l *Loop) openSeat() error {
	v, err := l.st.Get([]byte(keySeat))
	switch {
	case errors.Is(err, icn.ErrNotFound):
		l.seat.raftID = l.cfg.RaftID
		if l.seat.raftID == 0 {
			g, err := icn.DecodeGenesis(l.cfg.Genesis.Data)
			if err != nil {
				return err
			}
			l.seat.raftID = uint64(1 + slices.IndexFunc(g.Nodes, func(n icn.GenesisNode) bool { return n.DID == l.me }))
		}
		if l.seat.raftID == 0 {
			return fmt.Errorf("open: %w: this node is not in the genesis of %s and has no seat there", icn.ErrDenied, l.cfg.Genesis.CID)
		}
	case err != nil:
		return fmt.Errorf("open: %w", err)
	default:
		n, err := decodeUints(v, 2)
		if err != nil {
			return fmt.Errorf("seat: %w: %v", icn.ErrCorrupt, err)
		}
		l.seat.raftID, l.seat.boot = n[0], n[1]
		if l.cfg.RaftID > l.seat.raftID {
			l.seat.raftID, l.seat.boot = l.cfg.RaftID, 0
		}
	}
	l.seat.boot++
	l.seat.acks, l.seat.since = map[icn.DID]bool{}, l.now
	// A seat that was never used before has nothing to have forgotten.
	l.seat.confirmed = l.seat.boot == 1
	b := &store.Batch{}
	b.Put([]byte(keySeat), seatValue(l.seat))
	return l.st.Apply(b)
}

// openRestored gives up the seat of a store that came from a backup: how often it
// was used since then, nobody here knows.
func (l *Loop) openRestored() error {
	_, err := l.st.Get([]byte(keyRestored))
	if errors.Is(err, icn.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	l.seat.stale = true
	l.alarm("seat", "this store came from a backup; asking for a new seat in the order")
	return nil
}

func seatValue(s seat) []byte { return uintsFrame(0, s.raftID, s.boot)[1:] }

// seated says whether this node takes part in the order.
func (l *Loop) seated() bool {
	if l.eng == nil || l.seat.stale {
		return false
	}
	if l.seat.confirmed {
		return true
	}
	clerks := l.m.Clerks()
	others, silent := 0, 0
	for _, c := range clerks {
		if c.DID == l.me {
			continue
		}
		others++
		if l.peer(c.DID).linked && !l.seat.acks[c.DID] {
			silent++
		}
	}
	need := 1
	if others < len(clerks) {
		need = len(clerks) / 2 // a majority, together with this node
	}
	if len(l.seat.acks) >= min(need, others) && (silent == 0 || l.now > l.seat.since+seatGrace) {
		l.seat.confirmed = true
		l.calm("seat")
		return true
	}
	l.alarm("seat", "waiting for other clerks before taking part in the order again")
	return false
}

// seatGrace is how long a node with enough answers still waits for those that
// can be reached: one of them may remember more than the others.
const seatGrace = 500

// onSeen counts a clerk's word that this seat's memory is whole.
func (l *Loop) onSeen(from icn.DID, p []byte) error {
	n, err := decodeUints(p, 2)
	if err != nil {
		return err
	}
	if n[0] == l.seat.raftID && n[1] == l.seat.boot && l.m.IsNode(from) {
		l.seat.acks[from] = true
	}
	return nil
}

// onStale: another node remembers more of this seat than this store does. What
// it remembers is compared here once more, because frames can be late.
func (l *Loop) onStale(from icn.DID, p []byte) error {
	n, err := decodeUints(p, 5)
	if err != nil {
		return err
	}
	st := l.eng.Status()
	if n[0] != l.seat.raftID || !l.seat.stale && !(memory{n[1], n[2], n[3]}).outlived(l.seat.boot, st.Term, st.Last) {
		return nil
	}
	if !l.seat.stale {
		l.alarm("seat", ErrSuperseded.Error()+"; asking for a new seat")
	}
	l.seat.stale = true
	l.seat.number = max(l.seat.number, n[4])
	l.askSeat(from)
	return nil
}

// askSeat hands a signed wish for a new seat to a peer, which orders it.
func (l *Loop) askSeat(to icn.DID) {
	if l.seat.asked != 0 && l.now < l.seat.asked+icn.Time(l.tune.BeaconMillis) {
		return
	}
	l.seat.asked = l.now
	s := &icn.Statement{Network: l.m.Network(), Author: l.me, Number: max(l.seat.number, l.m.NextNumber(l.me)),
		Ops: []icn.Op{icn.NodeRejoin{Reason: "its store is older than what the federation saw of it"}}}
	s.Sig = [64]byte(l.cfg.Signer.Sign(s.SigningBytes()))
	l.cfg.Send(to, Live, append([]byte{frameRejoin}, s.Encode()...))
}

// onRejoin orders a returning node's wish for a new seat, and welcomes it there.
func (l *Loop) onRejoin(from icn.DID, p []byte) error {
	s, err := icn.DecodeStatement(p)
	if err != nil {
		return err
	}
	if s.Author != from || len(s.Ops) != 1 || s.Ops[0].Kind() != (icn.NodeRejoin{}).Kind() {
		return fmt.Errorf("rejoin: %w: not this node's wish", icn.ErrDenied)
	}
	if n, ok := l.m.Node(from); ok && n.RaftID > l.peer(from).beacon.RaftID && l.peer(from).beacon.RaftID != 0 {
		l.welcome(from) // it has one already, and has not heard of it
		return nil
	}
	return l.Say(s, p, func(a Answer) {
		if a.Err == nil && a.Index > 0 {
			l.welcome(from)
		}
	})
}

func (l *Loop) welcome(to icn.DID) {
	w := l.Welcome(to)
	l.cfg.Send(to, Live, append([]byte{frameWelcome}, w.Encode()...))
}

// Welcome is what a node needs to take its seat.
func (l *Loop) Welcome(to icn.DID) Welcome {
	w := Welcome{Genesis: l.cfg.Genesis.Data}
	if n, ok := l.m.Node(to); ok {
		w.RaftID = n.RaftID
	}
	for _, p := range l.m.Nodes() {
		n, _ := l.m.Node(p.DID)
		known := Peer{DID: p.DID, RaftID: p.RaftID, Addrs: n.Addrs}
		if l.m.KeyOf(p.DID) != p.DID {
			var err error
			if known.Rotations, err = rotations(l.st, []icn.DID{p.DID}); err != nil {
				l.cfg.Log.Warn("a peer is not told how another one's key was rotated", "peer", to, "of", p.DID, "error", err)
			}
		}
		w.Peers = append(w.Peers, known)
	}
	return w
}

// onWelcome takes the new seat, with the records that are here.
func (l *Loop) onWelcome(_ icn.DID, p []byte) error {
	w, err := DecodeWelcome(p)
	if err != nil {
		return err
	}
	if !l.seat.stale || w.RaftID <= l.seat.raftID || icn.SumCID(icn.DagCBOR, w.Genesis) != l.cfg.Genesis.CID {
		return nil
	}
	b := &store.Batch{}
	next := seat{raftID: w.RaftID, boot: 1, confirmed: true, acks: map[icn.DID]bool{}}
	b.Put([]byte(keySeat), seatValue(next))
	b.Delete([]byte(keySnapshot)) // its place in the order was the old seat's
	b.Delete([]byte(keyRestored))
	if l.gap.shadow != nil { // the records do not begin at the beginning: they come again
		b.Delete([]byte(keyFolded))
		b.Delete([]byte(keyGap))
		l.gap = gap{}
	}
	b.Put([]byte(keyPeers), Welcome{Peers: w.Peers}.Encode())
	if err := l.st.Apply(b); err != nil {
		return fmt.Errorf("take the new seat: %w", err)
	}
	l.seat = next
	l.cfg.Hints = w.Peers
	if err := l.openState(); err != nil {
		return err
	}
	l.updateRoster()
	l.calm("seat")
	return l.openOrder()
}

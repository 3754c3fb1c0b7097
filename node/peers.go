package node

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/order"
	"github.com/InterCooperative-Network/icn-core/store"
)

// roster maps nodes to their seats, from the log and, until the log tells, from
// what was told when joining.
type roster struct {
	nodes   []icn.DID // all but this one
	byRaft  map[uint64]icn.DID
	raftOf  map[icn.DID]uint64
	parting []icn.DID       // nodes that have left, and are not let go yet
	rank    map[icn.DID]int // how the log comes to each
}

type peers struct {
	all      map[icn.DID]*peer
	memories map[uint64]memory // by Raft id
	beaconAt icn.Time
	lead     uint64
	claims   map[icn.DID]uint64 // seats that nodes say they have, newer than the log tells here
	rosterAt uint64             // the last entry that changed who belongs
	electAt  icn.Time           // an early election, after the link to the leader broke
	distrust distrust
	leaving  map[icn.DID]icn.Time // nodes that have left just now, and how long they stay linked
}

// peer is what is known of another node at this moment.
type peer struct {
	linked bool
	lostAt icn.Time
	beacon beacon
	heard  icn.Time
	skew   int64 // its clock minus this one, in ms
	rtt    uint64
	missed int // bid windows without an answer
}

func (l *Loop) initPeers() {
	l.peers = peers{all: map[icn.DID]*peer{}, memories: map[uint64]memory{}, claims: map[icn.DID]uint64{}, leaving: map[icn.DID]icn.Time{}}
}

func (l *Loop) peer(d icn.DID) *peer {
	p, ok := l.peers.all[d]
	if !ok {
		p = &peer{lostAt: l.now}
		l.peers.all[d] = p
	}
	return p
}

func (l *Loop) updateRoster() {
	r := roster{byRaft: map[uint64]icn.DID{}, raftOf: map[icn.DID]uint64{}, rank: l.ranks()}
	for _, p := range l.m.Nodes() {
		r.byRaft[p.RaftID], r.raftOf[p.DID] = p.DID, p.RaftID
		if p.DID != l.me {
			r.nodes = append(r.nodes, p.DID)
		}
	}
	for _, h := range l.cfg.Hints {
		// One with an older seat than the log knows is a node that has left.
		if n, active := l.m.Node(h.DID); !active && h.RaftID > n.RaftID && h.DID != l.me && !slices.Contains(r.nodes, h.DID) {
			r.byRaft[h.RaftID], r.raftOf[h.DID] = h.DID, h.RaftID
			r.nodes = append(r.nodes, h.DID)
		}
	}
	r.parting = l.parting(&r)
	for _, d := range r.nodes {
		if id := l.peers.claims[d]; id > r.raftOf[d] && r.byRaft[id].IsZero() {
			delete(r.byRaft, r.raftOf[d])
			r.byRaft[id], r.raftOf[d] = d, id
		}
	}
	l.mu.Lock()
	l.roster = r
	l.mu.Unlock()
}

// sendRoster helps a peer that has not read the log up to the last change of who
// belongs: the leader may be a node that it does not know.
func (l *Loop) sendRoster(to icn.DID, b beacon) {
	if b.Head < l.peers.rosterAt {
		l.cfg.Send(to, Live, append([]byte{frameRoster}, l.Welcome(to).Encode()...))
	}
}

func (l *Loop) onRoster(_ icn.DID, p []byte) error {
	w, err := DecodeWelcome(p)
	if err != nil {
		return err
	}
	if icn.SumCID(icn.DagCBOR, w.Genesis) != l.cfg.Genesis.CID {
		return fmt.Errorf("roster: %w: of another federation", icn.ErrInvalid)
	}
	l.cfg.Hints = w.Peers
	for _, h := range w.Peers {
		l.peers.claims[h.DID] = max(l.peers.claims[h.DID], h.RaftID)
	}
	l.updateRoster()
	l.batch.Put([]byte(keyPeers), Welcome{Peers: w.Peers}.Encode())
	if l.cfg.Learned != nil {
		l.cfg.Learned(w.Peers)
	}
	return nil
}

// Roster lists the other nodes of the federation. It may be called from any
// goroutine.
func (l *Loop) Roster() []icn.DID {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.Clone(l.roster.nodes)
}

// Linked tells that a peer can be reached.
func (l *Loop) Linked(d icn.DID) {
	l.peer(d).linked = true
	l.sendBeacon(d)
	l.resend()
}

// Lost tells that the link to a peer broke. If it led, an election starts early.
func (l *Loop) Lost(d icn.DID) {
	p := l.peer(d)
	p.linked, p.lostAt = false, l.now
	l.auctionsLost(d)
	if lead, ok := l.leader(); l.seated() && ok && lead == d {
		l.eng.ForgetLeader()
		l.peers.electAt = l.now + icn.Time(l.tune.EarlyElectMillis+l.cfg.Jitter(5*l.tune.EarlyElectMillis))
	}
}

// RoundTrip notes how far away a peer is.
func (l *Loop) RoundTrip(d icn.DID, micros uint64) { l.peer(d).rtt = micros }

func (l *Loop) tickPeers() {
	l.tickParting()
	if l.now >= l.peers.beaconAt {
		l.peers.beaconAt = l.now + icn.Time(l.tune.BeaconMillis)
		for _, d := range l.roster.nodes {
			l.sendBeacon(d)
		}
		l.checkLogTime()
		l.tickDistrust()
	}
	if l.peers.electAt != 0 && l.now >= l.peers.electAt {
		l.peers.electAt = 0
		if lead, _ := l.eng.Leader(); l.seated() && lead == 0 {
			l.eng.Campaign()
		}
	}
	if l.seated() {
		if lead, _ := l.eng.Leader(); lead != l.peers.lead {
			l.peers.lead = lead
			if lead != 0 {
				l.resend()
			}
		}
	}
}

func (l *Loop) sendBeacon(to icn.DID) {
	free, _ := l.free(icn.DID{})
	b := beacon{RaftID: l.seat.raftID, Boot: l.seat.boot, Head: l.m.Head().Index, Clock: l.now, Free: free, Certified: l.points.certified, Release: l.cfg.Release}
	switch {
	case l.seat.stale:
		b.Unsure = seatOver
	case !l.seated():
		b.Unsure = 1
	}
	if l.eng != nil {
		st := l.eng.Status()
		b.Term, b.Last, b.Commit, b.Leader = st.Term, st.Last, st.Commit, st.Leader
		if l.eng.Votes() || l.isVoter() {
			b.Votes = 1
		}
	}
	l.cfg.Send(to, Live, b.encode())
}

func (l *Loop) onBeacon(from icn.DID, body []byte) error {
	b, err := decodeBeacon(body)
	if err != nil {
		return err
	}
	p := l.peer(from)
	p.linked, p.beacon, p.heard = true, b, l.now
	p.skew = int64(b.Clock - l.now)
	l.checkClocks()
	known, err := l.memory(b.RaftID)
	if err != nil {
		return err
	}
	if n, ok := l.m.Node(from); ok && n.RaftID > b.RaftID {
		known.boot = ^uint64(0) // that seat is over
	}
	if b.Unsure == seatOver || b.Unsure != 0 && known.outlived(b.Boot, b.Term, b.Last) || b.Boot < known.boot {
		l.cfg.Send(from, Live, uintsFrame(frameStale, b.RaftID, known.boot, known.term, known.commit, l.m.NextNumber(from)))
		return nil
	}
	news := b.Boot != known.boot
	next := memory{b.Boot, max(known.term, b.Term), max(known.commit, b.Commit)}
	if next != known {
		l.peers.memories[b.RaftID] = next
		l.batch.Put(uintKey(keyBoot, b.RaftID), uintsFrame(0, next.boot, next.term, next.commit)[1:])
	}
	if news || b.Unsure != 0 {
		l.late = append(l.late, out{from, Live, uintsFrame(frameSeen, b.RaftID, b.Boot)})
	}
	if b.RaftID > l.roster.raftOf[from] {
		l.peers.claims[from] = b.RaftID
		l.updateRoster()
	}
	l.sendRoster(from, b)
	l.offerSignature(from, b)
	return nil
}

func (l *Loop) memory(raftID uint64) (memory, error) {
	if m, ok := l.peers.memories[raftID]; ok {
		return m, nil
	}
	v, err := l.st.Get(uintKey(keyBoot, raftID))
	if errors.Is(err, icn.ErrNotFound) {
		return memory{}, nil
	}
	if err != nil {
		return memory{}, err
	}
	n, err := decodeUints(v, 3)
	if err != nil {
		return memory{}, fmt.Errorf("memory of seat %d: %w: %v", raftID, icn.ErrCorrupt, err)
	}
	return memory{n[0], n[1], n[2]}, nil
}

// checkClocks alarms when a peer's clock is far from this one's.
func (l *Loop) checkClocks() {
	off, heard := 0, 0
	var worst int64
	for _, d := range l.roster.nodes {
		p := l.peer(d)
		if p.heard == 0 {
			continue
		}
		heard++
		if abs(p.skew) > l.tune.SkewMillis {
			off++
			worst = p.skew
		}
	}
	if off == 0 {
		l.calm("clock")
		return
	}
	whose := fmt.Sprintf("the clocks of %d of %d peers differ", off, heard)
	if off*2 > heard {
		whose = "this machine's clock differs from most peers'"
	}
	l.alarm("clock", fmt.Sprintf("%s by about %d s; check time synchronisation (timedatectl)", whose, worst/1000))
}

func abs(n int64) int64 { return max(n, -n) }

// trusted says whether a peer may lead: not when its clock, which stamps the log
// then, is far off or not known yet, nor for a while after it has left out
// statements.
func (l *Loop) trusted(d icn.DID) bool {
	p := l.peer(d)
	return p.heard != 0 && abs(p.skew) <= l.tune.SkewMillis && !l.peers.distrust.covers(d, l.now)
}

func (l *Loop) sendOrder(ms []order.Message) {
	for _, m := range ms {
		to, ok := l.roster.byRaft[m.To]
		if !ok {
			continue
		}
		kind := Live
		if m.Bulk {
			kind = Bulk
		}
		l.cfg.Send(to, kind, append([]byte{frameRaft}, m.Frame...))
	}
}

func (l *Loop) onRaft(from icn.DID, p []byte) error {
	if !l.seated() {
		return nil
	}
	if order.Leads(p) && !l.trusted(from) {
		if lead, ok := l.leader(); ok && lead == from {
			l.eng.ForgetLeader()
			l.peers.electAt = l.now + icn.Time(l.tune.EarlyElectMillis+l.cfg.Jitter(20*l.tune.EarlyElectMillis))
		}
		return nil
	}
	raftID, ok := l.roster.raftOf[from]
	if !ok {
		return nil
	}
	if err := l.eng.Step(raftID, p); err != nil {
		if errors.Is(err, icn.ErrInvalid) {
			return nil
		}
		return err
	}
	if lead, _ := l.eng.Leader(); lead == raftID {
		l.fed.raft = l.now
	}
	return nil
}

// PeerStatus is what a node knows of another at this moment.
type PeerStatus struct {
	DID     icn.DID `json:"did"`
	RaftID  uint64  `json:"raft_id"`
	Head    uint64  `json:"head"`
	SkewMS  int64   `json:"clock_skew_ms"`
	Free    uint64  `json:"free_slots"`
	Release string  `json:"release"`
	Linked  bool    `json:"linked"`
}

func (l *Loop) peerStatus() []PeerStatus {
	var out []PeerStatus
	for _, d := range l.roster.nodes {
		p := l.peer(d)
		out = append(out, PeerStatus{d, p.beacon.RaftID, p.beacon.Head, p.skew, p.beacon.Free, p.beacon.Release, p.linked})
	}
	return out
}

// sortedDIDs lists a set of DIDs in the order of their bytes.
func sortedDIDs[V any](m map[icn.DID]V) []icn.DID {
	return slices.SortedFunc(maps.Keys(m), func(a, b icn.DID) int { return bytes.Compare(a[:], b[:]) })
}

func getUint(st store.Store, key []byte) (uint64, error) {
	v, err := st.Get(key)
	if errors.Is(err, icn.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := decodeUints(v, 1)
	if err != nil {
		return 0, fmt.Errorf("value %q: %w: %v", key, icn.ErrCorrupt, err)
	}
	return n[0], nil
}

func uintValue(n uint64) []byte { return uintsFrame(0, n)[1:] }

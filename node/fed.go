package node

import (
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// fed is what a node keeps that is not in the order's configuration, or hears
// nothing of the order: another node feeds it the log. Statements are signed, so a
// feeder can only reorder, leave out and mistime; what it sends is applied at once
// and in doubt until clerks have confirmed the log so far.
type fed struct {
	from      icn.DID              // who feeds this node; zero: nobody
	hints     []icn.DID            // named by one that feeds enough others
	avoid     map[icn.DID]icn.Time // not asked again before
	raft      icn.Time             // when the order was last heard of
	moved     icn.Time             // when the last entry came, or the feeder was chosen
	asked     icn.Time             // when it was last told how far this node is
	asks      uint64               // the entry asked for then
	doubt     []stretch            // came from feeders, and is not confirmed
	suspects  []suspect            // of whom one has lied, until it is known who
	misfits   []icn.DID            // what they sent does not follow the last entry here
	liars     map[icn.DID]bool     // they are never asked again
	wrong     string               // the log here is not the federation's: why
	anew      int                  // how often it was read again
	unseen    bool                 // duties were not looked at while catching up
	confirmed uint64               // a clerk has the same log up to here
	wants     uint64               // somebody waits for a clerk's word on this entry
	wanted    struct {             // the last question to a clerk
		size uint64
		at   icn.Time
		turn int
	}
}

// Who is fed by whom: the leader feeds clerks and the first learners, these feed
// the others, and so on. Who is asked first has the lowest rank.
const (
	rankFed   = 0
	rankNamed = 1 // an outer one that another feeder named
	rankOuter = 2
	rankClerk = 3
)

func (l *Loop) initFed() {
	l.fed = fed{avoid: map[icn.DID]icn.Time{}, liars: map[icn.DID]bool{}, raft: l.now}
	l.feeds.to = map[icn.DID]*follower{}
}

// fedLearners are the learners that the leader feeds: the first ones, and those that
// were voters and have not heard that they are no longer, for they take the log from
// nobody else.
func (l *Loop) fedLearners() []uint64 {
	var out []uint64
	for i, p := range l.m.Learners() {
		if b := l.peer(p.DID).beacon; i < l.tune.Fed || p.DID != l.me && l.present(p.DID) && b.RaftID == p.RaftID && b.Votes == 1 {
			out = append(out, p.RaftID)
		}
	}
	return out
}

// ranks says how the log comes to each node.
func (l *Loop) ranks() map[icn.DID]int {
	out := map[icn.DID]int{}
	for _, p := range l.m.Clerks() {
		out[p.DID] = rankClerk
	}
	for i, p := range l.m.Learners() {
		out[p.DID] = rankOuter
		if i < l.tune.Fed {
			out[p.DID] = rankFed
		}
	}
	return out
}

// Feeder is who feeds this node the log; false when that comes from the order.
func (l *Loop) Feeder() (icn.DID, bool) { return l.fed.from, !l.fed.from.IsZero() }

// rank of a node that the log does not tell of yet is that of one that came last.
func (l *Loop) rank(d icn.DID) int {
	if r, ok := l.roster.rank[d]; ok {
		return r
	}
	return rankOuter
}

// outer says whether this node takes the log from a feeder: it has no voice in the
// order, and the order has been silent for a while. A voter never does.
func (l *Loop) outer() bool {
	silence := 20 * l.tune.TickMillis // five heartbeats
	if _, told := l.roster.rank[l.me]; !told || l.rank(l.me) != rankOuter {
		silence = max(3*silence, l.tune.BeaconMillis)
	}
	return l.now >= l.fed.raft+icn.Time(silence) && !l.isVoter() && l.seated() && !l.eng.Votes()
}

// isVoter says whether this node is a clerk, as far as the log here goes. Where the
// log tells of another seat, it is old: who was a clerk then may be one of the last
// now.
func (l *Loop) isVoter() bool {
	return l.rank(l.me) == rankClerk && l.roster.raftOf[l.me] == l.seat.raftID
}

// tickFed sees to it that an outer node has a feeder.
func (l *Loop) tickFed() {
	f := &l.fed
	if !l.outer() {
		f.from = icn.DID{}
		return
	}
	if !f.from.IsZero() && l.poorFeeder(f.from) {
		l.leaveFeeder()
	}
	switch {
	case f.from.IsZero():
		l.chooseFeeder()
	case l.now >= f.asked+icn.Time(l.tune.BeaconMillis):
		l.follow(false)
	}
	l.tickAssure()
}

// poorFeeder says whether another one would do better: this one is away, or does
// not bring what the clerks have.
func (l *Loop) poorFeeder(d icn.DID) bool {
	return !l.presentable(d) || l.now >= l.fed.moved+icn.Time(2*l.tune.BeaconMillis) && l.lagging()
}

// lagging says whether most clerks were further than this node when they last told.
// Other nodes do not count: those that feed each other stand still together.
func (l *Loop) lagging() bool {
	head, linked, ahead := l.m.Head().Index, 0, 0
	for _, x := range l.roster.nodes {
		if l.rank(x) == rankClerk && l.present(x) {
			linked++
			if l.peer(x).beacon.Head > head {
				ahead++
			}
		}
	}
	return 2*ahead > linked
}

// presentable says whether a node may be a feeder: it is there, and nothing speaks
// against its word.
func (l *Loop) presentable(d icn.DID) bool { return l.present(d) && !l.fed.liars[d] }

// present says whether a node can be reached, and has told how far it is.
func (l *Loop) present(d icn.DID) bool {
	p := l.peer(d)
	return p.linked && p.heard != 0 && l.now < p.heard+icn.Time(3*l.tune.BeaconMillis)
}

func (l *Loop) leaveFeeder() {
	l.fed.avoid[l.fed.from] = l.now + icn.Time(5*l.tune.BeaconMillis)
	l.fed.from = icn.DID{}
}

// chooseFeeder asks one of the best ranked, by chance, so that a tree grows.
func (l *Loop) chooseFeeder() {
	f := &l.fed
	if l.now < f.asked+icn.Time(l.tune.TickMillis) {
		return
	}
	var best []icn.DID
	for _, wary := range []bool{true, false} { // suspects only when there is nobody else
		if best = l.candidates(wary); len(best) > 0 {
			break
		}
	}
	if len(best) == 0 {
		return
	}
	f.from = best[l.cfg.Jitter(int64(len(best)))]
	f.hints, f.moved = nil, l.now
	l.follow(true)
}

func (l *Loop) candidates(wary bool) (best []icn.DID) {
	need, rank := l.m.Head().Index, rankClerk+1
	if l.lagging() {
		need++
	}
	for _, d := range l.roster.nodes {
		if !l.presentable(d) || l.now < l.fed.avoid[d] || l.feeds.to[d] != nil || wary && l.suspected(d) || l.peer(d).beacon.Head < need {
			continue
		}
		r := l.rank(d)
		if r == rankOuter && slices.Contains(l.fed.hints, d) {
			r = rankNamed
		}
		if r < rank {
			best, rank = nil, r
		}
		if r == rank {
			best = append(best, d)
		}
	}
	return best
}

// suspected says whether a node was among those that sent a false log, and it is
// not known yet which of them lied.
func (l *Loop) suspected(d icn.DID) bool {
	return slices.ContainsFunc(l.fed.suspects, func(s suspect) bool { return s.who == d })
}

// follow tells the feeder how far this node is; again: what was sent beyond that
// did not arrive.
func (l *Loop) follow(again bool) {
	f, redo := &l.fed, uint64(0)
	if again {
		redo = 1
	}
	f.asked, f.asks = l.now, l.m.Head().Index+1
	l.cfg.Send(f.from, Live, uintsFrame(frameFollow, f.asks, redo, l.points.certified))
}

// onElsewhere hears from the feeder that it cannot feed this node, and who may.
func (l *Loop) onElsewhere(from icn.DID, p []byte) error {
	names, err := decodeList(p, maxFollowers, len(icn.DID{}))
	if err != nil {
		return err
	}
	if from != l.fed.from {
		return nil
	}
	l.leaveFeeder()
	for _, n := range names {
		if len(n) == len(icn.DID{}) {
			l.fed.hints = append(l.fed.hints, icn.DID(n))
		}
	}
	return nil
}

// take applies entries that the feeder sent.
func (l *Loop) take(from icn.DID, leaves [][]byte) error {
	if from != l.fed.from || l.fed.wrong != "" || !l.outer() {
		return nil
	}
	items, hole, err := l.fedItems(leaves)
	if err != nil {
		return l.misfit(from, err)
	}
	if hole && l.now >= l.fed.asked+icn.Time(4*l.tune.TickMillis) {
		l.follow(true)
	}
	if len(items) == 0 {
		return nil
	}
	l.checkItems(items, l.m.Head().Index)
	first := l.m.Head().Index + 1
	l.inDoubt(&l.fed.doubt, from, first, first+uint64(len(items))-1)
	for i := range items {
		if err := l.applyOne(&items[i]); err != nil {
			return err
		}
	}
	if err := l.shelve(); err != nil {
		return err
	}
	l.fed.moved, l.fed.misfits = l.now, nil
	l.lookAgain()
	if l.m.Head().Index+1 >= l.fed.asks+feedWindow/2 {
		l.follow(false)
	}
	if err := l.certifyPassed(); err != nil {
		return err
	}
	return l.compact()
}

// misfit drops a feeder whose entries cannot follow those that are here. When a
// clerk says the same, or two nodes do, it is what is here that is false.
func (l *Loop) misfit(from icn.DID, err error) error {
	l.cfg.Log.Warn("a node that feeds this one sent what does not fit; another one is asked", "peer", from, "error", err)
	l.leaveFeeder()
	if !slices.Contains(l.fed.misfits, from) {
		l.fed.misfits = append(l.fed.misfits, from)
	}
	if l.rank(from) == rankClerk || len(l.fed.misfits) > 1 {
		l.isFalse(err)
	}
	return nil
}

// fedItems reads entries; hole: they do not go on from where this node is.
func (l *Loop) fedItems(leaves [][]byte) (items []toApply, hole bool, err error) {
	h := l.m.Head()
	for _, leaf := range leaves {
		e, err := icn.DecodeEntry(leaf)
		if err != nil {
			return nil, false, err
		}
		if e.Index <= h.Index {
			continue
		}
		if e.Index > h.Index+1 {
			return items, true, nil
		}
		if e.Time < h.Time {
			return nil, false, fmt.Errorf("entry %d: %w: log time runs backwards", e.Index, icn.ErrInvalid)
		}
		h.Index, h.Time = e.Index, e.Time
		items = append(items, toApply{time: e.Time, wire: e.Wire, st: e.Statement})
	}
	return items, false, nil
}

// catchingUp says that this node reads what happened long ago: nobody waits for
// what it would do about it.
func (l *Loop) catchingUp() bool {
	return !l.fed.from.IsZero() && l.peer(l.fed.from).beacon.Head > l.m.Head().Index+gapEntries/2 && l.lagging()
}

// lookAgain looks at all open jobs, once there is nothing to catch up with.
func (l *Loop) lookAgain() {
	if l.fed.unseen && !l.catchingUp() {
		l.fed.unseen = false
		l.m.Jobs(l.seeJob)
	}
}

// beaconLeader is who says that it leads, of the clerks that can be reached.
func (l *Loop) beaconLeader() (lead icn.DID, ok bool) {
	term := uint64(0)
	for _, d := range l.roster.nodes {
		b := l.peer(d).beacon
		if l.rank(d) == rankClerk && l.present(d) && b.Leader == b.RaftID && b.Leader != 0 && b.Term > term {
			lead, ok, term = d, true, b.Term
		}
	}
	return lead, ok
}

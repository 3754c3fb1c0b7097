package node

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
)

const alarmMembership = "membership"

// membersChanged follows a change of who belongs, by the log up to an entry.
func (l *Loop) membersChanged(at uint64) {
	l.peers.rosterAt = at
	l.updateRoster()
	l.calmExpelled()
	l.checkMembership()
	l.clerksChanged(at)
	if !slices.Equal(l.clerks(), l.clerksAt(at)) {
		l.nextEra(at)
	}
}

// hasLeft says whether a node belonged once and does no longer. It may be called
// from any goroutine.
func (l *Loop) hasLeft(d icn.DID) (left bool) {
	l.View(func(m *core.Machine) {
		n, active := m.Node(d)
		left = !active && n.RaftID != 0
	})
	return left
}

// out says whether this node itself has left, as far as it has read the log.
func (l *Loop) out() bool {
	n, active := l.m.Node(l.me)
	return !active && n.RaftID != 0 && n.RaftID >= l.seat.raftID
}

// checkMembership alarms when the log says that this node no longer belongs.
func (l *Loop) checkMembership() {
	if !l.out() {
		if l.m.IsNode(l.me) {
			l.calm(alarmMembership)
		}
		return
	}
	l.alarm(alarmMembership, "this node no longer belongs to its federation: it has left, or was expelled (icn-cli events --type leave tells). It keeps what it has and orders nothing. "+
		"To come back: on one of their nodes icn-cli federation admit "+l.me.String()+". To begin anew: icn-cli federation join ADDRESS")
}

// heardOfMembership takes what a node of the federation said when nobody kept a
// link to this one. That is only its word: it raises an alarm, and changes nothing.
func (l *Loop) heardOfMembership(belongs bool) {
	switch {
	case belongs && !l.out():
		l.calm(alarmMembership)
	case !belongs && !l.out():
		l.alarm(alarmMembership, fmt.Sprintf("no node keeps a link to this one, and one of them says that it no longer belongs to the federation; ask its operators, or on one of their nodes: icn-cli federation admit %s", l.me))
	}
}

// parting adds nodes to a roster that have left, and are not let go yet. Who leaves
// by itself stays linked until it has heard that it did. And as long as the voters
// of the order who belong are too few to decide without it (the only clerk of two
// nodes, say), it must first hand over. Who was expelled is let go at once: those
// who decided so are enough.
func (l *Loop) parting(r *roster) (all []icn.DID) {
	if l.eng == nil {
		return nil
	}
	stay := func(d icn.DID, seat uint64) {
		if _, known := r.byRaft[seat]; !known && d != l.me {
			r.byRaft[seat], r.raftOf[d] = d, seat
			r.nodes, all = append(r.nodes, d), append(all, d)
		}
	}
	for _, d := range sortedDIDs(l.peers.leaving) {
		if n, active := l.m.Node(d); !active {
			stay(d, n.RaftID)
		}
	}
	if l.outer() {
		return all // it has no part in the order, and knows its voters of long ago
	}
	voters, here := l.eng.Status().Voters, 0
	for _, id := range voters {
		if d, ok := r.byRaft[id]; ok && !slices.Contains(all, d) {
			here++
		}
	}
	if here > len(voters)/2 {
		return all
	}
	for _, id := range voters {
		if d, ok := l.m.NodeOfSeat(id); ok && d != l.me {
			if _, active := l.m.Node(d); !active {
				stay(d, id)
			}
		}
	}
	return all
}

// farewell keeps the link to a node that has just left until it has heard of it.
func (l *Loop) farewell(b icn.NodeLeft) {
	if !b.Expelled && b.Node != l.me {
		l.peers.leaving[b.Node] = l.now + icn.Time(2*l.tune.BeaconMillis)
		l.updateRoster()
	}
}

// tickParting lets go of nodes that have left, when nothing is to be waited for.
func (l *Loop) tickParting() {
	if len(l.roster.parting) == 0 && len(l.peers.leaving) == 0 {
		return
	}
	for _, d := range sortedDIDs(l.peers.leaving) {
		if l.now > l.peers.leaving[d] {
			delete(l.peers.leaving, d)
		}
	}
	before := len(l.roster.parting)
	if l.updateRoster(); len(l.roster.parting) != before && l.cfg.Learned != nil {
		l.cfg.Learned(nil)
	}
}

// Dispensable says whether the order does without this node, which has left: enough
// voters are there without it, or nobody speaks to it any more.
func (l *Loop) Dispensable() bool {
	voters, others := l.eng.Status().Voters, 0
	for _, id := range voters {
		if d, ok := l.roster.byRaft[id]; ok && d != l.me && l.m.IsNode(d) {
			others++
		}
	}
	return others > len(voters)/2 || !slices.ContainsFunc(l.roster.nodes, func(d icn.DID) bool { return l.peer(d).linked })
}

// leaveTime is how long a node that leaves stays for the others to take over.
const leaveTime = 10 * time.Second

// Leave takes this node out of its federation. It returns when the others can do
// without it, so that it may be switched off then.
func (n *Node) Leave(ctx context.Context) (Said, error) {
	said, err := n.Do(ctx, icn.NodeLeave{})
	if err != nil || said.State != "applied" {
		return said, err
	}
	ctx, cancel := context.WithTimeout(ctx, leaveTime)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for free := false; !free; {
		if n.ask(ctx, func(l *Loop) { free = l.Dispensable() }) != nil {
			return said, nil // it has left all the same
		}
		select {
		case <-ctx.Done():
			return said, nil
		case <-tick.C:
		}
	}
	return said, nil
}

package node

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mesh"
)

// auction collects the offers for one attempt of a job that this node assigns.
type auction struct {
	duty   core.Duty
	bids   map[icn.DID]*icn.Bid
	await  map[icn.DID]bool // reachable nodes that have not answered
	until  icn.Time
	said   bool     // an assignment is under way
	again  icn.Time // ask again at this time
	rounds int
}

type auctions struct {
	open  map[icn.CID]*auction
	early map[icn.CID][]*icn.Bid // bids for jobs that this node has not seen posted yet
	order []icn.CID              // of early, oldest first
}

// maxEarly bounds the bids kept for jobs that are not seen yet.
const maxEarly = 4096

// next is when an auction wants attention, or 0.
func (a *auctions) next() icn.Time {
	var at icn.Time
	for _, x := range a.open { // order: the minimum does not depend on it
		t := x.until
		if x.again != 0 {
			t = x.again
		}
		if !x.said && (at == 0 || t < at) {
			at = t
		}
	}
	return at
}

// openAuction begins to collect offers.
func (l *Loop) openAuction(d core.Duty) {
	if a, ok := l.auctions.open[d.ID]; ok && a.duty.Attempt == d.Attempt {
		return
	}
	a := &auction{duty: d}
	l.auctions.open[d.ID] = a
	l.startBids(a)
	if d.Job.From > l.now {
		a.again = d.Job.From
	}
	for _, b := range l.auctions.early[d.ID] {
		l.takeBid(a, b)
	}
	delete(l.auctions.early, d.ID)
	l.settleAuction(a)
}

func (l *Loop) startBids(a *auction) {
	a.bids, a.await = map[icn.DID]*icn.Bid{}, map[icn.DID]bool{}
	a.again, a.until = 0, l.now+icn.Time(l.tune.BidMillis)
	for _, d := range l.roster.nodes {
		p := l.peer(d)
		if p.linked && p.missed < 3 && l.m.IsNode(d) {
			a.await[d] = true
		}
	}
	if own := l.ownBid(a.duty); !own.Pass {
		a.bids[l.me] = own
		l.offered(own)
	}
}

// onAsk answers a node that still wants offers for a job.
func (l *Loop) onAsk(from icn.DID, p []byte) error {
	id, err := icn.CastCID(p)
	if err != nil {
		return err
	}
	for _, d := range l.m.DutiesOf(l.me, id) {
		if d.Task == core.TaskBid && d.Job.Via == from {
			l.bid(d)
		}
	}
	return nil
}

// bid sends this node's answer about an open job to the node that assigns it.
func (l *Loop) bid(d core.Duty) {
	b := l.ownBid(d)
	l.cfg.Send(d.Job.Via, Live, append([]byte{frameBid}, b.Encode()...))
}

func (l *Loop) ownBid(d core.Duty) *icn.Bid {
	b := &icn.Bid{Network: l.m.Network(), Job: d.ID, Attempt: d.Attempt, Executor: l.me, Price: mesh.Price(d.Job.Spec)}
	b.FreeSlots, b.FreeMB = l.free(d.Job.Submitter)
	b.Pass = b.FreeSlots == 0 || b.FreeMB < mesh.MemoryOf(d.Job.Spec) || b.Price > d.Job.Share() || !l.capable(d.Job.Spec)
	b.Sig = [64]byte(l.cfg.Signer.Sign(b.SigningBytes()))
	return b
}

func (l *Loop) onBid(from icn.DID, p []byte) error {
	b, err := icn.DecodeBid(p)
	if err != nil {
		return err
	}
	if b.Executor != from || b.Network != l.m.Network() {
		return fmt.Errorf("bid: %w: not this node's", icn.ErrDenied)
	}
	if !l.cfg.Verify(l.m.KeyOf(from), b.SigningBytes(), b.Sig[:]) {
		return fmt.Errorf("bid: %w: signature does not verify", icn.ErrDenied)
	}
	l.peer(from).missed = 0
	if a, ok := l.auctions.open[b.Job]; ok {
		l.takeBid(a, b)
		l.settleAuction(a)
		return nil
	}
	if _, known := l.m.Job(b.Job); !known && len(l.auctions.order) < maxEarly {
		l.auctions.early[b.Job] = append(l.auctions.early[b.Job], b)
		l.auctions.order = append(l.auctions.order, b.Job)
	}
	return nil
}

// offered tells whoever wants to know of an offer.
func (l *Loop) offered(b *icn.Bid) {
	if l.cfg.Offered != nil {
		l.cfg.Offered(b)
	}
}

func (l *Loop) takeBid(a *auction, b *icn.Bid) {
	if b.Attempt != a.duty.Attempt || a.said {
		return
	}
	delete(a.await, b.Executor)
	l.offered(b)
	if !b.Pass && len(a.bids) < icn.MaxOffers {
		a.bids[b.Executor] = b
	}
}

// settleAuction assigns once every live node has answered, or time is up.
func (l *Loop) settleAuction(a *auction) {
	if a.said || a.again != 0 || len(a.await) > 0 && l.now < a.until {
		return
	}
	for d := range a.await { // order: each is counted by itself
		l.peer(d).missed++
	}
	offers := make([]icn.Offer, 0, len(a.bids))
	for _, d := range sortedDIDs(a.bids) {
		b := a.bids[d]
		offers = append(offers, icn.Offer{Bid: b.CID(), Executor: d, Price: b.Price, FreeSlots: b.FreeSlots, FreeMB: b.FreeMB, RTTMicros: l.peerRTT(d)})
	}
	best, _ := l.m.Choose(a.duty.Job, offers, l.now)
	if len(best) == 0 {
		a.rounds++
		back := int64(100) << min(a.rounds, 5)
		a.again = l.now + icn.Time(back+l.cfg.Jitter(back))
		return
	}
	a.said = true
	op := icn.JobAssign{Job: a.duty.ID, Attempt: a.duty.Attempt, Offers: offers}
	l.sayDuty(op, a.duty)
}

func (l *Loop) peerRTT(d icn.DID) uint64 {
	if d == l.me {
		return 0
	}
	return l.peer(d).rtt
}

// sayDuty says an operation that follows from a duty. If it cannot be said now,
// the duty is still there and is looked at again.
func (l *Loop) sayDuty(op icn.Op, d core.Duty) {
	_, err := l.SayOps([]icn.Op{op}, 0, func(a Answer) {
		if a.Err != nil {
			l.log.Debug("not taken", "op", op.Kind(), "job", d.ID, "attempt", d.Attempt, "reason", a.Err)
			l.work.retry[d.ID] = l.now + 500
		}
	})
	if err != nil {
		l.work.retry[d.ID] = l.now + 500
	}
}

func (l *Loop) tickAuctions() {
	for _, id := range sortedCIDs(l.auctions.open) {
		a := l.auctions.open[id]
		if a.again != 0 && l.now >= a.again {
			l.startBids(a)
			for _, d := range sortedDIDs(a.await) {
				l.cfg.Send(d, Live, append([]byte{frameAsk}, id.Bytes()...))
			}
		}
		l.settleAuction(a)
	}
	for len(l.auctions.order) > maxEarly/2 {
		delete(l.auctions.early, l.auctions.order[0])
		l.auctions.order = l.auctions.order[1:]
	}
}

// auctionsLost stops waiting for a node that cannot be reached.
func (l *Loop) auctionsLost(d icn.DID) {
	for _, id := range sortedCIDs(l.auctions.open) {
		a := l.auctions.open[id]
		if a.await[d] {
			delete(a.await, d)
			l.settleAuction(a)
		}
	}
}

func sortedCIDs[V any](m map[icn.CID]V) []icn.CID {
	return slices.SortedFunc(maps.Keys(m), func(a, b icn.CID) int { return bytes.Compare(a.Bytes(), b.Bytes()) })
}

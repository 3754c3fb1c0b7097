package node

import (
	"errors"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/order"
	"github.com/InterCooperative-Network/icn-core/store"
)

// gap is a stretch of the log that a snapshot leapt over. A second machine folds
// it behind the first one, entry by entry as they are fetched from peers: that
// fills the records and checks the snapshot at the same time.
type gap struct {
	shadow *core.Machine
	end    uint64   // the snapshot's entry
	tree   [32]byte // roots there, as the snapshot says
	state  [32]byte
	asked  icn.Time
	turn   int
	from   icn.DID   // one peer is asked as long as it answers
	doubt  []stretch // what which of them sent
}

const (
	gapEntries = 512     // asked for at a time
	gapBytes   = 1 << 20 // answered at most
)

// leap takes the state from a snapshot, because the order no longer has the
// entries that lead there.
func (l *Loop) leap(s *order.Snapshot) error {
	old := l.m
	if err := l.install(s.Index, s.Data); err != nil {
		return err
	}
	at := l.m.Head().Index
	if known := old.Head().Index; at <= known { // from its own records it knows more
		_, tree := l.m.Tree()
		l.mu.Lock()
		l.m, l.skip = old, known-at
		l.mu.Unlock()
		l.keepSnapshot(snapshot{raftAt: s.Index, data: s.Data})
		if own, ok := l.treeAt(at); ok && own != tree {
			return l.contradicted(fmt.Errorf("snapshot at entry %d: %w: this node's records lead to another root", at, icn.ErrCorrupt))
		}
		return nil
	}
	if l.gap.shadow == nil {
		l.gap.shadow = old
	}
	l.mu.Lock()
	_, l.gap.tree = l.m.Tree()
	l.gap.state, l.gap.end, l.gap.asked = l.m.Root(), at, 0
	l.mu.Unlock()
	l.gap.doubt, l.fed.doubt = append(l.gap.doubt, l.fed.doubt...), nil
	l.keepSnapshot(snapshot{raftAt: s.Index, data: s.Data})
	l.batch.Put([]byte(keyGap), uintsFrame(0, l.gap.shadow.Head().Index+1, at)[1:])
	// Before anything that is beyond it: records of later entries would tell of
	// earlier ones that are not here.
	if err := l.flush(); err != nil {
		return err
	}
	l.folded = max(l.folded, at)
	l.peers.rosterAt = at
	l.updateRoster()
	l.auctions.open = map[icn.CID]*auction{}
	l.work.queue, l.work.watched = nil, map[icn.CID]core.Duty{}
	l.m.Jobs(l.seeJob)
	return l.shelve()
}

// loadGap takes up a gap after a restart: the second machine starts from the
// beginning of what is stored.
func (l *Loop) loadGap() error {
	v, err := l.st.Get([]byte(keyGap))
	if errors.Is(err, icn.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	n, err := decodeUints(v, 2)
	if err != nil {
		return fmt.Errorf("gap: %w: %v", icn.ErrCorrupt, err)
	}
	shadow, err := core.New(l.cfg.Genesis, l.cfg.Verify)
	if err != nil {
		return err
	}
	var bad error
	err = l.st.Scan(store.Range{From: EntryKey(1), To: EntryKey(n[0])}, func(_, v []byte) bool {
		bad = l.applyShadow(shadow, append([]byte(nil), v...), true)
		return bad == nil
	})
	if err = errors.Join(err, bad); err != nil {
		return fmt.Errorf("gap: %w", err)
	}
	l.gap.shadow, l.gap.end = shadow, n[1]
	return nil
}

// tickGap asks a peer for the next stretch.
func (l *Loop) tickGap() {
	g := &l.gap
	if g.shadow == nil || g.asked != 0 && l.now < g.asked+2000 {
		return
	}
	next := g.shadow.Head().Index + 1
	if g.asked != 0 {
		g.turn++ // it does not answer
	}
	for _, wary := range []bool{true, false} { // suspects only when there is nobody else
		for range l.roster.nodes {
			d := l.roster.nodes[g.turn%len(l.roster.nodes)]
			if l.peer(d).linked && !l.fed.liars[d] && !(wary && l.suspected(d)) {
				g.asked, g.from = l.now, d
				l.cfg.Send(d, Bulk, uintsFrame(frameWantLog, next, min(next+gapEntries-1, g.end)))
				return
			}
			g.turn++
		}
	}
}

// onWantLog sends a stretch of the log to a peer that catches up.
func (l *Loop) onWantLog(from icn.DID, p []byte) error {
	n, err := decodeUints(p, 2)
	if err != nil {
		return err
	}
	var items [][]byte
	size := 0
	err = l.st.Scan(store.Range{From: EntryKey(n[0]), To: EntryKey(min(n[1], n[0]+gapEntries) + 1)}, func(_, v []byte) bool {
		items = append(items, append([]byte(nil), v...))
		size += len(v)
		return size < gapBytes
	})
	if err != nil {
		return err
	}
	l.cfg.Send(from, Bulk, listFrame(frameLog, items))
	return nil
}

// fits says whether a stretch is the next one that is missing, or says that the
// peer has none.
func (g *gap) fits(items [][]byte) bool {
	if len(items) == 0 {
		return true
	}
	e, err := icn.DecodeEntry(items[0])
	return err != nil || e.Index <= g.end
}

// onLog takes a stretch of the log: one that was asked for goes into the second
// machine, others are what a feeder sends.
func (l *Loop) onLog(from icn.DID, p []byte) error {
	g := &l.gap
	items, err := decodeList(p, gapEntries+1, icn.MaxStatement+64)
	if err != nil {
		return err
	}
	if g.shadow == nil || from != g.from || !g.fits(items) {
		return l.take(from, items)
	}
	first := g.shadow.Head().Index + 1
	for _, leaf := range items {
		if g.shadow.Head().Index >= g.end {
			break
		}
		if err := l.applyShadow(g.shadow, leaf, false); err != nil {
			l.alarm("log", fmt.Sprintf("the log that %s sent does not fit: %v", from, err))
			return nil
		}
	}
	g.asked = 0
	if len(items) == 0 {
		g.asked = l.now
	}
	next := g.shadow.Head().Index + 1
	if next > first {
		l.inDoubt(&g.doubt, from, first, next-1)
	}
	if next > g.end {
		return l.closeGap()
	}
	l.shelf.Put([]byte(keyGap), uintsFrame(0, next, g.end)[1:])
	if err := l.shelve(); err != nil {
		return err
	}
	l.tickGap()
	return nil
}

func (l *Loop) applyShadow(m *core.Machine, leaf []byte, known bool) error {
	e, err := icn.DecodeEntry(leaf)
	if err != nil {
		return err
	}
	sig := core.Checked{}
	if known {
		sig = trusted(l.st, m, *e)
	}
	out, err := m.Apply(*e, sig)
	if err != nil {
		return err
	}
	if !known {
		recordEntry(&l.shelf, *e, out)
	}
	return nil
}

// closeGap compares the second machine with the snapshot that was trusted.
func (l *Loop) closeGap() error {
	g := l.gap
	_, tree := g.shadow.Tree()
	if g.tree != ([32]byte{}) && (tree != g.tree || g.shadow.Root() != g.state) {
		return l.contradicted(fmt.Errorf("snapshot at entry %d: %w: the log leads to other roots", g.end, icn.ErrCorrupt))
	}
	l.gap = gap{}
	l.shelf.Delete([]byte(keyGap))
	l.saveDoubt()
	if len(l.fed.suspects) == 0 {
		l.calm("log")
	}
	return l.shelve()
}

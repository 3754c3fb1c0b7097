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
	gapEntries = 2048    // asked for at a time: enough for large batches of signatures
	gapBytes   = 1 << 20 // answered at most
)

// mark is what the store keeps of a gap: where to go on, and what must come out.
func (g *gap) mark() []byte {
	b := icn.AppendUint(icn.AppendUint(icn.AppendArray(nil, 4), g.shadow.Head().Index+1), g.end)
	return icn.AppendBytes(icn.AppendBytes(b, g.tree[:]), g.state[:])
}

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
	l.batch.Put([]byte(keyGap), l.gap.mark())
	// Before anything that is beyond it: records of later entries would tell of
	// earlier ones that are not here.
	if err := l.flush(); err != nil {
		return err
	}
	if err := l.loadProofs(); err != nil {
		return err
	}
	l.folded = max(l.folded, at)
	l.membersChanged(at)
	l.newEra(at)
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
	r := icn.NewReader(v)
	r.Tuple(4)
	next, g := r.Uint(), gap{end: r.Uint(), tree: r.Hash(), state: r.Hash()}
	if err := r.Close(); err != nil {
		return fmt.Errorf("gap: %w: %v", icn.ErrCorrupt, err)
	}
	if g.shadow, err = core.New(l.cfg.Genesis, l.cfg.Verify); err != nil {
		return err
	}
	var bad error
	err = l.st.Scan(store.Range{From: EntryKey(1), To: EntryKey(next)}, func(_, v []byte) bool {
		bad = g.again(l.st, append([]byte(nil), v...))
		return bad == nil
	})
	if err = errors.Join(err, bad); err != nil {
		return fmt.Errorf("gap: %w", err)
	}
	l.gap.shadow, l.gap.end, l.gap.tree, l.gap.state = g.shadow, g.end, g.tree, g.state
	return nil
}

// again folds an entry that was recorded before.
func (g *gap) again(st store.Store, leaf []byte) error {
	e, err := icn.DecodeEntry(leaf)
	if err != nil {
		return err
	}
	_, err = g.shadow.Apply(*e, trusted(st, g.shadow, *e))
	return err
}

// tickGap asks a peer for the next stretch, when the last one did not come.
func (l *Loop) tickGap() {
	g := &l.gap
	if g.shadow == nil || g.asked != 0 && l.now < g.asked+2000 {
		return
	}
	if g.asked != 0 {
		g.turn++ // it does not answer
	}
	l.askGap(g.shadow.Head().Index + 1)
}

// askGap asks the peer whose turn it is, suspects only when there is nobody else.
func (l *Loop) askGap(next uint64) {
	g := &l.gap
	for _, wary := range []bool{true, false} {
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
	items, err := decodeList(p, gapEntries+1, icn.MaxStatement+64)
	if err != nil {
		return err
	}
	if l.gap.shadow == nil || from != l.gap.from || !l.gap.fits(items) {
		return l.take(from, items)
	}
	return l.fillGap(from, items)
}

// fillGap folds a stretch into the second machine.
func (l *Loop) fillGap(from icn.DID, items [][]byte) error {
	g := &l.gap
	entries, sigs, err := checkLeaves(g.shadow, l.checkSigs, items)
	if err != nil {
		l.alarm("log", fmt.Sprintf("the log that %s sent does not fit: %v", from, err))
		return nil
	}
	next := g.shadow.Head().Index + 1
	for len(entries) > 0 && entries[0].Index < next { // it was asked for twice
		entries, sigs = entries[1:], sigs[1:]
	}
	g.asked = l.now
	if n := len(entries); n > 0 && entries[0].Index == next && entries[n-1].Index < g.end {
		l.askGap(entries[n-1].Index + 1) // it comes while these are folded
	}
	for i, e := range entries {
		if g.shadow.Head().Index >= g.end {
			break
		}
		out, err := g.shadow.Apply(*e, sigs[i])
		if err != nil {
			l.alarm("log", fmt.Sprintf("the log that %s sent does not fit: %v", from, err))
			break
		}
		recordEntry(&l.shelf, *e, out)
	}
	if last := g.shadow.Head().Index; last >= next {
		l.inDoubt(&g.doubt, from, next, last)
	}
	if g.shadow.Head().Index >= g.end {
		return l.closeGap()
	}
	l.shelf.Put([]byte(keyGap), g.mark())
	return l.shelve()
}

// checkLeaves decodes entries in the form of Merkle leaves, and checks their
// signatures all at once, with the keys that count before the first of them. Where a
// key is replaced among them, the machine looks again.
func checkLeaves(m *core.Machine, verify func([]SigItem) []bool, leaves [][]byte) ([]*icn.Entry, []core.Checked, error) {
	entries, checked := make([]*icn.Entry, len(leaves)), make([]core.Checked, len(leaves))
	var sigs []SigItem
	var whose []int
	for i, leaf := range leaves {
		e, err := icn.DecodeEntry(leaf)
		if err != nil {
			return nil, nil, fmt.Errorf("entry %d of %d: %w", i+1, len(leaves), err)
		}
		entries[i] = e
		if e.Statement != nil {
			checked[i].Key = m.KeyOf(e.Statement.Author)
			sigs = append(sigs, SigItem{Key: checked[i].Key, Msg: icn.SigningBytesOf(e.Wire), Sig: e.Statement.Sig[:]})
			whose = append(whose, i)
		}
	}
	for j, good := range verify(sigs) {
		checked[whose[j]].OK = good
	}
	return entries, checked, nil
}

// closeGap compares the second machine with the snapshot that was trusted.
func (l *Loop) closeGap() error {
	g := l.gap
	_, tree := g.shadow.Tree()
	if tree != g.tree || g.shadow.Root() != g.state {
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

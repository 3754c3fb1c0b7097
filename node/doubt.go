package node

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/order"
	"github.com/InterCooperative-Network/icn-core/store"
)

// stretch are entries that one node sent, and no clerks have confirmed.
type stretch struct {
	from, to uint64
	who      icn.DID
}

// suspect is a stretch of a log that proved to be false, and what was in it.
type suspect struct {
	stretch
	sum [32]byte
}

// inDoubt notes that entries came from a node which is no clerk's word for them.
func (l *Loop) inDoubt(list *[]stretch, who icn.DID, from, to uint64) {
	if n := len(*list); n > 0 && (*list)[n-1].who == who && (*list)[n-1].to == from-1 {
		(*list)[n-1].to = to
	} else {
		*list = append(*list, stretch{from, to, who})
	}
	l.saveDoubt()
}

func (l *Loop) saveDoubt() {
	if len(l.fed.doubt) == 0 && len(l.gap.doubt) == 0 {
		l.shelf.Delete([]byte(keyDoubt))
		return
	}
	v := icn.AppendArray(nil, 2)
	for _, list := range [][]stretch{l.fed.doubt, l.gap.doubt} {
		v = icn.AppendArray(v, len(list))
		for _, s := range list {
			v = icn.AppendDID(icn.AppendUint(icn.AppendUint(icn.AppendArray(v, 3), s.from), s.to), s.who)
		}
	}
	l.shelf.Put([]byte(keyDoubt), v)
}

func (l *Loop) loadDoubt() error {
	v, err := l.st.Get([]byte(keyDoubt))
	if errors.Is(err, icn.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	r := icn.NewReader(v)
	r.Tuple(2)
	for _, list := range []*[]stretch{&l.fed.doubt, &l.gap.doubt} {
		for n := r.Array(1 << 20); n > 0 && r.Err() == nil; n-- {
			r.Tuple(3)
			*list = append(*list, stretch{r.Uint(), r.Uint(), r.DID()})
		}
	}
	if err := r.Close(); err != nil {
		return fmt.Errorf("entries in doubt: %w: %v", icn.ErrCorrupt, err)
	}
	return nil
}

// noDoubt ends the doubt about the entries up to one.
func (l *Loop) noDoubt(list *[]stretch, upTo uint64) {
	if len(*list) == 0 || (*list)[0].from > upTo {
		return
	}
	var left []stretch
	for _, s := range *list {
		if s.to > upTo {
			s.from = max(s.from, upTo+1)
			left = append(left, s)
		}
	}
	*list = left
	l.saveDoubt()
}

// certain says whether the log up to an entry is the federation's, as far as a
// node can know: it came through the order, or clerks have confirmed it.
func (l *Loop) certain(index uint64) bool {
	if l.fed.wrong != "" || l.gap.shadow != nil && index <= l.gap.end {
		return false
	}
	return len(l.fed.doubt) == 0 || index < l.fed.doubt[0].from || index <= max(l.fed.confirmed, l.points.certified)
}

// treeAt is the root of the log's first entries; false when not all that it takes
// is here.
func (l *Loop) treeAt(size uint64) ([32]byte, bool) {
	if size == 0 || size > l.m.Head().Index {
		return [32]byte{}, false
	}
	root, err := tlog.TreeHash(int64(size), hashes{l.st})
	return root, err == nil
}

// contradicted says that clerks have another log than this node. If it came from
// feeders, it is thrown away and read again; else this node itself is wrong.
func (l *Loop) contradicted(err error) error {
	if l.fed.wrong != "" {
		return nil
	}
	if !l.isFalse(err) {
		return fmt.Errorf("%w; stop, and start again from a backup or an empty store", err)
	}
	return nil
}

// isFalse has the log thrown away at the end of the turn, if any of it came from
// feeders and was not confirmed.
func (l *Loop) isFalse(why error) bool {
	if len(l.fed.doubt) == 0 && len(l.gap.doubt) == 0 || l.fed.anew >= maxAnew {
		return false
	}
	l.fed.wrong = why.Error()
	return true
}

// maxAnew bounds how often the log is read again in a node's life: feeders that
// were found to lie are not asked again, so more would be another fault.
const maxAnew = 16

// compare looks whether the next payload that the order hands out is what this
// node has recorded in its place.
func (l *Loop) compare(c order.Committed) error {
	index := l.m.Head().Index - l.skip + 1
	t, wire, err := icn.OpenStamped(c.Data)
	if err != nil {
		wire = nil
	}
	e := icn.Entry{Index: index, Time: max(l.skipTime, t), Wire: wire}
	l.skipTime = e.Time
	have, err := l.st.Get(EntryKey(index))
	if errors.Is(err, icn.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if bytes.Equal(have, e.Encode()) {
		return nil
	}
	if _, err := icn.DecodeStatement(wire); err != nil {
		if e.Wire = nil; bytes.Equal(have, e.Encode()) {
			return nil // malformed: it only moved time on
		}
	}
	return l.contradicted(fmt.Errorf("entry %d: %w: the order has another one than this node's records", index, icn.ErrCorrupt))
}

// startOver throws away what was derived from a log that is not the federation's.
// The seat, the outbox, numbers and peers stay. Before that it notes who sent what,
// so that whoever lied can be named once the true log is here.
func (l *Loop) startOver() error {
	l.alarm("log", "the log that other nodes fed to this one is not the federation's; reading it again from others: "+l.fed.wrong)
	if err := errors.Join(l.shelve(), l.flush()); err != nil {
		return err
	}
	for _, s := range slices.Concat(l.fed.doubt, l.gap.doubt) {
		sum, err := l.sumOf(s)
		if err != nil {
			return err
		}
		l.fed.suspects = append(l.fed.suspects, suspect{s, sum})
	}
	l.cfg.Hints = l.Welcome(l.me).Peers
	b := &store.Batch{}
	b.Put([]byte(keyPeers), Welcome{Peers: l.cfg.Hints}.Encode())
	b.Put([]byte(keyAnew), nil)
	if err := l.st.Apply(b); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := finishAnew(l.st); err != nil {
		return err
	}
	return l.reopen()
}

// reopen begins with an empty log.
func (l *Loop) reopen() error {
	l.fed.wrong, l.fed.from, l.fed.doubt, l.fed.confirmed, l.fed.unseen = "", icn.DID{}, nil, 0, true
	l.fed.misfits = nil
	l.fed.anew++
	l.gap = gap{}
	l.feeds = feeds{to: map[icn.DID]*follower{}}
	l.points.own, l.points.mine, l.points.certified, l.points.note = map[uint64]ownPoint{}, nil, 0, ""
	l.auctions.open = map[icn.CID]*auction{}
	l.work.queue, l.work.verified = nil, seen{}
	clear(l.work.watched)
	for _, p := range l.outbox.waiting { // order: each stands alone
		p.held = nil
	}
	if err := l.openState(); err != nil {
		return err
	}
	l.peers.rosterAt = 0
	l.updateRoster()
	return l.openOrder()
}

// finishAnew removes what startOver throws away, also when the process ended in
// the middle of it.
func finishAnew(st store.Store) error {
	if _, err := st.Get([]byte(keyAnew)); errors.Is(err, icn.ErrNotFound) {
		return nil
	} else if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	b := &store.Batch{}
	for _, k := range []string{keySnapshot, keyFolded, keyGap, keyCert, keyEras, keyDoubt} {
		b.Delete([]byte(k))
	}
	for _, prefix := range []string{keyEntry, keyHash, keyEvent, keyByType, keyJob, keyAccount, keySaid, keyShownVote, keyHandover, keyChange} {
		if err := deleteAll(st, b, prefix); err != nil {
			return err
		}
	}
	b.Delete([]byte(keyAnew))
	if err := st.Apply(b); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// deleteAll deletes rows, in steps; b goes with the first one and is empty after it.
func deleteAll(st store.Store, b *store.Batch, prefix string) error {
	for {
		err := st.Scan(store.Prefix([]byte(prefix)), func(k, _ []byte) bool {
			b.Delete(slices.Clone(k))
			return len(b.Writes) < 4096
		})
		if err == nil && !b.Empty() {
			err = st.Apply(b)
		}
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		done := len(b.Writes) < 4096
		b.Reset()
		if done {
			return nil
		}
	}
}

// sumOf stands for what is recorded in a stretch.
func (l *Loop) sumOf(s stretch) (sum [32]byte, err error) {
	h := sha256.New()
	err = l.st.Scan(store.Range{From: EntryKey(s.from), To: EntryKey(s.to + 1)}, func(_, v []byte) bool {
		h.Write(icn.AppendBytes(nil, v))
		return true
	})
	return [32]byte(h.Sum(nil)), err
}

// judge compares what suspects sent with the log that clerks have certified.
func (l *Loop) judge(certified uint64) error {
	var left []suspect
	for _, s := range l.fed.suspects {
		if s.to > certified || l.gap.shadow != nil && s.from <= l.gap.end {
			left = append(left, s)
			continue
		}
		sum, err := l.sumOf(s.stretch)
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		if sum != s.sum {
			l.fed.liars[s.who] = true
			l.alarm("feeder "+s.who.Short(), fmt.Sprintf("node %s fed this one entries %d to %d of a log that is not the federation's, or passed them on; it is not asked again", s.who, s.from, s.to))
		}
	}
	l.fed.suspects = left
	if len(left) == 0 {
		l.calm("log")
	}
	return nil
}

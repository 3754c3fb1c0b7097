package node

import (
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// feeds are the nodes that this one passes the log on to, because the leader does
// not: there are more learners than it feeds itself.
type feeds struct {
	to     map[icn.DID]*follower
	first  uint64 // of recent
	recent [][]byte
	bytes  int // of recent
}

// follower is a node that is fed here. Nothing is queued for it: it gets what lies
// between next and as far as it may be ahead of what it last said that it has.
type follower struct {
	next  uint64 // entry to be sent next
	acked uint64 // it has the entries before
	bytes int    // sent since it said so
	heard icn.Time
	note  uint64 // size of the certified checkpoint that it has
}

const (
	maxFollowers = 8       // fed by one node
	feedWindow   = 2048    // entries that may be under way to a follower
	feedBytes    = 4 << 20 // the same in bytes
	recentBytes  = 1 << 20 // of the newest entries, kept at hand for followers
)

// onFollow takes a node's wish to be fed from an entry on, or hears how far it is.
// Whom this node cannot feed is told who else may.
func (l *Loop) onFollow(from icn.DID, p []byte) error {
	n, err := decodeUints(p, 3)
	if err != nil {
		return err
	}
	next, again, certified := n[0], n[1] == 1, n[2]
	f := l.feeds.to[from]
	if f == nil {
		head := l.m.Head().Index
		missing := l.gap.shadow != nil && next <= l.gap.end
		if len(l.feeds.to) >= maxFollowers || from == l.fed.from || next == 0 || next > head+1 || missing || l.fed.wrong != "" {
			l.refuseFollower(from)
			return nil
		}
		f = &follower{next: next}
		l.feeds.to[from] = f
	}
	// What is sent anew was lost, or nothing of it has arrived since it last said so.
	if next > f.next || next < f.next && (again || next == f.acked) {
		f.next = next
	}
	f.acked, f.bytes, f.heard, f.note = next, 0, l.now, certified
	return nil
}

func (l *Loop) refuseFollower(d icn.DID) {
	delete(l.feeds.to, d)
	var others [][]byte
	for _, x := range sortedDIDs(l.feeds.to) {
		others = append(others, x[:])
	}
	l.cfg.Send(d, Live, listFrame(frameElsewhere, others))
}

// feedOthers sends each follower what is new, at the end of a turn: it is in the
// store by then. One that has not been heard of for a while is not fed any more.
func (l *Loop) feedOthers() error {
	var last struct {
		next, n uint64
		size    int
		frame   []byte
	}
	for _, d := range sortedDIDs(l.feeds.to) {
		f := l.feeds.to[d]
		if !l.peer(d).linked || l.now > f.heard+icn.Time(5*l.tune.BeaconMillis) {
			delete(l.feeds.to, d)
			continue
		}
		for f.next <= l.folded && f.next < f.acked+feedWindow && f.bytes < feedBytes {
			if last.frame == nil || last.next != f.next {
				leaves, err := l.leaves(f.next)
				if err != nil {
					return err
				}
				last.next, last.n, last.size = f.next, uint64(len(leaves)), 0
				for _, leaf := range leaves {
					last.size += len(leaf)
				}
				last.frame = listFrame(frameLog, leaves)
			}
			if last.n == 0 {
				l.refuseFollower(d)
				break
			}
			kind := Live
			if last.size > liveFeed {
				kind = Bulk
			}
			l.cfg.Send(d, kind, last.frame)
			f.next += last.n
			f.bytes += last.size
		}
		if size, note := l.points.shown.size, l.points.shown.note; size > f.note {
			f.note = size
			l.cfg.Send(d, Live, append([]byte{frameCertified}, note...))
		}
	}
	return nil
}

// liveFeed is the size up to which entries go beside heartbeats.
const liveFeed = 16 << 10

// leaves are the entries from one on, as many as go into a frame. There are none
// when the store does not have it.
func (l *Loop) leaves(next uint64) (out [][]byte, err error) {
	if r := l.feeds; next >= r.first && next < r.first+uint64(len(r.recent)) {
		return r.recent[next-r.first:], nil
	}
	size := 0
	err = l.st.Scan(store.Range{From: EntryKey(next), To: EntryKey(min(next+gapEntries, l.folded+1))}, func(k, v []byte) bool {
		if string(k) != string(EntryKey(next+uint64(len(out)))) {
			return false
		}
		out = append(out, append([]byte(nil), v...))
		size += len(v)
		return size < gapBytes
	})
	return out, err
}

// keepRecent has an entry at hand for those who are fed.
func (l *Loop) keepRecent(index uint64, leaf []byte) {
	r := &l.feeds
	if index != r.first+uint64(len(r.recent)) {
		r.first, r.recent, r.bytes = index, nil, 0
	}
	r.recent = append(r.recent, leaf)
	r.bytes += len(leaf)
	if r.bytes <= recentBytes && len(r.recent) <= gapEntries {
		return
	}
	half := (len(r.recent) + 1) / 2
	for _, old := range r.recent[:half] {
		r.bytes -= len(old)
	}
	r.first, r.recent = r.first+uint64(half), append([][]byte(nil), r.recent[half:]...)
}

package node

import (
	"errors"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// numberMark is a number up to which this node may say statements of its own. It
// is written down before it is reached: a node that was killed does not know what
// it had said last, and would say something else with the same number, of which
// only one can be ordered.
type numberMark struct {
	held uint64 // in the store
	next uint64 // in the batch under way
}

// numberChunk is how far ahead the mark is put. It is also how many numbers a
// crash may cost; their authors' window has room for several.
const numberChunk = 128

func (k *numberMark) saved()     { k.held = max(k.held, k.next) }
func (k *numberMark) owed() bool { return k.next > k.held }

// newNumber is the number of this node's next statement. The mark goes ahead of
// it with a write that comes anyway, unless many are said at once.
func (l *Loop) newNumber() (uint64, error) {
	n := max(l.outbox.mine+1, l.m.NextNumber(l.me))
	k := &l.outbox.mark
	if k.held < n+numberChunk/2 && k.next < n+numberChunk/2 {
		k.next = n + numberChunk
		l.batch.Put([]byte(keyNumber), uintValue(k.next))
	}
	if k.held < n {
		b := &store.Batch{}
		b.Put([]byte(keyNumber), uintValue(k.next))
		if err := l.st.Apply(b); err != nil {
			l.broken = fmt.Errorf("store: %w", err)
			return 0, l.broken
		}
		k.saved()
	}
	l.outbox.mine = n
	return n, nil
}

// loadNumber goes on after the last number that may have been said. Half of the
// window stays free, so that a node that has started again and again without
// anything being ordered can still say something.
func (l *Loop) loadNumber() error {
	v, err := l.st.Get([]byte(keyNumber))
	if errors.Is(err, icn.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	mark, err := decodeUints(v, 1)
	if err != nil {
		return fmt.Errorf("store: last number: %w: %v", icn.ErrCorrupt, err)
	}
	l.outbox.mark.held = mark[0]
	l.outbox.mine = min(l.outbox.mark.held, l.m.NextNumber(l.me)+icn.Window/2)
	return nil
}

package node

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mana"
	"github.com/InterCooperative-Network/icn-core/reputation"
	"github.com/InterCooperative-Network/icn-core/state"
	"github.com/InterCooperative-Network/icn-core/store"
)

// Past is how an account stood at an entry.
type Past struct {
	Known      bool // it was open by then
	Balance    uint64
	Reputation uint64 // in thousandths
}

// pasts are accounts as of the entries that were asked about last. To go on from
// there costs what happened since, and not the account's whole life.
type pasts struct {
	mu   sync.Mutex
	kept map[icn.DID]*past
}

// keptPasts bounds how many accounts are kept.
const keptPasts = 256

// past is one account, added up from its events.
type past struct {
	index uint64 // up to this entry
	sum   mana.Statement
	name  *reputation.Fold
}

// Past is how an account stood at an entry, added up from the log's events: what
// every node comes to, at any time.
func (n *Node) Past(ctx context.Context, who icn.DID, index uint64) (out Past, err error) {
	var at struct {
		folded, gap uint64
		rules       icn.Rules
		genesis     *icn.Genesis
	}
	err = n.ask(ctx, func(l *Loop) { // between two turns: what it has folded is stored
		at.folded, at.rules, at.genesis = l.m.Head().Index, l.m.Rules(), l.m.Genesis()
		if l.gap.shadow != nil {
			at.gap = l.gap.end
		}
	})
	st, err2 := n.here()
	switch {
	case err != nil:
		return out, fmt.Errorf("account %s: %w", who.Short(), err)
	case err2 != nil:
		return out, err2
	case at.folded < index:
		return out, fmt.Errorf("account %s: %w: this node is at entry %d, not yet at %d", who.Short(), icn.ErrUnavailable, at.folded, index)
	case at.gap > 0:
		return out, fmt.Errorf("account %s: %w: the entries before %d are not all here yet", who.Short(), icn.ErrUnavailable, at.gap+1)
	}
	e, err := n.Entry(index)
	if err != nil {
		return out, fmt.Errorf("account %s at entry %d: %w", who.Short(), index, err)
	}
	n.pasts.mu.Lock()
	defer n.pasts.mu.Unlock()
	p := n.pasts.of(who, index, at.genesis)
	if err := p.goOn(st, index, at.rules); err != nil {
		delete(n.pasts.kept, who)
		return out, fmt.Errorf("account %s at entry %d: %w", who.Short(), index, err)
	}
	out.Known, out.Reputation = p.sum.Opened, p.name.At(who, e.Time, at.rules)
	if out.Known {
		out.Balance = p.sum.Until(e.Time).Balance
	}
	return out, nil
}

// of is an account at the latest entry up to index from which it can be gone on.
func (s *pasts) of(who icn.DID, index uint64, g *icn.Genesis) *past {
	if p, ok := s.kept[who]; ok && p.index <= index {
		return p
	}
	if s.kept == nil || len(s.kept) >= keptPasts {
		s.kept = map[icn.DID]*past{}
	}
	p := &past{sum: mana.Statement{Who: who, Rules: g.Rules}, name: reputation.New(state.NewDB())}
	if g.Founder(who) { // those accounts are older than the first entry
		p.sum.See(g.Created, icn.AccountOpened{Account: who, Issued: g.Rules.ManaIssue})
	}
	s.kept[who] = p
	return p
}

// goOn takes in what happened up to an entry, it included.
func (p *past) goOn(st store.Store, index uint64, r icn.Rules) error {
	who := p.sum.Who
	var bad error
	err := st.Scan(store.Range{From: eventAccountKey(who, p.index+1, 0), To: eventAccountKey(who, index+1, 0)}, func(k, _ []byte) bool {
		v, err := st.Get(append([]byte(keyEvent), k[len(k)-16:]...))
		var e icn.Event
		if err == nil {
			err = json.Unmarshal(v, &e)
		}
		if bad = err; err != nil {
			return false
		}
		p.sum.See(e.Time, e.Body)
		p.name.See(e.Time, r, e.Body)
		return true
	})
	p.index = index
	if err == nil {
		err = bad
	}
	return err
}

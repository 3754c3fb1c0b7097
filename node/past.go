package node

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mana"
	"github.com/InterCooperative-Network/icn-core/reputation"
	"github.com/InterCooperative-Network/icn-core/store"
)

// Past is how an account stood at an entry.
type Past struct {
	Known      bool // it was open by then
	Balance    uint64
	Reputation uint64 // in thousandths
}

// pasts are accounts as of the entries that were asked about last. To go on from
// one of them costs what happened since, and not the account's whole life.
type pasts struct {
	mu   sync.Mutex
	kept map[pastKey][]past // of each account, by their entries
}

// pastKey is an account of a federation: a node may have gone over to another one.
type pastKey struct {
	network icn.CID
	who     icn.DID
}

// Bounds of what is kept: accounts, and moments of each. Jobs that run at one time
// ask about entries near each other, not always in their order.
const (
	keptPasts   = 256
	keptMoments = 16
)

// past is one account, added up from its events.
type past struct {
	index uint64 // up to this entry
	sum   mana.Statement
	name  reputation.Statement
}

// Past is how an account stood at an entry, added up from the log's events: what
// every node comes to, at any time.
func (n *Node) Past(ctx context.Context, who icn.DID, index uint64) (out Past, err error) {
	var at struct {
		folded, gap uint64
		genesis     *icn.Genesis
		network     icn.CID
	}
	err = n.ask(ctx, func(l *Loop) { // between two turns: what it has folded is stored
		at.folded, at.genesis, at.network = l.m.Head().Index, l.m.Genesis(), l.m.Network()
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
	k := pastKey{at.network, who}
	p := n.pasts.before(k, index, at.genesis)
	if err := p.goOn(st, index); err != nil {
		return out, fmt.Errorf("account %s at entry %d: %w", who.Short(), index, err)
	}
	n.pasts.keep(k, p)
	out.Known, out.Reputation = p.sum.Opened, p.name.Until(e.Time, p.sum.Rules)
	if out.Known {
		out.Balance = p.sum.Until(e.Time).Balance
	}
	return out, nil
}

// before is an account at the latest entry that is kept, up to index.
func (s *pasts) before(k pastKey, index uint64, g *icn.Genesis) past {
	for _, p := range slices.Backward(s.kept[k]) {
		if p.index <= index {
			return p
		}
	}
	p := past{sum: mana.Statement{Who: k.who, Rules: g.Rules}, name: reputation.Statement{Who: k.who}}
	if g.Founder(k.who) { // those accounts are older than the first entry
		p.sum.See(g.Created, icn.AccountOpened{Account: k.who, Issued: g.Rules.ManaIssue})
	}
	return p
}

func (s *pasts) keep(k pastKey, p past) {
	if s.kept == nil || len(s.kept) >= keptPasts && s.kept[k] == nil {
		s.kept = map[pastKey][]past{}
	}
	all := s.kept[k]
	at, found := slices.BinarySearchFunc(all, p.index, func(x past, index uint64) int { return cmp.Compare(x.index, index) })
	if !found {
		all = slices.Insert(all, at, p)
	}
	s.kept[k] = all[max(0, len(all)-keptMoments):]
}

// goOn takes in what happened up to an entry, it included.
func (p *past) goOn(st store.Store, index uint64) error {
	err := readAccount(st, p.sum.Who, p.index+1, index+1, func(e icn.Event) bool {
		before := p.sum.Rules
		p.sum.See(e.Time, e.Body)
		p.name.See(e.Time, before, e.Body)
		return true
	})
	p.index = index
	return err
}

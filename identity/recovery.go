package identity

import (
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Guardians are who can give a member a new key, so many of them together.
type Guardians struct {
	All    []icn.DID `json:"guardians"`
	Needed uint64    `json:"needed"`
}

// Recovery is what guardians said about a member's new key.
type Recovery struct {
	Support []Support `json:"support"` // in the order in which they said it
	Key     icn.DID   `json:"key"`     // that it gets at Due
	Due     icn.Time  `json:"due_ms"`  // 0 = too few have said so
}

// Support is a guardian's word for a key.
type Support struct {
	Guardian icn.DID `json:"guardian"`
	Key      icn.DID `json:"key"`
}

// recoveryTimer begins the names of the timers by which keys change.
const recoveryTimer = TimerPrefix + "recovery/"

// GuardiansOf are a member's guardians, if it has any.
func (f *Fold) GuardiansOf(d icn.DID) (Guardians, bool) { return f.guardians.Get(d) }

// RecoveryOf is what guardians have said about a member's key, if they have.
func (f *Fold) RecoveryOf(d icn.DID) (Recovery, bool) { return f.recoveries.Get(d) }

// recoverable says whether others can give d a key. A node's key lies on its
// machine, where its operators are; its word as a clerk is proven by its keys.
func (f *Fold) recoverable(d icn.DID) error {
	if _, node := f.Node(d); node {
		return fmt.Errorf("%w: %s is a node, and its key belongs to its machine", icn.ErrDenied, d.Short())
	}
	if m, ok := f.members.Get(d); !ok || m.Standing == Left {
		return fmt.Errorf("%w: %s is not a member", icn.ErrNotFound, d.Short())
	}
	return nil
}

func (f *Fold) setGuardians(s Step, o icn.GuardiansSet) ([]icn.Effect, []icn.EventBody, error) {
	if err := f.recoverable(s.Author); err != nil {
		return nil, nil, fmt.Errorf("guardians: %w", err)
	}
	if n := uint64(len(o.Guardians)); o.Needed > n || o.Needed == 0 && n > 0 {
		return nil, nil, fmt.Errorf("guardians: %w: %d of %d cannot help; say a number from 1 to %d", icn.ErrInvalid, o.Needed, n, n)
	}
	for i, g := range o.Guardians {
		switch {
		case g == s.Author:
			return nil, nil, fmt.Errorf("guardians: %w: nobody is their own guardian", icn.ErrInvalid)
		case slices.Contains(o.Guardians[:i], g):
			return nil, nil, fmt.Errorf("guardians: %w: %s is named twice", icn.ErrInvalid, g)
		case !f.Belongs(g):
			return nil, nil, fmt.Errorf("guardians: %w: %s does not belong to this federation", icn.ErrNotFound, g)
		}
	}
	events := []icn.EventBody{icn.GuardiansChanged{Member: s.Author, Guardians: append([]icn.DID{}, o.Guardians...), Needed: o.Needed}}
	if len(o.Guardians) == 0 {
		f.guardians.Delete(s.Author)
		return f.endRecovery(s.Author), events, nil
	}
	f.guardians.Put(s.Author, Guardians{All: slices.Clone(o.Guardians), Needed: o.Needed})
	r, ok := f.recoveries.Get(s.Author)
	if !ok {
		return nil, events, nil
	}
	r.Support = slices.DeleteFunc(slices.Clone(r.Support), func(x Support) bool { return !slices.Contains(o.Guardians, x.Guardian) })
	effects, more, _ := f.weigh(s, s.Author, r)
	return effects, append(events, more...), nil
}

// support takes a guardian's word for a key. That the key's owner agrees was
// checked.
func (f *Fold) support(s Step, o icn.RecoverySupport) ([]icn.Effect, []icn.EventBody, error) {
	if err := f.recoverable(o.Member); err != nil {
		return nil, nil, fmt.Errorf("recover key: %w", err)
	}
	g, _ := f.guardians.Get(o.Member)
	switch {
	case !slices.Contains(g.All, s.Author):
		return nil, nil, fmt.Errorf("recover key: %w: %s is not a guardian of %s", icn.ErrDenied, s.Author.Short(), o.Member.Short())
	case o.Key.Weak():
		return nil, nil, fmt.Errorf("recover key: %w: anybody could sign with that key", icn.ErrInvalid)
	case f.taken(o.Key):
		return nil, nil, fmt.Errorf("recover key: %w: that key is or was somebody's; make a new one", icn.ErrConflict)
	}
	r, _ := f.recoveries.Get(o.Member)
	r.Support = slices.DeleteFunc(slices.Clone(r.Support), func(x Support) bool { return x.Guardian == s.Author })
	r.Support = append(r.Support, Support{s.Author, o.Key})
	told := icn.RecoverySupported{Member: o.Member, Key: o.Key, Guardian: s.Author, Support: f.supporters(o.Member, r, o.Key), Needed: g.Needed}
	effects, more, after := f.weigh(s, o.Member, r)
	if after.Key == o.Key {
		told.Due = after.Due
	}
	return effects, append([]icn.EventBody{told}, more...), nil
}

// supporters is how many guardians want a member to have a key: those who are its
// guardians now and may speak.
func (f *Fold) supporters(d icn.DID, r Recovery, key icn.DID) (n uint64) {
	g, _ := f.guardians.Get(d)
	for _, x := range r.Support {
		if x.Key == key && slices.Contains(g.All, x.Guardian) && f.Belongs(x.Guardian) && !f.Suspended(x.Guardian) {
			n++
		}
	}
	return n
}

// weigh keeps what guardians said now: a recovery that has lost its support stops,
// and the first key that has enough begins one.
func (f *Fold) weigh(s Step, d icn.DID, r Recovery) (effects []icn.Effect, events []icn.EventBody, after Recovery) {
	g, _ := f.guardians.Get(d)
	if r.Due != 0 && f.supporters(d, r, r.Key) < g.Needed {
		r.Key, r.Due = icn.DID{}, 0
		effects = append(effects, icn.ClearTimer{Name: recoveryTimer + d.String()})
	}
	for _, x := range r.Support {
		if r.Due != 0 || f.taken(x.Key) || f.supporters(d, r, x.Key) < g.Needed {
			continue
		}
		if s.Rules.RecoveryMillis == 0 {
			f.recoveries.Delete(d)
			return effects, []icn.EventBody{f.setKey(d, Key{x.Key, s.Index, true})}, Recovery{}
		}
		r.Key, r.Due = x.Key, later(s.Time, s.Rules.RecoveryMillis)
		effects = append(effects, icn.SetTimer{Name: recoveryTimer + d.String(), Due: r.Due})
	}
	if len(r.Support) == 0 {
		f.recoveries.Delete(d)
		return effects, nil, r
	}
	f.recoveries.Put(d, r)
	return effects, nil, r
}

func (f *Fold) veto(s Step) ([]icn.Effect, []icn.EventBody, error) {
	if _, ok := f.recoveries.Get(s.Author); !ok {
		return nil, nil, fmt.Errorf("veto: %w: nobody wants to give %s another key", icn.ErrNotFound, s.Author.Short())
	}
	return f.endRecovery(s.Author), []icn.EventBody{icn.RecoveryVetoed{Member: s.Author}}, nil
}

// endRecovery forgets what guardians said.
func (f *Fold) endRecovery(d icn.DID) []icn.Effect {
	r, _ := f.recoveries.Get(d)
	f.recoveries.Delete(d)
	if r.Due == 0 {
		return nil
	}
	return []icn.Effect{icn.ClearTimer{Name: recoveryTimer + d.String()}}
}

// recovered gives a member the key that its guardians want, if they still do and
// it still can have it. The key counts from this entry on.
func (f *Fold) recovered(s Step, d icn.DID) []icn.EventBody {
	r, ok := f.recoveries.Get(d)
	if !ok || r.Due == 0 {
		return nil
	}
	g, _ := f.guardians.Get(d)
	if f.recoverable(d) != nil || f.taken(r.Key) || f.supporters(d, r, r.Key) < g.Needed {
		r.Key, r.Due = icn.DID{}, 0
		f.recoveries.Put(d, r)
		return nil
	}
	f.recoveries.Delete(d)
	return []icn.EventBody{f.setKey(d, Key{r.Key, s.Index - 1, true})}
}

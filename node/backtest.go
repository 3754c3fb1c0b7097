package node

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mana"
	"github.com/InterCooperative-Network/icn-core/store"
)

// BackTest tells what would have happened otherwise, had a proposal's rules been in
// force for a while. What people would have done then, it cannot know: it takes what
// they said.
type BackTest struct {
	From    uint64   `json:"from_entry"` // from it on the rules are others
	Since   icn.Time `json:"since_ms"`   // its time
	Entries uint64   `json:"entries"`    // that were replayed under both rules
	Words   []string `json:"words"`
	Was     Measures `json:"was"`
	Becomes Measures `json:"becomes"`
	// Accounts are those that would stand most otherwise, at most ten.
	Accounts []AccountShift `json:"accounts"`
	// Otherwise are statements that would have been refused, or applied, instead; the
	// first ten.
	Otherwise []Otherwise `json:"otherwise"`
}

// Measures sum up what happened in a stretch of the log.
type Measures struct {
	Refused     uint64 `json:"statements_refused"`
	Settled     uint64 `json:"jobs_settled"`
	RolledBack  uint64 `json:"jobs_rolled_back"`
	Bans        uint64 `json:"executors_banned"`
	Regenerated uint64 `json:"capacity_regenerated"`
	Burnt       uint64 `json:"capacity_burnt"`
	Lost        uint64 `json:"capacity_lost_at_caps"`
	Balances    uint64 `json:"balances"` // at the end
}

// AccountShift is an account that would stand otherwise.
type AccountShift struct {
	Account icn.DID `json:"account"`
	Was     uint64  `json:"was"`
	Becomes uint64  `json:"becomes"`
}

// Otherwise is a statement that would have had another answer.
type Otherwise struct {
	Index   uint64  `json:"index"`
	Author  icn.DID `json:"author"`
	Refused bool    `json:"refused"` // it would have been; else it would have been applied
	Reason  string  `json:"reason"`  // why it would have been, or was, refused
}

const (
	mostReplayed = 2_000_000
	mostShown    = 10
)

// BackTest replays the log on two machines beside the node's own, one of them with
// the rules that a proposal asks for from a time on, and compares.
func (n *Node) BackTest(ctx context.Context, id icn.CID, back time.Duration) (BackTest, error) {
	if !n.replaying.CompareAndSwap(false, true) {
		return BackTest{}, fmt.Errorf("back-test: %w: another one is under way; ask again when it is done", icn.ErrUnavailable)
	}
	defer n.replaying.Store(false)
	r := replay{verify: n.cfg.Verify}
	err := n.View(func(m *core.Machine) {
		p, ok := m.Proposal(id)
		if r.found = ok; !ok {
			return
		}
		if set, ok := p.Motion.(icn.SetRules); ok {
			r.settings = set.Settings
		}
		r.head, r.genesis = m.Head(), m.Genesis().Block()
	})
	switch {
	case err != nil:
		return BackTest{}, err
	case !r.found:
		return BackTest{}, unknownProposal(id)
	case len(r.settings) == 0:
		return BackTest{}, fmt.Errorf("back-test: %w: only a change of parameters can be tried on the past", icn.ErrInvalid)
	case r.head.Index > mostReplayed:
		return BackTest{}, fmt.Errorf("back-test: %w: the log has %d entries, more than the %d that are replayed at most", icn.ErrUnavailable, r.head.Index, mostReplayed)
	}
	if r.st, err = n.here(); err != nil {
		return BackTest{}, err
	}
	r.out.Since = max(r.head.Time-icn.Time(back.Milliseconds()), 0)
	switch err := r.run(ctx); {
	case ctx.Err() != nil:
		return r.out, fmt.Errorf("back-test: %w: it was broken off", icn.ErrUnavailable)
	case err != nil:
		return r.out, fmt.Errorf("back-test: %w", err)
	}
	return r.out, nil
}

// replay is a back-test under way.
type replay struct {
	st       store.Store
	verify   core.Verify
	genesis  icn.Block
	head     core.Head
	settings []icn.Setting
	found    bool

	real, other *core.Machine // other is nil until the rules differ
	before      mana.Totals   // when they began to
	out         BackTest
}

func (r *replay) run(ctx context.Context) (err error) {
	if r.real, err = core.New(r.genesis, r.verify); err != nil {
		return err
	}
	var bad error
	err = r.st.Scan(store.Range{From: EntryKey(1), To: EntryKey(r.head.Index + 1)}, func(_, v []byte) bool {
		bad = r.entry(slices.Clone(v))
		if bad == nil && r.real.Head().Index%256 == 0 {
			bad = ctx.Err()
		}
		return bad == nil
	})
	switch {
	case bad != nil:
		return bad
	case err != nil:
		return err
	case r.real.Head().Index == 0 && r.head.Index > 0:
		return fmt.Errorf("%w: the log's beginning is not here", icn.ErrUnavailable)
	}
	if r.other == nil { // nothing happened since
		if err := r.part(); err != nil {
			return err
		}
	}
	r.conclude()
	return nil
}

// entry applies an entry to both machines.
func (r *replay) entry(leaf []byte) error {
	e, err := icn.DecodeEntry(leaf)
	if err != nil {
		return err
	}
	if e.Index != r.real.Head().Index+1 {
		return fmt.Errorf("%w: entry %d is not here", icn.ErrUnavailable, r.real.Head().Index+1)
	}
	if r.other == nil && e.Time >= r.out.Since {
		if err := r.part(); err != nil {
			return err
		}
	}
	is, err := r.real.Apply(*e, trusted(r.st, r.real, *e))
	if err != nil || r.other == nil {
		return err
	}
	would, err := r.other.Apply(*e, trusted(r.st, r.other, *e))
	if err != nil {
		return err
	}
	r.out.Entries++
	r.out.Was.count(is.Events)
	r.out.Becomes.count(would.Events)
	if (is.Refused == nil) != (would.Refused == nil) && len(r.out.Otherwise) < mostShown {
		o := Otherwise{Index: e.Index, Author: e.Statement.Author, Refused: would.Refused != nil}
		if o.Refused {
			o.Reason = would.Refused.Error()
		} else {
			o.Reason = is.Refused.Error()
		}
		r.out.Otherwise = append(r.out.Otherwise, o)
	}
	return nil
}

// part makes the other machine, under the other rules.
func (r *replay) part() (err error) {
	if r.other, err = core.Restore(r.genesis, r.verify, r.real.Snapshot()); err != nil {
		return err
	}
	rules := r.real.Rules()
	for _, s := range r.settings {
		if rules, err = rules.With(s.Name, s.Value); err != nil {
			return err
		}
	}
	if err := rules.Check(); err != nil {
		return err
	}
	r.out.From = r.real.Head().Index + 1
	r.real.CatchUp()
	r.before = r.real.Totals()
	r.other.Suppose(rules)
	return nil
}

func (m *Measures) count(events []icn.Event) {
	for _, e := range events {
		switch e.Body.(type) {
		case icn.Refused:
			m.Refused++
		case icn.JobSettled:
			m.Settled++
		case icn.JobRolledBack:
			m.RolledBack++
		case icn.ExecutorBanned:
			m.Bans++
		}
	}
}

func (m *Measures) sum(before, after mana.Totals) {
	m.Regenerated, m.Burnt = after.Regenerated-before.Regenerated, after.Burnt-before.Burnt
	m.Lost, m.Balances = after.Lost-before.Lost, after.Balances
}

// conclude compares where both machines came to.
func (r *replay) conclude() {
	r.real.CatchUp()
	r.other.CatchUp()
	r.out.Was.sum(r.before, r.real.Totals())
	r.out.Becomes.sum(r.before, r.other.Totals())
	a, b := survey(r.real), survey(r.other)
	shifts := []AccountShift{}
	for _, d := range a.all {
		if x, y := a.people[d].Balance, b.people[d].Balance; x != y {
			shifts = append(shifts, AccountShift{d, x, y})
		}
	}
	apart := func(s AccountShift) uint64 { return max(s.Was, s.Becomes) - min(s.Was, s.Becomes) }
	slices.SortStableFunc(shifts, func(x, y AccountShift) int { return cmp.Compare(apart(y), apart(x)) })
	moved := len(shifts)
	r.out.Accounts = shifts[:min(moved, mostShown)]
	r.out.Otherwise = filled(r.out.Otherwise)
	r.out.say(moved, len(a.all), namer(r.real))
}

// say puts the comparison into words.
func (t *BackTest) say(moved, accounts int, name func(icn.DID) string) {
	say := func(format string, args ...any) { t.Words = append(t.Words, fmt.Sprintf(format, args...)) }
	say("Replayed %d entries, from entry %d (%s) on; what people said is taken as it was.", t.Entries, t.From, time.UnixMilli(int64(t.Since)).UTC().Format(time.DateOnly))
	for _, x := range []struct {
		what    string
		was, is uint64
	}{
		{"Statements refused", t.Was.Refused, t.Becomes.Refused},
		{"Jobs settled", t.Was.Settled, t.Becomes.Settled},
		{"Jobs rolled back", t.Was.RolledBack, t.Becomes.RolledBack},
		{"Executors banned", t.Was.Bans, t.Becomes.Bans},
		{"Capacity regenerated", t.Was.Regenerated, t.Becomes.Regenerated},
		{"Capacity burnt", t.Was.Burnt, t.Becomes.Burnt},
		{"Capacity lost at caps", t.Was.Lost, t.Becomes.Lost},
	} {
		if x.was != x.is {
			say("%s: %d instead of %d.", x.what, x.is, x.was)
		}
	}
	if moved > 0 {
		say("%d of %d accounts would stand otherwise today.", moved, accounts)
	}
	for _, s := range t.Accounts {
		say("%s would have %d instead of %d.", name(s.Account), s.Becomes, s.Was)
	}
	if len(t.Words) == 1 {
		say("Nothing would have been otherwise.")
	}
}

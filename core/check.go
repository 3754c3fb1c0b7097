package core

import (
	"fmt"
	"strings"

	"github.com/InterCooperative-Network/icn-core/governance"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/mana"
	"github.com/InterCooperative-Network/icn-core/mesh"
)

// CheckAccounts re-adds every account and compares with the sums, and with what
// each submitter's open jobs hold: the oracle of tests and of `dag verify`.
func (m *Machine) CheckAccounts() error {
	budgets := map[icn.DID]uint64{}
	var budget, balances, held uint64
	m.mesh.Each(func(_ icn.CID, j mesh.Job) bool {
		budgets[j.Submitter] += j.Held()
		budget += j.Held()
		return true
	})
	var err error
	m.mana.Each(func(d icn.DID, a mana.Account) bool {
		balances, held = balances+a.Balance, held+a.Held
		if a.Held != budgets[d] {
			err = fmt.Errorf("account %s: %w: %d held, its open jobs hold %d", d, icn.ErrCorrupt, a.Held, budgets[d])
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	if budget != held {
		return fmt.Errorf("accounts: %w: open jobs hold %d, accounts %d", icn.ErrCorrupt, budget, held)
	}
	if t := m.mana.Totals(); balances != t.Balances || held != t.Held || !t.Balanced() {
		return fmt.Errorf("accounts: %w: balances %d, held %d, sums %+v", icn.ErrCorrupt, balances, held, t)
	}
	return nil
}

// checkParts says whether the folds know the same things of each other: what
// they rely on when they go on from here.
func (m *Machine) checkParts() error {
	if err := m.Rules().Check(); err != nil {
		return err
	}
	if err := m.CheckAccounts(); err != nil {
		return err
	}
	if err := m.identity.Check(); err != nil {
		return err
	}
	if err := m.checkMembers(); err != nil {
		return err
	}
	if err := m.checkVotes(); err != nil {
		return err
	}
	var err error
	jobs := 0
	m.timers.due.Each(func(name string, due icn.Time) bool {
		if name == checkpointTimer || strings.HasPrefix(name, identity.TimerPrefix) || governance.IsTimer(name) {
			return true
		}
		jobs++
		id, check, bad := mesh.TimerJob(name)
		j, open := m.mesh.Job(id)
		at := j.Due
		if check {
			var c mesh.Check
			c, open = m.mesh.Settled(id)
			at = c.Due
		}
		if bad != nil || !open || at != due {
			err = fmt.Errorf("timer %q: %w: no open job is due then", name, icn.ErrCorrupt)
		}
		return err == nil
	})
	checks := 0
	m.mesh.Checks(func(icn.CID, mesh.Check) bool {
		checks++
		return true
	})
	if err == nil && jobs != m.mesh.Open()+checks {
		err = fmt.Errorf("timers: %w: %d of %d open jobs have one", icn.ErrCorrupt, jobs, m.mesh.Open()+checks)
	}
	if _, set := m.timers.due.Get(checkpointTimer); err == nil && set != (m.Head().Changed != 0) {
		err = fmt.Errorf("timers: %w: one for the next checkpoint, or what it would sign, is missing", icn.ErrCorrupt)
	}
	if err == nil {
		err = m.mesh.Check()
	}
	m.mesh.Each(func(id icn.CID, j mesh.Job) bool {
		if err == nil && (j.Budget == 0 || j.Phase != mesh.Posted && j.Phase != mesh.Assigned) {
			err = fmt.Errorf("job %s: %w: budget %d, phase %d", id, icn.ErrCorrupt, j.Budget, j.Phase)
		}
		return err == nil
	})
	return err
}

// checkMembers says whether suspensions and recoveries have their timers, and no
// others are there; and whether the row of the clerks is up to date.
func (m *Machine) checkMembers() (err error) {
	set, wanted := 0, 0
	m.timers.due.Each(func(name string, _ icn.Time) bool {
		if strings.HasPrefix(name, identity.TimerPrefix) {
			set++
		}
		return true
	})
	m.identity.Timers(func(name string, due icn.Time) {
		wanted++
		if at, ok := m.timers.due.Get(name); !ok || at != due {
			err = fmt.Errorf("timer %q: %w: it is not set", name, icn.ErrCorrupt)
		}
	})
	switch {
	case err != nil:
		return err
	case set != wanted:
		return fmt.Errorf("timers: %w: %d of members are set, not %d", icn.ErrCorrupt, set, wanted)
	case !m.identity.ClerksKept(m.Rules()):
		return fmt.Errorf("clerks: %w: their row does not tell who they are", icn.ErrCorrupt)
	}
	return nil
}

// checkVotes says whether every proposal that waits for a time has its timer, and
// whether what is counted with is there.
func (m *Machine) checkVotes() error {
	if err := m.votes.Check(); err != nil {
		return err
	}
	wanted, set := 0, 0
	var err error
	m.votes.Timers(func(name string, due icn.Time) {
		wanted++
		if at, ok := m.timers.due.Get(name); !ok || at != due {
			err = fmt.Errorf("timer %q: %w: it is not set", name, icn.ErrCorrupt)
		}
	})
	m.timers.due.Each(func(name string, _ icn.Time) bool {
		if governance.IsTimer(name) {
			set++
		}
		return true
	})
	if err == nil && set != wanted {
		err = fmt.Errorf("timers: %w: %d of votes are set, not %d", icn.ErrCorrupt, set, wanted)
	}
	return err
}

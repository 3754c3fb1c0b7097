package identity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// TimerPrefix begins the names of the fold's timers.
const TimerPrefix = "identity/"

// suspensionTimer begins the names of the timers that end suspensions.
const suspensionTimer = TimerPrefix + "suspended/"

// lastMoment is the latest time that has a wire form.
const lastMoment icn.Time = 1 << 53

// later is a span after a time, as far as there is such a time.
func later(t icn.Time, millis uint64) icn.Time {
	return min(t+icn.Time(min(millis, 1<<53)), lastMoment)
}

// Enact carries out what was voted on, if it is about who belongs or who orders
// the log, or says why it cannot be done. The events' times are those of this
// entry; all else in them is the same whenever it is carried out.
func (f *Fold) Enact(s Step, motion icn.Motion) ([]icn.Effect, []icn.EventBody, error) {
	switch m := motion.(type) {
	case icn.AdmitMember:
		if err := f.mayJoin(m.Member, m.Role); err != nil {
			return nil, nil, fmt.Errorf("admit member: %w", err)
		}
		effects, events := f.join(s, m.Member, m.Role, m.Name)
		return effects, events, nil
	case icn.RemoveMember:
		old, err := f.present("remove", m.Member)
		if err != nil {
			return nil, nil, err
		}
		return f.end(s, m.Member, old), []icn.EventBody{icn.MemberLeft{Member: m.Member, Reason: m.Reason}}, nil
	case icn.SuspendMember:
		return f.suspend(s, m)
	case icn.ReinstateMember:
		return f.reinstate(s, m)
	case icn.SetClerks:
		return f.setClerks(m)
	case icn.ExpelNode:
		return f.enactExpulsion(m)
	}
	return nil, nil, fmt.Errorf("%s: %w: not a motion about who belongs", motion.MotionKind(), icn.ErrInvalid)
}

// present is a member that has not left.
func (f *Fold) present(what string, d icn.DID) (Member, error) {
	m, ok := f.members.Get(d)
	switch {
	case !ok:
		return m, fmt.Errorf("%s member: %w: %s is not a member", what, icn.ErrNotFound, d)
	case m.Standing == Left:
		return m, fmt.Errorf("%s member: %w: %s has left", what, icn.ErrConflict, d)
	}
	return m, nil
}

func (f *Fold) suspend(s Step, m icn.SuspendMember) ([]icn.Effect, []icn.EventBody, error) {
	old, err := f.present("suspend", m.Member)
	if err != nil {
		return nil, nil, err
	}
	if old.Standing == Suspended {
		return nil, nil, fmt.Errorf("suspend member: %w: %s is suspended already", icn.ErrConflict, m.Member)
	}
	told := icn.MemberSuspended{Member: m.Member, Reason: m.Reason}
	var effects []icn.Effect
	if m.Millis > 0 {
		told.Until = later(s.Time, m.Millis)
		effects = append(effects, icn.SetTimer{Name: suspensionTimer + m.Member.String(), Due: told.Until})
	}
	f.members.Put(m.Member, old.gone(s.Index, Suspended, told.Until))
	return effects, []icn.EventBody{told}, nil
}

func (f *Fold) reinstate(s Step, m icn.ReinstateMember) ([]icn.Effect, []icn.EventBody, error) {
	old, err := f.present("reinstate", m.Member)
	if err != nil {
		return nil, nil, err
	}
	if old.Standing != Suspended {
		return nil, nil, fmt.Errorf("reinstate member: %w: %s is not suspended", icn.ErrConflict, m.Member)
	}
	var effects []icn.Effect
	if old.Until != 0 {
		effects = append(effects, icn.ClearTimer{Name: suspensionTimer + m.Member.String()})
	}
	f.members.Put(m.Member, old.joined(s.Index))
	return effects, []icn.EventBody{icn.MemberReinstated{Member: m.Member}}, nil
}

func (f *Fold) setClerks(m icn.SetClerks) ([]icn.Effect, []icn.EventBody, error) {
	for i, d := range m.Nodes {
		switch _, ok := f.Node(d); {
		case !ok:
			return nil, nil, fmt.Errorf("choose clerks: %w: %s is not a node of this federation", icn.ErrConflict, d)
		case slices.Contains(m.Nodes[:i], d):
			return nil, nil, fmt.Errorf("choose clerks: %w: %s is named twice", icn.ErrInvalid, d)
		}
	}
	told := icn.ClerksChosen{Nodes: append([]icn.DID{}, m.Nodes...), Was: append([]icn.DID{}, f.Choice()...)}
	f.choose(slices.Clone(m.Nodes))
	f.Refresh()
	return nil, []icn.EventBody{told}, nil
}

// enactExpulsion is a vote's word where else a majority of the clerks has it.
func (f *Fold) enactExpulsion(m icn.ExpelNode) ([]icn.Effect, []icn.EventBody, error) {
	n, ok := f.Node(m.Node)
	switch {
	case !ok:
		return nil, nil, fmt.Errorf("expel node %s: %w: it does not belong to this federation", m.Node.Short(), icn.ErrNotFound)
	case len(f.active) == 1:
		return nil, nil, fmt.Errorf("expel node %s: %w: it is the last one", m.Node.Short(), icn.ErrConflict)
	}
	f.out(m.Node, n)
	return nil, []icn.EventBody{icn.NodeLeft{Node: m.Node, Expelled: true, Reason: m.Reason}}, nil
}

// Fire does what a timer of the fold's was set for.
func (f *Fold) Fire(s Step, name string) ([]icn.Effect, []icn.EventBody) {
	if d, ok := timerOf(name, recoveryTimer); ok {
		return nil, f.recovered(s, d)
	}
	d, _ := timerOf(name, suspensionTimer)
	m, ok := f.members.Get(d)
	if !ok || m.Standing != Suspended {
		return nil, nil
	}
	f.members.Put(d, m.joined(s.Index))
	return nil, []icn.EventBody{icn.MemberReinstated{Member: d}}
}

func timerOf(name, prefix string) (icn.DID, bool) {
	rest, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return icn.DID{}, false
	}
	d, err := icn.ParseDID(rest)
	return d, err == nil
}

// Timers calls fn for each timer that must be set, with its time.
func (f *Fold) Timers(fn func(name string, due icn.Time)) {
	f.members.Each(func(d icn.DID, m Member) bool {
		if m.Until != 0 {
			fn(suspensionTimer+d.String(), m.Until)
		}
		return true
	})
	f.recoveries.Each(func(d icn.DID, r Recovery) bool {
		if r.Due != 0 {
			fn(recoveryTimer+d.String(), r.Due)
		}
		return true
	})
}

package core

import (
	"github.com/InterCooperative-Network/icn-core/icn"
)

// Rehearsal is what enacting a motion at this moment would change. Before and After
// see the same machine, without and with it.
type Rehearsal struct {
	Events     []icn.EventBody // its immediate effects, which the enactment is bound by
	Followed   []icn.EventBody // what else comes of them at once
	Difference icn.CID
}

// Rehearse enacts a motion, lets after look at the machine, and undoes all of it.
func (m *Machine) Rehearse(motion icn.Motion, after func()) (out Rehearsal, err error) {
	h := m.Head()
	h.Index++
	r := run{m: m, head: h}
	err = m.db.Try(func() (bool, error) {
		if out.Events, err = r.perform(motion); err != nil {
			return false, err
		}
		out.Followed = bodies(r.out.Events)
		if r.out.Nodes {
			m.identity.KeepClerks(m.Rules())
		}
		if after != nil {
			after()
		}
		return false, nil
	})
	r.back(Outcome{}, Head{})
	if err != nil {
		return Rehearsal{}, err
	}
	out.Difference, err = icn.Difference(out.Events)
	return out, err
}

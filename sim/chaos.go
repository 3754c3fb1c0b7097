package sim

import "slices"

// chaos lets something go wrong now and then, until it is time to heal.
func (w *World) chaos() {
	if w.now >= w.opt.Millis {
		return
	}
	w.at(150+w.rng.Int64N(700), w.chaos)
	if w.now < w.calmUntil {
		return
	}
	m := w.pick(func(m *machine) bool { return m.up() && m.admitted })
	if m == nil {
		return
	}
	switch w.rng.IntN(12) {
	case 11:
		w.farewell(m)
	case 0, 1:
		m.crash()
		w.at(50+w.rng.Int64N(2000), m.restart)
	case 2: // whoever leads
		for _, x := range w.nodes {
			if x.up() && w.oracle.leads(x) {
				x.crash()
				w.at(50+w.rng.Int64N(1500), x.restart)
				break
			}
		}
	case 3:
		w.split()
		w.at(100+w.rng.Int64N(2000), w.rejoin)
	case 4:
		m.disk.broken = errDisk // the next write fails, and the node with it
	case 5: // all at once
		if w.rng.IntN(3) == 0 {
			for _, x := range w.nodes {
				if x.up() {
					x.crash()
					w.at(50+w.rng.Int64N(500), x.restart)
				}
			}
		}
	case 6, 9, 10:
		if m.backup == nil {
			m.backup, m.backupAt, m.backupAstray = m.disk.copy(), w.now, w.oracle.astray[m.n]
		} else {
			w.restore(m)
		}
	case 7:
		w.skew(m)
	case 8:
		w.net.loss = w.rng.Float64() * 0.2
		w.at(300+w.rng.Int64N(1000), func() { w.net.loss = 0.02 })
	}
}

// restore puts a node's old backup back, as an operator might, while the others
// are well: what they all forgot at once, nobody can know, and a clerk that came back
// before has its voice again. Nodes remember of each other what they told in their
// beacons, so the backup must be older than that.
func (w *World) restore(m *machine) {
	if w.now < m.backupAt+3000 || w.net.loss > 0.05 || len(w.net.side) > 0 {
		return
	}
	for _, x := range w.nodes {
		if x.admitted && (!x.up() || w.oracle.unsure(x) || x.disk.broken != nil) {
			return
		}
		if !x.up() {
			continue
		}
		if s := w.oracle.status(x); s.Role == "clerk" && !slices.Contains(s.Order.Voters, s.Order.ID) {
			return
		}
	}
	w.calmUntil = w.now + 1500
	m.crash()
	m.disk = m.backup
	m.backup = nil
	if delete(w.oracle.astray, m.n); m.backupAstray != 0 {
		w.oracle.astray[m.n] = m.backupAstray // it holds the false log of then
	}
	w.Count.Restores++
	w.note(7, uint64(m.n))
	w.at(50+w.rng.Int64N(300), m.restart)
}

// skew lets a clock run hours off for a while.
func (w *World) skew(m *machine) {
	if w.rng.IntN(3) != 0 {
		return
	}
	for _, x := range w.nodes {
		if x.skew > 1000 || x.skew < -1000 {
			return
		}
	}
	old := m.skew
	m.skew += 2 * 3600_000
	if w.rng.IntN(2) == 0 {
		m.skew = old - 2*3600_000
	}
	w.Count.Skews++
	w.note(8, uint64(m.n), uint64(m.skew))
	m.crash() // a clock is set while the machine is down
	w.at(50, m.restart)
	w.at(1500+w.rng.Int64N(1500), func() {
		m.skew = old
		m.crash()
		w.at(50, m.restart)
	})
}

// heal ends all faults.
func (w *World) heal() {
	w.net.loss, w.net.double = 0, 0
	for _, m := range w.nodes {
		if m.skew > 1000 || m.skew < -1000 {
			m.skew = 0
			m.crash()
		}
		m.disk.broken, m.lost = nil, false
		m.restart()
	}
	w.rejoin()
	w.at(500, w.appeal)
}

// pick chooses a node among those that fit, or nil.
func (w *World) pick(fits func(*machine) bool) *machine {
	var c []*machine
	for _, m := range w.nodes {
		if fits(m) {
			c = append(c, m)
		}
	}
	if len(c) == 0 {
		return nil
	}
	return c[w.rng.IntN(len(c))]
}

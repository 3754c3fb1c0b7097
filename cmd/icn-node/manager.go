package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/InterCooperative-Network/icn-core/launch"
	"github.com/InterCooperative-Network/icn-core/node"
)

const (
	statusEvery = 30 * time.Second // without a watchdog, how often it is told how things stand
	betweenTime = 5 * time.Minute  // how long a node may take to end and start again under a watchdog
)

// manager is the service manager (systemd) that started this program: it is told
// when the node serves, how it stands, and again and again that its loop answers.
// Without one ($NOTIFY_SOCKET is not set) nothing is told.
type manager struct {
	log     *launch.Logs
	every   time.Duration
	guarded bool
	asked   atomic.Pointer[asked]
	stop    context.CancelFunc
	work    sync.WaitGroup
}

// asked is what tells whether the program is alive.
type asked struct {
	status func(context.Context) (node.Status, error) // nil: there is no loop to ask
	text   string                                     // said where there is no loop
	until  time.Time                                  // without a loop, when patience ends; zero: never
}

// newManager begins to tell; end ends it.
func newManager(log *launch.Logs) *manager {
	m := &manager{log: log, every: statusEvery, stop: func() {}}
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("the service manager's watchdog is left alone", "error", err)
	}
	if limit > 0 {
		m.every, m.guarded = limit/3, true
	}
	m.between("starting")
	if told, _ := daemon.SdNotify(false, "STATUS=starting"); !told { // an error is told by the next word
		return m
	}
	var ctx context.Context
	ctx, m.stop = context.WithCancel(context.Background())
	m.work.Go(func() { m.watch(ctx) })
	return m
}

func (m *manager) end() {
	m.stop()
	m.work.Wait()
}

func (m *manager) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		m.log.Warn("the service manager does not hear this node", "error", err)
	}
}

// serves says that the node does what it is there for.
func (m *manager) serves(n *launch.Running) {
	m.asked.Store(&asked{status: n.Node().Status})
	m.tell("READY=1\nSTATUS=serving " + n.APIURL())
}

// standsBy says that the process is ready, and works as soon as the active one ends.
func (m *manager) standsBy() {
	const text = "standing by: another process of this node works in the database"
	m.asked.Store(&asked{text: text})
	m.tell("READY=1\nSTATUS=" + text)
}

// between says that there is no loop for a while.
func (m *manager) between(text string) {
	m.asked.Store(&asked{text: text, until: time.Now().Add(betweenTime)})
}

// reload says that the configuration is read again while f runs.
func (m *manager) reload(f func()) {
	m.tell(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
	f()
	m.tell(daemon.SdNotifyReady)
}

// watch tells at every beat how the node stands. A loop that does not answer in time
// is not spoken for: when that lasts, the manager ends this program and starts it
// again.
func (m *manager) watch(ctx context.Context) {
	tick := time.NewTicker(m.every)
	defer tick.Stop()
	for {
		m.beat(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (m *manager) beat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, m.every)
	defer cancel()
	who := m.asked.Load()
	text, alive := who.text, who.until.IsZero() || time.Now().Before(who.until)
	if who.status != nil {
		s, err := who.status(ctx)
		if text, alive = line(s), err == nil; !alive {
			text = "the node's loop does not answer"
		}
	}
	if ctx.Err() != nil && alive || m.asked.Load() != who {
		return // it ends, or became something else meanwhile
	}
	state := "STATUS=" + text
	if alive && m.guarded {
		state += "\n" + daemon.SdNotifyWatchdog
	}
	m.tell(state)
}

// line is how a node stands, in one line.
func line(s node.Status) string {
	if s.State != "running" {
		return s.State
	}
	linked := 0
	for _, p := range s.Peers {
		if p.Linked {
			linked++
		}
	}
	return fmt.Sprintf("%s of %s, entry %d, linked with %d of %d other nodes, %d jobs run here", s.Role, s.Federation, s.Height, linked, len(s.Peers), s.Running)
}

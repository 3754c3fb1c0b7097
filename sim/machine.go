package sim

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/node"
)

// didOf makes an identity from a name.
func didOf(name string) icn.DID { return icn.DID(sha256.Sum256([]byte(name))) }

// sign stands for a signature: only whoever asks for it in an author's name gets
// one that verifies.
func sign(d icn.DID, msg []byte) []byte {
	h := sha256.Sum256(append(append([]byte("sig"), d[:]...), msg...))
	return append(h[:], h[:]...)
}

func verify(key [32]byte, msg, sig []byte) bool {
	return bytes.Equal(sign(icn.DID(key), msg), sig)
}

func verifyBatch(items []node.SigItem) []bool {
	out := make([]bool, len(items))
	for i, x := range items {
		out[i] = verify(x.Key, x.Msg, x.Sig)
	}
	return out
}

// machine is a simulated computer with a node on it.
type machine struct {
	w        *World
	n        int
	did      icn.DID
	key      icn.DID // that it signs with
	keys     int     // that it has had
	next     icn.DID // the one that it has said it takes, and has not seen in the log
	disk     *disk
	loop     *node.Loop
	life     int // counts starts, so that what belongs to a former life is dropped
	skew     int64
	welcome  node.Welcome
	admitted bool
	turning  bool
	backup   *disk
	backupAt int64
	// backupAstray is the first entry of a false log that the backup holds; 0 = none.
	backupAstray uint64
	liar         bool // it invents the outcomes of jobs
	mute         bool // it never answers for jobs
	twister      bool // it lies about the log to those whom it feeds
	sent         int  // bytes
	gone         bool // it has left the federation, or was expelled
	lost         bool // it stays down until everything is over

	withholds bool // while it leads, it leaves out what some say
	forges    bool // it signs false checkpoints
}

func (m *machine) up() bool { return m.loop != nil }

// DID implements node.Signer.
func (m *machine) DID() icn.DID { return m.did }

// Public implements node.Signer.
func (m *machine) Public() [32]byte { return m.key }

// Sign implements node.Signer.
func (m *machine) Sign(msg []byte) []byte { return sign(m.key, msg) }

// rotate takes a new key, with which the node goes on after a restart. As a real one
// it takes no third key before it knows which of its two counts.
func (m *machine) rotate() {
	w := m.w
	if m.next.IsZero() {
		m.keys++
		m.next = didOf(fmt.Sprint("node ", m.n, " key ", m.keys))
	}
	w.sayOps(m, icn.KeyRotate{Key: m.next, Proof: [64]byte(sign(m.next, icn.RotationBytes(w.genesis.CID, m.did, m.next)))})
}

// rotated is told by the node which key the log has for it.
func (m *machine) rotated(life int, key icn.DID) {
	if key == m.key {
		return
	}
	m.w.at(1, func() {
		if m.life != life {
			return
		}
		m.key = key
		if key == m.next {
			m.next = icn.DID{}
		}
		m.w.Count.Rotated++
		m.crash()
		m.w.at(20, m.restart)
	})
}

// otherKey has a node with two keys try the other one when nobody takes it for who
// it is: its store may not have heard that the first one is gone.
func (m *machine) otherKey(life int) {
	if m.next.IsZero() {
		return
	}
	m.w.at(3000, func() {
		if m.life == life && m.up() && !m.next.IsZero() && m.w.oracle.unsure(m) {
			m.key, m.next = m.next, m.key
			m.crash()
			m.w.at(20, m.restart)
		}
	})
}

func (m *machine) clock() icn.Time { return icn.Time(epoch + m.w.now + m.skew) }

// start begins a life of the node.
func (m *machine) start() {
	w := m.w
	m.life++
	life := m.life
	l, err := node.NewLoop(node.LoopConfig{
		Signer: m, Genesis: w.genesis, RaftID: m.welcome.RaftID, Hints: m.welcome.Peers, Store: m.disk,
		Verify: verify, VerifyBatch: verifyBatch,
		Send: func(to icn.DID, _ node.Kind, frame []byte) {
			if m.forges {
				frame = m.forgeSign(to, frame)
			}
			w.net.send(m, to, frame)
		},
		Run:     func(r node.Run) { m.run(life, r) },
		Stop:    func(id icn.CID, attempt uint32) { m.stopped(life, id, attempt) },
		Rotated: func(key icn.DID) { m.rotated(life, key) },
		Applied: func(e icn.Entry, out core.Outcome) { w.oracle.applied(m, e, out) },
		Jitter:  func(n int64) int64 { return w.rng.Int64N(max(n, 1)) },
		Release: "sim", Log: w.opt.Log.With("node", m.n),
		Tuning: w.tuning(),
	}, m.clock())
	w.note(1, uint64(m.n), uint64(m.life))
	if err != nil {
		w.fail("node %d does not start: %v", m.n, err)
		return
	}
	m.loop = l
	m.otherKey(life)
	m.turn()
	m.tick(life)
	for _, p := range w.nodes {
		if p != m && p.up() {
			w.net.link(m, p)
		}
	}
}

// tick gives the loop its turns while nothing else happens.
func (m *machine) tick(life int) {
	if m.life != life || !m.up() {
		return
	}
	m.w.at(int64(m.loop.Wake()-m.clock())+1, func() {
		if m.life == life && m.up() {
			m.turn()
			m.tick(life)
		}
	})
}

// do hands the loop something and gives it a turn.
func (m *machine) do(life int, f func(*node.Loop)) {
	if m.life == life && m.up() {
		f(m.loop)
		m.turn()
	}
}

func (m *machine) turn() {
	l := m.loop
	err := l.Turn(m.clock())
	if err == nil {
		return
	}
	if errors.Is(err, errDisk) {
		m.w.Count.DiskErrors++
		m.crash()
		m.w.at(100+m.w.rng.Int64N(500), m.restart)
		return
	}
	m.w.fail("node %d stops: %v", m.n, err)
}

var errDisk = errors.New("simulated disk error")

// crash ends the node's life, and loses what was not durable.
func (m *machine) crash() {
	if !m.up() {
		return
	}
	w := m.w
	w.Count.Crashes++
	m.loop = nil
	m.life++
	m.disk.crash(w.rng.IntN(len(m.disk.undo) + 1))
	w.note(2, uint64(m.n))
	for _, p := range w.nodes {
		if p != m && p.up() {
			w.net.unlink(p, m)
		}
	}
}

func (m *machine) restart() {
	if !m.up() && m.admitted && !m.gone && !m.lost {
		m.start()
	}
}

// outcome is what comes of a job, wherever and whenever it is run.
func outcome(r node.Run) icn.Outcome {
	h := sha256.Sum256([]byte(r.ID.KeyString()))
	o := icn.Outcome{Output: icn.SumCID(icn.Raw, []byte("output of "+r.ID.String())), Gas: 1000 + uint64(h[0])}
	if h[1]%20 == 0 {
		return icn.Outcome{Fault: icn.FaultTrap, Gas: o.Gas}
	}
	if g := r.Job.Spec.Grants; g.Submit > 0 {
		o.Spent = uint64(h[2]) % (g.Spend + 1)
		for range h[3] % 3 {
			o.Submits = append(o.Submits, icn.Submitted{Budget: g.Submit / 2, Spec: icn.JobSpec{Kind: icn.JobEcho, Inline: h[:8]}})
		}
	}
	return o
}

// run pretends to run a job: most succeed, some fail, some never end.
func (m *machine) run(life int, r node.Run) {
	w := m.w
	if w.opt.Stage != nil {
		m.staged(life, r)
		return
	}
	after := 5 + w.rng.Int64N(150)
	res := node.RunResult{Receipt: icn.JobReceipt{ABI: 1, Outcome: outcome(r)}}
	if m.liar {
		w.Count.Lies++ // each run of a liar
		res.Receipt.Outcome.Output = icn.SumCID(icn.Raw, fmt.Appendf(nil, "lie %d", w.rng.IntN(3)))
		res.Receipt.Outcome.Fault = icn.FaultNone
	}
	switch w.rng.IntN(20) {
	case 1:
		res = node.RunResult{Err: errors.New("simulated failure of the executor")}
	case 2:
		res = node.RunResult{Err: fmt.Errorf("simulated: %w", node.ErrNotRun), Declined: true}
	case 3:
		if !w.opt.Quiet && w.now < w.opt.Millis {
			return // never answers
		}
	}
	w.at(after, func() {
		m.do(life, func(l *node.Loop) { l.Ran(r.ID, r.Attempt, res) })
	})
}

// join asks a node that is up to take this one in, until it did.
func (m *machine) join() {
	w := m.w
	if m.up() {
		return
	}
	host := w.pick(func(x *machine) bool { return x.up() && x.admitted })
	again := func() { w.at(300+w.rng.Int64N(300), m.join) }
	if host == nil {
		again()
		return
	}
	host.do(host.life, func(l *node.Loop) {
		if wel := l.Welcome(m.did); wel.RaftID != 0 {
			m.welcome, m.admitted = wel, true
			w.Count.Joined++
			w.at(10, m.start)
			return
		}
		if _, err := l.SayOps([]icn.Op{icn.NodeAdmit{Node: m.did, Name: fmt.Sprint("late ", m.n)}}, icn.Time(epoch+w.now+10_000), func(node.Answer) {}); err != nil {
			w.note(9)
		}
		again()
	})
}

// tuning is how the world's nodes are tuned: hasty, so that much happens.
func (w *World) tuning() node.Tuning {
	if w.opt.Stage != nil && w.opt.Stage.Tune != (node.Tuning{}) {
		return w.opt.Stage.Tune
	}
	return node.Tuning{TickMillis: 20, BidMillis: 150, AbsentMillis: 800, SnapshotEvery: 60, KeepEntries: 20, Slots: 4, Queue: 8, Fed: w.opt.Fed,
		LeftOutMillis: 1500, DistrustMillis: 4000}
}

// stopped ends a run that nobody waits for any more.
func (m *machine) stopped(life int, id icn.CID, attempt uint32) {
	m.w.at(1, func() {
		m.do(life, func(l *node.Loop) { l.Ran(id, attempt, node.RunResult{Err: errors.New("stopped")}) })
	})
}

package node

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/order"
	"github.com/InterCooperative-Network/icn-core/store"
)

// Signer says things in the node's name.
type Signer interface {
	DID() icn.DID
	Public() [32]byte // the key that it signs with now
	Sign(msg []byte) []byte
}

// SigItem is one signature to be checked.
type SigItem struct {
	Key      [32]byte
	Msg, Sig []byte
}

// Tuning are the loop's times and sizes. The zero value means the defaults.
type Tuning struct {
	TickMillis       int64  // one tick of the order; an election takes 20 to 40 of them
	BidMillis        int64  // how long offers are awaited at most
	ResendMillis     int64  // how often a waiting statement is handed to the leader again
	BeaconMillis     int64  // how often a node tells how far it is
	AbsentMillis     int64  // how long an executor may be unreachable before its attempt is given up
	SkewMillis       int64  // how far a leader's clock may be off
	LeftOutMillis    int64  // how long a clerk lets a leader leave a statement out
	DistrustMillis   int64  // how long such a leader may not lead
	SnapshotEvery    uint64 // entries between two snapshots of the state
	KeepEntries      uint64 // entries that the order keeps behind a snapshot
	Slots            int    // jobs run at once
	MemoryMB         uint64 // that they may use together
	Queue            int    // jobs accepted beyond those
	MaxOutbox        int    // statements waiting here at most
	Fed              int    // learners that the leader feeds itself; they feed the others
	EarlyElectMillis int64  // after the link to the leader broke
}

func (t Tuning) withDefaults() Tuning {
	def := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&t.TickMillis, 25)
	def(&t.BidMillis, 500)
	def(&t.ResendMillis, 300)
	def(&t.BeaconMillis, 1000)
	def(&t.AbsentMillis, 3000)
	def(&t.SkewMillis, 120_000)
	def(&t.LeftOutMillis, 5000)
	def(&t.DistrustMillis, 30_000)
	def(&t.EarlyElectMillis, 30)
	if t.SnapshotEvery == 0 {
		t.SnapshotEvery = 4096
	}
	if t.KeepEntries == 0 {
		t.KeepEntries = 8192
	}
	if t.Slots == 0 {
		t.Slots = 2
	}
	if t.MemoryMB == 0 {
		t.MemoryMB = 4096
	}
	if t.Queue == 0 {
		t.Queue = 64
	}
	if t.MaxOutbox == 0 {
		t.MaxOutbox = 10_000
	}
	if t.Fed == 0 {
		t.Fed = foundingFed
	}
	return t
}

// LoopConfig is what a loop is made of. All functions are called from the
// goroutine that calls the loop, and must not block.
type LoopConfig struct {
	Signer      Signer
	Genesis     icn.Block
	RaftID      uint64 // the seat given by a Welcome; 0 = from the store or the genesis
	Hints       []Peer // peers that the log does not tell yet
	Store       store.Store
	Verify      core.Verify
	VerifyBatch func([]SigItem) []bool
	Send        func(to icn.DID, kind Kind, frame []byte)
	Run         func(Run)                        // start a job; answered by Loop.Ran
	Capable     func(icn.JobSpec) bool           // whether this machine meets a job's requirements; nil = always
	Profile     *icn.NodeProfile                 // what this node offers to jobs; nil: nothing is told
	Stop        func(id icn.CID, attempt uint32) // end a run that nobody waits for any more
	Applied     func(icn.Entry, core.Outcome)    // an entry was applied, and its events are stored
	Rotated     func(key icn.DID)                // the log has this key for this node, instead of its first one
	Offered     func(*icn.Bid)                   // an offer for a job that this node assigns; may be nil
	Learned     func([]Peer)                     // peers that the log does not tell yet, with their addresses
	Release     string                           // this program's version, told to peers
	Jitter      func(n int64) int64              // uniform in [0, n)
	Log         *slog.Logger
	Tuning      Tuning
}

// Loop is a node's one decision maker. It does no I/O but through its store and
// the functions it was given; it starts no goroutine and reads no clock: the
// node's shell and the simulator drive it alike, with events and [Loop.Turn].
//
// Its methods are for one goroutine, except [Loop.View].
type Loop struct {
	cfg  LoopConfig
	tune Tuning
	me   icn.DID
	st   store.Store
	log  *slog.Logger

	mu     sync.RWMutex // guards m against readers; only the loop writes
	m      *core.Machine
	eng    *order.Engine
	seat   seat
	roster roster

	now      icn.Time
	lastTick icn.Time
	ahead    icn.Time    // how far the log's time is ahead of this clock, when that is far
	folded   uint64      // events up to here are in the store
	snapAt   uint64      // entry of the last snapshot
	raftAt   uint64      // raft index of the last payload that the order gave and the machine has
	skip     uint64      // payloads after it that the machine has from the records or a feeder
	skipTime icn.Time    // of the last entry before those
	batch    store.Batch // what goes with the next durable write
	late     []out       // frames that wait for it
	shelf    store.Batch // what follows from applied entries

	outbox   outbox
	leading  leading
	auctions auctions
	work     work
	peers    peers
	points   points
	proofs   proofs
	gap      gap
	fed      fed
	feeds    feeds
	alarms   map[string]string
	noticed  string // the release that operators shall install, as far as it was looked at
	broken   error  // a write failed outside of a turn: the next one says so
}

type out struct {
	to    icn.DID
	kind  Kind
	frame []byte
}

// ErrSuperseded says that this node's seat is used elsewhere or was used later
// than its store remembers: it must not vote any more, and asks for a new seat.
var ErrSuperseded = errors.New("this store is older than what the federation saw of this node")

// NewLoop continues from what the store holds, or begins with the genesis.
func NewLoop(cfg LoopConfig, now icn.Time) (*Loop, error) {
	l := &Loop{cfg: cfg, tune: cfg.Tuning.withDefaults(), me: cfg.Signer.DID(), st: cfg.Store, log: cfg.Log, now: now, lastTick: now,
		alarms: map[string]string{}}
	l.initOutbox()
	l.initPeers()
	l.initWork()
	l.initFed()
	if err := l.openSeat(); err != nil {
		return nil, err
	}
	if err := finishAnew(l.st); err != nil {
		return nil, err
	}
	if err := l.openState(); err != nil {
		return nil, err
	}
	if err := l.openRestored(); err != nil {
		return nil, err
	}
	l.updateRoster()
	if err := l.openOrder(); err != nil {
		return nil, err
	}
	if err := l.loadRest(); err != nil {
		return nil, err
	}
	l.m.Jobs(l.seeJob)
	if v := l.eng.Status().Voters; len(v) == 1 && v[0] == l.seat.raftID && !l.seat.stale {
		l.eng.Campaign() // nobody else to wait for
	}
	return l, nil
}

// loadRest takes up what else was under way when the node stopped.
func (l *Loop) loadRest() error {
	if v, err := l.st.Get([]byte(keyCert)); err == nil {
		if err := l.loadCertified(v); err != nil {
			return err
		}
	}
	if v, err := l.st.Get([]byte(keyPeers)); err == nil && l.cfg.Hints == nil {
		w, err := DecodeWelcome(v)
		if err != nil {
			return fmt.Errorf("peers: %w: %v", icn.ErrCorrupt, err)
		}
		l.cfg.Hints = w.Peers
		l.updateRoster()
	}
	if err := errors.Join(l.loadGap(), l.loadDoubt()); err != nil {
		return err
	}
	l.tellKey()
	l.checkMembership()
	if err := l.loadEvidence(); err != nil {
		return err
	}
	if err := l.loadNumber(); err != nil {
		return err
	}
	return l.loadOutbox()
}

// openState restores the machine from what is stored.
func (l *Loop) openState() error {
	s, err := openState(l.st, l.cfg.Genesis, l.cfg.Verify)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.m, l.folded, l.raftAt, l.skip, l.skipTime, l.snapAt = s.m, s.folded, s.raftAt, s.skip, s.skipTime, s.snapAt
	l.mu.Unlock()
	return errors.Join(l.loadProofs(), l.loadEras())
}

func (l *Loop) install(raftIndex uint64, data []byte) error {
	m, err := core.Restore(l.cfg.Genesis, l.cfg.Verify, data)
	if err != nil {
		return fmt.Errorf("snapshot at raft index %d: %w", raftIndex, err)
	}
	l.mu.Lock()
	l.m, l.raftAt, l.snapAt, l.skip, l.skipTime = m, raftIndex, m.Head().Index, 0, m.Head().Time
	l.mu.Unlock()
	l.work.verified = seen{} // keys may have changed in what it leapt over
	l.tellKey()
	return nil
}

// orderWindow is how many bytes of the newest statements are kept in memory for
// followers; who is further behind is sent what the store has.
const orderWindow = 2 << 20

// foundingFed is how many learners the order's first configuration holds, on every
// node alike, and how many the leader feeds if nothing else is said.
const foundingFed = 32

func (l *Loop) openOrder() error {
	g := l.m.Genesis()
	var voters, learners []uint64
	n := min(len(g.Nodes), int(g.Rules.Clerks))
	if n%2 == 0 {
		n--
	}
	for i := range g.Nodes {
		if i < n {
			voters = append(voters, uint64(i+1))
		} else if i < n+foundingFed {
			learners = append(learners, uint64(i+1))
		}
	}
	eng, err := order.Open(order.Config{
		ID: l.seat.raftID, Voters: voters, Learners: learners,
		Store: l.st, Prefix: orderPrefix(l.seat.raftID), Applied: l.raftAt,
		MaxWindow: orderWindow,
	})
	if err != nil {
		return err
	}
	l.eng = eng
	return nil
}

// leads says whether this node orders the log at this moment.
func (l *Loop) leads() bool {
	_, self := l.eng.Leader()
	return self
}

// leader is who orders the log at this moment, as far as is known here.
func (l *Loop) leader() (icn.DID, bool) {
	if l.outer() { // the order tells it nothing
		return l.beaconLeader()
	}
	id, _ := l.eng.Leader()
	d, ok := l.roster.byRaft[id]
	return d, ok && id != 0
}

// Leader is who orders the log at this moment, as far as is known here.
func (l *Loop) Leader() (icn.DID, bool) { return l.leader() }

// View lets f read the state. It may be called from any goroutine; f must not
// keep what it was given.
func (l *Loop) View(f func(*core.Machine)) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	f(l.m)
}

// Head is the last entry that was applied here. It is for the loop's goroutine.
func (l *Loop) Head() uint64 { return l.m.Head().Index }

// Me is this node's DID.
func (l *Loop) Me() icn.DID { return l.me }

// maxProposed bounds the bytes handed to the order in one turn.
const maxProposed = 1 << 20

// Turn lets time pass to now and does what follows: proposals, one durable write
// per round, messages, applied entries. An error is fatal: the node must stop
// and start again from its store.
func (l *Loop) Turn(now icn.Time) error {
	if l.broken != nil {
		return l.broken
	}
	l.now = max(l.now, now)
	l.tick()
	l.checkFresh()
	for i := 0; ; i++ {
		l.propose()
		again, err := l.round()
		if err != nil {
			return err
		}
		if !again || i == 64 {
			break
		}
	}
	if l.fed.wrong != "" {
		if err := l.startOver(); err != nil {
			return err
		}
	}
	if err := l.flush(); err != nil {
		return err
	}
	l.showPoint()
	l.checkNotice()
	return l.feedOthers()
}

// tick passes time on to everything that waits for it.
func (l *Loop) tick() {
	n := int64(l.now-l.lastTick) / l.tune.TickMillis
	if n > 0 {
		l.lastTick += icn.Time(n * l.tune.TickMillis)
		for range min(n, 10) {
			if l.seated() {
				l.eng.Tick()
			}
		}
	}
	l.tickPeers()
	l.tickOutbox()
	l.tickAuctions()
	l.tickWork()
	l.tickGap()
	l.tickFed()
	if l.seated() {
		l.reconcile()
	}
}

// Wake is when Turn should be called next, even if nothing happens.
func (l *Loop) Wake() icn.Time {
	at := l.lastTick + icn.Time(l.tune.TickMillis)
	if due := l.auctions.next(); due != 0 && due < at {
		at = due
	}
	return at
}

// reconcile moves the order's members towards what the log says.
func (l *Loop) reconcile() {
	if !l.leads() {
		return
	}
	var voters []uint64
	for _, p := range l.m.Clerks() {
		voters = append(voters, p.RaftID)
	}
	l.eng.Reconcile(voters, l.fedLearners())
}

// round is one turn of the order: its messages, one durable write, and what was
// committed by it.
func (l *Loop) round() (bool, error) {
	if !l.seated() {
		return false, nil
	}
	r, ok := l.eng.Ready()
	if !ok {
		return false, nil
	}
	l.sendOrder(r.Early)
	durable := r.Write(&l.batch)
	// What only tells how far the order is goes with the records of what it ordered.
	if !l.batch.Empty() && (durable || len(r.Committed) == 0 || l.mustSync()) {
		l.batch.Relaxed = !durable && !l.mustSync()
		if err := l.st.Apply(&l.batch); err != nil {
			return false, fmt.Errorf("store: %w", err)
		}
		l.saved()
	}
	l.sendOrder(r.Late)
	if r.Snapshot != nil {
		if err := l.leap(r.Snapshot); err != nil {
			return false, err
		}
	}
	if err := l.apply(r.Committed); err != nil {
		return false, err
	}
	l.eng.Advance(r)
	return true, l.compact()
}

// saved follows a durable write: what waited for it may go out.
func (l *Loop) saved() {
	l.batch.Reset()
	for _, o := range l.late {
		l.cfg.Send(o.to, o.kind, o.frame)
	}
	l.late = l.late[:0]
	l.outboxSaved()
}

// mustSync says whether somebody waits for the batch to be durable.
func (l *Loop) mustSync() bool { return len(l.late) > 0 || l.outbox.unsaved || l.outbox.mark.owed() }

// flush writes what no round took along.
func (l *Loop) flush() error {
	if l.batch.Empty() && len(l.late) == 0 {
		return nil
	}
	if !l.batch.Empty() {
		l.batch.Relaxed = !l.mustSync()
		if err := l.st.Apply(&l.batch); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	l.saved()
	return nil
}

// compact takes a snapshot of the state now and then, so that starting is fast
// and the order's own log stays short.
func (l *Loop) compact() error {
	if l.m.Head().Index < l.snapAt+l.tune.SnapshotEvery || l.fed.wrong != "" {
		return nil
	}
	l.mu.Lock() // the root is brought up to date
	data := l.m.Snapshot()
	l.mu.Unlock()
	if l.skip == 0 { // the order's snapshot stands for the machine at raftAt
		l.eng.Compact(l.raftAt, data, l.tune.KeepEntries, &l.batch)
	}
	l.keepSnapshot(snapshot{l.raftAt, l.skip, l.skipTime, data})
	l.snapAt = l.m.Head().Index
	return nil
}

func (l *Loop) keepSnapshot(s snapshot) { l.batch.Put([]byte(keySnapshot), s.encode()) }

// alarm tells the operator once; clear takes it back.
func (l *Loop) alarm(name, text string) {
	if l.alarms[name] != text {
		l.log.Warn(text, "alarm", name)
	}
	l.mu.Lock()
	l.alarms[name] = text
	l.mu.Unlock()
}

func (l *Loop) calm(name string) {
	if _, ok := l.alarms[name]; ok {
		l.log.Info("alarm is over", "alarm", name)
		l.mu.Lock()
		delete(l.alarms, name)
		l.mu.Unlock()
	}
}

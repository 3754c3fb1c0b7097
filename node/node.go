// Package node is the shell around the core: one loop that says, orders, folds
// and answers; runs of jobs beside it; blocks fetched from peers; and the way
// into a federation.
//
// The invariant: an answer that something was done is given only after its entry
// was committed by the federation's clerks and folded here. A failed write ends
// the process: what the store holds is always a state to start from.
//
// It serves no HTTP and opens no socket: it is handed its network, its store and
// its runner.
//
//	n, err := node.New(node.Config{Key: pair, Store: s, Blocks: d, ...})
//	go n.Run(ctx)
//	a, err := n.Do(ctx, icn.JobPost{...})
package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/dag"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mesh"
	"github.com/InterCooperative-Network/icn-core/store"
)

// Network carries frames between the nodes of the federation.
type Network interface {
	// Send hands a one-way frame on; false when there is no link or no room.
	Send(to icn.DID, kind Kind, frame []byte) bool
	// Call asks and waits for the answer.
	Call(ctx context.Context, to icn.DID, kind Kind, request []byte) ([]byte, error)
	// Knock is how a stranger asks to be let in.
	Knock(ctx context.Context, addr string, request []byte) ([]byte, icn.DID, error)
	// Want keeps links to these nodes, and to no others.
	Want(peers map[icn.DID]Contact)
}

// Contact is how a node is reached and recognised.
type Contact struct {
	Key   icn.DID // that it proves itself with
	Addrs []string
}

// Directory tells about the links. A Network may be one, too.
type Directory interface {
	Links() []Link
	Addrs() []string
	Dial(ctx context.Context, addr string) (icn.DID, error)
	Ping(ctx context.Context, to icn.DID) (time.Duration, error)
}

// Link is what the network knows of a peer.
type Link struct {
	DID       icn.DID   `json:"did"`
	PeerID    string    `json:"peer_id"`
	Addrs     []string  `json:"addresses"`
	Connected bool      `json:"connected"`
	Since     time.Time `json:"since,omitzero"`
	Inbound   bool      `json:"inbound,omitempty"` // it dialed this node
	Relay     icn.DID   `json:"relay,omitzero"`    // that the link goes through
	RTTMicros int64     `json:"rtt_us,omitempty"`
	BytesIn   uint64    `json:"bytes_in"`
	BytesOut  uint64    `json:"bytes_out"`
	Dropped   uint64    `json:"dropped_frames"`         // not sent: no room in the queue
	Throttled uint64    `json:"throttled_frames"`       // of it, that had to wait for its rate limit
	Refused   uint64    `json:"refused_streams"`        // of it, reset for breaking a rule
	Protocol  int       `json:"protocol,omitempty"`     // version that both speak
	Shared    []string  `json:"capabilities,omitempty"` // that both have
	Breaker   string    `json:"breaker"`                // of calls to it: closed, open or half-open
	Failures  int       `json:"failures"`               // calls in a row that were not answered
	RetryIn   int64     `json:"retry_ms,omitempty"`     // until it is tried again
	Error     string    `json:"last_error,omitempty"`
}

// Runner runs a program in a sandbox.
type Runner func(ctx context.Context, r Run) (Output, error)

// Output is what a run left: a receipt without its CIDs, and the streams.
type Output struct {
	Receipt        icn.JobReceipt
	Stdout, Stderr []byte
	Outputs        []NamedData // in the order of their names
	Transcript     []byte
}

// NamedData is what a program left under a name.
type NamedData struct {
	Name string
	Data []byte
}

// Tracer is told, as it happens, what leaves no event in the log. It must not block.
type Tracer interface {
	// In says which federation the node is in, before anything happens there.
	In(federation string)
	// Resume tells of an attempt at a job that this node assigns, which is under way
	// when the node begins to run; and whether it has an executor.
	Resume(job icn.CID, attempt uint32, assigned bool)
	// Submitted says since when a job is on its way into the log.
	Submitted(job icn.CID, at time.Time)
	// Offered says that there is an offer for a job that this node assigns.
	Offered(b *icn.Bid)
}

// Config is what a node is made of.
type Config struct {
	Key         Signer
	Name        string
	Store       store.Store
	Blocks      *dag.DAG
	Network     Network // nil: alone
	Directory   Directory
	Runner      Runner // nil: this node runs no jobs
	Verify      core.Verify
	VerifyBatch func([]SigItem) []bool
	Capable     func(icn.JobSpec) bool
	Profile     *icn.NodeProfile // what this node offers to jobs
	Bootstrap   []string         // where to knock, when the store holds no federation
	JoinCode    string
	Federation  string            // name of a new federation
	Rules       icn.Rules         // of a new federation
	Rotated     func(key icn.DID) // the log has this key for this node, instead of its first one; may be nil
	Tracer      Tracer            // nil: nobody is told
	Release     string
	Log         *slog.Logger
	Tuning      Tuning
}

// Node is a running node.
type Node struct {
	gone  context.Context // ends when Run has: nobody waits for it any more
	leave context.CancelFunc

	cfg     Config
	me      icn.DID
	started time.Time

	inbox   chan func(*Loop)
	loop    atomic.Pointer[Loop]
	wake    chan struct{} // a join or leave was asked for
	join    atomic.Pointer[joinWish]
	state   atomic.Value // string: "starting", "waiting to be admitted", "running", "stopping"
	runs    runs
	pasts   pasts
	bus     bus
	knocks  knocks
	twins   *twins
	addrs   sync.Map // icn.DID → []string
	keys    sync.Map // icn.DID → icn.DID: keys that the log does not tell here yet
	leaving sync.Map // keys of nodes that were replaced, as long as their links last: icn.DID → icn.DID
	stats   Stats
	life    context.Context // of the loop under way; for what it starts

	replaying atomic.Bool   // a back-test is under way
	strangers atomic.Uint64 // requests a minute of callers without a credential, by the rules
}

// Stats returns the node's counters.
func (n *Node) Stats() *Stats { return &n.stats }

// noteRules takes in those rules that count outside of the log, whether they came by
// an entry or with a snapshot.
func (n *Node) noteRules(l *Loop) { n.strangers.Store(l.m.Rules().StrangersPerMinute) }

// StrangersPerMinute is how many requests of callers without a credential the rules
// allow every node to answer; 0 = they leave it to each node.
func (n *Node) StrangersPerMinute() uint64 { return n.strangers.Load() }

// New makes a node; [Node.Run] starts it.
func New(cfg Config) *Node {
	n := &Node{cfg: cfg, me: cfg.Key.DID(), started: time.Now(), inbox: make(chan func(*Loop), 4096), wake: make(chan struct{}, 1), twins: newTwins()}
	n.gone, n.leave = context.WithCancel(context.Background())
	n.state.Store("starting")
	n.stats.init()
	n.runs.cancel, n.runs.live = map[runKey]context.CancelFunc{}, map[runKey]*Watched{}
	n.knocks.list = map[icn.DID]Knocker{}
	n.bus.init()
	return n
}

// Me is the node's DID.
func (n *Node) Me() icn.DID { return n.me }

// Blocks is the node's block store.
func (n *Node) Blocks() *dag.DAG { return n.cfg.Blocks }

// State says in a word what the node is doing.
func (n *Node) State() string { return n.state.Load().(string) }

// Run runs the node until ctx ends or something is broken.
func (n *Node) Run(ctx context.Context) error {
	defer n.leave()
	defer n.state.Store("stopped")
	for {
		genesis, err := n.enter(ctx)
		if err != nil {
			return err
		}
		err = n.serve(ctx, genesis)
		if !errors.Is(err, errRestart) {
			return err
		}
	}
}

// errRestart ends the loop because the node goes over to another federation.
var errRestart = errors.New("going over to another federation")

// serve runs the loop of one federation.
func (n *Node) serve(ctx context.Context, w Welcome) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	n.life = ctx
	genesis := icn.NewBlock(icn.DagCBOR, w.Genesis)
	l, err := NewLoop(LoopConfig{
		Signer: n.cfg.Key, Genesis: genesis, RaftID: w.RaftID, Hints: w.Peers,
		Store:  NetworkStore(n.cfg.Store, genesis.CID),
		Verify: n.cfg.Verify, VerifyBatch: n.cfg.VerifyBatch,
		Send: n.send, Run: n.runner(ctx), Capable: n.cfg.Capable, Profile: n.cfg.Profile, Stop: n.stopRun, Applied: n.applied,
		Learned: func(ps []Peer) {
			if l := n.loop.Load(); l != nil {
				n.learnPeers(l, ps)
			}
			n.want()
		},
		Rotated: n.cfg.Rotated, Offered: n.offered(),
		Release: n.cfg.Release, Jitter: func(k int64) int64 { return rand.Int64N(max(k, 1)) }, Log: n.cfg.Log, Tuning: n.cfg.Tuning,
	}, now())
	if err != nil {
		return err
	}
	if w.Peers == nil { // a restart: what it was told when it joined, and found out itself since
		n.learnPeers(l, l.cfg.Hints)
	}
	if err := n.loadAddrs(); err != nil {
		return err
	}
	n.learnPeers(l, w.Peers) // told just now
	if err := l.Turn(now()); err != nil {
		return err
	}
	n.noteRules(l)
	n.resumed(l)
	n.loop.Store(l)
	defer n.loop.Store(nil)
	n.want()
	n.state.Store("running")
	var beside sync.WaitGroup
	beside.Go(func() { n.present(ctx, l) })
	beside.Go(func() { n.seek(ctx, l) })
	err = n.drive(ctx, l)
	cancel()
	beside.Wait()
	n.runs.wait.Wait()
	return err
}

// resumed tells whoever traces jobs what was under way already.
func (n *Node) resumed(l *Loop) {
	if n.cfg.Tracer == nil {
		return
	}
	n.cfg.Tracer.In(l.m.Genesis().Name)
	l.m.Jobs(func(id icn.CID, j mesh.Job) bool {
		if j.Via == n.me {
			n.cfg.Tracer.Resume(id, j.Attempt, j.Phase == mesh.Assigned)
		}
		return true
	})
}

// offered is who is told of offers, or nil.
func (n *Node) offered() func(*icn.Bid) {
	if n.cfg.Tracer == nil {
		return nil
	}
	return n.cfg.Tracer.Offered
}

// drive is the loop's goroutine: it drains what came in, then takes a turn.
func (n *Node) drive(ctx context.Context, l *Loop) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(max(0, time.Duration(l.Wake()-now())*time.Millisecond))
		select {
		case <-ctx.Done():
			n.state.Store("stopping")
			return nil
		case <-n.wake:
			return errRestart
		case f := <-n.inbox:
			f(l)
		case <-timer.C:
		}
	drain:
		for range 2048 {
			select {
			case f := <-n.inbox:
				f(l)
			default:
				break drain
			}
		}
		start, before := time.Now(), l.Head()
		if err := l.Turn(now()); err != nil {
			return fmt.Errorf("%w: %w", ErrFatal, err)
		}
		if l.Head() != before {
			n.stats.Turns.Observe(time.Since(start))
		}
		n.noteRules(l)
		if err := n.runs.failed(); err != nil {
			return err
		}
	}
}

func now() icn.Time { return icn.Time(time.Now().UnixMilli()) }

// post hands work to the loop; it gives up when ctx ends.
func (n *Node) post(ctx context.Context, f func(*Loop)) error {
	select {
	case n.inbox <- f:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("node: %w: %v", icn.ErrUnavailable, ctx.Err())
	}
}

// ask runs f in the loop and waits for it.
func (n *Node) ask(ctx context.Context, f func(*Loop)) error {
	if n.loop.Load() == nil {
		return fmt.Errorf("node: %w: %s", icn.ErrUnavailable, n.State())
	}
	done := make(chan struct{})
	if err := n.post(ctx, func(l *Loop) { f(l); close(done) }); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-n.gone.Done():
		return fmt.Errorf("node: %w: %s", icn.ErrUnavailable, n.State())
	case <-ctx.Done():
		return fmt.Errorf("node: %w: %v", icn.ErrUnavailable, ctx.Err())
	}
}

// Said is what became of a statement, as far as it is known.
type Said struct {
	Statement icn.CID     `json:"statement"`
	Number    uint64      `json:"number"`
	Index     uint64      `json:"index,omitempty"`
	State     string      `json:"state"` // "applied" or "waiting"
	Events    []icn.Event `json:"events,omitempty"`
}

// patience is how long a call waits for its statement to be ordered before it
// answers that it is waiting.
const patience = 5 * time.Second

// Say hands a signed statement in. It returns when the statement was applied;
// with State "waiting" when that takes long (no quorum): it then goes in later,
// or expires. An error says why it changed nothing.
func (n *Node) Say(ctx context.Context, wire []byte) (Said, error) {
	s, err := icn.DecodeStatement(wire)
	if err != nil {
		return Said{}, err
	}
	start := time.Now()
	return n.await(ctx, s.Number, func(l *Loop, done func(Answer)) (icn.CID, uint64, error) {
		id := icn.SumCID(icn.DagCBOR, wire)
		n.submitted(id, s.Ops, start)
		return id, s.Number, l.Say(s, wire, done)
	})
}

// submitted tells whoever traces jobs of those that a statement posts.
func (n *Node) submitted(statement icn.CID, ops []icn.Op, at time.Time) {
	if n.cfg.Tracer == nil {
		return
	}
	for i, op := range ops {
		if p, ok := op.(icn.JobPost); ok && p.Via == n.me {
			n.cfg.Tracer.Submitted(icn.JobID(statement, i), at)
		}
	}
}

// life is how long what the node says may wait to be ordered, in milliseconds.
const life = 3600_000

// Do says operations in the node's own name, under the same rules as Say.
func (n *Node) Do(ctx context.Context, ops ...icn.Op) (Said, error) {
	start := time.Now()
	return n.await(ctx, 0, func(l *Loop, done func(Answer)) (icn.CID, uint64, error) {
		s, err := l.SayOps(ops, l.clock()+life, done)
		if err != nil {
			return icn.CID{}, 0, err
		}
		n.submitted(s.ID(), ops, start)
		return s.ID(), s.Number, nil
	})
}

func (n *Node) await(ctx context.Context, number uint64, say func(*Loop, func(Answer)) (icn.CID, uint64, error)) (Said, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer context.AfterFunc(n.gone, cancel)()
	if n.loop.Load() == nil {
		return Said{}, fmt.Errorf("statement: %w: the node is %s", icn.ErrUnavailable, n.State())
	}
	type begun struct {
		id     icn.CID
		number uint64
		err    error
	}
	answers, started := make(chan Answer, 1), make(chan begun, 1)
	err := n.post(ctx, func(l *Loop) {
		id, num, err := say(l, func(a Answer) { answers <- a })
		started <- begun{id, num, err}
	})
	if err != nil {
		return Said{}, err
	}
	out := Said{Number: number, State: "waiting"}
	for {
		select {
		case b := <-started:
			if b.err != nil {
				return out, b.err
			}
			out.Statement, out.Number, started = b.id, b.number, nil
		case a := <-answers:
			out.Statement, out.Index, out.State, out.Events = a.ID, a.Index, "applied", a.Event
			return out, a.Err
		case <-ctx.Done():
			if started != nil {
				return out, fmt.Errorf("statement: %w: the node did not take it in time", icn.ErrUnavailable)
			}
			return out, nil
		}
	}
}

// applied follows each entry: counters, links, and whoever listens for events.
func (n *Node) applied(e icn.Entry, out core.Outcome) {
	n.count(e, out)
	for _, ev := range out.Events {
		if b, ok := ev.Body.(icn.KeyRotated); ok {
			n.holdOn(b)
		}
	}
	if out.Nodes {
		n.noteAddrs(e)
		n.want()
	}
	for _, ev := range out.Events {
		switch b := ev.Body.(type) {
		case icn.KeyRotated:
			n.keys.Delete(b.Who) // the log knows better than whoever told
			n.want()
		case icn.JobSettled:
			n.keepOutput(b)
		case icn.JobSaved:
			if b.Via == n.me && ev.Author != nil && *ev.Author != n.me {
				n.fetchOutput(b.State)
			}
		case icn.RuleChanged:
			if b.Name == "open_rate_limit" { // whoever voted on it is not answered before it counts
				n.strangers.Store(b.Becomes)
			}
		}
	}
	n.bus.publish(out.Events)
}

// View lets f read the federation's state; f must not keep what it is given.
func (n *Node) View(f func(*core.Machine)) error {
	l := n.loop.Load()
	if l == nil {
		return fmt.Errorf("node: %w: it is %s", icn.ErrUnavailable, n.State())
	}
	l.View(f)
	return nil
}

// raw is an event as it is stored.
type raw = json.RawMessage

package order_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/order"
	"github.com/InterCooperative-Network/icn-core/store"
)

// app is the smallest application: a hash over everything in order.
type app struct {
	applied uint64
	count   uint64
	hash    [32]byte
}

func (a *app) apply(c order.Committed) {
	a.count++
	a.hash = sha256.Sum256(append(binary.BigEndian.AppendUint64(a.hash[:], c.Index), c.Data...))
}

func (a *app) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, a.applied)
	return append(binary.BigEndian.AppendUint64(b, a.count), a.hash[:]...)
}

func (a *app) decode(b []byte) {
	a.applied, a.count = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	copy(a.hash[:], b[16:])
}

type node struct {
	id   uint64
	disk *disk
	e    *order.Engine
	app  app
	up   bool
}

type packet struct {
	from, to uint64
	frame    []byte
}

// cluster is a federation in one goroutine, driven by a seed.
type cluster struct {
	r        *rand.Rand
	cfg      order.Config
	nodes    map[uint64]*node
	ids      []uint64
	net      []packet
	cut      map[uint64]bool // nothing goes to or from these
	fail     error
	entries  map[uint64][32]byte // what was committed at each index
	states   map[uint64][32]byte
	payloads map[string]uint64 // index of each payload that was applied anywhere
	high     uint64
	crashIn  int // crash somewhere within the turn of a node, one time in this many; 0 never
	frames   func(p packet)
	traced   [32]byte // over every frame that was sent
	snaps    int
}

func newCluster(seed uint64, cfg order.Config) *cluster {
	c := &cluster{
		r: rand.New(rand.NewPCG(seed, 1)), cfg: cfg, nodes: map[uint64]*node{}, cut: map[uint64]bool{},
		entries: map[uint64][32]byte{}, states: map[uint64][32]byte{}, payloads: map[string]uint64{},
	}
	for _, id := range slices.Concat(cfg.Voters, cfg.Learners) {
		c.add(id)
	}
	return c
}

func (c *cluster) add(id uint64) *node {
	n := &node{id: id, disk: newDisk()}
	c.nodes[id] = n
	c.ids = append(c.ids, id)
	c.start(id)
	return n
}

func (c *cluster) bad(format string, args ...any) {
	if c.fail == nil {
		c.fail = fmt.Errorf(format, args...)
	}
}

var appKey = []byte("app")

func (c *cluster) start(id uint64) {
	n := c.nodes[id]
	n.app = app{}
	if v, err := n.disk.Get(appKey); err == nil {
		n.app.decode(v)
	}
	cfg := c.cfg
	cfg.ID, cfg.Store, cfg.Prefix, cfg.Applied = id, n.disk, []byte("raft/"), n.app.applied
	e, err := order.Open(cfg)
	if err != nil {
		c.bad("open %d: %v", id, err)
		return
	}
	n.e, n.up = e, true
}

func (c *cluster) crash(id uint64) {
	n := c.nodes[id]
	n.up, n.e = false, nil
	n.disk.powerLoss(c.r)
}

func (c *cluster) send(from uint64, ms []order.Message) {
	for _, m := range ms {
		p := packet{from, m.To, m.Frame}
		c.traced = sha256.Sum256(append(c.traced[:], m.Frame...))
		if c.frames != nil {
			c.frames(p)
		}
		c.net = append(c.net, p)
	}
}

// turn does all the rounds that a node has ready; it may crash anywhere in them.
func (c *cluster) turn(id uint64) {
	n := c.nodes[id]
	crashes := func() bool {
		if c.crashIn > 0 && c.r.IntN(c.crashIn) == 0 {
			c.crash(id)
			return true
		}
		return false
	}
	for n.up && c.fail == nil {
		r, ok := n.e.Ready()
		if !ok {
			return
		}
		c.send(id, r.Early)
		b := &store.Batch{}
		durable := r.Write(b)
		b.Put(appKey, n.app.encode()) // what was applied in earlier rounds
		b.Relaxed = !durable
		if crashes() {
			return
		}
		if err := n.disk.Apply(b); err != nil {
			c.bad("apply: %v", err)
		}
		if crashes() {
			return
		}
		c.send(id, r.Late)
		if crashes() {
			return
		}
		c.apply(n, r)
		if crashes() {
			return
		}
		n.e.Advance(r)
	}
}

func (c *cluster) apply(n *node, r order.Round) {
	if s := r.Snapshot; s != nil {
		c.snaps++
		if s.Index <= n.app.applied {
			c.bad("node %d: snapshot %d, applied %d", n.id, s.Index, n.app.applied)
		}
		n.app.decode(s.Data)
		if n.app.applied != s.Index {
			c.bad("node %d: snapshot says %d, is at %d", n.id, n.app.applied, s.Index)
		}
	}
	for _, x := range r.Committed {
		if x.Index <= n.app.applied {
			c.bad("node %d: entry %d again, applied %d", n.id, x.Index, n.app.applied)
		}
		n.app.apply(x)
		n.app.applied = x.Index
		h := sha256.Sum256(x.Data)
		if old, ok := c.entries[x.Index]; ok && old != h {
			c.bad("node %d: entry %d differs", n.id, x.Index)
		}
		c.entries[x.Index] = h
		if old, ok := c.states[x.Index]; ok && old != n.app.hash {
			c.bad("node %d: state at %d differs", n.id, x.Index)
		}
		c.states[x.Index] = n.app.hash
		c.payloads[string(x.Data)] = x.Index
		c.high = max(c.high, x.Index)
	}
	if r.Applied != 0 {
		if r.Applied < n.app.applied {
			c.bad("node %d: round goes to %d, applied %d", n.id, r.Applied, n.app.applied)
		}
		n.app.applied = r.Applied
	}
}

// deliver takes the k-th packet off the net and gives it to its node.
func (c *cluster) deliver(k int) {
	p := c.net[k]
	c.net = slices.Delete(c.net, k, k+1)
	n := c.nodes[p.to]
	if n == nil || !n.up || c.cut[p.from] || c.cut[p.to] {
		return
	}
	if err := n.e.Step(p.from, bytes.Clone(p.frame)); err != nil && !errors.Is(err, icn.ErrNotFound) {
		c.bad("node %d: %v", p.to, err)
	}
	c.turn(p.to)
}

// settle delivers everything in order until nothing is under way.
func (c *cluster) settle() {
	for _, id := range c.ids {
		c.turn(id)
	}
	for len(c.net) > 0 && c.fail == nil {
		c.deliver(0)
	}
}

// ticks lets time pass on every node.
func (c *cluster) ticks(n int) {
	for range n {
		for _, id := range c.ids {
			if x := c.nodes[id]; x.up {
				x.e.Tick()
				c.turn(id)
			}
		}
		c.settle()
	}
}

func (c *cluster) leader() *node {
	var best *node
	for _, id := range c.ids {
		n := c.nodes[id]
		if !n.up || c.cut[id] {
			continue
		}
		if s := n.e.Status(); s.Leading && (best == nil || s.Term > best.e.Status().Term) {
			best = n
		}
	}
	return best
}

// elect lets time pass until there is a leader.
func (c *cluster) elect() *node {
	for range 400 {
		if c.fail != nil {
			break
		}
		if l := c.leader(); l != nil {
			return l
		}
		c.ticks(1)
	}
	c.bad("no leader")
	return c.nodes[c.ids[0]]
}

func (c *cluster) propose(n *node, payloads ...string) error {
	bs := make([][]byte, len(payloads))
	for i, p := range payloads {
		bs[i] = []byte(p)
	}
	err := n.e.Propose(bs)
	c.turn(n.id)
	return err
}

// compact makes a node record a snapshot of its application.
func (c *cluster) compact(n *node, keep uint64) error {
	b := &store.Batch{}
	if err := n.e.Compact(n.app.applied, n.app.encode(), keep, b); err != nil {
		return err
	}
	b.Put(appKey, n.app.encode())
	return n.disk.Apply(b)
}

// same says how the nodes that should be alike differ.
func (c *cluster) same() error {
	first := app{}
	for i, id := range c.ids {
		n := c.nodes[id]
		if !n.up {
			return fmt.Errorf("node %d is down", id)
		}
		if i == 0 {
			first = n.app
		}
		if n.app != first {
			return fmt.Errorf("node %d at %d, node %d at %d", c.ids[0], first.applied, id, n.app.applied)
		}
	}
	if first.applied < c.high {
		return fmt.Errorf("entry %d was committed, all are at %d", c.high, first.applied)
	}
	return nil
}

func (c *cluster) up() []uint64 {
	return slices.DeleteFunc(slices.Clone(c.ids), func(id uint64) bool { return !c.nodes[id].up })
}

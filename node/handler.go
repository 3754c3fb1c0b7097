package node

import (
	"context"
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// Admitted says whether another node may speak to this one: it belongs to the
// federation, or was named when this node joined.
func (n *Node) Admitted(from icn.DID) bool {
	l := n.loop.Load()
	return l != nil && slices.Contains(l.Roster(), from)
}

// Live takes a one-way frame. It may be called from many goroutines.
func (n *Node) Live(from icn.DID, _ Kind, frame []byte) {
	f := func(l *Loop) {
		if err := l.Frame(from, frame); err != nil {
			if isFatal(err) {
				n.runs.fail(err)
			}
			n.cfg.Log.Debug("frame refused", "from", from, "error", err)
		}
	}
	select {
	case n.inbox <- f:
	default: // full: whoever sent it sends it again, or the order does
	}
}

// Serve answers a peer's request: blocks by their CID, and who this process is.
func (n *Node) Serve(ctx context.Context, from icn.DID, kind Kind, request []byte) ([]byte, error) {
	if kind == Live {
		return n.answerLive(ctx, from, request)
	}
	if kind != Block {
		return nil, fmt.Errorf("request of %s: %w: kind %d", from, icn.ErrInvalid, kind)
	}
	c, err := icn.CastCID(request)
	if err != nil {
		return nil, err
	}
	b, err := n.cfg.Blocks.GetLocal(c)
	if err != nil {
		return nil, err
	}
	return b.Data, nil
}

// Linked tells that there is a link now.
func (n *Node) Linked(d icn.DID) {
	n.keepAddrs(d)
	n.tell(func(l *Loop) { l.Linked(d) })
	if n.loop.Load() != nil {
		go n.alone(n.life, d)
	}
}

// Lost tells that a link broke.
func (n *Node) Lost(d icn.DID) {
	n.letGo(d)
	n.tell(func(l *Loop) { l.Lost(d) })
}

// RoundTrip notes how far away a peer is.
func (n *Node) RoundTrip(d icn.DID, micros uint64) { n.tell(func(l *Loop) { l.RoundTrip(d, micros) }) }

// tell hands the loop something it must not miss, without waiting for it.
func (n *Node) tell(f func(*Loop)) {
	select {
	case n.inbox <- f:
	default:
		go func() { n.inbox <- f }()
	}
}

func (n *Node) send(to icn.DID, kind Kind, frame []byte) {
	if n.cfg.Network != nil {
		n.cfg.Network.Send(to, kind, frame)
	}
}

// keyAddrs begins the keys of where nodes were last reached.
const keyAddrs = "m/addrs/"

// learn takes in where a node can be reached.
func (n *Node) learn(d icn.DID, addrs []string) {
	if len(addrs) > 0 {
		n.addrs.Store(d, addrs)
	}
}

// learnPeers takes what another node tells about peers: where they are as a hint,
// their keys only with the proof.
func (n *Node) learnPeers(l *Loop, ps []Peer) {
	for _, p := range ps {
		n.learn(p.DID, p.Addrs)
		if len(p.Rotations) == 0 {
			continue
		}
		if key, err := n.proven(l, p.DID, p.Rotations); err == nil {
			n.keys.Store(p.DID, key)
		} else {
			n.cfg.Log.Warn("what was told about a peer's key is not believed", "peer", p.DID, "error", err)
		}
	}
}

// keyOf is the key that a node proves itself with: as the log tells here, or, when
// the log goes on elsewhere, as others told.
func (n *Node) keyOf(m *core.Machine, d icn.DID) icn.DID {
	if k, ok := n.leaving.Load(d); ok {
		return k.(icn.DID)
	}
	if k, ok := n.keys.Load(d); ok {
		if owner, _ := m.OwnerOf(k.(icn.DID)); owner != d {
			return k.(icn.DID)
		}
	}
	return m.KeyOf(d)
}

// keepAddrs writes down where a linked node was reached: after a restart nobody
// else may be there to ask. A lost write costs that much and no more.
func (n *Node) keepAddrs(d icn.DID) {
	if n.cfg.Directory == nil {
		return
	}
	links := n.cfg.Directory.Links()
	i := slices.IndexFunc(links, func(l Link) bool { return l.DID == d })
	if i < 0 || len(links[i].Addrs) == 0 {
		return
	}
	addrs := links[i].Addrs[:min(len(links[i].Addrs), maxAddrs)]
	if old, ok := n.addrs.Load(d); ok && slices.Equal(old.([]string), addrs) {
		return
	}
	n.learn(d, addrs)
	b := &store.Batch{Relaxed: true}
	b.Put(slices.Concat([]byte(keyAddrs), d[:]), icn.AppendTexts(nil, addrs))
	if err := n.cfg.Store.Apply(b); err != nil {
		n.cfg.Log.Warn("a peer's addresses are not written down", "peer", d, "error", err)
	}
}

// loadAddrs reads what keepAddrs wrote.
func (n *Node) loadAddrs() error {
	err := n.cfg.Store.Scan(store.Prefix([]byte(keyAddrs)), func(k, v []byte) bool {
		r := icn.NewReader(v)
		if addrs := r.Texts(maxAddrs, 1024); r.Close() == nil && len(k) == len(keyAddrs)+32 {
			n.learn(icn.DID(k[len(keyAddrs):]), addrs)
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// maxAddrs bounds how many addresses of a node are kept.
const maxAddrs = 16

func (n *Node) noteAddrs(e icn.Entry) {
	if e.Statement == nil {
		return
	}
	for _, op := range e.Statement.Ops {
		if a, ok := op.(icn.NodeAdmit); ok {
			n.learn(a.Node, a.Addrs)
		}
	}
}

// want tells the network whom to keep links to.
func (n *Node) want() {
	l := n.loop.Load()
	if l == nil || n.cfg.Network == nil {
		return
	}
	peers := map[icn.DID]Contact{}
	for _, d := range l.Roster() {
		c := Contact{}
		if a, ok := n.addrs.Load(d); ok {
			c.Addrs = a.([]string)
		}
		l.View(func(m *core.Machine) {
			c.Key = n.keyOf(m, d)
			if node, ok := m.Node(d); ok {
				c.Addrs = slices.Concat(c.Addrs, node.Addrs)
			}
		})
		peers[d] = c
	}
	n.cfg.Network.Want(peers)
}

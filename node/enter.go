package node

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

var (
	keyNetwork = []byte("m/network") // the CID of the federation that this node works in
	keyOwner   = []byte("m/node")    // the DID of the node that the store belongs to
)

// enter finds the federation to work in: the one in the store, the one that a
// bootstrap peer takes this node into, or a new one of its own.
func (n *Node) enter(ctx context.Context) (Welcome, error) {
	if wish := n.join.Swap(nil); wish != nil {
		return n.enterAs(wish.welcome)
	}
	if err := checkWhole(n.cfg.Store); err != nil {
		return Welcome{}, err
	}
	if err := n.own(); err != nil {
		return Welcome{}, err
	}
	v, err := n.cfg.Store.Get(keyNetwork)
	if err == nil {
		c, err := icn.CastCID(v)
		if err != nil {
			return Welcome{}, fmt.Errorf("store: %w: network: %v", icn.ErrCorrupt, err)
		}
		g, err := NetworkStore(n.cfg.Store, c).Get([]byte(keyGenesis))
		return Welcome{Genesis: g}, err
	}
	if !errors.Is(err, icn.ErrNotFound) {
		return Welcome{}, err
	}
	if n.cfg.Network != nil && len(n.cfg.Bootstrap) > 0 {
		w, err := n.knock(ctx)
		if err != nil {
			return w, err
		}
		return n.enterAs(w)
	}
	return n.enterAs(n.found())
}

// own writes down whose store this is, and refuses another's: two nodes that
// speak from one memory would contradict each other.
func (n *Node) own() error {
	v, err := n.cfg.Store.Get(keyOwner)
	if errors.Is(err, icn.ErrNotFound) {
		b := &store.Batch{}
		b.Put(keyOwner, n.me[:])
		return n.cfg.Store.Apply(b)
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if string(v) != string(n.me[:]) {
		var owner icn.DID
		copy(owner[:], v)
		return fmt.Errorf("store: %w: it belongs to node %s, and the key at identity.key_path is that of %s; use that node's key, or another --storage-path", icn.ErrDenied, owner, n.me)
	}
	return nil
}

// found makes a federation of this node alone.
func (n *Node) found() Welcome {
	name := n.cfg.Federation
	if name == "" {
		name = "federation of " + n.displayName()
	}
	g := icn.Genesis{Name: name, Created: now(), Nodes: []icn.GenesisNode{{DID: n.me, Name: n.displayName()}}, Rules: n.cfg.Rules}
	return Welcome{Genesis: g.Block().Data}
}

func (n *Node) displayName() string {
	if n.cfg.Name != "" {
		return n.cfg.Name
	}
	return "node " + n.me.Short()
}

// enterAs writes down which federation this node works in from here on.
func (n *Node) enterAs(w Welcome) (Welcome, error) {
	if _, err := icn.DecodeGenesis(w.Genesis); err != nil {
		return w, err
	}
	genesis := icn.NewBlock(icn.DagCBOR, w.Genesis)
	p := part{n.cfg.Store, []byte(networkPrefix + genesis.CID.KeyString() + "/")}
	b := &store.Batch{}
	b.Put(p.key([]byte(keyGenesis)), w.Genesis)
	if len(w.Peers) > 0 {
		b.Put(p.key([]byte(keyPeers)), Welcome{Peers: w.Peers}.Encode())
	}
	b.Put(keyNetwork, genesis.CID.Bytes())
	if err := n.cfg.Store.Apply(b); err != nil {
		return w, fmt.Errorf("store: %w", err)
	}
	return w, nil
}

// joinWish is the federation that a running node goes over to.
type joinWish struct{ welcome Welcome }

// knockRequest is what a stranger says.
type knockRequest struct {
	Name      string
	Code      string
	Addrs     []string
	Rotations [][]byte // statements by which it has got the key that it shows
}

func (k knockRequest) encode() []byte {
	b := icn.AppendText(icn.AppendText(icn.AppendArray(nil, 4), k.Name), k.Code)
	return appendRotations(icn.AppendTexts(b, k.Addrs), k.Rotations)
}

func decodeKnock(p []byte) (knockRequest, error) {
	r := icn.NewReader(p)
	r.Tuple(4)
	k := knockRequest{Name: r.Text(64), Code: r.Text(64), Addrs: r.Texts(16, 256), Rotations: readRotations(r)}
	return k, r.Close()
}

// knockEvery is the pause between two knocks at the same door.
const knockEvery = 500 * time.Millisecond

// knock asks the bootstrap peers to be let in, until one does.
func (n *Node) knock(ctx context.Context) (Welcome, error) {
	n.state.Store("waiting to be admitted")
	told := map[string]string{}
	for {
		for _, addr := range n.cfg.Bootstrap {
			w, err := n.knockAt(ctx, addr, n.cfg.JoinCode)
			switch {
			case err == nil && w.RaftID != 0:
				n.cfg.Log.Info("admitted to a federation", "through", addr)
				return w, nil
			case err == nil:
				n.note(told, addr, "waiting to be admitted; on the other side: icn-cli federation admit "+n.me.String())
			case errors.Is(err, icn.ErrInvalid):
				n.note(told, addr, "bootstrap peer is unusable: "+err.Error())
			default:
				n.note(told, addr, "bootstrap peer does not let this node in yet: "+err.Error())
			}
		}
		select {
		case <-ctx.Done():
			return Welcome{}, nil2(ctx)
		case <-n.wake:
			if wish := n.join.Swap(nil); wish != nil {
				return wish.welcome, nil
			}
		case <-time.After(knockEvery):
		}
	}
}

// nil2 ends a node that was stopped while it waited: that is no failure.
func nil2(ctx context.Context) error { return context.Cause(ctx) }

func (n *Node) note(told map[string]string, addr, text string) {
	if told[addr] != text {
		told[addr] = text
		n.cfg.Log.Warn(text, "peer", addr)
	}
}

// knockAt knocks once. A welcome without a seat means: not yet.
func (n *Node) knockAt(ctx context.Context, addr, code string) (Welcome, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	k := knockRequest{Name: n.displayName(), Code: code}
	if n.cfg.Directory != nil {
		k.Addrs = n.cfg.Directory.Addrs()
	}
	if len(k.Addrs) > 16 {
		k.Addrs = k.Addrs[:16]
	}
	reply, from, err := n.cfg.Network.Knock(ctx, addr, k.encode())
	if err != nil {
		return Welcome{}, err
	}
	w, err := DecodeWelcome(reply)
	if err != nil {
		return w, err
	}
	for i := range w.Peers {
		if w.Peers[i].DID == from && len(w.Peers[i].Addrs) == 0 {
			w.Peers[i].Addrs = []string{addr}
		}
	}
	return w, nil
}

// Knocker is a node that asked to be let in.
type Knocker struct {
	DID   icn.DID   `json:"did"`
	Name  string    `json:"name"`
	Addrs []string  `json:"addresses"`
	Since time.Time `json:"since"`
	Last  time.Time `json:"last_knock"`
}

// knocks are those who wait at the door.
type knocks struct {
	mu   sync.Mutex
	list map[icn.DID]Knocker
}

// maxKnockers bounds how many strangers are remembered.
const maxKnockers = 256

// Knock answers a stranger: it is welcome if it was admitted, or brings a code
// that is good; else it is noted, for somebody to admit it.
func (n *Node) Knock(ctx context.Context, from icn.DID, _ []string, request []byte) ([]byte, error) {
	k, err := decodeKnock(request)
	if err != nil {
		return nil, err
	}
	l := n.loop.Load()
	if l == nil {
		return nil, fmt.Errorf("knock: %w: this node is %s itself", icn.ErrUnavailable, n.State())
	}
	if owner, err := n.recognise(l, from, k.Rotations); err != nil {
		return nil, err
	} else if owner != from {
		from = owner
	}
	if w := n.welcome(ctx, from, k); w.RaftID != 0 {
		return w.Encode(), nil
	}
	if k.Code != "" {
		if _, err := n.admit(ctx, from, k, k.Code); err != nil && !errors.Is(err, icn.ErrConflict) {
			return nil, err
		}
		return n.welcome(ctx, from, k).Encode(), nil
	}
	if l.hasLeft(from) {
		return nil, fmt.Errorf("knock: %w: this node has left the federation, or was expelled; it needs a new join code (icn-cli federation invite), or somebody to admit it: icn-cli federation admit %s", icn.ErrDenied, from)
	}
	n.knocks.mu.Lock()
	defer n.knocks.mu.Unlock()
	old, known := n.knocks.list[from]
	if !known {
		if len(n.knocks.list) >= maxKnockers {
			return nil, fmt.Errorf("knock: %w: too many are waiting", icn.ErrUnavailable)
		}
		old.Since = time.Now()
		n.cfg.Log.Info("a node knocks", "did", from, "name", k.Name, "admit", "icn-cli federation admit "+from.String())
	}
	n.knocks.list[from] = Knocker{DID: from, Name: k.Name, Addrs: k.Addrs, Since: old.Since, Last: time.Now()}
	return Welcome{}.Encode(), nil
}

// welcome is empty unless the node belongs to the federation.
func (n *Node) welcome(ctx context.Context, d icn.DID, k knockRequest) Welcome {
	var w Welcome
	_ = n.ask(ctx, func(l *Loop) {
		if l.m.IsNode(d) {
			w = l.Welcome(d)
		}
	})
	if w.RaftID == 0 {
		return w
	}
	n.learn(d, k.Addrs)
	n.want()
	for i, p := range w.Peers {
		if a, ok := n.addrs.Load(p.DID); ok {
			w.Peers[i].Addrs = a.([]string)
		}
		if p.DID == n.me && n.cfg.Directory != nil {
			w.Peers[i].Addrs = n.cfg.Directory.Addrs()
		}
	}
	n.knocks.mu.Lock()
	delete(n.knocks.list, d)
	n.knocks.mu.Unlock()
	return w
}

// Knockers lists who waits at the door, longest first.
func (n *Node) Knockers() []Knocker {
	n.knocks.mu.Lock()
	defer n.knocks.mu.Unlock()
	out := make([]Knocker, 0, len(n.knocks.list))
	for _, k := range n.knocks.list {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b Knocker) int { return a.Since.Compare(b.Since) })
	return out
}

// Admit takes a node in: one that knocks here, or one that will.
func (n *Node) Admit(ctx context.Context, d icn.DID, name string) (Said, error) {
	n.knocks.mu.Lock()
	k := n.knocks.list[d]
	n.knocks.mu.Unlock()
	if name == "" {
		name = k.Name
	}
	return n.admit(ctx, d, knockRequest{Name: name, Addrs: k.Addrs}, "")
}

func (n *Node) admit(ctx context.Context, d icn.DID, k knockRequest, code string) (Said, error) {
	if k.Name == "" {
		k.Name = "node " + d.Short()
	}
	n.learn(d, k.Addrs)
	op := icn.NodeAdmit{Node: d, Name: k.Name, Addrs: k.Addrs}
	if code != "" {
		op.Code = CodeBytes(code)
	}
	return n.Do(ctx, op)
}

// Invite makes a join code that lets one in and works once until it expires.
func (n *Node) Invite(ctx context.Context, role icn.Role, life time.Duration) (string, Said, error) {
	code, err := NewCode()
	if err != nil {
		return "", Said{}, err
	}
	said, err := n.Do(ctx, icn.InviteCreate{CodeHash: sha256.Sum256(CodeBytes(code)), Role: role, Expires: now() + icn.Time(life.Milliseconds())})
	if err != nil {
		return "", said, err
	}
	return code, said, nil
}

// Join goes over to another federation: knocks at addr, and when let in, works
// there from then on. The federation left behind stays in the store.
func (n *Node) Join(ctx context.Context, addr, code string) (admitted bool, err error) {
	if n.cfg.Network == nil {
		return false, fmt.Errorf("join: %w: this node has no P2P network; start it with --p2p-listen-addr", icn.ErrUnavailable)
	}
	w, err := n.knockAt(ctx, addr, code)
	if err != nil {
		return false, fmt.Errorf("join: %w", err)
	}
	if w.RaftID == 0 {
		return false, nil
	}
	n.join.Store(&joinWish{w})
	select {
	case n.wake <- struct{}{}:
	default:
	}
	return true, nil
}

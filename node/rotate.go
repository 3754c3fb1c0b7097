package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/InterCooperative-Network/icn-core/core"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// rotated sees to what follows from an identity's new key.
func (l *Loop) rotated(b icn.KeyRotated) {
	l.work.verified = seen{} // what was verified with the old key counts no more
	if b.Who == l.me {
		l.tellKey()
	}
}

// tellKey tells the shell which key the log has for this node, when it is not the
// first one. A key that the log does not tell here yet is none of its business.
func (l *Loop) tellKey() {
	owner, current := l.m.OwnerOf(l.cfg.Signer.Public())
	now := icn.DID(l.m.KeyOf(l.me))
	if owner != l.me || now == l.me || l.cfg.Rotated == nil {
		return
	}
	if !current {
		l.alarm("key", "this node's key was replaced; it goes on with the new one after a restart")
	}
	l.cfg.Rotated(now)
}

// oldKeyFor is how long a link with a key that was replaced is kept at most.
const oldKeyFor = 15 * time.Second

// holdOn keeps the link to a node whose key was replaced: by it the node learns that
// its wish was ordered. It then starts again with the new key, and the link is lost.
// Nothing that is signed with the old key counts meanwhile.
func (n *Node) holdOn(b icn.KeyRotated) {
	if b.Who == n.me || n.cfg.Directory == nil {
		return
	}
	for _, x := range n.cfg.Directory.Links() {
		if x.DID == b.Who && x.Connected {
			n.leaving.Store(b.Who, b.Was)
			time.AfterFunc(oldKeyFor, func() { n.letGo(b.Who) })
		}
	}
}

// letGo expects a node with its new key from here on.
func (n *Node) letGo(d icn.DID) {
	if _, held := n.leaving.LoadAndDelete(d); held {
		n.want()
	}
}

// resign signs what this node said before, and nobody has ordered yet, with the
// key that it has now. With the same key nothing changes.
func (l *Loop) resign(s *icn.Statement, wire []byte) []byte {
	if s.Author != l.me {
		return wire
	}
	s.Sig = [64]byte(l.cfg.Signer.Sign(s.SigningBytes()))
	return s.Encode()
}

// Key is the key that the log has for this node.
func (n *Node) Key() (k icn.DID, err error) {
	err = n.View(func(m *core.Machine) { k = icn.DID(m.KeyOf(n.me)) })
	return k, err
}

// recognise finds out whose key a knocking node shows: its own, one that the log
// tells of, or one that rotations prove which the log does not tell here yet.
func (n *Node) recognise(l *Loop, key icn.DID, proof [][]byte) (owner icn.DID, err error) {
	var current bool
	l.View(func(m *core.Machine) { owner, current = m.OwnerOf(key) })
	if owner == key && len(proof) > 0 {
		return n.claim(l, key, proof)
	}
	if !current {
		return owner, fmt.Errorf("knock: %w: this key of %s was replaced; knock with the new one", icn.ErrDenied, owner)
	}
	return owner, nil
}

// claim finds out whose key it is that a chain of rotations leads to.
func (n *Node) claim(l *Loop, key icn.DID, proof [][]byte) (icn.DID, error) {
	s, err := icn.DecodeStatement(proof[0])
	if err != nil {
		return key, fmt.Errorf("knock: %w", err)
	}
	now, err := n.proven(l, s.Author, proof)
	if err == nil && now != key {
		err = fmt.Errorf("%w: the rotations do not lead to the key that is shown", icn.ErrDenied)
	}
	if err != nil {
		return key, fmt.Errorf("knock: %w", err)
	}
	n.keys.Store(s.Author, key)
	n.want()
	return s.Author, nil
}

// proven is the key that a chain of rotations gives a node: it must lead through
// the key that the log has for it here.
func (n *Node) proven(l *Loop, d icn.DID, proof [][]byte) (key icn.DID, err error) {
	l.View(func(m *core.Machine) {
		var ring icn.Keyring
		if ring, err = icn.ReadKeyring(m.Network(), proof, n.cfg.Verify); err != nil {
			return
		}
		keys := ring[d]
		now := icn.DID(m.KeyOf(d))
		if len(ring) != 1 || len(keys) == 0 || now != d && !slices.Contains(keys, now) {
			err = fmt.Errorf("%w: the rotations do not go on from the key that %s has here", icn.ErrDenied, d)
			return
		}
		key = keys[len(keys)-1]
	})
	return key, err
}

func appendRotations(b []byte, rs [][]byte) []byte {
	b = icn.AppendArray(b, len(rs))
	for _, r := range rs {
		b = icn.AppendBytes(b, r)
	}
	return b
}

func readRotations(r *icn.Reader) (out [][]byte) {
	for range r.Array(64) {
		out = append(out, r.Bytes(icn.MaxStatement))
		if r.Err() != nil {
			break
		}
	}
	return out
}

// Rotations are the statements by which these identities got other keys, in the
// order of the log.
func (h History) Rotations(of ...icn.DID) ([][]byte, error) { return rotations(h.store, of) }

func rotations(st store.Store, of []icn.DID) (out [][]byte, err error) {
	wanted := map[icn.DID]bool{}
	for _, d := range of {
		wanted[d] = true
	}
	var at []uint64
	err = eachRotation(st, func(index uint64, b icn.KeyRotated) {
		if wanted[b.Who] && (len(at) == 0 || at[len(at)-1] != index) {
			at = append(at, index)
		}
	})
	if err != nil {
		return nil, err
	}
	for _, index := range at {
		v, err := st.Get(EntryKey(index))
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", index, err)
		}
		e, err := icn.DecodeEntry(v)
		if err != nil {
			return nil, err
		}
		out = append(out, e.Wire)
	}
	return out, nil
}

// KeyIn is the key that the log in a node's store has for an identity: the one that its
// DID is made of, unless it was replaced. No node need run.
func KeyIn(s store.Store, d icn.DID) (icn.DID, error) {
	now := d
	v, err := s.Get(keyNetwork)
	if errors.Is(err, icn.ErrNotFound) { // it has no log yet
		return now, nil
	}
	if err != nil {
		return now, fmt.Errorf("store: %w", err)
	}
	network, err := icn.CastCID(v)
	if err != nil {
		return now, fmt.Errorf("store: %w: network: %v", icn.ErrCorrupt, err)
	}
	err = eachRotation(NetworkStore(s, network), func(_ uint64, b icn.KeyRotated) {
		if b.Who == d {
			now = b.Key
		}
	})
	return now, err
}

// eachRotation tells of every key that was replaced, in the order of the log.
func eachRotation(st store.Store, tell func(index uint64, b icn.KeyRotated)) error {
	var bad error
	err := st.Scan(store.Prefix([]byte(keyByType+icn.KeyRotated{}.EventType()+"/")), func(k, _ []byte) bool {
		index, number := eventPlace(k)
		v, err := st.Get(eventKey(index, number))
		var ev struct {
			Body icn.KeyRotated `json:"body"`
		}
		if err == nil {
			err = json.Unmarshal(v, &ev)
		}
		if err != nil {
			bad = fmt.Errorf("event of entry %d: %w: %v", index, icn.ErrCorrupt, err)
			return false
		}
		tell(index, ev.Body)
		return true
	})
	return errors.Join(err, bad)
}

// present shows this node's key to peers that may not know it yet, as long as there
// are some who cannot be reached: one that was away while the key was rotated knows
// only the old one.
func (n *Node) present(ctx context.Context, l *Loop) {
	if n.cfg.Network == nil || icn.DID(n.cfg.Key.Public()) == n.me {
		return
	}
	t := time.NewTicker(presentEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		proof, err := rotations(l.st, []icn.DID{n.me})
		if err != nil || len(proof) == 0 {
			continue
		}
		for _, d := range l.Roster() {
			if n.linkedTo(ctx, d) {
				continue
			}
			if a, ok := n.addrs.Load(d); ok {
				for _, addr := range a.([]string) {
					if n.presentAt(ctx, addr, proof) {
						break
					}
				}
			}
		}
	}
}

const presentEvery = 5 * time.Second

func (n *Node) presentAt(ctx context.Context, addr string, proof [][]byte) bool {
	ctx, cancel := context.WithTimeout(ctx, presentEvery)
	defer cancel()
	k := knockRequest{Name: n.displayName(), Rotations: proof}
	if n.cfg.Directory != nil {
		k.Addrs = n.cfg.Directory.Addrs()[:min(16, len(n.cfg.Directory.Addrs()))]
	}
	_, _, err := n.cfg.Network.Knock(ctx, addr, k.encode())
	return err == nil
}

func (n *Node) linkedTo(ctx context.Context, d icn.DID) (yes bool) {
	_ = n.ask(ctx, func(l *Loop) { yes = l.peer(d).linked }) // a loop that has ended is linked to nobody
	return yes
}

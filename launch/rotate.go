package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/audit"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
)

// ErrAgain ends a node that is to be started again at once, with another key.
var ErrAgain = errors.New("the node starts again with its new key")

// nextKey is where the key waits that a node is about to rotate to.
func nextKey(path string) string { return path + ".next" }

// rotation is the change from one key to the next.
//
// The next key is on the disk before the federation hears of it. As soon as the
// log, as this node has it, tells that the key was replaced, the file of the next
// one takes the place of the old one's and the node starts again. A node that was
// killed in between finds out at its next start; and one whose store has not heard
// of it yet tries both keys in turn, because others refuse the one that is gone.
type rotation struct {
	me   icn.DID
	pair key.Pair // that the node signs with
	path string
	pass string

	early bool // the node was started with its next key
}

// Rotate gives the node another key. Its DID, account and standing stay.
func (r *Running) Rotate(ctx context.Context) (wire.Rotated, error) {
	out := wire.Rotated{DID: r.rotation.me, Was: icn.DID(r.rotation.pair.Public())}
	if r.rotation.path == "" {
		return out, fmt.Errorf("rotate key: %w: this node's key is in no file", icn.ErrUnavailable)
	}
	next, err := r.rotation.prepare()
	if err != nil {
		return out, err
	}
	out.Key = icn.DID(next.Public())
	r.jobs.closing.Store(true) // what is signed with the old key should be ordered before it is gone
	r.drain()
	network := icn.CID{}
	if h, err := r.node.History(ctx); err != nil {
		return out, err
	} else {
		network = h.Network
	}
	proof := next.Sign(icn.RotationBytes(network, r.rotation.me, out.Key))
	said, err := r.node.Do(ctx, icn.KeyRotate{Key: out.Key, Proof: [64]byte(proof)})
	out.State, out.Index = said.State, said.Index
	if err != nil {
		r.jobs.closing.Store(false)
		return out, errors.Join(err, os.Remove(nextKey(r.rotation.path)))
	}
	if said.State != "applied" {
		r.jobs.closing.Store(false)
	}
	r.log.Info("this node's key is rotated", "key", out.Key, "state", said.State)
	if r.audit != nil {
		r.audit.Add(audit.Record{Event: audit.Admin, Detail: "the node's key was rotated to " + out.Key.String()})
	}
	return out, nil
}

// prepare makes the next key, or takes the one that an earlier attempt has left.
func (x rotation) prepare() (key.Pair, error) {
	path := nextKey(x.path)
	next, err := key.LoadSealed(path, x.pass)
	if !errors.Is(err, icn.ErrNotFound) {
		return next.Of(x.me), err
	}
	if next, err = key.Generate(); err != nil {
		return next, err
	}
	next = next.Of(x.me)
	if x.pass == "" {
		return next, key.Save(path, next)
	}
	return next, key.SaveSealed(path, next, x.pass)
}

// rotated is told by the node which key its log has for it.
func (r *Running) rotated(k icn.DID) {
	x := r.rotation
	r.outdated.Store(k != icn.DID(x.pair.Public()))
	if k == icn.DID(x.pair.Public()) {
		if x.early { // it was right to begin with it
			r.settle()
		}
		return
	}
	if x.path == "" {
		r.end(fmt.Errorf("node: %w: its key was replaced by that of %s, which is in no file here", icn.ErrDenied, k))
		return
	}
	next, err := key.LoadSealed(nextKey(x.path), x.pass)
	if err != nil || icn.DID(next.Public()) != k {
		r.end(fmt.Errorf("node: %w: its key was replaced by that of %s; put that key at %s", icn.ErrDenied, k, x.path))
		return
	}
	if r.settle() {
		r.otherKey.Store(false)
		r.end(ErrAgain)
	}
}

// settle puts the file of the next key in the place of the old one's.
func (r *Running) settle() bool {
	if err := key.Replace(r.rotation.path, nextKey(r.rotation.path)); err != nil {
		r.end(err)
		return false
	}
	r.log.Info("the new key is in its place; the old one is kept beside it and is good for nothing", "file", r.rotation.path)
	return true
}

// end ends the node; the first reason counts.
func (r *Running) end(err error) {
	select {
	case r.ended <- err:
	default:
	}
}

// otherKeyAfter is how long a node with a next key waits for anybody to order what
// it says before it tries the other one.
const otherKeyAfter = 20 * time.Second

// tryOtherKey starts the node again with the other one of its two keys, when
// nobody speaks to it with this one.
func (r *Running) tryOtherKey(ctx context.Context) {
	if r.rotation.path == "" {
		return
	}
	if _, err := os.Stat(nextKey(r.rotation.path)); err != nil {
		return
	}
	r.work.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(otherKeyAfter):
		}
		s, err := r.node.Status(ctx)
		if err != nil || s.Nodes < 2 || s.Leader != nil && slices.ContainsFunc(s.Peers, func(p node.PeerStatus) bool { return p.Linked }) {
			return
		}
		r.log.Warn("nobody speaks to this node with this key; it tries the other one", "key", icn.DID(r.rotation.pair.Public()))
		r.otherKey.Store(!r.otherKey.Load())
		r.end(ErrAgain)
	})
}

package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/audit"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/node"
	"github.com/InterCooperative-Network/icn-core/store"
)

// ErrAgain ends a node that is to be started again at once, with another key.
var ErrAgain = errors.New("the node starts again with its new key")

// rotation is the change from one key to the next.
//
// The next key is on the disk before the federation hears of it. As soon as the
// log, as this node has it, tells that the key was replaced, the file of the next
// one takes the place of the old one's and the node starts again. A node that was
// killed in between finds out at its next start; and one whose store has not heard
// of it yet tries both keys in turn, because others refuse the one that is gone.
//
// Where the node may not write, as beside a mounted secret, its operator makes the
// next key and puts it beside the old one before anything is said; afterwards the
// node uses it from there until the operator has put it in its place.
type rotation struct {
	me   icn.DID
	pair key.Pair // that the node signs with
	path string
	pass string

	early bool      // the node was started with its next key
	spare *key.Pair // the next key, if there was one at the start: its file may be gone when it counts
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
	if !r.rotation.writable() {
		out.File = key.Next(r.rotation.path)
	}
	proof := next.Sign(icn.RotationBytes(network, r.rotation.me, out.Key))
	said, err := r.node.Do(ctx, icn.KeyRotate{Key: out.Key, Proof: [64]byte(proof)})
	out.State, out.Index = said.State, said.Index
	if err != nil {
		r.jobs.closing.Store(false)
		return out, errors.Join(err, r.rotation.discard())
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

// prepare makes the next key, or takes the one that an earlier attempt, or the
// operator, has left.
func (x rotation) prepare() (key.Pair, error) {
	path := key.Next(x.path)
	next, err := key.LoadSealed(path, x.pass)
	switch {
	case err == nil && next.Public() == x.pair.Public():
		return next, fmt.Errorf("rotate key: %w: %s is the key that the node has now; put it in the place of %s first", icn.ErrConflict, path, x.path)
	case err == nil && next.DID() != x.me:
		return next, fmt.Errorf("rotate key: %w: %s is not made for %s; make it with: icn-cli keys prepare %s", icn.ErrConflict, path, x.me, filepath.Base(x.path))
	case !errors.Is(err, icn.ErrNotFound):
		return next, err
	case !x.writable():
		return next, fmt.Errorf("rotate key: %w: the node cannot write beside %s; make the next key where that file comes from (icn-cli keys prepare %s), put it at %s, and rotate then",
			icn.ErrConflict, x.path, filepath.Base(x.path), path)
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

// writable says whether the node can put a file beside its key.
func (x rotation) writable() bool { return unix.Access(filepath.Dir(x.path), unix.W_OK) == nil }

// discard takes a next key away that was refused.
func (x rotation) discard() error {
	if !x.writable() {
		return nil // whoever put it there takes it away
	}
	return os.Remove(key.Next(x.path))
}

// holds says which of the node's two files has a key now: the file may be another
// one than at the start.
func (x rotation) holds(k icn.DID) (pair key.Pair, next, found bool) {
	for _, path := range []string{key.Next(x.path), x.path} {
		pair, err := key.LoadSealed(path, x.pass)
		if x.path != "" && err == nil && icn.DID(pair.Public()) == k {
			return pair.Of(x.me), path != x.path, true
		}
	}
	return key.Pair{}, false, false
}

// prepared is a next key that was there at the start; nil, as most often, without.
func (x rotation) prepared() *key.Pair {
	if x.path == "" || x.early {
		return nil
	}
	if _, err := os.Stat(key.Next(x.path)); err != nil {
		return nil
	}
	pair, err := key.LoadSealed(key.Next(x.path), x.pass)
	if err != nil {
		return nil // it is told when it is needed
	}
	pair = pair.Of(x.me)
	return &pair
}

// could says whether this process could work with a key, and with which pair. It
// prefers what the files hold now.
func (x rotation) could(k icn.DID) (pair key.Pair, next, found bool) {
	if pair, next, found = x.holds(k); found {
		return pair, next, true
	}
	if x.spare != nil && icn.DID(x.spare.Public()) == k {
		return *x.spare, false, true
	}
	return key.Pair{}, false, false
}

// strange is the end of a process whose key is not the node's any more.
func (x rotation) strange(k icn.DID) error {
	if x.path == "" {
		return fmt.Errorf("node: %w: its key was replaced by that of %s, which is in no file here", icn.ErrDenied, k)
	}
	return fmt.Errorf("node: %w: the key of %s was replaced by that of %s, which is neither in %s nor in %s; put it at %s (on Kubernetes: into the Secret), and start this process again",
		icn.ErrDenied, x.me, k, x.path, key.Next(x.path), x.path)
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
	_, next, found := x.holds(k)
	switch {
	case !found:
		r.end(x.strange(k))
		return
	case next:
		next = !r.settle()
	}
	r.otherKey.Store(next)
	r.end(ErrAgain)
}

// settle puts the file of the next key in the place of the old one's, and says
// whether it is there.
func (r *Running) settle() bool {
	path := r.rotation.path
	if !r.rotation.writable() {
		r.log.Warn("the node's new key counts, and it cannot put that in its place by itself: do so where the key file comes from", "new", key.Next(path), "place", path)
		return false
	}
	if err := key.Replace(path, key.Next(path)); err != nil {
		r.end(err)
		return false
	}
	r.log.Info("the new key is in its place; the old one is kept beside it and is good for nothing", "file", path)
	return true
}

// choose takes the one of the node's two keys that counts, by the log in a database
// in which another process has worked. Otherwise this one would start, hear of it,
// and start again. One that tries its next key, because it may know more than the
// log here, goes on with that.
func (r *Running) choose(st store.Store) error {
	x := &r.rotation
	if x.early || x.path == "" {
		return nil
	}
	k, err := node.KeyIn(st, x.me)
	if err != nil || k == x.me || k == icn.DID(x.pair.Public()) {
		return err
	}
	if pair, next, found := x.could(k); found {
		x.pair, x.early = pair, next
		r.otherKey.Store(next)
	}
	return nil // the node tells what is wrong as soon as it has read its log
}

// fits says whether a standby could take over from a process that works with a key.
func (r *Running) fits(k icn.DID) error {
	if k.IsZero() || k == icn.DID(r.rotation.pair.Public()) { // the release before this one does not tell
		return nil
	}
	if _, _, found := r.rotation.could(k); found {
		return nil
	}
	return r.rotation.strange(k)
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
	if _, err := os.Stat(key.Next(r.rotation.path)); err != nil {
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

package identity

import (
	"encoding/hex"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Key is the key that an identity signs with, when it is not the one that its DID
// is made of.
type Key struct {
	Key   icn.DID
	Since uint64 // the entry from behind which it counts
	Given bool   // guardians gave it, or one before it: its own statements do not lead to it
}

// KeyOf is the public key that d's statements are signed with now.
func (f *Fold) KeyOf(d icn.DID) [32]byte {
	if k, ok := f.keys.Get(d); ok {
		return k.Key
	}
	return d
}

// OwnerOf is whose key this is, and whether it still is: an old key belongs to its
// owner for ever, and is good for nothing.
func (f *Fold) OwnerOf(key [32]byte) (d icn.DID, current bool) {
	if owner, ok := f.owners.Get(key); ok {
		return owner, f.KeyOf(owner) == key
	}
	return key, f.KeyOf(key) == key
}

// rotate gives the author another key. That the new one agrees was checked.
func (f *Fold) rotate(s Step, o icn.KeyRotate) ([]icn.Effect, []icn.EventBody, error) {
	switch {
	case !f.Belongs(s.Author):
		return nil, nil, fmt.Errorf("rotate key: %w: %s does not belong to this federation", icn.ErrDenied, s.Author.Short())
	case o.Key.Weak():
		return nil, nil, fmt.Errorf("rotate key: %w: anybody could sign with that key", icn.ErrInvalid)
	case f.taken(o.Key):
		return nil, nil, fmt.Errorf("rotate key: %w: that key is or was somebody's; make a new one", icn.ErrConflict)
	}
	old, _ := f.keys.Get(s.Author)
	told := f.setKey(s.Author, Key{o.Key, s.Index, old.Given})
	return f.endRecovery(s.Author), []icn.EventBody{told}, nil
}

func (f *Fold) setKey(d icn.DID, k Key) icn.KeyRotated {
	was := f.KeyOf(d)
	f.keys.Put(d, k)
	f.owners.Put(k.Key, d)
	return icn.KeyRotated{Who: d, Key: k.Key, Was: was}
}

// taken says whether a key is or was an identity's.
func (f *Fold) taken(key icn.DID) bool {
	_, rotated := f.owners.Get(key)
	_, node := f.nodes.Get(key)
	_, member := f.members.Get(key)
	return rotated || node || member
}

// anchor notes where an audit log stood; the log of the federation is the memory.
func (f *Fold) anchor(s Step, o icn.AuditHead) ([]icn.Effect, []icn.EventBody, error) {
	if _, ok := f.Node(s.Author); !ok {
		return nil, nil, fmt.Errorf("audit head: %w: not a node of this federation", icn.ErrDenied)
	}
	return nil, []icn.EventBody{icn.AuditAnchored{Node: s.Author, Lines: o.Lines, Head: hex.EncodeToString(o.Head[:])}}, nil
}

// Check says whether the tables know the same of each other.
func (f *Fold) Check() error {
	if err := f.checkKeys(); err != nil {
		return err
	}
	return f.checkMembers()
}

func (f *Fold) checkKeys() (err error) {
	f.keys.Each(func(d icn.DID, k Key) bool {
		if owner, ok := f.owners.Get(k.Key); !ok || owner != d {
			err = fmt.Errorf("key of %s: %w: it is not noted as theirs", d, icn.ErrCorrupt)
		}
		return err == nil
	})
	f.owners.Each(func(k [32]byte, d icn.DID) bool {
		if _, ok := f.keys.Get(d); !ok && err == nil {
			err = fmt.Errorf("key %s: %w: its owner has never had another key", icn.DID(k), icn.ErrCorrupt)
		}
		return err == nil
	})
	return err
}

func appendKey(b []byte, k Key) []byte {
	return icn.AppendBool(icn.AppendUint(icn.AppendDID(icn.AppendArray(b, 3), k.Key), k.Since), k.Given)
}

func readKey(r *icn.Reader) Key {
	r.Tuple(3)
	return Key{Key: r.DID(), Since: r.Uint(), Given: r.Bool()}
}

func appendOwner(b []byte, d icn.DID) []byte { return icn.AppendDID(b, d) }

func readOwner(r *icn.Reader) icn.DID { return r.DID() }

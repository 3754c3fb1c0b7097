package node

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// rotated sees to what follows from an identity's new key.
func (l *Loop) rotated(b icn.KeyRotated) {
	l.work.verified = seen{} // what was verified with the old key counts no more
	if b.Who == l.me {
		l.superseded()
	}
}

// superseded tells the shell when this node signs with a key that was replaced.
func (l *Loop) superseded() {
	owner, current := l.m.OwnerOf(l.cfg.Signer.Public())
	if owner != l.me || current || l.cfg.Rotated == nil {
		return
	}
	l.alarm("key", "this node's key was replaced; it goes on with the new one after a restart")
	l.cfg.Rotated(l.m.KeyOf(l.me))
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

// Rotations are the statements by which these identities got other keys, in the
// order of the log.
func (h History) Rotations(of ...icn.DID) ([][]byte, error) { return rotations(h.store, of) }

func rotations(st store.Store, of []icn.DID) (out [][]byte, err error) {
	wanted := map[icn.DID]bool{}
	for _, d := range of {
		wanted[d] = true
	}
	var at []uint64
	var bad error
	err = st.Scan(store.Prefix([]byte(keyByType+icn.KeyRotated{}.EventType()+"/")), func(k, _ []byte) bool {
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
		if wanted[ev.Body.Who] && (len(at) == 0 || at[len(at)-1] != index) {
			at = append(at, index)
		}
		return true
	})
	if err = errors.Join(err, bad); err != nil {
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

package dag

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/store"
)

// keyStock names this stock of blocks; its arrival numbers mean nothing elsewhere.
const keyStock = "d/stock"

// Stock is the name under which this store's arrival numbers count. It is made
// when first asked for.
func (d *DAG) Stock() (string, error) {
	v, err := d.st.Get([]byte(keyStock))
	if err == nil {
		return fmt.Sprintf("%x", v), nil
	}
	if !errors.Is(err, icn.ErrNotFound) {
		return "", fmt.Errorf("blocks: %w", err)
	}
	v = make([]byte, 16)
	if _, err := rand.Read(v); err != nil {
		return "", err
	}
	b := &store.Batch{}
	b.Put([]byte(keyStock), v)
	return fmt.Sprintf("%x", v), d.st.Apply(b)
}

// Sync brings everything that was put to the disk.
func (d *DAG) Sync() error {
	name, err := d.Stock()
	if err != nil {
		return err
	}
	v, err := hex.DecodeString(name)
	if err != nil {
		return err
	}
	b := &store.Batch{} // a durable one, before which all others are
	b.Put([]byte(keyStock), v)
	return d.st.Apply(b)
}

// Arrived is the number of the last block that was put: it and all before it are
// in the store.
func (d *DAG) Arrived() uint64 {
	d.gate.Lock() // whoever has a number and is still writing is waited for
	defer d.gate.Unlock()
	return d.arrival.Load()
}

// ArrivedBefore is the number of the last block that was put before a moment.
func (d *DAG) ArrivedBefore(t time.Time) (last uint64, err error) {
	var bad error
	r := store.Prefix([]byte(keyArrival))
	r.Reverse = true
	err = d.st.Scan(r, func(k, v []byte) bool {
		n := binary.BigEndian.Uint64(k[len(keyArrival):])
		x, err := d.stored(v)
		if errors.Is(err, icn.ErrNotFound) {
			return true // pruned
		}
		if err != nil {
			bad = err
			return false
		}
		if x.Put.Before(t) {
			last = n
			return false
		}
		return true
	})
	return last, errors.Join(err, bad)
}

// Stored is a block with what is noted beside it. Its content was not checked.
type Stored struct {
	icn.Block
	Arrival uint64
	Put     time.Time
}

func (d *DAG) stored(cid []byte) (Stored, error) {
	c, err := icn.CastCID(append([]byte(nil), cid...))
	if err != nil {
		return Stored{}, fmt.Errorf("block index: %w: %v", icn.ErrCorrupt, err)
	}
	v, err := d.st.Get(blockKey(c))
	if err != nil {
		return Stored{}, fmt.Errorf("block %s: %w", c, err)
	}
	return storedOf(c, v)
}

func storedOf(c icn.CID, v []byte) (Stored, error) {
	if len(v) < headBytes {
		return Stored{}, fmt.Errorf("block %s: %w: stored value of %d bytes", c, icn.ErrCorrupt, len(v))
	}
	return Stored{Block: icn.Block{CID: c, Data: v[headBytes:]}, Arrival: binary.BigEndian.Uint64(v), Put: time.UnixMilli(int64(binary.BigEndian.Uint64(v[8:])))}, nil
}

// Each calls f for every stored block, in the order of their names; the content is
// only valid during the call.
func (d *DAG) Each(f func(Stored) error) error {
	var bad error
	err := d.st.Scan(store.Prefix([]byte(keyBlock)), func(k, v []byte) bool {
		var c icn.CID
		var s Stored
		if c, bad = icn.CastCID(append([]byte(nil), k[len(keyBlock):]...)); bad != nil {
			bad = fmt.Errorf("block key %x: %w: %v", k, icn.ErrCorrupt, bad)
			return false
		}
		if s, bad = storedOf(c, v); bad == nil {
			bad = f(s)
		}
		return bad == nil
	})
	return errors.Join(err, bad)
}

// Since calls f for every block that arrived after a number and is still there, in
// that order.
func (d *DAG) Since(arrival uint64, f func(Stored) error) error {
	var bad error
	r := store.Prefix([]byte(keyArrival))
	r.From = arrivalKey(arrival + 1)
	err := d.st.Scan(r, func(k, v []byte) bool {
		var s Stored
		s, bad = d.stored(v)
		if errors.Is(bad, icn.ErrNotFound) { // pruned in the meantime
			bad = nil
			return true
		}
		if bad == nil && s.Arrival == binary.BigEndian.Uint64(k[len(keyArrival):]) { // else it came again later
			bad = f(s)
		}
		return bad == nil
	})
	return errors.Join(err, bad)
}

// PutVerified stores blocks whose content was checked, without waiting for the
// disk: they are durable with the next durable batch of the store.
func (d *DAG) PutVerified(blocks []icn.Block) error { return d.write(blocks, true) }

// RawPin is a pin and when it ends; 0 is never.
type RawPin struct {
	CID     icn.CID `json:"cid"`
	UntilMS int64   `json:"until_ms,omitempty"`
}

// RawPins lists all pins, ended ones too.
func (d *DAG) RawPins() (out []RawPin, err error) {
	out = []RawPin{}
	var bad error
	err = d.st.Scan(store.Prefix([]byte(keyPin)), func(k, v []byte) bool {
		c, err := icn.CastCID(append([]byte(nil), k[len(keyPin):]...))
		if err != nil || len(v) != 8 {
			bad = fmt.Errorf("pin %x: %w", k, icn.ErrCorrupt)
			return false
		}
		out = append(out, RawPin{c, int64(binary.BigEndian.Uint64(v))})
		return true
	})
	return out, errors.Join(err, bad)
}

// PutPins sets pins without looking at what they keep.
func (d *DAG) PutPins(pins []RawPin) error {
	b := &store.Batch{Relaxed: true}
	for _, p := range pins {
		b.Put(pinKey(p.CID), binary.BigEndian.AppendUint64(nil, uint64(p.UntilMS)))
	}
	return d.st.Apply(b)
}

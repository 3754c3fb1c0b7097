// Package door lets calls into a store until it is closed, and closing wait for
// those that are inside.
//
// The invariant: after Shut has returned nobody is inside, and nobody comes in.
//
//	if err := d.Enter("get"); err != nil {
//		return err
//	}
//	defer d.Leave()
package door

import (
	"fmt"
	"sync"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Door is open to begin with.
type Door struct {
	Name string // of the store, for messages

	mu     sync.RWMutex
	shut   bool
	inside sync.WaitGroup
}

// Enter lets a call in; it must Leave.
func (d *Door) Enter(doing string) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.shut {
		return fmt.Errorf("store %s: %s: %w: the store is closed", d.Name, doing, icn.ErrUnavailable)
	}
	d.inside.Add(1)
	return nil
}

// Leave ends a call.
func (d *Door) Leave() { d.inside.Done() }

// Shut lets nobody in any more and waits for those inside. It says whether it was
// the first to do so.
func (d *Door) Shut() bool {
	d.mu.Lock()
	first := !d.shut
	d.shut = true
	d.mu.Unlock()
	d.inside.Wait()
	return first
}

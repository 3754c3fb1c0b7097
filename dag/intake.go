package dag

import (
	"context"
	"fmt"
	"sync"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// What one intake holds: the larger the batches, the less an engine sorts again
// later; a few of them are under way.
const (
	intakeBytes = 8 << 20
	underWay    = 2
)

// intake stores many blocks as they come: they are checked and written
// beside the reading, and are durable when it has ended. It holds a bounded
// number at a time.
type intake struct {
	ctx   context.Context
	d     *DAG
	held  []icn.Block
	bytes int
	room  chan struct{}
	work  sync.WaitGroup

	mu  sync.Mutex
	err error
}

func (d *DAG) intake(ctx context.Context) *intake {
	return &intake{ctx: ctx, d: d, room: make(chan struct{}, underWay)}
}

// add takes a block, whose content must not be changed any more.
func (in *intake) add(b icn.Block) error {
	in.held = append(in.held, b)
	in.bytes += len(b.Data)
	if in.bytes < intakeBytes {
		return nil
	}
	in.hand()
	return in.failure()
}

// hand lets what is held be stored.
func (in *intake) hand() {
	blocks := in.held
	in.held, in.bytes = make([]icn.Block, 0, len(blocks)), 0
	in.room <- struct{}{}
	in.work.Go(func() {
		defer func() { <-in.room }()
		if err := verifyAll(blocks); err != nil {
			in.fail(fmt.Errorf("%w: %v", icn.ErrInvalid, err)) // nothing here is corrupt: it came so
			return
		}
		if err := in.d.PutVerified(blocks); err != nil {
			in.fail(err)
		}
	})
}

func (in *intake) fail(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err == nil {
		in.err = err
	}
}

func (in *intake) failure() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err == nil {
		return in.ctx.Err()
	}
	return in.err
}

// end waits until all of it is durable. After an error of the reading, which is
// handed in, it waits for what is under way only.
func (in *intake) end(err error) error {
	if err == nil && len(in.held) > 0 {
		in.hand()
	}
	in.work.Wait()
	if err == nil {
		err = in.failure()
	}
	if err != nil {
		return err
	}
	return in.d.Sync()
}

func verifyAll(blocks []icn.Block) error {
	for _, b := range blocks {
		if err := b.Verify(); err != nil {
			return fmt.Errorf("put: %w", err)
		}
	}
	return nil
}

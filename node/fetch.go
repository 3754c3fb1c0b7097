package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
)

const (
	outputFetch = 30 * time.Second
	outputKept  = 30 * 24 * time.Hour
	// fetchAtOnce is how many peers are asked for a block at a time.
	fetchAtOnce = 3
)

// Fetch asks the linked peers for a block, nearest first, a few at a time. The
// block store verifies what comes.
func (n *Node) Fetch(ctx context.Context, c icn.CID) ([]byte, error) {
	peers := n.reachable()
	if len(peers) == 0 {
		return nil, fmt.Errorf("block %s: %w: not here, and no peer to ask", c, icn.ErrNotFound)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type reply struct {
		data []byte
		err  error
	}
	replies := make(chan reply, len(peers))
	next := 0
	ask := func() {
		d := peers[next]
		next++
		go func() {
			data, err := n.cfg.Network.Call(ctx, d, Block, c.Bytes())
			if err == nil {
				err = icn.Block{CID: c, Data: data}.Verify()
			}
			replies <- reply{data, err}
		}()
	}
	for next < min(fetchAtOnce, len(peers)) {
		ask()
	}
	var errs []error
	for range peers {
		select {
		case r := <-replies:
			if r.err == nil {
				return r.data, nil
			}
			errs = append(errs, r.err)
			if next < len(peers) {
				ask()
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("block %s: %w: %v", c, icn.ErrUnavailable, ctx.Err())
		}
	}
	for _, err := range errs {
		if !errors.Is(err, icn.ErrNotFound) {
			return nil, fmt.Errorf("block %s: %w: no peer could send it: %w", c, icn.ErrUnavailable, errors.Join(errs...))
		}
	}
	return nil, fmt.Errorf("block %s: %w: neither here nor at %d peers", c, icn.ErrNotFound, len(peers))
}

// reachable lists the federation's linked nodes, nearest first.
func (n *Node) reachable() []icn.DID {
	l := n.loop.Load()
	if l == nil || n.cfg.Network == nil || n.cfg.Directory == nil {
		return nil
	}
	var out []icn.DID
	for _, k := range sortedLinks(n.cfg.Directory.Links()) {
		if k.Connected && n.Admitted(k.DID) {
			out = append(out, k.DID)
		}
	}
	return out
}

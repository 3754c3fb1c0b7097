package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Two processes with one node's key (a copied disk, a machine that was cloned)
// would contradict each other. Each process tells its peers a number of its own on
// a new link; a peer that knows another number for this node asks whoever it has a
// link to, and when the other one still answers, refuses the newcomer, which ends.

// The requests of kind Live.
const (
	askTaken = 1 // is anybody else this node? with the process's number
	askWho   = 2 // which process are you?
)

// twins are the processes that peers were last seen to be.
type twins struct {
	me    [16]byte // this process's number
	mu    sync.Mutex
	known map[icn.DID][]byte
}

func newTwins() *twins {
	t := &twins{known: map[icn.DID][]byte{}}
	_, _ = rand.Read(t.me[:]) // it never fails
	return t
}

const twinTime = 5 * time.Second

// ErrTwin says that another process runs with this node's key.
var ErrTwin = fmt.Errorf("%w: another process runs with this node's key", icn.ErrConflict)

// alone asks a peer whether it knows another process of this node.
func (n *Node) alone(ctx context.Context, peer icn.DID) {
	ctx, cancel := context.WithTimeout(ctx, 3*twinTime)
	defer cancel()
	_, err := n.cfg.Network.Call(ctx, peer, Live, append([]byte{askTaken}, n.twins.me[:]...))
	if errors.Is(err, icn.ErrConflict) {
		n.runs.fail(fmt.Errorf("node %s: %w: %s has a link to it; stop one of the two, and give each machine a key of its own", n.me, ErrTwin, peer))
		n.tell(func(*Loop) {}) // wakes the loop up to end
	}
}

// answerLive answers a request of kind Live.
func (n *Node) answerLive(ctx context.Context, from icn.DID, request []byte) ([]byte, error) {
	switch {
	case len(request) == 1 && request[0] == askWho:
		return n.twins.me[:], nil
	case len(request) == 17 && request[0] == askTaken:
		return nil, n.taken(ctx, from, request[1:])
	}
	if len(request) == 1+len(from) && request[0] == askWhere {
		return n.answerWhere(icn.DID(request[1:])), nil
	}
	if len(request) > 0 && request[0] == askProgress {
		return n.answerProgress(ctx, request[1:])
	}
	return nil, fmt.Errorf("request of %s: %w", from, icn.ErrInvalid)
}

func (n *Node) taken(ctx context.Context, from icn.DID, process []byte) error {
	n.twins.mu.Lock()
	known := n.twins.known[from]
	n.twins.mu.Unlock()
	if known != nil && !bytes.Equal(known, process) {
		ctx, cancel := context.WithTimeout(ctx, twinTime)
		defer cancel()
		who, err := n.cfg.Network.Call(ctx, from, Live, []byte{askWho})
		if err == nil && bytes.Equal(who, known) {
			n.cfg.Log.Warn("two processes run with one node's key; the second is refused", "node", from)
			return fmt.Errorf("node %s: %w", from, ErrTwin)
		}
	}
	n.twins.mu.Lock()
	n.twins.known[from] = bytes.Clone(process)
	n.twins.mu.Unlock()
	return nil
}

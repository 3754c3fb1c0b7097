package p2p

import (
	"context"
	"log/slog"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Handler is what a node does with what arrives. Its methods are called from
// many goroutines at once.
type Handler interface {
	// Admitted says whether this node may speak at all. It is asked for every
	// stream and connection: it must be quick and must not call the Host.
	Admitted(from icn.DID) bool
	// Live takes a one-way frame (of any kind, despite its name) and owns it.
	// Calls for one peer and kind come one after the other, in the order sent;
	// while one blocks, that stream is not read.
	Live(from icn.DID, kind Kind, frame []byte)
	// Serve answers a request. Its error reaches the caller as the icn
	// sentinel that it wraps, and its text; ctx ends when the caller is gone.
	Serve(ctx context.Context, from icn.DID, kind Kind, request []byte) ([]byte, error)
	// Knock answers a stranger, whose key is proven and whose claims are not.
	// addrs are where it says it can be reached, and where it came from.
	Knock(ctx context.Context, from icn.DID, addrs []string, request []byte) ([]byte, error)
}

// Config is what a Host is made from. Only Key is required.
type Config struct {
	// Key is the node's key: its DID and its peer id follow from it.
	Key Signer
	// Listen holds multiaddrs (TCP, or UDP with quic-v1); none: dial only.
	Listen []string
	// Announce holds the multiaddrs told to others, if not those listened on.
	Announce []string
	// MDNS looks for nodes on the local network and is found by them.
	MDNS bool
	// Relay lets this node reach others, and be reached, through nodes of the
	// federation that relay, where there is no direct way. RelayService makes it
	// such a node.
	Relay, RelayService bool
	// HolePunching (with Relay) has two nodes that are linked through a relay try
	// to get a direct connection by dialing each other at the same moment. QUIC
	// is tried before TCP then, as only its port is the same for both.
	HolePunching bool
	// AutoNAT has linked nodes try whether this one can be dialed, see
	// [Host.Reach], and tries it for them.
	AutoNAT bool
	// Capabilities are names of what this node can do beyond its protocol's
	// version; [Peer] has those that both sides share.
	Capabilities []string
	Limits       Limits
	// RetryInitial and RetryMax bound the jittered backoff between dials of
	// one peer: 100 ms and 10 s.
	RetryInitial, RetryMax time.Duration
	// RetryAttempts is how often a Call is tried when it is not answered (3), with
	// that backoff in between: requests only ask, so that asking again is harmless.
	RetryAttempts int
	// BreakerFailures calls to one peer that were not answered (3) make
	// further ones fail at once for BreakerOpen (5 s).
	BreakerFailures int
	BreakerOpen     time.Duration
	// DialTimeout bounds connecting and the handshake (10 s), CallTimeout a
	// Call whose context has no deadline, and the serving of one (60 s).
	DialTimeout, CallTimeout time.Duration
	// Heartbeat is how often a link is measured (5 s). One that is silent for
	// three of them is dead.
	Heartbeat time.Duration
	Log       *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Limits = c.Limits.withDefaults()
	orDuration(&c.RetryInitial, 100*time.Millisecond)
	orDuration(&c.RetryMax, 10*time.Second)
	orInt(&c.RetryAttempts, 3)
	orInt(&c.BreakerFailures, 3)
	orDuration(&c.BreakerOpen, 5*time.Second)
	orDuration(&c.DialTimeout, 10*time.Second)
	orDuration(&c.CallTimeout, 60*time.Second)
	orDuration(&c.Heartbeat, 5*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func orDuration(v *time.Duration, d time.Duration) {
	if *v <= 0 {
		*v = d
	}
}

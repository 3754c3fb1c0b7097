// Gossip is the peer that ./bench compares the order with: hosts of one process on
// loopback, each linked with every other, that tell each other bytes over gossipsub,
// which signs and checks each message as it comes. It is a module of its own, so that
// the nodes' module does not depend on it.
//
// It reads lines "latency SECONDS" and "throughput SECONDS", and answers each with a
// line of JSON.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
)

func main() {
	nodes := flag.Int("nodes", 10, "hosts")
	size := flag.Int("size", 220, "bytes of a message")
	flag.Parse()
	if err := run(*nodes, *size); err != nil {
		fmt.Fprintln(os.Stderr, "gossip:", err)
		os.Exit(1)
	}
}

// answer is what was measured.
type answer struct {
	P50, P99 float64 // microseconds from publishing until all others have it
	Rate     float64 // messages a second that all others have
	CPU      float64 // microseconds of all hosts for each
	Lost     int
}

func run(nodes, size int) error {
	s, err := newSwarm(nodes, size)
	if err != nil {
		return err
	}
	in := bufio.NewScanner(os.Stdin)
	fmt.Println("{}") // ready
	for in.Scan() {
		var what string
		var seconds float64
		if _, err := fmt.Sscan(in.Text(), &what, &seconds); err != nil {
			return err
		}
		each := time.Duration(seconds * float64(time.Second))
		window := 1
		if what == "throughput" {
			window = 256
		}
		a, err := s.measure(each, window)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
			return err
		}
	}
	return in.Err()
}

// swarm is some hosts that all follow one topic; the first publishes.
type swarm struct {
	topic *pubsub.Topic
	nodes int
	size  int
	next  uint64
	got   []atomic.Int32 // by the message's number, modulo
	whole chan uint64    // numbers of messages that all others have
}

const ring = 1 << 20

func newSwarm(nodes, size int) (*swarm, error) {
	ctx := context.Background()
	s := &swarm{nodes: nodes, size: size, got: make([]atomic.Int32, ring), whole: make(chan uint64, 1<<16)}
	var all []peer.AddrInfo
	for i := range nodes {
		h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.DisableRelay())
		if err != nil {
			return nil, err
		}
		g, err := pubsub.NewGossipSub(ctx, h, pubsub.WithFloodPublish(true), pubsub.WithPeerOutboundQueueSize(4096), pubsub.WithValidateQueueSize(4096))
		if err != nil {
			return nil, err
		}
		t, err := g.Join("bench")
		if err != nil {
			return nil, err
		}
		sub, err := t.Subscribe(pubsub.WithBufferSize(1 << 14))
		if err != nil {
			return nil, err
		}
		for _, p := range all {
			if err := h.Connect(ctx, p); err != nil {
				return nil, err
			}
		}
		all = append(all, peer.AddrInfo{ID: h.ID(), Addrs: h.Addrs()})
		if i == 0 {
			s.topic = t
		}
		go s.follow(ctx, sub, i > 0)
	}
	for len(s.topic.ListPeers()) < nodes-1 {
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(3 * time.Second) // the meshes form with heartbeats
	return s, nil
}

func (s *swarm) follow(ctx context.Context, sub *pubsub.Subscription, counts bool) {
	for {
		m, err := sub.Next(ctx)
		if err != nil {
			return
		}
		if n := binary.BigEndian.Uint64(m.Data); counts && int(s.got[n%ring].Add(1)) == s.nodes-1 {
			s.whole <- n
		}
	}
}

// measure keeps so many messages under way.
func (s *swarm) measure(each time.Duration, window int) (a answer, err error) {
	sent := map[uint64]time.Time{}
	var took []float64
	before, began := cpu(), time.Now()
	for time.Since(began) < each || len(sent) > 0 {
		for len(sent) < window && time.Since(began) < each {
			b := make([]byte, s.size)
			s.next++
			binary.BigEndian.PutUint64(b, s.next)
			binary.BigEndian.PutUint64(b[8:], s.next*0x9e3779b97f4a7c15)
			s.got[s.next%ring].Store(0)
			sent[s.next] = time.Now()
			if err := s.topic.Publish(context.Background(), b); err != nil {
				return a, err
			}
		}
		select {
		case n := <-s.whole:
			if at, ok := sent[n]; ok {
				took = append(took, float64(time.Since(at).Microseconds()))
				delete(sent, n)
			}
		case <-time.After(3 * time.Second): // what was dropped is not sent again by anybody
			a.Lost += len(sent)
			clear(sent)
		}
	}
	over := time.Since(began)
	if a.Lost > 0 {
		over -= 3 * time.Second
	}
	slices.Sort(took)
	if n := len(took); n > 0 {
		a.P50, a.P99, a.Rate, a.CPU = took[n/2], took[n*99/100], float64(n)/over.Seconds(), float64((cpu()-before).Microseconds())/float64(n)
	}
	return a, nil
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail with these arguments
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

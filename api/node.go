package api

import (
	"context"
	"fmt"
	"os"
	"runtime/metrics"
	"time"

	"github.com/multiformats/go-multibase"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// glance bounds how long a look at the node may take.
const glance = 3 * time.Second

func (s *Server) info(ctx context.Context, _ *none) (wire.Info, error) {
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	st, err := s.n.Status(ctx)
	if err != nil {
		return wire.Info{}, err
	}
	how := st.State
	if st.Role != "" {
		how += " as " + st.Role
	}
	return wire.Info{Version: st.Release, Name: st.Name, DID: st.DID, Network: st.Network, Federation: st.Federation,
		StatusMessage: fmt.Sprintf("Node DID: %s, Mana: %d, %s", st.DID, st.Balance, how)}, nil
}

func (s *Server) status(ctx context.Context, _ *none) (wire.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	st, err := s.n.Status(ctx)
	if err != nil {
		return wire.Status{}, err
	}
	out := wire.Status{Status: st, UptimeSeconds: uint64(st.Uptime.Seconds()), IsOnline: st.Leader != nil, CurrentBlockHeight: st.Height}
	for _, p := range st.Peers {
		if p.Linked {
			out.PeerCount++
		}
	}
	if s.cfg.Host != nil {
		out.Surroundings = s.cfg.Host.Surroundings()
	}
	return out, nil
}

func (s *Server) reload(ctx context.Context, _ *none) (wire.Reloaded, error) {
	if s.cfg.Host == nil {
		return wire.Reloaded{}, fmt.Errorf("reload: %w: this node has no configuration to read again", icn.ErrUnavailable)
	}
	return s.cfg.Host.Reload(ctx)
}

func (s *Server) debug(_ context.Context, _ *none) (wire.Insides, error) {
	if s.cfg.Host == nil {
		return wire.Insides{}, fmt.Errorf("debug: %w: nobody here knows this process", icn.ErrUnavailable)
	}
	return s.cfg.Host.Insides(), nil
}

func (s *Server) rotateKey(ctx context.Context, _ *none) (wire.Rotated, error) {
	if s.cfg.Host == nil {
		return wire.Rotated{}, fmt.Errorf("rotate key: %w: this node's key is in no file", icn.ErrUnavailable)
	}
	return s.cfg.Host.Rotate(ctx)
}

const unhealthy = "UNHEALTHY"

// health is bad when the node itself is broken. What only makes it wait, such as
// a lost quorum, makes it degraded: a restart would not help.
func (s *Server) health(ctx context.Context, _ *none) (wire.Health, error) {
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	h := wire.Health{Status: "OK", Timestamp: time.Now().Unix()}
	h.Checks, _ = summary(s.Checks(ctx))
	for _, v := range h.Checks { // order: any fault has the same effect
		if v != "ok" {
			h.Status = "DEGRADED"
		}
	}
	st, err := s.n.Status(ctx)
	if state := s.n.State(); err != nil || state == "stopped" || state == "stopping" {
		h.Status = unhealthy
	}
	up := uint64(st.Uptime.Seconds())
	h.UptimeSeconds = up
	h.Metrics = wire.HealthMetrics{UptimeSeconds: up, MemoryUsageBytes: memoryInUse(), ProcessID: os.Getpid(), PendingJobs: st.OpenJobs}
	for _, p := range st.Peers {
		if p.Linked {
			h.Metrics.ConnectedPeers++
		}
	}
	return h, nil
}

// memoryInUse is what the Go runtime has from the operating system and uses.
func memoryInUse() uint64 {
	m := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(m)
	return m[0].Value.Uint64() - m[1].Value.Uint64()
}

func (s *Server) ready(ctx context.Context, _ *none) (wire.Ready, error) {
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	r := wire.Ready{Timestamp: time.Now().Unix()}
	r.Checks, r.Ready = summary(s.Checks(ctx))
	return r, nil
}

func (s *Server) livez(context.Context, *none) (wire.Alive, error) {
	return wire.Alive{Alive: true}, nil
}

func (s *Server) keys(context.Context, *none) (wire.Keys, error) {
	me := s.n.Me()
	public := icn.DID(s.n.Signer().Public())
	text, err := multibase.Encode(multibase.Base58BTC, public[:])
	if err != nil {
		return wire.Keys{}, fmt.Errorf("key: %w", err)
	}
	return wire.Keys{DID: me, PublicKey: text[1:], PeerID: key.PeerID(public)}, nil
}

package main

import (
	"context"
	"fmt"
	"github.com/InterCooperative-Network/icn-core/icn"
	"path/filepath"
	"time"
)

// measureReplay fills a federation of one with signed entries of many authors, and
// lets a second node join: first it has the state, from a snapshot; then it has
// fetched, checked and folded the whole log from its first entry, over the way that
// every joining node goes.
func measureReplay(ctx context.Context, bin, dir string, entries int) error {
	old, err := start(ctx, bin, filepath.Join(dir, "old"), nil)
	if err != nil {
		return err
	}
	defer old.stop()
	who, err := authors(ctx, old.api, 64)
	if err != nil {
		return err
	}
	began := time.Now()
	b := &sayBench{who: who, p: old}
	for n := 0; n < entries; {
		p, _ := b.measure(64, 2*time.Second, 1, 0)
		if p.err != nil {
			return p.err
		}
		n += p.n
	}
	s, err := old.api.Status(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("replay: %d entries of %d authors were made in %v\n", s.Height, len(who), time.Since(began).Round(time.Millisecond))
	settle()
	cpu := cpuOf(old.cmd.Process.Pid)
	took, err := joins(ctx, bin, filepath.Join(dir, "young"), old, s.Height)
	if err != nil {
		return err
	}
	fmt.Printf("replay: a joining node has the state, from a snapshot, after %v; the whole log of %d entries, each fetched, verified and folded, its roots compared, after %v: %.0f entries/s; CPU of the joining node %v, of the other %v\n",
		took.state.Round(time.Millisecond), s.Height, took.whole.Round(time.Millisecond), float64(s.Height)/took.whole.Seconds(),
		took.cpu, cpuOf(old.cmd.Process.Pid)-cpu)
	return nil
}

// joined is what a joining node took: until it had the state, and the whole log.
type joined struct{ state, whole, cpu time.Duration }

// joins lets a node join, and waits until it has folded a log of this height.
func joins(ctx context.Context, bin, dir string, old *process, height uint64) (took joined, err error) {
	inv, err := old.api.FederationInvite(ctx, icn.RoleNode, time.Hour)
	if err != nil {
		return took, err
	}
	began := time.Now()
	young, err := start(ctx, bin, dir, []string{"--bootstrap-peers", old.p2p, "--join-code", inv.Code})
	if err != nil {
		return took, err
	}
	defer young.stop()
	var gap uint64
	for deadline := began.Add(2 * time.Minute); took.whole == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return took, fmt.Errorf("the log did not come in time: %d entries are missing", gap)
		}
		now, err := young.api.Status(ctx)
		if err != nil || now.Height < height {
			continue
		}
		if took.state == 0 {
			took.state = time.Since(began)
		}
		gap = max(gap, now.Behind)
		if now.Behind == 0 {
			took.whole = time.Since(began)
		}
	}
	took.cpu = cpuOf(young.cmd.Process.Pid)
	return took, nil
}

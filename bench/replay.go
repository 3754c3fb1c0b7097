package main

import (
	"context"
	"fmt"
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
	inv, err := old.api.FederationInvite(ctx, time.Hour)
	if err != nil {
		return err
	}
	settle()
	cpu, began := cpuOf(old.cmd.Process.Pid), time.Now()
	young, err := start(ctx, bin, filepath.Join(dir, "young"), []string{"--bootstrap-peers", old.p2p, "--join-code", inv.Code})
	if err != nil {
		return err
	}
	defer young.stop()
	var state, whole time.Duration
	var gap uint64
	for deadline := began.Add(2 * time.Minute); whole == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("the log did not come in time: %d entries are missing", gap)
		}
		now, err := young.api.Status(ctx)
		if err != nil || now.Height < s.Height {
			continue
		}
		if state == 0 {
			state = time.Since(began)
		}
		gap = max(gap, now.Behind)
		if now.Behind == 0 {
			whole = time.Since(began)
		}
	}
	fmt.Printf("replay: a joining node has the state, from a snapshot, after %v; the whole log of %d entries, each fetched, verified and folded, its roots compared, after %v: %.0f entries/s; CPU of the joining node %v, of the other %v\n",
		state.Round(time.Millisecond), s.Height, whole.Round(time.Millisecond), float64(s.Height)/(whole).Seconds(),
		cpuOf(young.cmd.Process.Pid), cpuOf(old.cmd.Process.Pid)-cpu)
	return nil
}

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/node"
)

// measureFailover kills the leader of three nodes again and again, and takes the
// time until a statement said to another one is ordered, durable and folded there.
func measureFailover(ctx context.Context, bin, dir string, kills int) error {
	f, err := federation(ctx, federationOptions{bin: bin, dir: dir, nodes: 3})
	if err != nil {
		return err
	}
	defer f.stop()
	who, err := authors(ctx, f.procs[0].api, 1)
	if err != nil {
		return err
	}
	var took []time.Duration
	for range kills {
		i, err := f.leader(ctx)
		if err != nil {
			return err
		}
		if err := f.procs[i].kill(); err != nil {
			return err
		}
		began := time.Now()
		said, err := f.procs[(i+1)%3].api.StatementSay(ctx, who[0].say(spending(1)...))
		for ; err == nil && said.State == "waiting" && time.Since(began) < time.Minute; time.Sleep(time.Millisecond) {
			var s node.AccountView
			if s, err = f.procs[(i+1)%3].api.AccountMana(ctx, who[0].pair.DID(), ""); s.Next > who[0].number {
				break
			}
		}
		if err != nil {
			return err
		}
		took = append(took, time.Since(began))
		where, _, _ := strings.Cut(f.procs[i].p2p, "/p2p/") // as after a power cut, it is where it was
		p, err := start(ctx, bin, filepath.Join(dir, fmt.Sprint(i)), []string{listenFlag, where})
		if err != nil {
			return err
		}
		f.procs[i] = p
		if err := f.together(ctx); err != nil {
			return err
		}
	}
	slices.Sort(took)
	at := func(q float64) time.Duration { return took[int(q*float64(len(took)-1))].Round(time.Millisecond) }
	fmt.Printf("kill -9 of the leader of three until another node has ordered a statement: p50 %v, p90 %v, max %v (min %v, %d kills)\n", at(.5), at(.9), at(1), at(0), len(took))
	return nil
}

// leader is the place of the node that all take for the leader.
func (f *nodes) leader(ctx context.Context) (int, error) {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for i, p := range f.procs {
			if s, err := p.api.Status(ctx); err == nil && s.Role == "leader" {
				return i, nil
			}
		}
	}
	return 0, fmt.Errorf("nobody leads")
}

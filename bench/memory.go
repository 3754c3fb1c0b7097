package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/InterCooperative-Network/icn-core/examples"
)

// measureMemory takes the memory of nodes before and after many jobs.
func measureMemory(ctx context.Context, bin, dir string, jobs int) error {
	for _, n := range []int{1, 3} {
		if err := memoryOf(ctx, federationOptions{bin: bin, dir: filepath.Join(dir, fmt.Sprint(n)), nodes: n}, jobs); err != nil {
			return err
		}
	}
	return nil
}

func memoryOf(ctx context.Context, o federationOptions, jobs int) error {
	f, err := federation(ctx, o)
	if err != nil {
		return err
	}
	defer f.stop()
	j, err := f.job(ctx, examples.Tiny())
	if err != nil {
		return err
	}
	for range 10 {
		if _, err := j.run(ctx, f.procs[0].api); err != nil {
			return err
		}
	}
	before, _, err := f.memory()
	if err != nil {
		return err
	}
	var left atomic.Int64
	left.Store(int64(jobs))
	r := load(8, 5*time.Minute, func(w int) error {
		if left.Add(-1) < 0 {
			return errEnough
		}
		_, err := j.run(ctx, f.procs[w%len(f.procs)].api)
		return err
	})
	if r.err != errEnough {
		return r.err
	}
	after, own, err := f.memory()
	if err != nil {
		return err
	}
	fmt.Printf("memory of a node of %d after %d jobs, p2p on: %.0f MB resident, %.0f MB of it its own; %.0f MB before (the largest of the nodes)\n",
		o.nodes, jobs, float64(after)/1e6, float64(own)/1e6, float64(before)/1e6)
	return nil
}

var errEnough = fmt.Errorf("enough")

// memory is the most that one of the nodes has: resident, and of that without the
// pages that belong to files.
func (f *nodes) memory() (resident, own uint64, err error) {
	for _, p := range f.procs {
		r, err := p.rss()
		if err != nil {
			return 0, 0, err
		}
		if r > resident {
			resident, own = r, ownOf(p.cmd.Process.Pid)
		}
	}
	return resident, own, nil
}
